"""What the outer table rules out: a walk finds the same without it, and tries more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat import placing
from dse.mapper.flat.outer import dear
from dse.mapper.flat.outer.kept import whole_table
from dse.mapper.flat.problems import Problem, prepare
from dse.mapper.flat.run import RECORD, FlatIncumbents, new_configuration, new_run, new_walk, new_work
from dse.mapper.flat.search import search
from dse.mapper.flat.solve import NO_MAPPING
from dse.mapper.shared.incumbent import EDP, FRONT, LATENCY
from dse.problem.layer import Layer

LAYER = Layer("conv", K=6, C=2, P=6, Q=6, R=3)


def walked(problem: Problem, kind: int) -> tuple[Any, int]:
    """The values that a walk in plain Python ends with, and how many mappings it prices."""
    run, rows = new_run(kind, 0.0, False), 64
    run.fastest, run.until = problem.fastest, np.inf
    incumbents = FlatIncumbents(np.zeros((rows, 2)), np.full((rows, RECORD), NO_MAPPING, dtype=np.int64))
    search(
        problem.instance, run, new_work(), new_walk(), new_configuration(), problem.options, problem.tiles,
        whole_table(problem.instance), incumbents, np.zeros(1, dtype=np.int64),
    )  # fmt: skip
    return incumbents.values[: run.held], int(run.visited[3])


@pytest.mark.parametrize("kind", [LATENCY, EDP, FRONT])
def test_a_walk_finds_the_same_without_what_the_table_rules_out(kind: int, monkeypatch: Any) -> None:
    small = {"levels.array.rows": 3, "levels.array.cols": 2, "levels.GLB.capacity": "256 byte"}
    chip = load_architecture_spec("eyeriss").resolve({**small, "levels.PE.capacity.weight": "8 word"})
    problem = prepare(chip, LAYER, kind, "all")[1][0]
    found, priced = walked(problem, kind)
    for name in ("p_too_dear", "too_dear", "trips_too_dear"):
        assert getattr(placing, name) is getattr(dear, name)
        monkeypatch.setattr(placing, name, lambda *_: False)
    whole, more = walked(problem, kind)
    assert len(found)
    assert np.array_equal(found, whole)
    assert priced <= more
