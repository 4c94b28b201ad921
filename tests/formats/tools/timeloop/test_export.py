"""Timeloop's files of a mapped layer: read again, they say the same problem, levels and loops."""

import re
from dataclasses import replace
from itertools import pairwise
from math import prod

import pytest
from ruamel.yaml import YAML

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.errors import DseError
from dse.formats.tools.timeloop.export import FILES, TENSORS, timeloop_files
from dse.model.counting.timeloop import count_timeloop
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

EVERYTHING = frozenset(OPERANDS)
LAYER = Layer("conv", K=8, C=4, P=6, Q=5, R=3, S=1, stride_h=2, dilation_w=3)
CHIP = Architecture(
    "chip",
    (
        Level("DRAM", EVERYTHING),
        Level("GLB", frozenset(("ifmap", "psum")), capacity_bits=16 * 4096, buffering="double"),
        FanOut("array", 3, 4),
        Level("PE", EVERYTHING, capacity_bits=16 * 64),
    ),
    Mac(1.0),
    clock_hz=1e9,
)
NEST = Mapping((
    Temporal("DRAM", (Loop("K", 2), Loop("P", 6)), EVERYTHING),
    Temporal("GLB", (Loop("Q", 5), Loop("C", 2)), frozenset(("ifmap", "psum"))),
    Spatial("array", (Loop("R", 3),), (Loop("K", 2), Loop("C", 2))),
    Temporal("PE", (Loop("K", 2),), EVERYTHING),
))  # fmt: skip


def read(files):
    """The problem, and the nodes and mapping of v0.4."""
    return [YAML(typ="rt").load(files[name]) for name in (FILES[0], *FILES[5:])]


def read_flat(files):
    """The problem, and the energies, architecture and mapping that timeloop-model reads."""
    return [YAML(typ="safe").load(files[name]) for name in (*FILES[:3], "mapping.yaml")]


def test_the_problem():
    problem = read(timeloop_files(CHIP, LAYER, NEST))[0]["problem"]
    assert {dim: problem["instance"][dim] for dim in DIMS} == dict(zip(DIMS, LAYER.bounds, strict=True))
    assert (problem["instance"]["Hstride"], problem["instance"]["Wdilation"]) == (2, 3)
    spaces = {space["name"]: space for space in problem["shape"]["data_spaces"]}
    assert set(spaces) == set(TENSORS.values())
    assert spaces["Outputs"]["read_write"]
    for operand, name in TENSORS.items():
        # a tensor has as many words as its projection spans
        spans = []
        for terms in spaces[name]["projection"]:
            reach = [
                (problem["instance"][term[0]] - 1) * (problem["instance"][term[1]] if len(term) > 1 else 1)
                for term in terms
            ]
            spans.append(sum(reach) + 1)
        assert prod(spans) == LAYER.words(operand)


def test_the_architecture():
    nodes = read(timeloop_files(CHIP, LAYER, NEST))[1]["architecture"]["nodes"]
    assert [node["name"] for node in nodes] == ["DRAM", "GLB", "below_array", "PE", "MAC"]
    assert [node.tag.value for node in nodes] == ["!Component"] * 2 + ["!Container"] + ["!Component"] * 2
    assert nodes[2]["spatial"] == {"meshX": 4, "meshY": 3}
    assert nodes[0]["attributes"]["depth"] == sum(LAYER.words(operand) for operand in OPERANDS)
    assert nodes[1]["attributes"]["depth"] == 2048  # half of a double buffer holds a tile
    assert nodes[3]["attributes"]["depth"] == 64


def test_a_port_for_both_ways_is_a_shared_bandwidth():
    both = Port("shared", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), 4.0)
    single = [Port(f"{o} read", frozenset({(o, "read")}), 2.0) for o in ("ifmap", "psum")]
    dram, glb, *inside = CHIP.hierarchy
    chip = CHIP.with_(hierarchy=(replace(dram, ports=(both,)), replace(glb, ports=tuple(single)), *inside))
    nodes = read(timeloop_files(chip, LAYER, NEST))[1]["architecture"]["nodes"]
    rates = [{k: v for k, v in node["attributes"].items() if "bandwidth" in k} for node in nodes[:2]]
    assert rates == [{"shared_bandwidth": 4}, {"read_bandwidth": 4}]


