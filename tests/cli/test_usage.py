"""What click finds wrong with a command line is said as everything else is."""

import click
import pytest

from dse.cli.usage import usage_error


def said(arguments):
    """The error of a command with a number, a choice and an argument."""

    @click.command("try")
    @click.argument("workload")
    @click.option("--count", type=click.IntRange(min=1))
    @click.option("--share", type=float)
    @click.option("--form", type=click.Choice(["text", "json"]))
    def command(**_):
        pass

    with pytest.raises(click.ClickException) as caught:
        command.main(arguments, "try", standalone_mode=False)
    return usage_error(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "WORKLOAD is missing"),
        (["a", "--cuont", "3"], "there is no option --cuont"),
        (["a", "--count"], "--count takes a value"),
        (["a", "--count", "x"], "--count: 'x' is not a whole number"),
        (["a", "--count", "0"], "--count: 0 is below 1"),
        (["a", "--share", "x"], "--share: 'x' is not a number"),
        (["a", "b"], "b is more than the command takes"),
    ],
)
def test_messages_are_plain(arguments, message):
    assert said(arguments).message == message


def test_hints_say_what_would_be_right():
    assert said(["a", "--cuont", "3"]).hint == "did you mean --count?"
    assert said([]).hint == "try WORKLOAD; --help says more"
    assert "'json'" in said(["a", "--form", "xml"]).message
