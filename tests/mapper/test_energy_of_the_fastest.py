"""A search for the least latency that is stopped says how far the energy of its answer is proven."""

from __future__ import annotations

from typing import Any

import elapsed
import numpy as np
import pytest
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL
from mapper.walks.mapper_cases import random_problem

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import turns
from dse.mapper.flat.solve import solve_flat
from dse.mapper.layer import LONGEST_FRONT, layer_answers, solve
from dse.mapper.proof.check import check
from dse.mapper.proof.write import prove
from dse.mapper.shared.incumbent import LATENCY
from dse.report.text.layers import gap_cell, gap_note, proof_lines

CONV = dse.Layer("conv", K=24, C=12, P=10, Q=10, R=3, S=3)


@pytest.mark.parametrize("gap", [0.0, 0.02])
@pytest.mark.parametrize(("machine", "layer"), [("edge_npu", CONV), ("simba_pe", CONV), ("edge_npu", "conv3")])
def test_no_energy_is_below_what_a_stopped_deep_search_says(machine: str, layer: Any, gap: float) -> None:
    chip = dse.load_architecture(machine)
    layer = dse.load_workload("alexnet").layer(layer) if isinstance(layer, str) else layer
    best = dse.map_layer(chip, layer, "latency")
    assert best.certificate.energy_gap == 0
    open_ = 0
    for fast, looks in ((True, 1), (False, 0), (False, 2), (False, 4), (False, 8)):
        with pytest.MonkeyPatch.context() as patch:
            elapsed.in_search(patch, looks, fast=fast)
            (found,) = layer_answers(chip, layer, "latency", gap=gap)
        proof = found.certificate
        assert proof.energy_gap is not None
        assert proof.energy_gap >= gap
        assert proof.gap == gap or fast
        assert found.energy_pj / (1 + proof.energy_gap) <= best.cost.energy_pj * (1 + EQUAL)
        if found.energy_pj > best.cost.energy_pj * (1 + gap) * (1 + EQUAL) and found.cycles <= best.cost.cycles:
            assert proof.energy_gap > gap
        open_ += proof.energy_gap > gap
    assert open_ > 0


@pytest.mark.parametrize("flow", ["flexible", "random", "row-stationary", "output-stationary"])
def test_no_energy_is_below_what_a_stopped_flat_search_says(flow: str) -> None:
    """Of full walks' optima, and of answers that are as fast as any, too."""
    tied = 0
    for seed in range(2000, 2060):
        problem = random_problem(seed, flow, "all")
        walked = walk_all(problem.architecture, problem.layer, "all")
        if walked.mappings == 0 or walked.energy <= 0.0:
            continue
        architecture, layer, stop = problem.architecture, problem.layer, np.ones(1, dtype=np.int64)
        found = solve_flat(architecture, layer, LATENCY, 0.0, problem.kind, LONGEST_FRONT, stop=stop)
        energy, cycles = found.values[0]
        least = min(one for one, time in walked.front if time <= cycles * (1 + EQUAL))
        assert found.energy_gap is not None
        assert energy / (1 + found.energy_gap) <= least * (1 + EQUAL), seed
        tied += found.gap < EQUAL < found.energy_gap
    assert tied > 0


def test_a_flat_search_that_ends_has_proven_its_energy_unless_one_of_the_fastest_will_do() -> None:
    eyeriss = dse.load_architecture("eyeriss")
    assert solve(eyeriss, CONV, "latency", 0.0, "all").energy_gap == 0
    assert solve(eyeriss, CONV, "latency", 0.1, "all").energy_gap is None
    assert solve(eyeriss, CONV, "energy", 0.0, "all").energy_gap is None


@pytest.mark.parametrize(
    ("spent", "fast", "looks"), [(500, True, 2), (500, False, 1), (9_000, False, 1), (9_000, False, 4)]
)
def test_of_both_searches_by_turns_the_one_that_has_proven_more_counts(
    spent: int, fast: bool, looks: int, monkeypatch: Any
) -> None:
    """The flat search is left after so much, and the time is over while the deep one is at work."""
    spec = load_architecture_spec("eyeriss_isca16")
    chip = spec.resolve({"dataflow": spec.parse_setting("dataflow", "flexible")})
    best = dse.map_layer(chip, CONV, "latency")
    monkeypatch.setattr(turns, "EARLY", dict.fromkeys(turns.EARLY, (spent, 1)))
    monkeypatch.setattr(turns, "ALONE", dict.fromkeys(turns.ALONE, spent))
    monkeypatch.setattr(turns, "_due", lambda *_: np.inf)
    elapsed.in_search(monkeypatch, looks, fast=fast)
    of_each, honest = list[tuple[float, float]](), turns._OneBest._proven_by_both

    def both(pair: Any, answer: Any) -> Any:
        of_each.append((pair.flat.solution().energy_gap, answer.energy_gap))
        return honest(pair, answer)

    monkeypatch.setattr(turns._OneBest, "_proven_by_both", both)
    (found,) = layer_answers(chip, CONV, "latency")
    proof = found.certificate
    assert proof.energy_gap is not None
    assert (proof.gap == 0) is not fast
    if found.cycles == pytest.approx(best.cost.cycles, rel=EQUAL):
        assert found.energy_pj / (1 + proof.energy_gap) <= best.cost.energy_pj * (1 + EQUAL)
    ((by_flat, by_deep),) = of_each
    assert proof.energy_gap <= min(by_flat, by_deep) * (1 + EQUAL)


def test_what_is_not_proven_of_energy_is_said(monkeypatch: Any) -> None:
    elapsed.in_search(monkeypatch, 0, fast=False)
    best = dse.map_layer(dse.load_architecture("edge_npu"), CONV, "latency")
    proof = best.certificate
    assert proof.gap == 0
    assert proof.energy_gap > 0
    assert "no mapping has a lower latency; its energy, NOT PROVEN LEAST, may be above" in proof_lines(best)[0]
    assert "NOT PROVEN" not in proof_lines(best, asked=proof.energy_gap)[0]
    assert best.to_dict()["certificate"]["energy_gap"] == proof.energy_gap
    assert "energy_gap=" in repr(best)
    layer = {"name": "conv", "certificate": proof.to_dict()}
    assert gap_cell(layer, 0.0) == "0 % *"
    note = gap_note({"layers": [layer]}, 0.0)
    assert note.startswith("ENERGY NOT PROVEN LEAST (*): conv.")
    assert "may take more by up to" in note
    unknown = {"layers": [{"name": "conv", "certificate": {**proof.to_dict(), "energy_gap": None}}]}
    assert "by nobody knows how much" in gap_note(unknown, 0.0)


def test_a_proof_of_the_least_latency_holds_without_any_of_energy(monkeypatch: Any) -> None:
    """It claims nothing else: a mapping that is as fast and takes more energy proves the same value."""
    chip = dse.load_architecture("edge_npu")
    best = dse.map_layer(chip, CONV, "latency")
    elapsed.in_search(monkeypatch, 0, fast=False)
    proof = prove(chip, CONV, "latency")
    assert proof["value"] * proof["cycles_per_step"] == pytest.approx(best.cost.cycles, rel=EQUAL)
    assert check(proof).startswith("conv on edge_npu: no mapping has less time than")
