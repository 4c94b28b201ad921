"""Certificates of random sweeps hold: held against full grids that are worked out without the code of sweeps."""

import json
from contextlib import suppress
from math import inf

import elapsed
import numpy as np
import pytest
from explore.proof import random_machines
from explore.proof.random_sweeps import LIMITS, case_of, truth_of
from explore.proof.test_prove import counts
from thinned import thinned

from dse.explore.designs import design as design_module
from dse.explore.designs.clock import _LAYERS
from dse.explore.designs.together import Together
from dse.explore.outcomes.log import FILE_NAME, read_log
from dse.explore.plan.hardware import HardwareChanges
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search, SearchChanges
from dse.explore.plan.workloads import WorkloadChanges
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.boxes import box as box_module
from dse.explore.proof.staircase import Staircase
from dse.explore.results.record import read_results
from dse.explore.sweep import run_plan, sweep
from dse.explore.sweep_file import load_plan
from dse.explore.workers.runner import Workers
from dse.formats.architecture.space.constraints import parse_constraints
from dse.formats.workload.load import parse_workload

ROUNDING = 1e-9

COUNTS = {"keeps": 60, "flat": 40}


@pytest.mark.parametrize("seed", thinned(range(80), 10))
def test_a_certificate_holds_for_all_that_any_design_can_do(seed, tmp_path, monkeypatch):
    holds_to_its_word(case_of(seed), tmp_path, monkeypatch)


OTHERS = [(kind, seed) for kind, count in COUNTS.items() for seed in range(count)]
DEEP = "keeps deep", "own", "three"
LONG = [pytest.param(kind, seed, marks=pytest.mark.slow) for kind in DEEP for seed in range(8)]


@pytest.mark.parametrize(("kind", "seed"), [*thinned(OTHERS, len(OTHERS)), *LONG])
def test_it_holds_on_other_machines_and_with_tensors_on_chip(kind, seed, tmp_path, monkeypatch):
    holds_to_its_word(random_machines.case_of(seed, kind), tmp_path, monkeypatch)


TOGETHER = [("plain", 0), ("plain", 12), ("keeps", 1), ("plain", 33), ("keeps", 3), ("flat", 5), ("plain", 57)]


@pytest.fixture(scope="module")
def two():
    with Workers.local(2) as workers:
        yield workers


@pytest.mark.parametrize(("kind", "seed"), thinned(TOGETHER, len(TOGETHER)))
def test_two_workers_find_what_one_finds_and_go_on_where_they_were_stopped(kind, seed, two, tmp_path):
    case = case_of(seed) if kind == "plain" else random_machines.case_of(seed, kind)
    arch, files, plan, constraints, truth = made(case, tmp_path)
    how = {**case.keywords, "constraints": constraints}
    alone = sweep(arch, files, jobs=0, **how)
    both = sweep(arch, files, executor=two, output=tmp_path / "both", **how)
    assert both.certificate == alone.certificate
    assert both.front_rows() == alone.front_rows()
    assert both.mapping_rows() == alone.mapping_rows()
    check(both, plan, truth, tmp_path / "both")
    seen = []

    def stop(evaluation):
        seen.append(evaluation)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        sweep(arch, files, executor=two, output=tmp_path / "stopped", callback=stop, **how)
    stopped = read_results(tmp_path / "stopped")
    if stopped.certificate is not None:
        check(stopped, plan, truth, tmp_path / "stopped")
    again = sweep(arch, files, executor=two, output=tmp_path / "stopped", resume=True, **how)
    check(again, plan, truth, tmp_path / "stopped")
    assert again.front_rows() == alone.front_rows()
    assert (again.certificate.gap, again.certificate.open) == (alone.certificate.gap, alone.certificate.open)


def made(case, folder):
    """Files of a case, its plan, its limits, and what is true of its space."""
    (folder / "arch.yaml").write_text(case.architecture)
    files = [folder / f"{place}.yaml" for place in range(len(case.networks))]
    for file, text in zip(files, case.networks, strict=True):
        file.write_text(text)
    plan = plan_of(folder / "arch.yaml", files, case.keywords, {})
    constraints = limits(case, truth_of(plan, plan.problem())) or None
    plan = plan_of(folder / "arch.yaml", files, case.keywords, constraints)
    return folder / "arch.yaml", files, plan, constraints, truth_of(plan, plan.problem())


