"""The mappings of a nest whose loops and their order are fixed: all their factors are walked, nothing is searched.

This is how published studies fix a dataflow: they give the loops of every level and of the array, and only the tile
sizes are free. There are few such mappings, so the best is found by pricing all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError, MappingError
from dse.model.cost import evaluate
from dse.model.mapping import Loop, Spatial, Temporal
from dse.model.mapping import Mapping as LoopNest
from dse.problem.dims import DIMS

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.model.cost import Cost
    from dse.problem.layer import Layer

Nest = Mapping[str, tuple[str, ...]]
"""Level or fan-out to the dims of its loops, outermost first."""


def best_of_nest(architecture: Architecture, layer: Layer, nest: Nest) -> Cost:
    """The cost of the mapping of a nest that takes the least energy.

    The mappings that fill the fan-outs are walked; all of them only when no full one fits the levels.

    Raises
    ------
    InfeasibleError
        When no mapping fits.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("line", K=2, P=4, R=3)
    >>> best = best_of_nest(chip, layer, {"DRAM": ("K", "P"), "array": ("P",), "PE": ("R",)})
    >>> best.energy_pj >= dse.map_layer(chip, layer, "energy").cost.energy_pj
    True
    """
    for fullest in (True, False):
        best: Cost | None = None
        for mapping in nest_mappings(architecture, layer, nest, fullest=fullest):
            try:
                cost = evaluate(architecture, layer, mapping)
            except MappingError:
                continue
            if best is None or cost.energy_pj < best.energy_pj:
                best = cost
        if best is not None:
            return best
    raise InfeasibleError(f"layer {layer.name}: no mapping of the nest fits {architecture.name}")


def nest_mappings(architecture: Architecture, layer: Layer, nest: Nest, *, fullest: bool = True) -> Iterator[LoopNest]:
    """Every mapping of a nest whose factors are tight and, if `fullest`, leave no room on a fan-out for a larger one.

    A dim that stands at several places is split over them in every way; at one place it is whole.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("line", K=2, P=4, R=3)
    >>> nest = {"DRAM": ("K", "P"), "array": ("P",), "PE": ("R",)}
    >>> [str(mapping) for mapping in nest_mappings(chip, layer, nest)]
    ['Mapping(DRAM K2 | GLB | array P4 x - | PE R3)']
    >>> len(list(nest_mappings(chip, layer, nest, fullest=False)))
    3
    """
    places = {d: [name for name in (x.name for x in architecture.hierarchy) if d in nest.get(name, ())] for d in DIMS}
    rooms = {fan_out.name: fan_out.rows for fan_out in architecture.fan_outs}
    options = [_splits(bound, len(places[d])) for d, bound in zip(DIMS, layer.bounds, strict=True)]
    for split in product(*options):
        if not _fits(places, split, rooms) or (fullest and _has_room(places, split, options, rooms)):
            continue
        factors = {
            (name, d): f for d, parts in zip(DIMS, split, strict=True) for name, f in zip(places[d], parts, strict=True)
        }
        nodes: list[Temporal | Spatial] = []
        for node in architecture.hierarchy:
            loops = tuple(Loop(d, factors[node.name, d]) for d in nest.get(node.name, ()) if factors[node.name, d] > 1)
            if node.name in rooms:
                nodes.append(Spatial(node.name, loops, ()))
            else:
                nodes.append(Temporal(node.name, loops, architecture.level(node.name).stores))
        yield LoopNest(tuple(nodes))


def _splits(bound: int, places: int) -> list[tuple[int, ...]]:
    """Tight factors, outermost first."""
    if places < 2:
        return [(bound,) * places] if places or bound == 1 else []
    trips = sorted({-(-bound // inner) for inner in range(1, bound + 1)})
    return [(outer, *rest) for outer in trips for rest in _splits(-(-bound // outer), places - 1)]


def _used(places: Mapping[str, list[str]], split: tuple[tuple[int, ...], ...], rooms: Mapping[str, int]) -> int:
    used = 1
    for d, parts in zip(DIMS, split, strict=True):
        for name, factor in zip(places[d], parts, strict=True):
            used *= factor if name in rooms else 1
    return used


def _fits(places: Mapping[str, list[str]], split: tuple[tuple[int, ...], ...], rooms: Mapping[str, int]) -> bool:
    return all(_used(places, split, {room: size}) <= size for room, size in rooms.items())


def _has_room(places: Mapping[str, list[str]], split: Any, options: list[Any], rooms: Mapping[str, int]) -> bool:
    """Whether one dim alone can take more of a fan-out."""
    for i, d in enumerate(DIMS):
        if len(split[i]) < 2 or not any(name in rooms for name in places[d]):
            continue
        at = next(k for k, name in enumerate(places[d]) if name in rooms)
        larger = [other for other in options[i] if other[at] > split[i][at]]
        if larger:
            grown = min(larger, key=lambda other: other[at])
            if _fits(places, (*split[:i], grown, *split[i + 1 :]), rooms):
                return True
    return False
