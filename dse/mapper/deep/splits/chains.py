"""All ways to split one dim over a whole hierarchy: chains of trips and children, level by level. Compilable but
for the functions up to `any_tiles`.

The factors of a dim multiply to Z, at least its bound X. No factor a can shrink and still cover the bound exactly when
a * (Z - X) < Z; so a chain of factors is tight when each of them keeps that rule alone, whatever its place. Of chains
that need not be tight the outermost factor keeps it still: what a larger one adds are iterations that do not exist. So
Z is below 2 X in any case.

How a dim's children stand on the rows and columns of a fan-out changes no count. So a chain says how many they are, and
sides are found for them when a whole mapping is known (`settle_sides`).
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.record import COLS, ROWS, TRIPS
from dse.mapper.deep.splits.products import divisors as divisors_of
from dse.mapper.deep.splits.products import products_of
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.factors import ceil_div, keeps_tight
from dse.mapper.shared.stopping import UNTIMED, TooLongError, look_at_clock
from dse.model.counting.kernel import Floats, Ints, entry
from dse.problem.dims import DIMS

NARROW: Any = np.int32
"""Type of a chain's numbers, which are less than twice a bound: memory that is new, or read once, is what long tables
cost."""

PIECE = 400_000
"""How many chains are counted in about as long as `products.AT_ONCE` large products are looked through."""

MOST = 30_000_000
"""Splits of an axis that are listed at most: their tables take about ten gigabytes."""


def list_chains(dp: Deep, d: int, largest: Ints, many: int | None = None) -> Ints:
    """Every chain of a dim that the rules allow: tight ones, or all that cover its bound.

    Parameters
    ----------
    largest : (k,) int64
        The largest tile that each level has room for: `any_tiles` or those of `dse.mapper.deep.splits.fitting`.
    many : int, optional
        How many there are, if known.

    Returns
    -------
    (*, 2 * k) int32
        Trips and children of each level, outermost first.
    """
    return _listed(dp, d, largest, many, 1)[:, 0]


def list_beside_ones(dp: Deep, d: int, largest: Ints, many: int | None = None) -> Ints:
    """(*, 2, 2 * k) the same, each beside a chain of ones, as an axis of one dim has them."""
    chains = _listed(dp, d, largest, many, 2)
    chains[:, 1] = 1
    return chains


def _listed(dp: Deep, d: int, largest: Ints, many: int | None, width: int) -> Ints:
    """The chains of a dim, and room for one less than `width` beside each."""
    many = int(count_chains(dp, d, largest, most=MOST)) if many is None else many
    if many > MOST:
        raise TooLongError(f"{DIMS[d]} = {dp.bounds[d]:,} can be split in more than {MOST:,} ways, too many to list")
    chains, row = np.empty((many, width, 2 * len(dp.nodes)), dtype=NARROW), 0
    for done, products in enumerate(products_of(dp, d)):
        look_at_clock(max(row, PIECE * done))
        row = compiled(put_chains)(dp, d, products, largest, chains, row)
    return chains


def count_chains(dp: Deep, d: int, largest: Ints, apart: bool = False, most: float = inf) -> float:
    """How many chains of a dim the rules allow, without listing them; no more are counted than a little over `most`.

    Parameters
    ----------
    largest : (k,) int64
        See `list_chains`.
    apart : bool
        Whether rows and columns are told apart.

    Raises
    ------
    OutOfTimeError
        The search at hand has been told to end.
    """
    total = 0.0
    for done, products in enumerate(products_of(dp, d)):
        look_at_clock(max(total, PIECE * done))
        total += compiled(count_some)(dp, d, products, largest, apart)
        if total > most:
            break
    return total


def least_sides(dp: Deep, d: int, chains: Ints) -> Ints:
    """The fewest rows, and the fewest columns, on which the children of each chain of a dim can stand.

    Parameters
    ----------
    chains : (n, 2 * k) or (n, *, 2 * k) array
        Those of the dim, the first where others are beside them.

    Returns
    -------
    (n, k, 2) int32
    """
    chains = chains if chains.ndim > 2 else chains[:, None]
    least = np.empty((len(chains), len(dp.nodes), 2), dtype=NARROW)
    for begin in range(0, len(chains), UNTIMED):
        look_at_clock(begin)
        compiled(put_least_sides)(dp, d, chains[begin : begin + UNTIMED], least[begin : begin + UNTIMED])
    return least


def any_tiles(dp: Deep, d: int) -> Ints:
    """Room for tiles of any size in each level, as `list_chains` takes it."""
    return np.full(len(dp.nodes), 2 * int(dp.bounds[d]))


class Continuations(NamedTuple):
    """How chains of one product go on: from each slot, with each divisor left for it and all slots further in.

    Parameters
    ----------
    begin : (slots, n + 1) int64
        Where the ways from there begin, by the place of what is left among the divisors.
    factor, left : (*,) int64
        Of each way: the factor that the slot takes, in rising order, and the place of what is left for the next slot.
    many : (slots + 1, n) float
        How many chains there are from there on.
    """

    begin: Ints
    factor: Ints
    left: Ints
    many: Floats


@entry
def count_some(dp: Deep, d: int, products: Ints, largest: Ints, apart: bool) -> float:
    """How many chains of a dim have some products, see `count_chains`."""
    total = 0.0
    for product in products:
        many = _ways_on(dp, d, product, largest, apart).many[0]
        total += many[len(many) - 1]
    return total


@entry
def put_chains(dp: Deep, d: int, products: Ints, largest: Ints, chains: Ints, row: int) -> int:
    """List the chains of a dim that have some products, see `list_chains`: chains[:, 0], from a row on. Returns the
    row after them."""
    slots = 2 * len(dp.nodes)
    way, last = np.zeros(slots, dtype=np.int64), np.zeros(slots, dtype=np.int64)
    for product in products:
        ways = _ways_on(dp, d, product, largest, False)
        slot, at = 0, ways.many.shape[1] - 1
        if ways.many[0, at] == 0.0:
            continue
        way[0], last[0] = ways.begin[0, at] - 1, ways.begin[0, at + 1] - 1
        while slot >= 0:
            if way[slot] == last[slot]:
                slot -= 1
                continue
            way[slot] += 1
            slot += 1
            if slot < slots:
                at = ways.left[way[slot - 1]]
                way[slot], last[slot] = ways.begin[slot, at] - 1, ways.begin[slot, at + 1] - 1
                continue
            for k in range(slots):
                chains[row, 0, k] = ways.factor[way[k]]
            row += 1
            slot -= 1
    return row


def _ways_on(dp: Deep, d: int, product: int, largest: Ints, apart: bool) -> Continuations:
    """How chains of a product go on, without ways that come to nothing."""
    slots, divisors = 2 * len(dp.nodes), divisors_of(product)
    n = len(divisors)
    stands = _ways_of(dp, d, divisors, product)
    any_stands = _ways_of(dp, d, divisors, 0) if dp.loose else stands
    begin, many = np.zeros((slots, n + 1), dtype=np.int64), np.zeros((slots + 1, n))
    factor, left = np.zeros(64, dtype=np.int64), np.zeros(64, dtype=np.int64)
    many[slots, 0] = 1.0
    found = 0
    for slot in range(slots - 1, -1, -1):
        most = _most(dp, slot, d)
        for at in range(n):
            begin[slot, at] = found
            if slot == 0 and at < n - 1:
                continue
            if slot % 2 == 0 and divisors[at] > largest[slot // 2]:
                continue
            each, j = any_stands if divisors[at] < product else stands, -1
            while True:
                j = _next_place(dp, slot, d, j + 1, min(most, divisors[at]), divisors[at], divisors, each)
                if j < 0:
                    break
                to = np.searchsorted(divisors, divisors[at] // divisors[j])
                if many[slot + 1, to] == 0.0:
                    continue
                if found == len(factor):
                    factor, left = _twice_as_long(factor), _twice_as_long(left)
                factor[found], left[found] = divisors[j], to
                found += 1
                stand = any_stands[slot // 2, j] if apart and slot % 2 == 1 else 1
                many[slot, at] += stand * many[slot + 1, to]
        begin[slot, n] = found
    return Continuations(begin, factor, left, many)


@entry
def put_least_sides(dp: Deep, d: int, chains: Ints, least: Ints) -> None:
    """Note the fewest sides on which children can stand, see `least_sides`."""
    levels, most = len(dp.nodes), 1
    for level in range(levels):
        most = max(most, _most(dp, 2 * level + 1, d))
    # Chains of one product follow one another, so what it allows is worked out once.
    known = np.zeros((levels, most + 1, 2), dtype=np.int64)
    of_product = np.full((levels, most + 1), -1, dtype=np.int64)
    for i in range(len(chains)):
        product = 1
        for k in range(2 * levels):
            product *= 0 if dp.loose else int(chains[i, 0, k])
        for level in range(levels):
            children = int(chains[i, 0, 2 * level + 1])
            if children == 1:
                least[i, level, 0], least[i, level, 1] = 1, 1
                continue
            if of_product[level, children] != product:
                of_product[level, children] = product
                _set_least(dp, level, d, children, product, known)
            least[i, level, 0], least[i, level, 1] = known[level, children, 0], known[level, children, 1]


def _set_least(dp: Deep, level: int, d: int, children: int, product: int, known: Ints) -> None:
    """Note the fewest rows and columns for so many children: known[level, children]."""
    fewest_rows, fewest_cols = children, children
    for rows in range(1, min(children, dp.sides[level, 0]) + 1):
        if children % rows == 0 and _stands(dp, level, d, rows, children // rows, product):
            fewest_rows, fewest_cols = min(fewest_rows, rows), min(fewest_cols, children // rows)
    known[level, children, 0], known[level, children, 1] = fewest_rows, fewest_cols


def smallest_side(dp: Deep, level: int, d: int, children: int) -> int:
    """The larger side of a fan-out that so many children of a dim can do with, which has to be tight."""
    smallest = children
    for rows in range(1, min(children, dp.sides[level, 0]) + 1):
        if children % rows == 0 and _stands(dp, level, d, rows, children // rows, dp.bounds[d]):
            smallest = min(smallest, max(rows, children // rows))
    return int(smallest)


def settle_sides(dp: Deep, split: Ints) -> bool:
    """Find rows and columns for the children of all dims; False when some fan-out is too small for them.

    Parameters
    ----------
    split : (k, 4, 8) int64
        A mapping as `dse.mapper.deep.leaf.nest` has it, with all children on rows; these and the columns are replaced.
    """
    settled = True
    for level in range(len(split)):
        settled = settled and (dp.fans[level] < 0 or _settle(dp, split, level))
    return settled


def _settle(dp: Deep, split: Ints, level: int) -> bool:
    """Find sides on one fan-out, dim by dim; back to the dim before when there is none."""
    rows_left, cols_left = dp.sides[level, 0], dp.sides[level, 1]
    mine = split[level]
    for d in range(8):
        mine[COLS, d], mine[ROWS, d] = mine[ROWS, d], 0
    d = 0
    taken = np.ones((9, 2), dtype=np.int64)
    while 0 <= d < 8:
        children, product = mine[COLS, d], 1
        for k in range(len(split)):
            product *= split[k, TRIPS, d] * (children if k == level else split[k, ROWS, d] * split[k, COLS, d])
        product = 0 if dp.loose else product
        rows = mine[ROWS, d] + 1
        while rows <= children and not (
            children % rows == 0
            and taken[d, 0] * rows <= rows_left
            and taken[d, 1] * (children // rows) <= cols_left
            and _stands(dp, level, d, rows, children // rows, product)
        ):
            rows += 1
        if rows > children:
            mine[ROWS, d] = 0
            d -= 1
            continue
        mine[ROWS, d] = rows
        taken[d + 1, 0], taken[d + 1, 1] = taken[d, 0] * rows, taken[d, 1] * (children // rows)
        d += 1
    for x in range(8):
        mine[COLS, x] //= max(1, mine[ROWS, x])
    return d == 8


def _next_place(dp: Deep, slot: int, d: int, begin: int, last: int, left: int, divisors: Ints, ways: Ints) -> int:
    """Where the next factor up to `last` stands that a slot may take of what is left of a product, -1 for none.

    Parameters
    ----------
    begin : int
        Where in `divisors` it stands at least.
    divisors : (n,) int64
        Those of the product, which is the last.
    ways : (levels, n) int64
        As `_ways_of` has them.
    """
    level, product = slot // 2, divisors[-1]
    for j in range(begin, len(divisors)):
        f = divisors[j]
        if f > last:
            return -1
        if left % f != 0:
            continue
        if slot % 2 == 0:
            # `left` is the product of this slot and all inside.
            whole = dp.whole[level, d] == 0 or left >= dp.bounds[d]
            if whole and ((dp.loose and left < product) or keeps_tight(dp.bounds[d], product, f)):
                return j
        elif ways[level, j] > 0:
            return j
    return -1


def _ways_of(dp: Deep, d: int, divisors: Ints, product: int) -> Ints:
    """(levels, n) in how many ways as many children of a dim as each divisor can stand on each level's fan-out."""
    ways = np.zeros((len(dp.nodes), len(divisors)), dtype=np.int64)
    for level in range(len(dp.nodes)):
        most = _most(dp, 2 * level + 1, d)
        for j in range(len(divisors)):
            if divisors[j] <= most:
                ways[level, j] = _ways(dp, level, d, divisors[j], product)
    return ways


