"""The loop: the seed decides, whatever the number of workers and wherever a sweep was stopped."""

import json
import sys
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from itertools import count
from time import process_time

import pytest
from explore.domination import dominates
from hypothesis import given, settings
from hypothesis import strategies as st
from thinned import thinned

from dse.errors import DseError, InfeasibleError
from dse.explore.designs.space import DesignSpace
from dse.explore.explorer import Explorer
from dse.explore.ledger import Ledger
from dse.explore.limits import Limits
from dse.explore.outcomes.evaluation import Outcome
from dse.explore.outcomes.front import pareto
from dse.explore.outcomes.log import LogWriter, read_log
from dse.explore.plan.problem import SweepProblem
from dse.explore.plan.search import Search
from dse.explore.workers.runner import Inline, Workers

TWO = ("energy", "latency")
SPACE = DesignSpace.of({"dataflow": ["ws", "os", "rs"], "rows": list(range(4, 33, 4)), "cols": list(range(4, 33, 2))})


def measure(design):
    """A made-up accelerator: bigger arrays are faster and dearer, with a dataflow that suits each size."""
    rows, cols = design["rows"], design["cols"]
    if rows * cols > 800:
        return Outcome("infeasible", "too large", {"area_mm2": rows * cols / 10}, violation=rows * cols / 800 - 1)
    bias = {"ws": cols / rows, "os": rows / cols, "rs": 1.2}[design["dataflow"]]
    energy, latency = 100.0 + rows * cols * bias, 1e4 / (rows * cols) + bias
    objectives = {
        "energy_pj": energy,
        "latency_s": latency,
        "edp_js": energy * 1e-12 * latency,
        "area_mm2": rows * cols / 10,
    }
    return Outcome("ok", "", objectives, ((energy, latency),), cpu_s=0.5)


def measure_exactly(design):
    """What `measure` found, and one faster mapping."""
    outcome = measure(design)
    ((energy, latency),) = outcome.front
    return Outcome("ok", "", outcome.objectives, ((energy * 1.1, latency * 0.9), (energy, latency)), cpu_s=1.0)


def resolve(design):
    if design["cols"] == 30 and design["rows"] == 4:
        raise DseError("4 rows cannot feed 30 columns")
    return dict(design)


def identify(design, resolved, kind):
    return sha256(json.dumps([design, kind], sort_keys=True).encode()).hexdigest()


def problem(space=SPACE, **changes):
    own = {"dataflow": "rs", "rows": 12, "cols": 14}
    fields = {
        "space": space,
        "starts": tuple({**own, "dataflow": dataflow} for dataflow in ("rs", "ws", "os")),
        "resolve": resolve,
        "identify": identify,
        "evaluate": {"explore": measure, "exact": measure_exactly},
        "sweep_id": "made-up",
    }
    return SweepProblem(**{**fields, **changes})


PROBLEM = problem()


def break_down(design):
    if design["cols"] == 4:
        raise InfeasibleError("too narrow")
    if design["cols"] == 6:
        raise ZeroDivisionError("of nothing")
    return measure(design)


def test_designs_that_raise_are_as_bad_as_a_limit_passed_twice():
    """The sampler is told a violation of 1 for them, whatever went wrong."""
    space = DesignSpace.of({"dataflow": ["rs"], "rows": [12], "cols": [4, 6, 8]})
    search = Search(trials=4, sampler="grid", objectives=("energy", "latency"))
    broken = problem(space, evaluate={"explore": break_down, "exact": measure_exactly}, starts=())
    with Workers.local(0) as workers:
        explorer = Explorer(Ledger(broken, search, workers, {}))
        explorer.run()
    found = {e.parameters["cols"]: e.outcome for e in explorer.ledger.explored.values()}
    assert [(found[cols].status, found[cols].violation) for cols in (4, 6, 8)] == [
        ("infeasible", 1.0), ("failed", 1.0), ("ok", 0.0)
    ]  # fmt: skip


