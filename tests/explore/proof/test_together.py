"""Designs bounded together: no bound is above what a design reaches, and each has one soon."""

from dataclasses import replace
from math import inf

import pytest
from explore.proof.test_singly import ARCH, NET, ROUNDING

import dse
from dse.explore.limits import Work
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.plan.hardware import HardwareChanges
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.proof.bounding.bounds import BoundTask
from dse.explore.proof.bounding.together import Together
from dse.explore.proof.lots import lots_of
from dse.explore.proof.stage import Stage
from dse.explore.workers.runner import Workers
from dse.formats.architecture.space.constraints import parse_constraints
from dse.mapper.rough import rough_bound
from dse.problem.dims import PerOperand

WEIGHT = 1e10


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    (folder / "small.yaml").write_text(ARCH + "  levels.DRAM.bandwidth: [2 GB/s, 8 GB/s]\n")
    (folder / "tiny.yaml").write_text(NET)
    return folder / "small.yaml", folder / "tiny.yaml"


@pytest.fixture(scope="module")
def problem(files):
    return make_plan(*files, Search(1, gap=0.0)).problem()


def lots_in(problem):
    """All designs of a space, bounded together where they can be."""
    together, space = Together(problem.provable.bounds), problem.space
    return lots_of((space.digits(i), together.family(space.settings(i))) for i in range(space.size))


def test_a_bound_of_several_is_no_higher_than_what_any_of_them_reaches(problem):
    together, space = Together(problem.provable.bounds), problem.space
    lots = lots_in(problem)
    assert [len(lot) for lot in lots] == [8, 8]  # one for each number of cores
    for lot in lots:
        settings = [space.settings(space.index(places)) for places in lot]
        bounds = together(BoundTask(tuple(settings), WEIGHT))
        for one, bound in zip(settings, bounds, strict=True):
            (own,) = together(BoundTask((one,), WEIGHT))
            assert bound.area_mm2 == own.area_mm2
            outcome = problem.evaluate["exact"](problem.resolve(one))
            for energy_pj, latency_s in outcome.front:
                assert 0 < bound.energy_pj <= energy_pj * (1 + ROUNDING)
                assert 0 < bound.latency_s <= latency_s * (1 + ROUNDING)
                assert 0 < bound.weighted_pj <= (energy_pj + WEIGHT * latency_s) * (1 + ROUNDING)


def test_designs_that_break_a_limit_are_left_out_of_the_others_bound(files):
    space = make_plan(*files, Search(1)).problem().space
    areas = sorted(bound.area_mm2 for bound in limited(files, inf))
    some = limited(files, areas[3] * (1 + 1e-9))
    assert [bool(bound.infeasible) for bound in some] == [bound.area_mm2 > areas[3] * (1 + 1e-9) for bound in some]
    assert {bool(bound.infeasible) for bound in limited(files, areas[0] / 2)} == {True}
    assert max(bound.energy_pj for bound in some) >= limited(files, inf)[0].energy_pj
    assert len(some) == space.size // 2


def limited(files, most_mm2):
    """The bounds of a family within a limit on area."""
    limits = None if most_mm2 == inf else {"area": {"max": f"{most_mm2} mm2"}}
    hardware = HardwareChanges({}, None if limits is None else parse_constraints(limits))
    problem = make_plan(*files, Search(1), hardware=hardware).problem()
    settings = [problem.space.settings(problem.space.index(places)) for places in lots_in(problem)[0]]
    return Together(problem.provable.bounds)(BoundTask(tuple(settings), WEIGHT))


def test_what_cannot_be_bounded_with_others_has_no_family(problem):
    together = Together(problem.provable.bounds)
    assert together.family({"levels.L2.capacity": "as large as it gets"}) is None


def test_tensors_on_chip_are_bounded_design_by_design(files):
    text = files[0].read_text().replace("may_bypass", "on_chip: auto, may_bypass")
    kept = files[0].with_name("kept.yaml")
    kept.write_text(text)
    for resident in (False, True):
        problem = make_plan(kept, files[1], Search(1, resident=resident)).problem()
        assert {len(lot) for lot in lots_in(problem)} == {1 if resident else 8}


def gap_of(problem, work, deadline=inf):
    """What is proven of sixteen designs when one of them is mapped, and no more is."""
    own, first = problem.evaluate["explore"](problem.resolve(problem.space.settings(0))), problem.space.digits(0)
    with Workers.local(0) as workers:
        stage = Stage(
            problem.space, ("energy", "latency", "area"), 0.01, workers, lambda families: [], lambda line: None,
            lambda settled: None, "", lambda part, cpu_s: None,
        )  # fmt: skip
        proof = stage.singly(
            replace(problem.provable, sharper=None), [(first, evaluation(own))], deadline, work, lambda how, places: [],
            lambda what, done, total: None,
        )  # fmt: skip
        proof.run()
    found = proof.certificate([first], [])
    assert found.evaluated + found.ruled_out + found.open == found.space == 16
    return found.gap


def test_the_gap_is_known_at_once_and_only_comes_down(problem):
    gaps = [gap_of(problem, Work(boxes, 0, 0, 0)) for boxes in (0, 1, 2, 6, 100)]
    assert inf > gaps[0] >= gaps[1] >= gaps[2] >= gaps[3] >= gaps[4] > 0
    assert gaps[0] > gaps[4]
    assert gap_of(problem, Work(), deadline=0.0) < inf


@pytest.mark.parametrize("name", ["edge_npu", "nvdla_small", "simba_pe", "gemmini", "tpu_v4i", "ethos_u55", "eyeriss"])
def test_rough_bounds_are_below_what_mappings_take(name):
    chip = dse.load_architecture(name)
    for layer in (
        dse.Layer("conv", K=32, C=16, P=14, Q=14, R=3, S=3, stride_h=2, stride_w=2), dse.Layer("fc", K=96, C=200),
        dse.Layer("groups", G=12, P=14, Q=14, R=3, S=3), dse.Layer("large", K=640, C=2048, P=8).assuming({"weight": 8}),
        dse.Layer("sparse", K=64, C=256, P=8, density=PerOperand(0.5, 0.3, 1.0)),
    ):  # fmt: skip
        rough = rough_bound(chip, layer, cycle_pj=7.0)
        for objective in ("energy", "latency"):
            cost = dse.map_layer(chip, layer, objective, gap=0.02).cost
            assert 0 < rough.energy_pj <= cost.energy_pj
            assert 0 < rough.cycles <= cost.cycles * (1 + ROUNDING)
            assert rough.weighted_pj <= cost.energy_pj + 7.0 * cost.cycles


def test_rough_bounds_of_networks_are_below_all_that_a_design_reaches(problem):
    together, space = Together(problem.provable.bounds), problem.space
    for index in range(0, space.size, 3):
        bound = together.rough(space.settings(index), WEIGHT)
        outcome = problem.evaluate["exact"](problem.resolve(space.settings(index)))
        energy_pj, latency_s = map(min, zip(*outcome.front, strict=True))
        assert bound.area_mm2 == outcome.objectives["area_mm2"]
        assert 0 < bound.energy_pj <= energy_pj
        assert 0 < bound.latency_s <= latency_s


def evaluation(outcome):
    return Evaluation("", "", "explore", 0, {}, outcome)
