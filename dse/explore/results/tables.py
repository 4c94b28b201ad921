"""What a sweep found as tables of numbers: for data frames, Parquet and Optuna's dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.formats.text.quantity import KINDS, parse_quantity

if TYPE_CHECKING:
    import pandas

    from dse.explore.outcomes.evaluation import Evaluation
    from dse.explore.results.result import SweepResult

UNITS = {
    "size": "bits", "width": "bits", "frequency": "hz", "time": "s", "energy": "pj", "area": "mm2", "length": "nm",
    "power": "mw", "voltage": "v", "temperature": "k",
}  # fmt: skip
"""What stands behind the name of a column, by what it measures; words, MACs and cycles stay what they are."""

RELATIVE = {"word": "words", "mac": "macs", "word/cycle": "words_per_cycle"}

FIGURES = ("energy_pj", "latency_s", "edp_js", "area_mm2", "power_mw")


def number_of(value: Any) -> tuple[float | int, str] | None:
    """A setting as a number and what it counts; None for words.

    Examples
    --------
    >>> number_of("108 KiB"), number_of("224 word"), number_of(12), number_of("400 MB/s")
    ((884736, 'bits'), (224, 'words'), (12, ''), (3200000000, 'bits_per_s'))
    >>> number_of("row-stationary") is None
    True
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value, ""
    for kind, (_, units) in KINDS.items():
        try:
            quantity = parse_quantity(value, kind)
        except DseError:
            continue
        number = quantity.value * units[quantity.unit]
        rate = "bits_per_cycle" if quantity.unit.endswith("/cycle") else "bits_per_s"
        unit = RELATIVE.get(quantity.unit) or (rate if kind == "bandwidth" else UNITS[kind])
        return (int(number) if number == int(number) else number), unit
    return None


def numeric_columns(paths: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose settings are numbers, under names that say the unit, where all values of a setting count the same.

    Parameters
    ----------
    paths : iterable of str
        The settings. `levels.GLB.capacity` becomes `levels.GLB.capacity_bits`; a setting of words keeps name and words.
    rows : sequence of mappings
        Settings by their paths, among other things, which stay as they are.

    Examples
    --------
    >>> rows = [{"levels.GLB.capacity": "1 KiB", "dataflow": "flexible"}]
    >>> numeric_columns(["levels.GLB.capacity", "dataflow"], rows)
    [{'levels.GLB.capacity_bits': 8192, 'dataflow': 'flexible'}]
    """
    named: dict[str, tuple[str, dict[Any, float | int]]] = {}
    for path in paths:
        numbers = {value: number_of(value) for value in {row.get(path) for row in rows} if value is not None}
        units = {found[1] if found else None for found in numbers.values()}
        if len(units) == 1 and None not in units:
            unit = units.pop()
            plain = {value: found[0] for value, found in numbers.items() if found}
            named[path] = f"{path}_{unit}" if unit else path, plain
    return [
        {
            (named[key][0] if key in named else key): (named[key][1].get(value) if key in named else value)
            for key, value in row.items()
        }
        for row in rows
    ]


def best_known(result: SweepResult) -> list[Evaluation]:
    """One evaluation of each design, the exact one where it was solved exactly, by number."""
    found = {e.number: e for e in result.evaluations if e.kind == "explore"}
    found |= {e.number: e for e in result.evaluations if e.kind == "exact"}
    return [found[number] for number in sorted(found)]


def evaluations_frame(result: SweepResult) -> pandas.DataFrame:
    """All evaluations, one a row: `design`, `kind`, status, figures, and the settings as numbers."""
    import pandas

    rows = [
        {
            "design": e.number, "kind": e.kind, "status": e.outcome.status, "reason": e.outcome.reason,
            **{figure: e.outcome.objectives.get(figure) for figure in FIGURES},
            **{path: e.parameters.get(path) for path in result.paths},
            "mapped": e.outcome.mapped, "cpu_s": e.outcome.cpu_s, "id": e.id,
        }
        for e in result.evaluations
    ]  # fmt: skip
    return pandas.DataFrame(numeric_columns(result.paths, rows))


def front_frame(result: SweepResult, columns: Sequence[str]) -> pandas.DataFrame:
    """The front, one design a row, with `design` for its number and the settings as numbers."""
    import pandas

    plain = [{key: row.get(key) for key in (*columns, *result.paths, "id")} for row in result.front_rows()]
    rows = numeric_columns(result.paths, plain)
    if not rows:
        return pandas.DataFrame(columns=["design", *columns[1:], *result.paths, "id"])
    return pandas.DataFrame(rows).rename(columns={"number": "design"})
