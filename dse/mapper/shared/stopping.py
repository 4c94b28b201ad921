"""Limits on the time of a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from threading import Timer
from time import monotonic, process_time
from typing import Any

import numpy as np

from dse.errors import DseError
from dse.mapper.shared.incumbent import AT_ONCE, AT_TIME

LEAST_S = 1e-3
"""Seconds of a search for which no time is left: it ends with the first mapping that it finds."""

KEPT = 0.5
"""Parts of the time that are kept back for each search that is known to come."""


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


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the time of several searches together is over.

    Parameters
    ----------
    end : float
        Of the monotonic clock, s.
    busy_end : float
        Of this process's CPU time, s; infinite where that is not limited.

    Examples
    --------
    >>> Deadline().is_set, Deadline.after(600.0).is_set, Deadline.after(600.0).is_over, Deadline.after(-1.0).is_over
    (False, True, False, True)
    >>> 149 < Deadline.after(600.0).part_s(4) <= 150, Deadline.after(-1.0).part_s(4), Deadline().part_s(4)
    (True, 0.001, inf)
    """

    end: float = inf
    busy_end: float = inf

    @classmethod
    def after(cls, limit_s: float) -> Deadline:
        """So many seconds from now; see `Busy`."""
        if isinstance(limit_s, Busy):
            return cls(monotonic() + limit_s.clock_s, process_time() + limit_s)
        return cls(monotonic() + limit_s)

    @property
    def is_set(self) -> bool:
        """Whether it ever comes."""
        return min(self.end, self.busy_end) < inf

    @property
    def is_over(self) -> bool:
        return monotonic() >= self.end or process_time() >= self.busy_end

    @property
    def left_s(self) -> float:
        """Seconds that are left at most, for work that cannot tell CPU time from time by the clock."""
        return max(LEAST_S, min(self.end - monotonic(), self.busy_end - process_time()))

    def before(self, part: float) -> Deadline:
        """An earlier one, when a part of the time that is left is over.

        Examples
        --------
        >>> 299 < Deadline.after(600.0).before(0.5).left_s <= 300, Deadline().before(0.5) == Deadline()
        (True, True)
        """
        now, busy = monotonic(), process_time()
        return Deadline(now + part * (self.end - now), busy + part * (self.busy_end - busy))

    def part_s(self, parts: float) -> float:
        """One of some equal parts of the time that is left, as a limit for a search."""
        by_clock = max(LEAST_S, (self.end - monotonic()) / parts)
        if self.busy_end == inf:
            return by_clock
        return Busy(max(LEAST_S, (self.busy_end - process_time()) / parts), by_clock)


@dataclass(slots=True)
class Shares:
    """A time, shared out among searches that ask for more of them.

    Parameters
    ----------
    deadline : Deadline
    to_come : int
        Searches that are known to come: each has an equal part of the time.
    kept : float
        Parts that are left for what comes after them.

    Examples
    --------
    >>> shares = Shares(Deadline.after(600.0))
    >>> shares.expect(4)
    >>> 99 < shares.next_s <= 100
    True
    """

    deadline: Deadline = Deadline()
    to_come: int = 1
    kept: float = 1.0

    def expect(self, searches: int) -> None:
        """So many searches come now; a third of the time is kept for what they show to be worth one."""
        self.to_come, self.kept = searches, max(1.0, KEPT * searches)

    @property
    def next_s(self) -> float:
        """Seconds for the next search, see `Deadline.part_s`."""
        return self.deadline.part_s(max(1, self.to_come) + self.kept)


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


class OutOfTimeError(DseError):
    """The time of a search is over before it can look at mappings: tables that it needs are longer than that."""


class TooLongError(OutOfTimeError):
    """Tables that a search needs take more memory than machines have."""


UNTIMED = 1_000_000
"""Rows of tables that are made whatever the time, in about a second: with them a search says more."""

_at_hand: ContextVar[tuple[Any, ...]] = ContextVar("searches at hand", default=())
"""Flags of the searches that are within one another; those with a limit of their own have True beside them."""

_flags: list[Any] = []
"""Flags of all searches of this process."""


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
    timers = [] if time_limit_s is None else _timers(time_limit_s, stop)
    for timer in timers:
        timer.daemon = True
        timer.start()
    outside = _at_hand.set((*_at_hand.get(), (stop, time_limit_s is not None)))
    _flags.append(stop)
    try:
        yield stop
    finally:
        _flags[:] = [flag for flag in _flags if flag is not stop]
        _at_hand.reset(outside)
        for timer in timers:
            timer.cancel()


def _timers(time_limit_s: float, stop: Any) -> list[Any]:
    by_clock = time_limit_s.clock_s if isinstance(time_limit_s, Busy) else time_limit_s
    timers: list[Any] = [Timer(by_clock, stop.fill, (AT_TIME,))] if by_clock < inf else []
    return [*timers, BusyTimer(time_limit_s, stop.fill, (AT_TIME,))] if isinstance(time_limit_s, Busy) else timers


def look_at_clock(rows: float) -> None:
    """Raise `OutOfTimeError` if a search at hand has been told to end while it makes a table of many rows.

    Parameters
    ----------
    rows : float
        As many as the table has so far, or as there are; up to `UNTIMED` are made in any case.

    Examples
    --------
    >>> with stopping(600.0) as stop:
    ...     look_at_clock(2e6)
    ...     stop[0] = AT_TIME
    ...     look_at_clock(1e6)
    ...     look_at_clock(2e6)
    Traceback (most recent call last):
    dse.mapper.shared.stopping.OutOfTimeError: the time is over before the tables of the search are made
    """
    if rows > UNTIMED and any(flag[0] for flag, _ in _at_hand.get()):
        raise OutOfTimeError("the time is over before the tables of the search are made")


def flag_for(rows: float) -> Any:
    """A flag for a kernel that makes a table of many rows: that of the search at hand, or one that nobody raises.

    Examples
    --------
    >>> with stopping(600.0) as stop:
    ...     flag_for(2e6) is stop, flag_for(1e6) is stop
    (True, False)
    """
    at_hand = _at_hand.get()
    return at_hand[-1][0] if at_hand and rows > UNTIMED else np.zeros(1, dtype=np.int64)


def has_limit() -> bool:
    """Whether a search at hand has a limit on its time, so that it may end without proof.

    Examples
    --------
    >>> with stopping(600.0):
    ...     has_limit()
    True
    """
    return any(limited for _, limited in _at_hand.get())


def end_at_once() -> None:
    """Tell all searches of this process to end, also those without a mapping; a signal's handler waits for kernels.

    Examples
    --------
    >>> with stopping(None) as stop:
    ...     end_at_once()
    ...     int(stop[0]) == AT_ONCE
    True
    """
    for flag in _flags:
        flag.fill(AT_ONCE)
