"""Parameters of workload files: where names stand for sizes, what may be set, and what is refused."""

import json
import re

import pytest

from dse.cli.main import run
from dse.errors import DseError, SpecError
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.plan.workloads import WorkloadChanges
from dse.explore.results.record import write_settings
from dse.explore.sweep_file import load_plan
from dse.formats.workload.load import load_workload, load_workloads, parse_workload
from dse.formats.workload.models import workload_schema
from dse.formats.workload.parameters import parse_parameters

TEXT = """\
workload: net
parameters: {seq: 8, wide: 4}
input: {x: [seq, 16], seq_too: [4*seq, 2]}
layers:
  a: {fc: wide, from: x}
  scores: {matmul: {heads: 2, m: 3 * seq, k: 5, n: seq}}
  seq: {activation: seq}
  b: {reshape: [wide, seq], from: a}
  c: {layer: {K: wide, C: 2*wide, H: 1, W: 1}, shape: [wide, 1, 1], bits: {psum: 24 bit}}
expect: {macs: 2464}
"""


def test_names_and_multiples_stand_for_sizes():
    net = parse_workload(TEXT)
    assert net.name == "net"
    assert {node.name: node.shape for node in net.nodes}["seq_too"] == (32, 2)
    a, scores, c = net.layers
    assert (a.N, a.K, a.C) == (8, 4, 16)
    assert (scores.G, scores.N, scores.C, scores.K) == (2, 24, 5, 8)
    assert (c.K, c.C, c.bits.psum) == (4, 8, 24)
    assert {node.name: node.shape for node in net.nodes}["seq"] == (24, 16)  # a layer may have a parameter's name


def test_other_values_are_in_the_name_and_expect_is_not_checked():
    net = parse_workload(TEXT, parameters={"seq": 2})
    assert net.name == "net-seq2"
    assert net.layers[0].N == 2
    assert parse_workload(TEXT, parameters={"seq": 8}) == parse_workload(TEXT)
    with pytest.raises(SpecError, match="the layers have 2,464 macs, not 2,465"):
        parse_workload(TEXT.replace("2464", "2465"))
    parse_workload(TEXT.replace("2464", "2465"), parameters={"wide": 2})


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "hint"),
    [
        ("fc: wide", "fc: wilde", 5, "'wilde' is no parameter of this file", "did you mean 'wide'"),
        ("[wide, seq]", "[wide, seq+1]", 8, "'seq\\+1' is no size", "a multiple such as 4\\*seq"),
        ("[wide, seq]", "[wide, 'seq*2']", 8, "'seq\\*2' is no size", "a multiple"),
        ("[wide, seq]", "[wide, __import__('os')]", 8, "is no size", "a number, a parameter"),
        ("seq: 8", "seq: 0", 2, "seq: should be a whole number from 1", None),
        ("seq: 8", "seq: wide", 2, "seq: should be a whole number from 1", None),
        ("seq: 8", "seq: true", 2, "seq: should be a whole number from 1", None),
        ("seq: 8", "2seq: 8", 2, "'2seq' cannot name a parameter", "letters, digits"),
        ("seq: 8", "same: 8", 2, "'same' cannot name a parameter", None),
        ("{seq: 8, wide: 4}", "[8]", 2, "a mapping of names to sizes", None),
        ("[seq, 16]", "[1000000000000000*seq, 16]", 3, "is no size", None),
        ("[seq, 16]", "[100000000000000*seq, 16]", 3, "at most", None),
    ],
)
def test_mistakes_are_pointed_at(old, new, line, message, hint):
    with pytest.raises(SpecError, match=message) as caught:
        parse_workload(TEXT.replace(old, new, 1))
    first = getattr(caught.value, "errors", (caught.value,))[0]
    assert first.line == line
    assert hint is None or re.search(hint, first.hint or "")


def test_what_may_be_set():
    with pytest.raises(SpecError, match=r"bert_base\.yaml declares no parameter 'sek'") as caught:
        load_workload("bert_base", {"sek": 4})
    assert caught.value.hint == "did you mean 'seq'?"
    with pytest.raises(SpecError, match=r"vgg16\.yaml declares no parameters"):
        load_workload("vgg16", {"seq": 4})
    for value in (0, -1, 1 << 60, True, 1.5):
        with pytest.raises(SpecError, match="parameter seq is a whole number from 1 to"):
            load_workload("bert_base", {"seq": value})


