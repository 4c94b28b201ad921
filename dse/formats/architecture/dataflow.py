"""Dataflows from YAML: the built-in ones, users' files, and constraints written straight into a spec."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dse.architecture.dataflow import Dataflow
from dse.errors import SpecError
from dse.formats.text.source import DataPath, Source, SpecModel, did_you_mean, load_source, validate
from dse.problem.dims import DIMS

Dim = Literal["G", "N", "K", "C", "P", "Q", "R", "S"]

_BUILT_IN = Path(__file__).resolve().parents[2] / "architecture" / "dataflows.yaml"


def _all_dims(value: Any) -> Any:
    return list(DIMS) if value == "any" else value


Dims = Annotated[
    list[Dim],
    BeforeValidator(_all_dims, json_schema_input_type=Literal["any"] | list[Dim]),
]
"""A list of dims, or `any` for all of them."""

ANY_DIM = list[Dim](DIMS)  # type: ignore[arg-type]


class ImageModel(SpecModel):
    """What is unrolled over the rows for layers of few channels, as those that read an image."""

    channels: Annotated[int, Field(ge=1, le=64, strict=True)] = Field(description="that such a layer has at most")
    rows: Dims = Field(description="dims that may be unrolled over the rows in such a layer")


class PixelModel(SpecModel):
    """What is unrolled over the array for layers of one output pixel (P = Q = 1), as fully connected ones."""

    rows: Dims = Field(description="dims that may be unrolled over the rows in such a layer")
    cols: Dims = Field(description="dims that may be unrolled over the columns in such a layer")


class DataflowModel(SpecModel):
    """A set of constraints on a mapping, as a YAML file states it; see `dse.architecture.dataflow.Dataflow`."""

    description: str = Field(default="", description="for people")
    rows: Dims = Field(default=ANY_DIM, description="dims that may be unrolled over the rows of the array")
    cols: Dims = Field(default=ANY_DIM, description="dims that may be unrolled over its columns")
    rows_whole: Dims = Field(
        default=[], description="dims that must be unrolled over the rows, in as few folds as possible"
    )
    cols_whole: Dims = Field(
        default=[], description="dims that must be unrolled over the columns, in as few folds as possible"
    )
    inside: Dims = Field(default=ANY_DIM, description="dims that may be tiled inside a PE")
    inside_whole: Dims = Field(default=[], description="dims that lie whole inside a PE")
    stationary: Literal["ifmap", "weight", "psum"] | None = Field(
        default=None, description="operand that stays in the PE while the loop list right above the array steps"
    )
    innermost: Dim | None = Field(default=None, description="innermost dim of that list")
    image: ImageModel | None = Field(default=None, description="other rows for layers without groups of few channels")
    pixel: PixelModel | None = Field(default=None, description="other rows and columns for layers of one output pixel")


class InlineDataflowModel(DataflowModel):
    """The same inside an architecture, with its name."""

    name: str = Field(default="custom", description="what results call it")


@cache
def built_in_dataflows() -> Mapping[str, Dataflow]:
    """The dataflows that specs may use by name.

    Examples
    --------
    >>> sorted(built_in_dataflows()["weight-stationary"].rows)
    ['C', 'G', 'R', 'S']
    """
    return load_dataflows(_BUILT_IN)


def described_dataflows() -> dict[str, str]:
    """The same dataflows by name, with what each does in words.

    Examples
    --------
    >>> described_dataflows()["flexible"]
    'No constraint; every dim may be unrolled anywhere and tiled anywhere.'
    """
    data: Any = load_source(_BUILT_IN).data
    return {name: str(flow["description"]) for name, flow in data.items()}


def load_dataflows(path: str | Path) -> dict[str, Dataflow]:
    """Read a file that maps names to dataflows.

    Raises
    ------
    SpecError
        With the place in the file.
    """
    source = load_source(path)
    if not isinstance(source.data, dict) or not source.data:
        raise source.error((), "a dataflow file maps names to dataflows", "e.g. my-flow: {rows: [C], cols: [K]}")
    return {str(name): read_dataflow(source, (name,), str(name)) for name in source.data}


def read_dataflow(source: Source, path: DataPath, name: str | None = None) -> Dataflow:
    """The dataflow whose constraints stand at a path of a spec.

    Parameters
    ----------
    source : Source
    path : tuple
        Of the mapping of constraints.
    name : str, optional
        Its name; without one the mapping may state it itself, under `name`.
    """
    model: DataflowModel = validate(DataflowModel if name else InlineDataflowModel, source, path)
    for whole, allowed in (("rows_whole", "rows"), ("cols_whole", "cols")):
        stray = [dim for dim in getattr(model, whole) if dim not in getattr(model, allowed)]
        if stray:
            raise source.error((*path, whole), f"{whole}: {stray[0]} is not among {allowed}", f"add it to {allowed}")
    for kind, side in (("image", "rows"), ("pixel", "rows"), ("pixel", "cols")):
        special, whole = getattr(model, kind), f"{side}_whole"
        stray = [dim for dim in getattr(model, whole) if special is not None and dim not in getattr(special, side)]
        if stray:
            text = f"{whole}: {stray[0]} is not among the {side} of {kind}"
            raise source.error((*path, whole), text, f"add it to {kind}.{side}")
    clash = [dim for dim in model.inside_whole if dim in {*model.rows_whole, *model.cols_whole}]
    if clash:
        raise source.error((*path, "inside_whole"), f"inside_whole: {clash[0]} must lie whole on the array as well")
    sets = {
        field: frozenset(getattr(model, field))
        for field in ("rows", "cols", "rows_whole", "cols_whole", "inside", "inside_whole")
    }
    return Dataflow(
        name=name or str(getattr(model, "name", "custom")),
        **sets,
        stationary=model.stationary,
        innermost=model.innermost,
        image_channels=0 if model.image is None else model.image.channels,
        image_rows=frozenset(model.image.rows if model.image else ()),
        pixel_rows=None if model.pixel is None else frozenset(model.pixel.rows),
        pixel_cols=None if model.pixel is None else frozenset(model.pixel.cols),
        description=" ".join(model.description.split()),
    )


def read_own_dataflows(source: Source, named: Iterable[str]) -> dict[str, Dataflow]:
    """The dataflows under `dataflows:` of a spec, by name.

    Raises
    ------
    SpecError
        With the place; also for the name of a built-in one.
    """
    for name in named:
        if name in built_in_dataflows():
            raise source.error(("dataflows", name), f"{name} is a built-in dataflow", "choose another name", key=True)
    return {name: read_dataflow(source, ("dataflows", name), name) for name in named}


def written_dataflow(dataflow: Dataflow) -> dict[str, Any]:
    """What `read_dataflow` reads: the inverse."""
    sets = ("rows", "cols", "rows_whole", "cols_whole", "inside", "inside_whole")
    found: dict[str, Any] = {name: in_order(getattr(dataflow, name)) for name in sets}
    others = {name: getattr(dataflow, name) for name in ("description", "stationary", "innermost")}
    if dataflow.image_channels:
        others["image"] = {"channels": dataflow.image_channels, "rows": in_order(dataflow.image_rows)}
    if dataflow.pixel_rows is not None:
        others["pixel"] = {"rows": in_order(dataflow.pixel_rows), "cols": in_order(dataflow.pixel_cols or ())}
    return {**found, **{name: value for name, value in others.items() if value}}


def in_order(dims: Container[str]) -> list[str]:
    """Some dims as files list them.

    Examples
    --------
    >>> in_order({"S", "K", "C"})
    ['K', 'C', 'S']
    """
    return [dim for dim in DIMS if dim in dims]


def find_dataflow(name: str, folder: Path | None = None) -> Dataflow:
    """A built-in dataflow by name, or one from a user's file.

    Parameters
    ----------
    name : str
        A built-in name; or a YAML file, `FILE#NAME` when it holds several dataflows.
    folder : Path, optional
        That a file is relative to.

    Raises
    ------
    SpecError
        Unknown, with the nearest name.
    """
    known = built_in_dataflows()
    if name in known:
        return known[name]
    file, _, chosen = name.partition("#")
    if not file.endswith((".yaml", ".yml")):
        hint = did_you_mean(name, known) or ""
        raise SpecError(f"unknown dataflow {name!r}", hint=f"{hint} (or a YAML file that states one)")
    found = load_dataflows((folder or Path()) / file)
    if chosen and chosen not in found:
        raise SpecError(f"{file} has no dataflow {chosen!r}", hint=did_you_mean(chosen, found))
    if not chosen and len(found) > 1:
        raise SpecError(f"{file} holds {len(found)} dataflows", hint=f"name one, e.g. {file}#{next(iter(found))}")
    return found[chosen] if chosen else next(iter(found.values()))
