"""Choices that count up from one number to another, and what a setting of a space may be."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from dse.formats.architecture.space.model import RangeModel
from dse.formats.text import quantity as q

Value = int | float | bool | str
"""What a setting may be: a number, a word, or a quantity as text such as `64 KiB`."""

MAX_CHOICES = 10_000

BATCH = "batch"
"""A setting of the networks, not of the architecture: images at once."""


def count_up(given: RangeModel, read: Callable[[Value], Value]) -> tuple[Value, ...]:
    """The choices of a range, in order.

    Parameters
    ----------
    given : RangeModel
    read : callable
        Checks a single value and puts it in its canonical form; raises `DseError`.

    Raises
    ------
    ValueError
        A range of words, in units that do not convert into each other, that runs downwards, or that is endless.
    """
    start, unit = split(read(given.start))
    stop = _in_unit(read(given.to), unit)
    step = 0.0 if given.step is None else _in_unit(_spelled(given.step), unit)
    if start > stop:
        raise ValueError(f"a range counts upwards, not from {given.start} to {given.to}")
    if given.step is not None and step <= 0:
        raise ValueError(f"a step of {given.step} leads nowhere")
    if not isfinite(step):
        raise ValueError(f"a step of {given.step} is not finite")
    if given.factor is not None and start <= 0:
        raise ValueError("a range with a factor starts above zero")
    values: list[float] = []
    value = start
    while value <= stop + 1e-12 * abs(stop):
        values.append(value)
        if len(values) > MAX_CHOICES:
            raise ValueError(f"more than {MAX_CHOICES} choices")
        value = start + step * len(values) if given.factor is None else start * given.factor ** len(values)
    return tuple(read(join(value, unit)) for value in values)


def split(value: Value) -> tuple[float, str]:
    """Number and unit of a setting; raises `ValueError` for words.

    Examples
    --------
    >>> split("8 KiB"), split(12)
    ((8.0, 'KiB'), (12.0, ''))
    """
    if isinstance(value, bool) or value == "unlimited":
        raise ValueError(f"{value} is no number to count from")
    if isinstance(value, int | float):
        return float(value), ""
    number, _, unit = value.partition(" ")
    try:
        return float(number), unit
    except ValueError:
        raise ValueError(f"{value} is no number to count from: list the choices instead") from None


def _in_unit(value: Value, unit: str) -> float:
    """A number in the unit that the range starts with; words and MACs convert into nothing else."""
    number, own = split(value)
    if own == unit:
        return number
    for _, units in q.KINDS.values():
        if own in units and unit in units and not {own, unit} & {"word", "mac", "word/cycle"}:
            return number * units[own] / units[unit]
    raise ValueError(f"{value} does not convert into {unit or 'a number without a unit'}, in which the range starts")


def _spelled(step: Value) -> Value:
    """A step with its unit as `quantity` spells it, however it is written."""
    if isinstance(step, str):
        for kind in q.KINDS:
            try:
                return str(q.parse_quantity(step, kind))
            except q.QuantityError:
                continue
    return step


def join(value: float, unit: str) -> Value:
    """The inverse of `split`.

    Examples
    --------
    >>> join(8.0, "KiB"), join(12.0, "")
    ('8 KiB', 12)
    """
    number: int | float = int(value) if value == int(value) else value
    return f"{number} {unit}" if unit else number
