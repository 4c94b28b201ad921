"""Limits on what mappings cost: the best that keeps them may be anywhere on a front."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from explore.proof.test_prove import GENEROUS_S, counts
from explore.toy import ARCH

from dse.explore.plan.hardware import HardwareChanges
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.sweep import sweep
from dse.formats.architecture.space.constraints import parse_constraints

NET = """\
workload: tiny
input: [3, 6, 6]
layers:
  one: {conv: 4, kernel: 3}
  less: {maxpool: 2, stride: 1}
  last: {fc: 5}
"""

OTHER = """\
workload: other
input: [2, 5, 5]
layers:
  only: {conv: 4, kernel: 3}
  end: {fc: 3}
"""

SPACE = {"levels.array.rows": [2, 3], "levels.array.cols": [2, 4], "levels.PE.capacity.weight": ["4 word", "24 word"]}

ROUNDING = 1e-9


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limited")
    for name, text in (("toy", ARCH), ("tiny", NET), ("other", OTHER)):
        (folder / f"{name}.yaml").write_text(text)
    return folder / "toy.yaml", folder / "tiny.yaml", folder / "other.yaml"


@lru_cache
def fronts(files):
    """Of every design of the space, its whole front, (points, 2), and its area."""
    problem = make_plan(*files[:2], Search(1, objectives=("energy", "latency")), space=SPACE).problem()
    designs = [problem.resolve(problem.space.settings(index)) for index in range(problem.space.size)]
    found = [problem.evaluate["exact"](design) for design in designs]
    return [(np.array(one.front), one.objectives["area_mm2"]) for one in found]


KEYS = {"energy": "energy_pj", "latency": "latency_s", "edp": "edp_js"}
UNITS = {"latency": "s", "energy": "pJ", "power": "mW"}


def figures(points):
    """What limits are about, of some points."""
    energy, latency = points.T
    return {"latency": latency, "energy": energy, "power": energy * 1e-9 / latency}


@pytest.mark.parametrize("objectives", [("energy",), ("latency", "area"), ("energy", "area"), ("area",)])
@pytest.mark.parametrize("kind", ["latency", "energy", "power"])
def test_one_objective_is_least_among_all_that_keeps_the_limit(files, objectives, kind):
    every = np.concatenate([front for front, _ in fronts(files)])
    most, unit = float(np.quantile(figures(every)[kind], 0.4)) * (1 + ROUNDING), UNITS[kind]
    result = sweep(*files[:2], trials=3, space=SPACE, objectives=objectives, gap=0.1, jobs=0, prove_s=GENEROUS_S,
                   constraints={kind: {"max": f"{most!r} {unit}"}})  # fmt: skip
    certificate, column = result.certificate, {"energy": 0, "latency": 1}.get(objectives[0])
    assert counts(certificate) == certificate.space
    works = 0
    for front, area in fronts(files):
        allowed = front[figures(front)[kind] <= most]
        works += len(allowed) > 0
        rows = [row for row in result.points() if "area" not in objectives or row["area_mm2"] <= area * (1 + ROUNDING)]
        known = [(row["energy_pj"], row["latency_s"]) for row in rows]
        for point in allowed:
            best = min(one[column] / point[column] for one in known) if column is not None else float(bool(known))
            assert best <= (1 + certificate.gap) * (1 + ROUNDING)
    assert certificate.infeasible <= certificate.space - works
    if kind != "power":
        assert certificate.infeasible == certificate.space - works
        assert certificate.gap == certificate.open == 0


@pytest.mark.parametrize("how", ["sum", "worst", "geomean"])
@pytest.mark.parametrize("gap", [0.0, 0.5])
def test_the_gap_of_a_trial_bounds_the_product_of_all_networks(files, how, gap):
    problem = make_plan(*files[:2], Search(1, objectives=("edp",)), space=SPACE).problem()
    other = make_plan(files[0], files[2], Search(1, objectives=("edp",)), space=SPACE).problem()
    networks = (*problem.evaluate["exact"].networks, *other.evaluate["exact"].networks)
    exact = replace(problem.evaluate["exact"], networks=networks)
    exact = replace(exact, combination=replace(exact.combination, how=how, weights=(1.0, 2.0)))
    trial, wider = replace(exact, front=False, gap=gap), 0
    for index in range(problem.space.size):
        design = problem.resolve(problem.space.settings(index))
        found, best = trial(design), exact(design)
        edp, least = (one.objectives["edp_js"] for one in (found, best))
        assert least <= edp * (1 + ROUNDING)
        assert edp <= least * (1 + max(gap, found.gap)) * (1 + ROUNDING)
        wider += edp > least * (1 + gap) * (1 + ROUNDING)
    assert wider > 0 or gap > 0 or how != "sum"


@pytest.mark.parametrize("goal", ["energy", "latency", "edp"])
@pytest.mark.parametrize("kind", ["latency", "energy"])
def test_the_gap_of_a_trial_holds_for_a_run_that_is_mapped_for_what_is_limited(files, goal, kind):
    at = ("energy", "latency").index(kind)
    most, unit = float(np.quantile(np.concatenate([front for front, _ in fronts(files)])[:, at], 0.3)), UNITS[kind]
    hardware = HardwareChanges({}, parse_constraints({kind: {"max": f"{most!r} {unit}"}}))
    problem = make_plan(*files[:2], Search(1, objectives=(goal,), gap=0.0), space=SPACE, hardware=hardware).problem()
    others = 0
    for index, (front, _) in enumerate(fronts(files)):
        found = problem.evaluate["explore"](problem.resolve(problem.space.settings(index)))
        allowed = front[front[:, at] <= most]
        if found.status == "ok" and len(allowed):
            values = {"energy": allowed[:, 0], "latency": allowed[:, 1], "edp": allowed.prod(axis=1) * 1e-12}[goal]
            least, own = float(values.min()), found.objectives[KEYS[goal]]
            assert own <= least * (1 + found.gap) * (1 + ROUNDING)
            others += own > least * (1 + ROUNDING)
    assert others > 0 or goal in (kind, "edp")


def test_designs_whose_outermost_level_has_no_room_are_not_priced_as_others_are(tmp_path):
    """DRAM of 70 B is cheaper than all others here, and alike but for its room."""
    arch, net = tmp_path / "chip.yaml", tmp_path / "net.yaml"
    arch.write_text("""\
