"""What verbs read from their options: settings, elements, limits."""

from math import inf

import pytest
from explore.toy import ARCH, NET

from dse.cli.inputs import (
    Inputs,
    SweepOptions,
    TimeOptions,
    given_settings,
    per_operand,
    read_bits,
    read_density,
    read_limits,
    read_mappings,
    read_time,
    warn_of_unused_densities,
)
from dse.cli.options import NetworkGoal
from dse.errors import DseError
from dse.explore.limits import Limits
from dse.explore.plan.workloads import only
from dse.formats.architecture.load import load_architecture_spec


@pytest.fixture
def inputs(tmp_path):
    for name, text in (("toy.yaml", ARCH), ("tiny.yaml", NET)):
        (tmp_path / name).write_text(text)
    plain = {"dataflow": None, "settings": (), "batch": None, "param": (), "bits": None, "density": None}

    def make(**changes):
        return Inputs(str(tmp_path / "toy.yaml"), str(tmp_path / "tiny.yaml"), **plain | changes)

    return make


def test_files_are_read_and_changed(inputs):
    changes = {"settings": ("levels.array.rows=2",), "dataflow": "weight-stationary", "batch": 3, "bits": "weight=8"}
    chip, network = inputs(**changes).read(["last", "one", "last"])
    assert chip.mac_units == 8
    assert chip.dataflow.name == "weight-stationary"
    assert [layer.name for layer in network.layers] == ["last", "one"]
    assert all((layer.N, layer.bits.weight, layer.bits.ifmap) == (3, 8, 16) for layer in network.layers)


def test_a_density_that_changes_nothing_is_said(inputs, capsys):
    chip, network = inputs(density="ifmap=0.5").read()
    assert network.layers[0].density.ifmap == 0.5
    assert "toy makes no use of zeros" in capsys.readouterr().err
    warn_of_unused_densities(load_architecture_spec("eyeriss").architecture)
    assert capsys.readouterr().err == ""
    assert chip.name == "toy"


def test_layers_that_a_network_does_not_have(inputs):
    _, network = inputs().read()
    with pytest.raises(DseError, match="has no layer 'tow'"):
        only(network, ["tow"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8", {"ifmap": 8, "weight": 8, "psum": 8}),
        ("weight=4", {"weight": 4}),
        ("ifmap=8, psum=24", {"ifmap": 8, "psum": 24}),
    ],
)
def test_widths_by_operand(text, found):
    assert read_bits(text) == found
    assert read_bits(None) == read_density(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wieght=8", "'wieght' is no operand"), ("8,16", "is not OPERAND=VALUE"), ("weight=0", "'0' is not a whole"),
        ("weight=x", "'x' is not"), ("weight=8,weight=8", "weight is given twice"), ("8.5", "is not a whole number"),
    ],
)  # fmt: skip
def test_widths_that_make_no_sense(text, said):
    with pytest.raises(DseError, match=said):
        per_operand("--bits", text, int, 1, 1024, "a whole number from 1 to 1024")


@pytest.mark.parametrize("text", ["levels.GLB.capacity", "=3", "levels.GLB.capacity="])
def test_a_setting_is_a_path_and_a_value(text):
    with pytest.raises(DseError, match="not PATH=VALUE"):
        given_settings(None, [text])
    given = given_settings("OSA", ["levels.GLB.capacity=64KiB"])
    assert given == {"levels.GLB.capacity": "64KiB", "dataflow": "OSA"}


def test_limits_of_a_network():
    assert read_limits(NetworkGoal("layer", None, None)) == (inf, inf)
    assert read_limits(NetworkGoal("network", "20 ms", "5 mJ")) == pytest.approx((0.02, 5e9))
    with pytest.raises(DseError, match="is a limit on the whole network"):
        read_limits(NetworkGoal("layer", "20 ms", None))
    with pytest.raises(DseError, match="not an energy"):
        read_limits(NetworkGoal("network", None, "5 mac"))


def test_no_file_gives_no_mappings(inputs):
    assert read_mappings(None, *inputs().read()) == ({}, "house")


def test_what_a_command_line_says_of_a_sweep():
    said = SweepOptions(
        5, None, None, "energy, area", 0.1, 4, ("seq=384",), "8", None, "flexible", ("levels.array.rows=2",), ("one",)
    )
    assert said.given() == (
        "trials", "objectives", "gap", "batch", "param", "bits", "dataflow", "set", "layer",
    )  # fmt: skip
    assert said.search().objectives == ("energy", "area")
    assert said.workloads().batch == 4
    assert said.workloads().layers == ("one",)
    assert said.hardware().settings == {"levels.array.rows": "2", "dataflow": "flexible"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10min", 600), ("2 h", 7200), ("1.5min", 90), (" 5 s ", 5), (".5s", 0.5)]
)
def test_times_have_units(text, seconds):
    assert read_time("--time-limit", text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-1s", "5 days", "min", "inf", "nan", "1e400s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(DseError, match="not a time above 0"):
        read_time("--time-limit", text)


def test_limits_of_a_sweep():
    assert TimeOptions(None, False, None).limits() == Limits()
    assert TimeOptions(None, False, None, "30s").limits() == Limits(design_s=30.0)
    assert TimeOptions("1min", False, "2h").limits() == Limits(60.0, 7200.0)
    assert TimeOptions(None, True, None).limits().prove_s == 0
    with pytest.raises(DseError, match="leaves out"):
        TimeOptions("1min", True, None).limits()
