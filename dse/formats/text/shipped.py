"""Find a spec by path, or one of the shipped specs by its bare name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args

from dse.errors import SpecError, a_or_an, expect
from dse.formats.text.located import DataPath, Source, did_you_mean
from dse.formats.text.regular import check_file

Kind = Literal["workloads", "arch_specs", "sweeps"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PACKAGE = Path(__file__).resolve().parents[2]
_SUFFIXES = (".yaml", ".yml")
_NOUNS: dict[Kind, str] = {"workloads": "workload", "arch_specs": "architecture", "sweeps": "sweep"}
"""Each kind in a word, which is also the key that a file of it has."""
ALSO_KNOWN_AS = {"inception_v1": "googlenet"}
"""Other names of shipped workloads."""

_OWN_KEYS: dict[Kind, frozenset[str]] = {"sweeps": frozenset({"arch", "workloads", "search", "fronts"})}
"""Further keys that a file of no other kind has: one with any of them is of this kind, though a key may be misspelt."""


def check_kind(source: Source, kind: Kind) -> None:
    """Refuse a file that is plainly of another kind: one that has its key, and not that of the wanted one.

    Raises
    ------
    SpecError

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> check_kind(parse_source("workload: net"), "workloads")
    >>> check_kind(parse_source("workload: net"), "arch_specs")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dse.errors.SpecError: <text>:1:1: this is a workload, not an architecture...
    """
    noun, keys = _NOUNS[kind], source.data if isinstance(source.data, dict) else {}
    if not _OWN_KEYS.get(kind, frozenset()).isdisjoint(keys):
        return
    for other in (other for other in _NOUNS.values() if other in keys and noun not in keys):
        hint = _usage(noun, source.file, other)
        raise source.error((other,), f"this is {a_or_an(other)}, not {a_or_an(noun)}", hint, key=True)


def _usage(wanted: str, name: str, found: str) -> str:
    """How one of a kind is used where another is wanted."""
    if wanted == "sweep":
        other = f"{name} vgg16" if found == "architecture" else f"eyeriss {name}"
        return f"a sweep takes an architecture and a workload: dse sweep {other}"
    if found == "sweep":
        return f"a sweep names both itself: dse sweep {name}"
    return "an architecture comes first, then a workload"


def shipped_folder(kind: Kind) -> Path:
    """The folder of shipped specs: inside an installed package, or beside the package in a checkout.

    Examples
    --------
    >>> shipped_folder("workloads").name
    'workloads'
    """
    installed = _PACKAGE / "library" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def shipped_names(kind: Kind) -> tuple[str, ...]:
    """Bare names of the shipped specs of a kind, sorted.

    Examples
    --------
    >>> "vgg16" in shipped_names("workloads"), "eyeriss" in shipped_names("arch_specs")
    (True, True)
    """
    folder = shipped_folder(kind)
    return tuple(sorted({path.stem for path in folder.glob("*") if path.suffix in _SUFFIXES}))


def find_named(source: Source, path: DataPath, name: str, kind: Kind) -> Path:
    """A file that another file names: as seen from that one, or a shipped one.

    Parameters
    ----------
    source : Source
        The file that names it.
    path : tuple
        Where.
    name : str
    kind : {"workloads", "arch_specs", "sweeps"}

    Raises
    ------
    SpecError
        There is neither, told at its place.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> find_named(parse_source("arch: eyeriss"), ("arch",), "eyeriss", "arch_specs").name
    'eyeriss.yaml'
    """
    beside = Path(source.place(path).file).parent / name
    try:
        is_shipped = name in shipped_names(kind)  # which a folder beside may have as its name
        there = beside.is_file() if is_shipped else check_file(beside)
        return beside if there else find_shipped(kind, name)
    except SpecError as error:
        raise source.error(path, error.message, error.hint) from None


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

    Examples
    --------
    >>> find_shipped("workloads", "vgg16").name, find_shipped("workloads", "inception_v1").name
    ('vgg16.yaml', 'googlenet.yaml')
    >>> find_shipped("workloads", "vgg61")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dse.errors.SpecError: there is no file and no shipped workload named 'vgg61'...
    """
    expect(name, (str, Path), _NOUNS[kind], "a path, or the name of a shipped one")
    if str(name) in ALSO_KNOWN_AS and not Path(name).exists():
        name = ALSO_KNOWN_AS[str(name)]
    path, names = Path(name), shipped_names(kind)
    if kind == "workloads" and path.suffix.lower() == ".onnx":
        raise SpecError("an ONNX model is no workload file yet", file=str(name),
                        hint=f"dse extract {name} -o {path.stem}.yaml makes one")  # fmt: skip
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
    for other, other_noun in _NOUNS.items():
        if str(name) in shipped_names(other):
            message = f"{name} is {a_or_an(other_noun)}, not {a_or_an(noun)}"
            raise SpecError(message, hint=_usage(noun, str(name), other_noun))
    is_path = len(path.parts) > 1 or path.suffix in _SUFFIXES
    message = f"there is no file {name}" if is_path else f"there is no file and no shipped {noun} named {str(name)!r}"
    if is_path and path.parent.is_dir():
        there = [other.name for other in path.parent.iterdir() if other.suffix in _SUFFIXES]
        if get_close_matches(path.name, there):
            raise SpecError(message, hint=did_you_mean(path.name, there))
    raise SpecError(message, hint=did_you_mean(path.stem, names if kind != "workloads" else (*names, *ALSO_KNOWN_AS)))
