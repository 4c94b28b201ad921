"""A subproblem of the deep search, and the bound on everything in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log

import numpy as np

from dse.mapper.deep.axes import Axis, axes_of
from dse.mapper.deep.bounds.dual import Effort, climb
from dse.mapper.deep.bounds.sift import OF_ENERGY, OF_TIME, Alive, Terms
from dse.mapper.deep.bounds.steps import lay_down_fewest
from dse.mapper.deep.bounds.terms import Choice, Crossing, Term, columns_of, crossings_of, terms_of, visits_pay
from dse.mapper.deep.chains import list_chains
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.compilation import compiled
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.model.counting.kernel import Floats, Ints

Columns = tuple[Floats, Ints, Ints]

MARGIN = 1e-9
"""Difference of logarithms below which bounds do not count, for rounding."""

BEHIND = 0.2
"""How far, in logarithms, the bound with all time on its least lies behind when it is not tried again further in."""

ROUNDS = 100
"""Improvements of a subproblem's bound."""


@dataclass(frozen=True, slots=True)
class Space:
    """One bypass choice, ready to search: its axes, crossings and terms; pairs of terms, steps and their least; and
    the terms of time that are the fewest steps of all splits and with each."""

    problem: Deep
    mask: int
    axes: list[Axis]
    crossings: list[Crossing]
    terms: list[Term]
    block: Ints
    group: Ints
    limits: Floats
    groups: int
    floors: tuple[tuple[int, int], ...]
    least: Ints


@dataclass(frozen=True, slots=True)
class Node:
    """A subproblem: what is laid down per list, splits that are left per axis, and its bound (a logarithm).

    `behind` is how much lower the bound with all of the time's weight on its least was, when that was last looked at.
    """

    space: Space
    choices: tuple[Choice | None, ...]
    rows: tuple[Ints, ...]
    weights: Floats
    bound: float
    reduced: tuple[Floats, ...]
    columns: Columns
    behind: float = 0.0


@dataclass(slots=True)
class Best:
    """Incumbents and counters of one search."""

    kind: int
    gap: float
    until: float
    values: Floats
    records: Ints
    visited: Ints
    stop: Ints
    held: int = 0

    def target(self) -> float:
        """The logarithm that bounds must stay below."""
        if self.held == 0:
            return inf
        energy, time = self.values[0]
        value = {ENERGY: energy, LATENCY: time, EDP: energy * time}[self.kind]
        return log(value) - log(1 + self.gap + 1e-12) + MARGIN if value > 0 else -inf


def space_of(problem: Deep, mask: int) -> Space:
    chains = [compiled(list_chains)(problem, d) for d in range(8)]
    axes = axes_of(problem, chains)
    crossings = crossings_of(problem)
    problem = problem._replace(visits_pay=visits_pay(problem, crossings))
    least, differ = lay_down_fewest(problem, axes)
    terms, limits, groups = terms_of(problem, crossings, least, differ)
    steps = [i for i, term in enumerate(terms) if (0, ("steps",)) in term.extra]
    return Space(
        problem, mask, axes, crossings, terms, np.array([term.block for term in terms]),
        np.array([term.group for term in terms]), np.array(limits), groups,
        tuple((i, i + 1) for i in steps), steps[-1] + 1 + np.arange(1 + len(differ)),
    )  # fmt: skip


