"""Splits that another one can replace in every mapping of a subproblem. Compilable but for the outer half.

Once lists are laid down, a count is a product with one factor per axis. Where no factor of a split is more than that of
another one, and both have the same children on every fan-out, no mapping needs the other (docs/mapper/deep.md,
"Splits that are never needed").
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise, product
from math import exp, inf, log, prod
from typing import NamedTuple, cast

import numpy as np

from dse.mapper.deep.bounds.best import MARGIN, Best
from dse.mapper.deep.bounds.left import lifts_left
from dse.mapper.deep.bounds.mirror import CLOSED, closed
from dse.mapper.deep.bounds.subproblem import Node, Space
from dse.mapper.deep.bounds.sums.columns import Laid
from dse.mapper.deep.bounds.sums.crossings import Term
from dse.mapper.deep.bounds.sums.objective import first_tile
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, OF_ENERGY, Terms, with_lists
from dse.mapper.deep.lists import ListChoice, parts_of_choice
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import AXES, tables_of_axes
from dse.mapper.shared.compilation.arguments import Held
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import EDP, LATENCY
from dse.model.counting.kernel import Bools, Floats, Ints, entry
from dse.problem.dims import PSUM, G

WORTHWHILE = 20_000
"""Combinations of splits from which on they are compared."""

FEWER = 16
"""How many times fewer they are when those that were compared before are compared again."""

MOST = 400
"""Splits with as many children that each is compared with, at most; those that are least in all."""


class Compared(NamedTuple):
    """What splits are compared in.

    Parameters
    ----------
    columns : (n, 2) int64
        Axes with columns of the words of all crossings, in whichever way the lists are laid down that are open, of
        compute steps, and of the tiles that levels hand on first.
    pairs : (n, 3) int64
        Axes with two columns of which the first less the second counts: psums that come from inside and go no further
        out.
    moving : (6,) bool
        Axes on which the ifmap may slide; what its words are is not known there.
    settled : (T,) bool
        Terms of energy whose factors are those of every mapping.
    turning : (6, 2) bool
        Dims of each axis that may stand on rows as well as on columns of some fan-out.
    near : int
        The list in which both must have loops over the same dims, -1 for none.
    """

    columns: Ints
    pairs: Ints
    moving: Bools
    settled: Bools
    turning: Bools
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
    target, space = best.target_in(node), node.space
    masks = [lifts_left(node, a, target) for a in range(len(node.rows))]
    rows = [row[mask] for row, mask in zip(node.rows, masks, strict=True)]
    lifted = [row[mask] for row, mask in zip(node.reduced, masks, strict=True)]
    many = prod(map(len, rows))
    what = compared(space, node.choices) if max(1, worthwhile) <= many <= node.compared / FEWER else None
    if what is not None:
        start = [0, *accumulate(map(len, rows))]
        laid, keep = tables_of_axes(space.axes), np.ones(start[-1], dtype=bool)
        logs, first, _ = node.columns
        splits, margin = np.concatenate(rows), float(MARGIN * _most_energy(node, best))
        compiled(leave_out)(
            *laid.of_walks, space.terms_for(best), logs, first, splits, np.array(start), what, margin, keep
        )  # fmt: skip
        for a, (begin, end) in enumerate(pairwise(start)):
            rows[a], lifted[a] = rows[a][keep[begin:end]], lifted[a][keep[begin:end]]
    left = node.compared if what is None else prod(map(len, rows))
    found = replace(node, rows=tuple(rows), reduced=tuple(lifted), compared=left)
    if space.twins is None or node.mirror != CLOSED:
        return found
    mirror, each, prices = closed(space.twins, found.rows, found.reduced)
    return replace(found, mirror=mirror, rows=each, reduced=prices)


def _most_energy(node: Node, best: Best) -> float:
    """Energy that no mapping exceeds which is looked for; 0 where a search does not tell equals apart."""
    if best.gap > 0 or best.kind == LATENCY:
        return 0.0
    target = best.target()
    return exp(target - (log(node.space.least_steps) if best.kind == EDP else 0.0)) if target < inf else inf


def compared(space: Space, choices: Laid) -> Compared | None:
    """What splits are compared in with some lists laid down; None where they cannot be."""
    if choices not in space.compared:
        found = _compared(space, choices)
        space.compared[choices] = None if found is None else Held(found)
    held = space.compared[choices]
    return None if held is None else cast("Compared", held.record)


def _compared(space: Space, choices: Laid) -> Compared | None:
    problem = space.problem
    if problem.visits_pay or problem.loose or (problem.bounds[G] > 1 and bool(problem.in_list[1:, G].any())):
        return None
    full, wide = (tuple(product(*(_parts(choice, either) for choice in choices))) for either in (False, True))
    own = _of_energy(space.terms)
    counted, settled = {term.crossing for term in space.terms if term.block < FIRST_LIMIT}, {-1}
    columns = {(a, int(step)) for a, step in enumerate(space.steps)} | _first_tiles(space)
    pairs: set[tuple[int, int, int]] = set()
    moving = np.zeros(6, dtype=bool)
    for k, crossing in enumerate(space.crossings):
        each = full if k in counted else wide
        laid = {space.words.run(k, one): one for one in each}
        words = [space.words.words(k, one)[0][: len(crossing.views) + crossing.folds] for one in laid.values()]
        if k not in counted and not all(np.array_equal(one, words[0]) for one in words):
            return None
        settled |= {k} if len(laid) == 1 else set()
        for _, slides in laid:
            moving[[a for a, _ in slides]] = True
        for a, mine in ((a, one[:, a].tolist()) for one in words for a in range(6)):
            columns |= {(a, column) for column in mine if column}
            if crossing.operand == PSUM:
                pairs |= {(a, x, y) for x, y in pairwise(mine[: crossing.up + 1]) if x != y}
    return Compared(
        np.array(sorted(columns), dtype=np.int64), np.array(sorted(pairs), dtype=np.int64).reshape(-1, 3), moving,
        np.array([i < own and term.crossing in settled for i, term in enumerate(space.terms)]), _turning(problem),
        problem.near if max(problem.stationary, problem.innermost) >= 0 else -1,
    )  # fmt: skip


def _parts(choice: ListChoice | None, either: bool) -> tuple[ListChoice | None, ...]:
    """All that a choice stands for; with `either`, whether or not the list has loops over the operand that stays."""
    if choice is None or choice.kind < 0:
        return (choice,)
    if either and not choice.partial:
        return choice._replace(passing=False), choice._replace(passing=True)
    return parts_of_choice(choice)


def _of_energy(terms: list[Term]) -> int:
    """How many terms, the first ones, are of energy that no time takes: those before the compute steps."""
    return next(i for i, term in enumerate(terms) if term.group >= 0 or term.block != OF_ENERGY)


def _first_tiles(space: Space) -> set[tuple[int, int]]:
    """Axes with columns of the tiles that levels hand on first, or take last, through any port."""
    problem, found = space.problem, set()
    for node, cost in zip(problem.port_node.tolist(), problem.port_cost, strict=True):
        level = problem.nodes.tolist().index(node)
        for operand in np.flatnonzero(cost.any(axis=1)).tolist():
            tile = first_tile(problem, space.crossings, level, operand)
            found |= {(a, space.axes[a].column(key)) for a, key in tile}
    return found


def _turning(problem: Deep) -> Bools:
    """Dims of each axis that may stand on rows as well as on columns of some fan-out."""
    turns = np.logical_and.reduce((problem.on_side > 0) & (problem.sides > 1)[:, :, None], axis=1)
    both: list[bool] = np.logical_or.reduce(turns[problem.fans >= 0], axis=0).tolist()
    return np.array([[both[dims[0]], both[dims[-1]]] for dims in AXES])


@entry
def leave_out(
    factors: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, logs: Floats, first: Ints, splits: Ints,
    start: Ints, what: Compared, margin: float, keep: Bools,
) -> None:  # fmt: skip
    """Find the splits of each axis that are no less than another one in anything, if that comes first or costs less.

    Parameters
    ----------
    factors : 6 x (columns, n) float
        Factors of each axis' splits.
    chains : 6 x (n, 2, 2 * k) int32
        Trips and children of each of k levels, for both dims of each axis.
    logs, first
        In place of those of the terms.
    splits : (n,) int64
        Of all axes, those of axis a from start[a] to start[a + 1].
    margin : float
        What energies differ by, at least, where the order of records does not matter.
    keep : (n,) bool
        Cleared for those that are left out.
    """
    size, mine = len(logs), with_lists(terms, logs, first)
    least, most = np.ones((6, size)), np.ones((6, size))
    for a in range(6):
        _extremes(factors[a], mine, a, splits[start[a] : start[a + 1]], least[a], most[a])
    binds = _binding(mine, most)
    for a in range(6):
        several = start[a + 1] - start[a]
        if several > 1 and not what.moving[a]:
            rows = splits[start[a] : start[a + 1]]
            values = _values(factors[a], mine, a, rows, what, binds)
            energy = _energy(factors[a], mine, a, rows, what, least)
            its = chains[a], rows, what.turning[a], what.near
            _compare(values, energy, its, margin, keep[start[a] : start[a + 1]])


def _extremes(table: Floats, terms: Terms, a: int, rows: Ints, least: Floats, most: Floats) -> None:
    """The least and the largest factor of each term on an axis."""
    for t in range(len(least)):
        j, k = terms.first[t, a], terms.second[t, a]
        if j > 0 or k > 0:
            least[t], most[t] = np.inf, 0.0
            for row in rows:
                value = table[j, row] * table[k, row]
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


def _compare(values: Floats, energy: Floats, splits: tuple[Ints, Ints, Bools, int], margin: float, keep: Bools) -> None:
    """Clear `keep` of those that are left out.

    Parameters
    ----------
    splits
        Chains of all splits of the axis, which of them, and what `Compared` has: `turning` and `near`.
    """
    chains, rows, turning, near = splits
    sums, alike = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    for i in range(len(rows)):
        alike[i] = _group(chains, rows[i], near)
        for k in range(values.shape[1]):
            sums[i] += values[i, k]
    order = np.argsort(sums, kind="mergesort")
    order = order[np.argsort(alike[order], kind="mergesort")]
    kept = np.empty(len(rows), dtype=np.int64)
    count = 0
    for place in range(len(order)):
        i = order[place]
        if place == 0 or alike[i] != alike[order[place - 1]]:
            count = 0
        for before in range(min(count, MOST)):
            j = kept[before]
            if not keep[j] or not _as_low(values, j, i) or not _alike(chains, rows[j], rows[i], near):
                continue
            if _turns(chains, rows[j], rows[i], turning) and (
                energy[i] - energy[j] > margin or _comes_first(chains, rows[j], rows[i])
            ):
                keep[i] = False
                break
            if (
                _as_low(values, i, j)
                and _turns(chains, rows[i], rows[j], turning)
                and _comes_first(chains, rows[i], rows[j])
            ):
                keep[j] = False
        if keep[i]:
            kept[count] = i
            count += 1


def _group(chains: Ints, row: int, near: int) -> int:
    """A number that is the same for splits that are alike, and seldom for others."""
    number = 0
    for which in range(2):
        for slot in range(1, chains.shape[2], 2):
            number = (number * 1_000_003 + int(chains[row, which, slot])) % 2_147_483_647
        if near >= 0:
            number = 2 * number + (1 if chains[row, which, 2 * near] > 1 else 0)
    return number


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


def _turns(chains: Ints, one: int, other: int, turning: Bools) -> bool:
    """Whether the children of one split may stand on all rows and columns on which those of the other one may.

    The less the factors of a dim multiply to, the more of the numbers of rows and columns are tight.
    """
    for which in range(2):
        product, its, children = 1, 1, 1
        for slot in range(chains.shape[2]):
            product *= int(chains[one, which, slot])
            its *= int(chains[other, which, slot])
            children *= int(chains[one, which, slot]) if slot % 2 == 1 else 1
        if turning[which] and children > 1 and product > its:
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
