"""The mapper on hierarchies of any depth: runs the general search and reads its records."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial, inf, prod
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.errors import DseError
from dse.mapper.compiled import compiled
from dse.mapper.deep_problem import PSUM, Deep, Places, build, bypass_choices
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.model.price import price
from dse.problem.dims import DIMS
from dse.problem.layer import Layer

ROUNDS = (1.0, 0.3, 0.1, 0.03, 0.01)
"""Gaps of the rounds before the one that was asked for: each finds incumbents that make the next one short."""

EFFORT = 2_000_000
"""Partial splits that one round may visit when a gap is allowed; beyond, the answer carries the gap that is proven."""


@dataclass(frozen=True, slots=True)
class DeepSolution:
    """Incumbents: energies and latencies in steps, records (see `search_deep`), what each bypass choice keeps, visits,
    the size of the mapspace, and the gap that is proven."""

    values: Any
    records: Any
    kept: tuple[dict[int, frozenset[str]], ...]
    visited: tuple[int, ...]
    space_size: float
    gap: float


def solve_deep(
    architecture: Architecture, layer: Layer, kind: int, gap: float, factors: str, longest: int, stop: Any = None
) -> DeepSolution:
    """Search the whole mapspace of a layer on a hierarchy of any depth; no incumbents when nothing fits.

    Parameters
    ----------
    kind : int
        Objective: see `dse.mapper.incumbent`.
    longest : int
        Room for so many points of a front.
    """
    choices, prices = bypass_choices(architecture), price(architecture, layer)
    problems = [build(architecture, layer, kept, prices, factors) for kept in choices]
    levels = len(problems[0].nodes)
    values = np.zeros((longest if kind == 3 else 1, 2))
    records = np.zeros((len(values), 32 * levels + 1), dtype=np.int64)
    visited = np.zeros(5, dtype=np.int64)
    search = compiled("dse.mapper.deep").search_deep
    floors = [rest_of(problem) for problem in problems]
    fastest = max(fastest_of(problems[0]), least_port_time(problems[0]))
    ranked = sorted(range(len(problems)), key=lambda mask: float(floors[mask][0]))
    held = 0
    # Mappings with perfect factors are few and mostly good: with one of them at hand, the bounds cut far more.
    easy = [problem._replace(perfect=True) for problem in problems]
    rounds = [(easy, x) for x in ROUNDS if x > gap]
    rounds += [(problems, x) for x in ROUNDS if x > gap and factors == "all"] + [(problems, gap)]
    proven = inf
    stopped: Any = None
    for several, tolerance in rounds:
        if several is stopped and held > 0:
            continue
        visited[4] = 0
        # Without any mapping yet the last round goes on to the end: nobody may hear that there is none.
        last = several is problems and tolerance == gap and held == 0
        limit = int(visited[1]) + EFFORT if gap > 0 and not last else 0
        for mask in ranked:
            held = search(
                several[mask], floors[mask], fastest, kind, tolerance, mask, values, records, held, visited, limit
            )  # fmt: skip
            if held < 0:
                raise DseError(f"layer {layer.name}: the front has more than {longest} points")
        if visited[4] == 1:
            stopped = several
        elif several is problems or factors == "perfect":
            proven = min(proven, tolerance)
    if proven > gap and held > 0:
        least = min(_root(problem, floor) for problem, floor in zip(problems, floors, strict=True))
        proven = min(proven, _gap_to(values[:held], kind, least, fastest, problems[0].static_pj))
    size = sum(_space_size(problem) for problem in problems[:1]) * len(problems)
    return DeepSolution(
        values[:held] * (1.0, prices.cycles_per_step), records[:held], tuple(choices),
        tuple(int(x) for x in visited[:4]), size, proven,
    )  # fmt: skip


def _root(problem: Deep, floor: Any) -> float:
    """Least energy of any mapping: the floors, less what the psums save that start empty at the outermost level."""
    first = next(i for i in range(len(problem.nodes)) if problem.kept[i + 1, PSUM])
    return float(floor[0] + problem.mac_pj - problem.start_pj[first] * problem.words[PSUM])


def _gap_to(values: Any, kind: int, energy: float, time: float, static_pj: float) -> float:
    """The gap that floors of energy and time prove of the incumbents; of a front, that of its worst end."""
    energy += static_pj * time
    worst = values.max(axis=0) / (energy, time)
    return float((worst[0], worst[1], worst[0] * worst[1], worst.max())[kind]) - 1


def rest_of(problem: Deep) -> Any:
    """(k + 1,): least energy of the crossings below the list of each level and inside; 0 after the last."""
    floor = compiled("dse.mapper.deep_bound").boundary_floor
    least = [float(floor(problem, level)) for level in range(len(problem.nodes))]
    return np.array([*np.cumsum(least[::-1])[::-1], 0.0])


def least_port_time(problem: Deep) -> float:
    """Steps that the ports of the outermost level take at least: every operand crosses them once."""
    rates = problem.port_cost[problem.port_node == problem.nodes[0]]
    once = rates[:, 0, 0] * problem.words[0] + rates[:, 1, 0] * problem.words[1] + rates[:, 2, 1] * problem.words[2]
    return float(once.max(initial=0.0))


def fastest_of(problem: Deep) -> float:
    """A bound on compute steps: those that the unrollings of one fan-out leave, over the children of all others."""
    sides = problem.sides.prod(axis=1)
    return max(
        _steps_on(problem, level) * float(sides[level]) / float(sides.prod()) for level in range(len(problem.nodes))
    )


def _steps_on(problem: Deep, level: int) -> float:
    """The fewest products of passes that unrollings over one fan-out leave."""
    rows, cols = (int(x) for x in problem.sides[level])
    start, found = [0], []
    for d in range(8):
        bound = int(problem.bounds[d])
        sides = [range(1, min(side, bound) + 1) if problem.on_side[level, k, d] else (1,)
                 for k, side in enumerate((rows, cols))]  # fmt: skip
        best: dict[tuple[int, int], int] = {}
        for sy in sides[0]:
            for sx in sides[1]:
                if sy == 1 or sx == 1 or sy * sx < 2 * bound:
                    best[sy, sx] = -(-bound // (sy * sx))
        found += [(sy, sx, passes, passes) for (sy, sx), passes in best.items()]
        start.append(len(found))
    tiles = np.array([[0, 0, x] for x in start], dtype=np.int64)
    table = np.array([[*row, 0] for row in found], dtype=np.int64)
    return float(compiled("dse.mapper.space").fastest_steps(np.arange(9), tiles, table, rows, cols))


def _space_size(problem: Deep) -> float:
    """Mappings before capacities rule any out, as far as the factors of each dim go that the rules allow."""
    per_dim = [float(compiled("dse.mapper.deep_space").count_chains(problem, d)) for d in range(8)]
    orders = float(factorial(sum(int(bound) > 1 for bound in problem.bounds))) ** len(problem.nodes)
    return prod(per_dim) * orders


def deep_mapping(architecture: Architecture, record: Any, kept: dict[int, frozenset[str]]) -> Mapping:
    """The mapping that a record of the general search stands for."""
    places = Places.of(architecture)
    nodes: list[Temporal | Spatial] = []

    def loops(trips: Any, order: Any) -> tuple[Loop, ...]:
        return tuple(Loop(DIMS[d], int(trips[d])) for d in reversed(order) if trips[d] > 1)

    plain = range(7, -1, -1)
    for index, node in enumerate(architecture.hierarchy):
        if isinstance(node, Level):
            trips, _, _, order = record[32 * places.levels.index(index) :][:32].reshape(4, 8)
            nodes.append(Temporal(node.name, loops(trips, order.tolist()), kept[index]))
        else:
            _, rows, cols, _ = record[32 * places.fans.index(index) :][:32].reshape(4, 8)
            nodes.append(Spatial(node.name, loops(rows, plain), loops(cols, plain)))
    return Mapping(tuple(nodes))
