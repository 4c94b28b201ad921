"""Sweeps of a small network on a real architecture, from files to a front and back."""

import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from explore.domination import dominates
from explore.toy import ARCH, NET, SWEEP

import dse
from dse.errors import DseError
from dse.explore.designs.design import Network, NetworkEvaluator
from dse.explore.outcomes.front import pareto
from dse.explore.outcomes.log import BOX, FILE_NAME
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search, SearchChanges
from dse.explore.plan.workloads import WorkloadChanges
from dse.explore.results.record import read_results
from dse.explore.sweep import run_plan, sweep
from dse.explore.sweep_file import SearchModel, load_plan
from dse.formats.architecture.load import load_architecture, load_architecture_spec
from dse.formats.architecture.space.constraints import Constraint
from dse.formats.workload.load import load_workload, parse_workload
from dse.mapper import layer_front, map_layer, sum_fronts
from dse.report.figures.front import front_data

TRIALS = 14


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    return folder / "toy.yaml", folder / "tiny.yaml"


@pytest.fixture(scope="module")
def finished(files, tmp_path_factory):
    """A sweep that ran to its end, and its directory."""
    output = tmp_path_factory.mktemp("results") / "toy"
    return sweep(*files, trials=TRIALS, jobs=0, output=output), output


def essence(result):
    """What two equal sweeps have in common: everything but the time they took."""
    rows = [evaluation.to_dict() for evaluation in result.evaluations]
    return [{key: value for key, value in row.items() if key != "cpu_s"} for row in rows]


def test_a_design_costs_what_its_layers_cost(files):
    spec, net = load_architecture_spec(files[0]), load_workload(files[1])
    outcome = NetworkEvaluator((Network.of(net),), "edp")(spec.architecture)
    mapped = [map_layer(spec.architecture, layer).cost for layer in net.layers]
    assert outcome.objectives["energy_pj"] == pytest.approx(sum(cost.energy_pj for cost in mapped), rel=1e-12)
    assert outcome.objectives["latency_s"] == pytest.approx(sum(cost.latency_s for cost in mapped), rel=1e-12)
    assert outcome.objectives["area_mm2"] == spec.architecture.area_mm2
    assert outcome.front == ((outcome.objectives["energy_pj"], outcome.objectives["latency_s"]),)


def test_a_designs_front_is_the_sum_of_its_layers_fronts(files):
    spec, net = load_architecture_spec(files[0]), load_workload(files[1])
    part = Network("part", Network.of(net).layers[:2])
    outcome = NetworkEvaluator((part,), "edp", front=True)(spec.architecture)
    layers = [layer for layer, count in part.layers for _ in range(count)]
    fronts = [[(m.cost.energy_pj, m.cost.latency_s) for m in layer_front(spec.architecture, x)] for x in layers]
    expected = sum_fronts(fronts).points
    assert len(expected) <= 64, "the case is too large for a front that is not thinned"
    for some, others in ((outcome.front, expected), (expected, outcome.front)):
        assert all(any(a[0] <= b[0] * (1 + 1e-9) and a[1] <= b[1] * (1 + 1e-9) for a in others) for b in some)
    assert outcome.objectives["edp_js"] == pytest.approx((expected[:, 0] * expected[:, 1]).min() * 1e-12, rel=1e-12)


def test_networks_add_up_and_are_told_apart(files):
    spec, net = load_architecture_spec(files[0]), load_workload(files[1])
    other = Network("other", Network.of(net).layers[:1])
    both = NetworkEvaluator((Network.of(net), other), "edp")(spec.architecture)
    alone = [NetworkEvaluator((network,), "edp")(spec.architecture) for network in (Network.of(net), other)]
    for key in ("energy_pj", "latency_s"):
        assert both.objectives[key] == pytest.approx(sum(each.objectives[key] for each in alone))
    assert both.workloads["other"] == alone[1].workloads["other"]


@pytest.mark.parametrize("front", [False, True])
def test_a_broken_constraint_is_named_with_its_excess(files, front):
    spec, net = load_architecture_spec(files[0]), Network.of(load_workload(files[1]))
    free = NetworkEvaluator((net,), "edp")(spec.architecture).objectives
    for metric in ("area_mm2", "energy_pj", "latency_s", "power_mw"):
        limit = Constraint(metric, maximum=free[metric] / 4)
        outcome = NetworkEvaluator((net,), "edp", front=front, constraints=(limit,))(spec.architecture)
        assert outcome.status == "infeasible"
        assert f"{metric.rpartition('_')[0]} of " in outcome.reason
        assert "% above the maximum of" in outcome.reason
        assert outcome.violation > 0
        assert outcome.front == ()


