"""What `dse sweep` does with a file that says `compare: dataflows`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.cli.interrupts import INTERRUPTED
from dse.cli.output import StatusLine, compile_first, note, print_rows
from dse.errors import DseError
from dse.explore.limits import DEFAULT

if TYPE_CHECKING:
    from dse.cli.inputs import SweepOptions
    from dse.explore.compare.dataflows import DataflowComparison
    from dse.explore.limits import Limits


def run(
    comparison: DataflowComparison, changes: SweepOptions, output: str | None, jobs: int | None, resume: bool,
    form: str, limits: Limits = DEFAULT,
) -> int:  # fmt: skip
    """Compare, write tables and figures, print energy per MAC of every part."""
    from dataclasses import replace

    from dse.explore.compare.dataflows import compare_dataflows, folder, parts_of, rows_of
    from dse.explore.compare.layers_log import FILE_NAME, check_log, read_results
    from dse.report.figures.dataflows import summary, write, write_tables
    from dse.report.table import fold

    unused = [name for name in changes.given() if name not in ("batch", "gap")]
    if unused:
        raise DseError(f"{comparison.name} compares dataflows and searches nothing, so --{unused[0]} means nothing")
    if changes.batch is not None:
        comparison = replace(comparison, batches=(changes.batch,))
    if changes.gap is not None:
        comparison = replace(comparison, gap=changes.gap)
    directory = Path(output) if output is not None else folder(comparison)
    status = StatusLine()
    log = directory / FILE_NAME
    check_log(log, resume)
    compile_first()
    try:
        rows = compare_dataflows(
            comparison, jobs=jobs, log=log, resume=resume, limits=limits,
            progress=lambda done, all_: status.show(f"comparing dataflows: {done} of {all_} layers"),
        )  # fmt: skip
    except KeyboardInterrupt:
        status.clear()
        rows = rows_of(comparison.tasks(), read_results(log))
        write_tables(rows, parts_of(rows), directory)
        note(f"interrupted; {_reached(rows)} known, in {directory}; go on by --resume")
        return INTERRUPTED
    status.clear()
    parts = parts_of(rows)
    names = write(rows, parts, directory)
    _tell(rows, parts)
    text = "\n\n" + fold(f"written to {directory}: {', '.join(names)}")
    print_rows(form, lambda: summary(parts).to_text() + text, {"output": str(directory), "parts": parts}, parts)
    return 0


def _reached(rows: list[dict[str, Any]]) -> str:
    reached = sum(row["status"] != "open" for row in rows)
    return f"{reached} of {len(rows)} layers are"


def _tell(rows: list[dict[str, Any]], parts: list[dict[str, Any]]) -> None:
    """Say what is not as it was asked for."""
    for row in parts:
        if row["status"] in ("failed", "infeasible"):
            does = "cannot run" if row["status"] == "infeasible" else "failed on"
            note(f"{row['dataflow']} at batch {row['batch']} {does} {row['part']}: {row['reason']}")
    stopped = [row for row in rows if row.get("gap")]
    if stopped:
        far = max(stopped, key=lambda row: row["gap"])
        what = f"{far['dataflow']} at batch {far['batch']} on {far['layer']}"
        note(f"{len(stopped)} layers were stopped, within {100 * far['gap']:.3g} % of the best; the farthest: {what}")
    dearer = [row for row in rows if row.get("energy_gap")]
    if dearer:
        note(f"of {len(dearer)} layers the energy is not proven to be the least of mappings that are as fast")
    if any(row["status"] == "open" for row in rows):
        note(f"the time is over: {_reached(rows)} known; go on by --resume")