def test_the_mapping_has_the_same_loops_in_the_same_order():
    directives = read(timeloop_files(CHIP, LAYER, NEST))[2]["mapping"]
    loops = {}
    for directive in directives:
        if directive["type"] != "dataspace":
            trips = dict(factor.split("=") for factor in directive["factors"])
            assert sorted(directive["permutation"]) == sorted(trips) == sorted(DIMS)
            inner_first = [(dim, int(trips[dim])) for dim in directive["permutation"] if trips[dim] != "1"]
            loops[directive["target"], directive["type"]] = inner_first
    assert loops["DRAM", "temporal"] == [("P", 6), ("K", 2)]
    assert loops["GLB", "temporal"] == [("C", 2), ("Q", 5)]
    assert loops["below_array", "spatial"] == [("C", 2), ("K", 2), ("R", 3)]
    assert loops["PE", "temporal"] == [("K", 2)]
    assert [d["split"] for d in directives if d["type"] == "spatial"] == [2]
    keeps = {d["target"]: (d["keep"], d["bypass"]) for d in directives if d["type"] == "dataspace"}
    assert keeps["GLB"] == (["Inputs", "Outputs"], ["Weights"])


def test_ragged_factors_cannot_be_said():
    nodes = (Temporal("DRAM", (Loop("K", 2), Loop("P", 7)), EVERYTHING), *NEST.nodes[1:])
    with pytest.raises(DseError, match="the loops over P cover 7, its bound is 6"):
        timeloop_files(CHIP, LAYER, Mapping(nodes))


def test_a_dim_twice_in_a_level_cannot_be_said():
    nodes = (Temporal("DRAM", (Loop("P", 2), Loop("K", 2), Loop("P", 3)), EVERYTHING), *NEST.nodes[1:])
    with pytest.raises(DseError, match="DRAM has two loops over P"):
        timeloop_files(CHIP, LAYER, Mapping(nodes))


def test_a_dim_on_both_sides_makes_the_mesh_one_row():
    sides = Spatial("array", (Loop("K", 2),), (Loop("K", 2), Loop("C", 2)))
    pe = Temporal("PE", (Loop("K", 1), Loop("R", 3)), EVERYTHING)
    nodes = (*NEST.nodes[:2], sides, pe)
    _, architecture, mapping = read(timeloop_files(CHIP, LAYER, Mapping(nodes)))
    assert architecture["architecture"]["nodes"][2]["spatial"] == {"meshX": 12, "meshY": 1}
    (spatial,) = [d for d in mapping["mapping"] if d["type"] == "spatial"]
    assert {"K=4", "C=2"} <= set(spatial["factors"])
    assert spatial["split"] == 2


STORAGE_KEYS = {"name", "technology", "instances", "meshX", "word_bits", "block_size", "entries",
                "shared_bandwidth", "read_bandwidth", "write_bandwidth"}  # fmt: skip
"""Of those that BufferLevel::ParseSpecs (src/model/buffer.cpp of NVlabs/timeloop, March 2025) reads; it would take an
access energy that stands there for the table's."""


def check_against_the_parser(files):
    """What timeloop-model's parser demands (src/model, src/mapping/parser.cpp and src/workload of NVlabs/timeloop)."""
    problem, energies, architecture, mapping = read_flat(files)
    architecture = architecture["architecture"]
    assert set(architecture) == {"arithmetic", "storage"}  # a version would make it read a tree
    assert {"name", "instances", "word_bits", "meshX", "energy"} <= set(architecture["arithmetic"])
    storage = architecture["storage"]
    assert all(set(level) <= STORAGE_KEYS for level in storage)
    counts = [level["instances"] for level in (architecture["arithmetic"], *storage)]
    assert all(inner % outer == 0 for inner, outer in pairwise(counts))  # innermost first
    assert all(level["instances"] % level["meshX"] == 0 for level in storage)
    names = [level["name"] for level in storage]
    dims = problem["problem"]["shape"]["dimensions"]
    assert all(len(dim) == 1 for dim in dims)
    inside = dict(zip(names, counts, strict=False))
    covered = dict.fromkeys(dims, 1)
    for directive in mapping["mapping"]:
        level = storage[names.index(directive["target"])]
        assert directive["type"] in ("temporal", "spatial", "bypass")
        if directive["type"] == "bypass":
            assert set(directive["keep"]) | set(directive["bypass"]) == set(TENSORS.values())
            continue
        assert isinstance(directive["factors"], str)  # a list would be passed over
        assert isinstance(directive["permutation"], str)
        assert sorted(directive["permutation"]) == sorted(dims)
        trips = {dim: int(count) for dim, count in re.findall(r"([A-Z])=([0-9]+)", directive["factors"])}
        assert set(trips) == set(dims)
        covered = {dim: covered[dim] * trips[dim] for dim in dims}
        if directive["type"] == "spatial":
            assert inside[level["name"]] > level["instances"]  # else there is no spatial level to target
            mesh = (storage[names.index(level["name"]) - 1] if level is not storage[0] else architecture["arithmetic"])
            over_x = prod(trips[dim] for dim in directive["permutation"][: directive["split"]])
            assert over_x <= mesh["meshX"] // level["meshX"]
    assert covered == {dim: problem["problem"]["instance"][dim] for dim in dims}
    tables = {table["name"].rpartition(".")[2]: table["actions"] for table in energies["ERT"]["tables"]}
    assert set(tables) == {*names, architecture["arithmetic"]["name"]}
    assert energies["ERT"]["version"] == 0.4
    assert not re.search(r"[0-9]e-[0-9]", "".join(files.values()))  # hyphens in numbers would become underscores


