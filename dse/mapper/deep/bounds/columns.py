"""Which factors of the axes' tables the terms have once some lists are laid down."""

from __future__ import annotations

from math import log

import numpy as np

from dse.mapper.deep.axes import AXES, Axis
from dse.mapper.deep.bounds.terms import Crossing, Term
from dse.mapper.deep.lists import IRRELEVANT, NO_SLIDE, NO_TRIPS, Choice
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import IFMAP, P, Q

Run = tuple[int, tuple[int, ...]]
"""Lists that repeat a crossing's transfers, and axes that the ifmap may slide on."""

Columns = tuple[Floats, Ints, Ints]


def run_of(operand: int, child: int, levels: int, choices: tuple[Choice | None, ...]) -> Run:
    """How many lists repeat a crossing's transfers at least, and the axes that the ifmap may slide on.

    A list of which nothing is known (None) may keep the operand in place, and may have nothing that moves it.
    """
    if child == levels:
        return levels, ()
    slides: tuple[int, ...] = ()
    for i in range(child - 1, -1, -1):
        choice = choices[i]
        if choice is None:
            slides = (P, Q)
            continue
        if choice.kind == NO_TRIPS or (choice.kind == operand and choice.passing):
            continue
        if choice.slide != NO_SLIDE:
            slides = (*slides, choice.slide)
        return (i if choice.kind == operand else i + 1), slides
    return 0, slides


def columns_of(terms: list[Term], crossings: list[Crossing], axes: list[Axis], runs: tuple[Run, ...]) -> Columns:
    """(T,) logarithms of the coefficients with all factors that are the same in every mapping; (T, 6) columns of the
    words' factors; (T, 6) columns of the instances in use.

    Parameters
    ----------
    runs
        Of each crossing, see `run_of`.
    """
    first, second = np.zeros((len(terms), 6), dtype=np.int64), np.zeros((len(terms), 6), dtype=np.int64)
    logs = np.zeros(len(terms))
    for row, term in enumerate(terms):
        scale = term.coefficient
        for a, key in term.extra:
            first[row, a] = axes[a].column(key)
        if term.used > 0:
            for a in range(6):
                second[row, a] = axes[a].column(("idle", term.used))
        if term.crossing >= 0:
            c, (lists, slides) = crossings[term.crossing], runs[term.crossing]
            fans = c.views[term.view]
            for a, axis in enumerate(axes):
                for d, bound in zip(axis.dims, axis.bounds, strict=True):
                    if d in IRRELEVANT[c.operand]:
                        first[row, a] = axis.column(("count", d, lists, fans))
                    elif len(AXES[a]) == 1 or c.operand != IFMAP:
                        scale *= bound
                if len(AXES[a]) > 1 and c.operand == IFMAP:
                    joined = c.views[0] & ~fans
                    first[row, a] = axis.column(("boxes", c.child, joined, c.mode, a in slides))
        logs[row] = log(scale)
    return logs, first, second
