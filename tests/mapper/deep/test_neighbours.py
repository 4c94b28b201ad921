"""A search answers the same, mapping for mapping, whatever was searched before it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from mapper.walks.deep_walk import clustered_problem, deep_problem
from thinned import thinned

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.deep import kept
from dse.mapper.deep.solve import deep_mapping, solve_deep
from dse.mapper.layer import OBJECTIVES
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

PAIRS = 5
"""Pairs of machines in each case."""


def scaled(value: Any, by: float) -> Any:
    """A number, or one for each operand, so many times as large."""
    if isinstance(value, PerOperand):
        return PerOperand(*(scaled(getattr(value, o), by) for o in OPERANDS))
    return None if value is None else type(value)(value * by)


def neighbour(architecture: Architecture, random: Random) -> Architecture:
    """The same machine with another size, rate or energy at one level."""
    nodes = list(architecture.hierarchy)
    at = random.choice([i for i, node in enumerate(nodes) if isinstance(node, Level)])
    level: Any = nodes[at]
    by = random.choice([0.5, 2.0, 3.0])
    field = random.choice(["capacity_bits", "read_energy_pj", "write_energy_pj", "ports"])
    if field == "ports":
        ports = tuple(replace(port, words_per_cycle=scaled(port.words_per_cycle, by)) for port in level.ports)
        nodes[at] = replace(level, ports=ports)
    else:
        nodes[at] = replace(level, **{field: scaled(getattr(level, field), by)})
    return replace(architecture, hierarchy=tuple(nodes))


def answer(architecture: Architecture, problem: Any, objective: str) -> Any:
    found = solve_deep(architecture, problem.layer, OBJECTIVES[objective], 0.0, problem.kind, 4096)
    mappings = [deep_mapping(architecture, record, found.kept[int(record[-1])]) for record in found.records]
    return found.values.tolist(), mappings


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize("chunk", thinned(range(20), 20))
def test_what_was_searched_before_changes_no_answer(chunk: int, objective: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    for number in range(chunk * PAIRS, (chunk + 1) * PAIRS):
        problem = (clustered_problem if number % 4 == 3 else deep_problem)(number)
        other = neighbour(problem.architecture, Random(number))
        kept._kept.clear()
        alone = answer(problem.architecture, problem, objective)
        for before in ("energy", "latency" if objective == "latency" else "edp"):
            kept._kept.clear()
            answer(other, problem, before)
            assert answer(problem.architecture, problem, objective) == alone, f"pair {number}, {before} before"


def test_of_mappings_that_cost_the_same_the_same_one_is_the_answer(monkeypatch: Any) -> None:
    """Real layers have many equal mappings: without an order among them, 29 of 87 such answers were another one."""
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    spec = load_architecture_spec("simba_pe")
    problem = SimpleNamespace(layer=Layer("pointwise", K=256, C=512, P=28, Q=28), kind="all")
    machines = [
        spec.resolve({key: spec.parse_setting(key, value)} if key else {})
        for key, value in (
            ("", ""), ("levels.GLB.capacity", "32 KiB"), ("levels.GLB.energy", "3 pJ"),
            ("levels.DRAM.bandwidth", "12.8 GB/s"),
        )
    ]  # fmt: skip
    for objective in ("energy", "edp", "latency"):
        kept._kept.clear()
        after = [answer(machine, problem, objective) for machine in machines]
        for machine, found in zip(machines[1:], after[1:], strict=True):
            kept._kept.clear()
            assert answer(machine, problem, objective) == found


def test_a_search_begins_at_what_an_earlier_one_has_found(monkeypatch: Any) -> None:
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    problem = deep_problem(1)
    answer(problem.architecture, problem, "energy")
    assert [sorted(tables.found) for tables in kept._kept.values()] == [[OBJECTIVES["energy"]]]
