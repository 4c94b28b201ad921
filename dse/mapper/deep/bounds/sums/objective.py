"""Time, and energy with the power that is drawn all the time, as sums of products of factors per axis, for bounds."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.bounds.sums.folds import fold_terms
from dse.mapper.deep.bounds.sums.records import OF_ENERGY, OF_TIME
from dse.mapper.deep.bounds.sums.terms import NO_GROUP, Book, terms_of_sum
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Key
from dse.model.counting.records import READ, WRITE
from dse.model.time import STREAMING
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q

RELEVANT_AXES = ((G, N, C, P, Q), (G, K, C, P, Q), (G, N, K, P, Q))
"""Axes of each operand; weights have only the window's dims of the last two, psums only the others."""


def objective_of(book: Book, least: float, differ: tuple[int, ...]) -> tuple[list[Term], int]:
    """The terms of energy and of time, and how many groups there are.

    Groups of a block are times of which the longest counts; other terms of the block add to it. Widths and capacities
    do not matter here.

    Parameters
    ----------
    least, differ
        The fewest steps and the axes on which splits differ in that, as `lay_down_fewest` in
        `dse.mapper.deep.bounds.sums.steps` returns them.
    """
    if (least, differ) not in book.ports.times:
        book.ports.times[least, differ] = _times(book, least, differ)
    times, groups = book.ports.times[least, differ]
    terms, static_pj = terms_of_sum(book.positive(book.energy), OF_ENERGY, NO_GROUP, 0), float(book.dp.static_pj)
    if static_pj == 0.0:
        return terms + times, groups
    for c, _, group, k, view, used, extra, whole, less in times:
        terms.append(
            Term(static_pj * c, OF_ENERGY, group, k, view, used, extra, static_pj * whole, static_pj * less)
        )  # fmt: skip
    for term in times:
        grouped = term.group != NO_GROUP
        terms.append(Term(term.coefficient, OF_TIME, term.group + groups, *term[3:]) if grouped else term)
    return terms, 2 * groups


def _times(book: Book, least: float, differ: tuple[int, ...]) -> tuple[list[Term], int]:
    """The terms of time, and how many groups there are.

    Of a level the port counts that takes longest with the fewest words; each would be sound. Of serial transfers each
    port of the outermost level that has several counts: once more with each, all groups have its time.
    """
    dp, nodes = book.dp, book.dp.nodes.tolist()
    grouped, groups = _steps(dp, book.crossings, least, differ)
    for t, node in enumerate(dp.port_node):
        overlapped = terms_of_sum(book.busy(t, False), OF_TIME, groups, nodes.index(int(node)))
        grouped += overlapped
        groups += len(overlapped) > 0
    beside: list[Term] = []
    serial: list[list[Term]] = [[]]
    for level in range(len(nodes)):
        each = serial_terms(book, level)
        if len(serial) == 1 and len(each) > 1:
            serial = each
        else:
            beside += each[0] if each else []
        ports = np.flatnonzero(dp.port_node == nodes[level]).tolist()
        for operands in ((IFMAP, WEIGHT), (PSUM,)):
            parts = [terms_of_first(dp, book, t, level, OF_TIME, 1.0, operands) for t in ports]
            beside += max(parts, default=[], key=lambda part: sum(term.coefficient for term in part))
    every = range(groups)
    found = [term._replace(group=term.group + i * groups) for i in range(len(serial)) for term in grouped]
    found += [term._replace(group=i * groups + g) for i, part in enumerate(serial) for g in every for term in part]
    return found + beside, groups * len(serial)


def serial_terms(book: Book, level: int, block: int = OF_TIME, scale: float = 1.0) -> list[list[Term]]:
    """Serial transfers through each port of a level that has any, longest first with the fewest words; of no group."""
    ports = np.flatnonzero(book.dp.port_node == book.dp.nodes[level])
    parts = [terms_of_sum(book.busy(int(t), True), block, NO_GROUP, level, scale) for t in ports]
    return sorted((part for part in parts if part), key=lambda part: -sum(_least(book, term) for term in part))


def _least(book: Book, term: Term) -> float:
    """What a term of a sum comes to with the fewest words: no view of an operand has fewer than the operand."""
    operand = book.crossings[term.crossing].operand
    return term.coefficient * (float(book.dp.words[operand]) if term.crossing >= 0 else 1.0)


def first_steps(terms: list[Term]) -> list[int]:
    """The compute steps of each block that has them, right before the fewest steps."""
    found: dict[int, int] = {}
    for i, term in enumerate(terms):
        if (0, ("steps",)) in term.extra:
            found.setdefault(term.block, i)
    return list(found.values())


def _steps(
    dp: Deep, crossings: list[Crossing], least: float, differ: tuple[int, ...]
) -> tuple[list[Term], int]:  # fmt: skip
    """Compute steps, the fewest of all, and the fewest with an axis' split; with what folds add to each."""
    steps = [Term(1.0, OF_TIME, 0, extra=of_all("steps"))]
    fewest: list[tuple[tuple[int, Key], ...]] = [(), *(_of_one(a, "fewest") for a in differ)]
    steps += [Term(least, OF_TIME, 1 + at, extra=extra) for at, extra in enumerate(fewest)]
    terms = steps + fold_terms(dp, crossings, steps[0], len(steps))
    return terms, 1 + max(term.group for term in terms)


def terms_of_first(
    dp: Deep, book: Book, t: int, level: int, block: int, scale: float, operands: tuple[int, ...]
) -> list[Term]:  # fmt: skip
    """First fill, or last drain, through a port."""
    terms = []
    for o in operands:
        cost = float(dp.port_cost[t, o, READ])
        if o == PSUM:
            cost = float(dp.port_cost[t, o, WRITE] - dp.port_saved[t, WRITE])  # the last tile may be finished
        tile = first_tile(dp, book.crossings, level, o)
        if tile and cost != 0.0:
            terms.append(Term(scale * cost, block, NO_GROUP, used=level, extra=tile))
    return terms


def first_tile(dp: Deep, crossings: list[Crossing], level: int, operand: int) -> tuple[tuple[int, Key], ...]:
    """The columns of the tile of an operand that a level hands on first, or takes last; none if it hands on none."""
    k = len(dp.nodes)
    mine = [c for c in crossings if c.operand == operand]
    at = next((i for i, c in enumerate(mine) if c.parent == level), -1)
    if at < 0 or mine[at].child == k:
        return ()
    while dp.buffering[dp.nodes[mine[at].child], operand] == STREAMING and mine[at + 1].child < k:
        at += 1
    return tile_of(operand, mine[at].child, mine[at].parent)


@cache
def of_all(*key: Any) -> tuple[tuple[int, Key], ...]:
    """The same column of all axes."""
    return tuple((a, key) for a in range(6))


@cache
def _of_one(axis: int, *key: Any) -> tuple[tuple[int, Key], ...]:
    """A column of one axis."""
    return ((axis, key),)


@cache
def tile_of(operand: int, level: int, above: int) -> tuple[tuple[int, Key], ...]:
    return tuple((a, ("words", operand if a in (P, Q) else IFMAP, level, above)) for a in RELEVANT_AXES[operand])
