"""Cases of which the plain run takes some and the gate (`.ci/run`) takes all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], every: int) -> list[Any]:
    """The cases of `parametrize`, all but one in `every` marked `gate`.

    Parameters
    ----------
    cases : iterable
        Values of one parameter, or tuples of several.
    every : int
        The first of so many stays in the plain run, from the first on.
    """
    marked = []
    for number, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        marked.append(pytest.param(*values, marks=[pytest.mark.gate] if number % every else []))
    return marked