architecture: chip
technology: {table: cmos-28nm, clock: 200 MHz}
mac: {bits: 8}
precision: {ifmap: 8, weight: 8, psum: 32}
levels:
  DRAM: {capacity: 1 MiB, bandwidth: 4 word/cycle}
  GLB: {capacity: 256 B}
  array: {rows: 2, cols: 2}
  PE: {capacity: {ifmap: 4 word, weight: 4 word, psum: 4 word}}
""")
    net.write_text("workload: net\ninput: [6, 5, 1]\nlayers:\n  only: {conv: 4, kernel: 1}\n")
    space = {
        "levels.DRAM.capacity": ["70 B", "1 MiB"], "levels.PE.capacity.weight": ["4 word", "8 word"],
        "technology.voltage": ["0.9 V", "1 V"], "levels.GLB.capacity": ["128 B", "256 B"], "technology.clock": ["max"],
    }  # fmt: skip
    for objectives in (("energy", "latency"), ("edp",)):
        found = sweep(
            arch, net, space=space, objectives=objectives, trials=1, jobs=0, output=tmp_path / objectives[0],
            prove_s=GENEROUS_S,
        )  # fmt: skip
        certificate = found.certificate
        assert certificate.complete
        assert certificate.space == 16
        assert (found.front["levels.DRAM.capacity_bits"] == 2**23).all()
