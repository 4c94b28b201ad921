"""ZigZag's hardware and mappings become architectures; what has no words here is named with its place."""

import pytest

import dse
from dse.cli.main import run
from dse.errors import SpecError
from dse.formats.architecture.load import load_architecture
from dse.formats.text.source import parse_source
from dse.formats.tools.zigzag import import_zigzag
from dse.formats.tools.zigzag.hardware import read_hardware
from dse.formats.tools.zigzag.mapping import read_mapping

REGISTER = """\
  {name}:
    size: {bits}
    r_cost: {cost}
    w_cost: {cost}
    area: 0.1
    latency: 1
    operands: [{operand}]
    ports:
      - {{name: r_port_1, type: read, bandwidth_min: 8, bandwidth_max: {width}, allocation: ["{operand}, tl"]}}
      - {{name: w_port_1, type: write, bandwidth_min: 8, bandwidth_max: {width}, allocation: ["{operand}, fh"]}}
    served_dimensions: {serves}
"""
ACCUMULATOR = """\
  acc:
    size: 24
    r_cost: 0.3
    w_cost: 0.6
    operands: [O]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 24, bandwidth_max: 24, allocation: ["O, tl"]}
      - {name: r_port_2, type: read, bandwidth_min: 24, bandwidth_max: 24, allocation: ["O, th"]}
      - {name: w_port_1, type: write, bandwidth_min: 24, bandwidth_max: 24, allocation: ["O, fh", "O, fl"]}
    served_dimensions: []
"""
ABOVE = """\
  sram:
    size: 65536
    r_cost: 10
    w_cost: 12
    operands: [I1, O]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 64, bandwidth_max: 128, allocation: ["I1, tl", "O, tl", "O, th"]}
      - {name: w_port_1, type: write, bandwidth_min: 64, bandwidth_max: 128, allocation: ["I1, fh", "O, fh", "O, fl"]}
    served_dimensions: [D1, D2]
    force_double_buffering: true
  dram:
    size: 1000000000
    r_cost: 640
    w_cost: 700
    operands: [I1, I2, O]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: 64
        bandwidth_max: 64
        allocation: ["I1, tl", "I2, tl", "O, fh", "O, tl", "O, fl", "O, th"]
    served_dimensions: [D1, D2]
operational_array:
  unit_energy: 0.04
  unit_area: 1
  dimensions: [D1, D2]
  sizes: [4, 8]
"""
WEIGHTS = REGISTER.format(name="rf", bits=1024, cost=0.08, operand="I2", width=8, serves="[]")
HARDWARE = "name: chip\nmemories:\n" + WEIGHTS + ACCUMULATOR + ABOVE
MAPPING = """\
- name: default
  spatial_mapping: {D1: ["K, 4"], D2: ["C, 8"]}
  memory_operand_links: {O: O, W: I2, I: I1}
- name: first
  spatial_mapping: {D1: ["C, 4"], D2: ["K, 8"]}
"""
WORKLOAD = """\
- id: {id}
  name: {name}
  operator_type: Gemm
  equation: O[m][n]+=I[m][k]*W[k][n]
  loop_dims: [M, N, K]
  loop_sizes: [6, 8, 16]
  operand_precision: {{W: 8, I: 8, O: 24, O_final: 8}}
"""


def chip(tmp_path, text=HARDWARE, unrollings=None):
    (tmp_path / "architecture.yaml").write_text(read_hardware(parse_source(text), None, unrollings)[0])
    return load_architecture(tmp_path / "architecture.yaml")


