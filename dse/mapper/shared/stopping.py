"""Limits on the time of a search."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import numpy as np


@contextmanager
def stopping(time_limit_s: float | None) -> Iterator[Any]:
    """A flag that is raised once the time is over; kernels run without the interpreter's lock, and look at it.

    Examples
    --------
    >>> with stopping(600.0) as stop:
    ...     stop
    array([0])
    """
    stop = np.zeros(1, dtype=np.int64)
    if time_limit_s is None:
        yield stop
        return
    timer = Timer(time_limit_s, stop.fill, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
