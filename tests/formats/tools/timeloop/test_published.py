"""Example designs of Timeloop's, read from files in its form: our counts of their published mappings are theirs."""

import csv
from pathlib import Path

import pytest
from formats.tools.timeloop.designs import CYCLES, DESIGNS, JOINED, PROBLEM

from dse.formats.architecture.load import load_architecture
from dse.formats.mapping import load_mappings
from dse.formats.tools.timeloop.read import import_timeloop
from dse.formats.workload.load import load_workload
from dse.mapper import map_layer
from dse.model.cost import evaluate
from dse.model.counting.timeloop import count_timeloop

REFERENCE = Path(__file__).parents[3] / "reference" / "timeloop_published.csv"

WHOLE_TILES = {
    ("eyeriss_like", "DRAM", "ifmap"), ("eyeriss_like", "shared_glb", "ifmap"),
    ("simple_output_stationary", "DRAM", "ifmap"), ("simple_output_stationary", "shared_glb", "ifmap"),
}  # fmt: skip
"""Where the published outputs fetch a whole tile although it slides: a loop over filters stands inside the slide. They
are older than Timeloop's change of January 2025, which lets it slide (`c1d_2l_PK_K_inner` of timeloop_counts.jsonl)."""


def published(design):
    lines = [line for line in REFERENCE.read_text().splitlines() if not line.startswith("#")]
    return [row for row in csv.DictReader(lines) if row["design"] == design]


def imported(folder, design):
    """Architecture, layer and mapping that are made of the files of a design."""
    texts = (*DESIGNS[design], PROBLEM)
    files = [folder / name for name in ("arch.yaml", "map.yaml", "conv.yaml")]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    made = import_timeloop(files, "mine", drop_constraints="stationary" in design)
    for name, text in made.files.items():
        (folder / name).write_text(text)
    architecture = load_architecture(folder / "architecture.yaml")
    layer = architecture.lowered(load_workload(folder / "workload.yaml").layer("conv"))
    mappings = load_mappings(folder / "mapping.yaml")
    assert mappings.counting == "timeloop"
    return architecture, layer, mappings.mappings(architecture, [layer])["conv"]


@pytest.mark.parametrize("design", DESIGNS)
def test_counts_of_the_published_mapping_are_the_published_counts(design, tmp_path):
    architecture, layer, nest = imported(tmp_path, design)
    counts = count_timeloop(layer, architecture, nest)
    rows = published(design)
    assert len(rows) == sum(len(by_operand) for by_operand in counts.levels.values())
    for row in rows:
        ours = counts.levels[JOINED.get(row["store"], row["store"])][row["operand"]]
        theirs = {key: int(row[key]) for key in ("instances", "reads", "fills", "updates")}
        if (design, row["store"], row["operand"]) in WHOLE_TILES:
            glb = counts.levels["shared_glb"]["ifmap"]
            steps = 1
            for loop in nest.nodes[0].loops:
                steps *= loop.trips if loop.dim in "NCPQRS" else 1
            key = "reads" if row["store"] == "DRAM" else "fills"
            assert theirs.pop(key) == steps * glb.tile_words > getattr(ours, key)
        assert {key: getattr(ours, key) for key in theirs} == theirs, row
    assert evaluate(architecture, layer, nest, counting="timeloop").cycles == CYCLES[design]


@pytest.mark.parametrize("design", [
    "eyeriss_like", "simple_weight_stationary", pytest.param("simba_like", marks=pytest.mark.slow),
    pytest.param("simple_output_stationary", marks=pytest.mark.slow),
])  # fmt: skip
def test_our_optimum_is_no_worse_than_the_published_mapping_under_timeloops_counting(design, tmp_path):
    architecture, layer, nest = imported(tmp_path, design)
    theirs = evaluate(architecture, layer, nest, counting="timeloop")
    best = map_layer(architecture, layer, "edp", factors="perfect")
    ours = evaluate(architecture, layer, best.mapping, counting="timeloop")
    assert best.certificate.gap == 0
    assert ours.edp_js <= theirs.edp_js