def test_levels_array_and_prices(tmp_path):
    found = chip(tmp_path)
    assert [node.name for node in found.hierarchy] == ["dram", "sram", "array", "registers"]
    dram, sram, registers = found.levels
    assert (dram.capacity_bits, dram.word_bits) == (10**9, 64)
    assert (dram.read_energy_pj.ifmap, dram.write_energy_pj.psum) == (640, 700)
    assert [port.words_per_cycle for port in dram.ports] == [1]
    assert (sram.stores, sram.buffering, sram.word_bits) == ({"ifmap", "psum"}, "double", 128)
    assert (registers.partition_bits.weight, registers.partition_bits.psum) == (1024, 24)
    assert registers.stores == {"weight", "psum"}
    bit = [registers.read_energy_pj[operand] / registers.word_bits for operand in ("weight", "psum")]
    assert bit == pytest.approx([0.08 / 8, 0.3 / 24])
    rates = {port.name: port.words_per_cycle * registers.word_bits for port in registers.ports}
    assert rates == {"weight read": 8, "psum read": 48, "weight write": 8, "psum write": 24}
    assert (found.mac.energy_at_pj(8, 8, 24), found.static_power_mw, found.mac_units) == (0.04, 0, 32)
    assert all(level.static_power_mw == level.clock_power_mw == level.area_mm2 == 0 for level in found.levels)


def test_energy_of_a_layer_by_hand(tmp_path):
    """A product of 4 x 8 weights, which fill the array once: each word comes from DRAM once."""
    layer = dse.Layer("a", N=6, K=4, C=8).stating({"ifmap": 8, "weight": 8, "psum": 24, "ofmap": 8})
    cost = dse.map_layer(chip(tmp_path), layer, objective="latency").cost
    assert cost.cycles_by["dram shared"] == (32 + 6 * 8 + 6 * 4) * 8 / 64  # all words over the one port
    cost = dse.map_layer(chip(tmp_path), layer, objective="energy").cost
    assert cost.energy_by_level_pj["MAC"] == pytest.approx(6 * 32 * 0.04)
    read, written = (6 * 8 + 32) * 8, 6 * 4 * 8
    assert cost.energy_by_level_pj["dram"] == pytest.approx(read / 64 * 640 + written / 64 * 700)


def test_a_register_that_serves_a_part_lies_between_two_fan_outs(tmp_path):
    text = HARDWARE.replace(WEIGHTS, REGISTER.format(name="rf", bits=8, cost=0.1, operand="I2", width=8, serves="[D2]"))
    found = chip(tmp_path, text.replace(ACCUMULATOR, "") + "")
    assert [node.name for node in found.hierarchy] == ["dram", "sram", "D1", "rf", "D2"]
    assert [(node.rows, node.cols) for node in found.hierarchy if not hasattr(node, "stores")] == [(4, 1), (8, 1)]


def test_a_mapping_says_what_lies_along_the_array(tmp_path):
    unrollings = read_mapping(parse_source(MAPPING), None)
    found = chip(tmp_path, unrollings=unrollings)
    assert (found.dataflow.rows, found.dataflow.cols) == ({"K"}, {"C"})
    hints = read_mapping(parse_source("- {name: default, spatial_mapping_hint: {D1: [K], D2: [OX, OY]}}"), None)
    assert chip(tmp_path, unrollings=hints).dataflow.cols == {"P", "Q"}


