"""The curve of least words against capacity is that of all tiles and orders, and no mapping goes below it."""

from __future__ import annotations

from itertools import permutations, product
from math import ceil, inf
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import ModelArrays, walk_all
from mapper.walks.mapper_cases import ALL, draw_layer, random_problem
from mapper.walks.walk_mappings import RECORD, price_mapping, workspace
from thinned import parts, thinned

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError
from dse.formats.architecture.load import load_architecture
from dse.formats.workload.load import load_workload
from dse.mapper.curve import add_curves, buffer_of, capacity_curve, tile_capacity_bits
from dse.mapper.layer import map_layer
from dse.model.mapping import tile_words
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

MOST_MAPPINGS = 60_000


def accelerator(layer: Layer, kept: frozenset[str], **changes: Any) -> Architecture:
    """DRAM, buffer and one PE of any size; energy is the words read from and written to DRAM."""
    each = PerOperand(*(16 / bits for bits in layer.bits))
    levels = (
        Level("DRAM", ALL, read_energy_pj=each, write_energy_pj=each), Level("GLB", kept, **changes), Level("PE", ALL)
    )  # fmt: skip
    return Architecture("counting", levels, Mac(0.0), 1e9)


def every_tile_and_order(layer: Layer, kept: frozenset[str]) -> tuple[tuple[int, int], ...]:
    """The staircase (bits, words) over all integer tiles, G's too, and all orders, counted by the model."""
    # Counted with psums of one width, so that energy is words.
    model = ModelArrays.of(accelerator(layer, kept), layer.with_(ofmap_bits=layer.bits.psum))
    work = workspace(3, 0)
    least: dict[int, float] = {}
    for tile in product(*(range(1, bound + 1) for bound in layer.bounds)):
        sizes = dict(zip(DIMS, tile, strict=True))
        trips = [ceil(bound / size) for bound, size in zip(layer.bounds, tile, strict=True)]
        record = np.full(RECORD, -1, dtype=np.int64)
        record[:40] = [*tile, *[1] * 24, *trips]
        record[56] = 0
        turning = [d for d in range(8) if trips[d] > 1]
        for order in permutations(turning):
            record[48 : 48 + len(order)] = order
            words, _ = price_mapping(
                model.problem, model.prices, model.keeps[0], model.place, model.scratch, work, record
            )
            # A psum that comes to the buffer once comes finished.
            counts = work[1]
            once = all(counts.booked[2, k, 1] == layer.psum_words for k in range(3) if counts.ends[2, k, 0] == 1)
            widths = {**layer.bits.to_dict(), **({"psum": layer.finished_bits} if once else {})}
            bits = sum(tile_words(layer, o, sizes) * widths[o] for o in kept)
            least[bits] = min(least.get(bits, inf), words)
    return staircase(least)


def staircase(least: dict[int, float]) -> tuple[tuple[int, int], ...]:
    corners: list[tuple[int, int]] = []
    for bits, words in sorted(least.items()):
        if not corners or round(words) < corners[-1][1]:
            corners.append((bits, round(words)))
    return tuple(corners)


def small_layer(rng: Random) -> Layer:
    """Few enough tiles and orders to try them all; windows, holes, dilation, groups and several widths among them."""
    while True:
        layer = draw_layer(rng)
        bounds = {dim: min(bound, rng.randint(2, 7)) for dim, bound in zip(DIMS, layer.bounds, strict=True)}
        layer = layer.with_(**bounds)
        orders = (1, 1, 2, 6, 24, 120)[sum(bound > 1 for bound in layer.bounds)]
        if layer.macs * orders <= MOST_MAPPINGS:
            return layer


def has_holes(layer: Layer) -> bool:
    return (layer.stride_h, layer.stride_w, layer.dilation_h, layer.dilation_w) != (1, 1, 1, 1)



