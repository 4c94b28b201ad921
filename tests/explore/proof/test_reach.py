"""How far a design may be from its best, by what is proven of its own mappings."""

from math import inf

import pytest

from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.proof.reach import Reach


@pytest.mark.parametrize(
    ("kind", "objectives", "expected"),
    [("explore", ("energy", "latency", "area"), inf), ("exact", ("energy", "latency", "area"), 0.02),
     ("explore", ("energy", "area"), 0.05), ("exact", ("latency",), 0.02), ("explore", ("edp", "area"), inf),
     ("exact", ("edp",), 0.0404), ("exact", ("energy", "edp"), 0.0404), ("explore", ("latency", "edp"), inf),
     ("explore", ("area",), 0.0), ("repriced", ("energy", "latency"), inf)],
)  # fmt: skip
def test_what_mappings_of_a_design_tell_of_all_others(kind, objectives, expected):
    made = Evaluation("", "", kind, 0, {}, Outcome("ok", gap=0.02))
    assert Reach(objectives, 0.05).gap_of(made) == pytest.approx(expected)


@pytest.mark.parametrize("limits", ["most", "other"])
@pytest.mark.parametrize("status", ["ok", "infeasible"])
@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_with_limits_only_a_front_without_a_gap_tells_of_all(limits, status, gap):
    made = Evaluation("", "", "exact", 0, {}, Outcome(status, objectives={"energy_pj": 1.0}, gap=gap))
    for objectives in (("energy",), ("energy", "latency"), ("edp", "area")):
        reach = Reach(objectives, 0.05, limits)
        assert reach.whole_fronts
        assert reach.gap_of(made) == (0.0 if limits == "most" and not gap else inf)


def test_runs_with_tensors_on_chip_tell_of_their_own_goals():
    made = Evaluation("", "", "exact", 0, {}, Outcome("ok"))
    found = [Reach(goals, 0.05, resident=True).gap_of(made) for goals in (("energy",), ("edp",), ("energy", "latency"))]
    assert found == [0.0, 0.0, inf]
    assert Reach(("edp",), 0.05, networks=2, resident=True).gap_of(made) == inf
