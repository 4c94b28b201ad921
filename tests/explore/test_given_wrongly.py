"""What is given wrongly, or twice, is refused before anything is begun, and told at its place."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from called import called
from explore.toy import ARCH, NET

import dse
from dse.errors import DseError
from dse.explore.plan.workloads import only
from dse.explore.workers.cluster import connect

FILE = """\
sweep: mine
arch: toy.yaml
workloads: [tiny.yaml]
layers: [one]
space:
  levels.array.rows: [2, 3]
search: {trials: 2}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    return folder


@pytest.mark.parametrize(("changes", "said"), [
    ({"seed": -1}, "seed=-1 < 0"),
    ({"seed": None}, "seed: None is a NoneType, not an int"),
    ({"seed": 1.5}, "seed: 1.5 is a float, not an int"),
    ({"objectives": None}, "objectives: None is a NoneType"),
    ({"jobs": -1}, "jobs=-1 < 0"),
    ({"jobs": 1.5}, "jobs: 1.5 is a float, not an int"),
    ({"jobs": "2"}, "jobs: '2' is a str, not an int"),
    ({"bits": 8}, "bits: 8 is an int, not a Mapping"),
    ({"density": [0.5]}, "density: this is a list, not a Mapping"),
    ({"parameters": ["seq"]}, "parameters: this is a list, not a Mapping"),
    ({"settings": ["levels.array.rows"]}, "settings: this is a list, not a Mapping"),
    ({"space": ["levels.array.rows"]}, "space: this is a list, not a Mapping"),
    ({"weights": [2.0]}, "weights: this is a list, not a Mapping"),
    ({"weights": {"tiny": "2"}}, "the weight of tiny: '2' is a str, not a float"),
    ({"prove_s": "5s"}, "prove_s: '5s' is a str, not a float"),
    ({"time_limit_s": "5s"}, "time_s: '5s' is a str, not a float"),
    ({"design_limit_s": True}, "design_s: True is a bool, not a float"),
    ({"name": 5}, "name: 5 is an int, not a str"),
    ({"output": 5}, "output: 5 is an int, not a str"),
    ({"cluster": 5}, "cluster: 5 is an int, not a str"),
    ({"executor": 5}, "executor: 5 is an int, not an Executor"),
    ({"callback": 5}, "callback: int cannot be called"),
    ({"progress": "no"}, "progress: str cannot be called"),
])  # fmt: skip
def test_an_argument_of_another_kind_is_refused(folder, changes, said):
    with pytest.raises(DseError) as error:
        dse.sweep(folder / "toy.yaml", folder / "tiny.yaml", **{"trials": 1, "jobs": 0, **changes})
    assert error.value.message.startswith(said)


def test_arguments_of_the_kind_that_is_meant_are_taken(folder):
    with ThreadPoolExecutor(1) as executor:
        result = dse.sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=1, executor=executor, seed=2**40,
                           sampler="random", output=None, weights={"tiny": 2}, prove_s=0)  # fmt: skip
    assert len(result.explored) == 1


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "nsga2", "random"])
def test_a_seed_may_be_of_any_size(folder, sampler):
    found = [
        dse.sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=6, jobs=0, sampler=sampler, prove_s=0, seed=2**70)
        for _ in range(2)
    ]
    assert found[0].front_rows() == found[1].front_rows()


