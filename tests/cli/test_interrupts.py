"""Work that is interrupted ends politely the first time and at once the second time."""

import signal
import subprocess
import sys
import time

import pytest

from dse.cli.interrupts import INTERRUPTED, TOGETHER_S, interruptible, kernels_told
from dse.mapper.shared.incumbent import AT_ONCE
from dse.mapper.shared.stopping import stopping

SLOW_TO_END = """
import signal, sys, time
from dse.cli.interrupts import interruptible
with interruptible():
    try:
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("ending", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_each_way_to_end_it_interrupts_and_is_put_back(name):
    number = getattr(signal, name)
    given = signal.signal(number, signal.default_int_handler)  # under `nohup`, SIGHUP is ignored
    try:
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, given)


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_that_comes_twice_at_once_is_one():
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # as from `timeout`, which tells the process and then its group


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_one_ends_at_once(second):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_TO_END], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    time.sleep(TOGETHER_S + 0.1)
    process.send_signal(second)
    _, err = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert err == ""


def test_searches_are_told_before_the_handler_runs():
    """A kernel would not let it run: another thread raises the flags of searches."""
    with kernels_told(), interruptible(), stopping(None) as stop:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        for _ in range(1000):
            if stop[0]:
                break
            time.sleep(0.01)
        assert stop[0] == AT_ONCE


def test_the_descriptor_is_given_back():
    with kernels_told():
        mine = signal.set_wakeup_fd(-1)
        assert mine >= 0
        signal.set_wakeup_fd(mine)
    assert signal.set_wakeup_fd(-1) != mine
