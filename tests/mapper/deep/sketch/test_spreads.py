"""Ways to fill fan-outs: the first one leaves as few steps as any."""

from __future__ import annotations

from itertools import product
from math import ceil, inf, prod
from pathlib import Path

import numpy as np
import pytest

import dse
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.sketch.estimate import PLACES
from dse.mapper.deep.sketch.moves import moves_of
from dse.mapper.deep.sketch.spreads import MOST_WAYS, spread_out, steps_of

SPEC = """
architecture: small
technology: {table: cmos-45nm, clock: 1 GHz}
levels:
  DRAM: {bandwidth: 8 GB/s, dram: lpddr4}
  GLB: {capacity: 64 KiB, bandwidth: 16 word/cycle}
  array: {rows: 6, cols: 5, multicast: word, reduces: psum}
  RF: {capacity: 256 B}
mac: {bits: 8}
dataflow: flexible
"""


def fewest_steps(bounds: list[int], rows: int, cols: int, perfect: bool) -> float:
    """With any factors of all dims on both sides."""
    several, least = [bound for bound in bounds if bound > 1], inf
    for on_rows in product(range(1, rows + 1), repeat=len(several)):
        if prod(on_rows) > rows:
            continue
        for on_cols in product(range(1, cols + 1), repeat=len(several)):
            children = [one * other for one, other in zip(on_rows, on_cols, strict=True)]
            if prod(on_cols) > cols:
                continue
            if perfect and any(bound % each for bound, each in zip(several, children, strict=True)):
                continue
            least = min(least, prod(ceil(bound / each) for bound, each in zip(several, children, strict=True)))
    return least


@pytest.mark.parametrize("factors", ["all", "perfect"])
def test_the_first_way_leaves_fewest_steps(tmp_path: Path, factors: str) -> None:
    path, random = tmp_path / "small.yaml", np.random.default_rng(3)
    path.write_text(SPEC)
    architecture = dse.load_architecture(path)
    for _ in range(20):
        k, c, p, q = (int(bound) for bound in random.integers(1, 14, size=4))
        layer = architecture.lowered(dse.Layer("layer", K=k, C=c, P=p, Q=q))
        problem = drafts_of(architecture, layer, factors)[1][0].problem
        most = moves_of(problem).most
        ways = spread_out(problem, most)
        steps = [steps_of(problem, way) for way in ways]
        assert 0 < len(ways) <= MOST_WAYS
        assert steps == sorted(steps)
        assert steps[0] == fewest_steps([k, c, p, q], 6, 5, factors == "perfect")
        for way in ways:
            assert (way <= np.maximum(most, 1)).all()
            for level, (rows, cols) in enumerate(problem.sides.tolist()):
                assert way[:, PLACES * level].max() == 1
                assert way[:, PLACES * level + 1].prod() <= rows
                assert way[:, PLACES * level + 2].prod() <= cols
        assert len({tuple(way.prod(axis=1).tolist()) for way in ways}) == len(ways)