def test_a_design_may_keep_a_limit_by_another_mapping(files):
    spec, net = load_architecture_spec(files[0]), Network.of(load_workload(files[1]))
    balanced = NetworkEvaluator((net,), "edp")(spec.architecture).objectives
    fastest = NetworkEvaluator((net,), "latency")(spec.architecture).objectives
    assert fastest["latency_s"] < balanced["latency_s"], "the case is too easy"
    limit = Constraint("latency_s", maximum=(fastest["latency_s"] + balanced["latency_s"]) / 2)
    for front in (False, True):
        outcome = NetworkEvaluator((net,), "edp", front=front, constraints=(limit,))(spec.architecture)
        assert outcome.status == "ok"
        assert all(latency <= limit.maximum for _, latency in outcome.front)


def test_a_layer_that_cannot_run_makes_the_design_infeasible(files):
    result = sweep(*files, space={"levels.PE.capacity.weight": ["1 word", "24 word"]}, trials=4, jobs=0)
    states = {e.parameters["levels.PE.capacity.weight"]: e.outcome for e in result.explored}
    assert states["24 word"].status == "ok"
    assert states["1 word"].status == "infeasible"
    assert states["1 word"].reason


def test_the_front_is_what_no_evaluation_beats(finished):
    result, _ = finished
    axes = ("energy_pj", "latency_s", "area_mm2")
    points = [tuple(row[axis] for axis in axes) for row in result.points()]
    front = [tuple(row[axis] for axis in axes) for row in result.mapping_rows()]
    assert sorted(front) == sorted(points[i] for i in pareto(points))
    assert not any(dominates(point, kept) for point in points for kept in front)
    assert list(result.front["latency_s"]) == sorted(result.front["latency_s"])
    shown = {row["number"] for _, rows in result.budgets() for row in rows}
    assert {row["proven"] for row in result.front_rows() if row["number"] in shown} == {"exact"}


def test_every_dataflow_is_evaluated_and_the_own_design_first(finished):
    result, _ = finished
    assert [e.parameters["dataflow"] for e in result.explored[:3]] == [
        "row-stationary", "weight-stationary", "output-stationary",
    ]  # fmt: skip
    assert result.reference.parameters["levels.GLB.capacity"] == "2 KiB"
    summary = result.to_dict()
    assert summary["designs"] - summary["ruled_out"] == TRIALS
    assert sum(entry["designs"] for entry in summary["dataflows"].values()) == summary["designs"]


def test_the_front_is_one_of_designs(finished):
    """A row a design, at its point of least EDP on the front; the same numbers wherever they stand."""
    result, output = finished
    rows, mappings = result.front_rows(), result.mapping_rows()
    assert [row["number"] for row in rows] == list(dict.fromkeys(row["number"] for row in rows))
    assert {row["number"] for row in rows} == {row["number"] for row in mappings}
    assert sum(row["mappings"] for row in rows) == len(mappings) > len(rows)
    for row in rows:
        assert row["edp_js"] == min(other["edp_js"] for other in mappings if other["number"] == row["number"])
    summary = json.loads((output / "summary.json").read_text())
    assert summary["reference"] == result.reference_row()
    assert set(summary["best"]) == {"energy", "latency", "area", "edp"}
    for name, key in (("energy", "energy_pj"), ("latency", "latency_s"), ("area", "area_mm2"), ("edp", "edp_js")):
        assert summary["best"][name][key] == min(row[key] for row in rows)
    drawn = front_data(result)
    assert len(drawn.front) == len(rows)
    two = replace(result, search=replace(result.search, objectives=("energy", "latency")))
    assert set(two.to_dict()["best"]) == {"energy", "latency", "edp"}
    assert len(two.budgets()) == 1


def test_budgets_hold_energy_latency_fronts_of_what_is_small_enough(finished):
    result, _ = finished
    rows, budgets = result.front_rows(), result.budgets()
    assert len(budgets) > 1
    for limit, front in budgets:
        within = [row for row in rows if row["area_mm2"] <= limit * (1 + 1e-9)]
        points = [(row["latency_s"], row["energy_pj"]) for row in within]
        assert [(row["latency_s"], row["energy_pj"]) for row in front] == [points[i] for i in pareto(points)]


def test_jobs_change_nothing(files, finished):
    assert essence(sweep(*files, trials=TRIALS, jobs=2)) == essence(finished[0])


