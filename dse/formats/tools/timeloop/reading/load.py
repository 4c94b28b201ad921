"""A file of Timeloop's with the texts that it includes and the mappings that it takes over.

Its front end reads templates: `{{include_text('base.yaml')}}` stands for the text of a file, `<<<: *base` takes over
what another mapping has, key by key and as deep as both are mappings, and `<<: *base` does so for its own keys alone.
No other template is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dse.errors import SpecError
from dse.formats.text.located import DataPath, Place, Source
from dse.formats.text.regular import is_file
from dse.formats.text.source import parse_source, read_text
from dse.formats.text.yaml_tree import MAX_CHARACTERS, split_lines
from dse.formats.tools.timeloop.reading.nodes import TAGS

_INCLUDE = re.compile(r"""\s*\{\{\s*include(?:_text)?\(\s*(?:'([^']*)'|"([^"]*)")\s*\)\s*\}\}\s*(?:#.*)?""")
_TEMPLATE = re.compile(r"\{\{|\{%")
_MOST_INCLUDES = 8

Lines = list[tuple[str, str, int]]
"""Each line of a text with the file and the line that it stands in."""

Tree = tuple[Any, Place]
"""A value and its place; in mappings and lists, trees again."""


def load_timeloop(path: str | Path) -> Source:
    """Read a file; errors of what it includes have the place there.

    Raises
    ------
    SpecError
        A file cannot be read or is no YAML, a template is another one, or what is taken over is no mapping.
    """
    if Path(path).suffix == ".cfg":
        raise SpecError("Timeloop's form of libconfig is not read", file=str(path), hint="the same as YAML")
    lines = _lines(Path(path), ())
    if sum(len(text) + 1 for text, _, _ in lines) > MAX_CHARACTERS:
        raise SpecError(f"more than {MAX_CHARACTERS} characters with all that is included", file=str(path))
    try:
        source = parse_source("\n".join(text for text, _, _ in lines), str(path), TAGS)
    except SpecError as error:
        if error.line is not None and error.line <= len(lines):
            _, error.file, error.line = lines[error.line - 1]
        raise
    places = {key: _moved(place, lines) for key, place in source.places.items()}
    texts = {file: split_lines(read_text(file)) for file in dict.fromkeys(file for _, file, _ in lines)}
    source = Source(str(path), source.data, places, texts)
    if not any(key in ("<<", "<<<") for at in places for key in at):
        return source
    data, merged = _plain(_merged(_tree(source, ()), source))
    return Source(source.file, data, merged, texts)


def _lines(path: Path, above: tuple[Path, ...]) -> Lines:
    """The lines of a file, included ones in their places."""
    found: Lines = []
    for number, text in enumerate(split_lines(read_text(path)), start=1):
        include = _INCLUDE.fullmatch(text)
        if include is not None:
            other = path.parent / (include[1] or include[2] or "")
            if not is_file(other):
                raise _error(path, number, text, f"there is no file {other}", "a path starts in this file's folder")
            if len(above) >= _MOST_INCLUDES or other.resolve() in (path.resolve(), *above):
                raise _error(path, number, text, f"{other.name} includes this file, or includes go on too deep")
            found += _lines(other, (*above, path.resolve()))
        elif _TEMPLATE.search(text.partition("#")[0]):
            raise _error(path, number, text, "a template other than {{include_text('FILE')}} is not read",
                         "give the file that the template makes")  # fmt: skip
        else:
            found.append((text, str(path), number))
    return found


def _error(path: Path, line: int, text: str, message: str, hint: str | None = None) -> SpecError:
    return SpecError(message, file=str(path), line=line, column=1, hint=hint, source_line=text)


def _moved(place: Place, lines: Lines) -> Place:
    """A place of the joined text as one of the file that it comes from."""
    _, file, line = lines[min(place.line, len(lines)) - 1]
    key_line = None if place.key_line is None else lines[place.key_line - 1][2]
    return replace(place, file=file, line=line, key_line=key_line)


def _tree(source: Source, path: DataPath) -> Tree:
    value = source.get(path)
    place = source.places[path]
    if isinstance(value, dict):
        return {key: _tree(source, (*path, key)) for key in value}, place
    if isinstance(value, list):
        return [_tree(source, (*path, at)) for at in range(len(value))], place
    return value, place


def _merged(tree: Tree, source: Source) -> Tree:
    """A tree in which mappings have what they take over."""
    value, place = tree
    if isinstance(value, list):
        return [_merged(item, source) for item in value], place
    if not isinstance(value, dict):
        return tree
    made: dict[Any, Tree] = {key: _merged(item, source) for key, item in value.items() if key not in ("<<", "<<<")}
    for key in ("<<", "<<<"):
        for base in _bases(value[key]) if key in value else []:
            inner, _ = _merged(base, source)
            if not isinstance(inner, dict):
                at = base[1]
                text = source.texts[at.file][at.line - 1]
                raise _error(Path(at.file), at.line, text, f"{key} takes over a mapping, or a list of mappings")
            made = _over(made, inner, is_deep=key == "<<<")
    return made, place


def _bases(tree: Tree) -> list[Tree]:
    return tree[0] if isinstance(tree[0], list) else [tree]


def _over(own: Mapping[Any, Tree], base: Mapping[Any, Tree], *, is_deep: bool) -> dict[Any, Tree]:
    """A mapping's own entries with those of a base beside them."""
    made = dict(own)
    for key, tree in base.items():
        if key not in made:
            made[key] = tree
        elif is_deep and isinstance(tree[0], dict) and isinstance(made[key][0], dict):
            made[key] = (_over(made[key][0], tree[0], is_deep=True), made[key][1])
    return made


def _plain(tree: Tree) -> tuple[Any, dict[DataPath, Place]]:
    """Plain data, and the place of each value."""
    places: dict[DataPath, Place] = {}

    def take(tree: Tree, path: DataPath) -> Any:
        value, places[path] = tree
        if isinstance(value, dict):
            return {key: take(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [take(inner, (*path, at)) for at, inner in enumerate(value)]
        return value

    return take(tree, ()), places
