"""The front of a sweep that proves is the front of its whole space, and the certificate counts every design once."""

import json
from dataclasses import replace
from itertools import product

import pytest
from explore.toy import ARCH

from dse import mapper
from dse.explore.designs.alike import Family
from dse.explore.designs.design import FRONT_POINTS
from dse.explore.designs.space import DesignSpace
from dse.explore.outcomes.front import pareto
from dse.explore.outcomes.log import FILE_NAME, read_log
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import OBJECTIVES, Search
from dse.explore.proof.bounding.bounds import BoundTask
from dse.explore.proof.boxes import box as box_module
from dse.explore.proof.boxes.box import axes_of, priced_of
from dse.explore.proof.prove import task_of
from dse.explore.results.record import read_results
from dse.explore.sweep import sweep
from dse.explore.workers.runner import Failure, attempt

GENEROUS_S = 600.0

NET = """\
workload: tiny
input: [3, 6, 6]
layers:
  one: {conv: 4, kernel: 3}
  last: {fc: 5}
"""

SPACES = {
    "sides": (
        {"dataflow": ["weight-stationary", "output-stationary", "row-stationary"], "levels.array.rows": [2, 3, 4],
         "levels.array.cols": [2, 4, 6]},
        ("energy", "latency"),
    ),
    "memories": (
        {"levels.GLB.capacity": ["1 KiB", "2 KiB", "4 KiB", "8 KiB"],
         "levels.PE.capacity.weight": ["2 word", "8 word", "24 word"], "levels.array.cols": [2, 4]},
        ("energy", "latency", "area"),
    ),
    "voltage": (
        {"technology.voltage": ["0.8 V", "1 V"], "technology.clock": ["max"], "levels.array.rows": [2, 4],
         "levels.array.cols": [2, 4, 8]},
        ("edp", "area"),
    ),
    "prices": (
        {"technology.voltage": ["0.8 V", "0.9 V", "1 V"], "technology.clock": ["max"], "levels.array.rows": [2, 3],
         "levels.array.cols": [2, 4]},
        ("energy", "latency", "area"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    return folder / "toy.yaml", folder / "tiny.yaml"


def front_values(result):
    """The designs on the front by their settings, each with its points."""
    rows = sorted((row["energy_pj"], row["latency_s"], row["area_mm2"]) for row in result.mapping_rows())
    designs = {tuple(row[path] for path in result.space) for row in result.front_rows()}
    return rows, designs


def counts(certificate):
    return certificate.evaluated + certificate.ruled_out + certificate.infeasible + certificate.open


@pytest.mark.parametrize("name", SPACES)
def test_the_front_is_that_of_a_full_grid_solved_exactly(files, name):
    space, objectives = SPACES[name]
    proven = sweep(*files, trials=4, space=space, objectives=objectives, jobs=0, prove_s=GENEROUS_S)
    assert proven.certificate.complete
    assert proven.certificate.gap == 0
    assert counts(proven.certificate) == proven.certificate.space == DesignSpace.of(space).size
    grid = exact_grid(files, space, objectives)
    rows = [row for rows in grid.values() for row in rows]
    best = [rows[i] for i in pareto([[row[OBJECTIVES[name]] for name in objectives] for row in rows])]
    assert reached(proven.mapping_rows(), objectives) == reached(best, objectives)
    for e in proven.evaluations:
        if e.kind == "exact" and tuple(e.parameters.items()) in grid:
            own = grid[tuple(e.parameters.items())]
            assert list(e.outcome.front) == [(row["energy_pj"], row["latency_s"]) for row in own]


def test_mappings_of_a_solved_design_are_priced_at_other_voltages(files):
    space, objectives = SPACES["prices"]
    problem = make_plan(*files, Search(1, objectives=objectives), space=space).problem()
    priced = priced_of(problem.space, problem.provable.layouts)
    axes = replace(axes_of(problem.space, problem.provable.prices), priced=priced)
    assert axes.priced == (True, False, False, False)
    family = [(1, 0, 1, 1), *axes.alike((1, 0, 1, 1)), (0, 0, 0, 1)]
    assert len(family) == 4
    settings = [problem.space.settings(problem.space.index(digits)) for digits in family]
    own, *others, apart = Family(problem.evaluate["exact"])([problem.resolve(one) for one in settings])
    grid = exact_grid(files, space, objectives)
    fronts = [[(row["energy_pj"], row["latency_s"]) for row in grid[tuple(one.items())]] for one in settings]
    assert list(own.front) == fronts[0]
    assert apart is None  # an array of other sides has other mappings
    for outcome, best in zip(others, fronts[1:], strict=False):
        for energy, latency in outcome.front:
            assert any(x <= energy * (1 + 1e-9) and y <= latency * (1 + 1e-9) for x, y in best)
        assert min(energy for energy, _ in outcome.front) < 1.05 * min(energy for energy, _ in best)


def test_within_a_time_designs_are_priced_at_other_voltages_too(files, monkeypatch):
    space, objectives = SPACES["prices"]
    problem = make_plan(*files, Search(1, objectives=objectives), space=space).problem()
    places = [problem.space.index(digits) for digits in ((0, 0, 1, 1), (1, 0, 1, 1))]
    designs = [problem.resolve(problem.space.settings(place)) for place in places]
    family = Family(problem.evaluate["exact"])
    within = Family(problem.within(problem.evaluate["exact"], 600.0))
    plain, timed = ([outcome.front for outcome in one(designs)] for one in (family, within))
    assert timed == plain
    monkeypatch.setattr(mapper, "points_alike", lambda *_, **__: None)  # as if the time had been over
    own, other = within(designs)
    assert own.front == plain[0]
    assert other is None


def exact_grid(files, space, objectives):
    """The whole front of every design of a space, each by itself, by its settings."""
    problem = make_plan(*files, Search(1, objectives=objectives), space=space).problem()
    found = {}
    for index in range(problem.space.size):
        settings = problem.space.settings(index)
        outcome = attempt(problem.evaluate["exact"], problem.resolve(settings))
        if isinstance(outcome, Failure):
            assert outcome.status == "infeasible"
            found[tuple(settings.items())] = []
            continue
        assert len(outcome.front) < FRONT_POINTS, "the case is too large for fronts that are not thinned"
        found[tuple(settings.items())] = [
            {"energy_pj": energy, "latency_s": latency, "edp_js": energy * 1e-12 * latency,
             "area_mm2": outcome.objectives.get("area_mm2")}
            for energy, latency in outcome.front
        ]  # fmt: skip
    return found


def reached(rows, objectives):
    """Points on the front to nine digits: designs that reach the same count as one."""
    return {tuple(f"{row[OBJECTIVES[name]]:.8e}" for name in objectives) for row in rows}


@pytest.mark.parametrize(("boxes", "apart"), [(4, 128), (box_module.MANY_BOXES, 128), (box_module.MANY_BOXES, 2)])
def test_no_bound_of_a_box_is_above_the_front_of_a_design_in_it(files, boxes, apart, monkeypatch):
    monkeypatch.setattr(box_module, "MANY_BOXES", boxes)
    monkeypatch.setattr(box_module, "SIDES_AT_ONCE", apart)  # what is more is cut into bands of arrays
    space, _ = SPACES["sides"]
    space = {**space, "levels.GLB.capacity": ["1 KiB", "2 KiB", "4 KiB"]}
    problem = make_plan(*files, Search(1), space=space).problem()
    axes = axes_of(problem.space, problem.provable.prices)
    points = {
        problem.space.digits(problem.space.find(dict(settings))): [(row["energy_pj"], row["latency_s"]) for row in rows]
        for settings, rows in exact_grid(files, space, ("energy", "latency")).items()
        if rows
    }
    weight, waiting, tried, bands = 6.0e10, [axes.whole], 0, 0
    while waiting:
        box = waiting.pop()
        if not axes.is_bounded(box):
            waiting += axes.split(box)
            continue
        arrays, parts = axes.arrays_of(box), axes.parts_of(box)
        whole = BoundTask(axes.settings_of(box), weight, axes.sides_of(box), bands=(arrays,) if arrays else ())
        each = problem.provable.bounds(task_of(axes, box, parts, weight))
        cases = [(box, *problem.provable.bounds(whole)), *zip(parts, each, strict=True)]
        if box.size > 1:
            waiting += axes.split(box) if parts == [box] else [part for part in parts if part.size > 1]
        bands += len(arrays) > 1
        for (part, bound), (digits, front) in product(cases, points.items()):
            if part.holds(digits):
                assert not bound.infeasible
                tried += 1
                for energy, latency in front:
                    assert bound.energy_pj <= energy * (1 + 1e-9)
                    assert bound.latency_s <= latency * (1 + 1e-9)
                    assert bound.weighted_pj <= (energy + weight * latency) * (1 + 1e-9)
    assert tried >= 2 * len(points)
    assert (bands > 0) == (apart == 2)


@pytest.mark.parametrize("limit", [None, 0.5])
def test_cut_into_bands_of_arrays_a_space_has_the_same_front(files, limit, monkeypatch):
    space = {**SPACES["sides"][0], "levels.array.cols": [2, 3, 4, 5, 6]}
    how = {"trials": 4, "space": space, "objectives": ("energy", "latency"), "jobs": 0, "prove_s": GENEROUS_S}
    limits = {} if limit is None else {"constraints": {"area": {"max": f"{limit} mm2"}}}
    whole = sweep(*files, **how, **limits)
    monkeypatch.setattr(box_module, "SIDES_AT_ONCE", 2)
    parts = sweep(*files, **how, **limits)
    assert parts.certificate.complete
    assert parts.certificate.gap == whole.certificate.gap == 0
    assert counts(parts.certificate) == parts.certificate.space
    axes = ("energy", "latency")
    assert reached(parts.mapping_rows(), axes) == reached(whole.mapping_rows(), axes)


def test_what_is_ruled_out_is_in_the_log_with_its_bound_and_is_read_past(files, tmp_path):
    space, objectives = SPACES["sides"]
    first = sweep(*files, trials=3, space=space, objectives=objectives, jobs=0, output=tmp_path, prove_s=GENEROUS_S)
    lines = [json.loads(line) for line in (tmp_path / FILE_NAME).read_text().splitlines()]
    boxes = [line for line in lines if "box" in line]
    ruled_out = [box for box in boxes if box["state"] == "ruled out"]
    assert sum(box["designs"] for box in ruled_out) >= first.certificate.ruled_out > 0
    assert all(box["state"] in ("ruled out", "infeasible", "evaluated") for box in boxes)
    assert all("energy_pj" in box["bound"] or "reason" in box["bound"] for box in boxes)
    assert read_log(tmp_path / FILE_NAME).damaged == ()
    read = read_results(tmp_path)
    assert read.certificate == first.certificate
    assert front_values(read) == front_values(first)
    assert json.loads((tmp_path / "summary.json").read_text())["certificate"]["complete"] is True


def test_a_resumed_proof_repeats_nothing_and_ends_alike(files, tmp_path):
    space, objectives = SPACES["memories"]
    settings = {"trials": 4, "space": space, "objectives": objectives, "jobs": 0}
    first = sweep(*files, **settings, output=tmp_path)
    whole = (tmp_path / FILE_NAME).read_bytes()
    again = sweep(*files, **settings, output=tmp_path, resume=True)
    assert (tmp_path / FILE_NAME).read_bytes() == whole
    lines = whole.splitlines(keepends=True)
    (tmp_path / FILE_NAME).write_bytes(b"".join(lines[: len(lines) // 2]))
    half = sweep(*files, **settings, output=tmp_path, resume=True)
    assert front_values(first) == front_values(again) == front_values(half)
    assert first.certificate == again.certificate == half.certificate


def test_work_that_ends_early_states_the_gap_that_is_proven(files):
    space = {**SPACES["sides"][0], "levels.GLB.capacity": ["1 KiB", "2 KiB", "4 KiB"]}
    part = sweep(*files, trials=3, space=space, objectives=("energy", "latency"), jobs=0).certificate
    assert counts(part) == part.space
    tried = sweep(*files, trials=3, space=space, objectives=("energy", "latency"), jobs=0)
    for row in (row for rows in exact_grid(files, space, ("energy", "latency")).values() for row in rows):
        assert any(
            own["energy_pj"] <= row["energy_pj"] * (1 + part.gap) * (1 + 1e-9)
            and own["latency_s"] <= row["latency_s"] * (1 + part.gap) * (1 + 1e-9)
            for own in tried.points()
        )


def test_a_bound_that_fails_is_told_once_and_rules_nothing_out(files, monkeypatch, caplog):
    space, objectives = SPACES["sides"]

    def broken(*_):
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr("dse.explore.proof.bounding.bounds.BoxBounds.all_of", broken)
    found = sweep(*files, trials=4, space=space, objectives=objectives, jobs=0).certificate
    told = [record.getMessage() for record in caplog.records]
    assert told == ["designs have no bound, since bounding them failed: ZeroDivisionError: of nothing"]
    assert counts(found) == found.space
    assert found.open > 0
    assert not found.complete


def test_without_a_proof_there_is_no_certificate(files):
    assert sweep(*files, trials=2, space={"levels.array.rows": [2, 3]}, jobs=0, prove_s=0).certificate is None


def test_several_networks_batches_and_derived_settings_are_proven_too(files):
    batches = {"batch": [1, 2], "levels.array.rows": [2, 3, 4]}
    found = sweep(*files, trials=2, space=batches, objectives=("energy", "latency"), jobs=0, prove_s=GENEROUS_S)
    assert found.certificate.complete
    for how in ("worst", "geomean"):
        mixed = sweep(*files, trials=2, space={"levels.array.rows": [2, 3, 4]}, combine=how, jobs=0,
                      objectives=("energy", "latency"), prove_s=GENEROUS_S)  # fmt: skip
        assert mixed.certificate.complete


def test_a_space_with_designs_of_both_searches_has_bounds(files, caplog):
    """Of single designs: boxes of them have none where some are the deep search's."""
    space = {"levels.PE.placement": ["together", "own"], "levels.array.rows": [2, 3, 4]}
    space |= {"levels.GLB.capacity": ["1 KiB", "2 KiB"], "levels.DRAM.energy": ["50 mac", "200 mac"]}
    found = sweep(*files, trials=4, space=space, objectives=("energy", "latency"), jobs=0)
    assert [record.getMessage() for record in caplog.records] == []
    assert counts(found.certificate) == found.certificate.space == 24
    assert 0.0 < found.certificate.gap < 0.1
    room = (1 + found.certificate.gap) * (1 + 1e-9)
    for row in (row for rows in exact_grid(files, space, ("energy", "latency")).values() for row in rows):
        assert any(all(own[of] <= row[of] * room for of in ("energy_pj", "latency_s")) for own in found.points())
