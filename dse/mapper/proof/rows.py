"""The bounds of a space as a file has them: terms that are products, and rows that add them up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp
from typing import Any

import numpy as np

from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.bounds.sums.sift import FIRST_LIMIT, NO_LIMIT, OF_ENERGY, OF_TIME
from dse.mapper.deep.splits.axes import Key
from dse.mapper.proof import check
from dse.model.counting.kernel import Floats
from dse.model.counting.records import NONE, TILE
from dse.problem.dims import DIMS, IFMAP, WEIGHT

PARTS = {"energy": OF_ENERGY, "time": OF_TIME}

Factor = tuple[Any, ...]
"""Axis, dims, power, kind, operand and level of the transfers that lists repeat, columns of each dim."""

LARGEST = 900.0
"""What the weights of a limit add up to at most: the checker takes none above 1,000."""

PRECISE = 7
"""Digits of a weight."""


@dataclass(frozen=True)
class Rows:
    """The rows of a space for an objective, and where they have the terms of the search.

    Parameters
    ----------
    space : Space
    objective : {"energy", "latency", "edp"}
    spread : tuple
        Levels, and whether a sum over C is spread over the children of the fan-out below each.
    """

    space: Space
    objective: str
    spread: tuple[tuple[int, bool], ...] = ()

    @cached_property
    def products(self) -> dict[tuple[Factor, ...], int]:
        """All terms, each once, and their numbers."""
        every = [_factors_of(term, self.space) for term in self.space.terms]
        every += [_children(level, over) for level, over in self.spread]
        return {one: number for number, one in enumerate(dict.fromkeys(every))}

    @cached_property
    def _number_of(self) -> list[int]:
        return [self.products[_factors_of(term, self.space)] for term in self.space.terms]

    @cached_property
    def groups(self) -> list[tuple[str, int, int]]:
        """What every row is part of, its block and its group: the largest of a block's groups counts."""
        space = self.space
        blocks = [(part, PARTS[part]) for part in check.PARTS[self.objective]]
        blocks += [("limit", b) for b in range(FIRST_LIMIT, len(space.limits)) if space.limits[b] < NO_LIMIT]
        return [(part, block, group) for part, block in blocks
                for group in sorted(set(space.group[(space.block == block) & (space.group >= 0)].tolist())) or [-1]]

    def coefficients(self) -> list[tuple[str, Floats]]:
        """What every row is part of, and its coefficients; a row of a limit is one at most."""
        rows = []
        for part, block, group in self.groups:
            row, scale = np.zeros(len(self.products)), exp(-self.space.limits[block]) if part == "limit" else 1.0
            for number, term in zip(self._number_of, self.space.terms, strict=True):
                if term.block == block and term.group in (-1, group):
                    row[number] += term.coefficient * scale
            rows.append((part, row))
        for level, over in self.spread:
            row = np.zeros(len(self.products))
            row[self.products[_children(level, over)]] = 2.0 if over else 1.0
            rows.append(("limit", row))
        return rows

    def weights(self, given: Floats) -> list[list[float]]:
        """Weights of the search as those of rows: (sum of a group's, of its whole block's) times what all groups share.

        The weights of a block bound the sum of what its groups share and a mean of the groups. So they bound the same
        mean of the logarithms of rows, of which the largest counts.
        """
        found = np.zeros((len(self.groups), len(self.products)))
        numbers, terms = np.array(self._number_of), self.space
        for at, (_, block, group) in enumerate(self.groups):
            here = terms.block == block
            grouped, mine = given[here & (terms.group >= 0)].sum(), here & (terms.group == group)
            first = all(other[1] != block for other in self.groups[:at])
            share = given[mine].sum() / grouped if group >= 0 and grouped > 0.0 else float(first)
            if group >= 0:
                np.add.at(found[at], numbers[mine], given[mine])
            shared = here & (terms.group < 0)
            np.add.at(found[at], numbers[shared], share * given[shared])
        return self._rounded(found)

    def _rounded(self, found: Floats) -> list[list[float]]:
        """With few digits, those of every part adding up to one."""
        part = np.array([name for name, _, _ in self.groups])
        limits = part == "limit"
        for name in check.PARTS[self.objective]:
            found[part == name] /= found[part == name].sum()
        found[limits] *= np.minimum(1.0, LARGEST / np.maximum(found[limits].sum(axis=1, keepdims=True), 1.0))
        found = np.array([[float(f"{w:.{PRECISE}g}") for w in row] for row in found])
        for name in check.PARTS[self.objective]:
            mine = np.where((part == name)[:, None], found, 0.0)
            largest = np.unravel_index(mine.argmax(), mine.shape)
            found[largest] += 1.0 - mine.sum()
        found = np.vstack([found, np.zeros((len(self.spread), found.shape[1]))])
        return [[w or 0 for w in weights] for weights in found.tolist()]


