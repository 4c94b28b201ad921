"""Systolic arrays: cycles and buffer words against closed forms, and the closed forms against a register-level array.

Source of `tests/reference/systolic_cycles.csv`: the closed forms of an R x C array on matrix products, equal to
SCALE-Sim's cycle simulation (Samajdar et al., ISPASS 2020). Its layers are one group of AlexNet's.
"""

import numpy as np
import pytest
from validation.models.systolic import array, as_the_closed_form_runs_it, expected, folded, found, layer_of, rows

import dse
from dse.formats.workload.load import load_workload
from dse.mapper import map_layer
from dse.model.cost import evaluate
from dse.model.mapping import Mapping
from dse.problem.layer import Layer


@pytest.fixture(scope="module")
def alexnet():
    return load_workload("alexnet")


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join((row["layer"], row["dataflow"], row["R"])))
def test_cycles_and_buffer_words_are_the_closed_forms(row, alexnet):
    cost = as_the_closed_form_runs_it(row, alexnet)
    assert found(cost) == expected(row)
    steps = {key: value for key, value in cost.cycles_by.items() if value}
    assert sum(steps.values()) == cost.cycles
    assert set(steps) <= {"compute", "skew", "shifts"}


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join((row["layer"], row["dataflow"], row["R"])))
def test_no_mapping_is_faster_and_the_fastest_moves_as_many_words(row, alexnet):
    """The shipped specs as they are, but for the size of the array: the mapper finds the closed form by itself."""
    layer = layer_of(row, alexnet)
    best = map_layer(array(row["dataflow"], int(row["R"]), int(row["C"])), layer, "latency")
    assert found(best.cost) == expected(row)


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_groups_run_one_after_the_other(dataflow, alexnet):
    conv2 = alexnet.layer("conv2")
    assert conv2.G == 2
    (row,) = (r for r in rows() if (r["layer"], r["dataflow"], r["R"]) == ("alex_conv2g", dataflow, "32"))
    assert map_layer(array(dataflow, 32, 32), conv2, "latency").cost.cycles == 2 * int(row["formula_cycles"])


def register_array(dataflow, height, width, ifmap, weights):
    """Cycles and result of ifmap (M x K) times weights (K x N), by an array of registers that shift once a cycle.

    Each fold is loaded and streamed by itself, and ends when its last word has left, or been used in, the corner that
    is farthest from the entries.
    """
    (m, k), n = ifmap.shape, weights.shape[1]
    result = np.zeros((m, n), dtype=np.int64)
    cycles = 0
    if dataflow == "os":
        for top in range(0, m, height):
            for left in range(0, n, width):
                a, b = ifmap[top : top + height], weights[:, left : left + width]
                right, down = (np.zeros((height, width), dtype=np.int64) for _ in range(2))
                psum = np.zeros((height, width), dtype=np.int64)
                for cycle in range(k + height + width - 2):
                    right[:, 1:], down[1:] = right[:, :-1].copy(), down[:-1].copy()
                    right[:, 0] = [a[i, cycle - i] if i < len(a) and 0 <= cycle - i < k else 0 for i in range(height)]
                    down[0] = [b[cycle - j, j] if j < b.shape[1] and 0 <= cycle - j < k else 0 for j in range(width)]
                    psum += right * down
                    cycles += 1
                result[top : top + height, left : left + width] = psum[: len(a), : b.shape[1]]
        return cycles, result
    # Weight-stationary; input-stationary is the same array with the operands' roles exchanged.
    if dataflow == "is":
        cycles, turned = register_array("ws", height, width, weights.T, ifmap.T)
        return cycles, turned.T
    for top in range(0, k, height):
        for left in range(0, n, width):
            tile = weights[top : top + height, left : left + width]
            kept = np.zeros((height, width), dtype=np.int64)
            padded = np.zeros((height, width), dtype=np.int64)
            padded[: tile.shape[0], : tile.shape[1]] = tile
            for line in padded[::-1]:
                kept[1:] = kept[:-1].copy()
                kept[0] = line
                cycles += 1
            right, psum = (np.zeros((height, width), dtype=np.int64) for _ in range(2))
            for cycle in range(m + height + width - 2):
                right[:, 1:] = right[:, :-1].copy()
                right[:, 0] = [
                    ifmap[cycle - i, top + i] if top + i < k and 0 <= cycle - i < m else 0 for i in range(height)
                ]
                psum = np.vstack([np.zeros((1, width), dtype=np.int64), psum[:-1]]) + right * kept
                for j in range(min(width, n - left)):
                    if 0 <= cycle - (height - 1) - j < m:
                        result[cycle - (height - 1) - j, left + j] += psum[-1, j]
                cycles += 1
    return cycles, result


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 2), (2, 4), (4, 4)])
def test_an_array_of_registers_takes_as_many_cycles(dataflow, height, width):
    rng = np.random.default_rng(7)
    for _ in range(4):
        m, k, n = rng.integers(1, 10, 3).tolist()
        ifmap, weights = rng.integers(-9, 9, (m, k)), rng.integers(-9, 9, (k, n))
        cycles, product = register_array(dataflow, height, width, ifmap, weights)
        assert (product == ifmap @ weights).all()
        architecture = array(dataflow, height, width)
        layer = Layer("product", N=m, C=k, K=n)
        assert evaluate(architecture, layer, folded(architecture, layer, dataflow)).cycles == cycles


