"""`dse extract`: files written, messages and exit codes."""

import pytest

from dse.cli.main import run
from dse.formats.workload.load import load_workload

onnx = pytest.importorskip("onnx")
from formats.onnx.test_onnx_model import LIGHT, custom, weights, write  # noqa: E402


def test_an_onnx_file_to_a_workload_file(tmp_path, capsys):
    out = tmp_path / "net.yaml"
    assert run(["extract", str(LIGHT / "light_squeezenet.onnx"), "-o", str(out), "--name", "net"]) == 0
    assert "26 layers, 349,151,936 MACs, 1,231,552 weights" in capsys.readouterr().err
    assert load_workload(out).name == "net"


def test_open_sizes(tmp_path, capsys):
    path = write(tmp_path / "m.onnx", [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": ["batch", 4]},
                 [weights("w", 4, 2)])  # fmt: skip
    assert run(["extract", str(path)]) == 2
    assert "give them: --dim batch=1" in capsys.readouterr().err
    assert run(["extract", str(path), "--dim", "batch=one"]) == 2
    assert "not NAME=SIZE" in capsys.readouterr().err
    assert run(["extract", str(path), "--dim", "batch=1"]) == 0
    assert "expect: {macs: 8" in capsys.readouterr().out


def test_what_is_unresolved_fails_or_is_shown(tmp_path, capsys):
    path = str(custom(lambda *args, **more: write(tmp_path / "m.onnx", *args, **more)))
    assert run(["extract", path]) == 2
    captured = capsys.readouterr()
    assert "node 'odd one' (Secret)" in captured.err
    assert captured.out == ""
    assert run(["extract", path, "--allow-unresolved"]) == 0
    captured = capsys.readouterr()
    assert "unresolved node 'odd one'" in captured.err
    assert captured.out.startswith("# unresolved node 'odd one'")


@pytest.mark.parametrize(
    "arguments", [["missing.onnx"], ["x.onnx", "--shape", "1x3"], ["torchvision:r", "--dim", "a=1"]]
)
def test_bad_usage(arguments, capsys):
    assert run(["extract", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
