"""A design held against corners: it loses exactly when no mapping of its networks lies below any of them."""

import numpy as np
import pytest
from explore.toy import ARCH

from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.proof.bounding import contest as module
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.bounding.contest import ContestTask
from dse.explore.proof.staircase import MOST_CORNERS, Staircase

NET = """\
workload: repeats
input: [4, 6, 6]
layers:
  one: {conv: 4, kernel: 3, pad: 1}
  two: {conv: 4, kernel: 3, pad: 1}
  three: {conv: 4, kernel: 3, pad: 1}
  last: {fc: 5}
"""

OTHER = """\
workload: other
input: [3, 5, 5]
layers:
  only: {conv: 4, kernel: 3}
"""

SPACES = {
    "one network": (
        ("one.yaml",),
        {"levels.array.rows": [2, 3], "levels.PE.capacity.weight": ["8 word", "24 word"]},
        {},
    ),
    "two, weighted": (("one.yaml", "other.yaml"), {"levels.array.rows": [2, 3]}, {"other": 2.5}),
    "batches": (("one.yaml",), {"levels.array.rows": [2, 3], "batch": [1, 2]}, {}),
}


def problem_of(folder, name):
    from dse.explore.designs.together import Together

    networks, space, weights = SPACES[name]
    for file, text in (("toy.yaml", ARCH), ("one.yaml", NET), ("other.yaml", OTHER)):
        (folder / file).write_text(text)
    workloads = [folder / network for network in networks]
    return make_plan(folder / "toy.yaml", workloads, Search(1, objectives=("energy", "latency")), space=space,
                     together=Together(weights=weights)).problem()  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_a_design_loses_when_nothing_of_its_front_is_below_a_corner(tmp_path, name):
    problem, draw, lost = problem_of(tmp_path, name), np.random.default_rng(3), 0
    tried = 0
    for index in range(problem.space.size):
        settings = problem.space.settings(index)
        front = np.array(problem.evaluate["exact"](problem.resolve(settings)).front)
        weight = float(front[0, 0] / front[0, 1])
        for count in (1, 1, 1, 4):
            corners = front[draw.integers(len(front), size=count)] * draw.uniform(0.97, 1.03, size=(count, 2))
            below = (front[:, None, :] < corners[None, :, :] * (1 - 1e-9)).all(axis=2).any()
            above = not (front[:, None, :] < corners[None, :, :] * (1 + 1e-9)).all(axis=2).any()
            module._RAISED.clear()
            for _ in range(2):  # the second time in the order that the first has taught
                found = problem.provable.contest(ContestTask(settings, corners, weight))
                assert found if above else True
                assert not found if below else True
            tried, lost = tried + 1, lost + found
    assert 0 < lost < tried


def test_networks_that_do_not_add_up_are_not_held_against_corners(tmp_path):
    from dse.explore.designs.together import Together

    for file, text in (("toy.yaml", ARCH), ("one.yaml", NET), ("other.yaml", OTHER)):
        (tmp_path / file).write_text(text)
    files = [tmp_path / "one.yaml", tmp_path / "other.yaml"]
    problem = make_plan(tmp_path / "toy.yaml", files, Search(1), space={"levels.array.rows": [2]},
                        together=Together("worst")).problem()  # fmt: skip
    assert problem.provable.contest(ContestTask({"levels.array.rows": 2}, np.array([[1.0, 1e-12]]), 1.0)) is False


def test_designs_that_keep_tensors_on_chip_are_not_held_against_corners(tmp_path):
    """Their layers cost less than each by itself, so what a layer can below a corner says nothing."""
    (tmp_path / "toy.yaml").write_text(ARCH.replace("GLB: {capacity: 2 KiB,", "GLB: {capacity: 2 KiB, on_chip: auto,"))
    (tmp_path / "one.yaml").write_text(NET)
    for resident in (True, False):
        problem = make_plan(tmp_path / "toy.yaml", tmp_path / "one.yaml", Search(1, resident=resident),
                            space={"levels.array.rows": [2]}).problem()  # fmt: skip
        task = ContestTask({"levels.array.rows": 2}, np.array([[1.0, 1e-12]]), 1.0)
        assert problem.provable.contest(task) is not resident


def test_corners_of_a_long_staircase_are_taken_together_but_never_lowered():
    known, count = Staircase(("energy", "latency"), 1.0), 4 * MOST_CORNERS
    points = [(2.0 - i / count, 1.0 + i / count) for i in range(count)]
    known.add(points, 1.0)
    corners = known.corners_above(DesignBound(1.0, 1.0, 0.0))
    assert len(corners) == MOST_CORNERS
    for energy, latency in np.random.default_rng(0).uniform(1.0, 2.0, size=(200, 2)):
        is_matched = any(e <= energy and t <= latency for e, t in points)
        is_below = ((energy < corners[:, 0]) & (latency < corners[:, 1])).any()
        assert is_matched or is_below


VALUES = {"energy": lambda e, t: e, "latency": lambda e, t: t, "edp": lambda e, t: e * t}


@pytest.mark.parametrize("gap", [0.0, 0.2])
@pytest.mark.parametrize("names", [("energy",), ("latency",), ("edp",), ("energy", "edp"), ("latency", "edp")])
def test_corners_cover_all_that_known_points_do_not_match_within_a_gap(names, gap):
    """In energy and in latency, whatever the objectives are; the scale of one says nothing of the other's."""
    known = Staircase((*names, "area"), 0.0)
    points = [(6.0, 20.0), (9.0, 12.0), (4.0, 50.0)]
    known.add(points, 1.0)
    corners = known.corners_above(DesignBound(3.0, 10.0, 0.0, 1.0), gap)
    below = 0
    for one in np.random.default_rng(1).uniform((3.0, 10.0), (30.0, 90.0), size=(400, 2)):
        is_matched = any(all(VALUES[n](*p) <= (1 + gap) * VALUES[n](*one) for n in names) for p in points)
        is_below = (one < corners).all(axis=1).any()
        assert is_matched or is_below
        below += is_below
    assert below < 400


def test_where_time_has_no_weight_the_open_ends_of_a_staircase_are_looked_below():
    known = Staircase(("energy", "latency"), 0.0)
    known.add([(6.0, 2.0)], 1.0)
    assert known.corners_above(DesignBound(3.0, 1.0, 3.0)).tolist() == [[np.inf, 2.0], [6.0, np.inf]]
    assert module._above(np.array([[6.0, np.inf]]), np.array([3.0, 1.0, 3.0]), 0.0).tolist() == [[6.0, np.inf]]
