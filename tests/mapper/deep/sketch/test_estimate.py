"""What a sketch is estimated to cost, beside the model's price of it."""

from __future__ import annotations

import numpy as np
import pytest
from mapper.deep.sketch.sketched import first_of
from mapper.walks.whole import price_whole

import dse
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.record import COLS, ORDER, ROWS, TRIPS, parts_of, record_length
from dse.mapper.deep.sketch.estimate import PLACES, Sketch, estimate, new_sketch, note, settle, too_much, words_of
from dse.mapper.deep.sketch.moves import begin, descend, moves_of
from dse.mapper.deep.sketch.sums import sums_of
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.mapper.shared.mapspace.orders import list_orders
from dse.mapper.shared.mapspace.words import tile_words
from dse.model.price import SHARED
from dse.problem.dims import PSUM, WEIGHT


def split_of(sketch: Sketch, levels: int) -> np.ndarray:
    """The same mapping as the deep search has it."""
    split = parts_of(np.ones(record_length(levels), dtype=np.int64)).copy()
    for level in range(levels):
        for part in (TRIPS, ROWS, COLS):
            split[level, part] = sketch.factors[:, PLACES * level + part]
    return split


def least_price(dp, split: np.ndarray, objective: int) -> float:
    """That of the best orders."""
    orders, kinds, levels = np.zeros((24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64), len(dp.nodes)
    each, least, point, work = [], np.inf, np.zeros(3), workspace(dp)
    for level in range(levels):
        near = level == dp.near
        rules = dp.stationary if near else -1, dp.innermost if near else -1
        each.append(orders[: list_orders(split[level, TRIPS], *rules, orders, kinds)].copy())
    for chosen in np.ndindex(*map(len, each)):
        for level, one in enumerate(chosen):
            split[level, ORDER] = each[level][one]
        price_whole(dp, split, work, point)
        least = min(least, {ENERGY: point[0], LATENCY: point[1], EDP: point[0] * point[1]}[objective])
    return float(least)


@pytest.mark.parametrize("objective", [ENERGY, LATENCY, EDP])
@pytest.mark.parametrize("machine", ["edge_npu", "simba_pe", "nvdla_small"])
def test_where_factors_multiply_to_the_bound_an_estimate_is_the_models_price(machine: str, objective: int) -> None:
    architecture = dse.load_architecture(machine)
    layer = architecture.lowered(dse.Layer("pointwise", K=32, C=16, P=8, Q=8))
    for draft in drafts_of(architecture, layer, "perfect")[1]:
        dp, narrow = first_of(draft)
        sums, moves = sums_of(dp, narrow), moves_of(dp)
        sketch = new_sketch(sums)
        assert begin(dp, sums, moves, sketch)
        for level in range(len(dp.nodes)):
            sketch.stays[level] = WEIGHT
        value = descend(sums, moves, sketch, objective)
        assert estimate(sums, sketch, objective) == value
        assert too_much(sums, sketch, False) == 1.0
        split = split_of(sketch, len(dp.nodes))
        assert value == pytest.approx(least_price(dp, split, objective), rel=0.01)


def test_a_mapping_that_does_not_fit_counts_as_dearer_by_how_much_it_lacks() -> None:
    architecture = dse.load_architecture("simba_pe")
    layer = architecture.lowered(dse.Layer("pointwise", K=64, C=16, P=16, Q=16))
    dp, narrow = first_of(drafts_of(architecture, layer, "all")[1][0])
    sums = sums_of(dp, narrow)
    sketch = new_sketch(sums)
    sketch.factors[:, PLACES * dp.last] = dp.bounds  # all in the innermost level
    for d in range(8):
        note(sums, sketch, d)
    over = 1.0
    for level in range(1, len(dp.nodes)):
        widths = [*dp.bits[level, :PSUM].tolist(), int(narrow[level])]  # all psums in one tile are finished
        bits = [widths[o] * int(dp.kept[level, o]) * tile_words(dp.bounds, dp.window, o) for o in range(3)]
        for o in range(3):
            assert words_of(o, sketch.tile, 1, dp.window) == tile_words(dp.bounds, dp.window, o)
        if level <= dp.last:
            rooms = [*zip(bits, dp.capacity[level, :3], strict=True), (sum(bits), dp.capacity[level, SHARED])]
            over *= np.prod([max(1.0, used / room) for used, room in rooms if used > 0])
    assert not settle(sums, sketch)
    assert too_much(sums, sketch, True) == pytest.approx(over, rel=1e-12)
    assert over > 1.0
    assert estimate(sums, sketch, ENERGY) == np.inf


def steps_of(factors: list[int], left: int) -> int:
    """Steps of a dim, tile by tile and child by child; none where nothing is left to do."""
    if left <= 0 or not factors:
        return int(left > 0)
    slot, size = len(factors), int(np.prod(factors[1:]))
    each = [steps_of(factors[1:], min(size, left - size * i)) for i in range(factors[0])]
    return sum(each) if slot % PLACES == 0 else max(each)


def test_steps_are_those_in_which_something_is_left_to_do() -> None:
    architecture = dse.load_architecture("simba_pe")
    layer = architecture.lowered(dse.Layer("layer", K=97, C=60, P=13, Q=8))
    dp, narrow = first_of(drafts_of(architecture, layer, "all")[1][0])
    sums, random, levels = sums_of(dp, narrow), np.random.default_rng(2), len(dp.nodes)
    sketch, met = new_sketch(sums), 0
    for _ in range(300):
        for d in range(8):
            factors = sketch.factors[d]
            factors[:] = random.integers(1, 4, size=len(factors))
            while np.prod(factors) < dp.bounds[d]:
                factors[random.integers(len(factors))] += 1
            note(sums, sketch, d)
            assert sketch.trips[d, levels + 1] == steps_of(factors.tolist(), int(dp.bounds[d]))
            met += int(sketch.trips[d, levels + 1] < sketch.trips[d, levels])
    assert met > 100
