"""Spaces that people mean, in sweep files and from Python: batches, derived settings, limits, several networks."""

import csv
import json

import pytest
from explore.toy import ARCH, NET, SWEEP

from dse.errors import DseError
from dse.explore.plan.hardware import HardwareChanges
from dse.explore.plan.plan import make_plan
from dse.explore.plan.workloads import WorkloadChanges
from dse.explore.results.record import read_results
from dse.explore.sweep import run_plan, sweep
from dse.explore.sweep_file import load_plan
from dse.formats.architecture.load import load_architecture_spec
from dse.report.text.counts import Counts

OTHER = NET.replace("workload: tiny", "workload: other").replace("conv: 6", "conv: 3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    (folder / "other.yaml").write_text(OTHER)
    return folder


def plan_of(folder, text):
    file = folder / "sweep.yaml"
    file.write_text(text)
    return load_plan(file)


EVERYTHING = """\
sweep: all
arch: toy.yaml
workloads: [tiny.yaml, other.yaml]
layers: [one, last]
weights: {tiny: 3}
combine: geomean
set: {levels.PE.capacity.psum: 16 word}
dataflows:
  mine: {rows: [C, R], cols: [K], description: of our own}
constraints: {pes: {min: 6, max: 12}, peak_power: {max: 1 W}, aspect_ratio: {max: 3}}
space:
  dataflow: [mine, row-stationary]
  levels.array.shape: {pes: 12}
  levels.GLB.buffering: [single, double, streaming]
  levels.DRAM.bandwidth: [1 word/cycle, 2 word/cycle]
  technology.node: [65 nm, 28 nm]
  mac.bits: [8, 16]
  levels.GLB.capacity: {equal_area: 1.9 mm2}
  levels.PE.capacity.weight: {of: levels.PE.capacity.ifmap, ratio: 1.5}
search: {trials: 10, seed: 1, gap: 0.1, objectives: [energy, latency]}
"""


def test_a_sweep_file_says_all_of_it_and_its_own_file_says_it_again(folder, tmp_path):
    result = run_plan(plan_of(folder, EVERYTHING), jobs=0, output=tmp_path / "a")
    again = run_plan(load_plan(tmp_path / "a" / "sweep.yaml"), jobs=0, output=tmp_path / "b")
    assert [e.id for e in again.evaluations] == [e.id for e in result.evaluations]
    assert [e.parameters for e in again.evaluations] == [e.parameters for e in result.evaluations]
    own, others = result.explored[0], [e for e in result.explored[2:] if e.ok]
    assert own.parameters["levels.GLB.capacity"] == "2 KiB", "the first design is the one specified"
    assert others
    for e in others:
        assert e.parameters["levels.PE.capacity.weight"] == "18 word"
        assert 1.89 < e.outcome.objectives["area_mm2"] <= 1.9
        rows, cols = map(int, e.parameters["levels.array.shape"].split("x"))
        assert rows * cols == 12
        assert cols / rows <= 3
        parts = [e.outcome.workloads[name] for name in ("tiny", "other")]
        for key in ("energy_pj", "latency_s"):
            mean = (parts[0][key] ** 3 * parts[1][key]) ** 0.25
            assert e.outcome.objectives[key] == pytest.approx(mean)
    assert {e.parameters["dataflow"] for e in result.explored} == {"mine", "row-stationary"}
    with (tmp_path / "a" / "front.csv").open() as file:
        assert {"levels.GLB.capacity", "levels.array.shape"} <= set(next(csv.DictReader(file)))
    assert read_results(tmp_path / "a").front_rows() == result.front_rows()
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert summary["combine"] == "geomean"
    assert summary["ruled_out"] == sum(e.ruled_out for e in result.explored)


def test_limits_that_need_no_mapping_cost_no_trial(folder):
    limits = {"aspect_ratio": {"max": 1}, "storage": {"max": "6 KiB"}, "pes": {"min": 5}}
    result = sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=6, jobs=0, constraints=limits)
    mapped = [e for e in result.explored if not e.ruled_out]
    assert len(mapped) == 6
    assert len(result.explored) > 6
    for e in result.explored:
        settings = e.parameters
        allowed = settings["levels.array.rows"] * settings["levels.array.cols"] >= 5
        allowed &= settings["levels.array.cols"] <= settings["levels.array.rows"]
        if e in mapped:
            assert allowed
            assert e.outcome.cpu_s > 0
        elif allowed:
            assert "storage of " in e.outcome.reason
    little = sweep(
        folder / "toy.yaml", folder / "tiny.yaml", trials=1, jobs=0, constraints={"peak_power": {"max": "1 mW"}}
    )
    assert all(e.ruled_out and "peak power of" in e.outcome.reason for e in little.explored)


