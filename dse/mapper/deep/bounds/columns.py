"""Which factors of the axes' tables the terms have once some lists are laid down."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from dse.mapper.deep.axes import AXES, Axis, Key
from dse.mapper.deep.bounds.crossings import Crossing, Term
from dse.mapper.deep.lists import IRRELEVANT, NO_SLIDE, NO_TRIPS, Choice
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import IFMAP, P, Q

Run = tuple[int, tuple[int, ...]]
"""Lists that repeat a crossing's transfers, and axes that the ifmap may slide on."""

Columns = tuple[Floats, Ints, Ints]
"""(T,) logarithms of the terms' coefficients with all factors that are the same in every mapping; (T, 6) columns of the
words' factors; (T, 6) columns of the instances in use."""

Words = tuple[Ints, Floats]
"""(views, 6) columns of the factors of each view's words; (views,) logarithms of the factors that all splits share."""


def run_of(operand: int, child: int, levels: int, choices: tuple[Choice | None, ...]) -> Run:
    """How many lists repeat a crossing's transfers at least, and the axes that the ifmap may slide on.

    A list of which nothing is known (None) may keep the operand in place, and may have nothing that moves it; so may
    one of which no more is known than that this operand stays. In one in which another stays the ifmap may slide.
    """
    moves = operand == IFMAP
    if child == levels:
        return levels, ()
    slides: tuple[int, ...] = ()
    for i in range(child - 1, -1, -1):
        choice = choices[i]
        if choice is None or (choice.partial and choice.kind == operand):
            slides = (P, Q) if moves else ()
            continue
        if choice.kind == NO_TRIPS or (choice.kind == operand and choice.passing):
            continue
        if moves and choice.partial:
            slides = (P, Q)
        elif moves and choice.slide != NO_SLIDE and choice.slide not in slides:
            slides = tuple(sorted((*slides, choice.slide)))
        return (i if choice.kind == operand else i + 1), slides
    return 0, slides


@dataclass(frozen=True, slots=True)
class Places:
    """Where the terms of a space find their factors, but for what lists laid down decide.

    Parameters
    ----------
    logs : (T,) float
        Logarithms of the coefficients.
    first, second : (T, 6) int64
        Columns of the axes' tables: of tiles, steps and children; of the instances in use.
    of_crossings : (*,) int64
        Terms of the words of crossings, crossing by crossing.
    views : tuple of arrays
        Per crossing, the view of each of these terms.
    """

    logs: Floats
    first: Ints
    second: Ints
    of_crossings: Ints
    views: tuple[Ints, ...]


def places_of(terms: list[Term], crossings: list[Crossing], axes: list[Axis]) -> Places:
    in_use = {used: [axis.column(("idle", used)) if used > 0 else 0 for axis in axes]
              for used in sorted({term.used for term in terms})}  # fmt: skip
    tiles: dict[tuple[tuple[int, Key], ...], list[int]] = {(): [0] * len(axes)}
    mine: list[list[int]] = [[] for _ in crossings]
    for row, term in enumerate(terms):
        if term.extra not in tiles:
            columns = dict.fromkeys(range(len(axes)), 0) | {a: axes[a].column(key) for a, key in term.extra}
            tiles[term.extra] = list(columns.values())
        if term.crossing >= 0:
            mine[term.crossing].append(row)
    first = np.array([tiles[term.extra] for term in terms], dtype=np.int64)
    second = np.array([in_use[term.used] for term in terms], dtype=np.int64)
    views = tuple(np.array([terms[row].view for row in rows], dtype=np.int64) for rows in mine)
    logs = np.log([term.coefficient for term in terms])
    return Places(logs, first, second, np.array([row for rows in mine for row in rows], dtype=np.int64), views)


def words_of(crossing: Crossing, axes: list[Axis], run: Run) -> Words:
    """What the words of a crossing's views are products of, and the counts behind them."""
    lists, slides = run
    counts = len(crossing.views) + 2 * crossing.folds
    columns, scales = np.zeros((counts, 6), dtype=np.int64), np.zeros(counts)
    for view, fans in enumerate(crossing.views):
        for a, axis in enumerate(axes):
            for d, bound in zip(axis.dims, axis.bounds, strict=True):
                if d in IRRELEVANT[crossing.operand]:
                    columns[view, a] = axis.column(("count", d, lists, fans))
                elif len(AXES[a]) == 1 or crossing.operand != IFMAP:
                    scales[view] += log(bound)
            if len(AXES[a]) > 1 and crossing.operand == IFMAP:
                joined = crossing.views[0] & ~fans
                columns[view, a] = axis.column(("boxes", crossing.child, joined, crossing.mode, a in slides))
    for a, axis in enumerate(axes) if crossing.folds else ():
        # Loops that the operand has not repeat it where they stand outside one that it has, as all others do.
        each = tuple(lists if d in IRRELEVANT[crossing.operand] else crossing.child for d in axis.dims)
        columns[crossing.changes, a] = axis.column(("changes", *each))
        columns[crossing.steps_per_change, a] = axis.column(("steps_per_change", *each))
    return columns, scales


def columns_of(places: Places, words: list[Words]) -> tuple[Floats, Ints]:
    """(T,) logarithms of the words' factors that are the same in every mapping; (T, 6) columns of the others.

    Parameters
    ----------
    words
        Of the terms of each crossing: what `words_of` has for their views.
    """
    scales, first = np.zeros(len(places.logs)), places.first.copy()
    first[places.of_crossings] = np.concatenate([columns for columns, _ in words])
    scales[places.of_crossings] = np.concatenate([logs for _, logs in words])
    return scales, first
