"""Tensors on chip in the terminal."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dse.mapper.network.residency.outcome.result import ResidencyCertificate
from dse.report.text.residency import kept_line, kept_table, left_table, on_chip, residency_proof_line


def tensor(name, steps, before, after, why="", short=(0, "")):
    return {"name": name, "bits": 8192, "steps": steps, "words_before": before, "words_after": after, "why_not": why,
            "short_bits": short[0], "short_in": short[1]}  # fmt: skip


PLAIN = {
    "workload": "net", "energy_pj": 50.0, "cycles": 100.0, "latency_s": 1e-6, "edp_js": 50e-18,
    "residency": {
        "level": "GLB", "before": {"energy_pj": 100.0, "cycles": 200.0},
        "tensors": [tensor("a", ["a", "b", "c"], 2000, 0), tensor("b", ["b"], 1000, 0),
                    tensor("x", [], 500, 500, "it leaves the network")],
    },
}  # fmt: skip


def test_every_tensor_has_its_steps_or_a_reason():
    kept, left = kept_table(PLAIN), left_table(PLAIN)
    assert [row[:4] for row in kept.rows] == [("a", "1 KiB", "a to c", "2.00 k"), ("b", "1 KiB", "b", "1.00 k")]
    assert left.rows == (("x", "1 KiB", "500", "leaves the network"),)
    assert kept.title.startswith("tensors of net that stay in GLB")


def test_no_reason_is_cut():
    """With the longest names of layers that shipped networks have."""
    name = "block35_10_conv_branch2_1x1_bn"
    reasons = ["an input, read once", "leaves the network", "would save nothing"]
    tensors = [tensor(name, [], 12345678, 12345678, reason) for reason in reasons]
    tensors.append(tensor(name, [], 9, 9, "10000 KiB larger than CMEM", (9999 * 8192 + 1, "")))
    short = tensor(name, [], 9, 9, f"9999 KiB short in {name}", (9999 * 8192, name))
    text = left_table({**PLAIN, "residency": {**PLAIN["residency"], "tensors": [*tensors, short]}}).to_text()
    assert max(map(len, text.splitlines())) <= 80
    assert all(reason in text for reason in [*reasons, "9999 KiB short ", "10000 KiB too large"])
    plain = {**short, "name": "conv5_block1_0_conv", "short_in": "conv5_block1_2_conv"}
    assert "…" not in left_table({**PLAIN, "residency": {**PLAIN["residency"], "tensors": [plain]}}).to_text()


def test_a_design_says_what_stays_what_that_changes_and_what_lacks_room():
    network = {**PLAIN, "residency": {**PLAIN["residency"], "tensors": [
        *PLAIN["residency"]["tensors"], tensor("small", [], 9, 9, "1 KiB short in c", (8192, "c")),
        {**tensor("large", [], 9, 9, "3 KiB larger than GLB", (24576, "")), "bits": 81920},
    ]}}  # fmt: skip
    text = " ".join(on_chip(network).split())
    assert text.startswith("on chip: GLB keeps 2 of 5 tensors: a, b that changes energy by -50.0 %, latency by -50.0 %")
    assert "lack room: large (10 KiB, 3 KiB larger than GLB), small (1 KiB, 1 KiB short in c)" in text
    assert "none of the others lacks room" in on_chip(PLAIN)
    none = {**PLAIN["residency"], "tensors": [tensor("x", [], 500, 500, "it leaves the network")]}
    assert "that changes" not in on_chip({**PLAIN, "residency": none})


def test_what_it_saves():
    text = kept_line(PLAIN)
    assert text.startswith("GLB keeps 2 of 3 tensors:")
    assert "energy 100 pJ to 50.0 pJ (-50.0 %)" in text
    assert "latency 2.00 µs to 1.00 µs (-50.0 %)" in text
    assert "(-75.0 %)" in text.splitlines()[3]  # of the product
    assert "3.50 k to 500 (-85.7 %)" in text


def test_a_run_that_is_given_has_nothing_to_compare_with():
    given = {**PLAIN, "residency": {**PLAIN["residency"], "before": None}}
    assert kept_line(given) == "GLB keeps 2 of 3 tensors, as the file says"
    unknown = [{**one, "words_before": None} for one in PLAIN["residency"]["tensors"]]
    text = kept_table({**PLAIN, "residency": {**given["residency"], "tensors": unknown}}).to_text()
    assert " - " in text


@pytest.mark.parametrize(
    ("value", "objective", "claim"),
    [(100.0, "edp", "none has a lower energy-delay product"),
     (105.0, "energy", "none is more than 5.00 % better in energy")],
)
def test_the_proof_claims_its_gap(value, objective, claim):
    proof = ResidencyCertificate(objective, value, 100.0, ("a",), 1, 2, 3, 4)
    run = SimpleNamespace(certificate=proof, setting=SimpleNamespace(named="GLB"))
    assert claim in residency_proof_line(run)
    assert "2 searches of 1 distinct layers" in residency_proof_line(run)
    assert "order of branches saves" not in residency_proof_line(run)
    for bound, said in ((90.0, f"at most {100 * (1 - 90 / value):.2f} %"), (value, "nothing")):
        known = SimpleNamespace(certificate=replace(proof, any_order=bound), setting=run.setting)
        assert residency_proof_line(known).endswith(f"any other order of branches saves {said}")
    assert replace(proof, value=100.0).gap == 0
    assert "none, this run was given" in residency_proof_line(SimpleNamespace(certificate=None))
