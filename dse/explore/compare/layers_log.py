"""Layers on workers, and the record of a comparison: an append-only file with one layer's result a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from dse.errors import DseError
from dse.explore.limits import DEFAULT, Limits
from dse.explore.outcomes.log import LogWriter
from dse.explore.workers.runner import Failure, Task, TimeOverError, Workers, usable_cpus
from dse.formats.text.regular import check_file

FILE_NAME = "layers.jsonl"

NOT_REACHED = {"status": "open", "reason": "not mapped when the comparison was stopped"}
"""What a row says of a layer that nobody mapped."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a comparison keeps its layers.

    Parameters
    ----------
    log : Path, optional
        Each layer's result is appended there as soon as it is known.
    resume : bool
        Take over what the log holds; what failed is tried again.
    """

    log: Path | None = None
    resume: bool = False


def check_log(log: Path, resume: bool) -> None:
    """Refuse to begin where a comparison is already.

    Raises
    ------
    DseError
    """
    if not resume and check_file(log) and log.stat().st_size:
        raise DseError(f"{log} exists", hint="go on with it by --resume, or give another directory with -o")


def map_all(
    function: Callable[[Any], dict[str, Any]], tasks: Mapping[str, Any],
    failed: Callable[[Any, Failure], dict[str, Any]], *, jobs: int | None, record: Record,
    limits: Limits = DEFAULT, progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The results of tasks by identity; those that were not reached when the time was over are missing.

    Parameters
    ----------
    function : callable
        A task to its result, with `macs` and `status`; workers run it.
    tasks : mapping
        By identity.
    failed : callable
        The result of a task whose call failed.
    jobs : int or None
        Worker processes; 0 for this process, None for one a processor.
    record : Record
    limits : Limits
        Only that of the whole; the tasks have those of designs.
    progress : callable, optional
        Takes how many layers are done, of how many.
    """
    began = monotonic()
    held = read_results(record.log, limits.design_s) if record.log is not None and record.resume else {}
    known = {key: held[key] for key in tasks if key in held}
    keys = [key for key in tasks if key not in known]
    workers = Workers.local(min(usable_cpus() if jobs is None else jobs, len(keys)))
    workers.until = began + limits.time_s
    with nullcontext() if record.log is None else LogWriter(record.log) as writer, workers:
        try:
            for task, found in workers.run(function, [Task(at, tasks[key]) for at, key in enumerate(keys)]):
                key = keys[task.key]
                known[key] = failed(tasks[key], found) if isinstance(found, Failure) else found
                if writer is not None:
                    writer.write(result_line(key, known[key]))
                if progress is not None:
                    progress(len(known), len(tasks))
        except TimeOverError:
            pass
    return known


def result_line(key: str, result: dict[str, Any]) -> bytes:
    """A result under its identity, as a line of the log."""
    return (json.dumps({"id": key, "result": result}) + "\n").encode()


def read_results(path: Path, design_s: float = 0.0) -> dict[str, dict[str, Any]]:
    """Results by identity; lines that hold none, such as a torn last one, are passed over.

    So are layers whose search was stopped, when each has more time now.
    """
    found: dict[str, dict[str, Any]] = {}
    if not check_file(path):
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            plain = json.loads(line)
            result = plain["result"]
            if not isinstance(result["macs"], int) or result["status"] not in ("ok", "infeasible"):
                continue
            if float(result.get("limit_s", inf)) >= design_s:
                found[plain["id"]] = result
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
            continue
    return found
