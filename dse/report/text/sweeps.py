"""What the commands print, as tables of plain text."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from dse.report.table import Table, fold
from dse.report.units import duration, energy, percent, power, si, times

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult

SHOWN_POINTS = 20


SIDES = ("rows", "cols", "shape", "pes")
"""What says by itself that it is of an array."""


def short_names(paths: tuple[str, ...]) -> dict[str, str]:
    """Names of settings for people: a level with what is set of it, else the shortest ending that tells a path apart.

    Examples
    --------
    >>> paths = "dataflow", "levels.GLB.capacity", "levels.PE.capacity.weight", "levels.array.rows"
    >>> list(short_names(paths).values())
    ['dataflow', 'GLB capacity', 'PE weight', 'rows']
    """
    names = {}
    for path in paths:
        parts = path.split(".")
        if parts[0] == "levels" and parts[-1] not in SIDES:
            what = parts[3:] if parts[2] == "capacity" and len(parts) > 3 else parts[2:]
            names[path] = f"{parts[1]} {'.'.join(what)}"
            continue
        if parts[0] == "mac":
            names[path] = path
            continue
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[-length:])
            if all(not f".{other}".endswith(f".{name}") for other in paths if other != path):
                break
        names[path] = name
    return names


def front_table(result: SweepResult, most: int = SHOWN_POINTS) -> Table:
    """The front, one design a row, ascending in latency, each beside the architecture's own design.

    With area among the objectives: the designs on the energy-latency front within each area budget, by the tightest one
    that they are on; `within` has the budgets from that one to the largest one that they are on.

    Parameters
    ----------
    result : SweepResult
    most : int
        At most so many rows; longer fronts are shown by designs spread over them.
    """
    budgets = shown_fronts(result, most)
    names = short_names(tuple(path for path, choices in result.space.items() if len(choices) > 1))
    reference = result.reference_row()
    rows: list[dict[str, str]] = []
    seen: set[int] = set()
    for _, front in budgets:
        for row in (row for row in front if row["number"] not in seen):
            seen.add(row["number"])
            cells = {"within": _within_budgets(result, row["number"])} if len(budgets) > 1 else {}
            cells |= {
                "design": str(row["number"]),
                "energy": energy(row["energy_pj"]),
                "latency": duration(row["latency_s"]),
                "EDP": si(row["edp_js"], "J·s"),
                "area": f"{row['area_mm2']:.3g} mm2",
                "power": power(row["power_mw"]),
                "gap": "0 %" if row["proven"] == "exact" else percent(float(row["proven"])),
                **{name: str(row[path]) for path, name in names.items()},
            }
            if reference is not None:
                cells["EDP gain"] = times(reference["edp_js"] / row["edp_js"])
            rows.append(cells)
    designs, shown = len(result.front_rows()), len({cells["design"] for cells in rows})
    count = "1 design" if designs == 1 else f"{designs} designs"
    cut = f", {shown} of them shown" if shown < designs else ""
    by = ", by area budget" if len(budgets) > 1 else ""
    title = f"Front of {result.name} in {', '.join(result.search.objectives)}: {count}{cut}{by}"
    return Table.of(rows, left=frozenset(names.values()), title=title, note=_reference_note(result))


def front_text(result: SweepResult) -> str:
    """The front in two tables that fit a terminal: what its designs cost, and their settings."""
    table = front_table(result)
    names = table.left
    if not table.rows:
        return table.to_text()
    costs = [column for column in table.columns if column not in names]
    note = "gap: the design's mappings are at most so much above the best; 0 % is proven best"
    if "within" in costs:
        note = f"within: the area budgets (mm2) in which no other design beats it in energy and latency\n{note}"
    if "EDP gain" in costs:
        note += f"\nEDP gain: how many times less than {result.architecture} as specified"
    cost_table = table.only(costs, note=f"{table.note}\n{note}".strip(), spare=("power", "EDP"))
    same = {
        name: table.rows[0][i] for i, name in enumerate(table.columns)
        if name in names and len(table.rows) > 1 and len({row[i] for row in table.rows}) == 1
    }  # fmt: skip
    told = f"all of them: {', '.join(f'{name} {value}' for name, value in same.items())}" if same else ""
    differing = [column for column in table.columns if column in names and column not in same]
    settings = table.only(["design", *differing], title="settings of these designs", note=told)
    return "\n\n".join(part.to_text() for part in ([cost_table, settings] if names else [cost_table]))


def sweep_text(result: SweepResult, done: str, mappings: bool = False) -> str:
    """What a sweep prints: the front, or what the mappings of its designs trade, the sentence for the review, and what
    was done."""
    table = mapping_table(result).to_text() if mappings else front_text(result)
    return "\n\n".join(part for part in (table, fold(verdict(result)), fold(done)) if part)


def _within_budgets(result: SweepResult, number: int) -> str:
    """The area budgets on whose energy-latency front a design is; they follow one another."""
    limits = [limit for limit, front in result.budgets() if any(row["number"] == number for row in front)]
    return f"{limits[0]:.3g}" if len(limits) == 1 else f"{limits[0]:.3g}-{limits[-1]:.3g}"


def shown_fronts(result: SweepResult, most: int = SHOWN_POINTS) -> list[tuple[float, list[dict[str, Any]]]]:
    """The front within each area budget (mm2): designs spread over it, at most `most` in all, or three each.

    Where energy and latency are not both objectives, it is the front: budgets would leave designs of it out.
    """
    both = {"energy", "latency"} <= set(result.search.objectives)
    rows = sorted(result.front_rows(), key=lambda row: row["latency_s"])
    budgets = result.budgets() if both or not rows else [(max(row["area_mm2"] for row in rows), rows)]
    each = max(3, most // max(1, len(budgets)))
    return [(limit, spread(front, each)) for limit, front in budgets]


def mapping_table(result: SweepResult) -> Table:
    """What the mappings of each design on the front trade, a design after the other."""
    rows = [
        {
            "design": str(row["number"]),
            "energy": energy(row["energy_pj"]),
            "latency": duration(row["latency_s"]),
            "EDP": si(row["edp_js"], "J·s"),
            "area": f"{row['area_mm2']:.3g} mm2",
            "gap": "0 %" if row["proven"] == "exact" else percent(float(row["proven"])),
        }
        for row in sorted(result.mapping_rows(), key=lambda row: (row["number"], row["latency_s"]))
    ]
    title = f"Mappings on the front of {result.name}"
    return Table.of(rows, left=frozenset(), title=title, note=_reference_note(result))


def warnings(result: SweepResult) -> list[str]:
    """What a reader must know before any figure: what the log lost, and a reference without figures."""
    found = [str(damage) for damage in result.damaged]
    own = result.reference
    if own is not None and not own.ok:
        what = f"{result.architecture} as specified {_SAID[own.outcome.status]}"
        found.append(f"{what}, so no design is compared with it: {own.outcome.reason}")
    failed = sum(e.outcome.status == "failed" for e in result.explored)
    if failed:
        noun = "evaluation" if failed == 1 else "evaluations"
        found.append(f"{failed} {noun} failed; --resume makes them again")
    return found


_SAID = {"failed": "FAILED to be evaluated", "infeasible": "does not work"}


def verdict(result: SweepResult) -> str:
    """What the front says of the architecture as specified, for a review; empty where it cannot be compared."""
    own, rows = result.reference_row(), result.front_rows()
    if own is None or not rows:
        return ""
    named = f"{result.architecture} as specified"
    said = []
    within, best = _within(result), best_within(result)
    if best is not None and best["edp_js"] < own["edp_js"]:
        said.append(f"Design {best['number']}: {_changes(best, own)} {named}, {_share(best, own)} its area.")
    no_worse = [row for row in within if row["energy_pj"] <= own["energy_pj"] and row["latency_s"] <= own["latency_s"]]
    small = min(no_worse, key=lambda row: row["area_mm2"], default=None)
    if small is not None and small != best and small["area_mm2"] < own["area_mm2"]:
        said.append(f"Design {small['number']} is no worse than {named} in either, {_share(small, own)} its area.")
    return " ".join(said) or f"No design found is better than {named} at its area."


def best_within(result: SweepResult) -> dict[str, Any] | None:
    """The row of the front with the least EDP that takes no more area than the architecture as specified."""
    return min(_within(result), key=lambda row: row["edp_js"], default=None)


def recommended(result: SweepResult) -> dict[str, Any] | None:
    """The row that a reader is shown first: `best_within`, else the least EDP of the front; None without a front."""
    return best_within(result) or min(result.front_rows(), key=lambda row: row["edp_js"], default=None)


def _within(result: SweepResult) -> list[dict[str, Any]]:
    """Rows of other designs on the front that take no more area than the architecture as specified."""
    own = result.reference_row()
    rows = [] if own is None else result.front_rows()
    return [row for row in rows if row["area_mm2"] <= own["area_mm2"] * (1 + 1e-9) and row["number"] != 0]  # type: ignore[index]


def _changes(row: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """Less or more energy and latency than another design, up to its name; what is equal is said to be the same."""
    keys = {"energy": "energy_pj", "latency": "latency_s"}
    percents = {what: 100 * (row[key] / own[key] - 1) for what, key in keys.items()}
    same = [what for what, by in percents.items() if abs(by) < 0.5]
    differing = [f"{abs(by):.0f} % {'less' if by < 0 else 'more'} {what}" for what, by in percents.items()
                 if what not in same]  # fmt: skip
    return f"{' and '.join(differing) or 'nearly'} {f'at the same {same[0]} as' if same else 'than'}"


def _share(row: dict[str, Any], own: dict[str, Any]) -> str:
    return f"at {100 * row['area_mm2'] / own['area_mm2']:.0f} % of"


def spread(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most `most` rows: both ends, the least EDP, the rest evenly spread."""
    from dse.explore.outcomes.front import thin

    if len(rows) <= max(most, 3):
        return rows
    kept = set(thin([(row["energy_pj"], row["latency_s"]) for row in rows], max(most, 3)))
    return [row for row in rows if (row["energy_pj"], row["latency_s"]) in kept]


