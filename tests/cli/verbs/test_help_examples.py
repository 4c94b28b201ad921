"""Every example in a help text runs: on networks cut down to tiny layers, and, among the slow tests, as it stands.

Examples of a verb run one after another in one folder, as some go on with what another has written. What only takes
time is cut: the trials of a sweep and the time of its proof. Without a scheduler, `--cluster` is left out
(`tests/cli/verbs/test_clusters.py` has one).
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, rmtree

import click
import pytest

import dse
from dse.cli.main import VERBS, commands, run
from dse.formats.workload.write import save_workload
from dse.report.check import shrink

ROOT = Path(__file__).parents[3]

MACS = 500
"""Of a layer of a network that was cut down."""

KEPT = {
    "alexnet": ("conv2", "conv3", "fc6"), "vgg16": ("block1_conv1", "fc1"), "resnet50": ("conv1_conv",),
    "mobilenet_v1": (), "inception_v3": (), "squeezenet1_0": (),
}  # fmt: skip
"""Networks of the examples to the layers that these name; the first layer stays as well."""

BERT = "workload: bert_base\nparameters: {seq: 8}\nlayers: {scores: {matmul: {heads: 1, m: seq, k: 4, n: 4}}}\n"

PROBLEM = """\
problem:
  version: "0.4"
  shape: {name: cnn, dimensions: [C, M], data_spaces: [
    {name: Weights, projection: [[[C]], [[M]]]}, {name: Inputs, projection: [[[C]]]},
    {name: Outputs, projection: [[[M]]], read_write: true}]}
  instance: {C: 4, M: 8}
"""


def examples(verb: str) -> list[str]:
    """The command lines that a verb's help shows, or those of `dse --help` with what they are for cut off."""
    command = commands if verb == "" else commands.get_command(click.Context(commands), verb)
    text = command.help.split("Example", 1)[1]
    return [re.split(r" {3,}| > ", line.strip())[0] for line in text.splitlines() if line.strip().startswith("dse ")]


def test_every_verb_has_examples_of_itself():
    assert len(examples("")) >= 3
    for verb in VERBS:
        assert examples(verb), verb
        assert examples(verb)[0].split()[:2] == ["dse", verb]


def cheaper(line: str) -> list[str]:
    """The arguments of an example, with less to do."""
    line = re.sub(r"--cluster \S+", "", line)
    line = re.sub(r"--trials \d+", "", line)
    verb, *rest = shlex.split(line)[1:]
    if verb == "sweep":
        proof = [] if "--prove-time" in line else ["--no-prove"]
        rest = [{"10min": "1s"}.get(word, word) for word in rest] + ["--trials", "2", "--jobs", "0", *proof]
    if verb in ("explain", "compare-networks"):
        rest = [{"45": "0"}.get(word, word) for word in rest] + ["--jobs", "0"]
    return [verb, *rest]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A sweep as the examples expect one in results/eyeriss-vgg16, of a cut down network."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "small").mkdir()
    write_small(folder / "small")
    out = folder / "results" / "eyeriss-vgg16"
    arguments = ["--trials", "2", "--jobs", "0", "--no-prove", "-o", str(out)]
    assert run(["sweep", "eyeriss", str(folder / "small" / "vgg16"), *arguments]) == 0
    return folder


def write_small(folder: Path) -> None:
    """The networks of the examples with few and tiny layers, under the names that the examples use."""
    (folder / "workloads").mkdir()
    texts = {"bert_base": BERT}
    for name, layers in KEPT.items():
        network = dse.load_workload(name)
        kept = dict.fromkeys([network.layers[0].name, *layers])
        save_workload(dse.Workload.of(name, [shrink(network.layer(layer), MACS) for layer in kept]), folder / name)
        texts[name] = (folder / name).read_text()
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / "workloads" / f"{name}.yaml").write_text(text)


@pytest.fixture(params=["small", pytest.param("shipped", marks=pytest.mark.slow)])
def folder(request, tmp_path, finished, monkeypatch):
    """Where the examples run: with all files that they name."""
    copytree(ROOT / "arch_specs", tmp_path / "arch_specs")
    copytree(finished, tmp_path, dirs_exist_ok=True)
    if request.param == "small":
        write_small(tmp_path)
    else:
        copytree(ROOT / "workloads", tmp_path / "workloads")
    for name in ("conv1", "conv2"):
        (tmp_path / f"{name}.yaml").write_text(PROBLEM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


FEW, OTHERS = (0, 5, 7), (1, 2, 3, 4, 6)
"""Of the examples of a sweep, each of which takes seconds: those that the plain run takes."""


@pytest.mark.parametrize(
    ("verb", "numbers"),
    [*((verb, None) for verb in ["", *VERBS] if verb != "sweep"), ("sweep", FEW),
     pytest.param("sweep", OTHERS, marks=pytest.mark.gate)],
    ids=lambda value: value if isinstance(value, str) else {None: "all", FEW: "few", OTHERS: "others"}[value],
)  # fmt: skip
def test_every_example_runs(verb, numbers, folder, capsys):
    lines = examples(verb)
    if verb == "sweep":
        rmtree("results")  # its examples make it
        assert len(lines) == len({*FEW, *OTHERS})
        lines = [lines[number] for number in numbers]
    needs = {"torchvision:": "torchvision", "--parquet": "pyarrow", ".onnx": "onnx"}
    for line in lines:
        missing = [name for sign, name in needs.items() if sign in line and find_spec(name) is None]
        if missing:
            with capsys.disabled():
                print(f"\n{line}: not run, as {missing[0]} is not installed")
            continue
        for sign, write in FOREIGN.items():
            if sign in line:
                write(folder)
        if (verb != "sweep" and line.startswith("dse sweep")) or "--cluster" in line:
            line += " -o results/another"
        code = run(cheaper(line))
        said = capsys.readouterr()
        assert code == 0, f"{line}\n{said.err}"
        assert "Traceback" not in said.err


def write_model(folder: Path) -> None:
    """A product of matrices whose batch is left open."""
    from formats.onnx.test_onnx_model import helper, weights, write

    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    write(folder / "model.onnx", [node], {"x": ["batch", 4]}, [weights("w", 4, 2)])


def write_timeloop(folder: Path) -> None:
    """What we write for Timeloop, under the names of the example."""
    assert run(["export", "eyeriss", str(folder / "small" / "alexnet"), "conv3", "--to", "timeloop", "-o", "tl"]) == 0
    for ours, theirs in (("architecture", "arch"), ("energies", "ERT"), ("problem", "problem"), ("mapping", "mapping")):
        (folder / f"{theirs}.yaml").write_text((folder / "tl" / "flat" / f"{ours}.yaml").read_text())


def write_zigzag(folder: Path) -> None:
    from formats.tools.zigzag.test_zigzag_hardware import HARDWARE, MAPPING, WORKLOAD

    layer = WORKLOAD.format(id=0, name="first")
    for name, text in (("workload", layer), ("hardware", HARDWARE), ("mapping", MAPPING)):
        (folder / f"{name}.yaml").write_text(text)


def write_scale_sim(folder: Path) -> None:
    from formats.tools.test_scalesim_config import text

    (folder / "eyeriss.cfg").write_text(text())
    assert run(["export", str(folder / "small" / "alexnet"), "--to", "scale-sim", "-o", "alexnet.csv"]) == 0


FOREIGN = {
    "model.onnx": write_model, "import timeloop arch.yaml": write_timeloop, "import zigzag": write_zigzag,
    "import scale-sim": write_scale_sim,
}  # fmt: skip
"""What an example has in it that needs files of other tools, to what writes them."""
