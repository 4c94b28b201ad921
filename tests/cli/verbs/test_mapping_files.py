"""Mappings that verbs write, and evaluate again."""

import json
import os

import pytest
from explore.toy import ARCH, NET

from dse.cli.main import run
from dse.mapper.proof import check


@pytest.fixture
def dse(tmp_path, monkeypatch, capsys):
    """Run a command line where the toy files are; gives exit code, output and error output."""
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)

    def call(line):
        code = run(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def evaluation(dse, line):
    code, out, err = dse(f"evaluate toy.yaml tiny.yaml --format json {line}")
    assert code == 0, err
    return json.loads(out)


def test_best_mappings_cost_the_same_when_they_are_read_back(dse):
    best = evaluation(dse, "--objective energy --save best.yaml")
    again = evaluation(dse, "--mapping best.yaml")
    assert again["energy_pj"] == pytest.approx(best["energy_pj"], rel=1e-12)
    assert again["cycles"] == best["cycles"]
    assert all(layer["certificate"] is None for layer in again["layers"])
    assert [layer["mapping"] for layer in again["layers"]] == [layer["mapping"] for layer in best["layers"]]


def test_some_layers_are_given_and_the_others_mapped(dse, tmp_path):
    whole = evaluation(dse, "")
    name = whole["layers"][0]["name"]
    assert dse(f"map toy.yaml tiny.yaml {name} --save one.yaml")[0] == 0
    mixed = evaluation(dse, "--mapping one.yaml")
    assert [layer["certificate"] is None for layer in mixed["layers"]].count(True) == 1
    assert mixed["edp_js"] == pytest.approx(whole["edp_js"], rel=1e-12)
    assert dse(f"evaluate toy.yaml tiny.yaml --mapping one.yaml --layer {name}")[0] == 0


def test_a_mistake_in_a_mapping_is_bad_input(dse, tmp_path):
    (tmp_path / "bad.yaml").write_text("mapping: bad\nlayers:\n  nothing: {}\n")
    code, out, err = dse("evaluate toy.yaml tiny.yaml --mapping bad.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: bad.yaml:3:3: there is no layer 'nothing'")
    code, _, err = dse("evaluate toy.yaml tiny.yaml --mapping nowhere.yaml")
    assert code == 2
    assert "there is no such file" in err


def test_a_file_may_ask_for_timeloops_counting(dse, tmp_path):
    best = evaluation(dse, "--factors perfect --save best.yaml")
    text = (tmp_path / "best.yaml").read_text()
    (tmp_path / "theirs.yaml").write_text(text.replace("layers:", "counting: timeloop\nlayers:"))
    theirs = evaluation(dse, "--mapping theirs.yaml")
    assert theirs["cycles"] < best["cycles"]  # everything overlaps there
    assert theirs["layers"][0]["reuse"] == []


def test_a_mapping_that_breaks_a_rule_is_refused_or_marked(dse):
    free = evaluation(dse, "--dataflow flexible --objective energy --save free.yaml")
    code, out, err = dse("evaluate toy.yaml tiny.yaml --mapping free.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: free.yaml:3:3: the mapping of one breaks rules of row-stationary: ")
    assert "--any-mapping" in err
    marked = evaluation(dse, "--mapping free.yaml --any-mapping")
    assert marked["energy_pj"] == pytest.approx(free["energy_pj"], rel=1e-12)
    assert marked["energy_pj"] < evaluation(dse, "--objective energy")["energy_pj"], "the case is too easy"
    assert marked["layers"][0]["breaks_rules"]
    shown = " ".join(dse("evaluate toy.yaml tiny.yaml --mapping free.yaml --any-mapping")[1].split())
    assert f"NOT A MAPPING OF row-stationary: one: {marked['layers'][0]['breaks_rules'][0]}" in shown
    kept = evaluation(dse, "--mapping free.yaml --dataflow flexible")
    assert [layer["breaks_rules"] for layer in kept["layers"]] == [[]] * len(kept["layers"])


@pytest.mark.parametrize("loops", [
    "{K: 1000000000000}", "{K: 1000000000}", f"{{K: {10**39}}}", "{K: 7}", f"[{', '.join(['{K: 6}'] * 40)}]",
])  # fmt: skip
def test_huge_factors_are_refused_at_once(dse, tmp_path, loops):
    (tmp_path / "huge.yaml").write_text(f"mapping: huge\nlayers:\n  one:\n    DRAM: {{loops: {loops}}}\n")
    code, out, err = dse("evaluate toy.yaml tiny.yaml --mapping huge.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: huge.yaml:")
    assert "at most the bound" in err or "2147483648" in err or "cover" in err


def test_the_schema_of_mapping_files(dse):
    code, out, _ = dse("schema mapping")
    assert code == 0
    assert "layers" in json.loads(out)["properties"]


def test_map_writes_a_proof_that_the_checker_accepts(dse, tmp_path):
    layer = next(iter(evaluation(dse, "--objective energy")["layers"]))["name"]
    code, _, err = dse(f"map toy.yaml tiny.yaml {layer} --objective energy --proof proof.json")
    assert code == 0, err
    assert "no mapping has less energy than" in check.check(json.loads((tmp_path / "proof.json").read_text()))


def test_map_checks_a_proof_against_a_layer(dse, tmp_path):
    layers = [layer["name"] for layer in evaluation(dse, "--objective energy")["layers"]]
    assert dse(f"map toy.yaml tiny.yaml {layers[0]} --objective energy --proof proof.json")[0] == 0
    check = f"map toy.yaml tiny.yaml {layers[0]} --check-proof proof.json"
    code, out, err = dse(f"{check} --objective energy")
    assert (code, err) == (0, "")
    assert "no mapping has less energy than" in out
    code, out, _ = dse(f"{check} --objective energy --format json")
    assert (code, json.loads(out)["holds"]) == (0, True)
    code, out, _ = dse(f"{check} --objective edp")
    assert code == 1
    assert out.startswith("proof.json: NOT PROVEN: it is about another problem: objective has 1 entries in the file")
    code, out, _ = dse(f"{check} --objective energy --format json --set levels.array.cols=2")
    assert (code, json.loads(out)["holds"]) == (1, False)
    proof = json.loads((tmp_path / "proof.json").read_text())
    (tmp_path / "proof.json").write_text(json.dumps({**proof, "trees": {}}))
    code, out, _ = dse(f"{check} --objective energy")
    assert code == 1
    assert out.startswith("proof.json: NOT PROVEN: it has no '")
    (tmp_path / "proof.json").write_text(json.dumps({**proof, "mapping": 3}))
    code, out, _ = dse(f"{check} --objective energy")
    assert code == 1
    assert out.startswith("proof.json: NOT PROVEN: it is not laid out as a proof (TypeError: ")


@pytest.mark.parametrize(("text", "message"), [
    (b'{"format": 5, "layer', "error: proof.json:1:15: no JSON, or not all of it: unterminated string"),
    (b"layers: none", "error: proof.json:1:1: no JSON, or not all of it: expecting value"),
    (b"\xff\xfe\x00", "error: proof.json: no JSON that can be read: 'utf-8' codec"),
    (b"[" * 100_000, "error: proof.json: no JSON that can be read: maximum recursion depth"),
    (None, "error: --check-proof: file 'proof.json' does not exist"),
])  # fmt: skip
def test_a_proof_that_is_no_json_is_bad_input(dse, tmp_path, text, message):
    if text is not None:
        (tmp_path / "proof.json").write_bytes(text)
    code, out, err = dse("map toy.yaml tiny.yaml one --check-proof proof.json")
    assert (code, out) == (2, "")
    assert err.startswith(message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_proof_that_is_no_file_is_never_opened(dse, tmp_path):
    """A pipe that nobody writes to would be waited for, and a device be read until memory is full."""
    os.mkfifo(tmp_path / "pipe")
    for name, noun in (("pipe", "a pipe"), ("/dev/zero", "a device")):
        code, out, err = dse(f"map toy.yaml tiny.yaml one --check-proof {name}")
        assert (code, out, err) == (2, "", f"error: {name}: this is {noun}, not a file\n")


@pytest.mark.parametrize("option", ["--proof other.json", "--save other.yaml", "--time-limit 1s"])
def test_who_checks_a_proof_searches_nothing(dse, tmp_path, option):
    (tmp_path / "proof.json").write_text("{}")
    code, _, err = dse(f"map toy.yaml tiny.yaml one --check-proof proof.json {option}")
    assert code == 2
    assert "searches nothing" in err


def test_a_proof_needs_a_search_that_ends(dse, tmp_path):
    code, _, err = dse("map toy.yaml tiny.yaml conv --proof proof.json --time-limit 1s")
    assert code == 2
    assert "leave one of them out" in err
    assert not (tmp_path / "proof.json").exists()
