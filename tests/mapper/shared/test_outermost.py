"""Where the outermost level has a capacity, mappings are of what it has room for."""

from dataclasses import replace

import numpy as np
import pytest
from explore.toy import ARCH

import dse
from dse.errors import DseError, InfeasibleError
from dse.mapper.alike import layout, points_alike
from dse.mapper.layer import layer_points, points_below
from dse.mapper.proof.state import checked, stated
from dse.mapper.proof.write import prove
from dse.mapper.shared.outermost import has_room, is_too_large, with_room

LAYER = dse.Layer("conv", K=4, C=6, P=5, R=2).stating({"ifmap": 8, "weight": 8, "psum": 32})
"""36 + 48 + 20 words."""

WIDE, NARROW = (LAYER.ifmap_words + LAYER.weight_words) * 8 + 20 * 32, (LAYER.ifmap_words + LAYER.weight_words + 20) * 8

FREE = ARCH.replace("row-stationary", "flexible")
MACHINES = {
    "psums in the buffer": FREE,
    "psums past the buffer": FREE.replace("psum]", "weight]").replace("psum: 2", "weight: 2"),
    "rules": ARCH,
    "no scratchpads": ARCH.split("  PE:")[0],
}


@pytest.fixture(params=MACHINES)
def machine(request, tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(MACHINES[request.param])
    return dse.load_architecture(path)


def limited(machine, bits):
    first, *others = machine.hierarchy
    return machine.with_(hierarchy=(replace(first, capacity_bits=bits), *others))


def asking(machine):
    """The same without a limit, where no unfinished psum may come to the outermost level."""
    first, *others = machine.hierarchy
    return machine.with_(hierarchy=(replace(first, only_finished=True), *others))


def points(machine, objective, factors="all"):
    try:
        return layer_points(machine, LAYER, objective, factors=factors)
    except InfeasibleError:
        return ()


@pytest.mark.parametrize("factors", ["all", "perfect", "any"])
def test_where_unfinished_psums_have_no_room_outermost_none_come_there(machine, factors):
    tight = limited(machine, WIDE - 1)
    for objective in ("energy", "latency", "edp", "front"):
        found = points(tight, objective, factors)
        assert found == points(asking(machine), objective, factors)
        assert points(limited(machine, WIDE), objective, factors) == points(machine, objective, factors)
    if found:
        mapped = dse.map_layer(tight, LAYER, "energy", factors=factors)  # and is priced, so it fits
        assert mapped.cost.energy_pj == pytest.approx(min(energy for energy, _ in found))


@pytest.mark.parametrize("factors", ["all", "perfect", "any"])
def test_what_has_no_room_outermost_is_infeasible(machine, factors):
    assert is_too_large(limited(machine, NARROW - 1), LAYER)
    assert not is_too_large(limited(machine, NARROW), LAYER)
    assert not has_room(limited(machine, NARROW), LAYER)
    assert has_room(limited(machine, WIDE), LAYER)
    with pytest.raises(InfeasibleError, match="DRAM holds"):
        dse.map_layer(limited(machine, NARROW - 1), LAYER, factors=factors)


def test_sums_of_one_product_are_finished_at_once(machine):
    product = LAYER.with_(C=1, R=1)
    narrow = limited(machine, (product.ifmap_words + product.weight_words + 20) * 8)
    assert with_room(narrow, product) is narrow
    assert points_below(narrow, product, [(1e9, 1e9)]) == layer_points(machine, product, "front")


@pytest.mark.parametrize("bits", [WIDE, WIDE - 1, NARROW - 1])
def test_what_lies_below_corners_has_room_outermost(machine, bits):
    tight = limited(machine, bits)
    front = points(tight, "front")
    assert points_below(tight, LAYER, [(1e12, 1e12)]) == front
    for energy, cycles in front:
        assert (energy, cycles) not in points_below(tight, LAYER, [(energy, 1e12), (1e12, cycles)])


def test_machines_with_other_room_outermost_are_not_alike(machine):
    own, large, tight, small = layout(machine, LAYER), *(
        layout(limited(machine, bits), LAYER) for bits in (2 * WIDE, WIDE - 1, NARROW - 1)
    )  # fmt: skip
    assert own is not None
    assert large is not None
    assert own not in (large, tight, small)
    assert large not in (tight, small)
    if tight is not None and points(limited(machine, WIDE - 1), "front"):  # else psums are finished in the buffer
        both = [limited(machine, WIDE - 1)] * 2
        front, (alike,) = points_alike(both[0], LAYER, both[1:])
        assert np.allclose(alike, front, rtol=1e-12)


def test_proofs_are_of_what_has_room(machine):
    tight = limited(machine, WIDE - 1)
    if points(tight, "energy"):
        proof = prove(tight, LAYER)
        assert proof["value"] == pytest.approx(points(tight, "energy")[0][0])
        assert "no mapping has less energy" in checked(proof, stated(tight, LAYER))
        with pytest.raises(ValueError, match="another problem"):
            checked(proof, stated(machine, LAYER))
    with pytest.raises(DseError, match="nothing to prove"):
        prove(limited(machine, NARROW - 1), LAYER)
