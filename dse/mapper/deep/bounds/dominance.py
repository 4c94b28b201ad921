"""Splits that another one can replace in every mapping of a subproblem. Compilable but for the outer half.

Once lists are laid down, a count is a product with one factor per axis. Where no factor of a split is more than that of
another one, and both have the same children on every fan-out, no mapping needs the other (docs, "Splits that are never
needed").
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from math import exp, inf, log, prod
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.axes import together
from dse.mapper.deep.bounds.columns import run_of
from dse.mapper.deep.bounds.sift import FIRST_LIMIT, OF_ENERGY, Alive, Terms
from dse.mapper.deep.bounds.subproblem import MARGIN, Best, Laid, Node, Space, splits_left, terms_of
from dse.mapper.deep.lists import parts_of_choice
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import EDP, LATENCY
from dse.model.counting.kernel import Bools, Floats, Ints, entry
from dse.problem.dims import PSUM, G

WORTHWHILE = 1_000
"""Combinations of splits from which on they are compared."""

MOST = 4_000
"""Splits of an axis that are compared, at most."""


class Compared(NamedTuple):
    """What splits are compared in.

    Parameters
    ----------
    columns : (n, 2) int64
        Axes with columns of the words of all crossings, in whichever way the lists are laid down that are open.
    pairs : (n, 3) int64
        Axes with two columns of which the first less the second counts: psums that come from inside and go no further
        out.
    moving : (6,) bool
        Axes on which the ifmap may slide; what its words are is not known there.
    settled : (T,) bool
        Terms whose factors do not depend on lists that are open.
    near : int
        The list in which both must have loops over the same dims, -1 for none.
    """

    columns: Ints
    pairs: Ints
    moving: Bools
    settled: Bools
    near: int


def needed_splits(node: Node, best: Best, worthwhile: int = WORTHWHILE) -> Node:
    """The same subproblem with what is left of its splits, without those that are never needed.

    Parameters
    ----------
    node
        All lists are laid down but for what changes no term, in a space without parts.
    worthwhile : int
        Combinations of splits from which on they are compared.
    """
    target, problem = best.target(), node.space.problem
    rows = splits_left(node, target)
    lifted = tuple(mine[mine <= target - node.bound + MARGIN] for mine in node.reduced)
    groups_inside = problem.bounds[G] > 1 and bool(problem.in_list[1:, G].any())
    apart = problem.visits_pay or problem.loose or groups_inside
    if not apart and all(map(len, rows)) and prod(map(len, rows)) >= worthwhile:
        ends = np.cumsum([len(mine) for mine in rows])
        alive = Alive(np.concatenate(rows), np.concatenate([[0], ends[:-1]]), ends, np.concatenate(lifted))
        laid, keep = together(node.space.axes), np.ones(ends[-1], dtype=bool)
        terms, what = terms_of(node.space, best, node.columns), compared(node.space, node.choices)
        compiled(leave_out)(
            laid.factors, laid.chains, terms, alive, what, float(MARGIN * _most_energy(node, best)), keep
        )  # fmt: skip
        masks = np.split(keep, ends[:-1])
        rows = tuple(mine[mask] for mine, mask in zip(rows, masks, strict=True))
        lifted = tuple(mine[mask] for mine, mask in zip(lifted, masks, strict=True))
    return replace(node, rows=rows, reduced=lifted)


def _most_energy(node: Node, best: Best) -> float:
    """Energy that no mapping exceeds which is looked for; 0 where a search does not tell equals apart."""
    if best.gap > 0 or best.kind == LATENCY:
        return 0.0
    target = best.target()
    return exp(target - (log(node.space.least_steps) if best.kind == EDP else 0.0)) if target < inf else inf


def compared(space: Space, choices: Laid) -> Compared:
    """What splits are compared in with some lists laid down."""
    if choices not in space.compared:
        space.compared[choices] = _compared(space, choices)
    found: Compared = space.compared[choices]
    return found


def _compared(space: Space, choices: Laid) -> Compared:
    problem, settled = space.problem, {-1}
    columns: set[tuple[int, int]] = {(a, int(step)) for a, step in enumerate(space.steps)}
    pairs: set[tuple[int, int, int]] = set()
    moving = np.zeros(6, dtype=bool)
    full = tuple(product(*((None,) if choice is None else parts_of_choice(choice) for choice in choices)))
    for k, crossing in enumerate(space.crossings):
        runs = {run_of(crossing.operand, crossing.child, len(problem.nodes), each) for each in full}
        settled |= {k} if len(runs) == 1 else set()
        for run in runs:
            moving[list(run[1])] = True
            counts = space.words_of_run(k, run)[0][: len(crossing.views) + crossing.folds]
            for a in range(6):
                mine = counts[:, a].tolist()
                columns |= {(a, column) for column in mine if column}
                if crossing.operand == PSUM:
                    views = mine[: crossing.up + 1]
                    pairs |= {(a, x, y) for x, y in pairwise(views) if x != y}
    return Compared(
        np.array(sorted(columns), dtype=np.int64), np.array(sorted(pairs), dtype=np.int64).reshape(-1, 3), moving,
        np.array([term.crossing in settled for term in space.terms]),
        problem.near if max(problem.stationary, problem.innermost) >= 0 else -1,
    )  # fmt: skip


@entry
def leave_out(
    factors: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, alive: Alive, what: Compared, margin: float,
    keep: Bools,
) -> None:  # fmt: skip
    """Find the splits of each axis that are no less than another one in anything, if that comes first or costs less.

    Parameters
    ----------
    factors : 6 x (columns, n) float
        Factors of each axis' splits.
    chains : 6 x (n, 2, 2 * k) int64
        Trips and children of each of k levels, for both dims of each axis.
    margin : float
        What energies differ by, at least, where the order of records does not matter.
    keep : (n,) bool
        Cleared for those that are left out.
    """
    size = len(terms.logs)
    least, most = np.ones((6, size)), np.ones((6, size))
    for a in range(6):
        _extremes(factors[a], terms, a, alive, least[a], most[a])
    binds = _binding(terms, most)
    for a in range(6):
        several = alive.end[a] - alive.start[a]
        if 1 < several <= MOST and not what.moving[a]:
            rows = alive.rows[alive.start[a] : alive.end[a]]
            values = _values(factors[a], terms, a, rows, what, binds)
            energy = _energy(factors[a], terms, a, rows, what, least)
            _compare(values, energy, chains[a], rows, what.near, margin, keep[alive.start[a] : alive.end[a]])


def _extremes(table: Floats, terms: Terms, a: int, alive: Alive, least: Floats, most: Floats) -> None:
    """The least and the largest factor of each term on an axis."""
    for t in range(len(least)):
        j, k = terms.first[t, a], terms.second[t, a]
        if j > 0 or k > 0:
            least[t], most[t] = np.inf, 0.0
            for i in range(alive.start[a], alive.end[a]):
                value = table[j, alive.rows[i]] * table[k, alive.rows[i]]
                least[t], most[t] = min(least[t], value), max(most[t], value)


def _binding(terms: Terms, most: Floats) -> Bools:
    """Which blocks are of the objective, or limits that not all of the splits keep."""
    sums = np.zeros(len(terms.limits))
    for t in range(len(terms.logs)):
        high = np.exp(terms.logs[t])
        for a in range(6):
            high *= most[a, t]
        sums[terms.block[t]] += high
    binds = np.ones(len(sums), dtype=np.bool_)
    for b in range(FIRST_LIMIT, len(sums)):
        binds[b] = sums[b] > np.exp(terms.limits[b]) * (1.0 - 1e-9)
    return binds


def _values(table: Floats, terms: Terms, a: int, rows: Ints, what: Compared, binds: Bools) -> Floats:
    """(n, m) all that splits of an axis are compared in."""
    wanted = np.zeros(len(table), dtype=np.bool_)
    for i in range(len(what.columns)):
        if what.columns[i, 0] == a:
            wanted[what.columns[i, 1]] = True
    for t in range(len(terms.logs)):
        if binds[terms.block[t]]:
            wanted[terms.first[t, a]] = True
    values, m = np.zeros((len(rows), len(table) + len(what.pairs))), 0
    for column in range(1, len(table)):
        if wanted[column]:
            for i in range(len(rows)):
                values[i, m] = table[column, rows[i]]
            m += _differs(values, m)
    for at in range(len(what.pairs)):
        if what.pairs[at, 0] == a:
            for i in range(len(rows)):
                values[i, m] = table[what.pairs[at, 1], rows[i]] - table[what.pairs[at, 2], rows[i]]
            m += _differs(values, m)
    return values[:, :m]


def _differs(values: Floats, m: int) -> int:
    """1 where a column is not the same for all, else 0."""
    for i in range(1, len(values)):
        if values[i, m] != values[0, m]:
            return 1
    return 0


def _energy(table: Floats, terms: Terms, a: int, rows: Ints, what: Compared, least: Floats) -> Floats:
    """What each split of an axis adds to the energy at least, in terms that are the same in all mappings."""
    energy = np.zeros(len(rows))
    for t in range(len(terms.logs)):
        if terms.block[t] == OF_ENERGY and terms.group[t] < 0 and what.settled[t]:
            rest = np.exp(terms.logs[t])
            for other in range(6):
                if other != a:
                    rest *= least[other, t]
            j, k = terms.first[t, a], terms.second[t, a]
            for i in range(len(rows)):
                energy[i] += rest * table[j, rows[i]] * table[k, rows[i]]
    return energy


def _compare(values: Floats, energy: Floats, chains: Ints, rows: Ints, near: int, margin: float, keep: Bools) -> None:
    """Clear `keep` of those that are left out."""
    sums = np.zeros(len(rows))
    for i in range(len(rows)):
        for k in range(values.shape[1]):
            sums[i] += values[i, k]
    order = np.argsort(sums)
    for place in range(len(order)):
        i = order[place]
        for before in range(place):
            j = order[before]
            if not keep[j] or not _as_low(values, j, i) or not _alike(chains, rows[j], rows[i], near):
                continue
            if energy[i] - energy[j] > margin or _comes_first(chains, rows[j], rows[i]):
                keep[i] = False
                break
            if _as_low(values, i, j) and not energy[j] - energy[i] > margin:
                keep[j] = False


def _as_low(values: Floats, one: int, other: int) -> bool:
    """Whether a split is in nothing more than another one."""
    low = True
    for k in range(values.shape[1]):
        low = low and values[one, k] <= values[other, k]
        if not low:
            break
    return low


def _alike(chains: Ints, one: int, other: int, near: int) -> bool:
    """Whether splits have the same children everywhere, and loops over the same dims in the list `near`."""
    for which in range(2):
        for slot in range(1, chains.shape[2], 2):
            if chains[one, which, slot] != chains[other, which, slot]:
                return False
        if near >= 0 and (chains[one, which, 2 * near] > 1) != (chains[other, which, 2 * near] > 1):
            return False
    return True


def _comes_first(chains: Ints, one: int, other: int) -> bool:
    """Whether the record of a mapping with one split stands before that with the other in its place."""
    for slot in range(0, chains.shape[2], 2):
        for which in range(2):
            mine, its = chains[one, which, slot], chains[other, which, slot]
            if mine != its:
                return bool(mine < its)
    return False
