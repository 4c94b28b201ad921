"""Tensors that stay on chip, in a file and back."""

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from dse.formats.resident import ResidentModel, resident_lines
from dse.mapper.network.residency.outcome.stays import Stays

FULL = Stays(
    "L2", (("conv1", ("conv1", "conv2")), ("a: b", ("sum",))), (("conv1", ("psum",)), ("conv2", ("ifmap", "psum"))),
    (("pool", ("conv2",), ("home", "outside")), ("add", (), ("outside",))), ("sum",), ("conv1", "conv2"),
    (("conv1", "conv4"), ("conv1", "conv7"), ("x", "conv4")),
)  # fmt: skip


TWO = Stays(
    "L3", (("conv1", ("conv1",)),), nodes=(("pool", (), ()),), copied_to=(("conv1", "L2"), ("b: c", "L2")),
    inner=Stays("L2", (("conv1", ("conv1", "conv4")),), loaded_from=(("conv1", "conv4", "L3"), ("x", "y", "L3"))),
)  # fmt: skip


@pytest.mark.parametrize("stays", [FULL, Stays("GLB"), Stays("GLB", copied=("a",)), TWO])
def test_a_file_says_what_it_was_made_of(stays):
    text = "\n".join(resident_lines(stays))
    plain = YAML(typ="safe").load(text)["resident"]
    assert ResidentModel.model_validate(plain).stays() == stays


def test_what_is_empty_is_not_written():
    assert resident_lines(Stays("GLB")) == ["resident:", "  level: GLB"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"level": "L2", "nodes": {"a": {"writes": ["there"]}}},
        {"level": "L2", "operands": {"a": ["ofmap"]}},
        {"level": "L2", "mystery": 1},
    ],
)
def test_other_words_are_refused(wrong):
    with pytest.raises(ValidationError):
        ResidentModel.model_validate(wrong)
