"""Sums of terms and the splits that are left, which all bounds stand on. Compilable."""

from __future__ import annotations

from typing import NamedTuple

from dse.model.counting.kernel import Floats, Ints

OF_ENERGY, OF_TIME, FIRST_LIMIT = range(3)
"""Blocks of terms: the two parts of the objective, then the blocks that have a limit."""

ROUNDING = 1e-12
"""Difference of logarithms that rounding may make."""

OVER = 1e-11
"""Part by which a sum may be over its limit: more than rounding makes of a sum and of a limit\'s logarithm."""

NO_LIMIT = 700.0
"""Logarithm in place of a limit that there is not: no sum gets there, and it is still a number when it is raised."""


class Terms(NamedTuple):
    """Sums of T terms, each a coefficient times two factors per axis, in B blocks.

    Parameters
    ----------
    first, second : (T, 6) int64
        Columns of each term's factors in the axes' tables; column 0 is the factor 1.
    logs : (T,) float
        Logarithm of each coefficient (pJ, steps, or the unit of the block's limit).
    block : (T,) int64
        Block of each term: `OF_ENERGY`, `OF_TIME`, then one per limited capacity or side.
    group : (T,) int64
        Group of each term, -1 for none: only the longest group of a block counts.
    limits : (B,) float
        Logarithm of each block's limit.
    fixed : (B,) float
        Weight of the objective's blocks, -1 for a limit.
    groups : int
        How many there are.
    cuts : (T, 2) float
        How many times a term is worth by its whole coefficient, and what is taken off then, see `worth`.
    """

    first: Ints
    second: Ints
    logs: Floats
    block: Ints
    group: Ints
    limits: Floats
    fixed: Floats
    groups: int
    cuts: Floats


class Alive(NamedTuple):
    """Splits of the six axes: those of axis a are rows[start[a]..end[a]].

    Parameters
    ----------
    rows : (n,) int64
        Columns of the axis' table.
    start, end : (6,) int64
    reduced : (n,) float
        Weighted logarithm of each split, beside `rows`, less the least of its axis once that is known.
    """

    rows: Ints
    start: Ints
    end: Ints
    reduced: Floats


def worth(value: float, cuts: Floats, t: int) -> float:
    """What a term adds at least, by its coefficient or by what this was before a constant was taken out of it.

    Parameters
    ----------
    value
        Its coefficient times factors, no more than those of the mappings it stands for.
    cuts : (T, 2) float
    """
    return max(value, value * cuts[t, 0] - cuts[t, 1])


def with_lists(terms: Terms, logs: Floats, first: Ints) -> Terms:
    """The same terms with other lists laid down.

    Parameters
    ----------
    logs, first
        As of `Terms`.
    """
    return Terms(
        first, terms.second, logs, terms.block, terms.group, terms.limits, terms.fixed, terms.groups, terms.cuts
    )  # fmt: skip


def in_use(terms: Terms, t: int) -> bool:
    """Whether a term belongs to the objective or to a limit that there is."""
    fixed = terms.fixed[terms.block[t]]
    return bool(fixed > 0.0 or (fixed < 0.0 and terms.limits[terms.block[t]] < NO_LIMIT))


def close_gaps(alive: Alive) -> None:
    """Move the splits of each axis to where those of the axis before end, the first axis' being where they are."""
    rows, reduced, at = alive.rows, alive.reduced, alive.end[0]
    for a in range(1, 6):
        for i in range(alive.start[a], alive.end[a]):
            rows[at], reduced[at] = rows[i], reduced[i]
            at += 1
        alive.end[a] = at
