"""What `dse sweep` does with a file that says `compare: dataflows`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dse.cli.interrupts import INTERRUPTED, interruptible
from dse.cli.output import StatusLine, compile_first, note, print_rows
from dse.errors import DseError

if TYPE_CHECKING:
    from dse.cli.inputs import SweepOptions
    from dse.explore.compare.dataflows import DataflowComparison


def run(
    comparison: DataflowComparison, changes: SweepOptions, output: str | None, jobs: int | None, resume: bool, form: str
) -> int:
    """Compare, write tables and figures, print energy per MAC of every part."""
    from dataclasses import replace

    from dse.explore.compare.dataflows import compare_dataflows, folder, parts_of
    from dse.explore.compare.dataflows_log import FILE_NAME
    from dse.report.figures.dataflows import summary, write
    from dse.report.table import fold

    unused = [name for name in changes.given() if name not in ("batch", "gap")]
    if unused:
        raise DseError(f"{comparison.name} compares dataflows and searches nothing, so --{unused[0]} means nothing")
    if changes.batch is not None:
        comparison = replace(comparison, batches=(changes.batch,))
    if changes.gap is not None:
        comparison = replace(comparison, gap=changes.gap)
    directory = Path(output) if output is not None else folder(comparison)
    compile_first()
    status = StatusLine()
    log = directory / FILE_NAME
    if not resume and log.exists() and log.stat().st_size:
        raise DseError(f"{log} exists", hint="go on with it by --resume, or give another directory with -o")
    try:
        with interruptible():
            rows = compare_dataflows(
                comparison, jobs=jobs, log=log, resume=resume,
                progress=lambda done, all_: status.show(f"comparing dataflows: {done} of {all_} layers"),
            )  # fmt: skip
    except KeyboardInterrupt:
        status.clear()
        note(f"interrupted; every finished layer is in {log}; go on by --resume")
        return INTERRUPTED
    status.clear()
    parts = parts_of(rows)
    names = write(rows, parts, directory)
    for row in parts:
        if row["status"] != "ok":
            does = "cannot run" if row["status"] == "infeasible" else "failed on"
            note(f"{row['dataflow']} at batch {row['batch']} {does} {row['part']}: {row['reason']}")
    text = "\n\n" + fold(f"written to {directory}: {', '.join(names)}")
    print_rows(form, lambda: summary(parts).to_text() + text, {"output": str(directory), "parts": parts}, parts)
    return 0
