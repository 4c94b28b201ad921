"""Dataflows that lay a kind of layer on the array in another way: nothing but the array changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

import dse
from dse.architecture.dataflow import Dataflow
from dse.mapper.rules_kept import broken_rules

PIXEL = dse.Layer("classifier", N=2, K=12, C=18)
MAP = dse.Layer("map", K=4, C=3, P=5, Q=6, R=3, S=3)
FLOW = Dataflow(
    "maps", rows=frozenset("P"), cols=frozenset("Q"), inside=frozenset("KC"), stationary="psum",
    pixel_rows=frozenset("K"), pixel_cols=frozenset("NK"),
)  # fmt: skip
ON_THE_ARRAY = {PIXEL: replace(FLOW, rows=frozenset("K"), cols=frozenset("NK")), MAP: FLOW}


@pytest.mark.parametrize("spec", ["shidiannao", "simba_pe"])
@pytest.mark.parametrize("layer", [PIXEL, MAP], ids=lambda layer: layer.name)
def test_a_layer_maps_as_if_its_kind_were_the_only_one(spec: str, layer: dse.Layer) -> None:
    chip = dse.load_architecture(spec)
    ruled = chip.with_(dataflow=FLOW)
    plain = chip.with_(dataflow=replace(ON_THE_ARRAY[layer], pixel_rows=None, pixel_cols=None))
    found, same = dse.map_layer(ruled, layer, "energy"), dse.map_layer(plain, layer, "energy")
    assert found.cost.energy_pj == same.cost.energy_pj
    assert found.mapping == same.mapping
    assert not broken_rules(ruled, layer, found.mapping)


def test_a_mapping_of_the_other_kind_breaks_the_rules() -> None:
    chip = dse.load_architecture("shidiannao").with_(dataflow=FLOW)
    other = chip.with_(
        dataflow=replace(FLOW, pixel_rows=None, pixel_cols=None, rows=frozenset("C"), cols=frozenset("C"))
    )
    mapping = dse.map_layer(other, PIXEL, "latency").mapping
    (broken,) = [text for text in broken_rules(chip, PIXEL, mapping) if "rows" in text]
    assert "C is unrolled over the rows of array, which takes K there" in broken
