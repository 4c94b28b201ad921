"""The tree of a proof: sets of mappings, cut until bounds close each of them."""

from __future__ import annotations

from dataclasses import replace
from math import expm1, inf, prod
from typing import Any

import numpy as np

from dse.errors import DseError
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.kept import Shared
from dse.mapper.deep.bounds.necessary.standing import NO_FAN_OUTS
from dse.mapper.deep.bounds.spaces import narrowed
from dse.mapper.deep.bounds.subproblem import Space, fixed_weights, limits_of
from dse.mapper.deep.bounds.sums.columns import Pool
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, Terms
from dse.mapper.deep.bounds.weights.dual import WARM, Effort
from dse.mapper.deep.bounds.weights.family import Family, Flock, climb_all
from dse.mapper.deep.bounds.weights.newton import HOT
from dse.mapper.deep.lists import NO_SLIDE, NO_TRIPS, ListChoice
from dse.mapper.deep.splits.axes import Axis, tables_of_axes
from dse.mapper.deep.splits.chains import any_tiles, count_chains
from dse.mapper.proof import check
from dse.mapper.proof.rows import Rows
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import IFMAP

TURNS = 3
"""How often weights are sought for one set at most, each time over the splits that the last ones left."""

SHRUNK = 0.7
"""Weights are sought again while those before left no more than this part of the splits."""

HELPS = 0.9
"""Splits are held against sums once more while the last step left less than this part of them."""

DIRECT = 100_000
"""Combinations of splits that are walked at once."""

HEAT = 0.01
"""Lift, in logarithms, of splits that count as undecided when a set is cut."""


def choice_of(order: str | None) -> ListChoice | None:
    """What the checker has about a list, as the search has it.

    Examples
    --------
    >>> choice_of("K"), choice_of("R+"), choice_of(None)
    (ListChoice(kind=0, slide=-1, passing=True), ListChoice(kind=2, slide=4, passing=False), None)
    """
    if order is None:
        return None
    inner, after = order[:1], order[1:]
    if not inner:
        return ListChoice(NO_TRIPS)
    kind = next(operand for operand, dims in enumerate(check.LACKS) if inner in dims)
    slides = after if kind == IFMAP else inner
    slide = next((a for a, dims in enumerate(check.AXES) if len(dims) > 1 and slides and slides in dims), NO_SLIDE)
    return ListChoice(kind, slide, not after)


def told_apart(space: Space, checker: check.Checker) -> Space:
    """The mapper's space with the checker's splits, in which rows and columns are told apart."""
    axes = []
    for mine, dims in zip(space.axes, check.AXES, strict=True):
        splits = [checker.splits[d] for d in dims]
        parts = [split.reshape(len(split), -1, 3) for split in splits]
        chains = [np.stack([part[:, :, 0], part[:, :, 1] * part[:, :, 2]], axis=2) for part in parts]
        merged = tuple(chain.reshape(len(chain), -1) for chain in chains)
        own, other = (np.unique(np.concatenate(some, axis=1), axis=0) for some in (mine.chains, merged))
        given = space.problem
        many = prod(int(count_chains(given, d, any_tiles(given, d), apart=True)) for d in mine.dims)
        assert len(merged[0]) == many, "the checker lists more splits, or fewer"
        # The mapper leaves out of a long axis what fits nowhere, the checker nothing.
        assert mine.fitting or np.array_equal(own, other), "the checker lists other splits"
        sides = np.prod([part[:, :, 1:] for part in parts], axis=0)
        axes.append(Axis(mine.dims, mine.bounds, merged, mine.stride, mine.dilation, sides))
    rows = tuple(np.arange(len(axis)) for axis in axes)
    words = Pool(space.crossings, axes, len(space.problem.nodes))
    bare = replace(space, axes=axes, words=words, needed={}, alike={}, shared=Shared())
    found = narrowed(bare, space.problem, space.mask, rows)
    return replace(found, words=words)  # the checker does not know that psums that come back are repeated by a list


