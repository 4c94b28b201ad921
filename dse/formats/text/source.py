"""Read a spec file: YAML with positions, `extends`, validation and shipped names.

This is the one module that readers of spec files need: it re-exports `Source`, `validate` and `find_shipped`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dse.errors import SpecError
from dse.formats.text.located import DataPath, Place, Source, did_you_mean, raise_all
from dse.formats.text.regular import check_file
from dse.formats.text.shipped import KINDS, find_shipped, shipped_names
from dse.formats.text.validation import SpecModel, WholeNumber, validate
from dse.formats.text.yaml_tree import MAX_CHARACTERS, MAX_NODES, Node, parse_tree, split_lines

__all__ = [
    "DataPath", "Place", "Source", "SpecModel", "WholeNumber", "did_you_mean", "find_shipped", "load_source",
    "parse_source", "raise_all", "read_text", "shipped_names", "validate",
]  # fmt: skip

_MAX_EXTENDS = 8


def load_source(path: str | Path, *, last_wins: bool = False, tags: frozenset[str] = frozenset()) -> Source:
    """Read a spec file and everything that it extends.

    Parameters
    ----------
    path : str or Path
    last_wins : bool
        In a file of another tool: take the last value of a key that is given twice, and `extends` for any other key.
    tags : frozenset of str
        In a file of another tool: YAML tags that mappings may have (`dse.formats.text.yaml_tree`).

    Returns
    -------
    Source

    Raises
    ------
    SpecError
        The file cannot be read, is no YAML that a spec may use, or extends itself.

    Notes
    -----
    `extends: other.yaml`, a path relative to the extending file, or the bare name of a shipped spec, as in
    `extends: eyeriss`, puts that file's data beneath this one's: mappings are merged key by key, any other value
    replaces the one beneath, and null removes it.

    Examples
    --------
    >>> from dse.formats.text.shipped import find_shipped
    >>> load_source(find_shipped("workloads", "alexnet")).get(("workload",))
    'alexnet'
    """
    if last_wins or tags:
        return _parsed(read_text(path), str(path), last_wins=last_wins, tags=tags)
    return _load(Path(path), ())


def parse_source(text: str, file: str = "<text>", tags: frozenset[str] = frozenset()) -> Source:
    """Parse the text of a spec. `extends` is resolved against the folder of `file`.

    Parameters
    ----------
    text : str
    file : str
        Named in errors.
    tags : frozenset of str
        As for `load_source`.

    Examples
    --------
    >>> source = parse_source("levels: {GLB: {capacity: 8 KiB}}", "mine.yaml")
    >>> source.get(("levels", "GLB", "capacity")), source.position(("levels", "GLB", "capacity"))
    ('8 KiB', (1, 26))
    """
    return _parsed(text, file, tags=tags) if tags else _parse(text, file, ())


def _load(path: Path, above: tuple[Path, ...]) -> Source:
    return _parse(read_text(path), str(path), above)


def read_text(path: str | Path) -> str:
    """The text of a file that is small enough to be read by people.

    Raises
    ------
    SpecError
        There is none, or it is no text.

    Examples
    --------
    >>> read_text("nothing.yaml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dse.errors.SpecError: nothing.yaml: there is no such file...
    """
    path = Path(path)
    try:
        if not check_file(path):
            names = [other.name for other in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
            raise SpecError("there is no such file", file=str(path), hint=did_you_mean(path.name, names))
        with path.open("rb") as stream:
            content = stream.read(4 * MAX_CHARACTERS + 1)
        if len(content) > 4 * MAX_CHARACTERS:
            raise SpecError(f"the file is larger than {4 * MAX_CHARACTERS} bytes", file=str(path))
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        *lines, last = error.object[: error.start].split(b"\n")
        column = len(last.decode("utf-8", "replace")) + 1
        message = f"not a text file: byte {error.start} is no UTF-8"
        raise SpecError(message, file=str(path), line=len(lines) + 1, column=column) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(f"cannot be read: {reason}", file=str(path)) from None


def _parsed(text: str, file: str, *, last_wins: bool = False, tags: frozenset[str] = frozenset()) -> Source:
    places: dict[DataPath, Place] = {}
    data = _plain(parse_tree(text, file, last_wins=last_wins, tags=tags), (), file, places)
    return Source(file, data, places, {file: split_lines(text)})


def _parse(text: str, file: str, above: tuple[Path, ...]) -> Source:
    source = _parsed(text, file)
    data = source.data
    if not isinstance(data, dict) or "extends" not in data:
        return source
    base_name = data["extends"]
    if not isinstance(base_name, str):
        raise source.error(("extends",), "extends names one file", "e.g. extends: eyeriss.yaml")
    here = Path(file)
    chain = (*above, here.resolve())
    try:
        base_path = _base(here.parent, base_name)
        is_there = check_file(base_path)
    except SpecError as error:
        raise source.error(("extends",), f"{base_name[:80]!r}: {error.message}") from None
    if base_path.resolve() in chain:
        raise source.error(("extends",), f"{base_name} extends this file, directly or through others")
    if len(chain) > _MAX_EXTENDS:
        raise source.error(("extends",), f"more than {_MAX_EXTENDS} files extend each other")
    if not is_there:
        names = [other.name for other in here.parent.glob("*.y*ml")]
        names += [name for kind in KINDS for name in shipped_names(kind)]
        message = f"there is no file {base_path}, and no shipped spec of that name"
        raise source.error(("extends",), message, did_you_mean(base_name, names))
    return _merge(_load(base_path, chain), source)


def _base(folder: Path, name: str) -> Path:
    """The file that `extends` names: one beside the extending file wins over a shipped one."""
    path = folder / name
    shipped = [kind for kind in KINDS if name in shipped_names(kind)]
    return find_shipped(shipped[0], name) if shipped and not path.is_file() else path


def _plain(node: Node, path: DataPath, file: str, places: dict[DataPath, Place]) -> Any:
    places[path] = Place(file, node.line, node.column, node.key_line, node.key_column)
    if isinstance(node.value, dict):
        return {key: _plain(value, (*path, key), file, places) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(value, (*path, index), file, places) for index, value in enumerate(node.value)]
    return node.value


def _merge(base: Source, variant: Source) -> Source:
    """The variant on top of its base, each value with the place that it came from."""
    places: dict[DataPath, Place] = {}

    def take(value: Any, path: DataPath, origin: Source) -> Any:
        places[path] = origin.places[path]
        if isinstance(value, dict):
            return {key: take(inner, (*path, key), origin) for key, inner in value.items()}
        if isinstance(value, list):
            return [take(inner, (*path, index), origin) for index, inner in enumerate(value)]
        return value

    def combine(below: Any, above: Any, path: DataPath) -> Any:
        if not (isinstance(below, dict) and isinstance(above, dict)):
            return take(above, path, variant)
        places[path] = variant.places[path]
        merged: dict[Any, Any] = {}
        for key in (*below, *(key for key in above if key not in below)):
            if key not in above:
                merged[key] = take(below[key], (*path, key), base)
            elif key not in below:
                merged[key] = take(above[key], (*path, key), variant)
            elif above[key] is not None:
                merged[key] = combine(below[key], above[key], (*path, key))
        return merged

    own = {key: value for key, value in variant.data.items() if key != "extends"}
    data = combine(base.data, own, ())
    if len(places) > MAX_NODES:
        raise variant.error(("extends",), f"more than {MAX_NODES} values with everything that is extended")
    return Source(variant.file, data, places, {**base.texts, **variant.texts})
