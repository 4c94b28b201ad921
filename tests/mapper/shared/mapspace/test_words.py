"""Words of tiles and boxes are those that a literal count of indices finds."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest

from dse.mapper.shared.mapspace.words import box, boxes, tile_words
from dse.model.mapping import tile_words as words_by_name
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


def touched(a: range, b: range, stride: int, dilation: int) -> int:
    """Words from the first to the last that indices of both dims touch."""
    words = {p * stride + r * dilation for p, r in product(a, b)}
    return max(words) - min(words) + 1


@pytest.mark.parametrize("seed", range(40))
def test_boxes_of_all_tiles_add_up(seed: int) -> None:
    """Whatever the sizes of the tiles, ragged ones among them."""
    rng = Random(seed)
    bounds = rng.randint(1, 9), rng.randint(1, 5)
    stride, dilation = rng.randint(1, 3), rng.randint(1, 3)
    cuts = [sorted(rng.sample(range(1, bound), rng.randrange(bound))) for bound in bounds]
    tiles = [[range(x, y) for x, y in zip([0, *cut], [*cut, bound], strict=True)]
             for cut, bound in zip(cuts, bounds, strict=True)]  # fmt: skip
    total = sum(touched(a, b, stride, dilation) for a, b in product(*tiles))
    assert boxes(len(tiles[0]), len(tiles[1]), *bounds, stride, dilation) == total
    assert box(*bounds, stride, dilation) == touched(range(bounds[0]), range(bounds[1]), stride, dilation)


@pytest.mark.parametrize("seed", range(20))
def test_words_of_a_tile_are_those_of_the_model(seed: int) -> None:
    """The searches' copy, on arrays of tiles at once, against the model's."""
    rng = Random(seed)
    window = [rng.randint(1, 3) for _ in range(4)]
    names = "stride_h", "dilation_h", "stride_w", "dilation_w"
    layer = Layer("l", P=9, **dict(zip(names, window, strict=True)))
    tiles = np.array([[rng.randint(1, 5) for _ in DIMS] for _ in range(6)])
    for o, operand in enumerate(OPERANDS):
        truth = [words_by_name(layer, operand, dict(zip(DIMS, tile.tolist(), strict=True))) for tile in tiles]
        assert np.array_equal(tile_words(tiles.T, np.array(window), o), truth)
