"""Scratchpads that each stand at a depth of their own, and registers, against levels one inside the other."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.architecture.parts import at_one_depth, in_parts
from dse.errors import MappingError
from dse.formats.mapping import dump_mappings, read_mappings
from dse.formats.text.source import parse_source
from dse.mapper.deep.known import deep_mapping, record_of
from dse.mapper.layer import layer_front, map_layer
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.result import Mapped
from dse.model.cost import evaluate
from dse.model.counting.counts import count
from dse.model.mapping import Loop, Mapping, Temporal
from dse.model.simulator.walk import simulate
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

EVERY = frozenset(OPERANDS)
EQUAL = 1e-9


def scratchpads(words: tuple[int, int, int], placement: str = "own", **changes: object) -> Level:
    """Of 16 bits a word, with prices that differ."""
    return Level(
        "PE", EVERY, partition_bits=PerOperand(*(16 * count for count in words)), placement=placement,  # type: ignore[arg-type]
        read_energy_pj=PerOperand(0.5, 0.7, 0.9), write_energy_pj=PerOperand(0.6, 0.8, 1.0), area_mm2=0.5,
        static_power_mw=0.25, **changes,  # type: ignore[arg-type]
    )  # fmt: skip


def machine(*inside: Level, sides: tuple[int, int] = (2, 2), rate: float = 1.0) -> Architecture:
    every = frozenset((operand, way) for operand in OPERANDS for way in ("read", "write"))
    dram = Level("DRAM", EVERY, read_energy_pj=PerOperand.same(200.0), write_energy_pj=PerOperand.same(200.0),
                 ports=(Port("shared", every, rate),))  # type: ignore[arg-type]
    buffer = Level("GLB", frozenset({"ifmap", "psum"}), capacity_bits=16 * 40, read_energy_pj=PerOperand.same(6.0),
                   write_energy_pj=PerOperand.same(6.0))  # fmt: skip
    return Architecture("chip", (dram, buffer, FanOut("array", *sides, energy_pj=2.0), *inside), Mac(1.0), 1e9)


def written_out(architecture: Architecture) -> list[Architecture]:
    """The same as ordinary levels, one inside the other, in all orders: another way to write parts."""
    level = architecture.level("PE")
    found = []
    for order in permutations(OPERANDS):
        levels = [
            replace(level, name=f"{operand}s", stores=frozenset({operand}), placement="together",
                    static_power_mw=level.static_power_mw / 3)
            for operand in order
        ]  # fmt: skip
        nodes = [x for node in architecture.hierarchy for x in (levels if node is level else [node])]
        found.append(architecture.with_(hierarchy=tuple(nodes)))
    return found


def draw(seed: int) -> tuple[Architecture, Layer]:
    rng = Random(seed)
    words = rng.choice((1, 2, 4)), rng.choice((2, 4, 6)), rng.choice((1, 2))
    layer = Layer(
        "drawn", K=rng.choice((2, 3, 4)), C=rng.choice((1, 2, 3)), P=rng.choice((2, 3, 5)), N=rng.choice((1, 2)),
        R=rng.choice((1, 2, 3)), stride_h=rng.choice((1, 1, 2)),
    )  # fmt: skip
    return machine(scratchpads(words), sides=(1, 2), rate=rng.choice((0.5, 4.0))), layer


def check(seed: int, objective: str) -> bool:
    """Assert that depths of their own are as good as levels in the best order; tell whether they beat a single one."""
    chip, layer = draw(seed)
    best = map_layer(chip, layer, objective)
    by_hand = min(map_layer(other, layer, objective).certificate.value for other in written_out(chip))
    assert best.certificate.value == pytest.approx(by_hand, rel=EQUAL), seed
    return best.certificate.value < map_layer(at_one_depth(chip), layer, objective).certificate.value * (1 - EQUAL)


def test_depths_of_their_own_are_as_good_as_levels_in_the_best_order() -> None:
    assert check(4, "energy")


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_depths_of_their_own_are_as_good_as_levels_in_the_best_order_in_many_cases(objective: str) -> None:
    better = [check(seed, objective) for seed in range(40)]
    assert any(better)


@given(seed=st.integers(100, 10_000))
@settings(max_examples=2, deadline=None, derandomize=True)
def test_depths_of_their_own_are_never_worse_than_one(seed: int) -> None:
    chip, layer = draw(seed)
    best, together = (map_layer(one, layer, "energy") for one in (chip, at_one_depth(chip)))
    assert best.cost.energy_pj <= together.cost.energy_pj * (1 + EQUAL), seed
    assert best.cost.accesses == simulate(layer, chip, best.mapping) == count(layer, chip, best.mapping)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_no_point_of_a_front_is_worse(seed: int) -> None:
    chip, layer = draw(seed)
    own, together = (layer_front(one, layer) for one in (chip, at_one_depth(chip)))
    most = 1 + EQUAL
    for one in together:
        energy, cycles = one.cost.energy_pj * most, one.cost.cycles * most
        assert any(point.cost.energy_pj <= energy and point.cost.cycles <= cycles for point in own)
    for point in own:
        assert point.cost.accesses == simulate(layer, chip, point.mapping)


LAYER = Layer("conv", K=4, C=2, P=4, R=3)
OWN = machine(scratchpads((3, 12, 2)))
NEST = Mapping.from_dict([
    {"level": "DRAM", "stores": list(OPERANDS), "loops": [["C", 2]]},
    {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    {"fan_out": "array", "rows": [["P", 2]], "cols": [["K", 2]]},
    {"level": "PE.weight", "stores": ["weight"], "loops": [["P", 2]]},
    {"level": "PE.ifmap", "stores": ["ifmap"], "loops": [["K", 2]]},
    {"level": "PE.psum", "stores": ["psum"], "loops": [["R", 3]]},
])  # fmt: skip


def test_a_mapping_at_one_depth_has_a_record() -> None:
    """It stands in the lists of the last parts, and costs the same."""
    together = map_layer(at_one_depth(OWN), LAYER, "energy")
    choices = bypass_choices(in_parts(OWN)[0])
    record = record_of(OWN, together.mapping, choices)
    parts = deep_mapping(OWN, record, choices[int(record[-1])])
    assert [node.loops for node in parts.nodes[:3]] == [node.loops for node in together.mapping.nodes[:3]]
    assert evaluate(OWN, LAYER, parts).energy_pj == pytest.approx(together.cost.energy_pj, rel=EQUAL)


def test_results_have_one_level() -> None:
    """What it has once counts once: area, power, and a port that its operands share."""
    cost = evaluate(OWN, LAYER, NEST)
    assert list(cost.energy_by_level_pj) == ["DRAM", "GLB", "array", "PE", "MAC", "static"]
    assert list(cost.accesses.levels) == ["DRAM", "GLB", "PE"]
    assert {reuse.place for reuse in cost.reuse} == {"DRAM", "GLB", "array", "PE"}
    rows = cost.accesses.levels["PE"]
    assert cost.accesses == simulate(LAYER, OWN, NEST)
    assert [rows[operand].reads for operand in ("ifmap", "weight")] == [LAYER.macs, LAYER.macs]
    # For each of two channels, in four PEs: six weights stay while P steps, and three ifmap words, the next time one.
    assert [rows[operand].writes for operand in ("ifmap", "weight")] == [2 * 4 * (3 + 1), 2 * 4 * 6]
    for part in in_parts(OWN):
        assert (part.area_mm2, part.total_static_power_mw) == (OWN.area_mm2, OWN.total_static_power_mw)
    every = frozenset((operand, way) for operand in OPERANDS for way in ("read", "write"))
    shared = machine(scratchpads((3, 12, 2), ports=(Port("shared", every, 0.25),)))  # type: ignore[arg-type]
    words = sum(row.reads + row.writes for row in rows.values())
    assert evaluate(shared, LAYER, NEST).cycles_by["PE shared"] == words / 0.25 / 4
    assert evaluate(shared, LAYER, NEST).bound_by == "PE shared"


def test_a_mapping_file_has_a_line_for_each_part() -> None:
    text = dump_mappings("mine", OWN, {"conv": NEST})
    assert text.index("PE.weight: {loops: {P: 2}}") < text.index("PE.ifmap: {loops: {K: 2}}") < text.index("PE.psum")
    assert read_mappings(parse_source(text)).mappings(OWN, [LAYER]) == {"conv": NEST}


def test_a_register_reads_only_what_it_does_not_hold() -> None:
    """As a level of one free word does, whatever the width."""
    scratch = scratchpads((3, 12, 4), "together")
    register = Level("registers", frozenset({"weight"}), is_register=True)
    word = Level("word", frozenset({"weight"}), capacity_bits=16)
    chip, by_hand = machine(scratch, register), machine(scratch, word)
    for objective in ("energy", "edp"):
        best, other = (map_layer(one, LAYER, objective) for one in (chip, by_hand))
        assert best.certificate.value == pytest.approx(other.certificate.value, rel=EQUAL)
        assert best.cost.accesses == simulate(LAYER, chip, best.mapping)
    narrow = map_layer(chip, LAYER.stating({"weight": 4}), "energy").mapping
    assert narrow.nodes[-1] == Temporal("registers", (), frozenset({"weight"}))
    mapping = Mapping((
        *NEST.nodes[:3],
        Temporal("PE", (Loop("R", 3), Loop("K", 2), Loop("P", 2)), EVERY),
        Temporal("registers", (), frozenset({"weight"})),
    ))  # fmt: skip
    chip = machine(scratchpads((4, 12, 4), "together"), register)
    assert evaluate(chip, LAYER, mapping).accesses.levels["PE"]["weight"].reads == LAYER.macs // 2
    looped = Mapping((*mapping.nodes[:-1], Temporal("registers", (Loop("P", 1),), frozenset({"weight"}))))
    with pytest.raises(MappingError, match="registers hold one element"):
        looped.check(chip, LAYER)


def test_a_port_may_serve_an_operand_that_is_not_there() -> None:
    """Of a level without psums; the port is that of the others."""
    every = frozenset((operand, way) for operand in OPERANDS for way in ("read", "write"))
    level = scratchpads((3, 12, 2), ports=(Port("shared", every, 2.0),))  # type: ignore[arg-type]
    first, *_ = in_parts(machine(replace(level, stores=frozenset({"ifmap", "weight"}))))
    assert [port.joins for part in first.levels[2:] for port in part.ports] == ["PE shared", ""]


def test_zeros_are_gated_in_every_part() -> None:
    """As they are in scratchpads at one depth."""
    gating = PerOperand(frozenset({"weight"}), frozenset({"ifmap"}), frozenset({"ifmap"}))
    chip = machine(scratchpads((3, 12, 2), gating=gating))
    sparse = LAYER.with_(density=PerOperand(0.5, 0.25, 1.0))
    nodes = NEST.nodes[:3]
    together = Mapping((*nodes, Temporal("PE", (Loop("K", 2),), EVERY)))
    apart = Mapping((*nodes, *(Temporal(f"PE.{operand}", loops, frozenset({operand})) for operand, loops in (
        ("psum", ()), ("ifmap", ()), ("weight", (Loop("K", 2),)),
    ))))  # fmt: skip
    small = sparse.with_(P=2, R=1)
    assert evaluate(chip, small, apart).energy_pj == pytest.approx(
        evaluate(at_one_depth(chip), small, together).energy_pj, rel=EQUAL
    )


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_first_tiles_pass_one_part_after_another(objective: str) -> None:
    """Into registers: a mapping that places all parts together takes longer then than at one depth."""
    ports = tuple(Port(o, frozenset(((o, "read"), (o, "write"))), 0.25) for o in OPERANDS)
    register = Level("registers", EVERY, write_energy_pj=PerOperand.same(0.5), is_register=True)
    chip = machine(scratchpads((2, 4, 2), ports=ports), register, sides=(1, 2), rate=4.0)
    for layer in (Layer("sum", C=3), Layer("line", K=2, C=3, P=2), Layer("window", P=3, R=3, K=2)):
        found = map_layer(chip, layer, objective)  # type: ignore[arg-type]
        assert found.certificate.value == pytest.approx(value_of(found, objective), rel=EQUAL)
        others = [map_layer(one, layer, objective) for one in written_out(chip)]  # type: ignore[arg-type]
        least = min(value_of(one, objective) for one in others)
        assert value_of(found, objective) == pytest.approx(least, rel=EQUAL)


def value_of(mapped: Mapped, objective: str) -> float:
    cost = mapped.cost
    return {"energy": cost.energy_pj, "latency": cost.cycles, "edp": cost.energy_pj * cost.cycles}[objective]


@pytest.mark.parametrize("seed", range(12))
def test_no_unfinished_psum_comes_back_to_the_outermost_level(seed: int) -> None:
    """Where it takes finished ones only, what is known of one depth is no mapping with psums that come back."""
    chip, layer = draw(seed)
    first = replace(chip.levels[0], only_finished=True)
    chip = chip.with_(hierarchy=(first, *chip.hierarchy[1:]))
    narrow = replace(layer, bits=PerOperand(8, 16, 16), ofmap_bits=8)
    found = map_layer(chip, narrow, "energy").cost.energy_pj
    least = min(map_layer(one, narrow, "energy").cost.energy_pj for one in written_out(chip))
    assert found == pytest.approx(least, rel=EQUAL)
