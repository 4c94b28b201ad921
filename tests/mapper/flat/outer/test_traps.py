"""Where bounds of mappers go wrong: small fixed cases of every trap we know, held against the full walk.

Each of these broke a bound once, in this mapper or in the study before it. The random problems of `test_optimum` meet
most of them now and then; these meet them always.
"""

from __future__ import annotations

from itertools import product
from math import ceil, prod
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import ALL

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.mapper.flat.outer.words import slid_over_a, slid_over_b
from dse.mapper.layer import solve
from dse.mapper.shared.mapspace.factors import dim_options, trip_values
from dse.mapper.shared.mapspace.rules import Rules
from dse.mapper.shared.mapspace.sizes import fastest_steps
from dse.mapper.shared.mapspace.words import boxes
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

BUSES = (Port("all", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), 1.0),)
MOST = 60_000


def accelerator(flow: str, glb: int | None, pe: Any, **changes: Any) -> Architecture:
    """DRAM at 200, a buffer at 6, an array at 2, PEs at 1; capacities in words of 16 bit, one or one an operand."""

    def level(name: str, words: Any, energy: float, **more: Any) -> Level:
        price = PerOperand.same(energy)
        shared = words * 16 if isinstance(words, int) else None
        apart = PerOperand(*(each * 16 for each in words)) if isinstance(words, tuple) else None
        return Level(name, more.pop("stores", ALL), capacity_bits=shared, partition_bits=apart, read_energy_pj=price,
                     write_energy_pj=price, **more)  # fmt: skip

    rows, cols = changes.pop("array", (2, 2))
    static = changes.pop("static", 0.0)
    dram, buffer, inside = changes.pop("dram", {}), changes.pop("buffer", {}), changes.pop("inside", {})
    assert not changes
    hierarchy = (
        level("DRAM", None, 200.0, ports=BUSES, **dram), level("GLB", glb, 6.0, **buffer),
        FanOut("array", rows, cols, energy_pj=2.0), level("PE", pe, 1.0, **inside),
    )  # fmt: skip
    return Architecture("trap", hierarchy, Mac(1.0), 1e9, built_in_dataflows()[flow], static_power_mw=static)


def check(architecture: Architecture, layer: Layer, kind: str = "all") -> None:
    """All four answers of the mapper are those of the walk."""
    counted = walk_all(architecture, layer, kind, count_only=True).mappings
    assert 0 < counted <= MOST, counted
    walked = walk_all(architecture, layer, kind)

    def found(objective: str) -> Any:
        return solve(architecture, layer, objective, 0.0, kind).values

    def same(value: Any, truth: Any) -> bool:
        return bool(value == pytest.approx(truth, rel=EQUAL, abs=0))

    assert same(found("energy")[0, 0], walked.energy)
    assert same(found("latency")[0, ::-1], walked.latency)
    assert same(found("edp")[0].prod(), walked.edp)
    front, truth = significant(found("front")), significant(walked.front)
    assert front.shape == truth.shape
    assert same(front, truth)


@pytest.mark.parametrize("glb", [8, 14, 30])
@pytest.mark.parametrize("shape", [
    {"P": 7, "R": 2, "K": 2, "stride_h": 3}, {"P": 6, "R": 3, "C": 2, "stride_h": 4}, {"Q": 9, "S": 2, "stride_w": 3},
    {"P": 5, "R": 4, "dilation_h": 3}, {"P": 5, "R": 3, "stride_h": 2, "dilation_h": 3},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("flow", ["flexible", "row-stationary"])
def test_windows_shorter_than_the_stride_leave_holes(flow: str, shape: dict[str, int], glb: int) -> None:
    """More and smaller tiles may move fewer words there, so no bound may rise with trip counts."""
    pe = 6 if flow == "flexible" else 10
    check(accelerator(flow, glb + 4, pe, array=(2, 1)), Layer("holes", **shape))


def test_boxes_with_holes_fall_with_the_number_of_tiles() -> None:
    """The trap itself: 3 windows of 2 in strides of 5 are a box of 12 words, or 6 words one by one."""
    assert boxes(1, 1, 3, 2, 5, 1) == 12
    assert boxes(3, 1, 3, 2, 5, 1) == 6


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (5, 1), (1, 2), (2, 3), (4, 2)])
def test_words_of_a_slide_are_never_above_any_tiles(stride: int, dilation: int) -> None:
    """What a run over P (over R) moves, tile by tile, against the least by trip counts that bounds are made of."""
    for bound_a, bound_b in ((7, 3), (6, 5), (9, 2), (4, 4)):
        for a, b in product(range(1, bound_a + 1), range(1, bound_b + 1)):
            n_a, n_b = ceil(bound_a / a), ceil(bound_b / b)
            case = (n_a, n_b, bound_a, bound_b, stride, dilation)
            assert slid_over_a(*case) <= moved(bound_a, a, bound_b, b, stride, dilation)
            assert slid_over_b(*case) <= moved(bound_b, b, bound_a, a, dilation, stride)
            if stride == dilation == 1:
                assert slid_over_a(*case) == moved(bound_a, a, bound_b, b, 1, 1)