def explore(search, *, jobs=0, known=None, log=None, problem=PROBLEM, progress=None, replay=None):
    with Workers.local(jobs) as workers:
        explorer = Explorer(Ledger(problem, search, workers, dict(known or {}), log, progress), replay or {})
        explorer.run()
    return explorer.ledger


def mapped(ledger):
    """What cost a trial: all but settings that make no design, and designs that are ruled out."""
    free = ("4 rows cannot feed 30 columns", "too wide to be built")
    return [e for e in ledger.explored.values() if e.outcome.reason not in free]


def results(ledger):
    """Everything a sweep found, in order."""
    return [e.to_dict() for part in (ledger.explored, ledger.exact) for _, e in sorted(part.items())]


SEARCHES = [Search(60, sampler, seed=3) for sampler in ("nsga2", "tpe", "qmc", "random")]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.sampler)
def test_jobs_change_nothing(search):
    alone = explore(search)
    assert results(explore(search, jobs=3)) == results(alone)
    assert len(mapped(alone)) == 60
    assert len(alone.exact) > 0


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.sampler)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_resuming_after_any_loss_changes_nothing_and_repeats_nothing(search, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "evaluations.jsonl"
    with LogWriter(path) as log:
        whole = explore(search, log=log)
    lines = path.read_bytes().splitlines(keepends=True)
    kept = data.draw(st.sets(st.integers(0, len(lines) - 1)) | st.integers(0, len(lines)).map(range))
    path.write_bytes(b"".join(lines[i] for i in kept) + b'{"id":"torn')
    known = read_log(path).by_id
    with LogWriter(path) as log:
        resumed = explore(search, known=known, log=log)
    assert results(resumed) == results(whole)
    identities = [json.loads(line)["id"] for line in path.read_bytes().splitlines()]
    assert len(identities) == len(set(identities)) == len(lines), "no evaluation is lost or repeated"


@lru_cache(maxsize=32)
def whole_run(search):
    """A sweep of so many trials, which several tests take as it is."""
    return explore(search)


@pytest.mark.parametrize("lost", thinned([None, 0, 20, 40], 2), ids=lambda lost: f"without {lost}")
@pytest.mark.parametrize("trials", [30, 60, 90])
@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.sampler)
def test_batches_that_are_known_are_not_proposed_again(search, trials, lost, monkeypatch):
    """Also when the log ends within one or lacks a line, and when there are more trials now."""
    whole = whole_run(replace(search, trials=trials))
    known = {e.id: e for n, e in whole.explored.items() if n != lost}
    proposed = []
    propose = Explorer._propose
    monkeypatch.setattr(
        Explorer, "_propose", lambda self, proposer, wanted: proposed.append(wanted) or propose(self, proposer, wanted)
    )
    longer = replace(search, trials=90)
    again = explore(longer, known=known, replay={e.number: e for e in known.values()})
    asked = len(proposed)
    assert results(again) == results(whole_run(longer))
    if trials == 90 and lost is None and search.sampler in ("nsga2", "random"):
        assert asked == 0


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.sampler)
def test_a_longer_sweep_begins_like_a_shorter_one(search):
    longer = explore(Search(90, search.sampler, seed=3))
    assert results(longer)[:60] == results(explore(search))[:60]


def test_the_own_design_comes_first_and_every_start_is_evaluated():
    ledger = explore(Search(10))
    assert [e.parameters["dataflow"] for e in list(ledger.explored.values())[:3]] == ["rs", "ws", "os"]
    assert ledger.explored[0].parameters == {"dataflow": "rs", "rows": 12, "cols": 14}


def test_a_start_outside_the_space_is_evaluated_too():
    odd = problem(starts=({"dataflow": "rs", "rows": 13, "cols": 14},))
    ledger = explore(Search(30), problem=odd)
    assert ledger.explored[0].parameters["rows"] == 13
    assert len(ledger.explored) == 30


