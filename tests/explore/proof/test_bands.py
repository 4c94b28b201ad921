"""Bands hold every array of a box once, and a box of a band just its designs."""

from itertools import product

import pytest

from dse.explore.designs.space import DesignSpace
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.proof.bounding.common import architecture_of, area_of, differ_in_sides, with_sides
from dse.explore.proof.bounding.prices import BoxPrices, Layouts
from dse.explore.proof.boxes.bands import RATIO, Band
from dse.explore.proof.boxes.box import Axes
from dse.explore.proof.boxes.settings import is_side
from dse.explore.proof.prove import task_of

SIDES = tuple(range(4, 33, 2))
SPACE = DesignSpace.of({"dataflow": ["ws", "rs"], "levels.array.rows": SIDES, "levels.array.cols": SIDES[::-1]})
SIZES = tuple(map(float, SIDES))
AXES = Axes(SPACE, (None, SIZES, SIZES[::-1]), ((False,) * 3, (False, True, True)))


@pytest.mark.parametrize("ratio", [1.0, RATIO, 1.25, 1000.0])
def test_bands_hold_every_array_once_and_of_about_as_many_pes(ratio):
    whole = Band.of((0, 1), dict(enumerate(SIDES)), dict(enumerate(SIDES)))
    found = whole.narrower(ratio)
    assert sorted(pair for band in found for pair in band.pairs) == sorted(product(range(len(SIDES)), repeat=2))
    for band in found:
        assert list(band.pes) == sorted(SIDES[i] * SIDES[j] for i, j in band.pairs)
        assert band.pes[-1] <= ratio * band.pes[0]


def test_a_box_falls_into_bands_and_these_into_its_designs():
    waiting, seen = AXES.split(AXES.whole), []
    while waiting:
        box = waiting.pop()
        if box.size == 1:
            seen.append(box.first)
            continue
        parts = AXES.parts_of(box)
        assert sum(part.size for part in parts) == box.size
        assert all(one.holds(digits.first) for one in parts for digits in AXES.singles(one))
        waiting += parts
    assert sorted(map(SPACE.index, seen)) == list(range(SPACE.size))


def test_what_is_asked_of_a_box_are_its_bands_or_its_designs():
    box = AXES.split(AXES.whole)[1]
    wide = AXES.parts_of(box)
    task = task_of(AXES, box, wide, 1.0)
    assert (len(task.bands), task.apart) == (len(wide), ())
    assert any(band.size == 1 for band in wide)  # some of a single array do not make all of them designs
    for band in wide:
        designs = AXES.parts_of(band)
        task = task_of(AXES, band, designs, 1.0)
        assert task.bands == ()
        assert len(task.apart) == (len(designs) if band.size > 1 else 0)


def test_area_depends_on_how_many_pes_there_are_and_on_nothing_else_of_the_sides():
    plan = make_plan("eyeriss", "alexnet", Search(1), space={"levels.array.rows": [4, 8], "levels.array.cols": [4, 6]})
    problem = plan.problem()
    designs = [problem.resolve(problem.space.settings(at)) for at in range(problem.space.size)]
    assert differ_in_sides([architecture_of(design) for design in designs])
    for design in designs:
        (array,) = architecture_of(design).fan_outs
        assert area_of(with_sides(design, array.rows * array.cols, 1)) == area_of(design)
    prices, layouts = problem.provable.prices, problem.provable.layouts
    assert isinstance(prices, BoxPrices)
    assert isinstance(layouts, Layouts)
    assert all(is_side(name) for name in problem.space.names)
