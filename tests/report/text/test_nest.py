"""The printed nest is the mapping: it can be read back."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from dse.formats.architecture.load import load_architecture
from dse.mapper import map_layer
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer
from dse.report.text.layers import cost_lines, energy_table, proof_lines, reuse_table
from dse.report.text.nest import nest_text

LAYERS = [
    Layer("ragged", K=10, C=7, P=13, Q=11, R=3, S=3),
    Layer("strided", K=8, C=3, P=9, Q=9, R=5, S=5, stride_h=2, stride_w=2),
    Layer("product", K=40, C=50, N=3),
    Layer("grouped", G=4, K=2, C=3, P=6, Q=6, R=3, S=3),
]


def loops_in(text):
    """The loops of a printed nest, outermost first, as (dim, trips), unrolled ones after the word that says so."""
    found = []
    for line in text.splitlines():
        match = re.match(r" *(parallel-for|for) ((?:\w in \d+(?:, )?)+)", line)
        if match:
            found += [(dim.upper(), int(trips)) for dim, trips in re.findall(r"(\w) in (\d+)", match[2])]
    return found


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
@pytest.mark.parametrize("name", ["eyeriss", "eyeriss_isca16"])
def test_the_nest_reads_back(name, layer):
    architecture = load_architecture(name)
    mapped = map_layer(architecture, layer, gap=0.2)
    text = nest_text(architecture, layer, mapped.mapping)
    assert loops_in(text) == [(loop.dim, loop.trips) for loop in mapped.mapping.loops if loop.trips > 1]
    depths = [len(line) - len(line.lstrip()) for line in text.splitlines()]
    assert depths[0] == 0
    assert all(later <= earlier + 2 for earlier, later in pairwise(depths))
    assert text.splitlines()[-1].strip() == "multiply and add"
    for share in re.findall(r"\((\d+) %\)", text):
        assert int(share) <= 100
    for held, room in re.findall(r"(?:ifmap|weight|psum) ([\d,]+) of ([\d,]+)", text):
        assert int(held.replace(",", "")) <= int(room.replace(",", ""))


def test_the_last_tile_is_named_when_it_is_smaller():
    architecture, layer = load_architecture("eyeriss"), Layer("odd", K=10, Q=7)
    every = frozenset(OPERANDS)
    mapping = Mapping(
        (
            Temporal("DRAM", (Loop("K", 3), Loop("Q", 2)), every),
            Temporal("GLB", (), frozenset({"ifmap", "psum"})),
            Spatial("array", (Loop("K", 4),), ()),
            Temporal("PE", (Loop("Q", 4),), every),
        )
    )
    lines = nest_text(architecture, layer, mapping).splitlines()
    assert re.search(r"for k in 3 +4 at a time, the last 2$", lines[1])
    assert re.search(r"for q in 2 +4 at a time, the last 3$", lines[2])
    assert lines[3].strip() == "GLB holds ifmap 4 + psum 16 words: 40 B of 108 KiB (0 %)"
    assert lines[4].strip() == "array, 4 of 168 children"
    assert re.search(r"parallel-for k in 4 +on 4 of 12 rows$", lines[5])
    assert lines[6].strip() == "PE holds ifmap 4 of 12, weight 1 of 224, psum 4 of 24 words"


def test_cost_and_proof_say_what_the_mapper_found():
    mapped = map_layer(load_architecture("eyeriss"), LAYERS[0])
    cost, text = mapped.cost, "\n".join(cost_lines(mapped))
    whole = energy_table(cost.energy_by_level_and_operand_pj, {"MAC": cost.mac_pj, "static": cost.static_pj})
    table = [dict(zip(whole.columns, row, strict=True)) for row in whole.rows]
    shares = {name: 100 * pj / cost.energy_pj for name, pj in cost.energy_by_level_pj.items()}
    named = {"MACs": "MAC", "static+clock": "static"}
    assert {named.get(row["place"], row["place"]): row["all"] for row in table[:-1]} == {
        name: f"{share:.1f}" for name, share in shares.items() if share
    }
    assert table[-1]["weight"] == f"{100 * cost.energy_by_operand_pj['weight'] / cost.energy_pj:.1f}"
    assert f"bound by {mapped.cost.bound_by}" in text
    gap, proof = proof_lines(mapped)
    assert f"{mapped.certificate.nodes:,} nodes visited" in proof
    assert gap == "gap      0 %: no mapping has a lower energy-delay product"


def test_what_is_not_proven_is_said_loudly():
    mapped = map_layer(load_architecture("eyeriss"), LAYERS[0])
    near = replace(mapped, certificate=replace(mapped.certificate, lower_bound=mapped.certificate.value / 1.2, gap=0.2))
    (asked, _), (found, _) = proof_lines(near, asked=0.25), proof_lines(near)
    assert asked == "gap      20 %: the energy-delay product is at most so much above the best"
    assert found.startswith("gap      20 %: NOT PROVEN BEST, the search was stopped")
    assert proof_lines(replace(mapped, certificate=None)) == ["gap      not known: this mapping was given"]


def test_reuse_leaves_out_what_reuses_nothing():
    rows = [
        {"operand": "ifmap", "place": "GLB", "how": "temporal", "kind": "image", "factor": 1.0},
        {"operand": "ifmap", "place": "PE", "how": "temporal", "kind": "image", "factor": 16.0},
        {"operand": "weight", "place": "DRAM", "how": "refetch", "kind": "filter", "factor": 0.5},
    ]
    assert [row[-1] for row in reuse_table(rows).rows] == ["16", "0.5"]
