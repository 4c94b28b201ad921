"""Layers as high as wide have half of the outer table worked out, the other half mirrored: it is the same table."""

from dataclasses import replace

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture
from dse.mapper.flat.outer import table as module
from dse.mapper.flat.outer import walk, words
from dse.mapper.flat.outer.table import with_room, work_out
from dse.mapper.flat.outer.walk import new_outer_tile
from dse.mapper.flat.solve import prepare
from dse.mapper.shared.incumbent import ENERGY
from dse.problem.layer import Layer

SQUARE = Layer("square", K=4, C=3, P=6, Q=6, R=3, S=3)


@pytest.mark.parametrize("layer", [SQUARE, replace(SQUARE, stride_h=2, stride_w=2)])
def test_a_mirrored_table_is_the_table(layer, monkeypatch):
    problem = prepare(load_architecture("eyeriss"), layer, ENERGY, "all")[1][0]
    halves, whole = (with_room(problem.table, problem.instance.bounds) for _ in range(2))
    assert module.is_square(problem.instance)
    work_out(problem.instance, halves, new_outer_tile())
    for one in (module, walk):
        monkeypatch.setattr(one, "is_square", lambda inst: False)
    work_out(problem.instance, whole, new_outer_tile())
    assert np.allclose(halves.least, whole.least, rtol=1e-13)
    assert halves.count.tolist() == whole.count.tolist()
    for kind, count in enumerate(halves.count):
        assert np.allclose(halves.points[kind, :count], whole.points[kind, :count], rtol=1e-13)


def test_height_and_width_that_differ_are_not_mirrored():
    for layer in (replace(SQUARE, P=5), replace(SQUARE, S=1), replace(SQUARE, stride_w=2)):
        assert not module.is_square(prepare(load_architecture("eyeriss"), layer, ENERGY, "all")[1][0].instance)


def test_the_floor_of_a_square_layer_is_that_of_all_its_tiles(monkeypatch):
    for layer in (SQUARE, replace(SQUARE, stride_h=2, stride_w=2), replace(SQUARE, K=16, C=16)):
        instance = prepare(load_architecture("eyeriss"), layer, ENERGY, "all")[1][0].instance
        for bits in (instance.buffer_bits, instance.buffer_bits / 512):
            instance.buffer_bits = bits
            halved = words.outer_floor(instance)
            with monkeypatch.context() as patched:
                patched.setattr(words, "is_square", lambda inst: False)
                assert np.allclose(halved, words.outer_floor(instance), rtol=1e-13)
