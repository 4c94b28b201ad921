"""Designs of the deep search are settled one by one: what the certificate says holds, wherever the proof is stopped."""

import json
from contextlib import suppress
from math import inf

import elapsed
import numpy as np
import pytest
from explore.proof.test_interrupted import interrupted
from explore.proof.test_prove import counts

from dse.explore.designs.space import DesignSpace
from dse.explore.explorer import Explorer
from dse.explore.ledger import Ledger
from dse.explore.limits import Limits, Work
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.log import FILE_NAME
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.bounding.sharper import WITHIN
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.reach import Reach
from dse.explore.proof.singly import BOUNDING, MAPPING, SHARPENING, SOLVING, Singly
from dse.explore.proof.staircase import Staircase
from dse.explore.sweep import sweep
from dse.explore.workers.runner import TimeOverError, Workers

ARCH = """\
architecture: small
technology: {table: cmos-16nm, clock: 800 MHz}
word_bits: 8
precision: {ifmap: 8, weight: 8, psum: 32}
levels:
  DRAM: {bandwidth: 2 GB/s, dram: lpddr4}
  L2: {capacity: 4 KiB, may_bypass: [weight], bandwidth: 16 word/cycle}
  cores: {rows: 2, cols: 2, multicast: tile, reduces: none, energy: 0.5 pJ, dims: [G, N, K, P]}
  L1: {capacity: 512 B}
  lanes: {rows: 4, cols: 4, multicast: word, reduces: psum, energy: 0.02 pJ, dims: [C, K]}
mac: {bits: 8}
dataflow: {name: small, rows: [G, N, K, P], cols: [G, N, K, P]}
space:
  levels.cores.cols: [1, 2]
  levels.L1.capacity: [256 B, 1 KiB]
  levels.L2.capacity: [2 KiB, 4 KiB]
"""

NET = """\
workload: tiny
input: [2, 4, 4]
layers:
  one: {conv: 4, kernel: 2}
  less: {maxpool: 2, stride: 1}
  last: {fc: 6}
"""

ROUNDING = 1e-9


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deep")
    (folder / "small.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    return folder / "small.yaml", folder / "tiny.yaml"


@pytest.fixture(scope="module")
def fronts(files):
    """Of every design of the space, its whole energy-latency front without a gap, and its area."""
    plan = make_plan(*files, Search(1, gap=0.0))
    problem = plan.problem()
    found = []
    for index in range(problem.space.size):
        outcome = problem.evaluate["exact"](problem.resolve(problem.space.settings(index)))
        found.append((np.array(outcome.front), outcome.objectives["area_mm2"]))
    return found


def farthest(result, fronts, objectives):
    """The least gap within which evaluated designs match all points of all designs, by comparing each with each."""
    found = [[row["energy_pj"], row["latency_s"], row["area_mm2"]] for row in result.points()]
    known = np.array(found).reshape(-1, 3)
    columns = [place for place, name in enumerate(("energy", "latency")) if name in objectives]
    worst = 0.0
    for points, area in fronts:
        near = known[known[:, 2] <= area * (1 + ROUNDING)] if "area" in objectives else known
        for point in points:
            short = (near[:, columns] / point[columns]).max(axis=1).min() - 1 if len(near) else inf
            worst = max(worst, short)
    return worst


@pytest.mark.parametrize("objectives", [("energy", "latency", "area"), ("energy", "latency"), ("energy", "area")])
@pytest.mark.parametrize("trials", [3, 12])
@pytest.mark.parametrize("prove_s", [None, 600.0])
def test_all_that_any_design_can_do_is_matched_within_the_gap(files, fronts, objectives, trials, prove_s):
    result = sweep(*files, trials=trials, objectives=objectives, jobs=0, prove_s=prove_s)
    found = result.certificate
    assert counts(found) == found.space == len(fronts) == 8
    assert farthest(result, fronts, objectives) <= found.gap + ROUNDING
    if prove_s:
        assert found.complete
        assert found.gap <= found.wanted == 0.01
    if prove_s and "latency" in objectives:
        assert all(row["proven"] == "0.01" for row in result.front_rows())


def test_without_a_gap_the_front_is_that_of_a_full_grid(files, fronts):
    result = sweep(*files, trials=2, gap=0.0, jobs=0, prove_s=600.0)
    rows = {(row["energy_pj"], row["latency_s"], row["area_mm2"]) for row in result.mapping_rows()}
    every = np.array([(*point, area) for points, area in fronts for point in points])
    best = {
        tuple(one) for one in every
        if not ((every <= one * (1 + 1e-12)).all(axis=1) & (every < one * (1 - 1e-12)).any(axis=1)).any()
    }  # fmt: skip
    assert result.certificate.gap == 0
    assert result.certificate.complete
    assert np.allclose(np.array(sorted(rows)), np.array(sorted(best)), rtol=1e-9)


@pytest.mark.parametrize("error", [TimeOverError, KeyboardInterrupt])
def test_wherever_it_is_stopped_the_front_is_there_and_every_design_is_counted_once(
    files, fronts, monkeypatch, tmp_path, error
):
    at, calls, gaps = 2, 2, []

    def run():
        output = tmp_path / f"{error.__name__}-{at}"
        with suppress(KeyboardInterrupt):
            sweep(*files, trials=3, jobs=0, prove_s=600.0, output=output)
        return output

    while at <= calls:
        output, calls = interrupted(monkeypatch, at, error, run)
        summary = json.loads((output / "summary.json").read_text())
        assert (output / "front.csv").read_text().count("\n") >= 2
        if summary.get("certificate"):
            found = Certificate.from_dict(summary["certificate"])
            assert counts(found) == found.space == 8
            assert min(found.open, found.ruled_out) >= 0
            gaps.append(found.gap)
        at, calls = at + 3, calls + 3 if calls >= at else 0
    assert min(gaps) <= 0.01


def test_the_log_has_a_line_with_its_bound_for_each_design(files, tmp_path):
    result = sweep(*files, trials=3, jobs=0, output=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / FILE_NAME).read_text().splitlines()]
    boxes = [line for line in lines if "box" in line]
    assert len(boxes) == 8
    assert sum(line["state"] == "evaluated" for line in boxes) == result.certificate.evaluated > 0
    assert all(line["designs"] == 1 and line["bound"]["energy_pj"] > 0 for line in boxes)