@pytest.mark.parametrize("sampler", ["auto", "grid", "nsga2", "tpe", "random"])
def test_a_small_space_is_covered_once_whatever_the_sampler(sampler):
    small = problem(DesignSpace.of({"dataflow": ["rs", "ws"], "rows": [8, 12], "cols": [8, 14, 16]}))
    ledger = explore(Search(100, sampler), problem=small)
    designs = {tuple(e.parameters.values()) for e in ledger.explored.values()}
    assert len(designs) == len(ledger.explored) == 12 + 1  # the start with dataflow `os` lies outside
    assert Explorer(ledger).sampler == ("grid" if sampler == "auto" else sampler)


def test_infeasible_designs_are_results_with_a_reason():
    ledger = explore(Search(SPACE.size, "grid"))
    reasons = {e.outcome.reason for e in ledger.explored.values() if not e.ok}
    assert reasons == {"too large", "4 rows cannot feed 30 columns"}
    assert all(e.outcome.status == "infeasible" for e in ledger.explored.values() if not e.ok)


def test_exactly_the_designs_that_may_be_on_the_front_are_solved_again():
    ledger = explore(Search(SPACE.size, "grid", objectives=TWO, gap=0.0))
    sound = {n: list(e.outcome.front[0]) for n, e in ledger.explored.items() if e.ok}
    numbers, points = list(sound), list(sound.values())
    front = {tuple(points[i]) for i in pareto(points)}
    assert set(ledger.exact) == {n for n in numbers if tuple(sound[n]) in front} | {0}


@pytest.mark.parametrize(
    ("limits", "solved"),
    [(Limits(), False), (Limits(prove_s=0), False), (Limits(prove_s=9.0), True), (Limits(design_s=9.0), True)],
)
def test_long_fronts_are_solved_only_where_there_is_a_time_for_them(limits, solved):
    search, long = Search(12, "random", seed=2, objectives=TWO), problem(singly=True)
    with Workers.local(0) as workers:
        explorer = Explorer(Ledger(long, search, workers, {}), limits=limits)
        explorer.run()
    assert len(mapped(explorer.ledger)) >= 12
    assert bool(explorer.ledger.exact) is solved


def test_a_gap_keeps_designs_that_it_might_have_cost_their_place():
    wide = explore(Search(SPACE.size, "grid", objectives=TWO, gap=0.05))
    narrow = explore(Search(SPACE.size, "grid", objectives=TWO, gap=0.0))
    assert set(narrow.exact) < set(wide.exact)
    points = {n: e.outcome.front[0] for n, e in wide.explored.items() if e.ok}
    for number, point in points.items():
        beaten = any(dominates(other, [value / 1.05 for value in point]) for other in points.values())
        assert (number in wide.exact) == (number == 0 or not beaten)


def test_nsga2_finds_most_of_the_front_with_a_third_of_the_budget():
    best = explore(Search(SPACE.size, "grid", objectives=TWO, gap=0.0))
    found = explore(Search(120, "nsga2", objectives=TWO, gap=0.0))
    front = {tuple(e.parameters.values()) for e in best.exact.values()}
    share = len(front & {tuple(e.parameters.values()) for e in found.explored.values()}) / len(front)
    assert share > 0.6, f"{share:.2f} of {len(front)}"


def test_settings_that_resolve_to_one_design_are_evaluated_once():
    evaluated = count()

    def same(design, resolved, kind):
        return identify({"dataflow": design["dataflow"]}, resolved, kind)

    def counting(design):
        next(evaluated)
        return measure(design)

    merged = problem(identify=same, evaluate={"explore": counting, "exact": measure_exactly})
    ledger = explore(Search(40, "random"), problem=merged)
    assert next(evaluated) == 3
    assert len(ledger.explored) >= 40


