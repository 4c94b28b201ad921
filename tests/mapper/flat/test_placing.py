"""The walk over outer tiles finds the best mapping of an array configuration."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import ALL, draw_ports, per_operand

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level
from dse.mapper.flat.placing import AMPLE, CROWDED, NOWHERE, SEQUENCE
from dse.mapper.flat.solve import solve_flat
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY
from dse.problem.layer import Layer


@dataclass(frozen=True)
class Buffered:
    """A memory and a buffer in front of one MAC: one array configuration, so outer tiles are all there is to search."""

    architecture: Architecture
    layer: Layer


def drawn(seed: int) -> Buffered:
    rng = Random(f"placing {seed}")
    dims = rng.sample("NKCPQRS", rng.choice((2, 3, 3)))
    layer = Layer("small", **{dim: rng.randint(2, 6) for dim in dims}, stride_h=rng.choice((1, 1, 2)))
    sizes = (layer.ifmap_words, layer.weight_words, layer.psum_words)
    words = 3 + int(rng.choice((0.1, 0.3, 0.6)) * sum(sizes))
    levels = (
        Level("DRAM", ALL, read_energy_pj=per_operand(rng, 200.0), write_energy_pj=per_operand(rng, 200.0),
              ports=draw_ports(rng)),
        Level("buffer", ALL, capacity_bits=16 * words, may_bypass=rng.choice((frozenset(), frozenset({"weight"}))),
              read_energy_pj=per_operand(rng, 6.0), write_energy_pj=per_operand(rng, 6.0), ports=draw_ports(rng)),
    )  # fmt: skip
    return Buffered(Architecture("buffered", levels, Mac(1.0), 1e9, static_power_mw=rng.choice((0.0, 30.0))), layer)


@pytest.mark.parametrize("seed", range(16))
def test_the_best_of_a_configuration_is_that_of_a_full_walk(seed: int) -> None:
    """Where trips only add words, where windows leave holes, and where the buffer has hardly any room."""
    problem = drawn(seed)
    walked = walk_all(problem.architecture, problem.layer)

    def found(kind: int) -> Any:
        stop = np.zeros(1, dtype=np.int64)
        return solve_flat(problem.architecture, problem.layer, kind, 0.0, "all", 4096, stop=stop).values

    if not walked.mappings:
        assert len(found(ENERGY)) == 0
        return
    assert found(ENERGY)[0, 0] == pytest.approx(walked.energy, rel=EQUAL)
    assert found(LATENCY)[0, 1] == pytest.approx(walked.latency[0], rel=EQUAL)
    assert found(EDP)[0].prod() == pytest.approx(walked.edp, rel=EQUAL)
    assert significant(found(FRONT)) == pytest.approx(significant(walked.front), rel=EQUAL)


def test_every_dim_is_decided_once() -> None:
    assert sorted(SEQUENCE) == list(range(8))
    assert NOWHERE < CROWDED < AMPLE