def holds_to_its_word(case, folder, monkeypatch):
    """Sweep, and hold what is certified, listed and logged against all that the designs can do."""
    arch, files, plan, constraints, truth = made(case, folder)
    monkeypatch.setattr(box_module, "MANY_BOXES", case.boxes[0])
    monkeypatch.setattr(box_module, "SIDES_AT_ONCE", case.boxes[1])
    monkeypatch.setattr(design_module, "FRONT_POINTS", case.record)
    how = {**case.keywords, "constraints": constraints, "jobs": 0, "output": folder / "out"}
    with monkeypatch.context() as patch:
        if case.stopped:
            _LAYERS.clear()
            elapsed.use(patch)
            if case.looks is not None:
                elapsed.after(patch, case.looks)
            how["design_limit_s"] = 600.0
        result = sweep(arch, files, **how)
        check(result, plan, truth, folder / "out")
        if case.longer:
            result = sweep(arch, files, resume=True, **{**how, "trials": how["trials"] + 5})
            check(result, plan, truth, folder / "out")
    _LAYERS.clear()


def plan_of(arch, files, keywords, constraints):
    search = Search(1, objectives=keywords["objectives"], resident=keywords["resident"])
    limited = HardwareChanges({}, parse_constraints(constraints) if constraints else None)
    return make_plan(arch, files, search, space=keywords["space"], hardware=limited,
                     changes=WorkloadChanges(bits=keywords["bits"] or {}),
                     together=Together(keywords["combine"], keywords["weights"]))  # fmt: skip


def limits(case, truth):
    """Limits which some points of some designs keep, and others break."""
    rows = np.array([(area, *point) for area, points in truth for point in points])
    if not len(rows):
        return {}
    area, energy, latency = rows.T
    values = {"area": area, "energy": energy, "latency": latency, "power": energy * 1e-9 / latency}
    off = {"max": 1 + ROUNDING, "min": 1 - ROUNDING}
    return {
        name: {side: f"{float(np.quantile(values[name], at)) * off[side]!r} {LIMITS[name][1]}"}
        for name, at, side in case.limited
    }


def check(result, plan, truth, output):
    certificate, space = result.certificate, plan.problem().space
    never = sum(len(points) == 0 for _, points in truth)
    assert counts(certificate) == certificate.space == space.size
    assert min(certificate.evaluated, certificate.ruled_out, certificate.infeasible, certificate.open) >= 0
    assert certificate.infeasible <= never
    known = rows_of(result)
    listed = listed_whole(result, plan)
    worst = max((short(known, result, *one) for at, one in enumerate(truth) if at not in listed), default=0.0)
    assert worst <= certificate.gap + ROUNDING
    check_log(result, truth, output, space, known)
    summary = json.loads((output / "summary.json").read_text())
    assert summary["certificate"] == {
        **certificate.to_dict(), "says": certificate.sentence(result.search.objectives),
    }  # fmt: skip
    assert read_results(output).certificate == certificate
    assert read_results(output).mapping_rows() == result.mapping_rows()


def rows_of(result):
    rows = result.mapping_rows()
    return np.array([(row["area_mm2"], row["energy_pj"], row["latency_s"]) for row in rows]).reshape(-1, 3)


def listed_whole(result, plan):
    """Places of designs on the front whose records leave points out: there they stand for all of them."""
    problem = plan.problem()
    shown = {row["number"] for row in result.front_rows()}
    left_out = [e.parameters for e in result.evaluations if e.number in shown and e.outcome.thinned]
    settings = [problem.complete(problem.space.settings(at)) for at in range(problem.space.size)] if left_out else []
    return {at for at, one in enumerate(settings) if one in left_out}


def values(points, objectives):
    """What is compared: energy and latency where both are objectives, else each objective but area."""
    energy, latency = points.T
    every = {"energy": energy, "latency": latency, "edp": energy * latency}
    both = {"energy", "latency"} <= set(objectives)
    names = ("energy", "latency") if both else [name for name in objectives if name != "area"]
    return np.stack([every[name] for name in names], axis=1) if names else np.ones((len(points), 1))


