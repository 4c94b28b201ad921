"""What the commands print, as tables of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dse.explore.candidate import PROVEN_FROM
from dse.explore.plan.search import Search
from dse.report.table import Table, fold
from dse.report.text.asked import asked_lines, goal_name, goals_of
from dse.report.units import duration, energy, percent, power, si, times

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult

SHOWN_POINTS = 20

WITHIN = ("within: area budgets (mm2) in which no other design beats it in both energy and latency, from its own area "
          "to that of the smallest one that does; up: none does")  # fmt: skip

BUDGETS = {0.5: "half", 0.75: "three quarters of", 1.0: "all"}
"""Of the area of the architecture as specified, those of `SweepResult.budgets`, in words."""


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
    that they are on; `within` says in which budgets nothing beats them, see `unbeaten`.

    Parameters
    ----------
    result : SweepResult
    most : int
        At most so many rows; longer fronts are shown by designs spread over them.
    """
    budgets, every = shown_fronts(result, most), result.front_rows()
    names = short_names(tuple(path for path, choices in result.space.items() if len(choices) > 1))
    reference, goal = result.reference_row(), result.search.goal
    gain = f"{goal_name(result.search)} gain"
    rows: list[dict[str, str]] = []
    seen: set[int] = set()
    for _, front in budgets:
        for row in (row for row in front if row["number"] not in seen):
            seen.add(row["number"])
            cells = {"within": unbeaten(row, every)} if len(budgets) > 1 else {}
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
                cells[gain] = times(reference[goal] / row[goal])
            rows.append(cells)
    designs, shown = len(every), len({cells["design"] for cells in rows})
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
    gain = f"{goal_name(result.search)} gain"
    notes = [*asked_lines(result), table.note]
    if "within" in costs:
        notes += [WITHIN, budgets_line(result)]
    notes.append(gap_line(result))
    if gain in costs:
        notes.append(f"{gain}: how many times less than {result.architecture} as specified")
    if any(row["number"] >= PROVEN_FROM for row in result.front_rows()):
        notes.append(f"designs from {PROVEN_FROM} on: the proof mapped them, not a trial")
    spare = ("power", "EDP") if result.search.goal == "edp_js" else ("EDP", "power")
    cost_table = table.only(costs, note="\n".join(note for note in notes if note), spare=spare)
    same = {
        name: table.rows[0][i] for i, name in enumerate(table.columns)
        if name in names and len(table.rows) > 1 and len({row[i] for row in table.rows}) == 1
    }  # fmt: skip
    told = f"all of them: {', '.join(f'{name} {value}' for name, value in same.items())}" if same else ""
    differing = [column for column in table.columns if column in names and column not in same]
    settings = table.only(["design", *differing], title="settings of these designs", note=told)
    return "\n\n".join(part.to_text() for part in ([cost_table, settings] if names else [cost_table]))


def mapped_for(search: Search) -> str:
    """What mappings are chosen for, as a figure's name.

    Examples
    --------
    >>> mapped_for(Search(9)), mapped_for(Search(9, objectives=("area",)))
    ('EDP', 'energy')
    """
    objective = search.mapped_for
    return "EDP" if objective == "edp" else objective


def gap_line(result: SweepResult) -> str:
    """What the gap of a row is; docs/sweeps.md defines it beside the others."""
    what = mapped_for(result.search)
    said = f"gap: the design's mappings have at most so much more {what} than its best ones; 0 % is proven best"
    inexact = any(row["proven"] != "exact" for row in result.front_rows())
    said += "; smaller differences between designs may be those of mappings" if inexact else ""
    shown = {row["number"] for row in result.front_rows()}
    dearer = sorted({e.number for e in result.evaluations if e.number in shown and e.outcome.energy_gap})
    if not dearer:
        return said
    what = f"design{'s' if len(dearer) > 1 else ''} {', '.join(map(str, dearer))}"
    return f"{said}; of {what} a search was stopped, so that energy is not proven to be the least in that time"


def sweep_text(result: SweepResult, done: str, mappings: bool = False) -> str:
    """What a sweep prints: the front, or what the mappings of its designs trade, the sentence for the review, and what
    was done."""
    table = mapping_table(result).to_text() if mappings else front_text(result)
    return "\n\n".join(part for part in (table, fold(verdict(result)), fold(done)) if part)


