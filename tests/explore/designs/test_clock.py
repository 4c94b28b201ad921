"""A design's time is shared out among its layers, and what is mapped in time is remembered."""

from math import inf

import elapsed
import pytest

import dse
from dse.errors import InfeasibleError
from dse.explore.designs import clock
from dse.explore.designs.clock import Clock
from dse.explore.designs.design import Network, NetworkEvaluator
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.mapper.shared.stopping import Busy

LAYER = dse.Layer("conv", K=24, C=12, P=12, Q=12, R=3, S=3)


def test_a_layer_whose_time_is_over_is_mapped_and_says_how_far_from_its_best():
    chip = dse.load_architecture("eyeriss").spec.resolve({"levels.GLB.capacity": "20 KiB"})
    short = Clock.of(-1.0, 3)
    ((energy_pj, _),) = short.points(chip, LAYER, "energy", 0.0)
    assert short.layers == 2
    whole = Clock.of(inf, 1)
    ((best_pj, cycles),) = whole.points(chip, LAYER, "energy", 0.0)
    assert whole.gap == 0
    assert best_pj <= energy_pj <= best_pj * (1 + short.gap) * (1 + 1e-9)
    assert Clock.of(-1.0, 1).points(chip, LAYER, "energy", 0.0) == ((best_pj, cycles),)  # remembered


def test_a_design_says_that_the_energy_of_its_fastest_mappings_is_not_proven(monkeypatch):
    """Cycles are, so a design that is mapped again has to have more time; and its mapping is not remembered."""
    chip, other = dse.load_architecture("edge_npu"), LAYER.with_(name="other", K=22)
    network = Network.of(dse.Workload.of("two", [LAYER, other]))
    with pytest.MonkeyPatch.context() as patch:
        elapsed.in_search(patch, 0, fast=False)
        short = NetworkEvaluator((network,), "latency", limit_s=600.0)(chip)
    assert (short.gap, short.limit_s) == (0, 600)
    assert short.energy_gap > 0
    plain = Evaluation("", "", "explore", 0, {}, short).to_dict()
    assert plain["energy_gap"] == short.energy_gap == Evaluation.from_dict(plain).outcome.energy_gap
    whole = NetworkEvaluator((network,), "latency", limit_s=600.0)(chip)
    assert (whole.gap, whole.energy_gap, whole.limit_s) == (0, 0, 0)
    assert whole.objectives["latency_s"] == short.objectives["latency_s"]
    share = whole.objectives["energy_pj"] / short.objectives["energy_pj"]
    assert 1 / (1 + short.energy_gap) <= share <= 1 + 1e-9
    assert "energy_gap" not in Evaluation("", "", "explore", 0, {}, whole).to_dict()


def test_cpu_time_and_the_clock_are_two_limits():
    """A trial of the deep search has CPU time; what is left of the sweep goes by the clock, whichever is less."""
    trial = NetworkEvaluator((), limit_s=Busy(15.0))
    late, early = trial.within(60.0).limit_s, trial.within(3.0).limit_s
    assert (late, late.clock_s, early, early.clock_s) == (15.0, 60.0, 15.0, 3.0)
    share = Clock.of(early, 3)._share_s(3)
    assert isinstance(share, Busy)
    assert share <= 5.0
    assert share.clock_s <= 1.0
    assert Outcome("ok", limit_s=Busy(15.0)) == Evaluation.from_dict(made(Busy(15.0))).outcome
    assert [made(limit).get("cpu_limit_s") for limit in (Busy(15.0), 15.0, 0.0)] == [15.0, None, None]
    assert isinstance(Evaluation.from_dict(made(Busy(15.0))).outcome.limit_s, Busy)


def made(limit_s):
    return Evaluation("", "", "explore", 0, {}, Outcome("ok", limit_s=limit_s)).to_dict()


def test_that_nothing_fits_is_remembered_only_of_a_search_that_came_to_its_end(monkeypatch):
    chip = dse.load_architecture("eyeriss").spec.resolve({"levels.GLB.capacity": "21 KiB"})
    asked = []

    def in_vain(architecture, layer, objective, gap, limit_s, reference):
        asked.append(limit_s)
        raise InfeasibleError("nothing fits")

    monkeypatch.setattr(clock, "_solved", in_vain)
    for limit_s in (60.0, 60.0, inf, inf, 60.0):
        with pytest.raises(InfeasibleError, match="nothing fits"):
            Clock.of(limit_s, 1).points(chip, LAYER.with_(name="other", K=23), "energy", 0.0)
    assert [limit_s is None for limit_s in asked] == [False, False, True]