def moved(bound_a: int, a: int, bound_b: int, b: int, stride: int, dilation: int) -> int:
    """Words of one run over tiles of a for every tile of b, as sets of positions: new ones at each step."""
    total = 0
    for start_b in range(0, bound_b, b):
        size_b = min(b, bound_b - start_b)
        held: set[int] = set()
        for start_a in range(0, bound_a, a):
            size_a = min(a, bound_a - start_a)
            low = start_a * stride + start_b * dilation
            box = set(range(low, low + (size_a - 1) * stride + (size_b - 1) * dilation + 1))
            total += len(box - held)
            held = box
    return total


@pytest.mark.parametrize("bound_b", [2, 3, 5, 7])
def test_the_overlap_of_a_slide_is_exact_so_that_trips_only_add_words(bound_b: int) -> None:
    """An overlap that is estimated too large made a bound fall with the trips over P."""
    for n_b in trip_values(bound_b):
        words = [slid_over_a(int(n_a), int(n_b), 12, bound_b, 1, 1) for n_a in trip_values(12)]
        assert words == sorted(words)
        windows = [slid_over_a(4, int(n), 12, bound_b, 1, 1) for n in trip_values(bound_b)]
        assert windows == sorted(windows)


@pytest.mark.parametrize("pe", [3, 5, 9])
@pytest.mark.parametrize("flow", ["flexible", "output-stationary"])
def test_steps_are_not_monotone_in_the_tile(flow: str, pe: int) -> None:
    """Nine outputs on two PEs: tiles of 3 take 6 steps, tiles of 5, but also of 2 and of 1, take 5."""
    check(accelerator(flow, 24, pe, array=(2, 1)), Layer("ragged", P=9, K=2))
    check(accelerator(flow, 24, pe, array=(1, 2), static=30.0), Layer("ragged", C=9, K=2))