def test_batches_compare_per_image(folder):
    space = {"batch": [1, 2, 4], "levels.array.rows": [3]}
    result = sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=3, jobs=0, space=space, gap=0.0)
    assert len(result.explored) == 3
    for e in result.explored:
        alone = sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=1, jobs=0, batch=e.parameters["batch"],
                      space={"levels.array.rows": [3]}, gap=0.0).explored[0]  # fmt: skip
        for key in ("energy_pj", "latency_s"):
            assert e.outcome.objectives[key] == pytest.approx(alone.outcome.objectives[key] / e.parameters["batch"])
        assert e.outcome.objectives["power_mw"] == pytest.approx(alone.outcome.objectives["power_mw"])
    with pytest.raises(DseError, match="batch: 0 is no whole number"):
        make_plan(folder / "toy.yaml", folder / "tiny.yaml", result.search, space={"batch": [0]})


def test_what_is_set_is_no_choice_and_the_reference_has_it(folder):
    changes = {"levels.array.rows": "4", "levels.PE.capacity.psum": "16word", "dataflow": "weight-stationary"}
    result = sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=4, jobs=0, settings=changes)
    assert {e.parameters["levels.array.rows"] for e in result.explored} == {4}
    assert {e.parameters["dataflow"] for e in result.explored} == {"weight-stationary"}
    spec = load_architecture_spec(folder / "toy.yaml")
    assert result.reference.outcome.objectives["area_mm2"] == spec.resolve({**changes, "levels.array.rows": 4}).area_mm2
    with pytest.raises(DseError, match=r"no setting 'levels\.array\.rws'"):
        sweep(folder / "toy.yaml", folder / "tiny.yaml", jobs=0, settings={"levels.array.rws": 4})
    with pytest.raises(DseError, match="say the same thing"):
        sweep(folder / "toy.yaml", folder / "tiny.yaml", jobs=0, settings={"levels.array.shape": "2x2"})


def test_the_worst_network_counts(folder):
    both = [folder / "tiny.yaml", folder / "other.yaml"]
    result = sweep(folder / "toy.yaml", both, trials=3, jobs=0, combine="worst", weights={"other": 5})
    for e in result.explored:
        if e.ok:
            parts = e.outcome.workloads
            for key in ("energy_pj", "latency_s"):
                assert e.outcome.objectives[key] == max(parts["tiny"][key], 5 * parts["other"][key])


def test_one_front_each(folder):
    text = SWEEP.replace("[tiny.yaml]", "[tiny.yaml, other.yaml]") + "fronts: each\n"
    parts = plan_of(folder, text).parts()
    assert [[workload.name for workload in part.workloads] for part in parts] == [["tiny"], ["other"]]
    assert [part.name for part in parts] == ["mine-tiny", "mine-other"]
    assert len({part.problem().sweep_id for part in parts}) == 2


