"""Spreads that fit what is left of an array, looked up, are those that fit worked out anew."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.flat.array.test_spreads import drawn

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat import search as flat_search
from dse.mapper.flat import solve as flat_solve
from dse.mapper.flat.array import fitting as fitting_module
from dse.mapper.flat.array.fitting import END, FIRST, ROW, UNKNOWN, Fitting, begin, follow, look_up, new_fitting, start
from dse.mapper.flat.array.spreads import FIRST_SPREAD, PASSES, STEPS, Options, most_left, take
from dse.mapper.flat.run import new_configuration, new_walk
from dse.mapper.shared.incumbent import FRONT

SMALL, AMPLE = (0, 0), (1000, 10_000)
"""Room for so little that everything is forgotten at every turn, and for all."""


def begun(rng: Random, options: Options, fitting: Fitting) -> Any:
    """A walk over the dims in some order, with a PE tile of each."""
    walk = new_walk()
    for depth, d in enumerate(rng.sample(range(8), 8)):
        walk.dim[depth], walk.tile[depth] = d, rng.randrange(options.tile_start[d], options.tile_start[d + 1])
    start(fitting, options, walk)
    return walk


def fitting_rows(options: Options, left: Any, count: Any, depth: int, tile: int) -> list[int]:
    """The spreads of a PE tile that fit what is left at some depth, one by one."""
    first, end = options.tiles[tile, FIRST_SPREAD], options.tiles[tile + 1, FIRST_SPREAD]
    beside = left.copy(), count.copy()
    return [row for row in range(first, end) if take(*beside, depth, options.spreads, options.sides, row) > 0]


@pytest.mark.parametrize("room", [SMALL, AMPLE])
@pytest.mark.parametrize("seed", range(20))
def test_what_fits_is_what_fits_without_lists(seed: int, room: tuple[int, int]) -> None:
    rng, _, options, rows, cols = drawn(seed)
    fitting, config = new_fitting(rows, cols, options.tiles, *room), new_configuration()
    for _ in range(20):
        walk = begun(rng, options, fitting)
        left, count = np.ones((9, most_left(rows), 2), dtype=np.int64), np.ones(9, dtype=np.int64)
        left[0, 0] = rows, cols
        for depth in range(8):
            own = fitting_rows(options, left, count, depth, walk.tile[depth])
            listed = fitting.entries[walk.at[depth] + 1 : walk.last[depth], ROW].tolist()
            assert listed == own
            if not own:
                break
            config.spread_row[walk.dim[depth]] = row = rng.choice(own)
            walk.at[depth] += 1 + own.index(row)
            most = take(left, count, depth, options.spreads, options.sides, row)
            if depth == 7:
                break
            further = follow(fitting.listed, fitting.entries, walk, depth)
            if further == UNKNOWN:
                look_up(fitting, options, config, walk, depth)
                further = follow(fitting.listed, fitting.entries, walk, depth)
            least = [
                min((options.spreads[row, STEPS] for row in fitting_rows(options, left, count, depth + 1, tile)),
                    default=np.inf)
                for tile in walk.tile[depth + 1 :]
            ]  # fmt: skip
            assert further == np.prod(least)
            if further == np.inf:
                break
            assert walk.others[depth + 1] == np.prod(least[1:])
            assert fitting.most[walk.state[depth + 1]] == most
            begin(fitting.listed, walk, depth + 1)


@pytest.mark.parametrize("seed", range(20))
def test_narrower_spreads_leave_no_fewer_passes_and_steps(seed: int) -> None:
    """So the first one that fits has the fewest, and after one that takes too long nothing is of use."""
    options = drawn(seed)[2]
    for tile in range(len(options.tiles) - 1):
        own = options.spreads[options.tiles[tile, FIRST_SPREAD] : options.tiles[tile + 1, FIRST_SPREAD]]
        assert (np.diff(own[:, PASSES]) >= 0).all()
        assert (np.diff(own[:, STEPS]) >= 0).all()


def test_states_are_shared() -> None:
    """However an array comes to be left with the same rows and columns, that is one state, whose lists are there."""
    rng, _, options, rows, cols = drawn(0)
    fitting, config = new_fitting(rows, cols, options.tiles, *AMPLE), new_configuration()
    seen = set()
    for _ in range(200):
        walk = begun(rng, options, fitting)
        walk.at[0] = rng.randrange(walk.last[0] - walk.at[0] - 1) + walk.at[0] + 1
        config.spread_row[walk.dim[0]] = fitting.entries[walk.at[0], ROW]
        look_up(fitting, options, config, walk, 0)
        follow(fitting.listed, fitting.entries, walk, 0)
        state = walk.state[1]
        seen.add((tuple(map(tuple, fitting.pairs[state, : fitting.count[state]].tolist())), int(state)))
        assert fitting.listed[state, walk.tile[1], FIRST] <= fitting.listed[state, walk.tile[1], END]
    assert len({pairs for pairs, _ in seen}) == len({state for _, state in seen}) == len(seen)


def test_a_search_that_forgets_what_fits_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is forgotten whenever something new is asked, in the middle of PE tiles, and the walk is found again."""
    layer = dse.Layer("conv", K=4, C=2, P=3)
    spec = load_architecture_spec("eyeriss_isca16")
    architecture = spec.resolve({"dataflow": spec.parse_setting("dataflow", "flexible")})
    stop, forgotten = np.zeros(1, dtype=np.int64), []
    whole = flat_solve.solve_flat(architecture, layer, FRONT, 0.0, "perfect", 100, stop=stop)
    compiled, forget = flat_solve.compiled, fitting_module.forget
    monkeypatch.setattr(fitting_module, "forget", lambda fitting: (forgotten.append(1), forget(fitting)))
    monkeypatch.setattr(fitting_module, "is_full", lambda fitting: True)
    monkeypatch.setattr(flat_solve, "compiled", lambda k: k if k is flat_search.search else compiled(k))
    again = flat_solve.solve_flat(architecture, layer, FRONT, 0.0, "perfect", 100, stop=stop)
    assert len(forgotten) > 100
    assert again.values.tolist() == whole.values.tolist()
    assert again.records.tolist() == whole.records.tolist()
    assert again.visited == whole.visited
