"""What designs of a box have in common, and whether the array's sides are all that differs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dse.architecture.hierarchy import FanOut
from dse.explore.designs.design import Batched, BatchEvaluator, NetworkEvaluator, architecture_of

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture


def area_of(design: Any) -> float:
    """Its area in mm2."""
    return float(architecture_of(design).area_mm2)


def with_sides(design: Any, rows: int, cols: int) -> Any:
    """A design with one array of other sides, all else as it is."""
    architecture = architecture_of(design)
    hierarchy = tuple(replace(x, rows=rows, cols=cols) if isinstance(x, FanOut) else x for x in architecture.hierarchy)
    other = architecture.with_(hierarchy=hierarchy)
    return replace(design, architecture=other) if isinstance(design, Batched) else other


def differ_in_sides(architectures: list[Architecture]) -> bool:
    """Whether designs of one array differ in its sides and in nothing that would follow from them."""
    first = architectures[0]
    if len(first.fan_outs) != 1:
        return False
    return all(with_sides(first, one.fan_outs[0].rows, one.fan_outs[0].cols) == one for one in architectures)


def has_folds(architecture: Architecture) -> bool:
    """Whether some array is systolic, so that its sides decide what folds take."""
    return any(array.skew or array.load or array.drain for array in architecture.fan_outs)


def mapped_by(
    designs: list[Any], evaluator: NetworkEvaluator | BatchEvaluator
) -> tuple[list[Architecture], NetworkEvaluator, int]:
    """The architectures of some designs of one batch size, what evaluates them, and by how many images they count."""
    if isinstance(evaluator, NetworkEvaluator):
        return designs, evaluator, 1
    batched: list[Batched] = designs
    batch = batched[0].batch
    return [design.architecture for design in batched], evaluator.by_batch[batch], batch