def short(known, result, area, points):
    """The least gap within which known points match all that a design can do."""
    if not len(points):
        return 0.0
    objectives = result.search.objectives
    near = known[known[:, 0] <= area * (1 + ROUNDING)] if "area" in objectives else known
    if not len(near):
        return inf
    matched, wanted = values(near[:, 1:], objectives), values(points, objectives)
    return float((matched[None] / wanted[:, None]).max(axis=2).min(axis=1).max()) - 1


def check_log(result, truth, output, space, known):
    """No bound of a box is above what one of its designs reaches, and each is matched within the gap of its line."""
    for box in map(json.loads, read_log(output / FILE_NAME).boxes):
        for area, points in (truth[at] for at in range(space.size) if holds(box, space, at)):
            if box["state"] == "infeasible":
                assert not len(points)
            if not len(points) or "reason" in box["bound"]:
                continue
            weighted = points[:, 0] + box["bound"]["pj_per_s"] * points[:, 1]
            least = {"area_mm2": area, "energy_pj": points[:, 0].min(), "latency_s": points[:, 1].min(),
                     "weighted_pj": weighted.min(), "pj_per_s": box["bound"]["pj_per_s"]}  # fmt: skip
            assert all(box["bound"][name] <= value * (1 + ROUNDING) for name, value in least.items())
            if box["gap"] is not None and box["state"] != "evaluated":
                assert short(known, result, area, points) <= box["gap"] + ROUNDING
    follow(result, output, space)


def follow(result, output, space):
    """The gap of each line follows from its bound and the designs in the log, or from a search; and each design has a
    line where none is open."""
    records = read_log(output / FILE_NAME)
    designs = (*records.by_id.values(), *records.alike)
    told, stairs = {space.find(one.parameters) for one in designs}, {}
    for box in map(json.loads, records.boxes):
        members = [at for at in range(space.size) if holds(box, space, at)]
        assert len(members) == box["designs"]
        told.update(members)
        if box["gap"] is None or "reason" in box["bound"] or "searched" in box or box["state"] == "evaluated":
            continue
        bound = {**box["bound"]}
        weight = bound.pop("pj_per_s")
        if weight not in stairs:
            stairs[weight] = Staircase(result.search.objectives, weight)
            for one in designs:
                stairs[weight].add(one.outcome.front, one.outcome.objectives.get("area_mm2", inf))
        assert stairs[weight].short_of(DesignBound(**bound)) <= box["gap"] + ROUNDING
    if result.certificate is not None and result.certificate.open == 0:
        assert told >= set(range(space.size))


@pytest.mark.parametrize("name", [
    "array_shapes", *(pytest.param(name, marks=pytest.mark.slow) for name in ("voltage", "eyeriss_buffers")),
])  # fmt: skip
def test_the_log_of_a_shipped_sweep_can_be_followed_also_when_it_was_resumed(name, tmp_path):
    small = parse_workload("workload: small\ninput: [3, 8, 8]\nlayers:\n  one: {conv: 4, kernel: 3}\n  two: {fc: 5}\n")
    plan = load_plan(name, SearchChanges(trials=6), WorkloadChanges())
    space = {path: list(choices)[:4] for path, choices in plan.space.items()}
    space |= {one.path: one.to_dict() for one in plan.derived}
    ruled_out = 0
    for trials in (6, 12):
        search = Search(trials, objectives=plan.search.objectives)
        fewer = make_plan(plan.spec, small, search, space=space, name=name, hardware=plan.hardware)
        result = run_plan(fewer, jobs=0, output=tmp_path, resume=trials > 6)
        follow(result, tmp_path, fewer.problem().space)
        ruled_out += result.certificate.ruled_out + result.certificate.infeasible
    assert ruled_out > 0


def holds(box, space, at):
    places = zip(space.names, space.choices, space.digits(at), strict=True)
    inside = all(
        choices.index(box["box"][name][0]) <= place <= choices.index(box["box"][name][1])
        for name, choices, place in places
    )
    settings = space.settings(at)
    pes = np.prod([settings.get(f"levels.array.{side}", 1) for side in ("rows", "cols")])
    return inside and ("pes" not in box or box["pes"][0] <= pes <= box["pes"][1])
