"""Splits that another split of their axis can replace in every mapping of a subproblem. Compilable but for the outer half.

Once lists are laid down, a count is a product with one factor per axis. Where no factor of a split is more than that of
another one, and both have the same children on every fan-out, no mapping needs the other (docs, "Splits that are never
needed").
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import exp, inf, log, prod
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.axes import together
from dse.mapper.deep.bounds.columns import run_of
from dse.mapper.deep.bounds.sift import FIRST_LIMIT, OF_ENERGY
from dse.mapper.deep.bounds.subproblem import MARGIN, Best, Laid, Node, Space, limits_of, splits_left
from dse.mapper.deep.lists import parts_of_choice
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import EDP, LATENCY
from dse.model.counting.kernel import Bools, Floats, Ints, entry
from dse.problem.dims import IFMAP, PSUM, G, P, Q

WORTHWHILE = 1_000
"""Combinations of splits from which on they are compared."""

MOST = 6_000
"""Splits of an axis that are compared, at most."""


class Compared(NamedTuple):
    """What splits are compared in.

    Parameters
    ----------
    columns : 6 x list of int
        Per axis, the columns of the words of all crossings, in whichever way the lists are laid down that are open.
    pairs : 6 x list of pairs of int
        Columns of which the first less the second counts: psums that come from inside and go no further out.
    slid : frozenset of int
        Axes that the ifmap may slide on; what its words are is not known there.
    settled : frozenset of int
        Crossings whose words do not depend on lists that are open.
    """

    columns: list[list[int]]
    pairs: list[list[tuple[int, int]]]
    slid: frozenset[int]
    settled: frozenset[int]


def needed_splits(node: Node, best: Best) -> Node:
    """The same subproblem with what is left of its splits, without those that are never needed.

    Parameters
    ----------
    node
        All lists are laid down but for what changes no term, in a space without parts.
    """
    target, problem = best.target(), node.space.problem
    rows = splits_left(node, target)
    lifted = [mine[mine <= target - node.bound + MARGIN] for mine in node.reduced]
    groups_inside = problem.bounds[G] > 1 and bool(problem.in_list[1:, G].any())
    if problem.visits_pay or problem.loose or groups_inside or not all(map(len, rows)) or prod(map(len, rows)) < WORTHWHILE:
        return replace(node, rows=rows, reduced=tuple(lifted))
    what, binding, left = compared(node.space, node.choices), _binding(node, rows, best), list(rows)
    most = _most_energy(node, best)
    for a in range(6):
        if 1 < len(left[a]) <= MOST and a not in what.slid:
            keep = _needed(node, tuple(left), a, what, binding, most)
            left[a], lifted[a] = left[a][keep], lifted[a][keep]
    return replace(node, rows=tuple(left), reduced=tuple(lifted))


def compared(space: Space, choices: Laid) -> Compared:
    """What splits are compared in with some lists laid down."""
    if choices not in space.compared:
        space.compared[choices] = _compared(space, choices)
    found: Compared = space.compared[choices]
    return found


def _compared(space: Space, choices: Laid) -> Compared:
    columns: list[set[int]] = [{int(space.steps[a])} for a in range(6)]
    pairs: list[set[tuple[int, int]]] = [set() for _ in range(6)]
    slid: set[int] = set()
    settled = set()
    levels = len(space.problem.nodes)
    full = tuple(product(*((None,) if choice is None else parts_of_choice(choice) for choice in choices)))
    for k, crossing in enumerate(space.crossings):
        runs = {run_of(crossing.operand, crossing.child, levels, each) for each in full}
        if len(runs) == 1:
            settled.add(k)
        for run in runs:
            slid.update(run[1])
            words, _ = space.words_of_run(k, run)
            counts = words[: len(crossing.views) + crossing.folds]
            for a in range(6):
                columns[a].update(counts[:, a].tolist())
                if crossing.operand == PSUM:
                    inner, outer = counts[: crossing.up, a].tolist(), counts[1 : crossing.up + 1, a].tolist()
                    pairs[a].update((x, y) for x, y in zip(inner, outer, strict=True) if x != y)
    return Compared([sorted(mine) for mine in columns], [sorted(mine) for mine in pairs], frozenset(slid),
                    frozenset(settled))  # fmt: skip


def _binding(node: Node, rows: tuple[Ints, ...], best: Best) -> Bools:
    """Which terms belong to the objective, or to limits that not all of the splits left keep."""
    space = node.space
    logs, first, second = node.columns
    tables = together(space.axes).factors
    high, block = np.exp(logs), space.block
    for a, row in enumerate(rows):
        if len(row) == 1:
            high *= tables[a][first[:, a], row[0]] * tables[a][second[:, a], row[0]]
        else:
            columns, where = np.unique(first[:, a], return_inverse=True)
            most = np.array([tables[a][column][row].max() for column in columns])
            high *= most[where]
    sums = np.bincount(block, high, minlength=len(space.limits))
    binds = sums > np.exp(limits_of(space, best)) * (1 - MARGIN)
    binds[:FIRST_LIMIT] = True
    found: Bools = binds[block]
    return found


def _most_energy(node: Node, best: Best) -> float:
    """Energy that no mapping exceeds which is looked for; 0 where a search does not tell equals apart."""
    if best.gap > 0 or best.kind == LATENCY:
        return 0.0
    target = best.target()
    return exp(target - (log(node.space.least_steps) if best.kind == EDP else 0.0)) if target < inf else inf


def _needed(
    node: Node, rows: tuple[Ints, ...], a: int, what: Compared, binding: Bools, most: float
) -> Bools:
    """Which splits of an axis some mapping may need."""
    space, row = node.space, rows[a]
    table, axis = together(space.axes).factors[a], space.axes[a]
    mine = sorted({*what.columns[a], *node.columns[1][binding, a].tolist(), *space.places.first[binding, a].tolist()})
    parts = [table[mine][:, row]] + [table[x, row][None] - table[y, row][None] for x, y in what.pairs[a]]
    values = np.concatenate(parts)
    values = values[values.max(axis=1) > values.min(axis=1)].T
    chains = [chain[row] for chain in axis.chains]
    trips = [chain[:, 2 * level] for level in range(len(space.problem.nodes)) for chain in chains]
    rank = np.empty(len(row), dtype=np.int64)
    rank[np.lexsort(trips[::-1])] = np.arange(len(row))
    alike = [chain[:, 2 * level + 1] for level in range(len(space.problem.nodes)) for chain in chains]
    if max(space.problem.stationary, space.problem.innermost) >= 0:
        alike += [(chain[:, 2 * space.problem.near] > 1).astype(np.int64) for chain in chains]
    energy = _energy(node, rows, a, what)
    sums = values.sum(axis=1)
    keys = [key for key in alike if (key != key[0]).any()]
    order = np.lexsort([rank, sums, *keys])
    group = np.zeros(len(row), dtype=np.int64)
    for key in keys:
        group[1:] |= key[order][1:] != key[order][:-1]
    group = np.cumsum(group)
    keep = np.ones(len(row), dtype=bool)
    found = np.ones(len(row), dtype=bool)
    if values.shape[1] == 0:
        values = np.zeros((len(row), 1))
    compiled(leave_out)(
        np.ascontiguousarray(values[order]), group, rank[order], energy[order], float(MARGIN * most), found
    )  # fmt: skip
    keep[order] = found
    return keep


def _energy(node: Node, rows: tuple[Ints, ...], a: int, what: Compared) -> Floats:
    """What each split of an axis adds to the energy at least, in terms that are the same in all mappings."""
    space = node.space
    logs, first, second = node.columns
    tables = together(space.axes).factors
    settled = np.array([term.crossing < 0 or term.crossing in what.settled for term in space.terms])
    mine = np.flatnonzero((space.block == OF_ENERGY) & (space.group < 0) & settled)
    rest = np.exp(logs[mine])
    for other in range(6):
        if other != a:
            columns, where = np.unique(first[mine, other], return_inverse=True)
            least = np.array([tables[other][column][rows[other]].min() for column in columns])
            rest = rest * least[where]
    found: Floats = rest @ tables[a][first[mine, a]][:, rows[a]]
    return found


@entry
def leave_out(values: Floats, group: Ints, rank: Ints, energy: Floats, margin: float, keep: Bools) -> None:
    """Leave out what is in no value less than another one of its group, if that comes first or takes less energy.

    Parameters
    ----------
    values : (n, m) float
        Groups one after another, in each the least sums first.
    rank : (n,) int64
        Place in the order of records.
    energy : (n,) float
    margin : float
        What energies differ by, at least, where the order does not matter.
    keep : (n,) bool
        Cleared for those that are left out.

    Examples
    --------
    >>> keep = np.ones(3, bool)
    >>> values = np.array([[1.0, 1.0], [1.0, 2.0], [3.0, 0.5]])
    >>> leave_out(values, np.zeros(3, int), np.array([1, 0, 2]), np.array([1.0, 1.0, 1.0]), 0.5, keep)
    >>> keep.tolist()  # the second is not worse in energy, and comes first
    [True, True, True]
    >>> leave_out(values, np.zeros(3, int), np.array([0, 1, 2]), np.array([1.0, 1.0, 1.0]), 0.5, keep)
    >>> keep.tolist()
    [True, False, True]
    """
    begin, columns = 0, values.shape[1]
    for i in range(len(values)):
        if group[i] != group[begin]:
            begin = i
        for j in range(begin, i):
            if not keep[j] or (rank[j] > rank[i] and not energy[i] - energy[j] > margin):
                continue
            less = True
            for k in range(columns):
                if values[j, k] > values[i, k]:
                    less = False
                    break
            if less:
                keep[i] = False
                break
