"""Timeloop's files of every form become ours; what has no words here is named with its place."""

import re
from dataclasses import replace

import pytest

from dse.architecture.hierarchy import FanOut
from dse.cli.main import run
from dse.errors import SpecError
from dse.formats.architecture.load import load_architecture, read_architecture_spec
from dse.formats.mapping import load_mappings
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.export import timeloop_files
from dse.formats.tools.timeloop.read import import_timeloop
from dse.formats.workload.load import load_workload, parse_workload
from dse.model.cost import evaluate
from dse.model.counting.timeloop import count_timeloop
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.layer import Layer

PROBLEM = "problem: {C: 4, K: 8, R: 1, S: 1, P: 6, Q: 5, N: 1}\n"

FLAT = """
arch:
  arithmetic: {instances: 8, word-bits: 8}
  storage:
  - {name: Registers, entries: 1, instances: 8, word-bits: 8}
  - {name: Accumulators, entries: 16, instances: 2, word-bits: 24}
  - {name: Weights, entries: 64, instances: 2, word-bits: 8, block-size: 8}
  - {name: Global, sizeKB: 4, instances: 1, word-bits: 8, block-size: 8, num-ports: 2}
  - {name: DRAM, technology: DRAM, instances: 1, word-bits: 8, block-size: 64, bandwidth: 20.0}
mapspace:
  constraints:
  - {target: Registers, type: datatype, keep: [Weights], bypass: [Inputs, Outputs]}
  - {target: Accumulators, type: datatype, keep: [Outputs], bypass: [Inputs, Weights]}
  - {target: Weights, type: datatype, keep: [Weights], bypass: [Inputs, Outputs]}
  - {target: Global, type: datatype, keep: [Inputs, Outputs], bypass: [Weights]}
"""

SUBTREE = """
architecture:
  version: 0.3
  subtree:
  - name: chip
    attributes: {technology: 45nm, global_cycle_seconds: 5e-9}
    local:
    - {name: DRAM, class: DRAM, attributes: {type: LPDDR4, width: 64, word_bits: 16}}
    - {name: GLB, class: SRAM, attributes: {memory_depth: 1024, memory_width: 64, word_bits: 16, multiple_buffering: 2}}
    - {name: "Idle[0..1]", class: regfile, attributes: {depth: 16, width: 16, word_bits: 16, meshX: 2}}
    subtree:
    - name: PE[0..5]
      local:
      - {name: RF, class: regfile, attributes: {depth: 32, width: 16, word_bits: 16, meshX: 2}}
      - {name: mac, class: intmac, attributes: {datawidth: 16, meshX: 2}}
"""

IDLE = """
mapspace_constraints:
  targets:
  - {target: Idle, type: bypass, bypass: [Inputs, Weights, Outputs]}
  - {target: Idle, type: spatial, factors: P=1 Q=1, permutation: PQRSCKN, split: 0}
"""

NODES = """
architecture:
  version: 0.4
  nodes:
  - !Container {name: chip, attributes: {technology: 28nm}}
  - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 16}}
  - !Component {name: GLB, class: SRAM, attributes: {depth: 1024, width: 64, datawidth: 16}}
  - !Container {name: PE, spatial: {meshX: 4, meshY: 2}}
  - !Component {name: RF, class: regfile, attributes: {depth: 32, width: 16, datawidth: 16}}
  - !Component {name: mac, class: intmac, attributes: {datawidth: 16}}
"""

MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: C=1 P=6, permutation: PC}
- {target: GLB, type: temporal, factors: [Q=5], permutation: [Q]}
- {target: PE, type: spatial, factors: K=4 C=2, permutation: KCNPQRS, split: 1}
- {target: RF, type: temporal, factors: C=2 K=2, permutation: CK}
"""


def files_of(folder, **texts):
    """Files with these texts."""
    found = []
    for name, text in texts.items():
        found.append(folder / f"{name}.yaml")
        found[-1].write_text(text)
    return found


def made_of(folder, *, drop_constraints=False, technology=None, **texts):
    return import_timeloop(
        files_of(folder, **texts), "mine", drop_constraints=drop_constraints, technology=technology
    ).files


def architecture_of(texts):
    return read_architecture_spec(parse_source(texts["architecture.yaml"])).architecture


def test_a_flat_architecture_with_hyphens(tmp_path):
    texts = made_of(tmp_path, arch=FLAT, problem=PROBLEM, technology="cmos-28nm")
    chip = architecture_of(texts)
    names = ["DRAM", "Global", "below_Global", "Weights", "Accumulators", "below_Accumulators", "Registers"]
    assert [node.name for node in chip.hierarchy] == names
    assert [chip.instances(name) for name in ("Global", "Weights", "Registers")] == [1, 2, 8]
    glb, weights = chip.level("Global"), chip.level("Weights")
    assert (glb.capacity_bits, glb.stores) == (4 * 8192, frozenset(("ifmap", "psum")))
    assert (weights.capacity_bits, weights.stores) == (64 * 8, frozenset(("weight",)))
    assert [(port.name, port.words_per_cycle) for port in chip.level("DRAM").ports] == [("read", 10), ("write", 10)]
    assert set(load_workload_of(texts).layers[0].bounds) == {1, 8, 4, 6, 5}


def load_workload_of(texts):
    return parse_workload(texts["workload.yaml"])


def test_words_wider_than_an_element_are_priced_at_their_own_width(tmp_path):
    """16 accumulators of 24 bits are 384 bits, not the 128 of as many elements of 8."""
    chip = architecture_of(made_of(tmp_path, arch=FLAT, problem=PROBLEM, technology="cmos-28nm"))
    wide = FLAT.replace("name: Accumulators, entries: 16", "name: Accumulators, entries: 48").replace("24}", "8}")
    same = architecture_of(made_of(tmp_path, arch=wide, problem=PROBLEM, technology="cmos-28nm"))
    ours, theirs = chip.level("Accumulators"), same.level("Accumulators")
    assert (ours.capacity_bits, theirs.capacity_bits) == (128, 384)
    assert ours.read_energy_pj.psum == pytest.approx(3 * theirs.read_energy_pj.psum)
    assert ours.area_mm2 == pytest.approx(theirs.area_mm2)


def test_a_tree_whose_level_keeps_nothing(tmp_path):
    texts = made_of(tmp_path, arch=SUBTREE, constraints=IDLE, problem=PROBLEM)
    chip = architecture_of(texts)
    assert [node.name for node in chip.hierarchy] == ["DRAM", "GLB", "below_GLB", "below_Idle", "RF"]
    assert [(fan.cols, fan.rows) for fan in chip.fan_outs] == [(2, 1), (1, 3)]
    assert (chip.clock_hz, chip.name) == (200e6, "chip")
    assert (chip.level("GLB").capacity_bits, chip.level("GLB").buffering) == (4096 * 16, "double")
    assert chip.level("RF").may_bypass == frozenset(("ifmap", "weight", "psum"))
    assert chip.fan_outs[1].dims == frozenset("KCRSN")


def test_nodes_with_a_mapping_run_by_the_command(tmp_path, capsys):
    files = files_of(tmp_path, arch=NODES, conv=PROBLEM, mapping=MAPPING)
    folder = tmp_path / "mine"
    assert run(["import", "timeloop", *map(str, files), "-o", str(folder)]) == 0
    assert "a clock of 1 GHz is assumed" in capsys.readouterr().err
    chip = load_architecture(folder / "architecture.yaml")
    layer = chip.lowered(load_workload(folder / "workload.yaml").layer("conv"))
    nest = load_mappings(folder / "mapping.yaml").mappings(chip, [layer])["conv"]
    assert [[(loop.dim, loop.trips) for loop in node.loops] for node in nest.nodes] == [
        [("P", 6)], [("Q", 5)], [("C", 2), ("K", 4)], [("K", 2), ("C", 2)],
    ]  # fmt: skip
    names = [str(folder / name) for name in ("architecture.yaml", "workload.yaml")]
    assert run(["evaluate", *names, "--mapping", str(folder / "mapping.yaml"), "--format", "json"]) == 0


def test_energies_are_those_of_the_table_for_each_word_of_an_access(tmp_path):
    table = """
ERT:
  version: 0.4
  tables:
  - {name: "chip.DRAM[1..1]", actions: [{name: read, energy: 400}, {name: write, energy: 200}]}
  - {name: "chip.GLB[1..1]", actions: [{name: read, energy: 8}, {name: write, energy: 4}, {name: update, energy: 6},
     {name: leak, energy: 0.5}]}
  - {name: "chip.RF[1..8]", actions: [{name: read, energy: 0.25}, {name: write, energy: 0.125}]}
  - {name: "chip.mac[1..8]", actions: [{name: compute, energy: 0.75}]}
