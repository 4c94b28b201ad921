"""`dse bound` on the command line."""

import csv
import json
from io import StringIO

import pytest

from dse.cli.main import run


@pytest.fixture
def dse(capsys):
    def call(line):
        code = run(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_network_as_a_table(dse):
    code, out, err = dse("bound eyeriss alexnet")
    assert (code, err) == (0, "")
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert [line.split()[0] for line in out.splitlines()[2:10]] == names
    assert "network:" in out


def test_a_layer_as_json_and_csv(dse):
    code, out, _ = dse("bound eyeriss_isca16 alexnet conv3 --format json")
    plain = json.loads(out)
    assert code == 0
    assert [layer["name"] for layer in plain["layers"]] == ["conv3"]
    code, out, _ = dse("bound eyeriss_isca16 alexnet conv3 --format csv")
    rows = list(csv.DictReader(StringIO(out)))
    assert [int(row["words"]) for row in rows] == [point["words"] for point in plain["layers"][0]["points"]]


def test_a_larger_buffer_moves_no_more(dse):
    words = []
    for size in ("16KiB", "108KiB", "1MiB"):
        _, out, _ = dse(f"bound eyeriss alexnet conv2 --format json --set levels.GLB.capacity={size}")
        words.append(json.loads(out)["layers"][0]["here"]["words"])
    assert words[0] > words[1] >= words[2]


def test_batch_makes_more_of_the_weights(dse):
    per_image = []
    for batch in (1, 4):
        _, out, _ = dse(f"bound eyeriss alexnet fc6 --batch {batch} --format json")
        per_image.append(json.loads(out)["layers"][0]["here"]["words"] / batch)
    assert per_image[1] < per_image[0] / 2


def test_a_figure(dse, tmp_path):
    code, _, err = dse(f"bound eyeriss alexnet conv1 -o {tmp_path}/curve.png")
    assert (code, "curve.png" in err) == (0, True)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bound eyeriss alexnet conv33", "did you mean 'conv3'"), ("bound eyeris alexnet", "eyeriss"),
        ("bound eyeriss alexnet -o curve.doc", "ends in .png"), ("bound eyeriss alexnet --set levels.GLB=1", "GLB"),
    ],
)  # fmt: skip
def test_bad_input(dse, line, said):
    code, _, err = dse(line)
    assert code == 2
    assert said in err
