"""Whether a mapping keeps the rules of its architecture's dataflow, for mappings that the mapper did not make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil, prod

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.errors import MappingError
from dse.mapper.shared.mapspace.places import Places
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, RELEVANT
from dse.problem.layer import Layer


def kept_or_marked(
    architecture: Architecture, layer: Layer, mapping: Mapping, any_mapping: bool
) -> tuple[str, ...]:  # fmt: skip
    """The rules that a mapping of a layer breaks, which must be none unless `any_mapping`.

    Raises
    ------
    MappingError
    """
    broken = broken_rules(architecture, architecture.lowered(layer), mapping)
    if broken and not any_mapping:
        what = f"the mapping of {layer.name} breaks rules of {architecture.dataflow.name}: {'; '.join(broken)}"
        raise MappingError(what, hint="any_mapping=True prices it all the same, and marks it")
    return broken


def broken_rules(architecture: Architecture, layer: Layer, mapping: Mapping) -> tuple[str, ...]:
    """What a mapping does that the dataflow or the wiring of a fan-out does not allow; nothing for one that they do.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
        As the architecture runs it: see `Architecture.lowered`.
    mapping : Mapping
        Must pass `mapping.check(architecture, layer)`.

    Returns
    -------
    tuple of str
        A sentence for each rule that is broken.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("rows", K=2, Q=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": [["Q", 3]]},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> broken_rules(chip, layer, mapping)
    ('Q is unrolled over the columns of array, which takes G, N, K, C, P there',)
    """
    architecture = mapping.machine(architecture)
    places = Places.of(architecture)
    return (
        *_wiring(architecture, mapping),
        *_inside(architecture, layer, mapping, places),
        *_array(architecture, layer, mapping, places),
        *_order(architecture, mapping, places),
    )


def _wiring(architecture: Architecture, mapping: Mapping) -> Iterator[str]:
    for node, place in zip(mapping.nodes, architecture.hierarchy, strict=True):
        if isinstance(node, Spatial) and isinstance(place, FanOut):
            for loop in node.loops:
                if loop.trips > 1 and loop.dim not in place.dims:
                    yield f"{loop.dim} is unrolled over {place.name}, whose wiring takes {_listed(place.dims)}"


def _inside(architecture: Architecture, layer: Layer, mapping: Mapping, places: Places) -> Iterator[str]:
    """What is tiled in a PE. Over a fan-out in there, what its wiring takes is unrolled, whatever the dataflow says."""
    flow, node = architecture.dataflow, places.pe_node
    if node < 0:
        return
    name, tile = architecture.hierarchy[node].whole, mapping.tile(layer, node)
    lists = [each.loops for each in mapping.nodes[node:] if isinstance(each, Temporal)]
    looped = {loop.dim for loops in lists for loop in loops if loop.trips > 1}
    for dim, bound in zip(DIMS, layer.bounds, strict=True):
        if dim in flow.inside_whole:
            if tile[dim] < bound:
                yield f"{name} has {tile[dim]} of {bound} along {dim}, which lies whole there"
        elif dim in looped and dim not in flow.inside:
            taken = _listed(flow.inside | flow.inside_whole) or "nothing"
            yield f"{name} has {tile[dim]} along {dim}, and it takes {taken} there"


def _array(architecture: Architecture, layer: Layer, mapping: Mapping, places: Places) -> Iterator[str]:
    flow, index = architecture.dataflow.of(layer.bounds), places.array_node
    if index < 0:
        return
    node, place = mapping.nodes[index], architecture.hierarchy[index]
    assert isinstance(node, Spatial)
    assert isinstance(place, FanOut)
    sides = (
        ("rows", node.rows, place.rows, flow.rows, flow.rows_whole),
        ("columns", node.cols, place.cols, flow.cols, flow.cols_whole),
    )
    for side, loops, size, allowed, whole in sides:
        for dim, bound in zip(DIMS, layer.bounds, strict=True):
            factor = prod(loop.trips for loop in loops if loop.dim == dim)
            if factor > 1 and dim not in allowed:
                takes = _listed(allowed & place.dims) or "nothing"
                yield f"{dim} is unrolled over the {side} of {place.name}, which takes {takes} there"
            elif dim in whole and ceil(bound / factor) not in _fewest_folds(bound, size, factor):
                fewest = min(bound, size)
                yield f"{side} of {place.name} take {factor} of {bound} along {dim}, and there is room for {fewest}"


def _fewest_folds(bound: int, size: int, factor: int) -> set[int]:
    """In how few passes a side takes a dim: by any factor, or if `factor` divides the bound by any that does."""
    found = {ceil(bound / min(bound, size))}
    if bound % factor == 0:
        found.add(min(bound // k for k in range(1, min(bound, size) + 1) if bound % k == 0))
    return found


def _order(architecture: Architecture, mapping: Mapping, places: Places) -> Iterator[str]:
    """The list right above the array: what is stationary, and what is innermost."""
    flow, node = architecture.dataflow, mapping.nodes[places.levels[places.near]]
    if not isinstance(node, Temporal):
        return
    loops = [loop for loop in node.loops if loop.trips > 1]
    if flow.stationary is not None:
        yield from _not_stationary(node.level, loops, flow.stationary)
    dims = [loop.dim for loop in loops]
    if flow.innermost in dims and dims[-1] != flow.innermost:
        yield f"the innermost loop of {node.level} is over {dims[-1]} and should be over {flow.innermost}"


def _not_stationary(level: str, loops: list[Loop], operand: str) -> Iterator[str]:
    relevant = RELEVANT[operand]
    for outer, inner in pairwise(loops):
        if outer.dim not in relevant and inner.dim in relevant:
            yield f"{level} steps over {inner.dim} inside {outer.dim}, so {operand} is not stationary"


def _listed(dims: Iterable[str]) -> str:
    return ", ".join(sorted(dims, key=DIMS.index))
