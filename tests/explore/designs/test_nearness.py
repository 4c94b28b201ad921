"""What a design is said to be above its best is never too little, and is little where bounds are close."""

from math import inf

import numpy as np
import pytest

import dse
from dse.explore.designs import nearness
from dse.explore.designs.clock import Clock
from dse.explore.designs.design import Network, NetworkEvaluator
from dse.explore.designs.nearness import least_product, proven_gap
from dse.explore.designs.together import Combination
from dse.mapper import layer_front
from dse.mapper.shared.stopping import Deadline

WIDE = dse.Layer("wide", K=24, C=8, P=6, Q=6, R=3, S=3)
APART = dse.Layer("apart", G=16, P=12, Q=12, R=3, S=3)
FC = dse.Layer("fc", K=64, C=96)
NETS = [("conv", (WIDE, APART)), ("fc", (FC, APART))]


def networks(*names):
    found = [dse.Workload.of(name, layers) for name, layers in NETS if name in names]
    return tuple(Network.of(one) for one in found)


def least_of(architecture, nets, how):
    """The least product of energy and time over all choices of points of the layers' exact fronts."""
    fronts = []
    for net in nets:
        total = np.array([[0.0, 0.0]]) + net.moved(architecture)
        for layer, count in net.layers:
            points = np.array([(one.cost.energy_pj, one.cost.cycles) for one in layer_front(architecture, layer)])
            for _ in range(count):
                total = (total[:, None] + points[None]).reshape(-1, 2)
        fronts.append(total / (1.0, architecture.clock_hz))
    runs = np.stack([each.reshape(-1, 2) for each in np.broadcast_arrays(*(
        front.reshape(*(-1 if i == at else 1 for i in range(len(fronts))), 2) for at, front in enumerate(fronts)
    ))], axis=1)  # fmt: skip
    return how.of_all(runs).prod(axis=1).min()


@pytest.mark.parametrize("loose", [-inf, 0.02])
@pytest.mark.parametrize(
    ("names", "how"),
    [(("conv",), Combination()), (("fc",), Combination()), (("conv", "fc"), Combination("sum", (3.0, 0.5))),
     (("conv", "fc"), Combination("worst", (1.0, 2.0))), (("conv", "fc"), Combination("geomean", (2.0, 1.0)))],
)  # fmt: skip
@pytest.mark.parametrize("name", ["edge_npu", "simba_pe"])
def test_no_choice_of_mappings_is_better_than_the_gap_says(name, names, how, loose, monkeypatch):
    monkeypatch.setattr(nearness, "LOOSE", loose)
    chip, nets = dse.load_architecture(name), networks(*names)
    evaluator = NetworkEvaluator(nets, "edp", 0.01, combination=how)
    clock = Clock.of(inf, 10)
    run = evaluator._run(chip, "edp", clock)
    gap = proven_gap(nets, chip, clock, run, "edp")
    value = run.energy_pj * run.latency_s
    assert value / (1 + gap) <= least_of(chip, nets, how) * (1 + 1e-9)


def test_bounds_say_more_where_layers_differ_in_their_proportions(monkeypatch):
    chip, net = dse.load_architecture("edge_npu"), Network.of(dse.load_workload("mobilenet_v1"))
    clock = Clock.of(inf, len(net.layers))
    run = NetworkEvaluator((net,), "edp", 0.01)._run(chip, "edp", clock)
    close = proven_gap((net,), chip, clock, run, "edp")
    monkeypatch.setattr(nearness, "LOOSE", inf)
    assert proven_gap((net,), chip, clock, run, "edp") > 0.3
    assert close < 0.05


def test_a_design_without_time_is_not_bounded_as_well(monkeypatch):
    chip, net = dse.load_architecture("edge_npu"), networks("conv")
    clock = Clock.of(inf, 2)
    run = NetworkEvaluator(net, "edp", 0.01)._run(chip, "edp", clock)
    monkeypatch.setattr(nearness, "_least_product", lambda *_: pytest.fail("it took time"))
    clock.deadline = Deadline.after(-1.0)
    assert proven_gap(net, chip, clock, run, "edp") > 0


@pytest.mark.parametrize("seed", range(20))
def test_the_least_product_is_that_of_the_corners(seed):
    rng = np.random.default_rng(seed)
    energy, time, price = rng.uniform(0.1, 2, 3)
    both = (energy + price * time) * rng.uniform(0.8, 3)
    e = np.linspace(energy, max(energy, both), 20_001)
    t = np.maximum(time, (both - e) / price)
    assert least_product(energy, time, both, price) == pytest.approx((e * t).min(), rel=1e-3)
    assert least_product(energy, time, both, price) <= (e * t).min() * (1 + 1e-12)
