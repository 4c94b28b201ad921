"""Widths of finished outputs and of machines: what they change in counts, energy, time, room, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from model.cases import case_of_clusters, case_of_many_fan_outs, random_case

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.errors import DseError, MappingError
from dse.model.cost import Cost, evaluate
from dse.model.counting.counts import count
from dse.model.fit import check_fit, held_bits
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.model.simulator.walk import simulate
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer
from dse.problem.workload import Workload

ALL = frozenset(OPERANDS)
ONE = PerOperand.same(1.0)
WIDE = PerOperand(8, 8, 32)
LAYER = Layer("conv", K=2, C=4, P=6, bits=WIDE)


def chip(**glb: Any) -> Architecture:
    """DRAM, a buffer, two PEs whose psums add up, and a scratchpad: every word of 32 bit costs 1 pJ."""
    price = {"read_energy_pj": ONE, "write_energy_pj": ONE, "word_bits": 32}
    port = (Port("all", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), 1.0),)  # type: ignore[misc]
    return Architecture(
        "chip", (
            Level("DRAM", ALL, ports=port, **price), Level("GLB", ALL, ports=port, **price, **glb),
            FanOut("array", 2, 1, reduces=True, energy_pj=0.0, word_bits=32), Level("PE", ALL, **price),
        ), Mac(0.0), 1e9,
    )  # fmt: skip


def nest(outer: str = "", buffer: str = "", rows: str = "", pe: str = "") -> Mapping:
    def loops(text: str) -> tuple[Loop, ...]:
        return tuple(Loop(part[0], int(part[1:])) for part in text.split())

    return Mapping((
        Temporal("DRAM", loops(outer), ALL), Temporal("GLB", loops(buffer), ALL), Spatial("array", loops(rows), ()),
        Temporal("PE", loops(pe), ALL),
    ))  # fmt: skip


def finished(layer: Layer, architecture: Architecture, mapping: Mapping) -> dict[str, tuple[int, int]]:
    found = count(layer, architecture, mapping)
    assert found == simulate(layer, architecture, mapping)
    return {level: (moved.reads, moved.writes) for level, moved in found.finished.items()}


def test_the_last_visit_of_each_word_is_finished_from_the_pe_outwards() -> None:
    assert finished(LAYER, chip(), nest("K2", "P6", "", "C4")) == {"DRAM": (0, 12), "GLB": (12, 12), "PE": (12, 12)}


def test_psums_that_come_back_are_finished_once() -> None:
    """Twelve outputs, two visits each: half of what reaches DRAM comes back unfinished."""
    mapping = nest("C2 K2", "P6", "", "C2")
    assert finished(LAYER, chip(), mapping) == {"DRAM": (0, 12), "GLB": (12, 12), "PE": (12, 12)}
    words = count(LAYER, chip(), mapping).apart("DRAM")
    assert (words["psum"].reads, words["psum"].writes, words["ofmap"].writes) == (12, 12, 12)


@pytest.mark.parametrize("rows", ["C2", "C3"])
def test_behind_a_reduction_children_hold_parts_of_sums(rows: str) -> None:
    """Also in a last pass (of four channels on three children) that has work for one of them."""
    wider = chip().with_(hierarchy=tuple(replace(n, rows=3) if n.name == "array" else n for n in chip().hierarchy))
    mapping = nest("K2", "P6", rows, "C2")
    assert finished(LAYER, wider, mapping) == {"DRAM": (0, 12), "GLB": (12, 12), "PE": (0, 0)}


def test_behind_a_reduction_over_which_no_sum_is_spread_words_are_finished() -> None:
    assert finished(LAYER, chip(), nest("", "P6", "K2", "C4"))["PE"] == (12, 12)


def test_children_that_take_turns_finish_words() -> None:
    apart = chip().with_(hierarchy=tuple(
        replace(n, reduces=False) if isinstance(n, FanOut) else n for n in chip().hierarchy
    ))  # fmt: skip
    assert finished(LAYER, apart, nest("K2", "P6", "C2", "C2"))["PE"] == (12, 12)


def test_random_cases_have_levels_with_all_kinds_of_psums() -> None:
    """The cases on which closed form and simulator are compared: finished in all levels, in some, and come back."""
    seen: Counter[str] = Counter()
    for draw in (random_case, case_of_many_fan_outs, case_of_clusters):
        for seed in range(200):
            case = draw(seed)
            counts = count(case.layer, case.architecture, case.mapping)
            inner = [
                (counts.finished[node.level].writes, counts.levels[node.level]["psum"].writes)
                for node in case.mapping.nodes[1:] if isinstance(node, Temporal) and "psum" in node.stores
            ]  # fmt: skip
            seen["parts of sums to the last"] += any(done == 0 for done, _ in inner)
            seen["finished and others"] += any(0 < done < words for done, words in inner)
            seen["finished alone"] += any(0 < done == words for done, words in inner)
    kinds = ("parts of sums to the last", "finished and others", "finished alone")
    assert all(seen[kind] >= 30 for kind in kinds), seen


def test_finished_words_cost_their_own_width() -> None:
    """12 outputs of 8 instead of 32 bit: written to DRAM, written to and read from GLB and the PE."""
    mapping = nest("K2", "P6", "", "C4")
    wide = evaluate(chip(), LAYER.with_(ofmap_bits=32), mapping)
    narrow = evaluate(chip(), LAYER, mapping)
    assert wide.energy_pj - narrow.energy_pj == pytest.approx(12 * 5 * (1 - 8 / 32))
    for cost in (wide, narrow):
        assert sum(cost.energy_by_operand_pj.values()) == pytest.approx(cost.energy_pj)
        assert sum(cost.energy_by_level_pj.values()) == pytest.approx(cost.energy_pj)
    assert narrow.energy_by_operand_pj["ofmap"] == pytest.approx(12 * 5 * 8 / 32)
    assert narrow.outermost_bits["ofmap"] == {"reads": 0, "writes": 12 * 8}
    assert narrow.outermost_bits["psum"] == {"reads": 0, "writes": 0}
    assert (narrow.accesses, narrow.reuse) == (wide.accesses, wide.reuse)


def test_finished_words_take_their_own_time() -> None:
    mapping = nest("K2", "P6", "", "C4")

    def busy(layer: Layer) -> Cost:
        return evaluate(chip(), layer, mapping)

    wide, narrow = busy(LAYER.with_(ofmap_bits=32)), busy(LAYER)
    saved = {"DRAM all": 12, "GLB all": 24}
    for port, words in saved.items():
        assert wide.cycles_by[port] - narrow.cycles_by[port] == pytest.approx(words * (1 - 8 / 32))
    assert narrow.cycles_by["last drain"] == pytest.approx(wide.cycles_by["last drain"] / 4)


def test_serial_transfers_of_finished_words_take_their_own_time() -> None:
    mapping = nest("K2", "P6", "", "C4")
    single = chip(buffering="single")
    wide, narrow = (evaluate(single, layer, mapping) for layer in (LAYER.with_(ofmap_bits=32), LAYER))
    assert wide.cycles_by["serial"] - narrow.cycles_by["serial"] == pytest.approx(12 * (1 - 8 / 32))


def test_a_level_to_which_only_finished_words_come_has_room_for_them() -> None:
    """Six outputs, 24 channels' ifmap and four weights in GLB, and 6 x 8 bits more: not 6 x 32."""
    tile = 6 * 4 * 8 + 4 * 8
    exact = chip(capacity_bits=tile + 6 * 8)
    once, again = nest("K2", "P6", "", "C4"), nest("K2", "C2 P6", "", "C2")
    check_fit(LAYER, exact, once)
    assert held_bits(LAYER, exact, once, 1).psum == 8
    with pytest.raises(MappingError, match="GLB: the tile of operands together takes 416 bits, 272 are there"):
        check_fit(LAYER, exact, again)
    check_fit(LAYER, chip(capacity_bits=tile + 6 * 32), again)
    with pytest.raises(MappingError):
        check_fit(LAYER, chip(capacity_bits=tile + 6 * 8 - 1), once)