def test_what_is_ruled_out_is_recorded_and_costs_no_trial():
    """More than half of the space is too wide; none of that is evaluated, however few trials there are."""
    evaluated = []

    def counting(design):
        evaluated.append(design)
        return measure(design)

    def rule_out(design):
        too_wide = Outcome("infeasible", "too wide to be built", {"area_mm2": 1.0}, violation=1.0)
        return too_wide if design["cols"] > 16 else None

    narrow = problem(rule_out=rule_out, evaluate={"explore": counting, "exact": measure_exactly})
    for sampler in ("nsga2", "random", "grid"):
        evaluated.clear()
        ledger = explore(Search(30, sampler, seed=1), problem=narrow)
        assert len(evaluated) == len(mapped(ledger)) == 30
        assert all(design["cols"] <= 16 for design in evaluated)
        explored = ledger.explored.values()
        impossible = sum(not e.outcome.objectives for e in explored)
        assert sum(e.ruled_out for e in explored) == len(explored) - 30 - impossible
    nothing = problem(rule_out=lambda design: Outcome("infeasible", "no", {"area_mm2": 1.0}, violation=1.0))
    assert len(explore(Search(4, "random"), problem=nothing).explored) <= SPACE.size  # and it ends


def test_a_trial_costs_the_same_however_many_came_before():
    """Counted in calls, of Python and of C: processor time has collections of the whole test process in it."""
    space = DesignSpace.of({**dict(zip(SPACE.names, SPACE.choices, strict=True)), "buffer": list(range(40))})
    calls, marks, start = count(), [], process_time()
    big = problem(space)
    with Workers.local(0) as workers:
        ledger = Ledger(
            big, Search(1200, "nsga2", objectives=TWO, gap=0.0), workers, {},
            progress=lambda progress: marks.append((progress.kind, progress.done, next(calls))),
        )  # fmt: skip
        before = sys.getprofile()
        sys.setprofile(lambda frame, event, arg: next(calls) if event in ("call", "c_call") else None)
        try:
            Explorer(ledger).run()
        finally:
            sys.setprofile(before)
    made = {done: number for kind, done, number in marks if kind == "explore"}
    halves = [made[max(made)] - made[600], made[600] - made[24]]
    assert halves[0] < 1.5 * halves[1]
    assert sum(halves) < 2500 * 1200
    spent = ledger.spending.to_dict()
    assert 0 < spent["sampler"] <= process_time() - start + 1
    assert spent["mapping"] == pytest.approx(sum(e.outcome.cpu_s for e in ledger.known.values()))


def test_progress_counts_what_was_evaluated_apart_from_what_was_known():
    seen = []
    whole = explore(Search(40), progress=seen.append)
    assert seen[-1].done == seen[-1].total == len(whole.exact)
    explored = [p for p in seen if p.kind == "explore"]
    assert explored[-1].done == explored[-1].total == 40
    assert seen[-1].best.outcome.objectives["edp_js"] == min(
        e.outcome.objectives["edp_js"] for e in whole.explored.values() if e.ok
    )
    again = []
    replayed = explore(Search(40), known=whole.known, progress=again.append)
    assert all(p.evaluated == 0 for p in again)
    assert replayed.reused == 40 + len(whole.exact)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 0}, "trials=0 < 1"),
        ({"objectives": ()}, "needs an objective"),
        ({"objectives": ("energy", "cost")}, "'cost' is not one of"),
        ({"objectives": ("energy", "energy")}, "twice"),
        ({"gap": -0.1}, "gap=-0.1 is not a fraction"),
        ({"gap": float("nan")}, "gap=nan is not a fraction"),
        ({"gap": float("inf")}, "gap=inf is not a fraction"),
        ({"gap": 1e308}, "gap=1e\\+308 is not a fraction"),
    ],
)
def test_a_bad_search_is_refused(changes, message):
    with pytest.raises(DseError, match=message):
        Search(**{"trials": 10, **changes})


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_wide_workers_change_nothing_for_samplers_that_do_not_learn(sampler):
    narrow = explore(Search(200, sampler, seed=2))
    with Workers(Inline, 300) as workers:
        wide = Ledger(PROBLEM, Search(200, sampler, seed=2), workers, {})
        Explorer(wide).run()
    assert results(wide) == results(narrow)
