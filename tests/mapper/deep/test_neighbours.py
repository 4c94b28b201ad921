"""A search answers the same, mapping for mapping, whatever was searched before it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from mapper.walks.deep_walk import clustered_problem, deep_problem
from thinned import thinned

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.deep import solve
from dse.mapper.deep.bounds import kept
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.known import deep_mapping
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.solve import begun_at, solve_deep
from dse.mapper.deep.tree.earlier import taken_over
from dse.mapper.layer import OBJECTIVES
from dse.mapper.shared.reference import Reference
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

PAIRS = 5
"""Pairs of machines in each case."""

GAP = 0.05


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


def answer(
    architecture: Architecture, problem: Any, objective: str, gap: float = 0.0, beside: Architecture | None = None
) -> Any:
    kind = OBJECTIVES[objective]
    reference = None if beside is None else Reference(beside, repr(beside))
    begun = reference and begun_at(reference, problem.layer, kind, gap, problem.kind, None)
    found = solve_deep(architecture, problem.layer, kind, gap, problem.kind, 4096, begun=begun)
    mappings = [deep_mapping(architecture, record, found.kept[int(record[-1])]) for record in found.records]
    return found.values.tolist(), mappings


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
def test_of_mappings_that_take_no_energy_the_first_is_named_whatever_was_searched_before(
    objective: str, monkeypatch: Any
) -> None:
    """No bound tells them apart."""
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    slow, fast = (Port("both", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), rate)
                  for rate in (0.25, 4.0))  # fmt: skip
    every, some = frozenset(OPERANDS), PerOperand.same(1.0)
    free = Architecture("free", (
        Level("DRAM", every, ports=(slow,)), Level("L2", every, capacity_bits=4000, ports=(fast,)),
        Level("L1", every, capacity_bits=600, ports=(slow,)), FanOut("array", 4, 4),
    ), Mac(0.0), 1e9)  # fmt: skip
    *levels, array = free.hierarchy
    other = free.with_(hierarchy=(*(replace(level, read_energy_pj=some, ports=()) for level in levels), array))
    problem = SimpleNamespace(layer=Layer("conv", K=8, C=6, P=7, Q=7, R=3, S=3), kind="all")
    alone = answer(free, problem, objective)
    kept._kept.clear()
    for before in ("front", objective):
        answer(other, problem, before)
    assert answer(free, problem, objective) == alone


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


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("chunk", thinned(range(20), 20))
def test_with_a_gap_the_reference_alone_says_where_a_search_begins(
    chunk: int, objective: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    begins = 0
    for number in range(chunk * PAIRS, (chunk + 1) * PAIRS):
        problem = (clustered_problem if number % 4 == 3 else deep_problem)(number)
        reference, other = (neighbour(problem.architecture, Random(100 * number + each)) for each in range(2))
        forget()
        alone = answer(problem.architecture, problem, objective, GAP, reference)
        begins += any(begun is not None for begun in solve._BEGUN.values())
        forget()
        for gap in (GAP, 0.0):
            answer(reference, problem, objective, gap)
            answer(other, problem, objective, gap, reference)
            answer(problem.architecture, problem, objective, gap)
        assert answer(problem.architecture, problem, objective, GAP, reference) == alone, f"problem {number}"
        best = answer(problem.architecture, problem, objective)
        for (values,), (least,) in [(alone[0], best[0])] if best[0] else []:
            assert value_of(objective, values) <= (1 + GAP) * (1 + 1e-9) * value_of(objective, least)
    assert begins > 0


def forget() -> None:
    kept._kept.clear()
    solve._BEGUN.clear()


def value_of(objective: str, point: list[float]) -> float:
    return {"energy": point[0], "latency": point[1], "edp": point[0] * point[1]}[objective]


def test_a_reference_with_other_splits_or_without_mappings_says_nothing() -> None:
    spec = load_architecture_spec("simba_pe")
    layer = spec.architecture.lowered(Layer("pointwise", K=16, C=32, P=7, Q=7))
    own, small, large, none = (
        spec.resolve({key: spec.parse_setting(key, value) for key, value in settings.items()})
        for settings in (
            {}, {"levels.GLB.capacity": "16 KiB"}, {"levels.array.rows": "2"}, {"levels.GLB.capacity": "1 B"},
        )
    )  # fmt: skip
    problem = SimpleNamespace(layer=layer, kind="all")
    cold = answer(own, problem, "edp", GAP)
    assert answer(own, problem, "edp", GAP, large) == answer(own, problem, "edp", GAP, none) == cold
    assert begun_at(Reference(none, "none"), layer, OBJECTIVES["edp"], GAP, "all", None) is None
    begun = begun_at(Reference(small, "small"), layer, OBJECTIVES["edp"], GAP, "all", None)
    assert begun is begun_at(Reference(small, "small"), layer, OBJECTIVES["edp"], GAP, "all", None)
    assert taken_over(spaces_of(own, layer, "all")[1], begun) == [begun.found]
    assert taken_over(spaces_of(large, layer, "all")[1], begun) == []


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


def test_spaces_are_the_same_whatever_machines_came_before(monkeypatch: Any) -> None:
    """Times of ports, terms of limits and columns of choices are taken over from them where nothing else follows."""
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    for number in range(16):
        problem = (clustered_problem if number % 4 == 3 else deep_problem)(number)
        machines = [problem.architecture]
        for step in range(6):
            machines.append(neighbour(machines[step // 2], Random(100 * number + step)))
        kept._kept.clear()
        after = [stated(machine, problem) for machine in machines]
        for at, machine in enumerate(machines):
            kept._kept.clear()
            assert stated(machine, problem) == after[at], f"problem {number}, machine {at}"


def stated(architecture: Architecture, problem: Any) -> Any:
    """All that bounds a layer: terms, limits, and the columns with one list laid down."""
    found = []
    for whole in spaces_of(architecture, problem.layer, problem.kind)[1]:
        for space in (whole, *whole.parts):
            kin = space.kin(nothing_of(space.problem), 0)
            tables = [[hash(column.tobytes()) for column in axis.table()] for axis in space.axes]
            columns = [[table[place] for table, place in zip(tables, row, strict=True)] for row in kin.first[-1]]
            numbers = space.limits.tolist(), space.cuts.tolist(), kin.logs.tolist()
            found.append((space.terms, numbers, space.problem.visits_pay, columns))
    return found


def test_what_is_kept_of_machines_counts_with_the_tables(monkeypatch: Any) -> None:
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    problem = deep_problem(1)
    answer(problem.architecture, problem, "energy")
    (tables,) = kept._kept.values()
    kins = [kin for laid in tables.shared.laid.values() for kin in laid.kins.values()]
    assert tables.shared.nbytes >= sum(first.nbytes for _, _, first in kins) / 2 > 0
    before = len(tables.shared.alike)
    for factor in range(2, 2 + 2 * kept.MOST_KEPT):
        outer, *inner = problem.architecture.hierarchy
        outer = replace(outer, read_energy_pj=scaled(outer.read_energy_pj, factor))
        spaces_of(replace(problem.architecture, hierarchy=(outer, *inner)), problem.layer, problem.kind)
    assert before < len(tables.shared.alike) == kept.MOST_KEPT


def test_a_search_begins_at_what_an_earlier_one_has_found(monkeypatch: Any) -> None:
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    problem = deep_problem(1)
    answer(problem.architecture, problem, "energy")
    assert [sorted(tables.found) for tables in kept._kept.values()] == [[OBJECTIVES["energy"]]]
