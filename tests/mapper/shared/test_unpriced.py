"""What is kept by all but prices: designs that differ in anything that a layer's fit depends on have their own."""

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.deep import drafts as module
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.shared.reasons import is_ruled_out
from dse.mapper.shared.unpriced import unpriced, unsized
from dse.problem.layer import Layer

SPEC = load_architecture_spec("edge_npu")
LAYER = Layer("conv", K=12, C=7, P=9, Q=9, R=3, S=3)
PRICES = [{"levels.L2.energy": "2 pJ"}, {"levels.DRAM.bandwidth": "25.6 GB/s"}]
OTHERS = [{"levels.L2.capacity": "512 KiB"}, {"levels.L2.may_bypass": []}]


def machine(settings):
    return SPEC.resolve({path: SPEC.parse_setting(path, value) for path, value in settings.items()})


@pytest.mark.parametrize("settings", PRICES)
def test_prices_are_left_out(settings):
    assert machine(settings) != SPEC.architecture
    assert unpriced(machine(settings)) == unpriced(SPEC.architecture)


@pytest.mark.parametrize("settings", OTHERS)
def test_all_else_is_not(settings):
    assert unpriced(machine(settings)) != unpriced(SPEC.architecture)


@pytest.mark.parametrize("settings", [*PRICES, *OTHERS])
def test_sizes_are_left_out_as_well_where_there_are_limits(settings):
    same = settings in PRICES or "levels.L2.capacity" in settings
    assert (unsized(machine(settings)) == unsized(SPEC.architecture)) == same


@pytest.mark.parametrize("settings", PRICES + OTHERS)
def test_drafts_after_those_of_another_design_are_what_they_are_by_themselves(monkeypatch, settings):
    monkeypatch.setattr(module, "_PLANS", {})
    layer = SPEC.architecture.lowered(LAYER)
    drafts_of(SPEC.architecture, layer, "all")
    after = drafts_of(machine(settings), layer, "all")
    assert len(module._PLANS) == 1 + (unsized(machine(settings)) != unsized(SPEC.architecture))
    module._PLANS.clear()
    alone = drafts_of(machine(settings), layer, "all")
    assert after[0] == alone[0]
    for one, other in zip(after[1], alone[1], strict=True):
        assert (one.architecture, one.mask, one.masks) == (other.architecture, other.mask, other.masks)
        for mine, its in zip((one.problem, *one.kindred), (other.problem, *other.kindred), strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(mine, its, strict=True))


def test_what_rules_a_layer_out_is_asked_of_each_size():
    spec = load_architecture_spec("eyeriss")
    wide = Layer("wide", S=20, Q=2)
    roomy = spec.resolve({"levels.PE.capacity.ifmap": spec.parse_setting("levels.PE.capacity.ifmap", "1 KiB")})
    assert [is_ruled_out(design, wide, "all") for design in (spec.architecture, roomy, spec.architecture)] == [
        True, False, True,
    ]  # fmt: skip
