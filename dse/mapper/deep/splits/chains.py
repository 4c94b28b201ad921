"""All ways to split one dim over a whole hierarchy: chains of trips and children, level by level. Compilable.

The factors of a dim multiply to Z, at least its bound X. No factor a can shrink and still cover the bound exactly when
a * (Z - X) < Z; so a chain of factors is tight when each of them keeps that rule alone, whatever its place. Of chains
that need not be tight the outermost factor keeps it still: what a larger one adds are iterations that do not exist. So
Z is below 2 X in any case.

How a dim's children stand on the rows and columns of a fan-out changes no count. So a chain says how many they are, and
sides are found for them when a whole mapping is known (`settle_sides`).
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.nest import COLS, ROWS, TRIPS
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.factors import ceil_div, keeps_tight
from dse.model.counting.kernel import Ints, entry


@entry
def list_chains(dp: Deep, d: int) -> Ints:
    """Every chain of a dim that the rules allow: tight ones, or all that cover its bound.

    Returns
    -------
    (*, 2 * k) int64
        Trips and children of each level, outermost first.
    """
    bound = dp.bounds[d]
    slots = 2 * len(dp.nodes)
    rows = np.ones((64, slots), dtype=np.int64)
    count = 0
    place = np.zeros(slots, dtype=np.int64)
    left = np.ones(slots + 1, dtype=np.int64)
    most = np.ones(slots, dtype=np.int64)
    further = np.ones(slots, dtype=np.int64)
    for slot in range(slots - 1, -1, -1):
        most[slot] = _most(dp, slot, d)
        if slot > 0:
            further[slot - 1] = min(2 * bound, further[slot] * most[slot])
    for product in range(bound, bound + 1 if dp.perfect else 2 * bound):
        if not dp.loose and not _may_be_tight(bound, product):
            continue
        divisors = _divisors(product)
        ways = _ways_of(dp, d, divisors, product)
        any_ways = _ways_of(dp, d, divisors, 0) if dp.loose else ways
        left[0] = product
        slot = 0
        place[0] = -1
        while slot >= 0:
            each, begin, last = any_ways if left[slot] < product else ways, place[slot] + 1, min(most[slot], left[slot])
            # What further slots cannot take is left for this one.
            while begin < len(divisors) and divisors[begin] * further[slot] < left[slot]:
                begin += 1
            place[slot] = _next_place(dp, slot, d, begin, last, left[slot], divisors, each)
            if place[slot] < 0:
                slot -= 1
                continue
            left[slot + 1] = left[slot] // divisors[place[slot]]
            if slot < slots - 1:
                slot += 1
                place[slot] = -1
                continue
            if count == len(rows):
                rows = _twice_as_long(rows)
            for k in range(slots):
                rows[count, k] = divisors[place[k]]
            count += 1
    return rows[:count]


@entry
def count_chains(dp: Deep, d: int) -> float:
    """How many chains of a dim the rules allow when rows and columns are told apart, without listing them."""
    bound, slots, total = dp.bounds[d], 2 * len(dp.nodes), 0.0
    for product in range(bound, bound + 1 if dp.perfect else 2 * bound):
        if not dp.loose and not _may_be_tight(bound, product):
            continue
        divisors = _divisors(product)
        ways = _ways_of(dp, d, divisors, product)
        any_ways = _ways_of(dp, d, divisors, 0) if dp.loose else ways
        # By the place of what is left for a slot and all further in.
        inside = np.zeros(len(divisors))
        inside[0] = 1.0
        for slot in range(slots - 1, -1, -1):
            mine = np.zeros(len(divisors))
            for at in range(len(divisors)):
                left, j = divisors[at], -1
                each = any_ways if left < product else ways
                while True:
                    j = _next_place(dp, slot, d, j + 1, min(_most(dp, slot, d), left), left, divisors, each)
                    if j < 0:
                        break
                    stand = 1 if slot % 2 == 0 else any_ways[slot // 2, j]
                    mine[at] += stand * inside[np.searchsorted(divisors, left // divisors[j])]
            inside = mine
        total += inside[-1]
    return total


@entry
def least_sides(dp: Deep, d: int, chains: Ints) -> Ints:
    """The fewest rows, and the fewest columns, on which the children of each chain of a dim can stand.

    Returns
    -------
    (n, k, 2) int64
    """
    levels = len(dp.nodes)
    least = np.ones((len(chains), levels, 2), dtype=np.int64)
    most = 1
    for level in range(levels):
        most = max(most, _most(dp, 2 * level + 1, d))
    # Chains of one product follow one another, so what it allows is worked out once.
    known = np.zeros((levels, most + 1, 2), dtype=np.int64)
    of_product = np.full((levels, most + 1), -1, dtype=np.int64)
    for i in range(len(chains)):
        product = 1
        for k in range(2 * levels):
            product *= 0 if dp.loose else chains[i, k]
        for level in range(levels):
            children = chains[i, 2 * level + 1]
            if children == 1:
                continue
            if of_product[level, children] != product:
                of_product[level, children] = product
                _set_least(dp, level, d, children, product, known)
            least[i, level, 0], least[i, level, 1] = known[level, children, 0], known[level, children, 1]
    return least


def _set_least(dp: Deep, level: int, d: int, children: int, product: int, known: Ints) -> None:
    """Note the fewest rows and columns for so many children: known[level, children]."""
    fewest_rows, fewest_cols = children, children
    for rows in range(1, min(children, dp.sides[level, 0]) + 1):
        if children % rows == 0 and _stands(dp, level, d, rows, children // rows, product):
            fewest_rows, fewest_cols = min(fewest_rows, rows), min(fewest_cols, children // rows)
    known[level, children, 0], known[level, children, 1] = fewest_rows, fewest_cols


def settle_sides(dp: Deep, split: Ints) -> bool:
    """Find rows and columns for the children of all dims; False when some fan-out is too small for them.

    Parameters
    ----------
    split : (k, 4, 8) int64
        A mapping as `dse.mapper.deep.nest` has it, with all children on rows; these and the columns are replaced.
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


def _divisors(number: int) -> Ints:
    """All divisors of a number, in rising order."""
    found = np.zeros(2 * int(np.sqrt(number)) + 2, dtype=np.int64)
    count, divisor = 0, 1
    while divisor * divisor <= number:
        if number % divisor == 0:
            found[count] = divisor
            count += 1
        divisor += 1
    low = count
    for k in range(low - 1, -1, -1):
        if found[k] * found[k] != number:
            found[count] = number // found[k]
            count += 1
    return found[:count]


def _twice_as_long(rows: Ints) -> Ints:
    longer = np.ones((2 * len(rows), rows.shape[1]), dtype=np.int64)
    for row in range(len(rows)):
        for k in range(rows.shape[1]):
            longer[row, k] = rows[row, k]
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


def _may_be_tight(bound: int, product: int) -> bool:
    """Whether every prime factor of a product keeps it tight, so that all factors of a chain may."""
    if product == bound:
        return True
    most = (product - 1) // (product - bound)  # the largest factor that does
    divisor = 2
    while divisor <= most and divisor * divisor <= product:
        while product % divisor == 0:
            product //= divisor
        divisor += 1
    return product <= most  # 1, a prime, or a product of primes that are all larger than that
