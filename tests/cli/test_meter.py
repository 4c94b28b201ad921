"""The line that says how far a sweep is."""

from dse.cli.verbs.sweep import Meter
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
