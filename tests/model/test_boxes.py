"""Words of the ifmap along an axis are those of sets of words, whatever overlaps and whatever was there before."""

from itertools import product
from random import Random

import numpy as np
import pytest

from dse.model.counting.boxes import offsets, positions, tally, words_moved, words_of_boxes
from dse.model.counting.counts import scratch_for
from dse.model.counting.records import NONE, TILE, WORD, Axis, Nest, Position


@pytest.mark.parametrize("seed", range(20))
def test_words_of_boxes_are_those_of_sets(seed):
    rng = Random(f"boxes {seed}")
    boxes = sorted((start, start + rng.randint(1, 5)) for start in (rng.randrange(9) for _ in range(rng.randint(1, 7))))
    starts, ends = (np.array(side) for side in zip(*boxes, strict=True))
    sets = [frozenset(range(*box)) for box in boxes]
    found = [int(words_of_boxes(len(boxes), mode, starts, ends)) for mode in (NONE, TILE, WORD)]
    assert found == [sum(map(len, sets)), sum(map(len, set(sets))), len(frozenset().union(*sets))]


@pytest.mark.parametrize("seed", range(20))
def test_children_need_the_boxes_of_their_tiles(seed):
    rng = Random(f"children {seed}")
    tile_a, tile_b, stride, dilation = (rng.randint(1, 3) for _ in range(4))
    extent_a, extent_b = rng.randint(1, 6), rng.randint(1, 6)
    scratch = scratch_for((1, 1, 1, 1, 6, 1, 6, 1), 4, 1)
    scratch.tile[4], scratch.tile[6] = tile_a, tile_b
    scratch.offsets_a[:2], scratch.offsets_b[:2] = (0, tile_a), (0, tile_b)
    sets = []
    for a, b in product((0, tile_a), (0, tile_b)):
        sizes = min(tile_a, extent_a - a), min(tile_b, extent_b - b)
        if min(sizes) > 0:
            start = a * stride + b * dilation
            sets.append(set(range(start, start + (sizes[0] - 1) * stride + (sizes[1] - 1) * dilation + 1)))
    position = Position(extent_a, 0, extent_b, 0)
    found = [words_moved(Axis(4, 6, stride, dilation), mode, position, 2, 2, scratch) for mode in (NONE, WORD)]
    assert found == [sum(map(len, sets)), len(set().union(*sets))]


def test_what_slides_brings_only_what_was_not_there():
    scratch = scratch_for((1, 1, 1, 1, 6, 1, 3, 1), 1, 1)
    scratch.tile[4], scratch.tile[6] = 2, 3
    moves = (0, 1, 2, 9)
    found = [words_moved(Axis(4, 6, 1, 1), WORD, Position(6, move, 3, 0), 1, 1, scratch) for move in moves]
    assert found == [4, 1, 2, 4]


def test_positions_are_counted_by_class():
    zeros, found = np.zeros(2, int), np.zeros((8, 3), int)
    nest = Nest(2, np.array([4, 4]), np.array([3, 2]), np.array([2, 1]), zeros, zeros)
    rows = positions(nest, 4, 5, np.array([1, 0]), 2, 2, 2, found)
    assert found[:rows].tolist() == [[2, 0, 2], [1, 0, 1]]
    assert tally(1, 0, rows, found) == rows
    assert found[1].tolist() == [1, 0, 2]


def test_offsets_of_children_over_several_loops():
    out = np.zeros(8, int)
    nest = Nest(2, np.array([4, 4]), np.array([2, 3]), np.array([6, 2]), np.ones(2, int), np.ones(2, int))
    assert offsets(nest, 4, np.array([1, 1]), out) == 6
    assert out[:6].tolist() == [0, 2, 4, 6, 8, 10]
