"""Pieces of YAML text that read back as the values they were made of."""

from __future__ import annotations

import re
from typing import Any

from dse.problem.shapes import MAX_MACS

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_RESERVED = frozenset(("null", "true", "false"))


def scalar(value: Any) -> str:
    """A number, a truth value or a text; in quotes where it could be read as something else.

    Examples
    --------
    >>> scalar("eyeriss"), scalar("8 KiB"), scalar("null"), scalar(2.0), scalar(True)
    ('eyeriss', '"8 KiB"', '"null"', '2', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(int(value) if value == int(value) and abs(value) < MAX_MACS else value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def flow(value: Any) -> str:
    """A value in one line.

    Examples
    --------
    >>> flow({"rows": [12, 14], "name": "a b"})
    '{rows: [12, 14], name: "a b"}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\U{ord(char):08x}"
