"""Timeloop's files of a mapped layer: read again, they say the same problem, levels and loops."""

import re
from dataclasses import replace
from math import prod

import pytest
from ruamel.yaml import YAML

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.errors import DseError
from dse.formats.architecture.load import load_architecture
from dse.formats.text.shipped import shipped_names
from dse.formats.tools.timeloop.export import FORMS, remarks, timeloop_files
from dse.formats.tools.timeloop.exporting.left_out import left_out
from dse.formats.tools.timeloop.exporting.parts import TENSORS
from dse.model.counting.timeloop import count_timeloop
from dse.model.mapping import Loop, Mapping, Spatial, Temporal, tile_words
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

from .parser import check_flat, check_nodes

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
    return [YAML(typ="rt").load(files[f"v04/{name}.yaml"]) for name in ("problem", "architecture", "mapping")]


def read_flat(files):
    """The problem, and the energies, architecture and mapping that timeloop-model reads."""
    names = ("problem", "energies", "architecture", "mapping")
    return [YAML(typ="safe").load(files[f"flat/{name}.yaml"]) for name in names]


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
    assert [node["name"] for node in nodes] == ["chip", "DRAM", "GLB", "below_array", "PE", "MAC"]
    assert nodes[0]["attributes"] == {"global_cycle_seconds": 1e-9}
    del nodes[0]
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
    rates = [{k: v for k, v in node["attributes"].items() if "bandwidth" in k} for node in nodes[1:3]]
    assert rates == [{"shared_bandwidth": 4}, {"read_bandwidth": 4}]
    assert "Ports of single operands of GLB are one there, with the rate of all." in left_out(chip)


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
    assert architecture["architecture"]["nodes"][3]["spatial"] == {"meshX": 12, "meshY": 1}
    (spatial,) = [d for d in mapping["mapping"] if d["type"] == "spatial"]
    assert {"K=4", "C=2"} <= set(spatial["factors"])
    assert spatial["split"] == 2


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
    check_flat(files)
    again = nest_of(read_flat(files)[3], ["DRAM", "GLB", "PE"])
    assert again == NEST
    assert count_timeloop(LAYER, CHIP, again) == count_timeloop(LAYER, CHIP, NEST)


def test_each_operands_partition_is_a_level_with_its_own_energy_and_rate():
    dram, glb, array, pe = CHIP.hierarchy
    ports = tuple(Port(f"{o} read", frozenset({(o, "read")}), 1.0 + at) for at, o in enumerate(OPERANDS))
    pe = replace(pe, capacity_bits=None, partition_bits=PerOperand(ifmap=160, weight=320, psum=480), ports=ports,
                 read_energy_pj=PerOperand(ifmap=1.0, weight=2.0, psum=3.0))  # fmt: skip
    files = timeloop_files(CHIP.with_(hierarchy=(dram, glb, array, pe)), LAYER, NEST)
    check_flat(files)
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


def nothing_unrolled(chip, layer):
    """All loops at the outermost level, every operand at every level that keeps it."""
    everything = tuple(Loop(dim, trips) for dim, trips in zip(DIMS, layer.bounds, strict=True) if trips > 1)
    nodes = [
        Spatial(place.name, (), ()) if isinstance(place, FanOut) else Temporal(place.name, (), place.stores)
        for place in chip.hierarchy
    ]
    return Mapping((replace(nodes[0], loops=everything), *nodes[1:]))


def refusal(chip, layer, nest):
    """Why files cannot be written; empty if they can."""
    try:
        timeloop_files(chip, layer, nest)
    except DseError as error:
        return error.message
    return ""


NO_WORDS = ("lie side by side", "has an energy for each operand", "stands right below")
"""What architectures have that Timeloop's files cannot say."""


@pytest.mark.parametrize("name", shipped_names("arch_specs"))
def test_both_readers_take_the_files_of_every_shipped_architecture(name):
    chip = load_architecture(name)
    layer = chip.lowered(Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3))
    nest = nothing_unrolled(chip, layer)
    if reason := refusal(chip, layer, nest):
        assert any(words in reason for words in NO_WORDS)
        return
    files = timeloop_files(chip, layer, nest)
    assert sorted(files) == sorted(f"{form}/{file}" for form, names in FORMS.items() for file in names)
    check_flat(files)
    check_nodes(files)


