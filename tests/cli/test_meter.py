"""The line that says how far a sweep is."""

from time import monotonic

from dse.cli.verbs.sweep import LEAST_PART_S, Meter, remaining
from dse.explore.limits import Limits
from dse.explore.progress import Progress


class Line:
    def __init__(self):
        self.shown = []

    def show(self, text):
        self.shown.append(text)


def test_a_new_phase_is_named_at_once():
    line = Line()
    meter = Meter(line)
    meter(Progress("explore", 3, 4, 3, 18.0, None))
    meter(Progress("exact", 0, 2, 0, 0.0, None))
    meter(Progress("prove", 8, 12, 8, 1.0, None))
    first, *later = line.shown
    assert first == "exploring 3/4  0.17/s  6 s left"
    assert later == ["solving the front exactly 0/2", "proving 8/12  8/s  0 s left"]


def test_a_time_for_the_whole_counts_from_the_start_of_the_command():
    """What imports and reading files took is not given to the search a second time."""
    limits = Limits(prove_s=3.0, time_s=20.0)
    assert remaining(limits, monotonic() + 12.0).time_s <= 12.0
    assert remaining(limits, monotonic() - 5.0) == Limits(prove_s=3.0, time_s=LEAST_PART_S)
    assert remaining(Limits(), 0.0) == Limits()
