"""What no run with tensors on chip goes below."""

import pytest
from mapper.network.residency.test_result import chain

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.network.residency.bound import all_at_home
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip


@pytest.mark.parametrize("capacity", ["2 KiB", "108 KiB"])
def test_the_best_run_is_not_below_it(capacity):
    architecture = load_architecture_spec("eyeriss").resolve({"levels.GLB.capacity": capacity})
    bound = all_at_home(architecture, chain(), cycle_pj=1.0)
    least = keep_on_chip(architecture, chain(), NetworkGoal("energy"))
    fastest = keep_on_chip(architecture, chain(), NetworkGoal("latency"))
    assert 0 < bound.energy_pj <= least.energy_pj * (1 + 1e-9)
    assert 0 < bound.cycles <= fastest.cycles * (1 + 1e-9)
    assert bound.weighted_pj <= min(run.energy_pj + run.cycles for run in (least, fastest)) * (1 + 1e-9)