@pytest.mark.parametrize("seed", thinned(range(60), 3))
def test_the_curve_is_that_of_all_tiles_and_orders(seed: int) -> None:
    rng = Random(f"curve {seed}")
    layer = small_layer(rng)
    kept = rng.choice((ALL, ALL, ALL, ALL - {"weight"}, ALL - {"psum"}, ALL - {"ifmap"}, frozenset({"psum"})))
    curve = capacity_curve(accelerator(layer, kept), layer)
    found = tuple((point.capacity_bits, point.words) for point in curve.points)
    truth = every_tile_and_order(layer, kept)
    if "ifmap" in kept or not has_holes(layer):
        assert found == truth, (layer, kept)
    for bits, words in truth:
        point = curve.at(bits)
        assert point is not None, (layer, kept)
        assert point.words <= words, (layer, kept)


@pytest.mark.parametrize(
    "shape",
    [
        {"P": 7, "R": 5, "stride_h": 4}, {"P": 6, "R": 4, "stride_h": 3, "dilation_h": 2},
        {"P": 9, "R": 3, "stride_h": 5}, {"P": 5, "R": 6, "dilation_h": 4}, {"P": 4, "R": 3, "C": 3, "stride_h": 3},
        {"P": 4, "R": 3, "K": 3, "dilation_h": 3}, {"P": 6, "R": 7, "stride_h": 6, "N": 2},
        {"G": 3, "P": 5, "R": 3, "Q": 2, "stride_h": 2},
    ],
    ids=str,
)  # fmt: skip
def test_tiles_of_a_window_that_strides_leave_holes_in(shape: dict[str, int]) -> None:
    """Here not trip counts alone but the tiles themselves decide what a slide moves."""
    layer = Layer("holes", **shape)
    curve = capacity_curve(accelerator(layer, ALL), layer)
    assert tuple((point.capacity_bits, point.words) for point in curve.points) == every_tile_and_order(layer, ALL)


@pytest.mark.parametrize("seed", range(12))
def test_each_point_has_the_tile_that_it_states(seed: int) -> None:
    rng = Random(f"points {seed}")
    layer = small_layer(rng)
    for point in capacity_curve(accelerator(layer, ALL), layer).points:
        sizes = dict(zip(DIMS, point.tile, strict=True))
        psum = tile_words(layer, "psum", sizes)
        taken = sum(tile_words(layer, o, sizes) * layer.bits[o] for o in OPERANDS)
        assert point.capacity_bits in (taken, taken - psum * (layer.bits.psum - layer.finished_bits))


def test_bypass_is_the_best_of_its_choices() -> None:
    layer = Layer("conv", K=6, C=4, P=5, Q=3, R=3, S=2)
    free = accelerator(layer, ALL, may_bypass=frozenset({"weight", "psum"}))
    choices = [ALL, ALL - {"weight"}, ALL - {"psum"}, frozenset({"ifmap"})]
    curves = [capacity_curve(accelerator(layer, kept), layer) for kept in choices]
    best = capacity_curve(free, layer)
    for size in range(0, 4000, 16):
        reached = [point.words for curve in curves if (point := curve.at(size)) is not None]
        point = best.at(size)
        assert (None if point is None else point.words) == (min(reached) if reached else None)


@pytest.mark.parametrize("flow", thinned(["random", "flexible", "row-stationary", "weight-stationary"], 4))
@pytest.mark.parametrize("numbers", thinned(parts(60, 20), 3))
def test_no_mapping_of_random_accelerators_is_below_the_curve(flow: str, numbers: range) -> None:
    """The least DRAM words of whole mapspaces, found by walking them, with arrays, PEs and partitions as they come."""
    compared = met = 0
    for number in numbers:
        problem = random_problem(f"curve {number}", flow, "all", most=8000)
        hierarchy = problem.architecture.hierarchy
        if problem.mappings == 0 or len(hierarchy) < 2 or not isinstance(hierarchy[1], Level):
            continue
        layer = problem.layer
        counting = accelerator(layer, ALL).hierarchy[0]
        free = [
            FanOut(node.name, node.rows, node.cols, node.multicast, node.reduces)
            if isinstance(node, FanOut)
            else Level(
                node.name, node.stores, node.may_bypass, node.capacity_bits, node.partition_bits,
                buffering=node.buffering,
            )
            for node in hierarchy[1:]
        ]  # fmt: skip
        architecture = Architecture("counting", (counting, *free), Mac(0.0), 1e9, problem.architecture.dataflow)
        # Each psum is written finished once, at that width's part of the price of a word.
        once = layer.psum_words * (1 - layer.finished_bits / layer.bits.psum)
        least = round(walk_all(architecture, layer).energy + once)
        point = capacity_curve(architecture, layer).at(tile_capacity_bits(architecture))
        assert point is not None, (flow, number)
        assert point.words <= least, (flow, number)
        compared += 1
        met += point.words == least
    assert compared > 5
    assert met > compared / 4


