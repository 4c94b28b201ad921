"""Copies along the axes of a tensor, against tensors whose elements say what they are copies of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.formats.graph.copies import copies_of, expanded, permuted, repeated, reshaped
from dse.formats.graph.graph import Value

SIDE = st.sampled_from([1, 2, 3])


def are_copies(array, copies):
    """Whether neighbours along each axis are the same, in runs of so many."""
    runs = array
    for axis, count in enumerate(copies):
        assert runs.shape[axis] % count == 0
        first = np.take(runs, np.arange(runs.shape[axis]) // count * count, axis)
        if not np.array_equal(first, runs):
            return False
    return True


@given(st.data())
def test_what_is_said_to_be_copies_is(data):
    shape = tuple(data.draw(st.lists(SIDE, min_size=1, max_size=4)))
    array = np.arange(int(np.prod(shape))).reshape(shape)
    value = Value(shape, "x")
    for _ in range(data.draw(st.integers(1, 5))):
        step = data.draw(st.sampled_from(["expand", "permute", "repeat", "reshape", "unsqueeze"]))
        if step == "expand":
            target = tuple(data.draw(SIDE) if size == 1 else size for size in array.shape)
            array, copies = np.broadcast_to(array, target), expanded(value, target)
        elif step == "permute":
            order = data.draw(st.permutations(range(array.ndim)))
            array, copies = array.transpose(order), permuted(value, order)
        elif step == "repeat":
            axis = data.draw(st.integers(0, array.ndim - 1))
            array, copies = np.repeat(array, 2, axis), repeated(value, axis, 2)
        else:
            target = (1, *array.shape) if step == "unsqueeze" else data.draw(regroupings(array.shape))
            array, copies = array.reshape(target), reshaped(value, target)
        if array.size > 5000:
            return
        value = Value(array.shape, "x", copies=copies)
        assert len(copies_of(value)) == array.ndim
        assert are_copies(array, copies_of(value))


@st.composite
def regroupings(draw, shape):
    """Some neighbouring axes merged, some sides split, some sides of 1 put in or left out."""
    sizes = [side for side in shape if side > 1 or draw(st.booleans())] or [1]
    merged = [sizes[0]]
    for side in sizes[1:]:
        if draw(st.booleans()):
            merged[-1] *= side
        else:
            merged.append(side)
    return tuple(
        part for side in merged for part in ((2, side // 2) if side % 2 == 0 and draw(st.booleans()) else (side,))
    )


@pytest.mark.parametrize(
    ("sizes", "copies", "shape", "found"),
    [
        ((1, 2, 4, 9), (1, 1, 4, 1), (1, 8, 9), (1, 4, 1)),
        ((1, 2, 4, 9), (1, 1, 4, 1), (8, 9), (4, 1)),
        ((2, 4), (2, 4), (8,), (8,)),
        ((2, 4), (2, 1), (8,), (1,)),  # 0..3 0..3: copies, but not in a row
        ((2, 6), (1, 2), (12,), (2,)),
        ((8, 9), (4, 1), (8, 3, 3), (4, 1, 1)),
        ((8,), (4,), (2, 4), (1, 1)),  # split: nothing is said, though there are copies
        ((3, 1), (1, 1), (3,), (1,)),
    ],
)
def test_reshaped(sizes, copies, shape, found):
    assert reshaped(Value(sizes, "x", copies=copies), shape) == found