class Tree:
    """The tree of one part: sets of mappings, cut until bounds close each."""

    def __init__(self, rows: Rows, sets: check.Checker, kind: int) -> None:
        self.rows, self.space, self.sets = rows, told_apart(rows.space, sets), sets
        self.best = Best.knowing_nothing(kind, self.space.problem)

    def whole(self) -> dict[str, Any]:
        """The tree of the whole part, sought from weights that are the same for all terms of a block."""
        fixed = fixed_weights(self.space, self.best)
        share = np.maximum(fixed, 0.0) / np.maximum(np.bincount(self.space.block, minlength=len(fixed)), 1)
        even = np.where(self.space.block < FIRST_LIMIT, share[self.space.block], 0.0)
        return self.grown(self.sets.whole, {}, even, HOT)

    def grown(self, rows: list[Ints], orders: dict[int, str], start: Floats, heat: float = WARM) -> dict[str, Any]:
        """The tree of a set, in the form of the file."""
        if not all(map(len, rows)):
            return {}
        steps: list[Any] = []
        before, turns, tables = inf, 0, self.sets.tables(rows, orders)[0]
        while True:
            rows, tables = self._narrowed(rows, tables, steps)
            if not all(map(len, rows)):
                return {"weights": steps}
            size = sum(map(len, rows))
            if turns == TURNS or size > SHRUNK * before:
                break
            start = self._climbed(rows, orders, start, heat)
            steps.append(self.rows.weights(start))
            before, heat, turns = size, WARM, turns + 1
        return {"weights": steps, **self._cut(rows, tables, orders, start)}

    def _narrowed(
        self, rows: list[Ints], tables: list[Floats], steps: list[Any]
    ) -> tuple[list[Ints], list[Floats]]:
        """What the last step leaves, and steps without weights after it while they help."""
        here, size = steps[-1:] or [[]], sum(map(len, rows))
        if not steps:
            steps.append([])
        while here:
            bounds = self.sets.bounds_by(here.pop(), tables)
            keep = [~(bound >= self.sets.target) for bound in bounds]
            rows, tables = ([x[mine] for x, mine in zip(some, keep, strict=True)] for some in (rows, tables))
            left = sum(map(len, rows))
            if all(map(len, rows)) and left < HELPS * size:
                here.append([])
                steps.append([])
            size = left
        return rows, tables

    def _climbed(self, rows: list[Ints], orders: dict[int, str], start: Any, heat: float) -> Floats:
        """Weights that bound a set well."""
        space, best = self.space, self.best
        logs, first, second = space.columns(self._laid(orders))
        ends = np.cumsum([len(row) for row in rows])
        start_of = np.concatenate([[0], ends[:-1]])
        limits, fixed = limits_of(space, best), fixed_weights(space, best)
        terms = Terms(first, second, logs, space.block, space.group, limits, fixed, space.groups, space.cuts)
        tables, factors = (tuple(axis.table(plain) for axis in space.axes) for plain in (False, True))
        family = Family(
            logs[None].copy(), first[None], np.ones((1, ends[-1]), dtype=bool), space.steps,
            np.zeros((0, 3), dtype=np.int64), np.zeros((1, 0), dtype=np.int64), NO_FAN_OUTS,
        )  # fmt: skip
        flock = Flock(
            np.zeros((1, ends[-1]), dtype=np.int64), start_of, np.zeros((1, 6), dtype=np.int64),
            np.zeros((1, ends[-1])), np.array(start, dtype=float)[None].copy(), np.zeros(1), np.zeros(1),
        )  # fmt: skip
        effort = Effort(heat, self.sets.target)
        chains = tables_of_axes(space.axes).chains
        compiled(climb_all)(tables, factors, chains, terms, family, np.concatenate(rows), effort, flock)
        return flock.weights[0]

    def _laid(self, orders: dict[int, str]) -> tuple[ListChoice | None, ...]:
        """What is laid down about the lists, as the search has it."""
        return tuple(choice_of(orders.get(level)) for level in range(self.space.problem.last))

    def _cut(self, rows: list[Ints], tables: list[Floats], orders: dict[int, str], weights: Any) -> dict[str, Any]:
        """The parts that a set is cut into, none where all combinations that are left can be looked at."""
        unknown = [i for i in range(self.space.problem.last) if i not in orders]
        if np.prod([float(len(row)) for row in rows]) <= DIRECT:
            left, costs = self._left(rows, orders)
            if len(left) == 0:
                return {}
            if not unknown:
                return self._halves(rows, tables, orders, weights, self._undecided(rows, left, costs))
        if unknown:
            level = unknown[-1]
            parts = []
            for order in check.ORDERS:
                agreeing = self.sets.agreeing(rows, level, order)
                parts.append(self.grown(agreeing, {**orders, level: order}, weights))
            return {"list": level, "parts": parts}
        return self._halves(rows, tables, orders, weights, self._where(tables, weights))

    def _left(self, rows: list[Ints], orders: dict[int, str]) -> tuple[Ints, Floats]:
        """(n, axes) combinations of splits but for those whose sums are too large, and (n,) logarithms of these."""
        (tables, known), left = self.sets.tables(rows, orders), np.zeros((1, 0), dtype=np.int64)
        logs, costs = np.zeros((1, len(self.sets.terms))), np.zeros(1)
        for at, table in enumerate(tables, start=1):
            left = np.column_stack([left.repeat(len(table), axis=0), np.tile(rows[at - 1], len(left))])
            logs = (logs[:, None] + table).reshape(-1, len(self.sets.terms))
            least = sum(other.min(axis=0) for other in tables[at:])
            costs = self.sets.costs(logs + least, known and at == len(tables))
            keep = ~(costs >= self.sets.target)
            left, logs, costs = left[keep], logs[keep], costs[keep]
        return left, costs

    def _halves(
        self, rows: list[Ints], tables: list[Floats], orders: dict[int, str], weights: Any, cut: tuple[int, Any, float]
    ) -> dict[str, Any]:
        """A set cut by the splits of an axis: those with no more than this of a term, or of a factor, and others."""
        a, what, most = cut
        low = (tables[a][:, what] if isinstance(what, int) else self.sets.splits[what[0]][rows[a], what[1]]) <= most
        parts = [self.grown([*rows[:a], rows[a][side], *rows[a + 1 :]], orders, weights) for side in (low, ~low)]
        return {"cut": [*cut], "parts": parts}

    def _undecided(self, rows: list[Ints], left: Ints, costs: Floats) -> tuple[int, Any, float]:
        """A list in which some splits of a set have a loop over a dim and others none, as it is for mappings left.

        Once that is the same for all, it is known how far the ifmap slides, and all counts are exact.
        """
        found = []
        for a, dims in enumerate(check.AXES):
            for d in dims:
                part, of_left = ((self.sets.splits[d][row, ::3] > 1).mean(axis=0) for row in (rows[a], left[:, a]))
                found += [(of_left[i], i, a, d) for i in np.flatnonzero((part > 0.0) & (part < 1.0)).tolist()]
        if not found:
            short = 100.0 * expm1(self.sets.target - costs.min())
            message = f"no bound rules out {len(left)} mappings that cost no less: the least is {short:.2g} % too low"
            raise DseError(message, hint="more visits of psums may cost less here; a larger --gap may have a proof")
        _, level, a, d = max(found)
        return a, [d, 3 * level], 1.0

    def _where(self, tables: list[Floats], weights: Any) -> tuple[int, int, float]:
        """The axis, the term and its factor there, about which the bound is most undecided."""
        worst, found = -1.0, (0, 0, 0.0)
        given = self.rows.weights(weights)
        of_terms = np.bincount(*given, self.sets.rows.size).reshape(self.sets.rows.shape).sum(axis=0)
        for a, (table, bound) in enumerate(zip(tables, self.sets.bounds_by(given, tables), strict=True)):
            share = np.exp((bound.min() - bound) / HEAT)
            share /= share.sum()
            means = share @ table
            spreads = of_terms * np.sqrt(share @ (table - means) ** 2)
            spreads[(table.max(axis=0) <= means) | (table.min(axis=0) > means)] = -1.0
            at = int(np.argmax(spreads))
            if spreads[at] > worst:
                worst, found = float(spreads[at]), (a, at, float(means[at]))
        return found
