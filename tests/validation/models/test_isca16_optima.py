"""The ISCA 2016 dataflow comparison at our own optima, and the restrictions that lead back to the paper's, by column.

Published: `tests/reference/isca16_energy_per_mac.csv`, 256 PEs, batch 1 and 16.
"""

from dataclasses import replace
from functools import cache

import pytest
from thinned import thinned
from validation.models.isca16 import COLUMNS, DATAFLOWS, layers, reference, ws

from dse.explore.compare.dataflows import LayerSearch, best_cost
from dse.explore.compare.dataflows_file import load_comparison
from dse.problem.dims import OPERANDS

COMPARISON = load_comparison("isca16_dataflows")
DESIGNS = {design.name: design for design in COMPARISON.designs}
PLACES = {"MAC": "alu", "DRAM": "dram", "GLB": "buffer", "array": "array", "PE": "rf", "RF": "rf"}
CASES = sorted(reference())
BATCHES = thinned((1, 16), 2)
each_case = pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.gate] if case[1] == 16 else []) for case in CASES],
    ids=lambda case: "-".join(map(str, case)),
)  # fmt: skip

# Columns that lie more than 5 % of the published total below the published ones (docs/model.md says why).
KEPT = {"dram", "ifmap"}  # ifmap words stay in the buffer over several groups of filters, or psums wait instead
LOWER = {
    ("WS", 1, "CONV"): {"buffer", "psum"}, ("WS", 16, "CONV"): {"buffer", "psum"},  # rows add up on the array
    ("OSA", 1, "FC"): KEPT, ("OSA", 16, "FC"): KEPT,
    ("OSB", 1, "CONV"): {"ifmap"}, ("OSC", 1, "CONV"): {"ifmap"}, ("OSC", 16, "CONV"): KEPT,
    ("OSB", 16, "FC"): KEPT | {"buffer", "weight"}, ("OSC", 16, "FC"): KEPT | {"buffer", "weight"},
}  # fmt: skip


def _columns(tasks):
    found, macs = dict.fromkeys((*COLUMNS, *OPERANDS), 0.0), 0
    for architecture, layer, search in tasks:
        cost = best_cost(architecture, layer, search)
        macs += cost.macs
        for place, energy in cost.energy_by_level_pj.items():
            if place in PLACES:
                found[PLACES[place]] += energy / architecture.mac.energy_pj
        for operand in OPERANDS:
            found[operand] += cost.energy_by_operand_pj[operand] / architecture.mac.energy_pj
        found["psum"] += cost.energy_by_operand_pj["ofmap"] / architecture.mac.energy_pj
    return {key: value / macs for key, value in found.items()}


def _layers(batch, group):
    return [layer.with_(N=batch) for layer in (layers()[:5] if group == "CONV" else layers()[5:])]


@cache
def optimum(dataflow, batch, group):
    design = DESIGNS[dataflow]
    architecture = COMPARISON.architecture(design, COMPARISON.points[0])
    search = LayerSearch("energy", COMPARISON.gap, design.factors, design.nest)
    return _columns((architecture, design.layer(layer), search) for layer in _layers(batch, group))


def total(columns):
    return sum(columns[key] for key in COLUMNS)


@each_case
def test_optima_are_never_above_the_published_by_more_than_the_gap(case):
    assert total(optimum(*case)) < (1 + COMPARISON.gap) * reference()[case]["norm_energy_per_mac"]


@each_case
def test_columns_that_deviate_are_the_listed_ones(case):
    """Both ways: no other column is off by 5 % of the total, and the listed ones are, downwards."""
    ours, theirs = optimum(*case), reference()[case]
    scale = 0.05 * theirs["norm_energy_per_mac"]
    assert {key for key in ours if ours[key] - theirs[key] < -scale} == LOWER.get(case, set())
    assert max(ours[key] - theirs[key] for key in ours) < scale


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("group", ["CONV", "FC"])
def test_filter_rows_through_the_buffer_cost_ws_what_the_paper_says(batch, group):
    """The same walk over tiles with one restriction more: psums do not add up from filter row to filter row."""
    nest = {**DESIGNS["WS"].nest, "rows": ("R",), "array": ("S", "C", "K")}
    tasks = []
    for layer in _layers(batch, group):
        architecture, _, _ = ws(layer, 256, r=1, t=1, f=1)
        capacity_bits = {"GLB": int(334.3 * 1024 * 8), "RF": 16}
        nodes = tuple(
            replace(node, capacity_bits=capacity_bits[node.name]) if node.name in capacity_bits else node
            for node in architecture.hierarchy
        )
        tasks.append((architecture.with_(hierarchy=nodes), layer, LayerSearch("energy", 0.0, "all", nest)))
    columns, theirs = _columns(tasks), reference()["WS", batch, group]
    published = theirs["norm_energy_per_mac"]
    assert total(columns) == pytest.approx(published, rel=0.05)
    assert all(abs(columns[key] - theirs[key]) < 0.05 * published for key in columns)


ALL_CHANNELS = {
    "OSB": {"DRAM": ("G", "K", "N", "P", "Q"), "GLB": ("K", "C", "R"), "array": ("N", "K", "Q"), "PE": ("S",)},
    "OSC": {"DRAM": ("G", "K", "N", "P", "Q"), "GLB": ("K", "C", "R", "S"), "array": ("N", "K")},
}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("dataflow", ALL_CHANNELS)
def test_all_channels_in_the_buffer_lead_back_to_the_paper(dataflow, batch):
    design = DESIGNS[dataflow]
    architecture = COMPARISON.architecture(design, COMPARISON.points[0])
    search = LayerSearch("energy", 0.0, "all", ALL_CHANNELS[dataflow])
    columns = _columns((architecture, design.layer(layer), search) for layer in _layers(batch, "CONV"))
    theirs = reference()[dataflow, batch, "CONV"]
    for key in columns:
        assert abs(columns[key] - theirs[key]) < 0.025 * theirs["norm_energy_per_mac"]
    assert columns["psum"] == pytest.approx(theirs["psum"], rel=1e-3)


@pytest.mark.parametrize("batch", BATCHES)
def test_row_stationary_wins_the_convolutions(batch):
    """By 1.4 to 2.5 times at the paper's 256 PEs; our optima may lie the gap beside it."""
    row_stationary = total(optimum("RS", batch, "CONV"))
    for dataflow in set(DATAFLOWS) - {"RS"}:
        ratio = total(optimum(dataflow, batch, "CONV")) / row_stationary
        assert 1.4 / (1 + COMPARISON.gap) < ratio < 2.53 * (1 + COMPARISON.gap)