def nest_of(mapping, names):
    """The nest that the flat mapping says, for an architecture with one fan-out after the second level."""
    operands = {name: operand for operand, name in TENSORS.items()}
    nodes = []
    for name in names:
        by_type = {directive["type"]: directive for directive in mapping["mapping"] if directive["target"] == name}
        said = {
            kind: [Loop(dim, int(re.search(f"{dim}=([0-9]+)", directive["factors"])[1]))
                   for dim in directive["permutation"]]
            for kind, directive in by_type.items() if kind != "bypass"
        }  # fmt: skip
        keep = frozenset(operands[tensor] for tensor in by_type["bypass"]["keep"])
        nodes.append(Temporal(name, tuple(loop for loop in said["temporal"][::-1] if loop.trips > 1), keep))
        if "spatial" in said:
            split = by_type["spatial"]["split"]
            x, y = said["spatial"][:split], [loop for loop in said["spatial"][split:] if loop.trips > 1]
            nodes.append(Spatial("array", tuple(y[::-1]), tuple(x[::-1])))
    return Mapping(tuple(nodes))


def test_the_flat_form_is_what_the_parser_takes_and_reads_back_with_equal_counts():
    files = timeloop_files(CHIP, LAYER, NEST)
    check_against_the_parser(files)
    again = nest_of(read_flat(files)[3], ["DRAM", "GLB", "PE"])
    assert again == NEST
    assert count_timeloop(LAYER, CHIP, again) == count_timeloop(LAYER, CHIP, NEST)


def test_each_operands_partition_is_a_level_with_its_own_energy_and_rate():
    dram, glb, array, pe = CHIP.hierarchy
    ports = tuple(Port(f"{o} read", frozenset({(o, "read")}), 1.0 + at) for at, o in enumerate(OPERANDS))
    pe = replace(pe, capacity_bits=None, partition_bits=PerOperand(ifmap=160, weight=320, psum=480), ports=ports,
                 read_energy_pj=PerOperand(ifmap=1.0, weight=2.0, psum=3.0))  # fmt: skip
    files = timeloop_files(CHIP.with_(hierarchy=(dram, glb, array, pe)), LAYER, NEST)
    check_against_the_parser(files)
    _, energies, architecture, mapping = read_flat(files)
    inside = {level["name"]: level for level in architecture["architecture"]["storage"][:3]}
    sizes = {o: inside[f"PE_{o}"]["entries"] for o in OPERANDS}
    assert sizes == {"ifmap": 10, "weight": 20, "psum": 30}
    assert [inside[f"PE_{o}"]["read_bandwidth"] for o in OPERANDS] == [1, 2, 3]
    tables = {table["name"]: table["actions"] for table in energies["ERT"]["tables"]}
    reads = [tables[f"system.PE_{o}"][0]["energy"] for o in ("ifmap", "weight", "psum")]
    assert reads == [1.0, 2.0, 3.0]
    # the loops stand inside all three, so each holds its tile for as long as the one level did
    loops = {d["target"]: d["factors"] for d in mapping["mapping"] if d["type"] == "temporal"}
    innermost = architecture["architecture"]["storage"][0]["name"]
    assert [name for name in inside if "K=2" in loops[name]] == [innermost]


def test_an_energy_for_each_operand_of_a_shared_capacity_cannot_be_said():
    *outside, pe = CHIP.hierarchy
    pe = replace(pe, read_energy_pj=PerOperand(1.0, 2.0, 3.0))
    with pytest.raises(DseError, match="PE has an energy for each operand"):
        timeloop_files(CHIP.with_(hierarchy=(*outside, pe)), LAYER, NEST)


def test_words_of_a_level_are_counted_as_elements():
    """A word of 64 bits is four elements of 16: a quarter of its energy, four times its rate."""
    both = Port("shared", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), 0.5)
    dram, *inside = CHIP.hierarchy
    dram = replace(dram, word_bits=64, ports=(both,), read_energy_pj=PerOperand.same(512.0))
    _, energies, architecture, _ = read_flat(
        timeloop_files(CHIP.with_(hierarchy=(dram, *inside)), LAYER, NEST)
    )  # fmt: skip
    assert architecture["architecture"]["storage"][-1]["shared_bandwidth"] == 2.0
    assert energies["ERT"]["tables"][0]["actions"][0]["energy"] == 128.0
