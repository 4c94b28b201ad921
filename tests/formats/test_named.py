"""Functions of the package that take names, and what they ask beyond the functions further down."""

import pytest

import dse

LAYER = dse.Layer("rows", K=2, Q=3)
ALL = ["ifmap", "weight", "psum"]
BREAKS = dse.Mapping.from_dict([
    {"level": "DRAM", "stores": ALL, "loops": [["K", 2]]}, {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    {"fan_out": "array", "rows": [], "cols": [["Q", 3]]}, {"level": "PE", "stores": ALL, "loops": []},
])  # fmt: skip


def test_a_mapping_that_breaks_the_dataflow_is_refused_or_marked():
    with pytest.raises(dse.MappingError, match="rows breaks rules of row-stationary: Q is unrolled over the columns"):
        dse.evaluate("eyeriss", LAYER, BREAKS)
    cost = dse.evaluate("eyeriss", LAYER, BREAKS, any_mapping=True)
    assert len(cost.breaks_rules) == 1
    assert cost.to_dict()["breaks_rules"] == list(cost.breaks_rules)
    assert "breaks_rules" in repr(cost)
    best = dse.map_layer("eyeriss", LAYER)
    kept = dse.evaluate("eyeriss", LAYER, best.mapping)
    assert kept.breaks_rules == ()
    assert "breaks_rules" not in kept.to_dict()


def test_a_networks_given_mapping_that_breaks_the_dataflow_is_refused_or_marked():
    network = dse.Workload.of("net", [LAYER])
    with pytest.raises(dse.MappingError, match="rows breaks rules of row-stationary"):
        dse.map_workload("eyeriss", network, given={"rows": BREAKS})
    marked = dse.map_workload("eyeriss", network, given={"rows": BREAKS}, any_mapping=True)
    assert marked.layers[0][0].cost.breaks_rules
    assert marked.to_dict()["layers"][0]["breaks_rules"] == list(marked.layers[0][0].cost.breaks_rules)
