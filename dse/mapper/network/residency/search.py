"""Rounds between the choice for the network and the columns that it wants, until what is chosen is exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import inf

from dse.mapper.network.residency.choose import Choice, Cut, Setting, Weights, choose
from dse.mapper.network.residency.columns import Column, Columns
from dse.mapper.network.residency.graph import Graph, Step
from dse.mapper.network.residency.placing import pieces_of, placed
from dse.mapper.network.residency.stays import check
from dse.problem.layer import Layer

FASTEST = 1e-9
"""Relative difference in latency that does not count."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best choice, all of whose columns are mappings that fit.

    Parameters
    ----------
    choice : Choice
    offsets : tuple of int
        In bits, of the pieces of `dse.mapper.network.residency.placing.pieces_of`.
    bound : float
        Weighted sum that no choice is below.
    rounds : int
        Programmes solved.
    """

    choice: Choice
    offsets: tuple[int, ...]
    bound: float
    rounds: int


def homes_of(setting: Setting, i: int) -> list[tuple[frozenset[str], int]]:
    """What a layer may have at home, each with the room that is left for its tiles at most."""
    graph = setting.graph
    step = graph.steps[i]
    stores = setting.architecture.level(setting.level).stores
    of = {operand: tensors for operand, tensors in step.operands if operand in stores}
    names = [*of, "psum"]
    found = []
    for size in range(len(names) + 1):
        for operands in combinations(names, size):
            held = {t for operand in operands for t in of.get(operand, (step.writes,))}
            room = setting.capacity - sum(graph.tensors[t].bits for t in held)
            if room >= 0:
                found.append((frozenset(operands), room))
    return found


def best_choice(setting: Setting, columns: Columns, weights: Weights) -> Found:
    """The best choice for a network, and what none is below.

    Notes
    -----
    Every layer is searched first at each of its homes with all the room that it can have there. In each round the
    programme is solved over all columns, those that are bounds included, so its answer is a bound of the network's.
    Layers whose column is a bound are then searched at the room that the choice leaves. When every column is a mapping
    that fits, the choice has the cost of the bound but for the gaps of the searches.
    """
    layers = [(i, step) for i, step in enumerate(setting.graph.steps) if step.layer is not None]
    rooms = {i: homes_of(setting, i) for i, _ in layers}
    for i, step in layers:
        for homes, room in rooms[i]:
            columns.ask(_layer(step), homes, False, room)
    cuts: list[Cut] = []
    rounds, unproven = 0, 0.0
    while True:
        rounds += 1
        options: list[list[Column]] = [[] for _ in setting.graph.steps]
        for i, step in layers:
            for homes, room in rooms[i]:
                options[i] += columns.of(_layer(step), homes, False, room)
        choice = choose(setting, options, weights, cuts)
        exact, wanted = _exact(setting, columns, choice, weights)
        for i, homes, room in wanted:
            columns.ask(_layer(setting.graph.steps[i]), homes, False, room)
        if wanted:
            continue
        if exact is None:  # rounding let a little too much in
            cuts.append(_cut(setting.graph, choice))
            continue
        offsets, proven = placed(pieces_of(setting.graph, exact), setting.capacity)
        if offsets is not None:
            check(setting, exact)
            bound = min(choice.bound, unproven) if unproven else choice.bound
            return Found(exact, offsets, bound, rounds)
        if not proven:
            unproven = unproven or choice.bound
        cuts.append((_stays(exact), frozenset()))


def cheapest_of_fastest(setting: Setting, columns: Columns, found: Found, weights: Weights) -> Found:
    """Among the mappings known, the choice of least energy that is as fast as one that is fastest."""
    options: list[list[Column]] = [[] for _ in setting.graph.steps]
    for i, step in enumerate(setting.graph.steps):
        if step.layer is not None:
            some = [one for homes, room in homes_of(setting, i) for one in columns.of(step.layer, homes, False, room)]
            options[i] = [one for one in some if one.exact]
    limit = min(weights.max_cycles, found.choice.cost * (1 + FASTEST))
    choice = choose(setting, options, Weights(1.0, 0.0, weights.max_pj, limit))
    offsets, _ = placed(pieces_of(setting.graph, choice), setting.capacity)
    fits = all(
        choice.room(setting.graph, i, setting.capacity) >= (0 if column is None else column.bits)
        for i, column in enumerate(choice.columns)
    )
    return found if offsets is None or not fits else replace(found, choice=choice, offsets=offsets)


def _layer(step: Step) -> Layer:
    assert step.layer is not None
    return step.layer


def _exact(
    setting: Setting, columns: Columns, choice: Choice, weights: Weights
) -> tuple[Choice | None, list[tuple[int, frozenset[str], int]]]:
    """The choice with mappings that fit in all its steps, or the searches that it wants; neither without room."""
    picked: list[Column | None] = list(choice.columns)
    wanted = []
    for i, column in enumerate(choice.columns):
        room = choice.room(setting.graph, i, setting.capacity)
        if room < 0:
            return None, []
        if column is None:
            continue
        layer = _layer(setting.graph.steps[i])
        fitting = [
            one for one in columns.of(layer, column.homes, False, room)
            if one.exact and one.bits <= room and _as_good(one, column, weights)
        ]  # fmt: skip
        if fitting:
            picked[i] = min(fitting, key=lambda one: weights.of(one.point.energy_pj, one.point.cycles))
        elif columns.is_exact(layer, column.homes, False, room):
            return None, []
        else:
            wanted.append((i, column.homes, room))
    return (None, wanted) if wanted else (replace(choice, columns=tuple(picked)), [])


def _as_good(one: Column, wanted: Column, weights: Weights) -> bool:
    """Whether a column may take the place of one that was chosen: no worse, within limits in both quantities."""
    mine, other = ((x.point.least_pj, x.point.least_cycles) for x in (one, wanted))
    if min(weights.max_pj, weights.max_cycles) < inf:
        return mine[0] <= other[0] and mine[1] <= other[1]
    return weights.of(*mine) <= weights.of(*other) * (1 + FASTEST)


def _stays(choice: Choice) -> frozenset[tuple[int, int]]:
    return frozenset((t, i) for i, home in enumerate(choice.home) for t in home)


def _cut(graph: Graph, choice: Choice) -> Cut:
    """All that takes room: this choice of it is one too much."""
    columns = frozenset((i, column) for i, column in enumerate(choice.columns) if column is not None)
    return _stays(choice), columns
