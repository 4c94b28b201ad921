"""Limits on the time of a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import Timer
from time import process_time
from typing import Any

import numpy as np


class Busy(float):
    """Seconds of a process's CPU time, as a limit: it allows as much work beside other load as without.

    `clock_s` is a limit by the clock that holds beside it.
    """

    clock_s: float

    def __new__(cls, seconds: float, clock_s: float = inf) -> Busy:
        made = super().__new__(cls, seconds)
        made.clock_s = clock_s
        return made

    def __reduce__(self) -> tuple[type[Busy], tuple[float, float]]:
        return Busy, (float(self), self.clock_s)


def part_of(limit_s: float, parts: float) -> float:
    """An equal part of a limit, of the same kind.

    Examples
    --------
    >>> part_of(6.0, 3), part_of(Busy(6.0, 30.0), 3), part_of(Busy(6.0, 30.0), 3).clock_s
    (2.0, 2.0, 10.0)
    """
    return Busy(limit_s / parts, limit_s.clock_s / parts) if isinstance(limit_s, Busy) else limit_s / parts


def at_most(limit_s: float, clock_s: float) -> float:
    """A limit, and no more than so many seconds by the clock.

    Examples
    --------
    >>> at_most(6.0, 3.0), at_most(Busy(6.0), 30.0), at_most(Busy(6.0), 30.0).clock_s
    (3.0, 6.0, 30.0)
    """
    if isinstance(limit_s, Busy):
        return Busy(limit_s, min(limit_s.clock_s, clock_s))
    return min(limit_s, clock_s)


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
    by_clock = time_limit_s.clock_s if isinstance(time_limit_s, Busy) else time_limit_s
    timers: list[Any] = [Timer(by_clock, stop.fill, (1,))] if by_clock < inf else []
    if isinstance(time_limit_s, Busy):
        timers.append(BusyTimer(time_limit_s, stop.fill, (1,)))
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield stop
    finally:
        for timer in timers:
            timer.cancel()
