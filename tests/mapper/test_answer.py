"""A search's own price of a mapping is that of the model."""

from __future__ import annotations

import pytest

import dse
from dse.mapper.answer import Answer
from dse.mapper.layer import layer_answers


@pytest.mark.parametrize(("machine", "objective"), [("eyeriss", "front"), ("edge_npu", "energy")])
def test_an_answer_costs_what_its_mapping_does(machine: str, objective: str) -> None:
    layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    answers = layer_answers(dse.load_architecture(machine), layer, objective)
    assert answers
    for answer in answers:
        assert isinstance(answer, Answer)
        mapped = answer.mapped()
        assert answer.energy_pj == pytest.approx(mapped.cost.energy_pj, rel=1e-12)
        assert answer.cycles == pytest.approx(mapped.cost.cycles, rel=1e-12)
        assert mapped.certificate == answer.certificate
