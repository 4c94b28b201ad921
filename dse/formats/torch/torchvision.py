"""Models of torchvision by name, built without weights on the meta device."""

from __future__ import annotations

from typing import Any

from dse.errors import DseError
from dse.formats.graph.workload import Extracted
from dse.formats.text.located import did_you_mean
from dse.formats.torch.model import extract_torch
from dse.problem.shapes import MAX_BOUND, Shape, spelled

_DECLARED = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_SIDE = 224


def extract_torchvision(
    model: str, *, name: str | None = None, shape: Shape | None = None, allow_unresolved: bool = False
) -> Extracted:
    """The workload of a torchvision model.

    Parameters
    ----------
    model : str
        As `torchvision.models.get_model` knows it.
    name : str, optional
        Of the workload; by default the model's.
    shape : tuple of int, optional
        Of the input, batch included; by default one image of the size that the model was trained for.
    allow_unresolved : bool
        Leave out operations that cannot be resolved, and record them.

    Raises
    ------
    DseError
        torchvision is not installed, has no such model, or the model cannot be traced.
    """
    torchvision = _torchvision()
    import torch

    names = torchvision.models.list_models()
    if model not in names:
        raise DseError(f"torchvision has no model {model!r}", hint=did_you_mean(model, names))
    sides = shape or (1, 3, *_trained_on(torchvision, model))
    if not all(1 <= side <= MAX_BOUND for side in sides):
        raise DseError(f"--shape {spelled(sides)}: sides are from 1 to {MAX_BOUND}")
    with torch.device("meta"):
        try:
            module = _built(torchvision, model)
        except Exception as error:  # its own code, which may raise anything
            raise DseError(f"torchvision cannot build {model}: {error}") from None
        image = torch.empty(sides)
    described = f"torchvision {model} at {spelled(sides)}"
    return extract_torch(
        module, (image,), name=name or model, description=described, allow_unresolved=allow_unresolved
    )


def _built(torchvision: Any, model: str) -> Any:
    """A model without weights."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torchvision.models.get_model(model, weights=None)


def _trained_on(torchvision: Any, model: str) -> tuple[int, int]:
    """Height and width that the published weights were trained on."""
    weights = torchvision.models.get_model_weights(model)
    best = getattr(weights, "DEFAULT", None) or next(iter(weights), None)
    keywords = getattr(getattr(best, "transforms", None), "keywords", {})
    side = keywords.get("crop_size") or keywords.get("resize_size") or _SIDE
    sides = tuple(side) if isinstance(side, list | tuple) else (side,)
    return (int(sides[0]), int(sides[-1]))


def _torchvision() -> Any:
    try:
        import torch
    except ImportError:
        raise DseError(
            "torchvision models need the packages torch and torchvision", hint="pip install torch torchvision"
        ) from None
    try:
        import torchvision
    except ImportError:
        raise DseError("torchvision is not installed", hint="pip install torchvision") from None
    except RuntimeError:
        # Its compiled part was built for another torch. The graphs need none of it, but its Python part describes
        # two operations of it: with their signatures declared, it loads.
        library = torch.library.Library("torchvision", "DEF")
        _KEPT.append(library)
        for operation in ("nms", "qnms"):
            library.define(operation + _DECLARED)
        try:
            import torchvision
        except (ImportError, RuntimeError) as error:
            first = str(error).splitlines()[0]
            raise DseError(
                f"torchvision does not load: {first}",
                hint=f"install the torchvision that was built for torch {torch.__version__}",
            ) from None
    return torchvision


_KEPT: list[Any] = []
"""Declared libraries: a declaration ends when its object does."""
