"""A clock for tests of limits: time that is over at once, however fast the search that it is to stop."""

from functools import partial
from itertools import count
from math import inf


class ElapsedTimer:
    """Stands for `threading.Timer`, but calls its function as soon as it starts."""

    def __init__(self, interval, function, args):
        self.fire = partial(function, *args)

    def start(self):
        self.fire()

    def cancel(self):
        pass


def use(monkeypatch):
    """Let every time limit of a search in this process be over when the search begins."""
    for name in ("Timer", "BusyTimer"):
        monkeypatch.setattr(f"dse.mapper.shared.stopping.{name}", ElapsedTimer)


def after(monkeypatch, looks):
    """Let each time for several searches be over once it was looked at so many times, whatever it is."""
    left = {}

    def is_over(deadline):
        if not deadline.is_set:
            return False
        left[deadline] = left.get(deadline, looks) - 1
        return left[deadline] < 0

    monkeypatch.setattr("dse.mapper.shared.stopping.Deadline.is_over", property(is_over))


def in_search(monkeypatch, looks, *, fast):
    """Let the time of the deep search for the least latency be over after so many steps: while it looks for the fastest
    mapping, or for one of less energy that is as fast."""
    from dse.mapper.deep import solve

    seek = solve.seek

    def stopped(spaces, later, best, *found):
        steps, number = seek(spaces, later, best, *found), count()
        while True:
            if (best.until == inf) == fast and next(number) >= looks:
                best.stop[0] = 1
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            yield

    monkeypatch.setattr(solve, "seek", stopped)
