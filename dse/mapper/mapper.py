"""The best mapping of a layer, with proof."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from math import factorial, inf, prod
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError, InfeasibleError
from dse.mapper.compiled import compiled
from dse.mapper.deep_solve import deep_mapping, solve_deep
from dse.mapper.incumbent import EDP, ENERGY, FRONT, LATENCY
from dse.mapper.instance import SHAPES, Instance, Roles, Rules, build, bypass_choices, shape_of
from dse.mapper.outer_table import OuterTable, empty_table
from dse.mapper.reasons import why_infeasible
from dse.mapper.result import Certificate, Mapped
from dse.model.cost import evaluate
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.model.price import price
from dse.problem.dims import DIMS
from dse.problem.layer import Layer

OBJECTIVES = {"energy": ENERGY, "latency": LATENCY, "edp": EDP, "front": FRONT}
FACTORS = ("all", "perfect")

LONGEST_FRONT = 4096


@dataclass(frozen=True, slots=True)
class Solution:
    """Raw incumbents of one search: energies and latencies, records (see `incumbent.accept`), visits, size, gap."""

    values: Any
    records: Any
    kept: tuple[dict[int, frozenset[str]], ...]
    visited: tuple[int, ...]
    space_size: float
    gap: float


def map_layer(
    architecture: Architecture, layer: Layer, objective: str = "edp", *, gap: float = 0.0, factors: str = "all"
) -> Mapped:
    """Find the best mapping of a layer over the whole mapspace.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    objective : {"energy", "latency", "edp"}
        `latency` breaks ties by energy.
    gap : float
        Stop when the answer is proven to be within this fraction of the best.
    factors : {"all", "perfect"}
        `perfect` restricts every split of a bound to products that meet it exactly.

    Returns
    -------
    Mapped

    Raises
    ------
    InfeasibleError
        When no mapping fits, with the constraint that rules it out.
    """
    if objective not in ("energy", "latency", "edp"):
        raise DseError(f"objective={objective!r} is not energy, latency or edp")
    return _mapped(architecture, layer, objective, gap, factors)[0]


def layer_front(
    architecture: Architecture, layer: Layer, *, gap: float = 0.0, factors: str = "all"
) -> tuple[Mapped, ...]:
    """The exact energy-latency front of a layer: no mapping is at least as good in both and better in one.

    Returns
    -------
    tuple of Mapped
        Latency rises, energy falls.
    """
    return _mapped(architecture, layer, "front", gap, factors)


def layer_points(
    architecture: Architecture, layer: Layer, objective: str = "edp", *, gap: float = 0.0, factors: str = "all"
) -> tuple[tuple[float, float], ...]:
    """Energy (pJ) and cycles of the best mapping, or of every point of the `front`, without the mappings.

    What a sweep needs of a layer: `map_layer` and `layer_front` without their reports.
    """
    values = solve(architecture, layer, objective, gap, factors).values
    return tuple((float(energy), float(cycles)) for energy, cycles in values)


def _mapped(architecture: Architecture, layer: Layer, objective: str, gap: float, factors: str) -> tuple[Mapped, ...]:
    if factors not in FACTORS:
        raise DseError(f"factors={factors!r} is not all or perfect")
    if gap < 0:
        raise DseError(f"gap={gap} < 0")
    layer = architecture.lowered(layer)
    solution = solve(architecture, layer, objective, gap, factors)
    mapped = []
    for (energy, cycles), record in zip(solution.values, solution.records, strict=True):
        mapping = mapping_of(architecture, record, solution.kept[int(record[-1])])
        value = {"energy": energy, "latency": cycles, "edp": energy * cycles, "front": energy}[objective]
        certificate = Certificate(
            objective=objective, value=float(value), lower_bound=float(value / (1 + solution.gap)), gap=solution.gap,
            space_size=solution.space_size, pe_tiles=solution.visited[0], unrollings=solution.visited[1],
            outer_tiles=solution.visited[2], priced=solution.visited[3], factors=factors,
        )  # fmt: skip
        mapped.append(Mapped(layer, mapping, evaluate(architecture, layer, mapping), certificate))
    return tuple(mapped)


def solve(architecture: Architecture, layer: Layer, objective: str, gap: float, factors: str) -> Solution:
    """Search, and return numbers only: what a sweep needs of a layer."""
    layer = architecture.lowered(layer)
    kind = OBJECTIVES[objective]
    if shape_of(architecture) not in SHAPES:
        deep = solve_deep(architecture, layer, kind, gap, factors, LONGEST_FRONT)
        if len(deep.values) == 0:
            raise InfeasibleError(why_infeasible(architecture, layer, factors))
        return Solution(deep.values, deep.records, deep.kept, deep.visited, deep.space_size, deep.gap)
    roles = Roles.of(architecture)
    choices = bypass_choices(architecture, roles)
    prices = price(architecture, layer)
    rows = LONGEST_FRONT if kind == FRONT else 1
    values = np.zeros((rows, 2))
    records = np.zeros((rows, 57), dtype=np.int64)
    visited = np.zeros(4, dtype=np.int64)
    kernel = compiled("dse.mapper.search")
    held = 0
    problems = [_prepare(architecture, layer, roles, kept, prices, kind, factors) for kept in choices]
    size = sum(problem.space_size for problem in problems)
    ranked = sorted(range(len(problems)), key=lambda index: problems[index].best)
    for mask in ranked:
        problem = problems[mask]
        held = kernel.search(
            problem.instance, problem.rules, *problem.options, problem.order, problem.choice, problem.bound,
            problem.floor, problem.table, problem.fastest, factors == "perfect", kind, gap, mask, values, records,
            held, visited,
        )  # fmt: skip
        if held < 0:
            raise DseError(f"layer {layer.name}: the front has more than {LONGEST_FRONT} points")
    if held == 0:
        raise InfeasibleError(why_infeasible(architecture, layer, factors))
    values[:held, 1] *= prices.cycles_per_step  # the search counts time in compute steps
    return Solution(values[:held], records[:held], tuple(choices), tuple(int(x) for x in visited), size, gap)


@dataclass(frozen=True, slots=True)
class Problem:
    """One bypass choice, ready to search: options per dim, PE tiles in order of their bounds."""

    instance: Instance
    rules: Rules
    options: tuple[Any, Any, Any]
    order: Any
    choice: Any
    bound: Any
    floor: Any
    table: OuterTable
    fastest: float
    best: float
    space_size: float


def _prepare(
    architecture: Architecture, layer: Layer, roles: Roles, kept: dict[int, frozenset[str]], prices: Any, kind: int,
    factors: str,
) -> Problem:  # fmt: skip
    instance = build(architecture, layer, roles, kept, prices)
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else None
    assert array is None or isinstance(array, FanOut)
    rules = Rules.of(architecture.dataflow, array, has_pe=roles.pe >= 0, has_folds=bool(instance.folds.any()))
    perfect = factors == "perfect"
    options, size, fastest = _options(instance, rules, perfect, roles)
    floor, table = _outer(instance)
    choice, bound = compiled("dse.mapper.bounds").list_tiles(instance, *options, floor, fastest)
    if kind == ENERGY:
        key = bound[:, 0]
    elif kind == LATENCY:
        key = bound[:, 1]
    else:
        key = bound[:, 0] * bound[:, 1]
    order = np.lexsort((bound[:, 0], key)) if kind == LATENCY else np.argsort(key, kind="stable")
    best = float(key.min()) if len(key) else inf
    return Problem(instance, rules, options, order, choice, bound, floor, table, fastest, best, size)


def _largest_tile(instance: Instance) -> Any:
    """Per dim, the largest PE tile that fits when every other dim has a tile of one."""
    largest = instance.bounds.copy()
    for d in range(8):
        for operand in range(3):
            if instance.in_pe[operand] and instance.relevance[operand, d]:
                room = min(instance.pe_bits[operand], instance.pe_bits[3]) / instance.bits[operand]
                if room < inf and not (operand == 0 and d >= 4):
                    largest[d] = min(largest[d], int(room))
                elif room < inf:
                    reach = int(instance.window[2 * (d % 2) + (d >= 6)])
                    largest[d] = min(largest[d], (int(room) - 1) // reach + 1)
    return largest


def _options(instance: Instance, rules: Rules, perfect: bool, roles: Roles) -> tuple[Any, float, float]:
    key = (
        tuple(instance.bounds.tolist()), tuple(_largest_tile(instance).tolist()),
        tuple(tuple(part.tolist()) for part in rules[:6]), instance.rows, instance.cols, perfect, roles.buffer >= 0,
    )  # fmt: skip
    return _options_of(*key)


@lru_cache(maxsize=4096)
def _options_of(
    bounds: tuple[int, ...], largest: tuple[int, ...], sets: tuple[tuple[int, ...], ...], rows: int, cols: int,
    perfect: bool, has_buffer: bool,
) -> tuple[Any, float, float]:  # fmt: skip
    """Tiles and unrollings per dim, the size of the mapspace they span, and the fewest steps."""
    arrays = [np.array(part, dtype=np.int64) for part in (bounds, largest, *sets)]
    options = compiled("dse.mapper.factors").dim_options(*arrays, rows, cols, perfect)
    space = compiled("dse.mapper.space")
    if any(options[0][d] == options[0][d + 1] for d in range(8)):
        return options, 0.0, inf
    counts = np.zeros(8)
    space.splits(arrays[0], *options, perfect, has_buffer, counts)
    orders = float(factorial(sum(bound > 1 for bound in bounds))) ** (2 if has_buffer else 1)
    return options, float(prod(counts)) * orders, space.fastest_steps(*options, rows, cols)


_OUTER: OrderedDict[Any, tuple[Any, OuterTable]] = OrderedDict()

KEPT_TABLES = 128
"""Problems whose outer floor and table are remembered, up to a few megabytes each."""


def _outer(instance: Instance) -> tuple[Any, OuterTable]:
    """Outer floor and table, kept: they do not change with the array, the dataflow or a PE's inside but its size."""
    parts = (
        instance.bounds, instance.window, instance.words, instance.bits, instance.in_buffer, instance.in_pe,
        instance.up_pj * instance.in_pe, instance.outer_pj, instance.port_outer, instance.port_over,
        instance.port_fixed, instance.buffer_bits, np.where(instance.in_pe == 1, instance.room, 0.0),
        instance.port_up * instance.in_pe * instance.port_outer[:, None],
    )  # fmt: skip
    key = b"".join(part.tobytes() for part in parts)
    if key in _OUTER:
        _OUTER.move_to_end(key)
    else:
        if len(_OUTER) >= KEPT_TABLES:
            _OUTER.popitem(last=False)
        floor = compiled("dse.mapper.outer").outer_floor(instance)
        _OUTER[key] = floor, empty_table(instance.bounds, instance.port_outer)
    return _OUTER[key]


def mapping_of(architecture: Architecture, record: Any, kept: dict[int, frozenset[str]]) -> Mapping:
    """The mapping that a record of the search stands for."""
    if shape_of(architecture) not in SHAPES:
        return deep_mapping(architecture, record, kept)
    f, sy, sx, m, n, outer_order, inner_order = (record[8 * i : 8 * i + 8] for i in range(7))
    roles = Roles.of(architecture)

    def loops(trips: Any, order: Any) -> tuple[Loop, ...]:
        return tuple(Loop(DIMS[d], int(trips[d])) for d in reversed(order) if trips[d] > 1)

    plain = np.arange(7, -1, -1)
    nodes: list[Temporal | Spatial] = []
    for index, place in enumerate(architecture.hierarchy):
        if not isinstance(place, Level):
            nodes.append(Spatial(place.name, loops(sy, plain), loops(sx, plain)))
            continue
        if index == roles.pe:
            body = loops(f, plain)
        elif index == roles.buffer or roles.buffer < 0:
            body = loops(m, inner_order)
        else:
            body = loops(n, outer_order)
        nodes.append(Temporal(place.name, body, kept[index]))
    return Mapping(tuple(nodes))