def root_of(space: Space, best: Best) -> Node | None:
    """A whole space as a subproblem, None when nothing in it improves."""
    rows = tuple(np.arange(len(axis)) for axis in space.axes)
    if not all(map(len, rows)):
        return None
    fixed = fixed_weights(space, best)
    weights = np.zeros(len(space.terms))
    for block in (OF_ENERGY, OF_TIME):
        mine = space.block == block
        weights[mine] = max(0.0, fixed[block]) / max(1, mine.sum())
    return bounded(space, nothing_of(space.problem), rows, weights, best, ROUNDS // 4)


def bounded(
    space: Space, choices: tuple[Choice | None, ...], rows: tuple[Ints, ...], weights: Floats, best: Best,
    rounds: int = ROUNDS // 4, columns: Columns | None = None, behind: float = 0.0,
) -> Node | None:  # fmt: skip
    """A subproblem with its bound, None when that shows that nothing in it improves."""
    begin = 0.5 if rounds < ROUNDS and (columns is not None or any(choices)) else 0.0
    if columns is None:
        columns = columns_of(space.problem, space.terms, space.crossings, space.axes, list(choices))
    node = Node(space, choices, rows, weights, -inf, (), (_with_fewest_steps(space, rows, columns[0]), *columns[1:]))
    if best.kind == ENERGY:
        return _climbed(node, weights, False, begin, rounds, best)
    if behind > BEHIND:
        joint = _climbed(node, weights, False, begin, rounds, best)
        return None if joint is None else replace(joint, behind=behind)
    # When compute binds, time is best taken as its least, which no weights have to find out.
    pinned = _climbed(node, _pinned(space, weights), True, begin, rounds, best)
    if pinned is None:
        return None
    joint = _climbed(replace(pinned, weights=weights), weights, False, begin, rounds, best)
    if joint is None:
        return None
    if pinned.bound > joint.bound:
        return _climbed(replace(pinned, rows=joint.rows), pinned.weights, True, 0.9, 1, best)
    return replace(joint, behind=joint.bound - pinned.bound)


def _with_fewest_steps(space: Space, rows: tuple[Ints, ...], logs: Floats) -> Floats:
    """Coefficients with the fewest steps that the splits left allow, where those are more than the fewest of all."""
    fewest = 0.0
    for axis, row in zip(space.axes, rows, strict=True):
        fewest += axis.matrix()[row, axis.column(("steps",))].min()
    logs = logs.copy()
    for steps, floor in space.floors:
        logs[floor] = max(logs[floor], logs[steps] + fewest)
    return logs


def _pinned(space: Space, weights: Floats) -> Floats:
    """Weights with those of all groups of the time on its least."""
    weights = weights.copy()
    mine = (space.block == OF_TIME) & (space.group >= 0)
    total = weights[mine].sum()
    weights[mine] = 0.0
    weights[space.least] = total / len(space.least)
    return weights


def _climbed(node: Node, weights: Floats, pinned: bool, begin: float, rounds: int, best: Best) -> Node | None:
    """A subproblem with the bound that weights reach from the given ones."""
    space, rows, columns = node.space, node.rows, node.columns
    ends = np.cumsum([len(x) for x in rows])
    start, end = np.concatenate([[0], ends[:-1]]), ends.copy()
    weights, alive = weights.copy(), Alive(np.concatenate(rows), start, end, np.zeros(ends[-1]))
    tables, factors = (tuple(axis.table(plain) for axis in space.axes) for plain in (False, True))
    terms = Terms(
        columns[1], columns[2], columns[0], space.block, space.group, limits_of(space, best),
        fixed_weights(space, best), space.groups,
    )  # fmt: skip
    effort = Effort(pinned, begin, rounds, best.target())
    bound = compiled(climb)(tables, factors, terms, weights, effort, alive)
    if bound >= best.target() or (end == start).any():
        return None
    left = tuple(alive.rows[start[a] : end[a]].copy() for a in range(6))
    lifted = tuple(alive.reduced[start[a] : end[a]].copy() for a in range(6))
    return replace(node, rows=left, weights=weights, bound=float(bound), reduced=lifted)


def splits_left(node: Node, target: float) -> tuple[Ints, ...]:
    """The splits that may be part of a mapping below the target."""
    return tuple(
        rows[reduced <= target - node.bound + MARGIN] for rows, reduced in zip(node.rows, node.reduced, strict=True)
    )


def fixed_weights(space: Space, best: Best) -> Floats:
    """Weights of the objective's blocks, -1 for limits."""
    fixed = np.full(len(space.limits), -1.0)
    fixed[OF_ENERGY] = 0.0 if best.kind == LATENCY else 1.0
    fixed[OF_TIME] = 0.0 if best.kind == ENERGY else 1.0
    if best.kind == ENERGY and best.until < inf:
        fixed[OF_TIME] = -1.0
    return fixed


def limits_of(space: Space, best: Best) -> Floats:
    """Logarithms that the blocks must stay within; the time's is the deadline where there is one."""
    limits = space.limits.copy()
    if best.kind == ENERGY and best.until < inf:
        limits[OF_TIME] = log(best.until)
    return limits