def test_what_was_found_before_is_not_made_again(files, tmp_path):
    first = sweep(*files, trials=3, jobs=0, output=tmp_path)
    again = sweep(*files, trials=3, jobs=0, output=tmp_path, resume=True)
    assert again.certificate == first.certificate
    assert again.reused == len(first.explored) == len(again.explored)


SPACE = DesignSpace.of({"size": [1, 2, 3, 4]})


class Made:
    """A proof over four made-up designs, whose bounds are 10 % below what each reaches."""

    def __init__(self, work=Work(), objectives=("energy", "latency"), deadline=inf, evaluated=None, sharper=None):  # noqa: B008
        self.asked, self.reports, self.settled = [], [], []
        known = Staircase(objectives, 1.0)
        for place in evaluated or {}:
            known.add([self.point(place)], 1.0)
        with Workers.local(0) as workers:
            self.proof = Singly(
                SPACE, self.bound, workers, known, dict(evaluated or {}), set(), Reach(objectives, 0.01), self.evaluate,
                0.01, deadline, work, lambda *told: self.reports.append(told), self.settled.append, sharper=sharper,
            )  # fmt: skip
            self.proof.run()
            self.until = workers.until

    @staticmethod
    def point(place):
        size = place[0] + 1
        return 10.0 * size, 10.0 / size

    def bound(self, task):
        energy, latency = self.point((task.corners[0]["size"] - 1,))
        return (DesignBound(energy / 1.1, latency / 1.1, (energy + latency) / 1.1, 1.0),)

    def evaluate(self, how, places):
        self.asked.append((how, *places))
        kind = "exact" if how == "solve" else "explore"
        return [
            Evaluation("", "", kind, 0, SPACE.settings(SPACE.index(one)),
                       Outcome("ok", "", {"area_mm2": 1.0}, (self.point(one),), gap=0.01))
            for one in places
        ]  # fmt: skip


def test_designs_are_mapped_first_and_fronts_follow():
    made = Made(evaluated={(0,): inf})
    assert sorted(place for how, *places in made.asked if how == "map" for place in places) == [(1,), (2,), (3,)]
    assert {place for how, *places in made.asked if how == "solve" for place in places} == {(0,), (1,), (2,), (3,)}
    assert [what for what, _, _ in made.reports] == sorted(
        (what for what, _, _ in made.reports), key=[BOUNDING, MAPPING, SOLVING].index
    )
    assert made.proof.certificate([(i,) for i in range(4)], []).gap == 0.01


def test_work_is_done_no_further_than_it_may():
    made = Made(Work(boxes=3, designs=1, fronts=0), evaluated={(3,): inf})
    assert list(made.proof.bound_of) == [(3,), (0,), (1,)]  # those that are mapped come first
    assert [how for how, *_ in made.asked] == ["map"]
    found = made.proof.certificate([(3,), made.asked[0][1]], [])
    assert (found.evaluated, found.open, found.gap) == (2, 2, inf)


def test_nothing_begins_when_the_time_is_over():
    made = Made(deadline=0.0, evaluated={(0,): inf})
    assert (made.asked, made.until) == ([], inf)
    assert list(made.proof.bound_of) == [(0,)]  # what workers are given first is waited for
    assert made.proof.certificate([(0,)], []).open == 3


