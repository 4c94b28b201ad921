"""What a sweep found: every evaluation, and the front over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.front import pareto
from dse.explore.outcomes.log import Damage
from dse.explore.plan.search import OBJECTIVES, Search
from dse.explore.proof.certificate import Certificate
from dse.explore.results.reasons import counted_reasons
from dse.explore.results.tables import evaluations_frame, front_frame
from dse.explore.spending import Spending
from dse.formats.architecture.space.constraints import Constraint
from dse.formats.architecture.space.readable import plain_limits
from dse.problem.notebook import SHOWN_ROWS, picture, short

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

METRICS = ("energy_pj", "latency_s", "edp_js", "area_mm2", "power_mw")


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The evaluations of a sweep and what follows from them.

    Parameters
    ----------
    name : str
    architecture : str
    workloads : tuple of str
    space : mapping
        Path of each setting to its choices.
    search : Search
    sampler : str
        The one that `auto` stood for.
    evaluations : tuple of Evaluation
        First the explored designs by number (0 is the architecture's own), then those that mappings of others
        suit, then those solved exactly.
    finished : bool
        Whether the search ran to its end.
    reused : int
        Evaluations that were found in the log.
    wall_s : float
    damaged : tuple of Damage
        Lines of the log that could not be read.
    derived : tuple of str
        Paths of the settings that follow from those of the space.
    combine : {"sum", "worst", "geomean"}
        How energies and latencies of several networks became one.
    weights : mapping
        Of networks by name; 1 where nothing is said.
    constraints : tuple of Constraint
        The limits that designs had to keep.
    certificate : Certificate, optional
        What is proven of all designs of the space.
    batches : mapping
        Images at once of each network; none where the space chooses, and figures are per image.
    beside : tuple of int, optional
        Numbers of designs that the space does not have; None where the choices of its settings tell.
    spending : Spending
        CPU time by what it went to, on all workers, of this run and of those that it resumes.

    Examples
    --------
    >>> import dse
    >>> network = dse.Workload.of("tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    >>> space = {"levels.GLB.capacity": ["54 KiB", "108 KiB"]}
    >>> result = dse.sweep("eyeriss", network, trials=2, space=space, jobs=0)
    >>> result.finished, len(result.explored), result.reference.parameters
    (True, 2, {'levels.GLB.capacity': '108 KiB'})
    >>> result.to_dict()["statuses"]
    {'ok': 2}
    >>> [len(rows) for rows in (result.points(), result.mapping_rows(), result.front_rows(), result.to_dataframe())]
    [4, 1, 1, 4]
    >>> result.reference_in_space, result.reference_row()["number"]
    (True, 0)
    >>> [len(rows) for _, rows in result.budgets()], result.to_solve()
    ([1], [])
    >>> len(result.plot().axes) > 0
    True
    >>> result
    SweepResult('eyeriss-tiny', designs=2, front=1, finished=True)
    """

    name: str
    architecture: str
    workloads: tuple[str, ...]
    space: Mapping[str, tuple[Any, ...]]
    search: Search
    sampler: str
    evaluations: tuple[Evaluation, ...]
    finished: bool = True
    reused: int = 0
    wall_s: float = 0.0
    damaged: tuple[Damage, ...] = field(default=())
    derived: tuple[str, ...] = ()
    combine: str = "sum"
    weights: Mapping[str, float] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    certificate: Certificate | None = None
    batches: Mapping[str, int] = field(default_factory=dict)
    beside: tuple[int, ...] | None = None
    spending: Spending = field(default_factory=Spending)
    _made: dict[str, list[dict[str, Any]]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _points: dict[str, list[tuple[Evaluation, dict[str, Any]]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __repr__(self) -> str:
        facts = {"designs": len(self.explored), "front": len(self.front_rows()), "finished": self.finished}
        return short("SweepResult", self.name, **facts)

    def _repr_html_(self) -> str:
        from html import escape

        table = self.front.drop(columns="id").to_html(max_rows=SHOWN_ROWS, float_format="{:.4g}".format, border=0)
        return f"<p><code>{escape(repr(self))}</code></p>\n{table}"

    def plot(self) -> Figure:
        """The front of designs, with the fronts within area budgets and all that were tried."""
        return picture(self)

    @property
    def paths(self) -> tuple[str, ...]:
        """The settings that tell designs apart."""
        return (*self.space, *self.derived)

    @property
    def explored(self) -> tuple[Evaluation, ...]:
        return tuple(e for e in self.evaluations if e.kind == "explore")

    @property
    def designs(self) -> tuple[Evaluation, ...]:
        """Every design once: those that were explored, then those that the proof alone mapped."""
        explored = {e.number for e in self.explored}
        return (*self.explored, *(e for e in self.evaluations if e.kind != "explore" and e.number not in explored))

    @property
    def reference(self) -> Evaluation | None:
        """The architecture's own design, solved exactly if it was."""
        own = [e for e in self.evaluations if e.number == 0]
        return own[-1] if own else None

    @property
    def outside(self) -> tuple[int, ...]:
        """Numbers of the explored designs that the space does not have: the architecture as specified, with each
        dataflow, where a setting is not among the choices, or is another than what would follow from them."""
        if self.beside is not None:
            return tuple(e.number for e in self.explored if e.number in self.beside)
        choices = self.space.items()
        return tuple(e.number for e in self.explored
                     if not all(e.parameters.get(path) in values for path, values in choices))  # fmt: skip

    @property
    def reference_in_space(self) -> bool:
        """Whether the architecture's own design is one of the space."""
        return self.reference is not None and 0 not in self.outside

    def reference_row(self) -> dict[str, Any] | None:
        """The architecture's own design as a row of the front would show it; None where it does not work."""
        own = self.reference
        rows = self._once("reference", lambda: self._rows(own) if own is not None and own.ok else [])
        return min(rows, key=self._rank, default=None)

    def points(self) -> list[dict[str, Any]]:
        """Every energy-latency point of every sound design as a flat row.

        Returns
        -------
        list of dict
            `number`, the metrics of `METRICS`, `proven` (`exact`, or the gap), the settings by their paths, `id`.
        """
        return [row for evaluation in self.evaluations for row in self._rows(evaluation)]

    def front_rows(self) -> list[dict[str, Any]]:
        """The designs that have a point which no point of any design beats in the search's objectives.

        Returns
        -------
        list of dict
            One row a design, ascending in latency: of its points on the front the one of least EDP, where energy and
            latency are both objectives, else of the least `Search.goal`; `mappings` counts them all.
        """
        return self._once("designs", self._front_of_designs)

    def _front_of_designs(self) -> list[dict[str, Any]]:
        """Thousands of points; rows are made of those alone that stand for a design."""
        designs: dict[int, list[tuple[Evaluation, dict[str, Any]]]] = {}
        for evaluation, found in self._best_points():
            designs.setdefault(evaluation.number, []).append((evaluation, found))
        best = [(min(of, key=lambda one: self._rank(one[1])), len(of)) for of in designs.values()]
        chosen = [
            {**row, "mappings": count} for (e, found), count in best for row in self._rows(e, [_point(found)])
        ]  # fmt: skip
        return sorted(chosen, key=lambda row: (row["latency_s"], row["energy_pj"], row["number"]))

    def _once(self, what: str, make: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Rows that are made at the first call; a caller may change what it gets."""
        if what not in self._made:
            self._made[what] = make()
        return [dict(row) for row in self._made[what]]

    def _rank(self, row: dict[str, Any]) -> float:
        return float(row[self.search.goal])

    def budgets(self) -> list[tuple[float, list[dict[str, Any]]]]:
        """Energy-latency fronts of designs within area budgets, each with its budget in mm2, ascending.

        The budgets are a half, three quarters and all of the area of the architecture as specified, and what the
        largest design on the front takes; those that allow what a smaller one allows are left out. Without area among
        the objectives, everything is within one.
        """
        rows = self.front_rows()
        if not rows or "area" not in self.search.objectives:
            return [(max(row["area_mm2"] for row in rows), rows)] if rows else []
        own = self.reference_row()
        limits = [own["area_mm2"] * share for share in (0.5, 0.75, 1.0)] if own else []
        found: list[tuple[float, list[dict[str, Any]]]] = []
        for limit in sorted({*limits, max(row["area_mm2"] for row in rows)}):
            within = [row for row in rows if row["area_mm2"] <= limit * (1 + 1e-9)]
            front = [within[i] for i in pareto([(row["latency_s"], row["energy_pj"]) for row in within])]
            if front and (not found or front != found[-1][1]):
                found.append((limit, front))
        return found

    def to_solve(self) -> list[int]:
        """Numbers of the designs that the budgets show, and of the architecture's own, that are not solved exactly."""
        exact = {e.number for e in self.evaluations if e.kind == "exact"}
        shown = {row["number"] for _, rows in self.budgets() for row in rows}
        own = {self.reference.number} if self.reference is not None and self.reference.ok else set()
        return sorted((shown | own) - exact)

    def mapping_rows(self) -> list[dict[str, Any]]:
        """The points that no point beats in the search's objectives, ascending in latency.

        A design has as many as its mappings trade one objective for another. A point found both within the gap and
        exactly counts as exact.
        """
        return self._once("mappings", self._front_of_mappings)

    def _front_of_mappings(self) -> list[dict[str, Any]]:
        return [row for e, found in self._best_points() for row in self._rows(e, [_point(found)])]

    def _best_points(self) -> list[tuple[Evaluation, dict[str, Any]]]:
        """The points of `mapping_rows`, with their evaluations, as bare figures; worked out once, or
        by each of several threads that ask at a time, to the same."""
        if "best" not in self._points:
            self._points["best"] = self._find_best_points()
        return self._points["best"]

    def _find_best_points(self) -> list[tuple[Evaluation, dict[str, Any]]]:
        order = sorted(self.evaluations, key=lambda e: e.proven(self.search.gap) != "exact")
        places = [(e, point) for e in order for point in e.outcome.front]
        figures = [_figures(e.outcome, energy, latency) for e, (energy, latency) in places]
        keys = self.search.keys
        kept = [(places[i][0], figures[i]) for i in pareto([[found[key] for key in keys] for found in figures])]
        return sorted(kept, key=lambda one: (one[1]["latency_s"], one[1]["energy_pj"]))

    @property
    def front(self) -> pandas.DataFrame:
        """`front_rows` as a table: `design` for the number, settings as numbers under names that say their units."""
        return front_frame(self, COLUMNS)

    def to_dataframe(self) -> pandas.DataFrame:
        """All evaluations, one a row, with status and reason; see `dse.explore.results.tables`."""
        return evaluations_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """The summary: what was asked, how much was done, the reference, and the best of each objective."""
        from math import prod

        explored = self.explored
        front = self.front_rows()
        return {
            "sweep": self.name,
            "architecture": self.architecture,
            "workloads": list(self.workloads),
            "combine": self.combine,
            "batch": dict(self.batches) or None,
            "weights": {name: float(self.weights.get(name, 1.0)) for name in self.workloads},
            "constraints": plain_limits(self.constraints),
            "objectives": list(self.search.objectives),
            "sampler": self.sampler,
            "seed": self.search.seed,
            "trials": self.search.trials,
            "gap": self.search.gap,
            "resident": self.search.resident,
            "space_size": prod(len(choices) for choices in self.space.values()),
            "finished": self.finished,
            "designs": len(explored),
            "ruled_out": sum(e.ruled_out for e in explored),
            "mapped_by_proof": len(self.designs) - len(explored),
            "working": sum(e.ok for e in self.designs),
            "statuses": dict(sorted(Counter(e.outcome.status for e in explored).items())),
            "reasons": counted_reasons(e.outcome.reason for e in explored if e.outcome.reason),
            "dataflows": self._per_dataflow(),
            "solved_exactly": sum(e.kind == "exact" for e in self.evaluations),
            "reused": self.reused,
            "cpu_s": self.cpu_s,
            "wall_s": round(self.wall_s, 3),
            "cpu_split_s": {**self.spending.to_dict(), "mapping": self.cpu_s},
            "reference": self.reference_row(),
            "best": {name: min(front, key=lambda row: row[OBJECTIVES[name]]) for name in self._wanted() if front},
            "certificate": None if (found := self.certificate) is None else {
                **found.to_dict(), "says": found.sentence(self.search.objectives),
            },
            "front": len(front),
            "mappings": sum(row["mappings"] for row in front),
            "budgets": [
                {"area_mm2": limit, "designs": [row["number"] for row in rows]} for limit, rows in self.budgets()
            ],
        }

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all evaluations, each once, whichever run made them."""
        return round(sum({e.id: e.outcome.cpu_s for e in self.evaluations}.values()), 3)

    def _wanted(self) -> list[str]:
        """The objectives, and EDP where energy and latency are both among them."""
        both = {"energy", "latency"} <= set(self.search.objectives)
        return list(dict.fromkeys([*self.search.objectives, *(["edp"] if both else [])]))

    def _per_dataflow(self) -> dict[str, dict[str, Any]]:
        """How many designs of each dataflow were tried, and the least EDP of all that has it."""
        found: dict[str, dict[str, Any]] = {}
        for e in self.explored:
            entry = found.setdefault(
                str(e.parameters.get("dataflow", "")), {"designs": 0, "ok": 0, "best_edp_js": None}
            )
            entry["designs"] += 1
            if e.ok:
                entry["ok"] += 1
        for e in self.evaluations:  # what was mapped exactly, and by the proof, too
            of = found.get(str(e.parameters.get("dataflow", "")))
            if e.ok and of is not None:
                edp = min(energy * 1e-12 * latency for energy, latency in e.outcome.front)
                of["best_edp_js"] = edp if of["best_edp_js"] is None else min(edp, of["best_edp_js"])
        return found

    def _rows(
        self, evaluation: Evaluation, points: Sequence[tuple[float, float]] | None = None
    ) -> list[dict[str, Any]]:
        """A row for each of an evaluation's points, all of them unless told which."""
        proven = evaluation.proven(self.search.gap)
        settings = {path: evaluation.parameters.get(path) for path in self.paths}
        return [
            {
                "number": evaluation.number, **_figures(evaluation.outcome, energy, latency), "proven": proven,
                **settings, "id": evaluation.id,
            }
            for energy, latency in (evaluation.outcome.front if points is None else points)
        ]  # fmt: skip


def _figures(outcome: Outcome, energy: float, latency: float) -> dict[str, Any]:
    """The metrics of a point of an outcome."""
    return {
        "energy_pj": energy, "latency_s": latency, "edp_js": energy * 1e-12 * latency,
        "area_mm2": outcome.objectives.get("area_mm2"), "power_mw": energy * 1e-9 / latency,
    }  # fmt: skip


def _point(figures: Mapping[str, Any]) -> tuple[float, float]:
    return figures["energy_pj"], figures["latency_s"]


ORDER = ("explore", "repriced", "exact")


def in_order(evaluations: Iterable[Evaluation]) -> tuple[Evaluation, ...]:
    """What `SweepResult.evaluations` holds of all that were made, by kind and by number.

    What a design costs with mappings of another one is left out where it was solved exactly later, to the end.
    """
    evaluations = list(evaluations)
    exact = {e.number for e in evaluations if e.kind == "exact" and e.ok and not e.outcome.limit_s}
    kept = [e for e in evaluations if e.kind != "repriced" or e.number not in exact]
    return tuple(sorted(kept, key=lambda e: (ORDER.index(e.kind), e.number)))


COLUMNS = ("number", *METRICS, "proven", "mappings")
"""Of a row of the front, before the settings."""
