"""Tables that pages take from files of data.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; the page's module names the function that makes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import energies
import times

Rows = Iterator[tuple[str, ...]]
PAGES: dict[Path, Mapping[str, Callable[[], Rows]]] = {
    energies.PAGE: energies.TABLES, times.PAGE: times.TABLES,
}  # fmt: skip
_TABLE = re.compile(r"(?<=<!-- table: )(\w+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def filled(text: str, tables: Mapping[str, Callable[[], Rows]]) -> str:
    """A page with every table as it is now."""

    def table(found: re.Match[str]) -> str:
        head, *rows = tables[found[1]]()
        lines = [head, ("---",) * len(head), *rows]
        return found[1] + found[2] + "".join(f"| {' | '.join(row)} |\n" for row in lines)

    return _TABLE.sub(table, text)


def main() -> None:
    """Write the tables into the pages."""
    for page, tables in PAGES.items():
        page.write_text(filled(page.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
