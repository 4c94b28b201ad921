"""YAML 1.2 text to plain data with positions: no repeated keys, bounded size, depth and aliases, and no tags.

A reader of another tool's files may name tags that it takes: a mapping with one has it under the key `!`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isinf
from typing import Any

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from dse.errors import SpecError
from dse.formats.text.yaml_words import Complaint, in_plain_words

MAX_CHARACTERS = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 200_000
_MAX_DIGITS = 40

_INTEGER = re.compile(r"[-+]?[0-9]+")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, Any] = {"": None, "~": None} | {
    spelling: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelling in (word, word.capitalize(), word.upper())
}


@dataclass(slots=True)
class Node:
    """A value and where it stands (line and column from 1; of its key too, when it has one).

    `value` is a scalar, a list of nodes, or a dict of nodes.
    """

    value: Any
    line: int
    column: int
    key_line: int | None = None
    key_column: int | None = None

    def at_key(self, key: Node) -> Node:
        return Node(self.value, self.line, self.column, key.line, key.column)


@dataclass(slots=True)
class _Composer:
    """Builds nodes from parser events; recursion is as deep as the document, which is bounded."""

    stream: Iterator[Any]
    file: str
    lines: list[str]
    last_wins: bool = False
    tags: frozenset[str] = frozenset()
    anchors: dict[str, tuple[Node, int] | None] = field(default_factory=dict)
    nodes: int = 0

    def document(self) -> Node:
        next(self.stream)  # start of the stream
        if isinstance(next(self.stream), events.StreamEndEvent):
            return Node(None, 1, 1)
        root, _ = self.node(next(self.stream), 0)
        next(self.stream)  # end of the document
        after = next(self.stream)
        if not isinstance(after, events.StreamEndEvent):
            raise self.error(after, "a second YAML document starts here", "one file is one document")
        return root

    def node(self, event: Any, depth: int) -> tuple[Node, int]:
        """The node that starts with an event, and how many nodes it holds with its aliases written out."""
        if depth > MAX_DEPTH:
            raise self.error(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, events.AliasEvent):
            return self.alias(event)
        if event.tag is not None and str(event.tag) not in self.tags:
            raise self.error(event, f"the tag {event.tag} is not allowed", "a spec is plain data: leave the tag out")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        node = Node(None, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, events.ScalarEvent):
            node.value, count = self.scalar(event), 1
        elif isinstance(event, events.SequenceStartEvent):
            node.value, count = self.sequence(depth)
        else:
            node.value, count = self.mapping(depth)
        if event.tag is not None:
            node.value = self.tagged(event, node)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, count)
        return node, self.charge(event, count, is_new=True)

    def tagged(self, event: Any, node: Node) -> dict[str | int, Node]:
        """A mapping, or nothing, with its tag."""
        if not isinstance(node.value, dict) and node.value not in (None, ""):
            raise self.error(event, f"{event.tag} stands before a mapping")
        tag = Node(str(event.tag).removeprefix("!"), node.line, node.column, node.line, node.column)
        return {"!": tag, **(node.value or {})}

    def alias(self, event: Any) -> tuple[Node, int]:
        if event.anchor not in self.anchors:
            raise self.error(event, f"there is no anchor &{event.anchor} above")
        target = self.anchors[event.anchor]
        if target is None:
            raise self.error(event, f"*{event.anchor} stands inside the value that it names")
        node, count = target
        return Node(node.value, node.line, node.column), self.charge(event, count, is_new=False)

    def charge(self, event: Any, count: int, *, is_new: bool) -> int:
        self.nodes += 1 if is_new else count
        if self.nodes > MAX_NODES:
            raise self.error(event, f"more than {MAX_NODES} values, aliases written out")
        return count

    def sequence(self, depth: int) -> tuple[list[Node], int]:
        items, count = [], 1
        while not isinstance(event := next(self.stream), events.SequenceEndEvent):
            item, size = self.node(event, depth + 1)
            items.append(item)
            count += size
        return items, count

    def mapping(self, depth: int) -> tuple[dict[str | int, Node], int]:
        entries: dict[str | int, Node] = {}
        count = 1
        while not isinstance(event := next(self.stream), events.MappingEndEvent):
            key, _ = self.node(event, depth + 1)
            if isinstance(key.value, bool) or not isinstance(key.value, str | int):
                raise self.error(event, "a key must be a word", "put it in quotes if it is meant as a name")
            if key.value in entries and not self.last_wins:
                first = entries[key.value].key_line
                raise self.error(event, f"the key {key.value!r} is given twice", f"it is given first in line {first}")
            value, size = self.node(next(self.stream), depth + 1)
            entries[key.value] = value.at_key(key)
            count += size
        return entries, count

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text in (".nan", ".NaN", ".NAN") or _INFINITE.fullmatch(text):
            raise self.error(event, f"{text} is not a number that a spec can use")
        if _INTEGER.fullmatch(text):
            if len(text) > _MAX_DIGITS:
                raise self.error(event, f"a number of {len(text)} digits")
            return int(text)
        if _RADIX.fullmatch(text) and len(text) <= _MAX_DIGITS:
            return int(text, 0)
        if not _FLOAT.fullmatch(text):
            return text
        number = float(text)
        if isinf(number):
            raise self.error(event, f"{text} is too large a number")
        return number

    def error(self, event: Any, message: str, hint: str | None = None) -> SpecError:
        return _error_at(event.start_mark.line, event.start_mark.column, message, self.file, self.lines, hint)


def parse_tree(text: str, file: str, *, last_wins: bool = False, tags: frozenset[str] = frozenset()) -> Node:
    """Parse one YAML document.

    Parameters
    ----------
    text : str
    file : str
        Named in errors.
    last_wins : bool
        Take the last value of a key that is given twice, as readers of other tools do, instead of refusing it.
    tags : frozenset of str
        Those that mappings may have, e.g. `!Container`.

    Raises
    ------
    SpecError
        With the place in the text: bad syntax, a tag, a repeated key, an unknown or circular alias, or a document
        beyond the bounds.

    Examples
    --------
    >>> parse_tree("rows: 12\\nrows: 14", "mine.yaml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dse.errors.SpecError: mine.yaml:2:1: ...
    """
    if len(text) > MAX_CHARACTERS:
        raise SpecError(f"the file has {len(text)} characters, more than {MAX_CHARACTERS}", file=file)
    lines = split_lines(text)
    try:
        stream = iter(YAML(typ="safe", pure=True).parse(text))
        return _Composer(stream, file, lines, last_wins, tags).document()
    except MarkedYAMLError as error:
        raise _syntax_error(error, file, lines) from None
    except ReaderError as error:
        raise _character_error(error, file, lines) from None
    except (YAMLError, ValueError) as error:
        raise SpecError(f"not valid YAML: {str(error).splitlines()[0]}", file=file) from None


def _syntax_error(error: MarkedYAMLError, file: str, lines: list[str]) -> SpecError:
    """What is wrong in words, at the place that is to be changed."""
    marks = [None if mark is None else (mark.line, mark.column) for mark in (error.problem_mark, error.context_mark)]
    told = in_plain_words(Complaint(error.problem or "it cannot be read", marks[0] or marks[1], marks[1]), lines)
    if told.place is None:
        return SpecError(told.message, file=file, hint=told.hint)
    return _error_at(*told.place, told.message, file, lines, told.hint)


def _character_error(error: ReaderError, file: str, lines: list[str]) -> SpecError:
    """A character that no file of text has."""
    code = error.character if isinstance(error.character, int) else ord(error.character)
    line = next((i for i, text in enumerate(lines) if chr(code) in text), 0)
    column = max(lines[line].find(chr(code)), 0)
    return _error_at(line, column, f"the control character U+{code:04X}", file, lines, "leave it out")


def split_lines(text: str) -> list[str]:
    """The lines of a text as YAML counts them.

    Examples
    --------
    >>> split_lines("one\\r\\ntwo\\rthree")
    ['one', 'two', 'three']
    """
    return re.split(r"\r\n|\r|\n", text)


def _error_at(line: int, column: int, message: str, file: str, lines: list[str], hint: str | None) -> SpecError:
    """Line and column count from 0."""
    source_line = lines[line] if line < len(lines) else None
    return SpecError(message, file=file, line=line + 1, column=column + 1, hint=hint, source_line=source_line)
