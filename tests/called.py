"""A command by a call in this process, which takes a tenth of the time of a process of its own."""

from __future__ import annotations

import io
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

from dse.cli.main import run


def called(*arguments: object, cwd: Path) -> CompletedProcess[str]:
    """What `dse` with these arguments gives back in a folder."""
    printed, told = io.StringIO(), io.StringIO()
    with chdir(cwd), redirect_stdout(printed), redirect_stderr(told):
        code = run(list(map(str, arguments)))
    return CompletedProcess(arguments, code, printed.getvalue(), told.getvalue())