def test_layers_of_several_networks(folder):
    both = [folder / "tiny.yaml", folder / "other.yaml"]
    (folder / "third.yaml").write_text(OTHER.replace("other", "third").replace("one:", "first:"))
    read = WorkloadChanges(layers=("last", "one")).read([*both, folder / "third.yaml"])
    assert [[layer.name for layer in workload.layers] for workload in read] == [["last", "one"]] * 2 + [["last"]]
    with pytest.raises(DseError, match="none of tiny, other has a layer 'lst'") as error:
        WorkloadChanges(layers=("lst",)).read(both)
    assert error.value.hint == "did you mean 'last'?"
    with pytest.raises(DseError, match="third has none of the layers one"):
        WorkloadChanges(layers=("one",)).read([*both, folder / "third.yaml"])


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("pes: 12}", "pes: 0}", 13, "1"),
    ("{pes: 12}", "{ratio: 2}", 13, "of"),
    ("1.9 mm2", "1.9 mm", 18, "mm"),
    ("of: levels.PE.capacity.ifmap", "of: levels.PE.capacity.ifmp", 19, "no setting"),
    ("levels.PE.capacity.psum: 16 word", "levels.PE.capacity.psm: 16 word", 7, "no setting"),
    ("combine: geomean", "combine: mean", 6, "geomean"),
    ("weights: {tiny: 3}", "weights: {tiny: -3}", 5, "not above zero"),
    ("mine: {rows", "flexible: {rows", 9, "built-in"),
    ("pes: {min: 6, max: 12}", "pes: {most: 12}", 10, "most"),
    ("levels.GLB.capacity: {equal", "levels.array.skew: {equal", 18, "by a capacity"),
])  # fmt: skip
def test_a_bad_file_says_where(folder, old, new, line, message):
    assert old in EVERYTHING
    with pytest.raises(DseError, match=message) as error:
        plan_of(folder, EVERYTHING.replace(old, new))
    assert error.value.line == line


def test_changes_of_the_hardware_add_up():
    own = HardwareChanges({"a": 1, "b": 2}, ())
    assert HardwareChanges({"b": 3}).over(own) == HardwareChanges({"a": 1, "b": 3}, ())


def test_the_precision_of_the_machine_is_a_setting(folder):
    """Layers that state no widths take it, design by design; the reference has the file's own."""
    space = {"precision.weight": [8, 16], "precision.ifmap": [8, 16]}
    found = sweep(folder / "toy.yaml", folder / "tiny.yaml", trials=8, space=space, objectives=("energy", "area"),
                  jobs=0, prove_s=0)  # fmt: skip
    energy_pj = {tuple(e.parameters.values()): e.outcome.objectives["energy_pj"] for e in found.explored}
    assert energy_pj[8, 8] < energy_pj[8, 16] < energy_pj[16, 16]
    assert energy_pj[8, 8] < energy_pj[16, 8] < energy_pj[16, 16]


@pytest.mark.parametrize(("ratio", "outside"), [(1, (0, 1, 2)), (4 / 3, ())])
@pytest.mark.parametrize("trials", [4, 30])
def test_designs_as_specified_are_of_the_space_where_what_follows_is_their_own(tmp_path, ratio, outside, trials):
    """The toy has 3 x 4 PEs. Numbers of designs add up, those that are beside the space counted as such."""
    for name, text in (("toy.yaml", ARCH), ("tiny.yaml", NET)):
        (tmp_path / name).write_text(text)
    space = {"dataflow": ["weight-stationary", "output-stationary", "row-stationary"], "levels.array.rows": [2, 3, 4],
             "levels.array.cols": {"of": "levels.array.rows", "ratio": ratio}}  # fmt: skip
    how = {"trials": trials, "space": space, "jobs": 0, "output": tmp_path / "out", "constraints": {}, "prove_s": 60}
    for resume in (False, True):
        result = sweep(tmp_path / "toy.yaml", tmp_path / "tiny.yaml", resume=resume, **how)
        assert result.outside == read_results(tmp_path / "out").outside == outside
        assert result.reference_in_space == (not outside)
        counts = Counts.of(result)
        assert counts.beside == len(outside)
        assert counts.mapped + counts.by_proof - counts.beside == result.certificate.evaluated
        assert result.certificate.space == 9