ART: {version: 0.4, tables: [{name: "chip.GLB[1..1]", area: 2500}]}
"""
    chip = architecture_of(made_of(tmp_path, arch=NODES, conv=PROBLEM, ERT=table))
    dram, glb, rf = (chip.level(name) for name in ("DRAM", "GLB", "RF"))
    assert (dram.read_energy_pj.ifmap, dram.write_energy_pj.psum) == (100, 50)
    assert (glb.read_energy_pj.ifmap, glb.write_energy_pj.ifmap, glb.write_energy_pj.psum) == (2, 1, 1.5)
    assert (rf.read_energy_pj.weight, rf.write_energy_pj.psum) == (0.25, 0.125)
    assert glb.area_mm2 == pytest.approx(0.0025)
    assert (glb.static_power_mw, glb.clock_power_mw) == (0.5, 0)  # 0.5 pJ each nanosecond
    assert chip.mac.energy_pj == 0.75
    assert chip.fan_outs[0].energy_pj == 0


CONSTRAINED = NODES.replace(
    "spatial: {meshX: 4, meshY: 2}",
    "spatial: {meshX: 4, meshY: 2}, "
    "constraints: {spatial: {permutation: [K, N, C, P, Q, R, S], split: 2, factors: [P=1]}}",
).replace("datawidth: 16}}\n  - !Component {name: mac", "datawidth: 16}, constraints: {temporal: {factors_only: [], "
          "permutation: [K]}}}\n  - !Component {name: mac")  # fmt: skip


def test_a_dram_of_limited_depth_costs_what_dram_costs(tmp_path):
    limited = NODES.replace("class: DRAM, attributes: {", "class: DRAM, attributes: {depth: 1024, ")
    small, large = (architecture_of(made_of(tmp_path, arch=text, conv=PROBLEM)).levels[0] for text in (limited, NODES))
    assert (small.capacity_bits, large.capacity_bits) == (1024 * 64, None)
    assert small.read_energy_pj == large.read_energy_pj
    assert (small.area_mm2, small.static_power_mw) == (0, 0)


def test_constraints_in_words_of_a_dataflow(tmp_path):
    order = "constraints: {targets: [{target: GLB, type: temporal, permutation: Q}]}"
    flow = architecture_of(made_of(tmp_path, arch=CONSTRAINED, conv=PROBLEM, order=order)).dataflow
    assert flow.cols == frozenset("KN")
    assert flow.rows == frozenset("CQRS")
    assert flow.inside == frozenset()
    assert flow.innermost == "Q"


def test_a_dim_that_is_unrolled_as_far_as_it_goes(tmp_path):
    spatial = "constraints: [{target: PE, type: spatial, factors: K=4, permutation: KNCPQRS, split: 1}]"
    flow = architecture_of(made_of(tmp_path, arch=NODES, conv=PROBLEM, spatial=spatial)).dataflow
    assert flow.cols_whole == frozenset("K")
    assert flow.rows == frozenset("NCPQRS")


def test_constraints_without_words_are_left_out_when_told(tmp_path):
    said = "constraints: [{target: GLB, type: temporal, factors: C=1}, {target: GLB, type: temporal, permutation: QP}]"
    with pytest.raises(SpecError) as caught:
        made_of(tmp_path, arch=NODES, conv=PROBLEM, said=said)
    assert "GLB: one trip of C has no words here" in str(caught.value)
    assert "GLB: the order of P has no words here" in str(caught.value)
    found = import_timeloop(files_of(tmp_path, arch=NODES, conv=PROBLEM, said=said), "mine", drop_constraints=True)
    assert len([note for note in found.notes if note.startswith("Left out")]) == 2
    assert architecture_of(found.files).dataflow.innermost == "Q"


def test_a_mapping_that_breaks_a_constraint_is_told(tmp_path):
    said = "constraints: [{target: PE, type: spatial, factors: K=1}]"
    found = import_timeloop(files_of(tmp_path, arch=NODES, conv=PROBLEM, said=said, map=MAPPING), "mine")
    assert any("K is unrolled over the columns of PE" in note for note in found.notes)


@pytest.mark.parametrize(("change", "file", "line", "message"), [
    ({"arch": NODES.replace("!Container {name: PE, spatial", "!Pipelined {name: PE, spatial")}, "arch", 8, "tag !Pipe"),
    ({"arch": NODES.replace("depth: 1024", "dept: 1024")}, "arch", 7, "the attribute dept has no words here"),
    ({"arch": NODES.replace("depth: 1024", "depth: DEPTH")}, "arch", 7, "depth: DEPTH is no whole number"),
    ({"arch": NODES.replace("{depth: 1024,", "{metadata_datawidth: 8, depth: 1024,")}, "arch", 7, "compressed tensors"),
    ({"arch": NODES.replace("class: SRAM", "sparse_optimizations: {}, class: SRAM")}, "arch", 7, "sparse_opt"),
    ({"arch": NODES.replace("technology: 28nm", "version: 1")}, "arch", 10, "no technology is stated"),
    ({"arch": NODES.replace("intmac", "fpmac")}, "arch", 10, "floating point"),
    ({"arch": NODES.replace("depth: 32", "depth: 2")}, "mapping", 2, "the tile of operands together takes"),
    ({"mapping": MAPPING.replace("target: GLB", "target: GBL")}, "mapping", 4, "GBL: there is no part of the"),
    ({"mapping": MAPPING.replace("Q=5", "Q=5 Z=2")}, "mapping", 4, "Z is no dim of the problem"),
    ({"mapping": MAPPING.replace("C=1 P=6", '"P=4,2"')}, "mapping", 3, "a last tile of 2 has no words"),
    ({"mapping": MAPPING.replace("P=6", "P=3")}, "mapping", 2, "the loops over P cover 3"),
    ({"mapping": MAPPING.replace("split: 1", "split: 2")}, "mapping", 5, "lies on X, which has 4"),
    ({"mapping": MAPPING.replace("type: spatial", "type: skewed")}, "mapping", 5, "skewed is no type of a directive"),
    ({"said": "constraints: [{target: RF, type: utilization, min: 0.5}]"}, "said", 1, "type utilization has no words"),
    ({"said": "constraints: [{target: PE, type: spatial, factors: K=2}]"}, "said", 1, "K unrolled 2 has no words here"),
    ({"said": "constraints: [{target: RF, type: temporal, factors: K<=2}]"}, "said", 1, "at most 2 trips of K"),
    ({"said": "constraints: [{target: RF, type: dataspace, no_coalesce: [Inputs]}]"}, "said", 1, "no_coalesce has no"),
    ({"said": "constraints: [{target: DRAM, type: dataspace, bypass: [Inputs]}]"}, "arch", 6, "is the outermost level"),
    ({"said": "sparse_optimizations: {targets: []}"}, "said", 1, "sparse_optimizations has no words here"),
    ({"arch": NODES.replace("{technology: 28nm}", "28nm")}, "arch", 5, "attributes: 28nm is no mapping"),
    ({"arch": NODES.replace("{depth: 1024, ", "{")}, "arch", 2, "GLB: an unlimited level"),
    ({"conv": PROBLEM, "arch": "architecture: {subtree: chip}"}, "arch", 1, "subtree: chip is no list"),
    ({"said": "ERT: {tables: [{name: chip.RF, actions: read}]}"}, "said", 1, "actions: read is no list"),
    ({"said": "constraints: [{target: PE, type: dataspace, keep: [Inputs]}]"}, "said", 1, "which keeps nothing"),
    ({"said": "constraints: [{target: PE, type: temporal, factors: K=2}]"}, "said", 1, "which has no loops in time"),
    ({"arch": NODES.replace("width: 16,", "width: 16, cluster_size: 8,")}, "arch", 9, "for each of the 8 instances"),
    ({"said": "mapping: [{target: RF, type: temporal}]"}, "said", 1, "there is a second mapping"),
    ({"said": "ERT: {version: 0.4, tables: [{name: chip.RF, actions: [{name: read}]}]}"}, "said", 1, "an energy in pJ"),
    ({"said": "ERT: {version: 0.4, tables: [{name: chip.RF, actions: []}]}"}, "arch", 6, "has none of DRAM"),
    ({"said": "ERT: {tables: [{name: chip.RF, actions: [{name: [], energy: 1}]}]}"}, "said", 1, "has a name and an en"),
    ({"said": "constraints: [{target: RF, type: dataspace, keep: 1}]"}, "said", 1, "keep is a list of tensors"),
    ({"said": "constraints: 3"}, "said", 1, "constraints is a list of directives"),
    ({"said": "constraints: [{target: RF, type: dataspace, keep: [[I]]}]"}, "said", 1, "is no tensor of the problem"),
])  # fmt: skip
def test_what_has_no_words_here_is_named_with_its_place(change, file, line, message, tmp_path):
    texts = {"arch": NODES, "conv": PROBLEM, "mapping": MAPPING, **change}
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        import_timeloop(files_of(tmp_path, **texts), "mine")
    assert (caught.value.file, caught.value.line) == (str(tmp_path / f"{file}.yaml"), line)
    assert caught.value.column is not None


def test_what_accelergy_flattened_is_told(tmp_path):
    path = tmp_path / "flat.yaml"
    path.write_text("architecture: {version: 0.4, local: [{name: 'chip.PE[0..3].RF[1..1]'}]}\n")
    with pytest.raises(SpecError, match="is a path, not a name") as caught:
        import_timeloop([path], "x")
    assert caught.value.hint == "Accelergy flattens architectures; give the file that it read"


def test_a_flat_mesh_must_divide(tmp_path):
    with pytest.raises(SpecError, match="3 x 1 instances are no multiple of the 2 x 1 around them"):
        made_of(tmp_path, arch=FLAT.replace("entries: 16, instances: 2", "entries: 16, instances: 3"), problem=PROBLEM)


def nest_on(chip):
    """A mapping of K=8, C=4, P=6, Q=6, R=3, S=3 on any chip with a fan-out: loops at the ends, filters on columns."""
    nodes = [
        Spatial(place.name, (), ()) if isinstance(place, FanOut) else Temporal(place.name, (), place.stores)
        for place in chip.hierarchy
    ]
    array = next(i for i, place in enumerate(chip.hierarchy) if isinstance(place, FanOut))
    outer = [("K", 2), ("C", 4), ("P", 6), ("Q", 6), ("R", 3)]
    nodes[0] = replace(nodes[0], loops=tuple(Loop(dim, trips) for dim, trips in outer))
    nodes[array] = replace(nodes[array], cols=(Loop("K", 4),))
    nodes[-1] = replace(nodes[-1], loops=(Loop("S", 3),))
    return Mapping(tuple(nodes))


@pytest.mark.parametrize("form", ["flat", "v04"])
@pytest.mark.parametrize("name", ["eyeriss", "shidiannao"])
def test_what_we_export_reads_back_with_the_same_counts_and_energies(form, name, tmp_path):
    chip = load_architecture(name)
    layer = chip.lowered(Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3))
    nest = nest_on(chip)
    files = timeloop_files(chip, layer, nest)
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    texts = import_timeloop([tmp_path / form], "again").files
    (tmp_path / "again.yaml").write_text(texts["mapping.yaml"])
    again = architecture_of(texts)
    back = again.lowered(load_workload_of(texts).layers[0])
    mapping = load_mappings(tmp_path / "again.yaml").mappings(again, [back], any_mapping=True)[back.name]
    ours, theirs = count_timeloop(layer, chip, nest), count_timeloop(back, again, mapping)
    assert theirs.levels == ours.levels
    assert [level.stores for level in again.levels] == [level.stores for level in chip.levels]
    before = evaluate(chip, layer, nest, counting="house").energy_by_level_pj
    after = evaluate(again, back, mapping, counting="house").energy_by_level_pj
    for level in (*(level.name for level in chip.levels), "MAC"):
        assert after[level] == pytest.approx(before[level], rel=1e-9)
    assert again.clock_hz == pytest.approx(chip.clock_hz)
    for one, other in zip(chip.levels, again.levels, strict=True):
        drawn = one.static_power_mw + one.clock_power_mw
        assert (other.static_power_mw, other.area_mm2) == pytest.approx((drawn, one.area_mm2), rel=1e-9)


def test_a_folder_without_files_names_its_folders(tmp_path):
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "problem.yaml").write_text("problem: {}")
    with pytest.raises(SpecError, match="no YAML in this folder") as caught:
        import_timeloop([tmp_path], "x")
    assert caught.value.hint == "one of its folders: flat"