def test_of_several_workloads_each_gets_its_own():
    first, second, third = load_workloads(["bert_base", "alexnet", load_workload("vgg16")], {"seq": 64})
    assert (first.name, second.name, third.name) == ("bert_base-seq64", "alexnet", "vgg16")
    with pytest.raises(SpecError, match="none of the workloads declares a parameter 'sek'") as caught:
        load_workloads(["bert_base", "alexnet"], {"sek": 64})
    assert caught.value.hint == "did you mean 'seq'?"
    with pytest.raises(SpecError, match="none of the workloads declares parameters"):
        load_workloads(["vgg16", "alexnet"], {"seq": 64})


def test_texts_of_the_command_line():
    assert parse_parameters(["seq=384", " wide = 4 "]) == {"seq": 384, "wide": 4}
    for wrong in ("seq", "seq=", "=3", "seq=a", "seq=-1", "seq=1.5", "seq=9" + "9" * 99):
        with pytest.raises(DseError, match="not NAME=NUMBER"):
            parse_parameters([wrong])
    with pytest.raises(DseError, match="seq is given twice"):
        parse_parameters(["seq=1", "seq=2"])


def test_editors_accept_names_where_sizes_stand():
    validator = pytest.importorskip("jsonschema").Draft202012Validator(workload_schema())
    net = {"workload": "n", "parameters": {"seq": 3}, "input": {"x": ["seq", 2]}}
    assert not list(validator.iter_errors({**net, "layers": {"a": {"reshape": ["2*seq", 1]}}}))
    assert list(validator.iter_errors({**net, "layers": {"a": {"reshape": ["2*", 1]}}}))


def test_a_sweep_remembers_them(tmp_path):
    search = Search(2, "random", 0, ("energy",), 0.1)
    plan = make_plan("eyeriss", ["bert_base", "alexnet"], search, changes=WorkloadChanges(parameters={"seq": 8}))
    assert [one.name for one in plan.workloads] == ["bert_base-seq8", "alexnet"]
    write_settings(tmp_path, plan, plan.problem(), "random")
    again = load_plan(tmp_path / "sweep.yaml")
    assert again.workloads == plan.workloads
    assert again.changes.parameters == {"seq": 8}
    narrow = load_plan(
        tmp_path / "sweep.yaml", workloads=WorkloadChanges(bits={"weight": 8}, density={"ifmap": 0.5})
    )
    write_settings(tmp_path, narrow, narrow.problem(), "random")
    assert "bits: {weight: 8}" in (tmp_path / "sweep.yaml").read_text()
    assert load_plan(tmp_path / "sweep.yaml").workloads == narrow.workloads
    assert {(layer.bits.weight, layer.bits.ifmap, layer.density.ifmap) for layer in narrow.workloads[1].layers} == {
        (8, 16, 0.5)
    }
    other = load_plan(tmp_path / "sweep.yaml", workloads=WorkloadChanges(parameters={"seq": 16}))
    assert other.workloads[0].name == "bert_base-seq16"
    (tmp_path / "review.yaml").write_text(
        "sweep: r\narch: eyeriss\nworkloads: [bert_base]\ncompare: networks\nparameters: {seq: 8}\nbits: 8\n"
    )
    assert load_plan(tmp_path / "review.yaml").workloads == (plan.workloads[0].with_bits(ifmap=8, weight=8, psum=8),)


def test_verbs_take_them(capsys):
    assert run(["show", "llama3_8b_decode", "--param", "seq=16", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["workload"] == "llama3_8b_decode-seq16"
    assert run(["compare-networks", "bert_base", "--param", "seq=16"]) == 0
    assert "bert_base-seq16" in capsys.readouterr().out
    for words in (
        ["evaluate", "eyeriss", "bert_base"], ["map", "eyeriss", "bert_base", "layer.0.up"], ["show", "bert_base"],
        ["verify", "eyeriss", "bert_base"], ["bound", "eyeriss", "bert_base"], ["sweep", "eyeriss", "bert_base"],
        ["compare-networks", "bert_base"],
    ):  # fmt: skip
        assert run([*words, "--param", "seq=0"]) == 2, words
        assert "parameter seq is a whole number from 1 to" in capsys.readouterr().err
    assert run(["sweep", "eyeriss", "alexnet", "--bits", "wait=8"]) == 2
    assert "did you mean 'weight'" in capsys.readouterr().err
    assert run(["show", "eyeriss", "--param", "seq=16"]) == 2
    assert "is no workload" in capsys.readouterr().err
