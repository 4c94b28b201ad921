"""A design's time is shared out among its layers, and what is mapped in time is remembered."""

from math import inf

import pytest

import dse
from dse.errors import InfeasibleError
from dse.explore.designs import clock
from dse.explore.designs.clock import Clock
from dse.explore.designs.design import NetworkEvaluator
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
