"""Whole fronts are searched with a gap before they are searched exactly: the answer is the same, found sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat import solve as module
from dse.mapper.flat.run import PRICED
from dse.mapper.flat.solve import solve_flat
from dse.mapper.shared.incumbent import FRONT
from dse.problem.layer import Layer

LAYERS = (
    Layer("conv", K=16, C=8, P=14, Q=14, R=3, S=3),
    Layer("strided", K=8, C=6, P=13, Q=7, R=5, S=3, stride_h=2, stride_w=2),
    Layer("fc", K=120, C=84),
)


def front(layer: Layer, dataflow: str, *, stopped: bool = False, beaten: Any = None) -> Any:
    """A layer's front on a chip with small memories, on which first mappings are poor."""
    settings = {"dataflow": dataflow, "levels.GLB.capacity": "4 KiB", "levels.PE.capacity.weight": "16 word"}
    chip = load_architecture_spec("eyeriss").resolve(settings)
    stop = np.full(1, int(stopped), dtype=np.int64)
    return solve_flat(chip, layer, FRONT, 0.0, "all", 4096, stop=stop, beaten=beaten)


@pytest.mark.parametrize("dataflow", ["row-stationary", "weight-stationary", "flexible"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_front_is_the_same_however_it_is_searched(layer: Layer, dataflow: str, monkeypatch: Any) -> None:
    found = front(layer, dataflow)
    monkeypatch.setattr(module, "ROUGHLY", ())
    at_once = front(layer, dataflow)
    assert found.values.shape == at_once.values.shape
    assert np.allclose(found.values, at_once.values, rtol=1e-11, atol=0.0)
    assert found.gap == at_once.gap == 0.0
    corners = np.array([[at_once.values[0, 0], 0.0], [0.0, at_once.values[-1, 1] * 1.01]])
    below = front(layer, dataflow, beaten=corners)
    monkeypatch.setattr(module, "ROUGHLY", (0.3, 0.05))
    assert np.allclose(front(layer, dataflow, beaten=corners).values, below.values, rtol=1e-11, atol=0.0)


def test_fewer_mappings_are_priced(monkeypatch: Any) -> None:
    """On this chip, the first PE tile has thousands of mappings that improve on what is known by a little."""
    settings = {"levels.array.cols": 6, "levels.GLB.capacity": "32 KiB", "levels.PE.capacity.weight": "16 word"}
    chip = load_architecture_spec("eyeriss").resolve(settings)
    layer = Layer("block3_conv1", K=256, C=128, P=56, Q=56, R=3, S=3)
    priced = []
    for gaps in ((0.3, 0.05), ()):
        monkeypatch.setattr(module, "ROUGHLY", gaps)
        found = solve_flat(chip, layer, FRONT, 0.0, "all", 4096, stop=np.zeros(1, dtype=np.int64))
        priced.append(found.visited[PRICED])
    assert 4 * priced[0] < priced[1]


def test_the_gap_of_a_front_that_was_stopped_while_it_was_searched_roughly_is_no_less(monkeypatch: Any) -> None:
    found = front(LAYERS[0], "flexible", stopped=True)
    assert found.gap >= 0.3
    whole = front(LAYERS[0], "flexible").values
    matched = found.values[None, :, :] <= whole[:, None, :] * (1 + found.gap + 1e-9)
    assert matched.all(axis=2).any(axis=1).all()
