"""Zeros in blocks, N of every M, and units that skip random zeros and wait for each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import comb

import numpy as np
import pytest

import dse
from dse.architecture.architecture import Architecture, InStep
from dse.errors import DseError, SpecError
from dse.formats.architecture.load import load_architecture_spec
from dse.model.cost import evaluate
from dse.model.fit import check_fit
from dse.model.sparsity import activity, longest_share, outermost_bits
from dse.problem.dims import PerOperand
from dse.problem.layer import Layer

LAYER = Layer("conv", K=24, C=16, P=9, Q=7, R=3, S=3).stating({"ifmap": 8, "weight": 8, "psum": 32})
WHOLE = frozenset({"weight"})


def chip(**settings) -> Architecture:
    plain = {"mac.clock_power": "0 mW", "mac.gating": "none", "levels.PE.gating": {}, "levels.DRAM.compression": "none"}
    changes = {path.replace("__", "."): value for path, value in settings.items()}
    return load_architecture_spec("eyeriss").resolve({**plain, **changes})


# --- blocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_packed_weights_cost_what_weights_of_their_width_cost(objective):
    """2:4 of 8 bits are 5 bits an element: energy, rates, room and the best mapping, but not the MACs' own energy."""
    machine = chip()
    free_macs = machine.with_(mac=replace(machine.mac, energy_pj=0.0))
    narrow = dse.map_layer(free_macs, LAYER.stating({"weight": 5}), objective, factors="perfect")
    packing = free_macs.with_(packed=WHOLE)
    packed = dse.map_layer(packing, LAYER.leaving({"weight": "2:4"}), objective, factors="perfect")
    for one, other in ((packed.cost.energy_pj, narrow.cost.energy_pj), (packed.cost.cycles, narrow.cost.cycles)):
        assert one == pytest.approx(other, rel=1e-12)
    assert packed.certificate.value == pytest.approx(narrow.certificate.value, rel=1e-12)
    assert packed.cost.outermost_bits == narrow.cost.outermost_bits


def test_parts_of_a_bit_are_counted():
    """1:4 of 8 bits are 2.5 bits an element: as weights of 5 bits on a machine of which all is twice as wide."""
    machine = chip()
    machine = machine.with_(mac=replace(machine.mac, energy_pj=0.0), packed=WHOLE)
    twice = machine.with_(hierarchy=tuple(_twice(node) for node in machine.hierarchy), packed=frozenset())
    layer = LAYER.leaving({"weight": "1:4"})
    wide = LAYER.stating({"ifmap": 16, "weight": 5, "psum": 64, "ofmap": 16})
    one, other = (dse.map_layer(m, x, "energy", factors="perfect") for m, x in ((machine, layer), (twice, wide)))
    assert one.cost.energy_pj == pytest.approx(other.cost.energy_pj, rel=1e-12)
    assert one.mapping == other.mapping or one.cost.cycles == pytest.approx(other.cost.cycles)


def _twice(node):
    wider = {"word_bits": 2 * node.word_bits}
    if getattr(node, "capacity_bits", None) is not None:
        wider["capacity_bits"] = 2 * node.capacity_bits
    if getattr(node, "partition_bits", None) is not None:
        wider["partition_bits"] = PerOperand(*(None if bits is None else 2 * bits for bits in node.partition_bits))
    return replace(node, **wider)


