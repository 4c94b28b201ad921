"""Limits on time, by the clock and by CPU time."""

import time

from dse.mapper.shared.stopping import Busy, BusyTimer, stopping


def test_cpu_time_does_not_pass_while_a_process_waits():
    """A limit of a second is not over after a wait, however long that takes by the clock: only CPU time counts."""
    with stopping(Busy(1.0)) as stop:
        before = time.process_time()
        time.sleep(0.05)
        assert not stop[0] or time.process_time() - before >= 0.9


def test_cpu_time_passes_while_a_process_works():
    with stopping(Busy(0.02)) as stop:
        while not stop[0]:  # it ends, or the test hangs
            sum(range(1000))
    assert stop[0]


def test_a_limit_that_is_cancelled_does_nothing():
    fired = []
    timer = BusyTimer(0.0, fired.append, (1,))
    timer.start()
    assert fired == [1]
    later = BusyTimer(1e6, fired.append, (2,))
    later.start()
    later.cancel()
    later.start()
    assert fired == [1]
