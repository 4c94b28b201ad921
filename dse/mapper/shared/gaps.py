"""How far above the best a mapping may be asked for."""

from __future__ import annotations

from dse.errors import DseError, expect

LARGEST_GAP = 1e6
"""A million times as much as the best is no wish: every mapping will do, and products with more overflow."""


def check_gap(gap: object) -> None:
    """Refuse what is no gap.

    Raises
    ------
    DseError

    Examples
    --------
    >>> check_gap(0.01)
    >>> check_gap(1e308)
    Traceback (most recent call last):
    dse.errors.DseError: gap=1e+308 is not a fraction from 0 to 1e+06
      hint: a fraction, e.g. 0.01 for 1 %
    """
    hint = "a fraction, e.g. 0.01 for 1 %"
    expect(gap, (float, int), "gap", hint)
    assert isinstance(gap, float | int)
    if not 0 <= gap <= LARGEST_GAP:  # NaN, too
        raise DseError(f"gap={gap} is not a fraction from 0 to {LARGEST_GAP:g}", hint=hint)
