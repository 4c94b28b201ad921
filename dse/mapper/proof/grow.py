"""The tree of a proof: sets of mappings, cut until weights or prices close each of them."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from dse.mapper.deep.bounds.spaces import narrowed
from dse.mapper.deep.bounds.subproblem import HOT, Best, Node, Space, fixed_weights, limits_of
from dse.mapper.deep.bounds.sums.columns import Pool
from dse.mapper.deep.bounds.sums.sift import FIRST_LIMIT, Terms
from dse.mapper.deep.bounds.weights.dual import WARM, Effort, Family, Flock, climb_all
from dse.mapper.deep.kept import Shared
from dse.mapper.deep.lists import NO_SLIDE, Choice
from dse.mapper.deep.nest import record_length
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.walks import walk_to
from dse.mapper.proof import check
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.model.counting.kernel import Floats, Ints

TURNS = 3
"""How often weights are sought for one set at most, each time over the splits that the last ones left."""

SHRUNK = 0.7
"""Weights are sought again while those before left no more than this part of the splits."""

DIRECT = 100_000
"""Combinations of splits that are walked at once."""

FEW = 64
"""Mappings that are priced at once while lists are not laid down."""

PRECISE = 7
"""Digits of a weight."""

HEAT = 0.01
"""Lift, in logarithms, of splits that count as undecided when a set is cut."""


def plain_of(choice: Choice | None) -> list[Any] | None:
    """What is laid down about a list, as the checker has it.

    Examples
    --------
    >>> plain_of(Choice(0, NO_SLIDE, ())), plain_of(None)
    ([0, None, ()], None)
    """
    if choice is None:
        return None
    return [choice.kind, check.AXES[choice.slide] if choice.slide >= 0 else None, choice.passing]


def choice_of(plain: Any) -> Choice | None:
    """What the checker has about a list, as the search has it.

    Examples
    --------
    >>> choice_of(plain_of(Choice(0, NO_SLIDE, ()))) == Choice(0, NO_SLIDE, ())
    True
    """
    if plain is None:
        return None
    return Choice(plain[0], NO_SLIDE if plain[1] is None else check.AXES.index(plain[1]), plain[2])


def told_apart(space: Space, listed: list[check.Axis]) -> Space:
    """The mapper's space with the checker's splits, in which rows and columns are told apart."""
    axes = []
    for mine, theirs in zip(space.axes, listed, strict=True):
        parts = [chain.reshape(len(chain), -1, 3) for chain in theirs.chains]
        chains = [np.stack([part[:, :, 0], part[:, :, 1] * part[:, :, 2]], axis=2) for part in parts]
        merged = tuple(chain.reshape(len(chain), -1) for chain in chains)
        own, other = (np.unique(np.concatenate(some, axis=1), axis=0) for some in (mine.chains, merged))
        assert len(merged[0]) == mine.ways, "the checker lists more splits, or fewer"
        assert np.array_equal(own, other), "the checker lists other splits"
        sides = np.prod([part[:, :, 1:] for part in parts], axis=0)
        axes.append(Axis(mine.dims, mine.bounds, merged, mine.stride, mine.dilation, sides, mine.ways))
    rows = tuple(np.arange(len(axis)) for axis in axes)
    words = Pool(space.crossings, axes, len(space.problem.nodes))
    bare = replace(space, axes=axes, words=words, agreeing={}, alike={}, shared=Shared())
    return narrowed(bare, space.problem, space.mask, rows)


class Tree:
    """The tree of one part: sets of mappings, cut until weights or prices close each."""

    def __init__(self, space: Space, sets: check.Space, kind: int) -> None:
        self.space, self.sets = told_apart(space, sets.axes), sets
        record = np.zeros((1, record_length(len(space.problem.nodes))), dtype=np.int64)
        counters, stop = np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64)
        self.best = Best(kind, 0.0, inf, np.zeros((1, 2)), record, counters, stop)

    def whole(self) -> dict[str, Any]:
        """The tree of the whole part, sought from weights that are the same for all terms of a block."""
        fixed = fixed_weights(self.space, self.best)
        share = np.maximum(fixed, 0.0) / np.maximum(np.bincount(self.space.block, minlength=len(fixed)), 1)
        even = np.where(self.space.block < FIRST_LIMIT, share[self.space.block], 0.0)
        return self.grown(*self.sets.root(), even, HOT)

    def grown(self, rows: list[Ints], choices: list[Any], start: Floats, heat: float = WARM) -> dict[str, Any]:
        """The tree of a set, in the form of the file."""
        weights: list[list[float]] = []
        before = inf
        while True:
            here = self.sets.narrowed(rows, choices, weights)
            if here is None:
                return {"weights": weights}
            left, tables = here
            size = sum(map(len, left))
            if len(weights) == TURNS or size > SHRUNK * before:
                break
            start = self._climbed(left, choices, weights[-1] if weights else start, heat)
            weights.append([float(f"{w:.{PRECISE}g}") for w in start])
            before, heat = size, WARM
        return {"weights": weights, **self._cut(left, tables, choices, start)}

    def _climbed(self, rows: list[Ints], choices: list[Any], start: Any, heat: float) -> Floats:
        """Weights that bound a set well."""
        space, best = self.space, self.best
        logs, first, second = space.columns(tuple(map(choice_of, choices)))
        ends = np.cumsum([len(row) for row in rows])
        start_of = np.concatenate([[0], ends[:-1]])
        limits, fixed = limits_of(space, best), fixed_weights(space, best)
        terms = Terms(first, second, logs, space.block, space.group, limits, fixed, space.groups, space.cuts)
        tables, factors = (tuple(axis.table(plain) for axis in space.axes) for plain in (False, True))
        family = Family(
            logs[None].copy(), first[None], np.ones((1, ends[-1]), dtype=bool), space.steps,
            np.zeros((0, 2), dtype=np.int64),
        )  # fmt: skip
        flock = Flock(
            np.zeros((1, ends[-1]), dtype=np.int64), start_of, np.zeros((1, 6), dtype=np.int64),
            np.zeros((1, ends[-1])), np.array(start, dtype=float)[None].copy(), np.zeros(1),
        )  # fmt: skip
        effort = Effort(heat, self.sets.target)
        compiled(climb_all)(tables, factors, terms, family, np.concatenate(rows), effort, flock)
        return flock.weights[0]

    def _cut(self, rows: list[Ints], tables: list[Floats], choices: list[Any], weights: Any) -> dict[str, Any]:
        """The parts that a set is cut into, or the prices of its mappings when they are few."""
        unknown = [i for i, choice in enumerate(choices) if choice is None]
        if np.prod([float(len(row)) for row in rows]) <= DIRECT:
            some = self.sets.left(rows, tables)
            if not unknown or len(some) <= FEW:
                return {"priced": [self._price(chosen, choices) for chosen in some]}
        if unknown:
            level = unknown[-1]
            parts = []
            for choice in check.CHOICES:
                laid = [choice if i == level else old for i, old in enumerate(choices)]
                parts.append(self.grown(self.sets.agreeing(rows, level, choice), laid, weights))
            return {"list": level, "parts": parts}
        a, term, most = self._where(tables, weights)
        sides = [tables[a][:, term] <= most, tables[a][:, term] > most]
        parts = [
            self.grown([row[side] if x == a else row for x, row in enumerate(rows)], choices, weights) for side in sides
        ]
        return {"cut": [a, term, most], "parts": parts}

    def _where(self, tables: list[Floats], weights: Any) -> tuple[int, int, float]:
        """The axis, the term and its factor there, about which the bound is most undecided."""
        worst, found = -1.0, (0, 0, 0.0)
        _, lifts = self.sets.weigh(weights, tables)
        for a, (table, lift) in enumerate(zip(tables, lifts, strict=True)):
            share = np.exp(-lift / HEAT)
            share /= share.sum()
            means = share @ table
            spreads = np.asarray(weights) * np.sqrt(share @ (table - means) ** 2)
            spreads[(table.max(axis=0) <= means) | (table.min(axis=0) > means)] = -1.0
            at = int(np.argmax(spreads))
            if spreads[at] > worst:
                worst, found = float(spreads[at]), (a, at, float(means[at]))
        return found

    def _price(self, chosen: Ints, choices: list[Any]) -> float | None:
        """The least objective of a split and its orders that agree with the choices, None where none is legal."""
        space = self.space
        best = replace(self.best, values=np.zeros((1, 2)), held=0)
        laid = tuple(map(choice_of, choices))
        rows, level = tuple(np.array([row]) for row in chosen), tuple(np.zeros(1) for _ in chosen)
        walk_to(Node(space, laid, rows, np.zeros(0), 0.0, level, space.columns(laid)), best, inf, 0)
        if best.held == 0:
            return None
        energy, steps = (float(x) for x in best.values[0])
        return {ENERGY: energy, LATENCY: steps, EDP: energy * steps}[best.kind]
