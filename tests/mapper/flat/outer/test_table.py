"""Layers as high as wide have half of the outer table worked out, the other half mirrored: it is the same table."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture
from dse.mapper.flat.outer import table as module
from dse.mapper.flat.outer import walk, words
from dse.mapper.flat.outer.table import with_room, work_out
from dse.mapper.flat.outer.walk import new_outer_tile
from dse.mapper.flat.problems import prepare
from dse.mapper.shared.incumbent import ENERGY
from dse.mapper.shared.mapspace.factors import trip_values
from dse.problem.dims import IFMAP, WEIGHT
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


@pytest.mark.parametrize(
    "layer", [SQUARE, replace(SQUARE, R=1, S=1, stride_h=2, stride_w=2), replace(SQUARE, N=2, Q=5, R=2)]
)
def test_tiles_with_which_an_operand_stays_are_entered_as_a_walk_over_each_of_them_enters_them(layer):
    problem = prepare(load_architecture("eyeriss"), layer, ENERGY, "all")[1][0]
    instance, table = problem.instance, with_room(problem.table, problem.instance.bounds)
    instance.buffer_bits, instance.room = instance.buffer_bits / 512, np.minimum(instance.room, 512.0)
    cells = np.full((6, table.points.shape[1] // 2, 2), np.inf)
    walk.walk(instance, instance, new_outer_tile(), table, cells, True)
    bounds, found = instance.bounds, np.zeros((3, 7))
    for o in (IFMAP, WEIGHT):
        own, (first, second) = np.full_like(cells[0], np.inf), walk.others(o)
        width = walk.grain(words.repeats(bounds, second)) + 1
        for trips in product(*map(trip_values, bounds.tolist())):
            n = np.array(trips)
            tile = -(-bounds // n)
            if not words.fits(instance, tile, instance.in_buffer, instance.buffer_bits):
                continue
            if words.tile_bits(instance, tile, o) > instance.room[o]:
                continue
            words.outer_words(instance, n, np.ones(2, dtype=int), found)
            cell = walk.grain(words.repeats(n, first)) * width + walk.grain(words.repeats(n, second))
            delivered = instance.up_pj[o] * instance.words[o]
            own[cell, 0] = min(own[cell, 0], words.outer_energy(instance, found, o) + delivered)
        assert 1 < np.isfinite(own[:, 0]).sum() < len(own)
        assert np.allclose(cells[3 + o, :, 0], own[:, 0], rtol=1e-13)
