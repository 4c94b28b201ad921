"""Timeloop's files of a mapped layer: read again, they say the same problem, levels and loops."""

from dataclasses import replace
from math import prod

import pytest
from ruamel.yaml import YAML

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.errors import DseError
from dse.formats.tools.timeloop import FILES, TENSORS, timeloop_files
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, OPERANDS
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
    return [YAML(typ="rt").load(files[name]) for name in FILES]


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
    assert "depth" not in nodes[0]["attributes"]
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
    assert loops["GLB", "spatial"] == [("C", 2), ("K", 2), ("R", 3)]
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
