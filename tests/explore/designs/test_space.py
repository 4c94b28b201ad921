"""The design space is a bijection between indices and settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import DseError
from dse.explore.designs.space import DesignSpace

SPACES = st.dictionaries(
    st.text("abc.", min_size=1, max_size=6),
    st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True),
    max_size=4,
).map(DesignSpace.of)


@given(SPACES)
def test_every_index_is_one_design(space):
    designs = [tuple(space.settings(index).items()) for index in range(space.size)]
    assert len(set(designs)) == space.size
    assert [space.find(dict(design)) for design in designs] == list(range(space.size))


@given(SPACES)
def test_index_and_digits_are_inverse_and_the_last_setting_counts_fastest(space):
    digits = [space.digits(index) for index in range(space.size)]
    assert digits == sorted(digits)
    assert [space.index(d) for d in digits] == list(range(space.size))


def test_a_design_outside_the_space_is_not_found():
    space = DesignSpace.of({"rows": [4, 8], "dataflow": ["a", "b"]})
    assert space.find({"rows": 5, "dataflow": "a"}) is None
    assert space.find({"rows": 8, "dataflow": "b"}) == 3
    with pytest.raises(IndexError):
        space.settings(4)


@pytest.mark.parametrize(
    ("choices", "ordered"),
    [
        ([1, 2.5, 4], True),
        ([9, 3], True),
        ([1, 3, 2], False),
        (["a", "b"], False),
        ([False, True], False),
        (["512 KiB", "1 MiB"], True),
        (["512 KiB", "1 KiB", "2 KiB"], False),
        (["16 word", "64 word"], True),
        (["16 word", "64 KiB"], False),
        ([1, "64 KiB"], False),
    ],
)
def test_order_is_seen_in_numbers_and_quantities(choices, ordered):
    assert DesignSpace.of({"setting": choices}).is_ordered(0) is ordered


@pytest.mark.parametrize(("space", "message"), [({"rows": []}, "no choices"), ({"rows": [4, 4]}, "repeats")])
def test_a_bad_space_is_refused(space, message):
    with pytest.raises(DseError, match=message):
        DesignSpace.of(space)