def _twice_as_long(numbers: Ints) -> Ints:
    longer = np.zeros(2 * len(numbers), dtype=np.int64)
    longer[: len(numbers)] = numbers
    return longer


def _most(dp: Deep, slot: int, d: int) -> int:
    """The largest factor that a dim may have in a slot."""
    level = slot // 2
    if slot % 2 == 0:
        return int(dp.bounds[d]) if dp.in_list[level, d] == 1 else 1
    most = 1
    for side in range(2):
        most *= dp.sides[level, side] if dp.on_side[level, side, d] == 1 else 1
    return most


def _ways(dp: Deep, level: int, d: int, children: int, product: int) -> int:
    """In how many ways so many children of a dim can stand on the rows and columns of a fan-out."""
    ways = 0
    for rows in range(1, min(children, dp.sides[level, 0]) + 1):
        if children % rows == 0 and _stands(dp, level, d, rows, children // rows, product):
            ways += 1
    return ways


def _stands(dp: Deep, level: int, d: int, rows: int, cols: int, product: int) -> bool:
    """Whether a dim may have so many rows and columns of a fan-out; a product of 0 stands for one that is tight."""
    for side in range(2):
        factor = rows if side == 0 else cols
        wanted = dp.folds_wanted[level, side, d]
        if factor > 1 and (dp.on_side[level, side, d] == 0 or factor > dp.sides[level, side]):
            return False
        if not keeps_tight(dp.bounds[d], product, factor):
            return False
        if wanted != 0 and ceil_div(dp.bounds[d], factor) != wanted:
            return False
    return True
