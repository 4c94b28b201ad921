"""Choices that count up from one number to another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.formats.architecture.space.model import RangeModel
from dse.formats.architecture.space.ranges import Value, count_up
from dse.formats.text.quantity import parse_quantity


def number(value: Value) -> Value:
    return value


def size(value: Value) -> Value:
    return str(parse_quantity(value, "size"))


def span(start: Value, to: Value, **rest: Value) -> RangeModel:
    return RangeModel.model_validate({"from": start, "to": to, **rest})


@given(st.integers(-50, 50), st.integers(0, 200), st.integers(1, 30))
def test_a_range_of_numbers_counts_like_python(start: int, length: int, step: int) -> None:
    found = count_up(span(start, start + length, step=step), number)
    assert found == tuple(range(start, start + length + 1, step))
    assert all(isinstance(value, int) for value in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (span("16 word", "64 word", step="16word"), ("16 word", "32 word", "48 word", "64 word")),
        (span("128 KiB", "1 MiB", factor=2), ("128 KiB", "256 KiB", "512 KiB", "1024 KiB")),
        (span("1 KiB", "2 KiB", step="512 B"), ("1 KiB", "1.5 KiB", "2 KiB")),
        (span("3 KiB", "10 KiB", factor=2), ("3 KiB", "6 KiB")),
        (span("5 KiB", "5 KiB", step="1 KiB"), ("5 KiB",)),
    ],
)
def test_ranges_of_sizes(given: RangeModel, expected: tuple[str, ...]) -> None:
    assert count_up(given, size) == expected


def test_a_fractional_step_reaches_its_end() -> None:
    assert count_up(span(0.1, 0.5, step=0.1), number) == pytest.approx((0.1, 0.2, 0.3, 0.4, 0.5))


@pytest.mark.parametrize(
    ("given", "read", "message"),
    [
        (span(8, 4, step=1), number, "counts upwards"),
        (span(4, 8, step=0), number, "leads nowhere"),
        (span(4, 8, step=-1), number, "leads nowhere"),
        (span(0, 8, factor=2), number, "starts above zero"),
        (span(0, 1, step=1e-6), number, "more than 10000 choices"),
        (span("a", "b", step=1), number, "no number to count from"),
        (span("1 word", "1 KiB", step="1 word"), size, "does not convert into word"),
        (span("1 KiB", "4 KiB", step=1), size, "does not convert into KiB"),
    ],
)
def test_ranges_that_make_no_sense(given: RangeModel, read: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_up(given, read)  # type: ignore[arg-type]


@pytest.mark.parametrize("rest", [{}, {"step": 1, "factor": 2}, {"factor": 1}])
def test_a_range_has_one_way_to_count(rest: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match=r"step|greater"):
        span(1, 2, **rest)