def test_steps_of_tiles_are_those_of_their_ragged_ends() -> None:
    bounds = np.array([1, 9, 1, 1, 1, 1, 1, 1])
    yes, no = np.ones(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
    start, tiles, unrollings = dim_options(bounds, bounds, Rules(yes, no, yes, no, no, no), 2, 1, False)
    steps = {
        (int(tiles[row, 0]), int(sy)): int(taken)
        for row in range(start[1], start[2])
        for sy, _, _, taken, _ in unrollings[tiles[row, 2] : tiles[row + 1, 2]]
    }
    assert steps[3, 2] == 6
    assert steps[5, 2] == steps[2, 2] == steps[1, 2] == 5


@pytest.mark.parametrize("flow", ["weight-stationary", "output-stationary", "input-stationary", "flexible"])
@pytest.mark.parametrize("shape", [{"P": 6, "R": 3, "K": 2}, {"P": 4, "R": 2, "C": 3}, {"Q": 5, "S": 2, "N": 2}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("glb", [9, 12, 20])
def test_without_loops_at_the_buffer_everything_stays_through_the_outer_list(
    flow: str, shape: dict[str, int], glb: int
) -> None:
    """The buffer as small as the array: no loop is above the array, so the outermost list decides what stays there."""
    check(accelerator(flow, glb, 3, array=(2, 1)), Layer("through", **shape))


@pytest.mark.parametrize("room", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("operand", range(3))
def test_staying_through_the_outer_list_takes_room_in_the_pes(operand: int, room: int) -> None:
    """PEs that have just enough room for a tile of the buffer, and one word less."""
    words = tuple(room if o == operand else 1 for o in range(3))
    check(accelerator("flexible", 14, words, array=(2, 1)), Layer("room", K=3, C=4, P=3))
    check(accelerator("flexible", 10, words, array=(1, 1)), Layer("room", K=4, C=2, P=2, R=2))


@pytest.mark.parametrize("seed", range(30))
def test_the_fewest_steps_use_pes_that_are_left_over(seed: int) -> None:
    """`fastest_steps` against every unrolling of every dim that the array has room for."""
    rng = Random(f"fewest {seed}")
    bounds = [1] * 8
    for d in rng.sample(range(1, 8), 3):
        bounds[d] = rng.randint(2, 9)
    rows, cols = rng.choice(((2, 3), (3, 3), (4, 1), (5, 2), (1, 7)))
    sets = [np.array([rng.random() < 0.7 for _ in range(8)], dtype=np.int64) for _ in range(3)]
    none = np.zeros(8, dtype=np.int64)
    inside, on_rows, on_cols = sets
    size = np.array(bounds)
    options = dim_options(size, size, Rules(inside, none, on_rows, on_cols, none, none), rows, cols, False)
    start, tiles, unrollings = options
    of_dim = [unrollings[tiles[start[d], 2] : tiles[start[d + 1], 2], :4].tolist() for d in range(8)]
    truth = min(
        prod(u[3] for u in chosen)
        for chosen in product(*(sorted(set(map(tuple, choices))) for choices in of_dim))
        if prod(u[0] for u in chosen) <= rows and prod(u[1] for u in chosen) <= cols
    )
    assert fastest_steps(*options, rows, cols) == truth


@pytest.mark.parametrize("shape", [{"P": 7, "K": 2, "R": 2}, {"P": 5, "R": 3, "C": 2}, {"Q": 7, "S": 3}], ids=str)
@pytest.mark.parametrize("static", [0.0, 30.0])
def test_a_ragged_block_with_one_trip_left_changes_nothing(shape: dict[str, int], static: float) -> None:
    """Which loop is the innermost relevant one is decided by nominal trips, once for the whole nest."""
    check(accelerator("flexible", 12, 4, array=(1, 2), static=static), Layer("nominal", **shape))


@pytest.mark.parametrize("flow", ["row-stationary", "flexible"])
@pytest.mark.parametrize("shape", [{"P": 8, "R": 3}, {"Q": 8, "S": 3, "K": 2}, {"P": 4, "R": 2, "Q": 3, "S": 2}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("glb", [8, 12, 16])
def test_a_slide_starts_anew_in_every_outer_tile(flow: str, shape: dict[str, int], glb: int) -> None:
    """The words that a run saves, it saves once an outer tile, unless the run goes on in the outermost list."""
    check(accelerator(flow, glb + 6, 8 if flow == "row-stationary" else 4, array=(1, 1)), Layer("anew", **shape))


@pytest.mark.parametrize("glb", [4, 9, 16])
def test_what_bypasses_takes_no_room(glb: int) -> None:
    """With an operand past the buffer every outer tile of it fits; with all three, no tile has a size."""
    layer = Layer("past", K=3, C=2, P=3)
    for may_bypass in (frozenset({"weight"}), frozenset({"ifmap", "psum"}), ALL):
        check(accelerator("flexible", glb, 4, buffer={"may_bypass": may_bypass}), layer)
        check(accelerator("weight-stationary", glb, 4, inside={"may_bypass": may_bypass}), layer)


@pytest.mark.parametrize("buffering", ["streaming", "double", "single"])
def test_first_fill_and_serial_transfers_belong_to_the_time(buffering: str) -> None:
    """What cannot overlap adds to the longest part: a bound that takes the largest of all is too low to prune by."""
    check(accelerator("flexible", 24, 8, buffer={"buffering": buffering}), Layer("time", K=4, C=3, P=3))


@pytest.mark.parametrize("partition", [(2, 3, 2), (3, 2, 2), (2, 2, 3)])
def test_partitions_are_siblings(partition: tuple[int, int, int]) -> None:
    """Three scratchpads limit their own operand and nothing else."""
    check(accelerator("row-stationary", 30, partition, array=(3, 2)), Layer("apart", K=2, C=2, P=4, R=2, Q=2))
    shared = accelerator("row-stationary", 30, sum(partition), array=(3, 2))
    apart = accelerator("row-stationary", 30, partition, array=(3, 2))
    layer = Layer("apart", K=2, C=2, P=4, R=2, Q=2)
    least = [solve(one, layer, "energy", 0.0, "all").values[0, 0] for one in (shared, apart)]
    assert least[0] <= least[1] * (1 + EQUAL)