def test_the_directory_holds_the_sweep(finished):
    result, output = finished
    with (output / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["energy_pj"]) for row in rows] == [row["energy_pj"] for row in result.front_rows()]
    assert [row["dataflow"] for row in rows] == [row["dataflow"] for row in result.front_rows()]
    summary = json.loads((output / "summary.json").read_text())
    assert summary["designs"] == TRIALS
    assert summary["best"]["edp"]["edp_js"] == min(row["edp_js"] for row in result.front_rows())
    again = read_results(output)
    assert again.finished
    assert {json.dumps(row) for row in essence(again)} == {json.dumps(row) for row in essence(result)}
    assert again.front_rows() == result.front_rows()


def test_its_own_settings_run_it_again(finished, tmp_path):
    result, output = finished
    plan = load_plan(output / "sweep.yaml")
    assert essence(run_plan(plan, jobs=0, output=tmp_path / "again")) == essence(result)
    assert (tmp_path / "again" / "sweep.yaml").exists()


def test_resuming_a_finished_sweep_evaluates_nothing(files, finished):
    result, output = finished
    before = (output / FILE_NAME).read_bytes()
    again = sweep(*files, trials=TRIALS, jobs=0, output=output, resume=True)
    assert (output / FILE_NAME).read_bytes() == before
    assert again.front_rows() == result.front_rows()
    assert again.reused == len({e.id for e in result.evaluations}) or again.reused == len(result.evaluations)


def test_a_used_directory_is_not_overwritten(files, finished, tmp_path):
    _, output = finished
    with pytest.raises(DseError, match="holds a sweep with") as error:
        sweep(*files, trials=TRIALS, jobs=0, output=output)
    assert "--resume" in error.value.hint
    other = tmp_path / "other.yaml"
    other.write_text(NET.replace("workload: tiny", "workload: other"))
    with pytest.raises(DseError, match="holds a sweep of toy on tiny, not of toy on other"):
        sweep(files[0], other, trials=TRIALS, jobs=0, output=output, resume=True)


