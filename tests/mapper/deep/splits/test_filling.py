"""Columns of factors against plain counting, split by split."""

from math import prod

import numpy as np
import pytest

from dse.mapper.deep.splits import filling
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.splits.filling import Splits, fill
from dse.mapper.shared.compilation.twins import compiled

LEVELS = 3


def drawn(seed):
    """Chains of two dims over three levels that cover their bounds, tight or not."""
    rng = np.random.default_rng(seed)
    chains = rng.choice([1, 1, 2, 3], (12, 2, 2 * LEVELS))
    bounds = np.array([chains[:, which].prod(axis=1).min() for which in range(2)])
    sides = rng.integers(1, 4, (12, LEVELS, 2))
    return Splits(chains, sides, bounds, int(rng.integers(1, 4)), int(rng.integers(1, 4)))


def indices(chain, bound, counted):
    """How many different indices of the slots counted occur among those of a bound."""
    seen = set()
    for index in range(bound):
        left, found = index, []
        for slot in range(len(chain)):
            inside = prod(chain[slot + 1 :])
            found += [left // inside] if counted(slot) else []
            left %= inside
        seen.add(tuple(found))
    return len(seen)


def truth(splits, i, what, x, y, z):
    chain, bounds = splits.chains[i].tolist(), splits.bounds.tolist()
    each = range(2)

    def over(lists):
        return prod(indices(chain[d], bounds[d], lambda slot: slot % 2 == 0 and slot < 2 * lists[d]) for d in each)  # noqa: B023

    def tile(d):
        inside = chain[d][2 * y :]
        return min(bounds[d], prod(inside) * prod(chain[d][1 : 2 * y : 2][z if z >= 0 else LEVELS :]))

    if what == filling.COUNT:
        return indices(chain[x], bounds[x], lambda slot: slot < 2 * y if slot % 2 == 0 else z >> slot // 2 & 1)
    if what == filling.CHANGES:
        return over((x, y))
    if what == filling.STEPS_PER_CHANGE:
        return over((LEVELS, LEVELS)) / over((x, y))
    if what == filling.TILE:
        return tile(x)
    if what == filling.BOX:
        return (tile(0) - 1) * splits.stride + (tile(1) - 1) * splits.dilation + 1
    if what == filling.CHILDREN:
        return chain[0][2 * x + 1] * chain[1][2 * x + 1]
    if what == filling.SIDE:
        return splits.sides[i, x, y]
    return 1 / prod(min(bounds[d], prod(chain[d][1 : 2 * x : 2])) for d in each)


@pytest.mark.parametrize("seed", range(6))
def test_factors_are_those_of_plain_counting(seed):
    splits, rng = drawn(seed), np.random.default_rng(seed)
    asked = [(filling.COUNT, d, lists, fans) for d in range(2) for lists in range(4) for fans in range(8)]
    both = filling.CHANGES, filling.STEPS_PER_CHANGE
    asked += [(what, x, y, 0) for what in both for x in range(4) for y in range(4)]
    asked += [(what, d, level, above) for what in (filling.TILE, filling.BOX) for d in range(2) for level in range(4)
              for above in range(-1, level)]  # fmt: skip
    asked += [(what, level, side, 0) for what in (filling.CHILDREN, filling.SIDE, filling.IDLE) for level in range(3)
              for side in range(2)]  # fmt: skip
    order = rng.permutation(len(asked))
    rows = np.array([(at, *numbers) for at, numbers in zip(order, asked, strict=True)])
    logs, plain = np.zeros((2, len(asked), len(splits.chains)))
    compiled(fill)(splits, rows, logs, plain)
    for at, numbers in zip(order, asked, strict=True):
        assert plain[at].tolist() == [truth(splits, i, *numbers) for i in range(len(splits.chains))], numbers
    assert np.allclose(np.exp(logs), plain, rtol=1e-14)


def test_columns_are_filled_when_a_table_is_asked_for():
    axis = Axis((2,), (6,), (np.array([[3, 1, 2, 1], [1, 1, 6, 1]]),), 1, 1)
    first, second = axis.column(("words", 0, 1)), axis.column(("steps",))
    assert (first, second) == (1, 2)
    assert axis.table(plain=True).tolist() == [[1, 1], [2, 6], [6, 6]]
    axis.put(("more",), np.array([2.0, 1.0]))
    assert axis.column(("idle", 1)) == 0
    assert np.exp(axis.table()).tolist()[3] == [2, 1]
    for lists in range(80):  # more than there is room for at first
        axis.put(("many", lists), np.array([3.0, 1.0 + lists]))
    assert axis.table(plain=True)[:4].tolist() == [[1, 1], [2, 6], [6, 6], [2, 1]]
    assert axis.table(plain=True)[-1].tolist() == [3, 80]
