"""Boxes wait in the order of how far they are; bands of one box can be taken together."""

import random

import pytest

from dse.explore.designs.space import DesignSpace
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.boxes.box import Axes, Box
from dse.explore.proof.prove import task_of
from dse.explore.proof.settled import Entry, Hopes, Queue
from dse.explore.proof.staircase import Staircase

SIDES = tuple(range(4, 17))
SPACE = DesignSpace.of({"dataflow": ["ws", "rs"], "levels.array.rows": SIDES, "levels.array.cols": SIDES})
AXES = Axes(SPACE, (None, tuple(map(float, SIDES)), tuple(map(float, SIDES))), ((False,) * 3, (False, True, True)))


def bands():
    """The bands of the arrays of each dataflow."""
    return [AXES.parts_of(box) for box in AXES.split(AXES.whole)]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_taken_beside_another_does_not_come_again(seed):
    draw, queue, left = random.Random(seed), Queue(), {}
    for number, box in enumerate(box for parts in bands() for box in parts):
        left[number] = Entry(draw.random(), number, box, DesignBound())
        queue.push(left[number])
    while left:
        assert len(queue) == len(left)
        assert {entry.number for entry in queue} == set(left)
        assert queue.farthest == max(entry.short for entry in left.values())
        entry = queue.pop()
        assert entry.short == max(one.short for one in left.values())
        del left[entry.number]
        others = queue.others_of(entry.box)
        assert {one.number for one in others} == {
            n for n, one in left.items() if one.box.first[0] == entry.box.first[0]
        }
        for one in draw.sample(others, min(2, len(others))):
            queue.take(one)
            del left[one.number]
    assert (len(queue), list(queue)) == (0, [])
    assert queue.farthest < 0


def test_bands_taken_together_are_the_designs_of_all_of_them():
    own, others = bands()
    together = own[3].with_bands([own[9], own[5]])
    assert together.size == own[3].size + own[5].size + own[9].size
    designs = AXES.singles(together)
    assert {one.first for one in designs} == {
        one.first for band in (own[3], own[5], own[9]) for one in AXES.singles(band)
    }
    assert AXES.parts_of(together) == designs
    assert AXES.split(together) == [together]
    assert not any(together.holds(one.first) for one in AXES.singles(others[3]))
    task = task_of(AXES, together, designs, 1.0)
    assert len(task.apart) == together.size
    single = Box((0, 1, 1), (0, 1, 1))
    assert single.with_bands([]) == single


def entry(short, *bound):
    return Entry(short, 0, Box((0,), (0,)), DesignBound(*bound))


def test_designs_that_hope_for_about_the_same_are_alike():
    hopes = Hopes(Staircase(("energy", "latency"), 1.0))
    first = entry(0.02, 2.0, 2.0, 4.0)
    assert not hopes.match(first)
    hopes.add(entry(float("inf"), 0.5, 0.5, 1.0))  # nothing is known that it could be compared with
    assert not hopes.match(first)
    hopes.add(first)
    assert hopes.match(first)
    assert hopes.match(entry(0.02, 1.985, 2.0, 3.985))  # less than half of its 2 % would be left
    assert not hopes.match(entry(0.02, 1.97, 2.0, 3.97))
    assert not hopes.match(entry(0.02, 3.0, 1.0, 4.0))
