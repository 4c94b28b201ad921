"""Prints the table of what was measured."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    from benchmarks.speed import REMARKS, TABLE, markdown

    if TABLE:
        terminalreporter.section("the mapper's CPU time a layer")
        terminalreporter.write_line(markdown(TABLE))
    for remark in REMARKS:
        terminalreporter.write_line(remark)
