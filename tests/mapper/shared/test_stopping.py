"""Limits on time, by the clock and by CPU time."""

import pickle
import time

from dse.mapper.shared.stopping import Busy, BusyTimer, at_most, part_of, stopping


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


def test_a_limit_by_the_clock_holds_beside_one_of_cpu_time():
    with stopping(Busy(600.0, 0.01)) as stop:
        while not stop[0]:  # it ends, or the test hangs
            time.sleep(0.001)
    assert stop[0]


def test_both_limits_reach_other_processes_and_are_shared_out():
    limit = at_most(at_most(Busy(8.0), 90.0), 40.0)
    for one in (limit, pickle.loads(pickle.dumps(limit))):
        assert (one, one.clock_s) == (8.0, 40.0)
        assert isinstance(one, Busy)
    share = part_of(limit, 4)
    assert (share, share.clock_s) == (2.0, 10.0)
    assert type(at_most(8.0, 4.0)) is type(part_of(8.0, 4)) is float