def test_room_to_the_bit():
    """36 weights of 2:4 in 16 bits, with two bits for the place, take 36 * 9 bits, and not one less will do."""
    layer = Layer("line", C=4, S=9).leaving({"weight": "2:4"})
    mapping = dse.Mapping.from_dict([
        {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": []},
        {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
        {"fan_out": "array", "rows": [], "cols": []},
        {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": [["C", 4], ["S", 9]]},
    ])  # fmt: skip
    for bits, fits in ((36 * 9, True), (36 * 9 - 1, False)):
        machine = chip(levels__PE__capacity__weight=f"{bits} bit", levels__PE__capacity__ifmap="36 word")
        machine = machine.with_(packed=WHOLE)
        if fits:
            check_fit(machine.lowered(layer), machine, mapping)
            assert evaluate(machine, layer, mapping).macs == 36
        else:
            with pytest.raises(dse.MappingError, match="weight takes 324 bits, 323 are there"):
                check_fit(machine.lowered(layer), machine, mapping)


def test_machines_that_do_not_pack_hold_all_words():
    layer = LAYER.leaving({"weight": "2:4"})
    assert dse.map_layer(chip(), layer, factors="perfect").cost == dse.map_layer(chip(), LAYER, factors="perfect").cost


def test_skipped_blocks_leave_no_unit_waiting():
    """Two of every four: half of the steps, however many units move in step; at random they wait."""
    for given, expected in (("2:4", 0.5), (0.5, longest_share(16, 168, 0.5))):
        layer = LAYER.leaving({"weight": given})
        machine = chip(mac__skipping="weight", mac__in_step=16)
        assert activity(machine, machine.lowered(layer)).steps == pytest.approx(expected)
        assert activity(machine, machine.lowered(layer)).left == 0.5


def test_a_skipped_packed_weight_is_read_once_with_its_index():
    """The MACs of a 2:4 layer read half of the weights, of 8 + 2 bits: 5 of the 8 bits an element has."""
    dense, machine = chip(), chip(mac__skipping="weight").with_(packed=WHOLE)
    layer = LAYER.leaving({"weight": "2:4"})
    mapping = dse.map_layer(dense, LAYER, "energy", factors="perfect").mapping
    before, after = evaluate(dense, LAYER, mapping), evaluate(machine, layer, mapping)
    assert after.energy_by_operand_pj["weight"] == pytest.approx(before.energy_by_operand_pj["weight"] * 5 / 8)
    assert after.energy_by_operand_pj["MAC"] == pytest.approx(before.energy_by_operand_pj["MAC"] / 2)
    assert after.cycles_by["compute"] == before.cycles_by["compute"] / 2
    bits = [outermost_bits(m, m.lowered(x), cost.accesses)["weight"]["reads"] for m, x, cost in
            ((dense, LAYER, before), (machine, layer, after))]  # fmt: skip
    assert bits[1] == bits[0] * 5 / 8


def test_no_mapping_found_otherwise_beats_the_certificate():
    """Mappings that are best for other widths and aims, where they fit."""
    machine = chip(mac__skipping="weight").with_(packed=WHOLE)
    layer = LAYER.leaving({"weight": "1:4"})
    best = dse.map_layer(machine, layer, "energy", factors="perfect")
    for objective, weight in product(("energy", "latency"), (8, 4, 2)):
        other = dse.map_layer(chip(), LAYER.stating({"weight": weight}), objective, factors="perfect").mapping
        try:
            price = evaluate(machine, layer, other).energy_pj
        except dse.MappingError:
            continue
        assert price >= best.cost.energy_pj * (1 - 1e-12)


# --- units that wait ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("macs", "units", "density"), [(1, 4, 0.3), (3, 2, 0.5), (5, 7, 0.9), (12, 1, 0.4)])
def test_the_longest_of_a_group_by_definition(macs, units, density):
    """The expected most of independent binomial numbers, over all outcomes of one unit after the other."""
    chance = [comb(macs, t) * density**t * (1 - density) ** (macs - t) for t in range(macs + 1)]
    most = [1.0] + [0.0] * macs  # of the units so far
    for _ in range(units):
        most = [sum(most[i] * chance[j] for i in range(macs + 1) for j in range(macs + 1) if max(i, j) == t)
                for t in range(macs + 1)]  # fmt: skip
    assert longest_share(macs, units, density) == pytest.approx(sum(t * p for t, p in enumerate(most)) / macs)


@pytest.mark.parametrize(("macs", "units"), [(4, 16), (64, 168), (256, 1024)])
@pytest.mark.parametrize("density", [0.1, 0.35, 0.8])
def test_the_longest_of_a_group_as_drawn(macs, units, density):
    """Weights are drawn; each unit skips its own zeros, and all wait for the one with the fewest."""
    rng = np.random.default_rng([macs, units, int(100 * density)])
    rounds = 400
    left = [(rng.random((units, macs)) < density).sum(axis=1).max() for _ in range(rounds)]
    # beside the error of the mean, what may not have been drawn at all
    error = np.std(left) / np.sqrt(rounds) / macs
    assert longest_share(macs, units, density) == pytest.approx(np.mean(left) / macs, abs=5 * error + 3 / rounds / macs)


def test_limits():
    """A unit alone waits for nobody, long stretches even out, and nobody is faster for company."""
    assert longest_share(64, 1, 0.3) == 0.3
    assert longest_share(64, 168, 1.0) == 1.0
    assert longest_share(1 << 20, 168, 0.3) == pytest.approx(0.3, abs=0.002)
    shares = [longest_share(64, units, 0.3) for units in (1, 2, 16, 256, 4096)]
    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_two_skipped_operands_meet_at_random():
    machine = chip(mac__skipping="weight,ifmap", mac__in_step=32, mac__in_step_units=14)
    layer = machine.lowered(LAYER.leaving({"weight": 0.5, "ifmap": 0.4}))
    assert activity(machine, layer).steps == pytest.approx(longest_share(32, 14, 0.2))
    blocks = machine.lowered(LAYER.leaving({"weight": "2:4", "ifmap": 0.4}))
    assert activity(machine, blocks).steps == pytest.approx(longest_share(32, 14, 0.4) / 2)


def test_waiting_takes_cycles_and_no_energy_of_macs():
    layer = LAYER.leaving({"weight": 0.3})
    mapping = dse.map_layer(chip(), LAYER, "energy", factors="perfect").mapping
    free, waits = (evaluate(chip(mac__skipping="weight", **more), layer, mapping) for more in ({}, {"mac__in_step": 8}))
    assert waits.cycles_by["compute"] == pytest.approx(free.cycles_by["compute"] * longest_share(8, 168, 0.3) / 0.3)
    assert waits.energy_by_operand_pj == free.energy_by_operand_pj
    for name, cycles in free.cycles_by.items():
        assert name == "compute" or waits.cycles_by[name] == pytest.approx(cycles)


@pytest.mark.parametrize(("settings", "message"), [
    ({"mac__in_step": 8}, "MACs that skip nothing"),
    ({"mac__skipping": "weight", "mac__in_step_units": 8}, "after how many MACs"),
    ({"mac__skipping": "weight", "mac__in_step": 8, "mac__in_step_units": 169}, "there are 168 units"),
    ({"packed": "psum"}, "packed"),
])  # fmt: skip
def test_what_contradicts_itself(settings, message):
    with pytest.raises(SpecError, match=message):
        chip(**settings)


def test_objects_are_checked_too():
    machine = chip()
    with pytest.raises(DseError, match="both are at least 1"):
        InStep(0, 4)
    with pytest.raises(DseError, match="ifmap and weight"):
        machine.with_(packed=frozenset({"psum"}))
    with pytest.raises(DseError, match="units move in step"):
        machine.with_(mac=replace(machine.mac, in_step=InStep(4, 999)))
