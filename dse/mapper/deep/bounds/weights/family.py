"""Bounds on several subproblems that have one set of splits and terms. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.necessary.filled import drop_unfilled
from dse.mapper.deep.bounds.necessary.standing import FanOuts, drop_unplaced
from dse.mapper.deep.bounds.necessary.staying import drop_unstaying
from dse.mapper.deep.bounds.sums.records import ROUNDING, Alive, Terms, close_gaps, with_lists
from dse.mapper.deep.bounds.weights.dual import Effort, climb
from dse.mapper.deep.bounds.weights.stairs import hull_of
from dse.model.counting.kernel import Bools, Floats, Ints, entry


class Family(NamedTuple):
    """Subproblems that differ in what is laid down and in their splits, but not in their terms' sums; m of them.

    Parameters
    ----------
    logs : (m, T) float
        As of `Terms`; the floors' are raised to the fewest steps of the splits that are left.
    first : (m, T, 6) int64
    keep : (m, n) bool
        Which of the splits of a `Flock` each takes.
    steps : (6,) int64
        Column of the compute steps in each axis' table.
    floors : (F, 3) int64
        Terms of compute steps, each with the first of those that say how few these are at least, and their end.
    stays : (m, lists) int64
        The operand that stays in each list, see `dse.mapper.deep.bounds.necessary.staying`.
    fans : FanOuts
        Where children have to stand, see `dse.mapper.deep.bounds.necessary.standing`.
    """

    logs: Floats
    first: Ints
    keep: Bools
    steps: Ints
    floors: Ints
    stays: Ints
    fans: FanOuts


class Flock(NamedTuple):
    """The splits of m subproblems; those left of axis a follow those of the axis before, in row i up to end[i, a].

    Parameters
    ----------
    rows : (m, n) int64
    start : (6,) int64
        Where those of each axis stand to begin with.
    end : (m, 6) int64
    reduced : (m, n) float
    weights : (m, T) float
    bound, proven : (m,) float
        The bound that the splits' prices are above, and the best one that is known.
    """

    rows: Ints
    start: Ints
    end: Ints
    reduced: Floats
    weights: Floats
    bound: Floats
    proven: Floats


@entry
def climb_all(
    tables: tuple[Floats, ...], factors: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, family: Family,
    splits: Ints, effort: Effort, flock: Flock,
) -> None:  # fmt: skip
    """Bound each of a family of subproblems, see `climb`.

    Parameters
    ----------
    terms
        `logs` and `first` are those of the family instead.
    splits : (n,) int64
        Of all axes, as `flock.start` says.
    flock
        Filled; `weights` are the start.
    """
    size, steps = len(splits), hull_of(effort.steps)
    effort = Effort(effort.heat, effort.enough, steps)
    for i in range(len(flock.bound)):
        flock.proven[i] = -np.inf
        alive = Alive(flock.rows[i], flock.start, flock.end[i], flock.reduced[i])
        empty = False
        for a in range(6):
            at, end = flock.start[a], flock.start[a + 1] if a < 5 else size
            for k in range(flock.start[a], end):
                if family.keep[i, k]:
                    alive.rows[at] = splits[k]
                    at += 1
            alive.end[a] = at
            empty = empty or at == flock.start[a]
        if empty or not drop_unplaced(chains, family.fans, alive, 0.0, priced=False):
            flock.bound[i] = np.inf
            continue
        mine = with_lists(terms, family.logs[i], family.first[i])
        _raise_floors(tables, family, alive, mine.logs)
        flock.bound[i] = climb(tables, factors, mine, flock.weights[i], effort, alive)
        most = effort.enough - flock.bound[i] + ROUNDING
        if most >= 0.0 and not (
            drop_unstaying(chains, family.stays[i], alive, most) and drop_unplaced(chains, family.fans, alive, most)
        ):
            flock.bound[i] = np.inf
        if len(family.fans.level) > 0 and flock.bound[i] < effort.enough and effort.enough < np.inf:
            value, flock.proven[i] = drop_unfilled(
                tables, chains, mine, family.floors, family.fans, flock.weights[i], effort.enough, steps, alive
            )  # fmt: skip
            flock.bound[i] = max(flock.bound[i], value)
        close_gaps(alive)


def _raise_floors(tables: tuple[Floats, ...], family: Family, alive: Alive, logs: Floats) -> None:
    """Raise the fewest steps of all to those that the splits left allow, where these are more."""
    fewest = 0.0
    for a in range(6):
        least = np.inf
        for i in range(alive.start[a], alive.end[a]):
            least = min(least, tables[a][family.steps[a], alive.rows[i]])
        fewest += least
    for at in range(len(family.floors)):
        steps, floor = family.floors[at, 0], family.floors[at, 1]
        logs[floor] = max(logs[floor], logs[steps] + fewest)
