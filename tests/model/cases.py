"""Random small layers on random hierarchies under random mappings, and what each of them exercises."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, prod
from random import Random

from hypothesis import strategies as st

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

ALL = frozenset(OPERANDS)
MOST_MACS = 400
MOST_CHILDREN = 16
KINDS = (
    "ragged", "idle PEs in a fold", "P and R both temporal", "P and R both spatial", "neighbouring loops over one dim",
    "bypass", "stride > window", "dilation", "groups", "two fan-outs", "neighbours across an unrolled fan-out",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    layer: Layer
    architecture: Architecture
    mapping: Mapping


def random_case(seed: int) -> Case:
    """The same case for the same seed."""
    return draw_case(Random(seed))


def case_of_many_fan_outs(seed: int) -> Case:
    """A case with three or four fan-outs, and levels that keep little, so that words cross several of them at once."""
    return draw_case(Random(f"many {seed}"), many=True)


def case_of_clusters(seed: int) -> Case:
    """A case in which fan-outs stand right below others: clusters of clusters of PEs."""
    return draw_case(Random(f"clusters {seed}"), many=True, clusters=True)


def cases() -> st.SearchStrategy[Case]:
    """The same cases as a strategy; hypothesis shrinks what the generator draws."""
    return st.builds(draw_case, st.randoms(use_true_random=False))


def draw_case(rng: Random, many: bool = False, clusters: bool = False) -> Case:
    hierarchy = _draw_clusters(rng) if clusters else _draw_hierarchy(rng, many)
    layer = _draw_layer(rng)
    loops = _place_loops(rng, layer, hierarchy, many)
    nodes: list[Temporal | Spatial] = []
    sized: list[Level | FanOut] = []
    for place, lists in zip(hierarchy, loops, strict=True):
        if isinstance(place, FanOut):
            rows, cols = (tuple(side) for side in lists)
            nodes.append(Spatial(place.name, rows, cols))
            sizes = (prod(x.trips for x in side) + rng.choice((0, 0, 1)) for side in (rows, cols))
            sized.append(FanOut(place.name, *sizes, multicast=place.multicast, reduces=place.reduces))
        else:
            kept = ALL if not nodes else frozenset(x for x in OPERANDS if rng.random() < (0.3 if many else 0.8))
            nodes.append(Temporal(place.name, tuple(lists[0]), kept))
            sized.append(place)
    return Case(layer, Architecture("random", tuple(sized), Mac(1.0), 1e9), Mapping(tuple(nodes)))


def kinds(case: Case) -> set[str]:
    """Which of `KINDS` a case belongs to."""
    layer = case.layer
    temporal, spatial = ({d: _loops(case, d, kind) for d in DIMS} for kind in (Temporal, Spatial))
    windows = (
        (layer.P, layer.R, layer.stride_h, layer.dilation_h),
        (layer.Q, layer.S, layer.stride_w, layer.dilation_w),
    )
    belongs = {
        "ragged": any(b % step for d, b in _bounds(layer) for *_, step in temporal[d] + spatial[d] if step < b),
        "idle PEs in a fold": any(_idle_in_a_fold(b, temporal[d], spatial[d]) for d, b in _bounds(layer)),
        "P and R both temporal": all(temporal[d] for d in "PR"),
        "P and R both spatial": all(spatial[d] for d in "PR"),
        "neighbouring loops over one dim": _has_neighbours(case.mapping),
        "bypass": any(node.stores != ALL for node in case.mapping.nodes if isinstance(node, Temporal)),
        "stride > window": any(p > 1 and stride > (r - 1) * dilation + 1 for p, r, stride, dilation in windows),
        "dilation": any(r > 1 and dilation > 1 for _, r, _, dilation in windows),
        "groups": layer.G > 1,
        "two fan-outs": sum(_children(node) > 1 for node in case.mapping.nodes) > 1,
        "neighbours across an unrolled fan-out": _has_straddlers(case.mapping),
    }
    return {kind for kind in KINDS if belongs[kind]}


def widest_crossing(case: Case) -> int:
    """The most unrolled fan-outs that lie between a level that keeps an operand and the next one inside that does."""
    most = 0
    for operand in OPERANDS:
        crossed = 0
        for node in case.mapping.nodes:
            if isinstance(node, Temporal):
                crossed = 0 if operand in node.stores else crossed
            else:
                crossed += _children(node) > 1
                most = max(most, crossed)
    return most


def _draw_hierarchy(rng: Random, many: bool) -> list[Level | FanOut]:
    depths, widths = ((4, 5), (3, 4)) if many else ((2, 3, 3, 4), (0, 1, 2, 2, 2))
    levels = [Level(f"L{i}", ALL, may_bypass=ALL if i else frozenset()) for i in range(rng.choice(depths))]
    fan_outs = rng.sample(range(len(levels)), min(rng.choice(widths), len(levels)))
    hierarchy: list[Level | FanOut] = []
    for i, level in enumerate(levels):
        hierarchy.append(level)
        if i in fan_outs:
            hierarchy.append(_draw_fan_out(rng, i))
    return hierarchy


def _draw_clusters(rng: Random) -> list[Level | FanOut]:
    """One to three levels, and two to four fan-outs of which some two stand right below each other."""
    shape = rng.choice(("LFF", "LFFL", "LLFF", "LLFFL", "LFFF", "LFFFL", "LFLFF", "LFFLF", "LFFFF", "LFFLFF", "LLFFFF"))
    hierarchy: list[Level | FanOut] = []
    for i, letter in enumerate(shape):
        level = Level(f"L{i}", ALL, may_bypass=ALL if i else frozenset())
        hierarchy.append(level if letter == "L" else _draw_fan_out(rng, i))
    return hierarchy


def _draw_fan_out(rng: Random, number: int) -> FanOut:
    multicast = rng.choice(("word", "word", "tile", "none"))
    return FanOut(f"F{number}", 1, 1, multicast=multicast, reduces=rng.random() < 0.7)


def _draw_layer(rng: Random) -> Layer:
    bounds = dict.fromkeys(DIMS, 1)
    others = rng.sample("GNKCQS", 6)
    for dim in rng.sample("PR", 2) + others:
        most = min(MOST_MACS // prod(bounds.values()), 7 if dim in "PQRS" else 4)
        if most > 1 and rng.random() < (0.8 if dim in "PR" else 0.6):
            bounds[dim] = rng.randint(2, most)
    strides = {f"stride_{side}": rng.choice((1, 1, 2, 3)) for side in "hw"}
    dilations = {f"dilation_{side}": rng.choice((1, 1, 2)) for side in "hw"}
    return Layer("random", **bounds, **strides, **dilations)


def _place_loops(rng: Random, layer: Layer, hierarchy: list[Level | FanOut], many: bool) -> list[list[list[Loop]]]:
    """One list of loops per level, two (rows and columns) per fan-out."""
    loops: list[list[list[Loop]]] = [[[], []] if isinstance(place, FanOut) else [[]] for place in hierarchy]
    fan_outs = [i for i, place in enumerate(hierarchy) if isinstance(place, FanOut)]
    levels = [i for i in range(len(hierarchy)) if i not in fan_outs]
    likes_spatial = {dim: rng.choice((0.7, 0.9) if many else (0.2, 0.2, 0.9)) for dim in DIMS}
    if rng.random() < 0.4:
        likes_spatial |= {"P": 1.0, "R": 1.0}
    # The likeliest to be spatial come first, while there are children left.
    for dim, bound in sorted(rng.sample(_bounds(layer), len(DIMS)), key=lambda pair: -likes_spatial[pair[0]]):
        for trips in _draw_factors(rng, bound):
            children = prod(x.trips for i in fan_outs for side in loops[i] for x in side)
            if fan_outs and rng.random() < likes_spatial[dim] and children * trips <= MOST_CHILDREN:
                emptiest = min(len(loops[i][0] + loops[i][1]) for i in fan_outs)
                open_to_it = [i for i in fan_outs if not many or len(loops[i][0] + loops[i][1]) == emptiest]
                loops[rng.choice(open_to_it)][rng.randrange(2)].append(Loop(dim, trips))
            else:
                loops[rng.choice(levels)][0].append(Loop(dim, trips))
    for lists in loops:
        for side in lists:
            rng.shuffle(side)
            if rng.random() < 0.3:
                side.sort(key=lambda loop: loop.dim)
            if rng.random() < 0.2:
                side.insert(rng.randint(0, len(side)), Loop(rng.choice(DIMS), 1))
    dim = rng.choice("PQRS")
    feeding = [i for i in fan_outs if i - 1 in levels and i + 1 in levels]
    if feeding and getattr(layer, dim) > 4 and rng.random() < 0.5:
        _straddle(loops, rng.choice(feeding), dim, getattr(layer, dim))
    return loops


def _straddle(loops: list[list[list[Loop]]], fan_out: int, dim: str, bound: int) -> None:
    """Unroll a dim over a fan-out and make it the last loop above and the first below, with only K inside that."""
    for lists in loops:
        for side in lists:
            side[:] = [loop for loop in side if loop.dim != dim]
    (above,), (rows, _), (below,) = loops[fan_out - 1 : fan_out + 2]
    above[:] = [loop for loop in below if loop.dim != "K"] + above + [Loop(dim, 2)]
    rows.append(Loop(dim, 2))
    below[:] = [Loop(dim, ceil(bound / 4))] + [loop for loop in below if loop.dim == "K"]


def _draw_factors(rng: Random, bound: int) -> list[int]:
    """Trips that cover a bound, perfectly or not, now and then with some to spare."""
    factors = []
    rest = bound
    for _ in range(rng.choice((0, 1, 1, 2))):
        if rest > 1:
            divisors = [n for n in range(2, rest + 1) if rest % n == 0]
            factors.append(rng.choice(divisors) if rng.random() < 0.4 else rng.randint(2, min(rest, 4)))
            rest = ceil(rest / factors[-1])
    factors += [rest] if rest > 1 else []
    if factors and rng.random() < 0.05:
        factors[rng.randrange(len(factors))] += 1
    return factors


def _bounds(layer: Layer) -> list[tuple[str, int]]:
    return list(zip(DIMS, layer.bounds, strict=True))


def _loops(case: Case, dim: str, kind: type) -> list[tuple[int, int]]:
    """Trips and step of every loop over a dim in nodes of a kind, one-trip loops left out."""
    found, step = [], 1
    for node in reversed(case.mapping.nodes):
        for loop in reversed(node.loops):
            if loop.dim == dim and loop.trips > 1:
                if isinstance(node, kind):
                    found.append((loop.trips, step))
                step *= loop.trips
    return found


def _idle_in_a_fold(bound: int, temporal: list[tuple[int, int]], spatial: list[tuple[int, int]]) -> bool:
    """Whether some iteration leaves children idle that the first one uses."""
    folds, children = _offsets(temporal), _offsets(spatial)
    busy = {sum(fold + child < bound for child in children) for fold in folds if fold < bound}
    return len(busy) > 1


def _offsets(loops: list[tuple[int, int]]) -> list[int]:
    offsets = [0]
    for trips, step in loops:
        offsets = [offset + i * step for offset in offsets for i in range(trips)]
    return offsets


def _has_neighbours(mapping: Mapping) -> bool:
    temporal = [x.dim for node in mapping.nodes if isinstance(node, Temporal) for x in node.loops if x.trips > 1]
    return any(a == b for a, b in pairwise(temporal))


def _has_straddlers(mapping: Mapping) -> bool:
    """Whether neighbouring temporal loops over one dim have a spatial loop over it between them."""
    real = [(x.dim, isinstance(node, Spatial)) for node in mapping.nodes for x in node.loops if x.trips > 1]
    for i, (dim, spatial) in enumerate(real):
        following = next((j for j in range(i + 1, len(real)) if not real[j][1]), i)
        if not spatial and real[following][0] == dim and (dim, True) in real[i + 1 : following]:
            return True
    return False


def _children(node: Temporal | Spatial) -> int:
    return prod(x.trips for x in node.loops) if isinstance(node, Spatial) else 1
