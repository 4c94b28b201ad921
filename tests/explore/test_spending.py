"""CPU time by part of a sweep: blocks add up, and an error in one still counts."""

import time

import pytest

from dse.explore.spending import PARTS, Spending


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def fail_after(spending, seconds):
    with spending.on("log"):
        burn(seconds)
        raise OSError("the disk is full")


def test_the_time_of_blocks_adds_up_by_part():
    spending = Spending()
    for _ in range(2):
        with spending.on("designs"):
            burn(0.02)
    with pytest.raises(OSError, match="disk"):
        fail_after(spending, 0.01)
    assert spending.seconds["designs"] >= 0.04
    assert spending.seconds["log"] >= 0.01
    assert spending.seconds["sampler"] == 0
    assert list(spending.to_dict()) == list(PARTS)


def test_time_of_other_processes_is_added_by_hand():
    spending = Spending()
    spending.add("mapping", 2.0)
    spending.add("mapping", 0.50049)
    assert spending.to_dict()["mapping"] == 2.5
