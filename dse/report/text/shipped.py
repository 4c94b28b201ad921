"""What is shipped: the names that commands take in place of files, and the dataflows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dse.architecture.dataflow import Dataflow
from dse.formats.text.shipped import ALSO_KNOWN_AS
from dse.problem.dims import DIMS
from dse.report.table import Table, fold

HEADINGS = {"arch_specs": "architectures", "workloads": "workloads", "sweeps": "sweeps"}
"""Folders of shipped files to what is in them, in words."""


def shipped_text(names: Mapping[str, Iterable[str]], descriptions: Mapping[str, str]) -> str:
    """Names by folder, and what each dataflow does.

    Examples
    --------
    >>> print(shipped_text({"workloads": ["alexnet", "vgg16"]}, {"flexible": "No constraint."}))
    workloads
      alexnet, vgg16
    <BLANKLINE>
    dataflows
      flexible: No constraint.
    <BLANKLINE>
    `dse show NAME` says what is in one.
    """
    other = {name: also for also, name in ALSO_KNOWN_AS.items()}
    known = {folder: [f"{name} ({other[name]})" if name in other else name for name in these]
             for folder, these in names.items()}  # fmt: skip
    parts = [f"{HEADINGS[folder]}\n{fold('  ' + ', '.join(these), hang='  ')}" for folder, these in known.items()]
    flows = "\n".join(fold(f"  {name}: {' '.join(text.split())}", hang="    ") for name, text in descriptions.items())
    return "\n\n".join([*parts, f"dataflows\n{flows}", "`dse show NAME` says what is in one."])


def dataflow_records(dataflow: Dataflow) -> list[dict[str, Any]]:
    """The rules of a dataflow, one a row, with the words of an architecture file.

    Examples
    --------
    >>> flow = Dataflow("pixels", rows=frozenset("P"), cols=frozenset("QK"), stationary="psum", inside=frozenset())
    >>> [(row["key"], row["value"]) for row in dataflow_records(flow)]
    [('rows', 'P'), ('cols', 'K Q'), ('inside', 'nothing'), ('stationary', 'psum')]
    """
    def dims(these: frozenset[str]) -> str:
        return "any" if these == frozenset(DIMS) else " ".join(dim for dim in DIMS if dim in these) or "nothing"

    sets = {
        "rows": (dataflow.rows, "may be unrolled over the rows of the array"),
        "rows_whole": (dataflow.rows_whole, "must be, in as few folds as possible"),
        "cols": (dataflow.cols, "may be unrolled over its columns"),
        "cols_whole": (dataflow.cols_whole, "must be, in as few folds as possible"),
        "inside": (dataflow.inside, "may be tiled inside a PE"),
        "inside_whole": (dataflow.inside_whole, "lie whole inside a PE"),
    }
    rows = [
        {"key": key, "value": dims(these), "meaning": meaning}
        for key, (these, meaning) in sets.items() if these or not key.endswith("_whole")
    ]  # fmt: skip
    if dataflow.stationary:
        meaning = "stays in the PE while the loops above the array step"
        rows.append({"key": "stationary", "value": dataflow.stationary, "meaning": meaning})
    if dataflow.innermost:
        rows.append({"key": "innermost", "value": dataflow.innermost, "meaning": "the innermost of these loops"})
    return rows


def dataflow_text(dataflow: Dataflow, description: str) -> str:
    """A dataflow's description, and its rules."""
    rules = Table.of(dataflow_records(dataflow), left=frozenset({"key", "value", "meaning"}))
    return "\n\n".join([fold(f"{dataflow.name}: {' '.join(description.split())}"), rules.to_text()])
