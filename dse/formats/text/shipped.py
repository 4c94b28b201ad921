"""Find a spec by path, or one of the shipped specs by its bare name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from dse.errors import SpecError
from dse.formats.text.located import did_you_mean
from dse.formats.text.regular import check_file

Kind = Literal["workloads", "arch_specs", "sweeps"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PACKAGE = Path(__file__).resolve().parents[2]
_SUFFIXES = (".yaml", ".yml")
_NOUNS: dict[Kind, str] = {"workloads": "workload", "arch_specs": "architecture", "sweeps": "sweep"}


def shipped_folder(kind: Kind) -> Path:
    """The folder of shipped specs: inside an installed package, or beside the package in a checkout."""
    installed = _PACKAGE / "library" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def shipped_names(kind: Kind) -> tuple[str, ...]:
    """Bare names of the shipped specs of a kind, sorted."""
    folder = shipped_folder(kind)
    return tuple(sorted({path.stem for path in folder.glob("*") if path.suffix in _SUFFIXES}))


def find_shipped(kind: Kind, name: str | Path) -> Path:
    """The file that a command line argument means.

    Parameters
    ----------
    kind : {"workloads", "arch_specs", "sweeps"}
    name : str or Path
        A path, or the bare name of a shipped spec such as `vgg16`. A file that exists wins.

    Raises
    ------
    SpecError
        Neither a file nor a shipped name.
    """
    path, names = Path(name), shipped_names(kind)
    is_shipped = str(name) in names
    try:
        if str(name) and check_file(path):
            return path
    except SpecError:
        if not is_shipped:  # a folder may have the name of a shipped file
            raise
    if is_shipped:
        return next(found for suffix in _SUFFIXES if (found := shipped_folder(kind) / f"{name}{suffix}").is_file())
    noun = _NOUNS[kind]
    is_path = len(path.parts) > 1 or path.suffix in _SUFFIXES
    message = f"there is no file {name}" if is_path else f"there is no file and no shipped {noun} named {str(name)!r}"
    raise SpecError(message, hint=did_you_mean(path.stem, names))
