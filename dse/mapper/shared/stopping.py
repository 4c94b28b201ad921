"""Limits on the time of a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from time import process_time
from typing import Any

import numpy as np


class Busy(float):
    """Seconds of a process's CPU time, as a limit: it allows as much work beside other load as without."""

    __slots__ = ()


class BusyTimer:
    """Like `threading.Timer`, by the CPU time of this process. Other threads may bring it earlier."""

    def __init__(self, interval: float, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._until, self._function, self._args = process_time() + interval, function, args
        self._timer: Timer | None = None
        self._is_over = False
        self.daemon = True

    def start(self) -> None:
        left = self._until - process_time()
        if left <= 0:
            self._function(*self._args)
        elif not self._is_over:
            self._timer = Timer(left, self.start)
            self._timer.daemon = self.daemon
            self._timer.start()

    def cancel(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()


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
    timer = (BusyTimer if isinstance(time_limit_s, Busy) else Timer)(time_limit_s, stop.fill, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