def test_the_command_takes_all_three(tmp_path, capsys):
    """Names of dims that are no convolution's are told by the workload; an entry of a layer's name is a dataflow."""
    (tmp_path / "net.yaml").write_text(WORKLOAD.format(id=0, name="first") + WORKLOAD.format(id=1, name="second")
                                       + WORKLOAD.format(id=2, name="third"))  # fmt: skip
    # a key that is given twice counts as PyYAML, which reads it there, has it: the last
    (tmp_path / "hw.yaml").write_text(HARDWARE.replace("    size: 1024\n", "    size: 8\n    size: 1024\n"))
    mapping = """\
- {name: default, spatial_mapping: {D1: ["N, 4"], D2: ["K, 8"]}}
- {name: first, spatial_mapping: {D1: ["K, 4"], D2: ["N, 8"]}}
"""
    (tmp_path / "map.yaml").write_text(mapping)
    files = [str(tmp_path / name) for name in ("map.yaml", "net.yaml", "hw.yaml")]
    assert run(["import", "zigzag", *files, "-o", str(tmp_path / "mine")]) == 0
    assert "unit_energy is taken for a MAC of 8 x 8 bits" in capsys.readouterr().err
    found = load_architecture(tmp_path / "mine" / "architecture.yaml")
    assert (found.dataflow.name, found.dataflow.rows, found.dataflow.cols) == ("default", {"K"}, {"C"})
    files = [str(tmp_path / "mine" / f"{name}.yaml") for name in ("architecture", "workload")]
    assert run(["evaluate", *files, "--layer", "first", "--dataflow", "first", "--format", "csv"]) == 0


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("  sizes: [4, 8]", "  sizes: [4]", 50, "for each of dimensions"),
    ("  unit_area: 1", "  is_imc: true", 48, "compute in memory"),
    ("    latency: 1", "    banks: 1", 8, "banks has no words here"),
    ("    r_cost: 0.3", "    r_cost: null", 16, "r_cost is the pJ"),
    ('allocation: ["O, tl"]', 'allocation: ["O, out"]', 20, "no operand and direction"),
    ('allocation: ["O, tl"]', 'allocation: 1', 20, "allocation is a list"),
    ('"O, fl"]}\n    served_dimensions: [D1, D2]', '"O, fl", "O, th"]}\n    served_dimensions: [D1, D2]', 30,
     "what r_port_1 serves has no words here"),
    ('    served_dimensions: [D1, D2]\noperational', '    served_dimensions: [D1]\noperational', 45,
     "outermost memory serves all"),
])  # fmt: skip
def test_what_cannot_be_said_has_a_place(old, new, line, message):
    assert old in HARDWARE
    with pytest.raises(SpecError, match=message) as caught:
        read_hardware(parse_source(HARDWARE.replace(old, new), "hw.yaml"), None, None)
    assert (caught.value.file, caught.value.line) == ("hw.yaml", line)


def test_registers_that_do_not_nest_have_a_place():
    other = REGISTER.format(name="more", bits=8, cost=1, operand="I1", width=8, serves="[D1]")
    text = HARDWARE.replace(WEIGHTS, WEIGHTS.replace("[]", "[D2]")).replace(ACCUMULATOR, other)
    with pytest.raises(SpecError, match="neither lies inside the other") as caught:
        read_hardware(parse_source(text, "hw.yaml"), None, None)
    assert caught.value.line in (13, 24)


@pytest.mark.parametrize(("entry", "message"), [
    ("{name: default, temporal_ordering: [[K, 2]]}", "an order of loops has no words here"),
    ('{name: default, spatial_mapping: {D1: ["K, 2", "C, 2"]}}', "a split that has no words here"),
    ('{name: default, spatial_mapping: {D1: ["T, 2"]}}', "it is not known what T is"),
    ('{name: default, spatial_mapping: {D1: [K]}}', "no dim with a factor"),
    ("{name: default, core_allocation: 1}", "core_allocation has no words here"),
    ("{name: default, memory_operand_links: {O: I1, W: I2, I: O}}", "a memory operand of its own"),
    ("{name: Conv}", "no entry named default"),
    ("{name: default, spatial_mapping: 1}", "spatial_mapping is a mapping"),
    ("{name: default, spatial_mapping: {D1: 2}}", "D1 is a list"),
])  # fmt: skip
def test_what_a_mapping_cannot_say(entry, message):
    with pytest.raises(SpecError, match=message):
        read_mapping(parse_source(f"- {entry}", "map.yaml"), None)


def test_a_part_of_a_side_and_a_side_that_is_not_there(tmp_path):
    for text, message in (('D1: ["K, 2"]', "2 of the 4 of D1"), ('D3: ["K, 4"]', "no dimension D3")):
        found = read_mapping(parse_source(f"- {{name: default, spatial_mapping: {{{text}}}}}"), None)
        with pytest.raises(SpecError, match=message):
            chip(tmp_path, unrollings=found)


def test_files_of_one_kind_and_of_none(tmp_path):
    for name, text in (("a.yaml", HARDWARE), ("b.yaml", HARDWARE), ("c.yaml", "x: 1"), ("m.yaml", MAPPING)):
        (tmp_path / name).write_text(text)
    for files, message in ((("a.yaml", "b.yaml"), "second hardware"), (("c.yaml",), "no file of ZigZag's"),
                           (("m.yaml",), "where the dims of its hardware lie")):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            import_zigzag([tmp_path / name for name in files])