def test_what_levels_draw_is_their_leak_and_the_rest_is_told():
    dram, glb, array, pe = CHIP.hierarchy
    glb = replace(glb, static_power_mw=3.0, clock_power_mw=1.0, area_mm2=0.5)
    pe = replace(pe, static_power_mw=0.6, capacity_bits=None, area_mm2=0.006,
                 partition_bits=PerOperand(ifmap=160, weight=320, psum=480))  # fmt: skip
    chip = CHIP.with_(hierarchy=(dram, glb, replace(array, energy_pj=0.1, area_mm2=0.2), pe), clock_hz=200e6,
                      mac=Mac(1.0, static_power_mw=0.25, area_mm2=0.001), clock_power_mw=7.0)  # fmt: skip
    files = timeloop_files(chip, LAYER, NEST)
    check_nodes(files)
    data = check_flat(files)
    tables = {table["name"]: table["actions"] for table in data["ERT"]["tables"]}
    leaks = {name: actions[-1]["energy"] for name, actions in tables.items() if actions[-1]["name"] == "leak"}
    # 4 mW for 5 ns are 20 pJ; a PE's 0.6 mW are shared by its scratchpads as their capacity is
    assert leaks == pytest.approx({"system.DRAM": 0, "system.GLB": 20, "system.PE_ifmap": 0.5, "system.PE_weight": 1,
                                   "system.PE_psum": 1.5})  # fmt: skip
    areas = {table["name"]: table["area"] for table in data["ART"]["tables"]}
    assert areas == pytest.approx({"system.DRAM": 0, "system.GLB": 5e5, "system.PE_ifmap": 1000,
                                   "system.PE_weight": 2000, "system.PE_psum": 3000, "system.MAC": 1000})  # fmt: skip
    assert data["architecture"]["global_cycle_seconds"] == 5e-9
    rest = [remark for remark in left_out(chip) if remark.startswith("Left out")]
    assert [re.search(r"[0-9.]+ m[Wm]2?", remark) and re.search(r"[0-9.]+ m[Wm]2?", remark)[0] for remark in rest] == [
        "10 mW", None, "0.2 mm2"
    ]  # fmt: skip
    assert "over array" in rest[1]
    for form in FORMS:
        assert all(f"# {remark}\n" in files[f"{form}/architecture.yaml"] for remark in left_out(chip))


def test_what_timeloop_counts_otherwise_is_told():
    said = {name: " ".join(left_out(load_architecture(name))) for name in ("systolic_ws", "eyeriss", "eyeriss_isca16")}
    assert "skew, load and drain of array" in said["systolic_ws"]
    assert "skew" not in said["eyeriss"]
    dram, glb, array, pe = CHIP.hierarchy
    apart = replace(array, multicast="none", reduces=False)
    places = (dram, replace(glb, buffering="single"), apart, pe)
    chip = CHIP.with_(hierarchy=places, mac=Mac(1.0, gating=frozenset(("ifmap",))))
    assert [remark.partition(",")[0] for remark in left_out(CHIP)[2:]] == ["Over array"]
    for words in ("fed on its own", "do not add up", "GLB stop", "zeros save"):
        assert words in " ".join(left_out(chip))


WIDTHS = {"ifmap": 8, "weight": 8, "psum": 32}
UNFINISHED = Mapping((
    Temporal("DRAM", (Loop("K", 2), Loop("P", 6)), EVERYTHING),
    Temporal("GLB", (Loop("C", 2), Loop("Q", 5)), frozenset(("ifmap", "psum"))), *NEST.nodes[2:],
))  # fmt: skip
"""Psums come to the buffer unfinished, and to DRAM finished."""


def test_psums_that_are_finished_have_their_width():
    layer = LAYER.stating(WIDTHS)
    written = check_flat(timeloop_files(CHIP, layer, UNFINISHED))["architecture"]
    storage = {level["name"]: level for level in written["storage"]}
    assert [storage[name]["word_bits"] for name in ("DRAM", "GLB", "PE")] == [8, 32, 32]
    said = remarks(CHIP, layer, UNFINISHED)
    assert "GLB keeps words of 8 and 32 bits; Timeloop counts all as 32." in said
    assert not any("DRAM" in remark for remark in said)
    assert not any("counts all" in remark for remark in remarks(CHIP, LAYER, UNFINISHED))


def test_a_tile_that_fits_only_by_the_widths_of_its_operands_cannot_be_said():
    layer = LAYER.stating(WIDTHS)
    tile = UNFINISHED.tile(layer, 1)
    held = {operand: layer.bits[operand] * tile_words(layer, operand, tile) for operand in ("ifmap", "psum")}
    dram, glb, *inside = CHIP.hierarchy
    chip = CHIP.with_(hierarchy=(dram, replace(glb, capacity_bits=sum(held.values()), buffering="streaming"), *inside))
    with pytest.raises(DseError, match="GLB keeps words of several widths, and its tile does not fit"):
        timeloop_files(chip, layer, UNFINISHED)


def test_a_capacity_beyond_what_the_parser_reads_is_room_for_the_layer():
    *outside, pe = CHIP.hierarchy
    for words in (None, 16 * 2**32):
        chip = CHIP.with_(hierarchy=(*outside, replace(pe, capacity_bits=words)))
        data = check_flat(timeloop_files(chip, LAYER, NEST))
        assert data["architecture"]["storage"][0]["entries"] == sum(LAYER.words(operand) for operand in OPERANDS)


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