@pytest.mark.parametrize(("options", "said"), [
    (["--set", "levels.array.rows=2", "--set", "levels.array.rows=3"], "levels.array.rows is given twice"),
    (["--set", "dataflow=OSA", "--dataflow", "OSB"], "--dataflow and --set dataflow say the same thing"),
])  # fmt: skip
@pytest.mark.parametrize("verb", ["sweep", "evaluate"])
def test_of_two_values_for_one_setting_none_is_taken(tmp_path, verb, options, said):
    done = called(verb, "eyeriss", "alexnet", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("address", ["tcp://", "foo://bar:1", "tcp://:8786", "tcp://a b:1"])
def test_what_is_no_address_of_a_scheduler_is_refused_at_once(address):
    pytest.importorskip("distributed")
    with pytest.raises(DseError, match="is no address of a scheduler"):
        connect(address)


@pytest.mark.parametrize(("old", "new", "place", "said"), [
    ("[tiny.yaml]", "[tiny.yaml, tiny.yaml]", "3:1", "workload tiny is given twice"),
    ("[one]", "[none]", "4:1", "has no layer 'none'"),
    ("search:", "weights: {other: 2}\nsearch:", "7:1", "a weight is given for 'other', which is not swept"),
    ("[2, 3]", "{of: levels.array.rows, ratio: 2}", "6:3", "levels.array.rows follows itself"),
    ("[2, 3]", "{of: levels.array.cols, ratio: 2}\n  levels.array.cols: {of: levels.array.rows, ratio: 2}", "6:3",
     "levels.array.rows follows itself"),
    ("[2, 3]", "{of: levels.array.pes, ratio: 2}", "6:3", "levels.array.rows follows itself"),
    ("[2, 3]", "[2]\n  levels.GLB.capacity: {equal_area: 1.9 mm2}\n  levels.PE.capacity.weight: "
     "{of: levels.GLB.capacity, ratio: 0.01}", "8:3", "levels.PE.capacity.weight follows levels.GLB.capacity"),
])  # fmt: skip
def test_a_sweep_file_is_told_where_it_is_wrong(folder, old, new, place, said):
    file = folder / "wrong.yaml"
    file.write_text(FILE.replace(old, new))
    done = called("sweep", file, cwd=folder)
    assert done.returncode == 2
    assert f"wrong.yaml:{place}: " in done.stderr
    assert said in done.stderr


def test_ratios_follow_one_another_in_whichever_order_they_stand(folder):
    chain = {
        "levels.PE.capacity.ifmap": {"of": "levels.PE.capacity.psum", "ratio": 2},
        "levels.PE.capacity.psum": {"of": "levels.PE.capacity.weight", "ratio": 0.5},
        "levels.PE.capacity.weight": ["16 word", "24 word"],
    }
    result = dse.sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=3, jobs=0, space=chain, prove_s=0)
    ratios = {(e.parameters["levels.PE.capacity.weight"], e.parameters["levels.PE.capacity.ifmap"])
              for e in result.explored if e.number}  # fmt: skip
    assert ratios == {("16 word", "16 word"), ("24 word", "24 word")}
    assert not result.reference_in_space


def test_a_batch_that_is_given_is_no_choice_any_more(folder):
    space = {"batch": [1, 2, 4], "levels.array.rows": [2, 3]}
    result = dse.sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=9, jobs=0, space=space, batch=2, prove_s=0)
    assert {e.parameters["batch"] for e in result.explored} == {2}
    assert result.reference_in_space


def test_some_layers_of_a_network_keep_its_batch_and_whose_weights_are_activations():
    network = dse.load_workload("bert_base").with_batch(2)
    names = [node.name for node in network.nodes if node.layer is not None and node.batch_dim == "G"][:1]
    some = only(network, [*names, network.layers[0].name])
    for batch in (1, 2, 4):
        whole = network.with_batch(batch)
        assert [layer.bounds for layer in some.with_batch(batch).layers] == [
            whole.layer(layer.name).bounds for layer in some.layers
        ]


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&- <&-"])
def test_closed_standard_streams_do_no_harm(folder, tmp_path, closed):
    command = f"{sys.executable} -m dse sweep toy.yaml tiny.yaml --trials 1 --no-prove --jobs 0 -o {tmp_path} {closed}"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.startswith("{") for line in (tmp_path / "evaluations.jsonl").read_text().splitlines())
    assert ("Front of" in done.stdout) == (closed == "2>&-")
