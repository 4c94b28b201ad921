"""A table as plain data, and as aligned text that fits a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any

WIDTH = 80
"""Columns of characters that every table keeps to: those of a terminal as it opens."""

SHORTEST = 12
"""Characters that a shortened word keeps at least."""

GAP = "  "


def fold(text: str, hang: str = "") -> str:
    """Lines of words broken where they are longer than a terminal is wide; what follows a break hangs.

    Parameters
    ----------
    text : str
    hang : str
        White space before what follows a break; at least that before the line itself.

    Examples
    --------
    >>> print(fold("proof    " + "every mapping was looked at, and " * 3, hang=" " * 9))
    proof    every mapping was looked at, and every mapping was looked at, and every
             mapping was looked at, and
    """
    lines = []
    for line in text.split("\n"):
        lead = max(line[: len(line) - len(line.lstrip())], hang, key=len)
        kept = line.replace(" %", "\0%")  # a number stays with its sign
        lines += wrap(kept, WIDTH, subsequent_indent=lead, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(lines).replace("\0", " ")


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
    spare : tuple of str
        Columns that a text may leave out where it would be wider than a terminal, the first one first.

    Examples
    --------
    >>> table = Table.of([{"layer": "conv1", "MACs": "105"}, {"layer": "fc", "MACs": "4"}], left=frozenset({"layer"}))
    >>> print(table.to_text())
    layer  MACs
    conv1   105
    fc        4
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[str] = frozenset()
    title: str = ""
    note: str = ""
    spare: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[dict[str, str]], **fields: Any) -> Table:
        """A table of rows that all have the same keys."""
        columns = tuple(rows[0]) if rows else ()
        return cls(columns, tuple(tuple(row[column] for column in columns) for row in rows), **fields)

    def only(self, columns: Sequence[str], **changes: Any) -> Table:
        """The same rows, each once, with some of the columns."""
        places = [self.columns.index(column) for column in columns]
        rows = dict.fromkeys(tuple(row[place] for place in places) for row in self.rows)
        return replace(self, columns=tuple(columns), rows=tuple(rows), **changes)

    def to_text(self) -> str:
        """Aligned columns in at most `WIDTH` characters, with two spaces between them and no trailing white space.

        Where there are more: spare columns are left out, then long words shortened in their middle, and what is still
        too wide continues below, beside the first column.
        """
        fitting = self._without_spare()
        lines = [fold(self.title)] if self.title else []
        blocks = fitting._shortened()._blocks()
        lines += ["\n\n".join("\n".join(block._lines()) for block in blocks)]
        out = [column for column in self.columns if column not in fitting.columns]
        if out:
            lines.append(fold(f"left out, as they do not fit: {', '.join(out)}; --format json has them"))
        return "\n".join([*lines, fold(self.note)] if self.note else lines)

    def _widths(self) -> list[int]:
        return [max(len(column), *(len(row[i]) for row in self.rows), 0) for i, column in enumerate(self.columns)]

    def _excess(self) -> int:
        """Characters beyond a terminal's width."""
        return sum(self._widths()) + len(GAP) * (len(self.columns) - 1) - WIDTH

    def _without_spare(self) -> Table:
        table = self
        for column in self.spare:
            if table._excess() <= 0:
                break
            table = replace(table, columns=tuple(c for c in table.columns if c != column), rows=tuple(
                tuple(cell for name, cell in zip(table.columns, row, strict=True) if name != column)
                for row in table.rows
            ))  # fmt: skip
        return table

    def _shortened(self) -> Table:
        """With the longest words cut in their middle, as far as that helps."""
        table = self
        while table._excess() > 0:
            widths = table._widths()
            words = [i for i, column in enumerate(table.columns) if column in table.left and widths[i] > SHORTEST]
            if not words:
                break
            longest = max(words, key=lambda i: widths[i])
            room = max(SHORTEST, widths[longest] - table._excess())
            rows = tuple((*row[:longest], _cut(row[longest], room), *row[longest + 1 :]) for row in table.rows)
            table = replace(table, rows=rows)
            if table._widths()[longest] == widths[longest]:  # its name is the longest of its words
                break
        return table

    def _blocks(self) -> list[Table]:
        """The table in pieces that fit, each beside the first column."""
        widths, blocks = self._widths(), []
        start = 1
        while start < len(self.columns):
            end, taken = start, widths[0]
            while end < len(self.columns) and (end == start or taken + len(GAP) + widths[end] <= WIDTH):
                taken += len(GAP) + widths[end]
                end += 1
            kept = [0, *range(start, end)]
            rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
            blocks.append(replace(self, columns=tuple(self.columns[i] for i in kept), rows=rows))
            start = end
        return blocks or [self]

    def _lines(self) -> list[str]:
        widths, lines = self._widths(), []
        for cells in (self.columns, *self.rows):
            parts = [
                cell.ljust(width) if column in self.left else cell.rjust(width)
                for column, cell, width in zip(self.columns, cells, widths, strict=True)
            ]
            lines.append(GAP.join(parts).rstrip())
        return lines


def _cut(word: str, room: int) -> str:
    """A word in at most so many characters, both of its ends kept."""
    if len(word) <= room:
        return word
    tail = (room - 1) // 2
    return f"{word[: room - 1 - tail]}…{word[len(word) - tail :]}"