@pytest.mark.parametrize("name", ["eyeriss", "eyeriss_isca16"])
def test_mapped_layers_are_not_below_the_curve(name: str) -> None:
    architecture = load_architecture(name)
    for wanted in ("conv2", "conv5", "fc8"):
        layer = load_workload("alexnet").layer(wanted)
        point = capacity_curve(architecture, layer).at(tile_capacity_bits(architecture))
        assert point is not None
        for objective in ("energy", "edp"):
            mapped = map_layer(architecture, layer, objective, gap=0.01)
            rows = mapped.cost.accesses.to_dict()[architecture.levels[0].name]
            words = sum(moved[way] for moved in rows.values() for way in ("reads", "writes"))
            assert point.words <= words


def test_the_ends_of_the_curve() -> None:
    layer = Layer("conv", K=6, C=4, P=5, Q=5, R=3, S=3)
    curve = capacity_curve(accelerator(layer, ALL), layer)
    assert curve.points[0].capacity_bits == 3 * 16
    assert curve.at(3 * 16 - 1) is None
    assert curve.at(inf) == curve.points[-1]
    assert curve.least_words == layer.ifmap_words + layer.weight_words + layer.psum_words
    words = [point.words for point in curve.points]
    sizes = [point.capacity_bits for point in curve.points]
    assert words == sorted(set(words), reverse=True)
    assert sizes == sorted(set(sizes))


def test_a_network_adds_its_layers() -> None:
    one, two = Layer("one", K=4, C=5, P=3), Layer("two", K=7, C=2, Q=4, S=2)
    architecture = accelerator(one, ALL)
    curves = [(capacity_curve(architecture, one), 2), (capacity_curve(architecture, two), 3)]
    total = add_curves(curves)
    for size in range(48, 3000, 16):
        words = sum(curve.at(size).words * count for curve, count in curves)
        assert words == [corner[1] for corner in total if corner[0] <= size][-1]


def test_nearly_the_least_is_the_smallest_buffer_within_a_tenth() -> None:
    layer = Layer("conv", K=64, C=64, P=28, Q=28, R=3, S=3)
    curve = capacity_curve(accelerator(layer, ALL), layer)
    near = curve.near_least
    assert near.words <= 1.1 * curve.least_words
    before = curve.at(near.capacity_bits - 1)
    assert before is not None
    assert before.words > 1.1 * curve.least_words
    assert near.capacity_bits < curve.points[-1].capacity_bits


def test_where_an_architecture_sits() -> None:
    layer = Layer("conv", K=6)
    assert tile_capacity_bits(accelerator(layer, ALL)) == inf
    assert tile_capacity_bits(accelerator(layer, ALL, capacity_bits=4096)) == 4096
    assert tile_capacity_bits(accelerator(layer, ALL, capacity_bits=4096, buffering="double")) == 2048
    apart = PerOperand(100, 200, 300)
    assert tile_capacity_bits(accelerator(layer, ALL, partition_bits=apart)) == 600
    assert tile_capacity_bits(accelerator(layer, ALL - {"weight"}, partition_bits=apart)) == 400
    assert tile_capacity_bits(accelerator(layer, ALL, partition_bits=PerOperand(100, None, 300))) == inf


def test_without_a_buffer_there_is_no_curve() -> None:
    hierarchy = (Level("DRAM", ALL), FanOut("array", 2, 2), Level("PE", ALL))
    with pytest.raises(DseError, match="no buffer between DRAM and array"):
        buffer_of(Architecture("bare", hierarchy, Mac(1.0), 1e9))
    with pytest.raises(DseError, match="no buffer between DRAM and the MACs"):
        buffer_of(Architecture("bare", hierarchy[:1], Mac(1.0), 1e9))