def test_fields_of_the_fan_out_make_the_difference():
    layer = Layer("product", N=10, C=8, K=8)
    cycles = {}
    for name, settings in {
        "systolic": {},
        "broadcast": {"levels__array__skew": 0},
        "weights loaded meanwhile": {"levels__array__load": []},
        "weights shifted out too": {"levels__array__drain": ["weight"]},
    }.items():
        architecture = array("ws", 4, 4, **settings)
        cycles[name] = evaluate(architecture, layer, folded(architecture, layer, "ws")).cycles
    folds = 4
    assert cycles["systolic"] == folds * (10 + 2 * 4 + 4 - 2)
    assert cycles["broadcast"] == folds * (10 + 4)
    assert cycles["weights loaded meanwhile"] == folds * (10 + 4 + 4 - 2)
    assert cycles["weights shifted out too"] == folds * (10 + 3 * 4 + 4 - 2)


def overlapping_array(height, width, ifmap, weights):
    """Cycles and result of a weight-stationary array whose PEs have two sets of weights, simulated cycle by cycle.

    Column 0 of a fold's set shifts in from above as soon as the fold before it has begun, and its ifmap words enter as
    soon as that is done and those of the fold before have entered. Further columns and rows do all this later by one.
    """
    (m, k), n = ifmap.shape, weights.shape[1]
    folds = [(top, left) for left in range(0, n, width) for top in range(0, k, height)]
    loads, starts = [0], [height]
    for _ in folds[1:]:
        loads.append(starts[-1])
        starts.append(max(loads[-1] + height, starts[-1] + m))
    kept = np.zeros((2, height, width), dtype=np.int64)
    moving, fold_of = np.zeros((height, width), dtype=np.int64), np.full((height, width), -1)
    psum, result = np.zeros((height, width), dtype=np.int64), np.zeros((m, n), dtype=np.int64)
    cycles = starts[-1] + m + height + width - 2
    for cycle in range(cycles):
        before = kept.copy()
        for fold, (top, left) in enumerate(folds):
            for column in range(width):
                since = cycle - column - loads[fold]
                for row in range(min(since, height - 1) + 1 if 0 <= since < height else 0):
                    above = weights[top + height - 1 - since, left + column] if row == 0 else None
                    kept[fold % 2, row, column] = before[fold % 2, row - 1, column] if row else above
        moving[:, 1:], fold_of[:, 1:] = moving[:, :-1].copy(), fold_of[:, :-1].copy()
        for row in range(height):
            entering = [f for f, start in enumerate(starts) if 0 <= cycle - row - start < m]
            fold_of[row, 0] = entering[0] if entering else -1
            moving[row, 0] = ifmap[cycle - row - starts[entering[0]], folds[entering[0]][0] + row] if entering else 0
        at_work = np.take_along_axis(before, np.maximum(fold_of, 0)[None] % 2, axis=0)[0]
        psum = np.vstack([np.zeros((1, width), dtype=np.int64), psum[:-1]]) + moving * at_work
        for column in range(width):
            if (fold := fold_of[-1, column]) >= 0:
                result[cycle - (height - 1) - column - starts[fold], folds[fold][1] + column] += psum[-1, column]
    return cycles, result


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 2), (2, 4), (4, 4)])
def test_folds_that_overlap_take_as_long_as_an_array_with_two_sets_of_weights(height, width):
    """Longer and shorter folds than a load takes."""
    rng = np.random.default_rng(8)
    architecture = array("ws", height, width, levels__array__overlap=True)
    for m in range(1, 9):
        k, n = height * int(rng.integers(1, 4)), width * int(rng.integers(1, 4))
        ifmap, weights = rng.integers(-9, 9, (m, k)), rng.integers(-9, 9, (k, n))
        cycles, product = overlapping_array(height, width, ifmap, weights)
        assert (product == ifmap @ weights).all()
        layer = Layer("product", N=m, C=k, K=n)
        assert evaluate(architecture, layer, folded(architecture, layer, "ws")).cycles == pytest.approx(cycles)


