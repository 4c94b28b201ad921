"""The bound that takes no search: below what the best mappings take, on shipped machines and layers of every kind."""

from __future__ import annotations

import pytest

import dse
from dse.errors import InfeasibleError
from dse.formats.text.shipped import shipped_names
from dse.mapper.rough import rough_bound
from dse.problem.dims import PerOperand

LAYERS = (
    dse.Layer("conv", K=8, C=6, P=7, Q=5, R=3, S=3),
    dse.Layer("strided", K=4, C=3, P=5, Q=5, R=3, S=3, stride_h=2, stride_w=2, N=2),
    dse.Layer("apart", K=6, C=4, P=4, Q=4, stride_h=2, stride_w=2),
    dse.Layer("depthwise", G=12, P=9, Q=9, R=3, S=3),
    dse.Layer("fc", K=40, C=70),
    dse.Layer("sparse", K=16, C=16, P=6, Q=6, R=3, S=3, density=PerOperand(0.4, 0.3, 1.0)),
)


@pytest.mark.parametrize("name", shipped_names("arch_specs"))
def test_no_mapping_takes_less(name: str) -> None:
    chip, cycle_pj, compared = dse.load_architecture(name), 25.0, 0
    for layer in LAYERS:
        rough = rough_bound(chip, layer, cycle_pj=cycle_pj)
        try:
            found = [dse.map_layer(chip, layer, objective).cost for objective in ("energy", "latency")]
        except InfeasibleError:
            continue
        compared += 1
        assert min(rough.energy_pj, rough.cycles) > 0
        assert rough.energy_pj + cycle_pj * rough.cycles == pytest.approx(rough.weighted_pj)
        for cost in found:
            assert rough.energy_pj <= cost.energy_pj * (1 + 1e-9)
            assert rough.cycles <= cost.cycles * (1 + 1e-9)
    assert compared
