"""Prices are worked out once for all layers of an architecture that have the same."""

from __future__ import annotations

import numpy as np

from dse.architecture.architecture import Architecture
from dse.formats.architecture.load import load_architecture, load_architecture_spec
from dse.mapper.flat.gather import instances_of
from dse.model import price as module
from dse.model.price import price
from dse.problem.layer import Layer

CONV, FC = Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), Layer("fc", K=8, C=4)


def same(architecture: Architecture, layer: Layer) -> bool:
    """Whether prices are those that are worked out anew."""
    found, fresh = price(architecture, layer), module._price(architecture, layer)
    names = module.Prices.__dataclass_fields__
    return all(np.array_equal(getattr(found, name), getattr(fresh, name)) for name in names)


def test_layers_of_the_same_widths_and_densities_share_prices() -> None:
    chip = load_architecture("eyeriss")
    assert price(chip, CONV) is price(chip, FC)
    blocks = CONV.leaving({"weight": "2:4"})
    for layer in (CONV, FC, FC.stating({"weight": 4}), FC.stating({"ofmap": 8}), CONV.leaving({"ifmap": 0.5}), blocks,
                  blocks.with_(packed=frozenset({"weight"}))):  # fmt: skip
        assert same(chip, layer), layer
    other = load_architecture_spec("eyeriss").resolve({"technology.voltage": "0.9 V", "technology.clock": "max"})
    assert price(other, CONV) is not price(chip, CONV)
    assert same(other, CONV)


def test_rows_of_csr_are_those_of_the_layer() -> None:
    coded = {"levels.DRAM.compression": {"ifmap": "csr", "psum": "csr"}}
    chip = load_architecture_spec("eyeriss").resolve(coded)
    thin = [layer.leaving({"ifmap": 0.1}) for layer in (CONV, FC)]
    assert price(chip, thin[0]) is not price(chip, thin[1])
    assert all(same(chip, layer) for layer in thin)


def test_instances_that_are_kept_are_not_those_that_are_given_out() -> None:
    chip = load_architecture("eyeriss")
    first = instances_of(chip, CONV)[1][0]
    first.up_pj[:] = 0.0
    assert (instances_of(chip, CONV)[1][0].up_pj > 0.0).any()
