"""Energy by place and operand is words times their prices, and time is bound by the largest term of its sum."""

from dataclasses import replace

import pytest

import dse
from dse.architecture.hierarchy import FanOut, Level
from dse.problem.dims import OPERANDS

CONV = dse.Layer("conv", K=24, C=10, P=9, Q=9, R=3, S=3)
FC = dse.Layer("fc", K=60, C=50)


@pytest.fixture(params=["eyeriss", "edge_npu", "simba_pe", "isca16_ws"])
def chip(request):
    return dse.load_architecture(request.param)


@pytest.mark.parametrize("layer", [CONV, FC], ids=lambda layer: layer.name)
def test_ifmap_and_weights_cost_their_words_at_every_place(chip, layer):
    """Psums have widths of their own, finished or not; those of ifmap and weights are a product."""
    best = dse.map_layer(chip, layer, "energy", gap=0.05)
    cost, bits = best.cost, best.layer.bits
    for node in chip.hierarchy:
        parts = cost.energy_by_level_and_operand_pj[node.name]
        for operand in ("ifmap", "weight"):
            share = getattr(bits, operand) / node.word_bits
            if isinstance(node, Level):
                moved = cost.accesses.levels[node.name][operand]
                read, write = (getattr(each, operand) for each in (node.read_energy_pj, node.write_energy_pj))
                expected = share * (moved.reads * read + moved.writes * write)
            else:
                moved = cost.accesses.fan_outs[node.name][operand]
                expected = share * (moved.delivered + moved.hops) * getattr(node.word_energy_pj, operand)
            assert parts[operand] == pytest.approx(expected, rel=1e-9, abs=1e-9), (node.name, operand)


@pytest.mark.parametrize("layer", [CONV, FC], ids=lambda layer: layer.name)
def test_both_splits_are_sums_of_the_one_by_place_and_operand(chip, layer):
    cost = dse.map_layer(chip, layer, "edp", gap=0.05).cost
    both = cost.energy_by_level_and_operand_pj
    assert list(both) == [node.name for node in chip.hierarchy if isinstance(node, Level | FanOut)]
    assert sum(pj for parts in both.values() for pj in parts.values()) == pytest.approx(
        cost.energy_pj - cost.mac_pj - cost.static_pj, rel=1e-12
    )
    for operand in (*OPERANDS, "ofmap"):
        assert cost.energy_by_operand_pj[operand] == pytest.approx(sum(parts[operand] for parts in both.values()))
    assert sum(cost.energy_by_level_pj.values()) == pytest.approx(cost.energy_pj, rel=1e-12)


def test_waiting_binds_where_it_takes_longest():
    """With one set of buffers and a DRAM of a word in four cycles, the PEs wait for longer than they work."""
    chip = dse.load_architecture("eyeriss").with_settings({"levels.DRAM.bandwidth": "0.25 word/cycle"})
    waits = replace(chip, hierarchy=tuple(
        replace(node, buffering="single")
        if isinstance(node, Level) and node.name != "DRAM" else node for node in chip.hierarchy
    ))  # fmt: skip
    cost = dse.map_layer(waits, FC, "latency").cost
    terms = cost.cycles_by
    longest = max(cycles for part, cycles in terms.items() if part not in ("first fill", "last drain", "serial"))
    assert terms["serial"] > longest
    assert cost.bound_by == "serial"
    assert cost.cycles == pytest.approx(longest + terms["first fill"] + terms["last drain"] + terms["serial"])
    free = dse.map_layer(chip, FC, "latency").cost
    assert free.bound_by == "DRAM shared"
