"""Drafts are the problems that spaces are made of."""

from __future__ import annotations

import pytest

import dse
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.drafts import drafts_of


@pytest.mark.parametrize("machine", ["edge_npu", "simba_pe", "gemmini"])
def test_drafts_and_spaces_have_the_same_numbers_and_choices(machine: str) -> None:
    architecture = dse.load_architecture(machine)
    layer = architecture.lowered(dse.Layer("conv", K=16, C=8, P=6, Q=6, R=3, S=3))
    choices, drafts = drafts_of(architecture, layer, "all")
    kept, spaces = spaces_of(architecture, layer, "all")
    assert kept == choices
    masks = {mask for draft in drafts for mask in (draft.mask, *draft.masks)}
    assert masks == set(range(len(choices)))
    assert {part.mask for space in spaces for part in (space.parts or (space,))} <= masks
    for draft in drafts:
        mine = [space.problem for space in spaces if space.mask == draft.mask and not space.parts]
        assert all(one.bits.tolist() == draft.problem.bits.tolist() for one in mine)
