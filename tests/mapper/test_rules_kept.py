"""The rules of a dataflow, checked on mappings that the mapper makes and on mappings that break one rule each."""

import pytest
from mapper.walks.deep_walk import clustered_problem, deep_problem

import dse
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.mapper.rules_kept import broken_rules

LAYER = dse.Layer("conv", K=4, C=3, P=5, Q=5, R=3, S=3)
ALL = ["ifmap", "weight", "psum"]


@pytest.mark.parametrize("flow", list(built_in_dataflows()))
def test_the_mapper_keeps_every_rule(flow):
    chip = dse.load_architecture("eyeriss").with_(dataflow=built_in_dataflows()[flow])
    try:
        best = dse.map_layer(chip, LAYER, gap=0.2)
    except dse.InfeasibleError:
        pytest.skip("no mapping of this dataflow fits")
    assert broken_rules(chip, best.layer, best.mapping) == ()


@pytest.mark.parametrize("draw", [clustered_problem, deep_problem])
@pytest.mark.parametrize("seed", range(16))
def test_the_mapper_keeps_the_rules_on_any_hierarchy(draw, seed):
    """Also where a fan-out stands in a PE: what it unrolls is no tile of the dataflow's."""
    drawn = draw(seed)
    try:
        best = dse.map_layer(drawn.architecture, drawn.layer, factors=drawn.kind)
    except dse.InfeasibleError:
        pytest.skip("no mapping of this dataflow fits")
    assert broken_rules(drawn.architecture, drawn.architecture.lowered(drawn.layer), best.mapping) == ()


def test_what_lists_in_a_pe_may_not_loop_over_is_named():
    chip = dse.load_architecture("eyeriss").with_(dataflow=built_in_dataflows()["row-stationary"])
    (broken,) = broken_rules(chip, LAYER.with_(R=1, S=1), nest(dram=[["P", 5]], pe=[["Q", 2]]))
    assert broken == "PE has 2 along Q, and it takes K, C, S there"


def nest(dram=(), glb=(), rows=(), cols=(), pe=()):
    return dse.Mapping.from_dict([
        {"level": "DRAM", "stores": ALL, "loops": dram}, {"level": "GLB", "stores": ["ifmap", "psum"], "loops": glb},
        {"fan_out": "array", "rows": rows, "cols": cols}, {"level": "PE", "stores": ALL, "loops": pe},
    ])  # fmt: skip


@pytest.mark.parametrize(("flow", "mapping", "said"), [
    ("row-stationary", nest(rows=[["R", 3]], cols=[["P", 5]], pe=[["S", 2]]), "2 of 3 along S, which lies whole"),
    ("row-stationary", nest(rows=[["R", 2]], cols=[["P", 5]], pe=[["S", 3]]), "take 2 of 3 along R"),
    ("row-stationary", nest(rows=[["R", 3], ["Q", 2]], cols=[["P", 5]], pe=[["S", 3]]), "Q is unrolled over the rows"),
    ("weight-stationary", nest(glb=[["P", 5], ["K", 2]]), "GLB steps over K inside P, so weight is not stationary"),
    ("output-stationary", nest(glb=[["C", 3], ["P", 5]]), "GLB steps over P inside C, so psum is not stationary"),
])  # fmt: skip
def test_a_broken_rule_is_named(flow, mapping, said):
    chip = dse.load_architecture("eyeriss").with_(dataflow=built_in_dataflows()[flow])
    assert any(said in rule for rule in broken_rules(chip, LAYER, mapping)), broken_rules(chip, LAYER, mapping)