def _children(level: int, over: bool) -> tuple[Factor, ...]:
    """Over how many children a sum over C is spread: one at most, or two at least, which is a half at most of one."""
    return (_plain("C", "tile", _fans([level]), power=-1 if over else 1),)


def _factors_of(term: Term, space: Space) -> tuple[Factor, ...]:
    """The factors of a term, but for its coefficient and those that are always one."""
    levels, found = len(space.problem.nodes), []
    for a, key in term.extra:
        found += _static(a, key, levels)
    if term.used:
        found += [_plain(d, "tile", _fans(range(term.used)), power=-1) for d in "".join(check.AXES)]
    if term.crossing >= 0:
        crossing = space.crossings[term.crossing]
        if term.view == crossing.steps_per_change and crossing.folds:
            found += [_plain(d, "combinations", range(0, 3 * levels, 3)) for d in "".join(check.AXES)]
        for dims in check.AXES:
            found += _moved(crossing, term.view, dims, levels)
    bounds = dict(zip(DIMS, space.problem.bounds, strict=True))
    return tuple(one for one in found if any(bounds[d] > 1 for d in one[1]))


def _plain(dims: str, kind: str, columns: Any, power: int = 1) -> Factor:
    """A factor that no list repeats."""
    return _axis(dims), dims, power, kind, 0, 0, tuple(columns)


def _axis(dims: str) -> int:
    return next(a for a, axis in enumerate(check.AXES) if dims[0] in axis)


def _fans(levels: Any) -> list[int]:
    """Columns of rows and columns of some levels' fan-outs."""
    return [3 * level + side for level in levels for side in (1, 2)]


def _static(a: int, key: Key, levels: int) -> list[Factor]:
    """The factors of a column of the search's tables that no order changes."""
    (what, *numbers), dims = key, check.AXES[a]
    if what == "words":
        operand, level, above = numbers
        columns = [*(_fans(range(above, level)) if above >= 0 else ()), *range(3 * level, 3 * levels)]
        if operand == IFMAP or len(dims) == 1:
            return [_plain(dims, "tile", columns)]
        return [_plain(dims[1] if operand == WEIGHT else dims[0], "tile", columns)]
    if what == "steps":
        return [_plain(d, "combinations", range(0, 3 * levels, 3)) for d in dims]
    level, sides = numbers[0], numbers[1:] or (0, 1)
    assert what in ("side", "children"), what
    return [_plain(d, "tile", [3 * level + 1 + side]) for side in sides for d in dims]


def _moved(crossing: Crossing, view: int, dims: str, levels: int) -> list[Factor]:
    """An axis' factors of the words that cross in a view, or of how often they change."""
    operand, child = crossing.operand, crossing.child
    if view >= len(crossing.views):
        own, apart, power = [*range(0, 3 * child, 3)], [], -1 if view == crossing.steps_per_change else 1
    else:
        own, apart, power = [*range(3 * levels)], _bits(crossing.views[view]), 1
        if operand == IFMAP and len(dims) > 1:
            joined = _bits(crossing.views[0] & ~crossing.views[view]) if crossing.mode != NONE else []
            kind = "boxes" if crossing.mode == TILE else "words"
            return [(_axis(dims), dims, 1, kind, operand, child, tuple(joined))]
    return [
        (_axis(d), d, power, "combinations", operand, child, tuple(apart if d in check.LACKS[operand] else own))
        for d in dims
    ]


def _bits(levels: int) -> list[int]:
    """Columns of the fan-outs of some levels (bits)."""
    return _fans(i for i in range(levels.bit_length()) if levels >> i & 1)