@pytest.mark.parametrize(("changes", "said"), [
    ({"seed": 4}, "search.seed 0, now 4"),
    ({"gap": 0.5, "objectives": ("edp",)}, 'search.objectives .*, now ."edp".; search.gap 0.01, now 0.5'),
    ({"batch": 3}, "batch not set, now 3"),
    ({"space": {"levels.array.rows": [2]}}, "space.levels.array.rows .2, 3, 4., now .2."),
])  # fmt: skip
def test_a_sweep_goes_on_with_its_own_settings_only(files, tmp_path, changes, said):
    output = tmp_path / "held"
    sweep(*files, trials=3, jobs=0, output=output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    with pytest.raises(DseError, match=said):
        sweep(*files, jobs=0, output=output, resume=True, **{"trials": 3, **changes})
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_a_changed_architecture_is_another_sweep(files, tmp_path):
    arch, output = tmp_path / "toy.yaml", tmp_path / "held"
    arch.write_text(files[0].read_text())
    sweep(arch, files[1], trials=3, jobs=0, output=output)
    assert len(sweep(arch, files[1], trials=5, jobs=0, output=output, resume=True).explored) >= 5
    arch.write_text(files[0].read_text().replace("200 mac", "300 mac"))
    with pytest.raises(DseError, match="the architecture, its constraints or the layers have changed"):
        sweep(arch, files[1], trials=5, jobs=0, output=output, resume=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_sweep_resumes_without_loss_or_repetition(files, finished, tmp_path):
    """Kill the whole process in the middle, twice, and resume: the result is that of the undisturbed sweep."""
    output = tmp_path / "killed"
    command = [sys.executable, "-m", "dse", "sweep", *map(str, files), "-o", str(output)]
    command += ["--trials", str(TRIALS), "--jobs", "2", "--resume"]
    log = output / FILE_NAME
    for goal in (3, 7):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 300
        while not log.exists() or log.read_bytes().count(b"\n") < goal:
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.kill()
        process.wait()
    survived = log.read_bytes().splitlines(keepends=True)
    done = {json.loads(line)["id"] for line in survived if line.endswith(b"\n") and not line.startswith(BOX)}
    assert 7 <= len(done) < len({e.id for e in finished[0].evaluations})
    finishing = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finishing.returncode == 0, finishing.stderr
    lines = log.read_bytes().splitlines(keepends=True)
    assert lines[: len(done)] == survived[: len(done)], "what was complete is kept as it was"
    identities = [line if line.startswith(BOX) else json.loads(line)["id"] for line in lines]
    assert len(identities) == len(set(identities)), "nothing is evaluated twice"
    assert read_results(output).front_rows() == finished[0].front_rows()
    assert {json.dumps(row) for row in essence(read_results(output))} == {json.dumps(r) for r in essence(finished[0])}


def test_changing_what_is_evaluated_changes_the_identity(files):
    def ids(**changes):
        given = {"architecture": files[0], "workloads": files[1], "search": Search(4), **changes}
        problem = make_plan(**given).problem()
        own = problem.starts[0]
        return {kind: problem.identify(own, problem.resolve(own), kind) for kind in ("explore", "exact")}

    base = ids()
    assert base["explore"] != base["exact"]
    assert ids(search=Search(9, "tpe", seed=5)) == base, "who proposed a design changes nothing"
    assert ids(changes=WorkloadChanges(batch=2))["explore"] != base["explore"]
    assert ids(search=Search(4, gap=0.1))["explore"] != base["explore"]
    assert ids(search=Search(4, gap=0.1))["exact"] == base["exact"]
    renamed = parse_workload(NET.replace("tiny", "other").replace("one:", "first:"))
    assert ids(workloads=renamed) == base, "names change nothing"


def test_an_architecture_that_is_not_its_files_is_refused(files):
    arch = load_architecture(files[0])
    changed = arch.with_(static_power_mw=5.0)
    with pytest.raises(DseError, match="was changed after it was read"):
        sweep(changed, files[1], trials=2, jobs=0)
    with pytest.raises(DseError, match="was not read from a file"):
        sweep(arch.with_(spec=None), files[1], trials=2, jobs=0)
    with pytest.raises(DseError, match="given twice"):
        sweep(arch, [files[1], files[1]], trials=2, jobs=0)


def test_a_sweep_file_is_relative_to_itself(files, tmp_path, monkeypatch):
    file = files[0].parent / "mine.yaml"
    file.write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    plan = load_plan(file, SearchChanges(seed=4))
    assert plan.space == {"levels.array.rows": (2, 3), "levels.array.cols": (2, 4, 6)}
    assert plan.search == Search(5, "random", 4, ("edp", "area"), 0.0)
    assert plan.workloads[0].batch == 2
    result = run_plan(plan, jobs=0)
    assert len(result.explored) == 5
    best = min(result.points(), key=lambda row: row["edp_js"])
    assert result.front_rows()[0]["edp_js"] == best["edp_js"] or best in result.front_rows()


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("arch: toy.yaml", "arch: tpy.yaml", 2, "no file"),
        ("tiny.yaml", "tny", 3, "no shipped workload"),
        ("levels.array.rows", "levels.aray.rows", 6, "no setting"),
        ("[2, 3]", "[2, lots]", 6, "lots"),
        ("sampler: random", "sampler: radnom", 8, "radnom|sampler"),
        ("trials: 5", "trials: 0", 8, "1"),
        ("batch: 2", "bach: 2", 4, "bach"),
    ],
)
def test_a_bad_sweep_file_says_where(files, old, new, line, message):
    file = files[0].parent / "bad.yaml"
    file.write_text(SWEEP.replace(old, new))
    with pytest.raises(DseError, match=message) as error:
        load_plan(file)
    assert error.value.file == str(file)
    assert error.value.line == line


def test_sweep_files_offer_what_searches_take():
    from dse.explore.designs.samplers import SAMPLERS
    from dse.explore.plan.search import OBJECTIVES

    schema = SearchModel.model_json_schema()["properties"]
    assert tuple(schema["sampler"]["enum"]) == SAMPLERS
    assert set(schema["objectives"]["items"]["enum"]) == set(OBJECTIVES)


def test_the_public_function_is_this_one():
    assert dse.sweep is sweep


def test_the_least_product_of_sums_is_not_the_sum_of_least_products():
    """Layers that are mapped for EDP one by one need not have the least EDP together: exact designs have that one."""
    chip, network = dse.load_architecture("eyeriss"), dse.load_workload("alexnet")
    result = sweep(chip, network, space={"levels.GLB.capacity": ["108 KiB"]}, objectives=("edp",), jobs=0)
    (exact,) = (e.outcome.objectives["edp_js"] for e in result.evaluations if e.kind == "exact")
    one_by_one = dse.map_workload(chip, network)
    least = min(energy * 1e-12 * latency for energy, latency in one_by_one.front())
    assert exact == pytest.approx(least, rel=1e-12)
    assert exact < one_by_one.edp_js * (1 - 1e-6)