def test_timeloop_knows_one_width_of_psums() -> None:
    mapping = nest("K2", "P6", "", "C4")
    cost = evaluate(chip(), LAYER, mapping, counting="timeloop")
    assert cost.bits == {"ifmap": 8, "weight": 8, "psum": 32, "ofmap": 32}
    assert cost.energy_by_operand_pj["ofmap"] == 0.0


@pytest.mark.parametrize(
    ("bits", "stated", "expected"),
    [((8, 8, 32), 0, 8), ((16, 8, 20), 0, 16), ((16, 16, 16), 0, 16), ((16, 8, 8), 0, 8), ((8, 8, 32), 16, 16)],
)
def test_finished_outputs_have_the_width_of_the_ifmap_where_psums_are_wider(
    bits: tuple[int, int, int], stated: int, expected: int
) -> None:
    assert Layer("l", bits=PerOperand(*bits), ofmap_bits=stated).finished_bits == expected


def test_a_finished_output_is_no_wider_than_its_psum() -> None:
    with pytest.raises(DseError, match="ofmap bits=24, psum bits=16"):
        Layer("l", ofmap_bits=24)


def test_the_machine_has_a_say_where_nobody_else_has() -> None:
    machine = chip().with_(precision=(("ifmap", 8), ("weight", 8), ("psum", 32)))
    assert machine.lowered(Layer("l")).widths == {"ifmap": 8, "weight": 8, "psum": 32, "ofmap": 8}
    stated = Workload.of("w", [Layer("l")]).with_bits(weight=4, ofmap=16).layer("l")
    assert machine.lowered(stated).widths == {"ifmap": 8, "weight": 4, "psum": 32, "ofmap": 16}
    assert machine.lowered(Layer("l", bits=PerOperand(16, 16, 16))).widths["psum"] == 16
    once = machine.lowered(stated)
    assert machine.lowered(once) == once
    assert chip().lowered(Layer("l")).widths == {"ifmap": 16, "weight": 16, "psum": 16, "ofmap": 16}
    assert Layer("l").shape_key() != Layer("l", bits=PerOperand(16, 16, 16)).shape_key()


def test_widths_of_lowered_layers_stay() -> None:
    layer = Layer("l", K=2, P=3, R=2).stating({"ifmap": 4, "ofmap": 8})
    machine = chip().with_(lower="matmul", precision=(("weight", 2),))
    assert machine.lowered(layer).widths == {"ifmap": 4, "weight": 2, "psum": 16, "ofmap": 8}


def test_stated_widths_are_stated_in_any_order() -> None:
    rng = Random("order")
    for _ in range(20):
        widths = {part: rng.randint(2, 8) for part in ("ifmap", "weight")} | {"psum": 32, "ofmap": 9}
        parts = rng.sample(sorted(widths), 4)
        layer = Layer("l").stating({"psum": 32})
        for part in parts:
            layer = layer.stating({part: widths[part]})
        assert layer.widths == widths
        assert layer.stated_bits == widths
