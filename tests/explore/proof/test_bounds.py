"""Boxes that differ in prices alone are bounded together, to the same end."""

from dataclasses import replace

import pytest

from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.proof.bounding.bounds import BoundTask
from dse.formats.architecture.space.constraints import Constraint

SIDES = (("levels.array.rows", (4, 8)), ("levels.array.cols", (4, 16)))


def tasks_at(*supplies):
    found = []
    for supply in supplies:
        prices = {"technology.voltage": supply, "technology.clock": "max"}
        apart = tuple({SIDES[0][0]: r, SIDES[1][0]: c, **prices} for r in SIDES[0][1] for c in SIDES[1][1])
        found.append(BoundTask((apart[0], apart[-1]), 1e11, SIDES, apart, (0, 0)))
    return found


LIMITS = [Constraint("area_mm2", 0.1), Constraint("area_mm2", 8.0), Constraint("peak_power_mw", 100.0)]


@pytest.mark.parametrize("limit", LIMITS)
def test_boxes_at_several_supplies_are_bounded_as_each_alone(limit):
    plan = make_plan("eyeriss", "alexnet", Search(4), space={"levels.array.rows": [4, 8]})
    bounds = plan.problem().provable.bounds
    bounds = replace(bounds, evaluator=replace(bounds.evaluator, constraints=(limit,)))
    tasks = tasks_at("0.82 V", "1 V", "1.17 V")
    together, alone = bounds.all_of(tasks), [bounds(replace(task, layout=())) for task in tasks]
    reasons = [bound.infeasible for own in together for bound in own]
    assert any(reasons)
    assert all(reasons) == (limit.maximum == 0.1)
    for own, other in zip(together, alone, strict=True):
        assert [one.infeasible for one in own] == [one.infeasible for one in other]
        assert [one.area_mm2 for one in own] == [one.area_mm2 for one in other]
        for one, two in zip(own, other, strict=True):
            for metric in ("energy_pj", "latency_s", "weighted_pj"):
                assert getattr(two, metric) * 0.99 <= getattr(one, metric) <= getattr(two, metric) * (1 + 1e-9)


def test_nodes_without_macs_are_part_of_a_design_s_bound():
    """Pools and sums that go through memory take as much on every mapping: up to a quarter of a latency."""
    plan = make_plan("edge_npu", "alexnet", Search(4))
    bounds, settings = plan.problem().provable.bounds, plan.starts[0]
    (network,) = bounds.evaluator.networks
    moved_pj, cycles = network.moved(plan.architecture)
    alone = replace(bounds, evaluator=replace(bounds.evaluator, networks=(replace(network, moves=()),)))
    (whole,), (layers,) = (one(BoundTask((settings,), 2e11)) for one in (bounds, alone))
    moved_s = cycles / plan.architecture.clock_hz
    assert min(moved_pj, moved_s) > 0
    assert whole.energy_pj == pytest.approx(layers.energy_pj + moved_pj)
    assert whole.latency_s == pytest.approx(layers.latency_s + moved_s)
    assert whole.weighted_pj == pytest.approx(layers.weighted_pj + moved_pj + 2e11 * moved_s)
