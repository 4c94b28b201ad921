"""Options that verbs share arrive as one record."""

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from dse.cli.options import (
    MapperSettings,
    architecture_options,
    batch_option,
    element_options,
    format_option,
    gather,
    given_seconds,
    layers_option,
    mapper_options,
    parameter_option,
    scope_options,
)
from dse.errors import DseError


@dataclass(frozen=True)
class Pair:
    left: int
    right: str


def called(decorate, *line):
    """What a command decorated so is called with."""
    given = {}

    @click.command()
    @decorate
    def command(**options):
        given.update(options)

    result = CliRunner().invoke(command, line, standalone_mode=False, catch_exceptions=False)
    assert result.exception is None
    return given


def test_options_are_gathered_into_a_record():
    taken = {}
    gather(Pair, "pair")(lambda **given: taken.update(given))(left=1, right="b", other=3)
    assert taken == {"pair": Pair(1, "b"), "other": 3}


def test_how_layers_are_mapped():
    assert called(mapper_options) == {"how": MapperSettings("edp", 0.0, "all", None)}
    line = ("--objective", "energy", "--gap", "0.1", "--factors", "perfect", "--time-limit", "2 s")
    assert called(mapper_options, *line)["how"] == MapperSettings("energy", 0.1, "perfect", 2.0)


@pytest.mark.parametrize(
    ("decorate", "line", "given"),
    [
        (format_option, ("--format", "csv"), {"form": "csv"}),
        (architecture_options, ("--set", "a=1", "--set", "b=2"), {"settings": ("a=1", "b=2"), "dataflow": None}),
        (batch_option, ("--batch", "4"), {"batch": 4}),
        (element_options, ("--bits", "8"), {"bits": "8", "density": None}),
        (parameter_option, ("--param", "seq=384"), {"param": ("seq=384",)}),
        (layers_option, ("--layer", "a", "--layer", "b"), {"layers": ("a", "b")}),
    ],
)
def test_what_a_command_is_handed(decorate, line, given):
    assert called(decorate, *line) == given


def test_a_networks_goal():
    goal = called(scope_options, "--scope", "network", "--max-latency", "20 ms")["goal"]
    assert (goal.scope, goal.max_latency, goal.max_energy) == ("network", "20 ms", None)


def test_times():
    assert given_seconds("--time-limit", None) is None
    assert given_seconds("--time-limit", "250 ms") == pytest.approx(0.25)
    assert given_seconds("--time-limit", "2 s") == 2
    for text in ("0 s", "-2", "2 KiB"):
        with pytest.raises(DseError, match="--time-limit"):
            given_seconds("--time-limit", text)


@pytest.mark.parametrize("text", ["nan", "inf", "-0.1"])
def test_a_gap_is_a_finite_number(text):
    with pytest.raises(click.BadParameter, match=r"finite|range"):
        called(mapper_options, "--gap", text)