SIMBA_FLAT = """
arch:
  arithmetic: {instances: 1024, word-bits: 8}
  storage:
  - {name: Registers, entries: 1, instances: 1024, word-bits: 8, cluster-size: 64}
  - {name: AccumulationBuffer, entries: 64, instances: 128, word-bits: 24, cluster-size: 8}
  - {name: WeightBuffer, entries: 16384, instances: 128, word-bits: 8, block-size: 8}
  - {name: InputBuffer, entries: 4096, instances: 16, word-bits: 8, block-size: 8}
  - {name: GlobalBuffer, entries: 65536, instances: 1, word-bits: 8, block-size: 8}
  - {name: DRAM, technology: DRAM, instances: 1, word-bits: 8, block-size: 64, bandwidth: 20.0}
mapspace:
  constraints:
  - {target: Registers, type: datatype, keep: [Weights], bypass: [Inputs, Outputs]}
  - {target: AccumulationBuffer, type: datatype, keep: [Outputs], bypass: [Weights, Inputs]}
  - {target: WeightBuffer, type: datatype, keep: [Weights], bypass: [Inputs, Outputs]}
  - {target: InputBuffer, type: datatype, keep: [Inputs], bypass: [Weights, Outputs]}
  - {target: GlobalBuffer, type: datatype, keep: [Inputs, Outputs], bypass: [Weights]}
problem: {R: 1, S: 1, P: 56, Q: 56, C: 64, K: 64, N: 1}
mapping:
- {target: DRAM, type: temporal, factors: Q7 P2, permutation: PQ}
- {target: GlobalBuffer, type: spatial, factors: K4 Q2 P2, permutation: PQKRSCN, split: 7}
- {target: InputBuffer, type: spatial, factors: Q4 P2, permutation: PQKRSCN, split: 7}
- {target: WeightBuffer, type: temporal, factors: K2, permutation: K}
- {target: AccumulationBuffer, type: temporal, factors: K4 C16, permutation: CK}
- {target: AccumulationBuffer, type: spatial, factors: K2 C4, permutation: CKPQRSN, split: 7}
- {target: Registers, type: temporal, factors: P7, permutation: P}
"""
"""Sizes of CoSA's Simba and the loops of its example run (ucb-bar/cosa, src/nocsim/runs/example)."""

FLAT_COUNTS = {
    ("DRAM", "weight"): (1, 4096, 0, 0), ("DRAM", "ifmap"): (1, 200704, 0, 0), ("DRAM", "psum"): (1, 0, 0, 200704),
    ("GlobalBuffer", "ifmap"): (1, 200704, 200704, 0), ("GlobalBuffer", "psum"): (1, 0, 200704, 200704),
    ("InputBuffer", "ifmap"): (16, 401408, 50176, 0), ("WeightBuffer", "weight"): (128, 14336, 1024, 0),
    ("AccumulationBuffer", "psum"): (128, 23520, 1568, 25088), ("Registers", "weight"): (1024, 12544, 1792, 0),
}  # fmt: skip
"""Instances, reads, fills and updates of an instance, in that run's timeloop-model.stats.txt."""


def test_counts_of_the_flat_form_are_the_published_counts(tmp_path):
    """But for psums that arrive for the first time: the Timeloop of that run charged a fill for them."""
    (tmp_path / "all.yaml").write_text(SIMBA_FLAT)
    made = import_timeloop([tmp_path / "all.yaml"], "mine", technology="cmos-45nm").files
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    architecture = load_architecture(tmp_path / "architecture.yaml")
    layer = architecture.lowered(load_workload(tmp_path / "workload.yaml").layer("all"))
    nest = load_mappings(tmp_path / "mapping.yaml").mappings(architecture, [layer])["all"]
    counts = count_timeloop(layer, architecture, nest)
    assert counts.steps == 12544
    assert {(level, operand) for level, row in counts.levels.items() for operand in row} == set(FLAT_COUNTS)
    for (level, operand), (instances, reads, fills, updates) in FLAT_COUNTS.items():
        ours = counts.levels[level][operand]
        first_visits = {"GlobalBuffer": 200704, "AccumulationBuffer": 1568}.get(level, 0) if operand == "psum" else 0
        assert (ours.instances, ours.reads, ours.updates) == (instances, reads, updates)
        assert ours.fills == fills - first_visits
