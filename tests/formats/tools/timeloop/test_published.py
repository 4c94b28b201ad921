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
