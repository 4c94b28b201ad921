"""The design space: which settings of an architecture may change, and to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from dse.errors import DseError
from dse.formats.text.quantity import KINDS, parse_quantity


@dataclass(frozen=True, slots=True)
class DesignSpace:
    """A grid of designs; each has one index, the last setting counting fastest.

    Parameters
    ----------
    names : tuple of str
        Dotted paths of the settings, such as `levels.GLB.capacity`.
    choices : tuple of tuple
        What each setting may be, in the order of `names`.
    """

    names: tuple[str, ...]
    choices: tuple[tuple[Any, ...], ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.choices):
            raise DseError(f"design space: {len(self.names)} names, {len(self.choices)} lists of choices")
        for name, choices in zip(self.names, self.choices, strict=True):
            if not choices:
                raise DseError(f"design space: {name} has no choices")
            if len(set(choices)) < len(choices):
                raise DseError(f"design space: {name} repeats a choice")

    @classmethod
    def of(cls, space: Mapping[str, Sequence[Any]]) -> DesignSpace:
        return cls(tuple(space), tuple(tuple(choices) for choices in space.values()))

    @property
    def size(self) -> int:
        """How many designs there are; a space without settings holds one."""
        return prod(len(choices) for choices in self.choices)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(choices) for choices in self.choices)

    def digits(self, index: int) -> tuple[int, ...]:
        """Position of each setting among its choices."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        digits = []
        for base in reversed(self.shape):
            index, digit = divmod(index, base)
            digits.append(digit)
        return tuple(reversed(digits))

    def index(self, digits: Sequence[int]) -> int:
        """The inverse of `digits`."""
        index = 0
        for digit, base in zip(digits, self.shape, strict=True):
            if not 0 <= digit < base:
                raise IndexError(digit)
            index = index * base + digit
        return index

    def settings(self, index: int) -> dict[str, Any]:
        """The design at an index as `{path: value}`."""
        return {
            name: choices[digit]
            for name, choices, digit in zip(self.names, self.choices, self.digits(index), strict=True)
        }

    def find(self, settings: Mapping[str, Any]) -> int | None:
        """The index of a design, or None when one of its values is not among the choices."""
        digits = []
        for name, choices in zip(self.names, self.choices, strict=True):
            if settings.get(name) not in choices:
                return None
            digits.append(choices.index(settings[name]))
        return self.index(digits)

    def is_ordered(self, position: int) -> bool:
        """Whether the choices of a setting are numbers or quantities that only rise or only fall: neighbours then
        resemble each other, which a sampler can use."""
        values = [magnitude(value) for value in self.choices[position]]
        if any(value is None or values[0] is None or value[0] != values[0][0] for value in values):
            return False
        sizes = [value[1] for value in values if value is not None]
        return all(a < b for a, b in pairwise(sizes)) or all(a > b for a, b in pairwise(sizes))


def magnitude(value: Any) -> tuple[str, float] | None:
    """What a value measures and how much of it; None for words. Only magnitudes of the same measure compare.

    Examples
    --------
    >>> magnitude("108 KiB"), magnitude("12x14"), magnitude("row-stationary")
    (('size', 884736.0), ('aspect ratio', 1.1666666666666667), None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return "", float(value)
    rows, cross, cols = str(value).partition("x")
    if cross and rows.isdecimal() and cols.isdecimal():
        return "aspect ratio", int(cols) / int(rows)
    for kind, (_, units) in KINDS.items():
        try:
            quantity = parse_quantity(value, kind)
        except DseError:
            continue
        relative = quantity.unit in ("word", "mac") or quantity.unit.endswith("/cycle")
        return quantity.unit if relative else kind, quantity.value * units[quantity.unit]
    return None
