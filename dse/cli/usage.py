"""What is wrong with a command line, in the style of all other errors."""

from __future__ import annotations

import re

import click

from dse.errors import DseError


def usage_error(error: click.ClickException) -> DseError:
    """An error of click in our words: what is wrong, and what would be right.

    Examples
    --------
    >>> print(usage_error(click.NoSuchOption("--bach", possibilities=["--batch"])))
    there is no option --bach
      hint: did you mean --batch?
    """
    context = getattr(error, "ctx", None)
    usage = "" if context is None else context.get_usage().removeprefix("Usage: ").replace("[OPTIONS] ", "")
    hint = f"{usage}; --help says more" if usage else None
    if isinstance(error, click.MissingParameter):
        name = error.param.make_metavar(context) if error.param is not None and context is not None else "an argument"
        return DseError(f"{name.strip('[]')} is missing", hint=hint)
    if isinstance(error, click.NoSuchOption):
        close = " or ".join(error.possibilities or ())
        return DseError(f"there is no option {error.option_name}", hint=f"did you mean {close}?" if close else hint)
    if isinstance(error, click.BadOptionUsage):
        return DseError(f"{error.option_name} takes a value", hint=hint)
    if isinstance(error, click.BadParameter):
        return DseError(f"{_named(error)}: {_plainly(error.message)}", hint=None)
    return DseError(_plainly(error.message), hint=hint)


def _named(error: click.BadParameter) -> str:
    """The option, or the argument as the usage has it."""
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    return "" if error.param is None else (error.param.human_readable_name or "")


def _plainly(message: str) -> str:
    """Click's message in plain words, without its capital and its full stop."""
    words = (
        (r"'(.*)' is not a valid integer( range)?", r"'\1' is not a whole number"),
        (r"'(.*)' is not a valid float( range)?", r"'\1' is not a number"),
        (r"(\S+?)(?:\.0)? is not in the range x>=(\d+)", r"\1 is below \2"),
        (r"(\S+?)(?:\.0)? is not in the range (\S+)", r"\1 is outside \2"),
        (r"Got unexpected extra arguments? \((.*)\)", r"\1 is more than the command takes"),
    )
    text = message.rstrip(".")
    for pattern, plain in words:
        text = re.sub(pattern, plain, text)
    return text[:1].lower() + text[1:]
