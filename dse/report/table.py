"""A table as plain data, and as aligned text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of texts.

    Parameters
    ----------
    columns : tuple of str
    rows : tuple of tuple of str
    left : frozenset of str
        Columns that are words and stand on the left; numbers stand on the right.
    title, note : str
        One line above and one or more below.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[str] = frozenset()
    title: str = ""
    note: str = ""

    @classmethod
    def of(cls, rows: Sequence[dict[str, str]], **fields: Any) -> Table:
        """A table of rows that all have the same keys."""
        columns = tuple(rows[0]) if rows else ()
        return cls(columns, tuple(tuple(row[column] for column in columns) for row in rows), **fields)

    def to_text(self) -> str:
        """Aligned columns, with two spaces between them and no trailing white space."""
        widths = [max(len(column), *(len(row[i]) for row in self.rows), 0) for i, column in enumerate(self.columns)]
        lines = [self.title] if self.title else []
        for cells in (self.columns, *self.rows):
            parts = [
                cell.ljust(width) if column in self.left else cell.rjust(width)
                for column, cell, width in zip(self.columns, cells, widths, strict=True)
            ]
            lines.append("  ".join(parts).rstrip())
        lines += [self.note] if self.note else []
        return "\n".join(lines)