def unbeaten(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The area budgets, in mm2, within which no row of a front beats one in both energy and latency: from its own area
    up, or to the area of the smallest that does.

    Examples
    --------
    >>> rows = [{"number": n, "energy_pj": e, "latency_s": 1.0, "area_mm2": a} for n, e, a in ((1, 3, 4.02), (2, 2, 6))]
    >>> unbeaten(rows[0], rows), unbeaten(rows[1], rows)
    ('4.02-6', '6 up')
    """
    end = min(
        (other["area_mm2"] for other in rows if other["number"] != row["number"]
         and other["energy_pj"] <= row["energy_pj"] and other["latency_s"] <= row["latency_s"]), default=None,
    )  # fmt: skip
    start = f"{row['area_mm2']:.3g}"
    return f"{start} up" if end is None else start if f"{end:.3g}" == start else f"{start}-{end:.3g}"


def budgets_line(result: SweepResult) -> str:
    """Where the area budgets of a front come from, by which its rows are ordered."""
    own = result.reference_row()
    shares = {} if own is None else {own["area_mm2"] * part: name for part, name in BUDGETS.items()}
    said = []
    for limit, _ in result.budgets():
        name = f"{shares[limit]} the area of {result.architecture} as specified" if limit in shares else ""
        said.append(f"{limit:.3g} mm2 ({name or 'the largest design of the front'})")
    return f"rows: first the designs best within {', then within '.join(said)}"


def shown_fronts(result: SweepResult, most: int = SHOWN_POINTS) -> list[tuple[float, list[dict[str, Any]]]]:
    """The front within each area budget (mm2): designs spread over it, at most `most` in all, or three each.

    Where energy and latency are not both objectives, it is the front: budgets would leave designs of it out.
    """
    both = {"energy", "latency"} <= set(result.search.objectives)
    rows = sorted(result.front_rows(), key=lambda row: row["latency_s"])
    budgets = result.budgets() if both or not rows else [(max(row["area_mm2"] for row in rows), rows)]
    each = max(3, most // max(1, len(budgets)))
    shown, named = [], _named(result)
    for limit, front in budgets:
        kept = {row["number"]: row for row in spread(front, each)}
        here = [row for row in named if row["area_mm2"] <= limit * (1 + 1e-9)]
        named = [row for row in named if row not in here]
        kept |= {row["number"]: row for row in here}
        shown.append((limit, sorted(kept.values(), key=lambda row: (row["latency_s"], row["energy_pj"]))))
    return shown


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
    goals, goal = goals_of(result.search), result.search.goal
    named = f"{result.architecture} as specified"
    said, best, small = [], best_within(result), _no_worse(result)
    if best is not None and best[goal] < own[goal]:
        share = f", {_share(best, own)} its area" if "area" not in goals else ""
        said.append(f"Design {best['number']}: {_changes(best, own, goals)} {named}{share}.")
    if small is not None:
        which = "in either" if len(goals) > 1 else f"in {''.join(goals)}"
        said.append(f"Design {small['number']} is no worse than {named} {which}, {_share(small, own)} its area.")
    at = " at its area" if "area" in result.search.objectives and "area" not in goals else ""
    return " ".join(said) or f"No design found is better than {named}{at}."


def best_within(result: SweepResult) -> dict[str, Any] | None:
    """The row of the front that is least in what the search is about (`Search.goal`), of those that take no more area
    than the architecture as specified where area is an objective."""
    return min(_within(result), key=lambda row: row[result.search.goal], default=None)


def recommended(result: SweepResult) -> dict[str, Any] | None:
    """The row that a reader is shown first: `best_within`, else the least of the front; None without a front."""
    goal = result.search.goal
    return best_within(result) or min(result.front_rows(), key=lambda row: row[goal], default=None)


def _no_worse(result: SweepResult) -> dict[str, Any] | None:
    """Where area is one of several objectives, the smallest design that is no worse than the architecture as specified
    in any other, if it is another one than `best_within`, and smaller than the architecture."""
    own, goals = result.reference_row(), goals_of(result.search)
    if own is None or "area" not in result.search.objectives or "area" in goals:
        return None
    no_worse = [row for row in _within(result) if all(row[key] <= own[key] for key in goals.values())]
    small = min(no_worse, key=lambda row: row["area_mm2"], default=None)
    if small is None or small == best_within(result) or small["area_mm2"] >= own["area_mm2"]:
        return None
    return small


def _named(result: SweepResult) -> list[dict[str, Any]]:
    """The rows that the verdict speaks of."""
    return [row for row in (best_within(result), _no_worse(result)) if row is not None]


def _within(result: SweepResult) -> list[dict[str, Any]]:
    """Rows of other designs on the front; where area is an objective, of those that take no more of it than the
    architecture as specified."""
    own = result.reference_row()
    rows = [] if own is None else [row for row in result.front_rows() if row["number"] != 0]
    if own is None or "area" not in result.search.objectives:
        return rows
    return [row for row in rows if row["area_mm2"] <= own["area_mm2"] * (1 + 1e-9)]


def _changes(row: Mapping[str, Any], own: Mapping[str, Any], goals: Mapping[str, str]) -> str:
    """Less or more of each goal than another design, up to its name; what is equal is said to be the same."""
    percents = {what: 100 * (row[key] / own[key] - 1) for what, key in goals.items()}
    same = [what for what, by in percents.items() if abs(by) < 0.5]
    differing = [f"{abs(by):.0f} % {'less' if by < 0 else 'more'} {what}" for what, by in percents.items()
                 if what not in same]  # fmt: skip
    if not differing:
        return f"nearly the same {' and '.join(same)} as"
    return f"{' and '.join(differing)} {f'at the same {same[0]} as' if same else 'than'}"


def _share(row: dict[str, Any], own: dict[str, Any]) -> str:
    return f"at {100 * row['area_mm2'] / own['area_mm2']:.0f} % of"


def spread(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most `most` rows: both ends, the least EDP, the rest evenly spread."""
    from dse.explore.outcomes.front import thin

    if len(rows) <= max(most, 3):
        return rows
    kept = set(thin([(row["energy_pj"], row["latency_s"]) for row in rows], max(most, 3)))
    return [row for row in rows if (row["energy_pj"], row["latency_s"]) in kept]


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
