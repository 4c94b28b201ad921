"""The choice for a whole network and its proof, on fronts small enough to try every choice by hand."""

from itertools import product
from math import inf
from types import SimpleNamespace

import pytest

from dse.errors import InfeasibleError
from dse.mapper.network.proof import best_of_network, fronts_of

CLOCK_HZ = 1e6


def layer(points, names=("one",), gap=0.0):
    """A layer's front with all that a choice looks at: energy (pJ), cycles and the proven gap."""
    proof = SimpleNamespace(gap=gap)
    return tuple(
        SimpleNamespace(cost=SimpleNamespace(energy_pj=e, cycles=t), certificate=proof) for e, t in points
    ), names


OPTIONS = (layer([(9.0, 1.0), (4.0, 2.0), (1.0, 8.0)], ("a", "b")), layer([(20.0, 3.0), (2.0, 9.0)], ("c",)))


def best_by_trying(value, keeps=lambda e, t: True):
    every = product(*fronts_of(OPTIONS))
    sums = [tuple(map(sum, zip(*choice, strict=True))) for choice in every]
    return min(value(e, t) for e, t in sums if keeps(e, t))


@pytest.mark.parametrize(
    ("objective", "value"), [("energy", lambda e, t: e), ("latency", lambda e, t: t), ("edp", lambda e, t: e * t)]
)
def test_the_choice_is_the_best_of_all(objective, value):
    picks, proof = best_of_network(OPTIONS, objective, inf, inf, CLOCK_HZ)
    assert proof.value == proof.lower_bound == pytest.approx(best_by_trying(value))
    assert (proof.layers, proof.distinct, proof.points, proof.gap) == (3, 2, 5, 0.0)
    assert len(picks) == 3


def test_limits_are_kept():
    latency_s = 12 / CLOCK_HZ
    _, proof = best_of_network(OPTIONS, "energy", inf, latency_s, CLOCK_HZ)
    assert proof.value == pytest.approx(best_by_trying(lambda e, t: e, lambda e, t: t <= 12))
    assert proof.max_cycles == pytest.approx(12)


def test_gaps_of_layers_widen_the_bound():
    open_ = tuple(layer([(m.cost.energy_pj, m.cost.cycles) for m in group], names, 0.1) for group, names in OPTIONS)
    _, energy = best_of_network(open_, "energy", inf, inf, CLOCK_HZ)
    _, product_ = best_of_network(open_, "edp", inf, inf, CLOCK_HZ)
    assert energy.gap == pytest.approx(0.1)
    assert product_.gap == pytest.approx(1.1**2 - 1)
    assert energy.layer_gap == 0.1


@pytest.mark.parametrize(
    ("energy", "latency_s", "said"),
    [
        (inf, 4 / CLOCK_HZ, "runs in 0.005 ms at best, above the limit of 0.004 ms"),
        (3.0, inf, "takes 4e-09 mJ at best, above the limit of 3e-09 mJ"),
        (5.0, 6 / CLOCK_HZ, "at once"),
    ],
)
def test_limits_that_cannot_be_kept_are_named(energy, latency_s, said):
    with pytest.raises(InfeasibleError, match=said):
        best_of_network(OPTIONS, "edp", energy, latency_s, CLOCK_HZ)
