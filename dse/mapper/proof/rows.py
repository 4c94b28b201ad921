"""The bounds of a space as a file has them: terms that are products, and rows that add them up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import exp
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.bounds.sums.objective import serial_terms, terms_of_first
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, NO_LIMIT, OF_ENERGY, OF_TIME
from dse.mapper.deep.bounds.sums.terms import NO_GROUP, Book, Sum, terms_of_sum
from dse.mapper.deep.splits.axes import Key
from dse.mapper.proof import check
from dse.model.counting.kernel import Floats
from dse.model.counting.records import NONE, TILE
from dse.problem.dims import DIMS, IFMAP, PSUM, WEIGHT, G

PARTS = {"energy": OF_ENERGY, "time": OF_TIME}

OBJECTIVES = {"energy": ["energy"], "latency": ["time"], "edp": ["energy", "time"]}
"""The parts that an objective is the product of."""

Factor = tuple[Any, ...]
"""Axis, dims, power, kind, operand and level of the transfers that lists repeat, columns of each dim."""

LARGEST = 900.0
"""What the weights of a limit add up to at most: the checker takes none above 1,000."""

PRECISE = 7
"""Digits of a weight."""


class Row(NamedTuple):
    """What one row adds up, of which the largest of a block counts.

    Parameters
    ----------
    part : {"energy", "time", "limit"}
    block : int
        All rows of a block have its number.
    terms : tuple of Term
        By their coefficients, which may be below zero where the row is an exact price.
    """

    part: str
    block: int
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Rows:
    """The rows of a space for an objective, and where they have the terms of the search.

    Parameters
    ----------
    space : Space
    objective : {"energy", "latency", "edp"}
    spread : tuple
        Levels, and whether a sum over C, R or S is spread over the children of the fan-out below each.
    """

    space: Space
    objective: str
    spread: tuple[tuple[int, bool], ...] = ()

    @cached_property
    def _apart(self) -> _Apart:
        return _Apart.of(self.space)

    @cached_property
    def rows(self) -> list[Row]:
        """All rows but those of what is spread."""
        space, found = self.space, list[Row]()
        book = Book(space.problem, space.crossings)
        for part in OBJECTIVES[self.objective]:
            for rows in _blocks(space, book, PARTS[part], self._apart):
                block = len({(row.part, row.block) for row in found})
                found += [Row(part, block, tuple(terms)) for terms in rows if terms]
        for b in range(FIRST_LIMIT, len(space.limits)):
            if space.limits[b] < NO_LIMIT:
                found.append(Row("limit", b, tuple(term for term in space.terms if term.block == b)))
        return found

    @cached_property
    def products(self) -> dict[tuple[Factor, ...], int]:
        """All terms, each once, and their numbers."""
        every = [_factors_of(term, self.space) for row in self.rows for term in row.terms]
        every += [_children(level, over) for level, over in self.spread]
        return {one: number for number, one in enumerate(dict.fromkeys(every))}

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        """The row and the number of each term of the search."""
        found, stands_for = dict[Term, tuple[int, int]](), self._apart.stands_for
        for at, row in enumerate(self.rows):
            if all(term.coefficient >= 0.0 for term in row.terms):
                for term in row.terms:
                    found.setdefault(term, (at, self.products[_factors_of(term, self.space)]))
        return [found.get(stands_for.get(term, term), (-1, 0)) for term in self.space.terms]

    @cached_property
    def blocks(self) -> dict[tuple[str, int], list[Floats]]:
        """The rows of every block, by what it is part of: the largest counts, and is one at most for a limit."""
        found = dict[tuple[str, int], list[Floats]]()
        for part, block, terms in self.rows:
            row, scale = np.zeros(len(self.products)), exp(-self.space.limits[block]) if part == "limit" else 1.0
            for term in terms:
                row[self.products[_factors_of(term, self.space)]] += term.coefficient * scale
            found.setdefault((part, block), []).append(row)
        for level, over in self.spread:
            row = np.zeros(len(self.products))
            row[self.products[_children(level, over)]] = 2.0 if over else 1.0
            found["limit", -1 - level] = [row]
        return found

    def to_dict(self) -> dict[str, Any]:
        """The terms and blocks of rows in the form of the file."""
        return {
            "terms": [list(factors) for factors in self.products],
            "blocks": [[part, [[c or 0 for c in row.tolist()] for row in rows]]
                       for (part, _), rows in self.blocks.items()],
        }  # fmt: skip

    def weights(self, given: Floats) -> tuple[list[int], list[float]]:
        """Weights of the search as those of rows, with few digits, those of every part adding up to one.

        Returns
        -------
        list of int
            The places of those that are not zero, in the rows of all blocks one after the other.
        list of float
            The weights there.
        """
        parts = np.array([part for (part, _), rows in self.blocks.items() for _ in rows])
        found, limits = np.zeros((len(parts), len(self.products))), parts == "limit"
        for (row, number), weight in zip(self._places, given, strict=True):
            if row >= 0:
                found[row, number] += weight
        for name in OBJECTIVES[self.objective]:
            found[parts == name] /= found[parts == name].sum()
        found[limits] *= np.minimum(1.0, LARGEST / np.maximum(found[limits].sum(axis=1, keepdims=True), 1.0))
        places = np.flatnonzero(found)
        few = np.array([float(f"{w:.{PRECISE}g}") for w in found.flat[places]])
        for name in OBJECTIVES[self.objective]:
            mine = parts[places // len(self.products)] == name
            few[np.where(mine, few, 0.0).argmax()] += 1.0 - few[mine].sum()
        return places.tolist(), few.tolist()


class _Apart(NamedTuple):
    """Times that overlap, of which the longest counts, without the serial ones that groups of the search have in them.

    Parameters
    ----------
    groups : dict
        By block, the terms of each group.
    stands_for : dict
        The term of a group, or of no group, that a term of the search is.
    """

    groups: dict[int, list[list[Term]]]
    stands_for: dict[Term, Term]

    @classmethod
    def of(cls, space: Space) -> _Apart:
        book, levels, found = Book(space.problem, space.crossings), range(len(space.problem.nodes)), cls({}, {})
        for block, scale in ((OF_ENERGY, float(space.problem.static_pj)), (OF_TIME, 1.0)):
            mine = [term for term in space.terms if term.block == block and term.group != NO_GROUP]
            serial = {term for at in levels for part in serial_terms(book, at, block, scale) for term in part}
            first = dict[tuple[Term, ...], list[Term]]()
            for group in sorted({term.group for term in mine}):
                terms = [term for term in mine if term.group == group]
                bare = [term for term in terms if term._replace(group=NO_GROUP) not in serial]
                kept = first.setdefault(tuple(term._replace(group=NO_GROUP) for term in bare), bare)
                found.stands_for.update(zip(bare, kept, strict=True))
                found.stands_for.update({term: term._replace(group=NO_GROUP) for term in terms if term not in bare})
            found.groups[block] = list(first.values())
        return found


def _blocks(space: Space, book: Book, block: int, apart: _Apart) -> Iterator[list[list[Term]]]:
    """The rows of each block of energy or of time: what the search adds up, and exact prices."""
    dp, nodes = space.problem, space.problem.nodes.tolist()
    scale = float(dp.static_pj) if block == OF_ENERGY else 1.0
    if block == OF_ENERGY:
        energy = book.positive(book.energy)
        yield [terms_of_sum(energy, block, NO_GROUP, 0), _whole(energy, block, 0), _exact(book, book.energy, block, 0)]
    if scale == 0.0:
        return
    ports = {t: nodes.index(int(node)) for t, node in enumerate(dp.port_node)}
    yield [
        *apart.groups[block],
        *(_whole(book.busy(t, False), block, level, scale) for t, level in ports.items()),
        *(_exact(book, book.overlapped(t), block, level, scale) for t, level in ports.items()),
    ]
    for level in range(len(nodes)):
        here = [t for t, at in ports.items() if at == level]
        yield [
            *serial_terms(book, level, block, scale),
            *(_whole(book.busy(t, True), block, level, scale) for t in here),
            *(_exact(book, book.port(t, True), block, level, scale) for t in here),
        ]
        yield [terms_of_first(dp, book, t, level, block, scale, (IFMAP, WEIGHT)) for t in here]
        yield [terms_of_first(dp, book, t, level, block, scale, (PSUM,)) for t in here]


def _whole(total: Sum, block: int, used: int, scale: float = 1.0) -> list[Term]:
    """A sum before a constant was taken out of its coefficients, less that constant; nothing where none was."""
    if not total.cuts:
        return []
    whole = total.parts | {place: value for place, (value, _) in total.cuts.items()}
    terms = [Term(scale * value, block, NO_GROUP, k, view, used) for (k, view), value in whole.items()]
    less = sum(cut for _, cut in total.cuts.values())
    return [*terms, Term(-scale * less, block, NO_GROUP)]


def _exact(book: Book, total: Sum, block: int, used: int, scale: float = 1.0) -> list[Term]:
    """A sum as it is, where some counts are taken off; nothing where more visits of psums may cost less."""
    least = min([*total.parts.values(), total.constant if used else 0.0])
    if least >= 0.0 or book.dp.visits_pay:
        return []
    terms = [Term(scale * value, block, NO_GROUP, k, view, used) for (k, view), value in total.parts.items()]
    return [*terms, Term(scale * total.constant, block, NO_GROUP, used=used)]


def _children(level: int, over: bool) -> tuple[Factor, ...]:
    """Over how many children a sum is spread: one at most, or two at least, which is a half at most of one."""
    return tuple(_plain(d, "tile", _fans([level]), power=-1 if over else 1) for d in check.LACKS[PSUM])


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
        unsure = bool(space.problem.visits_pay and space.problem.bounds[G] > 1)
        for dims in check.AXES:
            found += _moved(crossing, term.view, dims, levels, unsure)
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


def _moved(crossing: Crossing, view: int, dims: str, levels: int, unsure: bool) -> list[Factor]:
    """An axis' factors of the words that cross in a view, or of how often they change."""
    operand, child = crossing.operand, crossing.child
    if view >= len(crossing.views):
        own, apart, power = [*range(0, 3 * child, 3)], [], -1 if view == crossing.steps_per_change else 1
    else:
        own, apart, power = [*range(3 * levels)], _bits(crossing.views[view]), 1
        if operand == IFMAP and len(dims) > 1:
            joined = _bits(crossing.views[0] & ~crossing.views[view]) if crossing.mode != NONE else []
            # Where psums may stay over fewer loops, G may be inside others, and nothing slides: boxes are not known.
            kind = "boxes" if crossing.mode == TILE and not unsure else "words"
            return [(_axis(dims), dims, 1, kind, operand, child, tuple(joined))]
    return [
        (_axis(d), d, power, "combinations", operand, child, tuple(apart if d in check.LACKS[operand] else own))
        for d in dims
    ]


def _bits(levels: int) -> list[int]:
    """Columns of the fan-outs of some levels (bits)."""
    return _fans(i for i in range(levels.bit_length()) if levels >> i & 1)
