"""Tensors on chip in the terminal."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dse.mapper.network.residency.result import ResidencyCertificate
from dse.report.text.residency import kept_line, residency_proof_line, residency_table


def tensor(name, steps, before, after, why=""):
    return {"name": name, "bits": 8192, "steps": steps, "words_before": before, "words_after": after, "why_not": why}


PLAIN = {
    "workload": "net", "energy_pj": 50.0, "cycles": 100.0, "latency_s": 1e-6, "edp_js": 50e-18,
    "residency": {
        "level": "GLB", "before": {"energy_pj": 100.0, "cycles": 200.0},
        "tensors": [tensor("a", ["a", "b", "c"], 2000, 0), tensor("b", ["b"], 1000, 0),
                    tensor("x", [], 500, 500, "it leaves the network")],
    },
}  # fmt: skip


def test_every_tensor_has_its_steps_or_a_reason():
    text = residency_table(PLAIN).to_text()
    line = {name: next(one for one in text.splitlines() if one.startswith(f"{name} ")) for name in "abx"}
    assert "a to c" in line["a"]
    assert "2,000" in line["a"]
    assert " to " not in line["b"]
    assert "it leaves the network" in line["x"]
    assert "tensors of net in GLB" in text


def test_what_it_saves():
    text = kept_line(PLAIN)
    assert text.startswith("GLB keeps 2 of 3 tensors:")
    assert "energy 100 pJ to 50.0 pJ (-50.0%)" in text
    assert "latency 2.00 µs to 1.00 µs (-50.0%)" in text
    assert "(-75.0%)" in text.splitlines()[3]  # of the product
    assert "3,500 to 500 (-85.7%)" in text


def test_a_run_that_is_given_has_nothing_to_compare_with():
    given = {**PLAIN, "residency": {**PLAIN["residency"], "before": None}}
    assert kept_line(given) == "GLB keeps 2 of 3 tensors, as the file says"
    unknown = [{**one, "words_before": None} for one in PLAIN["residency"]["tensors"]]
    text = residency_table({**PLAIN, "residency": {**given["residency"], "tensors": unknown}}).to_text()
    assert " - " in text


@pytest.mark.parametrize(
    ("value", "objective", "claim"),
    [(100.0, "edp", "none has a lower energy-delay product"),
     (105.0, "energy", "none is more than 5.00% better in energy")],
)
def test_the_proof_claims_its_gap(value, objective, claim):
    proof = ResidencyCertificate(objective, value, 100.0, ("a",), 1, 2, 3, 4)
    run = SimpleNamespace(certificate=proof, setting=SimpleNamespace(level="GLB"))
    assert claim in residency_proof_line(run)
    assert "2 searches of 1 distinct layers" in residency_proof_line(run)
    assert replace(proof, value=100.0).gap == 0
    assert "none, this run was given" in residency_proof_line(SimpleNamespace(certificate=None))
