"""The command line: verbs that load only what they need, and one place that prints errors."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module

import click

from dse.cli.interrupts import INTERRUPTED, kernels_told
from dse.errors import DseError, InfeasibleError, visible

FAILED, BAD_INPUT = 1, 2

VERBS = {
    "sweep": "Search for the best hardware: buffers, array, dataflow.",
    "evaluate": "Energy, latency and area of a network on an architecture.",
    "explain": "Where energy and time go, and what one step in each setting changes.",
    "map": "The best loop nest of one layer, with its proof.",
    "bound": "The fewest DRAM words possible with a buffer of each size.",
    "show": "Check a file and say what is in it.",
    "extract": "A workload file of an ONNX or torchvision model.",
    "import": "Our files of Timeloop's, ZigZag's, MAESTRO's or SCALE-Sim's.",
    "export": "Files for SCALE-Sim, Timeloop or optuna-dashboard.",
    "verify": "Check our access counts by brute force.",
    "compare-networks": "Networks side by side, alone and on an architecture.",
    "report": "Draw the figures of a sweep again, finished or not.",
    "schema": "JSON Schema of a kind of file, for your editor.",
}
"""Each verb's one line of help; its module in `dse.cli.verbs` is loaded when it is used."""

MODULES = {"import": "import_"}
"""Verbs that no module can be named after."""


class Verbs(click.Group):
    """A group that knows its commands' names without loading them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"dse.cli.verbs.{MODULES.get(name, name.replace('-', '_'))}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, VERBS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"one of: {', '.join(VERBS)}"
            raise DseError(f"there is no command {name!r}", hint=hint)
        return super().resolve_command(context, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dse")
def commands() -> None:
    """Find the accelerator to build for a network, and how each layer runs on it, provably best.

    \b
    Examples:
      dse sweep eyeriss vgg16                  search dataflow, buffers and array for the best designs
      dse evaluate eyeriss alexnet --batch 4   energy, latency and utilization, layer by layer
      dse map eyeriss alexnet conv3            the best loop nest of a layer, and the proof
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 bad usage or bad input, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """`main`, returning the exit code."""
    _open_closed_streams()
    try:
        with kernels_told():
            result = commands.main(arguments, prog_name="dse", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return BAD_INPUT
    except click.ClickException as error:
        from dse.cli.usage import usage_error

        click.echo(f"error: {usage_error(error)}", err=True)
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except InfeasibleError as error:
        click.echo(f"infeasible: {error}", err=True)
        return FAILED
    except DseError as error:
        click.echo(f"error: {error}", err=True)
        return BAD_INPUT
    except BrokenPipeError:
        # whoever read the output has seen enough; nothing more can be written, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
            return _bug(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python fails on it again at exit
        click.echo(f"error: the output cannot be written: {error.strerror}", err=True)
        return FAILED
    except MemoryError:
        click.echo("error: out of memory", err=True)
        return FAILED
    except Exception as error:
        return _bug(error)
    return result if isinstance(result, int) else 0


def _open_closed_streams() -> None:
    """Give a standard stream that is closed, as by `2>&-`, to nobody: else the next file that is opened has its number,
    and what is meant for people goes there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the smallest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", closefd=False))  # noqa: SIM115


def _bug(error: Exception) -> int:
    if os.environ.get("DSE_TRACEBACK"):
        raise error
    click.echo(visible(f"internal error: {type(error).__name__}: {error}"), err=True)
    click.echo("  hint: this is a bug of dse; DSE_TRACEBACK=1 shows where", err=True)
    return FAILED