@pytest.mark.parametrize(
    ("trials", "sampler", "limits", "first"),
    [(96, "auto", Limits(), 16), (8, "auto", Limits(), 8), (96, "grid", Limits(), 96), (96, "auto", Limits(0.0), 96)],
)
def test_a_part_of_the_trials_explores_where_bounds_choose_the_rest(files, trials, sampler, limits, first):
    plan = make_plan(*files, Search(trials, sampler))
    with Workers.local(0) as workers:
        ledger = Ledger(plan.problem(), plan.search, workers, {})
        assert Explorer(ledger, limits=limits).trials == first


def test_without_a_proof_all_trials_explore(files):
    result = sweep(*files, trials=96, jobs=0, prove_s=0)
    assert len(result.explored) == 8 + 1  # the design as specified is not one of the space
    assert result.certificate is None
    assert {one.kind for one in result.evaluations} == {"explore"}


def space_of(parameters):
    """The place of a design in the space."""
    space = DesignSpace.of({
        "levels.cores.cols": [1, 2], "levels.L1.capacity": ["256 B", "1 KiB"], "levels.L2.capacity": ["2 KiB", "4 KiB"],
    })  # fmt: skip
    return space.find(parameters)


def test_a_trial_has_its_time_and_says_how_far_it_came(files, fronts, tmp_path, monkeypatch):
    # a gap that no other test asks for, so that this process remembers no layer
    settings = {"trials": 4, "gap": 1e-7, "jobs": 0, "prove_s": 0, "output": tmp_path}
    with monkeypatch.context() as patch:
        elapsed.use(patch)
        first = sweep(*files, **settings)
        again = sweep(*files, **settings, resume=True)
    assert {one.outcome.limit_s for one in first.explored} == {Limits().trial_s(2)} == {6.0}
    assert min(one.outcome.gap for one in first.explored) > 0
    assert again.reused == len(first.explored) == 4
    for one in first.explored[1:]:  # the first is not one of the space
        edp = one.outcome.objectives["edp_js"]
        points, _ = fronts[space_of(one.parameters)]
        least = (points[:, 0] * points[:, 1]).min() * 1e-12
        assert least * (1 - ROUNDING) <= edp <= least * (1 + one.outcome.gap) * (1 + ROUNDING)
    more = sweep(*files, **settings, resume=True, design_limit_s=600.0)
    assert all(one.outcome.limit_s == 0 for one in more.explored)


@pytest.mark.parametrize("out_of_time", [False, True])
def test_what_searches_prove_is_below_all_that_a_design_can_do(files, fronts, monkeypatch, out_of_time):
    problem = make_plan(*files, Search(1)).problem()
    provable = problem.provable
    with monkeypatch.context() as patch:
        if out_of_time:
            elapsed.use(patch)
        for index, (points, area) in enumerate(fronts):
            settings = problem.space.settings(index)
            bound = provable.sharper(settings)
            assert bound.area_mm2 == area
            for least, reached in zip((bound.energy_pj, bound.latency_s), points.min(axis=0), strict=True):
                assert least <= reached * (1 + ROUNDING)
                assert out_of_time or reached <= least * (1 + WITHIN) * (1 + ROUNDING)


def test_mapped_designs_are_bounded_closely_in_the_end():
    """Two designs that reach 10 % more than their first bounds, and are then found to reach their best."""
    made = Made(Work(fronts=0), evaluated={(0,): inf, (3,): inf})
    assert made.proof.certificate([(i,) for i in range(4)], []).gap == pytest.approx(0.1)
    sharp = Made(Work(fronts=0), evaluated={(0,): inf, (3,): inf}, sharper=lambda settings: DesignBound(
        *Made.point((settings["size"] - 1,)), 0.0, 1.0))  # fmt: skip
    assert [how for how, *_ in sharp.asked] == [how for how, *_ in made.asked]
    assert sharp.proof.certificate([(i,) for i in range(4)], []).gap == 0
    assert sharp.reports[-1][0] == SHARPENING


@pytest.mark.parametrize(("trials", "prove_s"), [(8, None), (24, None), (8, 600.0)])
def test_a_mapping_that_breaks_limits_does_not_say_that_all_do(files, fronts, trials, prove_s):
    """Limits that a point in the middle of a front keeps, and neither the least product nor either end."""
    front, _ = max(fronts, key=lambda one: len(one[0]))
    energy_pj, latency_s = front[np.argsort(front[:, 0])][len(front) // 2] * (1 + 1e-6)
    constraints = {"energy": {"max": f"{energy_pj} pJ"}, "latency": {"max": f"{latency_s} s"}}
    allowed = [(points[(points <= (energy_pj, latency_s)).all(axis=1)], area) for points, area in fronts]
    works = sum(len(points) > 0 for points, _ in allowed)
    gap = 0.0 if prove_s else 0.5
    result = sweep(*files, trials=trials, gap=gap, constraints=constraints, jobs=0, prove_s=prove_s)
    certificate = result.certificate
    assert works >= 1
    assert certificate.infeasible <= certificate.space - works
    assert farthest(result, allowed, ("energy", "latency", "area")) <= certificate.gap + ROUNDING
    if prove_s:
        assert certificate.infeasible == certificate.space - works
        assert len(result.points()) >= 1