def status_line(result: SweepResult) -> str:
    """One line on what the sweep did. The architecture as specified counts apart where the space does not have it."""
    summary = result.to_dict()
    beside = result.reference is not None and not result.reference_in_space
    counted = [e for e in result.explored if not (beside and e.number == 0)]
    mapped = [e.outcome.status for e in counted if not e.ruled_out]
    works, failed = mapped.count("ok"), mapped.count("failed")
    not_working = len(mapped) - works - failed
    states = [f"{works} work", *([f"{not_working} do not"] if not_working else []),
              *([f"{failed} failed"] if failed else [])]  # fmt: skip
    said = [f"{len(mapped)} of {summary['space_size']:,} designs mapped: {', '.join(states)}"]
    if beside:
        said.append(f"{result.architecture} as specified, which the space does not have, counts apart")
    if ruled_out := sum(e.ruled_out for e in counted):
        said.append(f"{ruled_out} more ruled out without mapping")
    if flows := ", ".join(f"{name} {entry['designs']}" for name, entry in summary["dataflows"].items() if name):
        said.append(f"tried by dataflow: {flows}")
    said += [f"{summary['solved_exactly']} solved exactly", f"sampler {result.sampler}, seed {result.search.seed}"]
    return "; ".join(said)


def proof_line(result: SweepResult) -> str:
    """What is proven of the designs that were not tried."""
    if result.certificate is None:
        untried = prod(len(choices) for choices in result.space.values()) - len(result.explored)
        if untried <= 0:
            return ""
        return f"nothing is proven of the {untried:,} designs that were not tried; --prove-time 10min rules out some"
    found = result.certificate
    said = found.sentence(result.search.objectives)
    counts = f"{found.evaluated} mapped, {found.ruled_out:,} ruled out by bounds, {found.infeasible:,} do not work"
    more = "; --resume --prove-time 10min proves more" if found.gap > found.wanted or not found.complete else ""
    return f"{said} ({counts}){more}"


def _reference_note(result: SweepResult) -> str:
    reference, own = result.reference, result.reference_row()
    if reference is None:
        return ""
    if own is None:
        return f"{result.architecture} as specified {_SAID[reference.outcome.status]}: {reference.outcome.reason}"
    return (
        f"{result.architecture} as specified: {energy(own['energy_pj'])}, {duration(own['latency_s'])}, "
        f"EDP {si(own['edp_js'], 'J·s')}, {own['area_mm2']:.3g} mm2"
    )
