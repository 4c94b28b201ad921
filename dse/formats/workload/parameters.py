"""Parameters of a workload file: numbers with a name, such as the length of a sequence, that its shapes use.

`parameters: {seq: 128}` declares one with its default. Wherever a layer or an input says a size, it may say `seq`, or
a multiple of it, `4*seq`. Nothing else is computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dse.errors import DseError, SpecError
from dse.formats.text.located import DataPath, Source, did_you_mean, raise_all
from dse.problem.shapes import MAX_BOUND

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TERM = re.compile(r"(?:([0-9]{1,15}) ?\* ?)?([A-Za-z_][A-Za-z0-9_]*)\Z")
_WORDS = frozenset(
    ("from", "add", "multiply", "concat", "activation", "other", "globalpool", "weights", "bits", "density", "bias")
)
"""Keys of a layer whose values are words of their own, not sizes."""
_RESERVED = frozenset(("same",))


def declared(source: Source) -> dict[str, int]:
    """The parameters that a workload file declares, with their defaults.

    Raises
    ------
    SpecError
        For names that are none, and defaults that are no sizes.
    """
    given = source.data.get("parameters") if isinstance(source.data, dict) else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise source.error(("parameters",), "parameters is a mapping of names to sizes, e.g. {seq: 128}")
    errors = []
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.match(name) or name in _RESERVED:
            hint = "a letter, then letters, digits and _"
            errors.append(source.error(("parameters", name), f"{name!r} cannot name a parameter", hint, key=True))
        elif not _is_size(value):
            message = f"{name}: should be a whole number from 1 to {MAX_BOUND}, not {value!r}"
            errors.append(source.error(("parameters", name), message))
    raise_all(errors)
    return dict(given)


def with_parameters(source: Source, given: Mapping[str, int]) -> tuple[Source, dict[str, int]]:
    """A workload file with its parameters filled in.

    Parameters
    ----------
    source : Source
    given : mapping
        Values instead of the file's own.

    Returns
    -------
    Source
        Sizes in the place of names.
    dict
        The parameters whose value is not the file's own.

    Raises
    ------
    SpecError
        For values that the file does not declare, or that are no sizes, and for names in it that nothing declares.
    """
    own = declared(source)
    for name, value in given.items():
        if name not in own:
            raise unknown_parameter(name, {source.file: own})
        if not _is_size(value):
            raise SpecError(f"parameter {name} is a whole number from 1 to {MAX_BOUND}, not {value!r}",
                            file=source.file)  # fmt: skip
    if not own:
        return source, {}
    errors: list[SpecError] = []
    values = {**own, **given}
    data = dict(source.data)
    if "input" in data:
        data["input"] = _filled(source, ("input",), data["input"], values, errors)
    if isinstance(data.get("layers"), dict):
        data["layers"] = {name: _layer(source, name, layer, values, errors) for name, layer in data["layers"].items()}
    raise_all(errors)
    return replace(source, data=data), {name: value for name, value in values.items() if value != own[name]}


def unknown_parameter(name: str, files: Mapping[str, Iterable[str]]) -> SpecError:
    """An error about a value for a parameter that none of some files declares."""
    known = {other for names in files.values() for other in names}
    who = next(iter(files)) if len(files) == 1 else "none of the workloads"
    if not known:
        return SpecError(f"{who} declares no parameters" if len(files) == 1 else f"{who} declares parameters",
                         hint=f"{name} cannot be set")  # fmt: skip
    return SpecError(f"{who} declares {'no' if len(files) == 1 else 'a'} parameter {name!r}",
                     hint=did_you_mean(name, known))  # fmt: skip


def _layer(source: Source, name: Any, layer: Any, values: Mapping[str, int], errors: list[SpecError]) -> Any:
    if not isinstance(layer, dict):
        return layer
    at = ("layers", name)
    return {
        key: value if key in _WORDS else _filled(source, (*at, key), value, values, errors)
        for key, value in layer.items()
    }


def _filled(source: Source, path: DataPath, value: Any, values: Mapping[str, int], errors: list[SpecError]) -> Any:
    """Data with sizes in the place of names; errors are collected."""
    if isinstance(value, dict):
        return {key: _filled(source, (*path, key), inner, values, errors) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(source, (*path, i), inner, values, errors) for i, inner in enumerate(value)]
    if not isinstance(value, str) or value in _RESERVED:
        return value
    term = _TERM.match(value)
    if term is None:
        errors.append(source.error(path, f"{value!r} is no size", "a number, a parameter, or a multiple such as 4*"
                                   + next(iter(values))))  # fmt: skip
    elif term[2] not in values:
        errors.append(source.error(path, f"{term[2]!r} is no parameter of this file", did_you_mean(term[2], values)))
    else:
        return int(term[1] or 1) * values[term[2]]
    return value


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_BOUND


def parse_parameters(texts: Iterable[str]) -> dict[str, int]:
    """`seq=384` texts as a mapping.

    Raises
    ------
    DseError

    Examples
    --------
    >>> parse_parameters(["seq=128"])
    {'seq': 128}
    """
    found: dict[str, int] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not (value.isascii() and value.isdigit() and len(value) < 16):
            raise DseError(f"--param {text}: not NAME=NUMBER", hint="e.g. --param seq=384")
        if name in found:
            raise DseError(f"--param {text}: {name} is given twice")
        found[name] = int(value)
    return found
