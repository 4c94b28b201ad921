"""A leaf of the deep search: the combinations of splits of a small subproblem, axis by axis. Compilable.

What an axis contributes to every count is a row of factors (`dse.mapper.deep.splits.axes`); the walk multiplies
them up, and holds both the sums that follow and the separable bound (`dse.mapper.deep.bounds.weights.dual`) against
the best known.
"""

from __future__ import annotations

from typing import NamedTuple

from dse.mapper.deep.bounds.kindred import Parts
from dse.mapper.deep.bounds.sums.axis_sums import AxisSums, add_up_several, axis_sums_of, weigh_columns
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, OF_ENERGY, OF_TIME, OVER, Alive, Terms
from dse.mapper.deep.bounds.sums.shrink import LAST, Sums, SumWalk, add_up, shrink, walk_of
from dse.mapper.deep.bounds.sums.sift import BLOCK
from dse.mapper.deep.leaf.orders import (
    LEAVES,
    SPLITS,
    UNFINISHED,
    Goal,
    Incumbents,
    Scratch,
    begins_later,
    price_orders,
    put_split,
    scratch_of,
    tied_with,
)
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.chains import settle_sides
from dse.mapper.shared.incumbent import is_told_to_end, pruned
from dse.model.counting.kernel import Floats, Ints, entry

IMAGES = (0, 1, 2, 3, 5, 4)
"""The axis that takes the place of each in the mirror image of a mapping."""


class Lists(NamedTuple):
    """What is laid down about lists, and what that makes of the terms.

    Parameters
    ----------
    choices : (1 or 2, k, 3) int64
        Per list, the operand that stays, the axis of the slide, and whether the list has none of the operand's loops;
        -2 for nothing. Where nothing is said of the slide, nothing is said of the loops. A second time where mirror
        images of all mappings are priced as well: what these lay down.
    logs, first
        As of `dse.mapper.deep.bounds.sums.records.Terms`.
    """

    choices: Ints
    logs: Floats
    first: Ints


class Sets(NamedTuple):
    """Sets of splits, one after another without gaps.

    Parameters
    ----------
    rows : (*,) int64
    reduced : (*,) float
        How far each lifts the separable bound above its least.
    ends : (n, 7) int64
        Those of axis a in set i are rows[ends[i, a]..ends[i, a + 1]].
    marks : (*,) int64
        Where there is room, nothing is priced: splits of combinations that may improve are marked with 1 instead.
    """

    rows: Ints
    reduced: Floats
    ends: Ints
    marks: Ints


@entry
def walk_splits(
    dp: Deep, tables: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, parts: Parts, lists: Lists,
    sets: Sets, goal: Goal, incumbents: Incumbents, held: int,
) -> int:  # fmt: skip
    """Walk sets of splits in each of some kindred spaces, and price the mappings that may improve.

    Parameters
    ----------
    dp, terms
        Of any of the spaces. The terms' `logs` and `first` are those of the lists instead, and what the spaces differ
        in are their parts.
    tables : 6 x (columns, n) float
        Factors of each axis' splits.
    chains : 6 x (n, 2, 2 * k) int32
        Trips and children of each of k levels, for both dims of each axis.
    sets
        Put in order here, best reduced cost first.
    incumbents
        `mask` is that of each part instead.
    held : int
        How many incumbents there are.

    Returns
    -------
    int
        How many incumbents there are, -1 when there is no room for all.
    """
    scratch = scratch_of(dp)
    for i in range(len(sets.ends)):
        begin, end = sets.ends[i, 0], sets.ends[i, 6]
        starts, ends = sets.ends[i, :6] - begin, sets.ends[i, 1:] - begin
        alive = Alive(sets.rows[begin:end], starts, ends, sets.reduced[begin:end])
        for a in range(6):
            put_in_order(alive, a)
        for part in range(len(parts.masks)):
            mine = Terms(
                lists.first, terms.second, lists.logs + parts.shifts[part], terms.block, terms.group,
                parts.limits[part], terms.fixed, terms.groups, terms.cuts,
            )  # fmt: skip
            found = Incumbents(incumbents.values, incumbents.records, incumbents.visited, parts.masks[part])
            finished, marks = parts.only_finished[part], sets.marks[begin:end]
            room = Scratch(scratch.split, scratch.orders, scratch.work, finished, marks)
            held = _walk(dp, chains, shrink(tables, mine, alive), alive, lists.choices, goal, found, held, room)
            if held < 0:
                return held
    return held


