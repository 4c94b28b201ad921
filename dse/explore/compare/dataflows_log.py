"""The record of a comparison of dataflows: an append-only file with one layer's result a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dse.formats.text.regular import check_file

FILE_NAME = "layers.jsonl"


def result_line(key: str, result: dict[str, Any]) -> bytes:
    """A result under its identity, as a line of the log."""
    return (json.dumps({"id": key, "result": result}) + "\n").encode()


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Results by identity; lines that hold none, such as a torn last one, are passed over."""
    found: dict[str, dict[str, Any]] = {}
    if not check_file(path):
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            plain = json.loads(line)
            if isinstance(plain["result"]["macs"], int) and plain["result"]["status"] in ("ok", "infeasible"):
                found[plain["id"]] = plain["result"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found
