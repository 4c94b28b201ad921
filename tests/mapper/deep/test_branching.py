"""Halves of a subproblem: cut at the factor that cheap splits differ most in, where the bound feels it."""

from collections import namedtuple
from functools import partial
from typing import Any

import numpy as np
import pytest

from dse import Layer, load_architecture
from dse.mapper.deep import branching
from dse.mapper.deep.bounds.halves import most_undecided
from dse.mapper.deep.bounds.subproblem import Best, root_of
from dse.mapper.deep.branching import HALVES, HEAT, Learned, half_of
from dse.mapper.deep.nest import record_length
from dse.mapper.deep.solve import compare_and_halve, spaces_of
from dse.mapper.shared.incumbent import EDP

LAYER = Layer("l", K=64, C=48, P=14, Q=14, R=3, S=3)


@pytest.mark.parametrize("machine", ["simba_pe", "nvdla_small", "edge_npu"])
def test_an_axis_is_cut_at_the_mean_of_its_most_undecided_factor(machine: str) -> None:
    architecture = load_architecture(machine)
    cut = 0
    for space in spaces_of(architecture, architecture.lowered(LAYER), "all")[1]:
        records = np.zeros((1, record_length(len(space.problem.nodes))), dtype=np.int64)
        counters, stop = np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64)
        node = root_of(space, Best(EDP, 0.0, np.inf, np.zeros((1, 2)), records, counters, stop))
        assert node is not None
        spreads = []
        for a, (rows, lifted) in enumerate(zip(node.rows, node.reduced, strict=True)):
            table, shares = space.axes[a].table(), np.exp(-(lifted - lifted.min()) / HEAT)
            shares /= shares.sum()
            for k in range(1, len(table)):
                load = node.weights[node.columns[1][:, a] == k].sum() + node.weights[node.columns[2][:, a] == k].sum()
                values = table[k, rows]
                mean = values @ shares
                spread = load * np.sqrt((values - mean) ** 2 @ shares)
                spreads.append((spread, a, (values <= mean).tolist()))
        half = half_of(node, node.rows, np.inf, 1e-7)
        most = max(spreads)[0]
        assert (half is None) == (most <= 1e-7)
        if half is not None:
            axis, lower = half
            cut += 1
            assert 0 < lower.sum() < len(lower)
            assert any(a == axis and below == lower.tolist() for spread, a, below in spreads if spread > most - 1e-12)
            assert half_of(node, node.rows, np.inf, most + 1e-9) is None
    assert cut > 0


def test_the_kernel_is_compiled_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(branching, "compiled", lambda kernel: called.append(kernel) or kernel)
    architecture = load_architecture("nvdla_small")
    compare_and_halve(architecture, architecture.lowered(LAYER))
    assert called == [most_undecided]


def test_what_has_been_best_is_looked_at_first() -> None:
    """List 2 leaves one part with half of what was to prove, list 1 two with nearly all of it: only 2 is tried then."""
    part = namedtuple("part", "bound")
    tried: list[int] = []

    def parts(way: int, *bounds: float) -> list[part]:
        tried.append(way)
        return [part(bound) for bound in bounds]

    ways: dict[int, Any] = {
        2: partial(parts, 2, 1.5), 1: partial(parts, 1, 1.1, 1.1), HALVES: partial(parts, HALVES, 1.0, 1.9),
    }  # fmt: skip
    learned = Learned(halved=False)
    assert [one.bound for one in learned.best_of(ways, 1.0, 2.0)] == [1.5]
    assert sorted(tried) == [HALVES, 1, 2]  # nothing was known of any
    tried.clear()
    assert [one.bound for one in learned.best_of(ways, 1.0, 2.0)] == [1.5]
    assert tried == [2]


def test_nothing_beats_a_way_that_leaves_nothing() -> None:
    learned = Learned(halved=True)
    assert learned.best_of({0: list, HALVES: pytest.fail}, 1.0, 2.0) == []
