"""PE tiles of several arrays in one list: what each array's own list says, and nothing where it has no spread."""

import numpy as np

from dse.formats.architecture.load import load_architecture
from dse.mapper.flat.array.spreads import TILE
from dse.mapper.flat.array.tiles import Array, TileWalk, sides_of, tiles_of
from dse.mapper.flat.gather import instances_of
from dse.mapper.shared.mapspace.factors import FIRST_UNROLLING, PASSES_LEFT, STEPS_LEFT, dim_options
from dse.mapper.shared.mapspace.rules import Rules
from dse.mapper.shared.mapspace.sizes import fastest_steps
from dse.problem.layer import Layer

SIDES = ((2, 3), (4, 6), (7, 1))


def test_each_array_has_the_fewest_passes_and_steps_of_its_own_list():
    eyeriss, layer = load_architecture("eyeriss"), Layer("conv", K=5, C=4, P=6, Q=7, R=3, S=3)
    instance = instances_of(eyeriss, layer)[1][0]
    walk = TileWalk.of(eyeriss, instance, [instance], False)
    found = tiles_of(walk, tuple(Array.lone(*pair) for pair in SIDES), 1.0)
    rules = Rules(*(np.array(part) for part in walk.rules))
    for a, (rows, cols) in enumerate(SIDES):
        listed = dim_options(np.array(walk.bounds), np.array(walk.largest), rules, rows, cols, False)
        start, tiles, unrollings = listed
        own = np.zeros((len(found.options.tiles), 2))
        for d in range(8):
            first, end = found.options.tile_start[d], found.options.tile_start[d + 1]
            for row in range(start[d], start[d + 1]):
                at = first + list(found.options.tiles[first:end, TILE]).index(tiles[row, TILE])
                mine = unrollings[tiles[row, FIRST_UNROLLING] : tiles[row + 1, FIRST_UNROLLING]]
                own[at] = mine[:, PASSES_LEFT].min(), mine[:, STEPS_LEFT].min()
        assert found.passes[:, a].tolist() == own[:, 0].tolist()
        assert found.steps[:, a].tolist() == own[:, 1].tolist()
        assert found.together[a][0] == fastest_steps(*listed, rows, cols)


def test_an_array_has_the_sides_of_its_designs():
    eyeriss = load_architecture("eyeriss")
    assert sides_of(eyeriss) == (12, 14)
    assert Array.of([eyeriss], ()) == Array.lone(12, 14)