def test_an_array_that_waits_for_memory_fills_and_drains_meanwhile():
    layer = Layer("product", N=10, C=8, K=8)
    slow, fast = (array("ws", 4, 4, levels__DRAM__bandwidth=f"{rate} word/cycle") for rate in (0.25, 1000))
    cost = evaluate(slow, layer, folded(slow, layer, "ws"))
    words = 10 * 8 + 8 * 8 + 10 * 8
    assert cost.cycles == 4 * words + cost.cycles_by["first fill"] + cost.cycles_by["last drain"]
    assert cost.cycles_by["skew"] > 0
    assert cost.bound_by == "DRAM shared"
    folds = 4
    cost = evaluate(fast, layer, folded(fast, layer, "ws"))
    ends = cost.cycles_by["first fill"] + cost.cycles_by["last drain"]
    assert cost.cycles == pytest.approx(folds * (10 + 2 * 4 + 4 - 2) + ends)


def test_a_fully_connected_network_reaches_the_roofline_of_the_tpu():
    """Weights alone set the time at batch 200; on top come the first tile's way in, and activations."""
    chip, layer = dse.load_architecture("tpu_v1"), Layer("fc", N=200, C=2000, K=2000)
    cost = map_layer(chip, layer, "latency").cost
    (port,) = (port for port in chip.levels[0].ports if ("weight", "read") in port.serves)
    roofline = 2000 * 2000 / port.words_per_cycle
    assert 0.9 < roofline / cost.cycles < 1
    assert cost.bound_by == "weight_memory+host weight_memory shared"


def test_an_array_that_keeps_nothing_has_one_fold():
    architecture = array("ws", 4, 4, levels__array__load=[])
    dram, buffer, fan_out, _ = architecture.hierarchy
    bare = architecture.with_(hierarchy=(dram, buffer, fan_out))
    layer = Layer("product", N=10, C=8, K=8)
    nodes = folded(architecture, layer, "ws").nodes[:3]
    assert evaluate(bare, layer, Mapping(nodes)).cycles == 4 * 10 + 4 + 4 - 2


def test_lowering_lays_windows_out():
    conv = Layer("conv", G=2, N=3, K=4, C=5, P=6, Q=7, R=3, S=2, stride_h=2, pad_top=1)
    product = conv.as_matmul()
    assert product.bounds == (2, 3 * 6 * 7, 4, 5 * 3 * 2, 1, 1, 1, 1)
    assert (product.macs, product.weight_words, product.psum_words) == (conv.macs, conv.weight_words, conv.psum_words)
    assert product.ifmap_words == 2 * 3 * 6 * 7 * 5 * 3 * 2
    assert product.as_matmul() == product