def put_in_order(alive: Alive, a: int) -> None:
    """Put the splits of an axis in rising order of what they lift the bound by, by Shell's method."""
    rows, reduced, start, end = alive.rows, alive.reduced, alive.start[a], alive.end[a]
    gap = 1
    while 3 * gap + 1 < end - start:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(start + gap, end):
            row, lift, at = rows[i], reduced[i], i
            while at >= start + gap:
                before = at - gap
                if reduced[before] < lift or (reduced[before] == lift and rows[before] <= row):
                    break
                rows[at], reduced[at] = rows[before], reduced[before]
                at = before
            rows[at], reduced[at] = row, lift
        gap //= 3


def _walk(
    dp: Deep, chains: tuple[Ints, ...], sums: Sums, alive: Alive, choices: Ints, goal: Goal, incumbents: Incumbents,
    held: int, scratch: Scratch,
) -> int:  # fmt: skip
    """The walk of `walk_splits`, its splits in order."""
    walk, end, reduced, visited = walk_of(sums, alive), alive.end, alive.reduced, incumbents.visited
    last = axis_sums_of(sums, walk.sequence[LAST], alive)
    lifted, place, sequence = walk.lifted, walk.place, walk.sequence
    depth = 0
    while depth >= 0 and held >= 0:
        a = sequence[depth]
        place[depth] += 1
        i = place[depth]
        if i == end[a] or lifted[depth] + reduced[i] > goal.reach:
            depth -= 1
            continue
        visited[SPLITS] += 1
        if is_told_to_end(goal.stop[0], held) or (goal.limit > 0 and visited[SPLITS] >= goal.limit):
            visited[UNFINISHED] = 1
            break
        lifted[depth + 1] = lifted[depth] + reduced[i]
        add_up(sums, walk, depth, i)
        if not _promising(sums, walk.total, goal, incumbents.values, held):
            continue
        depth += 1
        place[depth] = alive.start[sequence[depth]] - 1
        if depth == LAST:
            held = _walk_last(dp, chains, walk, last, alive, choices, goal, incumbents, held, scratch)
            if visited[UNFINISHED] != 0:
                break
            depth -= 1
    return held


def _walk_last(
    dp: Deep, chains: tuple[Ints, ...], walk: SumWalk, last: AxisSums, alive: Alive, choices: Ints, goal: Goal,
    incumbents: Incumbents, held: int, scratch: Scratch,
) -> int:  # fmt: skip
    """Walk the splits of the last axis, many at a time, and price the mappings that may improve."""
    visited, reduced, place, sequence = incumbents.visited, alive.reduced, walk.place, walk.sequence
    start, end, most = alive.start[sequence[LAST]], alive.end[sequence[LAST]], goal.reach - walk.lifted[LAST]
    weigh_columns(last, last.sums, walk.partial[LAST], start)
    at = start
    while at < end and reduced[at] <= most:
        n = 1
        while n < BLOCK and at + n < end and reduced[at + n] <= most:
            n += 1
        visited[SPLITS] += n
        if is_told_to_end(goal.stop[0], held) or (goal.limit > 0 and visited[SPLITS] >= goal.limit):
            visited[UNFINISHED] = 1
            return held
        add_up_several(last, last.sums, at - start, n)
        for i in range(n):
            energy, time = last.height[OF_ENERGY, i], last.height[OF_TIME, i]
            if not last.fits[i] or time >= goal.until * (1.0 + OVER):
                continue
            if pruned(goal.kind, goal.gap, energy, time, incumbents.values, held):
                continue
            visited[LEAVES] += 1
            place[LAST] = at + i
            if len(scratch.marks) > 0:
                for x in range(6):
                    scratch.marks[place[x]] = 1
                continue
            tied = tied_with(goal, energy, time, incumbents.values, held)
            for image in range(len(choices)):
                for x in range(6):
                    a = sequence[x]
                    put_split(chains[a], alive.rows[place[x]], a if image == 0 else IMAGES[a], scratch.split)
                if tied >= 0 and begins_later(scratch.split, incumbents.records[tied]):
                    continue
                if settle_sides(dp, scratch.split):
                    held = price_orders(dp, choices[image], goal, incumbents, held, scratch, tied)
                    if held < 0:
                        return held
        at += n
    return held


def _promising(sums: Sums, total: Floats, goal: Goal, values: Floats, held: int) -> bool:
    """Whether sums of terms keep all limits and may improve."""
    for b in range(FIRST_LIMIT, len(sums.room)):
        if total[b] > sums.room[b]:
            return False
    energy, time = total[OF_ENERGY], total[OF_TIME]
    return time < goal.until * (1.0 + OVER) and not pruned(goal.kind, goal.gap, energy, time, values, held)
