"""Cases of which the plain run takes some, the gate (`.ci/run`) more, and `-m slow` all that is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

OF_THE_REST = 10
"""The gate takes one in so many of the cases that the plain run leaves out."""


def thinned(cases: Iterable[Any], every: int) -> list[Any]:
    """The cases of `parametrize`: the first of every so many unmarked, the others marked `gate` or `slow`.

    Parameters
    ----------
    cases : iterable
        Values of one parameter, or tuples of several.
    every : int
        The first of so many stays in the plain run, from the first on.
    """
    marked, left_out = [], 0
    for number, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        marks = []
        if number % every:
            marks = [pytest.mark.slow if left_out % OF_THE_REST else pytest.mark.gate]
            left_out += 1
        marked.append(pytest.param(*values, marks=marks))
    return marked


def in_gate(thinned: Iterable[Any]) -> list[Any]:
    """The values of those cases that `.ci/run` takes, in the plain run or in the gate."""
    values = [case.values for case in thinned if pytest.mark.slow not in case.marks]
    return [value if len(value) > 1 else value[0] for value in values]


def parts(count: int, size: int) -> list[range]:
    """The numbers below `count` in runs of `size`, which `thinned` takes as cases."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
