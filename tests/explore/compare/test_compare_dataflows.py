"""Dataflows side by side: equal area, nests that are walked, parts that add up, figures' data, and what is refused."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import elapsed
import pytest
from report.drawing.overlaps import faults

import dse
from dse.errors import SpecError
from dse.explore.compare.dataflows import capacity_kib, compare_dataflows, map_task, parts_of
from dse.explore.compare.dataflows_file import load_comparison
from dse.explore.compare.layers_log import read_results
from dse.explore.limits import Limits
from dse.explore.workers.runner import KILLED
from dse.mapper.fixed_nest import nest_mappings
from dse.model.mapping import Spatial
from dse.report.figures.dataflows import BY, bars, bars_figure, write

COMPARISON = load_comparison("isca16_dataflows")
SMALL = replace(COMPARISON, points=COMPARISON.points[:1], batches=(1,), gap=0.05)


@pytest.fixture(scope="module")
def rows():
    return compare_dataflows(SMALL, jobs=0)


def test_other_sweep_files_are_none_of_its_business():
    assert load_comparison("network_review") is None


@pytest.mark.parametrize("point", COMPARISON.points, ids=str)
def test_designs_have_equal_area(point):
    areas = [COMPARISON.architecture(design, point).area_mm2 for design in COMPARISON.designs]
    assert max(areas) == pytest.approx(min(areas), rel=1e-5)


def test_buffers_are_the_published_ones():
    """`isca16_fixed_area_allocation.csv`; between the sizes of its table the area model here is log-log."""
    published = {"WS": 334.3, "OSA": 243.9, "OSB": 303.8, "OSC": 334.3, "NLR": 338.3}
    for design in COMPARISON.designs[1:]:
        area = COMPARISON.designs[0].spec.resolve(COMPARISON.points[0]).area_mm2
        found = capacity_kib(design.spec, COMPARISON.points[0], "levels.GLB.capacity", area)
        assert found == pytest.approx(published[design.name], rel=0.021)


def test_row_stationary_wins_the_convolutions_by_1_4_to_2_5(rows):
    energy = {part["dataflow"]: part["energy"] for part in parts_of(rows) if part["part"] == "CONV"}
    ratios = sorted(value / energy["RS"] for name, value in energy.items() if name != "RS")
    assert 1.35 < ratios[0] < 1.45
    assert 2.35 < ratios[-1] < 2.6


def test_energies_by_place_and_by_operand_add_up(rows):
    for row in [*rows, *parts_of(rows)]:
        places = sum(value for key, value in row.items() if key.startswith("at "))
        operands = sum(value for key, value in row.items() if key.startswith("of "))
        assert places == pytest.approx(row["energy"])
        assert operands + row["at MAC"] == pytest.approx(row["energy"])


def test_worker_processes_change_nothing(rows):
    few = replace(SMALL, designs=(SMALL.designs[0], SMALL.designs[-1]))
    assert compare_dataflows(few, jobs=1) == [row for row in rows if row["dataflow"] in ("RS", "NLR")]


def test_resuming_computes_only_what_the_log_lacks(rows, tmp_path):
    few = replace(SMALL, designs=(SMALL.designs[0], SMALL.designs[-1]))
    log, counts = tmp_path / "layers.jsonl", []
    whole = compare_dataflows(few, jobs=0, log=log)
    lines = log.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(whole)
    log.write_bytes(b"".join(lines[:5]) + lines[5][:40])  # killed while it wrote
    assert compare_dataflows(few, jobs=0, log=log, resume=True, progress=lambda *at: counts.append(at)) == whole
    assert counts == [(done, len(lines)) for done in range(6, len(lines) + 1)]
    assert sorted(log.read_bytes().splitlines(keepends=True)) == sorted(lines)


def test_what_the_time_does_not_reach_is_open_and_made_when_resumed(rows, tmp_path):
    few = replace(SMALL, designs=(SMALL.designs[0], SMALL.designs[-1]))
    log = tmp_path / "layers.jsonl"
    short = compare_dataflows(few, jobs=0, log=log, limits=Limits(time_s=1e-9))
    states = [row["status"] for row in short]
    assert states.count("ok") == 1, "the first layer is waited for"
    assert states.count("open") == len(states) - 1
    parts = parts_of(short)
    assert {part["status"] for part in parts} == {"open"}
    assert write(short, parts, tmp_path)
    (stopped,) = (row for row in short if row["status"] == "ok")
    assert stopped.get("limit_s", 1e-9) == 1e-9
    whole = compare_dataflows(few, jobs=0, log=log, resume=True)
    assert whole == [row for row in rows if row["dataflow"] in ("RS", "NLR")]


def test_a_layer_that_is_stopped_says_how_far_it_is_proven_and_is_made_again_with_more_time(tmp_path, monkeypatch):
    elapsed.use(monkeypatch)
    few = replace(SMALL, designs=SMALL.designs[:1], parts={"conv": ("conv2",)}, gap=0.0)
    log = tmp_path / "layers.jsonl"
    (short,) = compare_dataflows(few, jobs=0, log=log, limits=Limits(design_s=1e-6))
    assert short["gap"] > 0
    assert short["limit_s"] == 1e-6
    assert parts_of([short])[0]["status"] == "ok"
    key = few.tasks()[0].id
    assert set(read_results(log, 1e-6)) == {key}
    assert read_results(log, 60.0) == {}


class Deadly(dict):
    """A nest that kills the worker process that reads it, and raises where there is none."""

    def get(self, name, default=None):
        if multiprocessing.parent_process() is None:
            raise ZeroDivisionError("of nothing")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("jobs", "reason"), [(0, "ZeroDivisionError: of nothing"), (2, KILLED)])
def test_a_layer_that_crashes_fails_alone_and_is_tried_again(jobs, reason, tmp_path):
    sound = next(design for design in SMALL.designs if design.name == "WS")
    # factors mean nothing to a nest, but they tell the two apart in the log
    deadly = replace(sound, name="deadly", nest=Deadly(sound.nest), factors="perfect")
    few = replace(SMALL, designs=(sound, deadly), parts={"conv": ("conv3",)}, area_of=None)
    log = tmp_path / "layers.jsonl"
    alive, dead = compare_dataflows(few, jobs=jobs, log=log)
    assert alive["status"] == "ok"
    assert (dead["status"], dead["reason"], dead["macs"]) == ("failed", reason, alive["macs"])
    assert [part["status"] for part in parts_of([alive, dead])] == ["ok", "failed"]
    repaired = replace(few, designs=(sound, replace(deadly, nest=sound.nest)))
    again, mended = compare_dataflows(repaired, jobs=0, log=log, resume=True)
    assert again == alive
    assert (mended["status"], mended["energy"]) == ("ok", alive["energy"])


def test_an_interrupt_leaves_a_log_to_go_on_with(tmp_path):
    log = tmp_path / "layers.jsonl"
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from dataclasses import replace\n"
        "from dse.explore.compare.dataflows import compare_dataflows\n"
        "from dse.explore.compare.dataflows_file import load_comparison\n"
        "if __name__ == '__main__':\n"
        "    whole = load_comparison('isca16_dataflows')\n"
        "    walked = tuple(design for design in whole.designs if design.nest is not None)\n"
        "    few = replace(whole, points=whole.points[:1], batches=(1, 2, 4), designs=walked, area_of=None)\n"
        f"    compare_dataflows(few, jobs=1, log=Path({str(log)!r}))\n"
    )
    running = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 120
    while not (log.exists() and log.read_bytes().count(b"\n")):
        assert time.monotonic() < end, "no layer in two minutes"
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert b"KeyboardInterrupt" in stderr
    found = read_results(log)
    assert len(found) == log.read_bytes().count(b"\n")
    walked = tuple(design for design in COMPARISON.designs if design.nest is not None)
    few = replace(COMPARISON, points=COMPARISON.points[:1], batches=(1, 2, 4), designs=walked, area_of=None)
    keys = {task.id: task for task in few.tasks()}
    assert set(found) < set(keys)
    key, result = next(iter(found.items()))
    assert map_task(keys[key]) == result


def test_a_nest_is_walked_whole():
    """Against a plain list of all factors: the best of the nest is the best of all that fit."""
    design = next(design for design in COMPARISON.designs if design.name == "WS")
    architecture = COMPARISON.architecture(design, COMPARISON.points[0]).spec.resolve({"levels.array.rows": 12})
    layer = dse.Layer("small", N=2, K=5, C=4, P=4, Q=4, R=2, S=1)
    found = list(nest_mappings(architecture, layer, design.nest))
    splits = set()
    for mapping in found:
        mapping.check(architecture, layer)
        assert mapping.is_tight(layer)
        array = next(node for node in mapping.nodes if isinstance(node, Spatial))
        factors = {loop.dim: loop.trips for loop in array.loops}
        splits.add((factors.get("C", 1), factors.get("K", 1)))
    # R = 2 leaves 6 PEs: K in 1, 2, 3 or 5 and C in 1, 2 or 4, none of which can be larger with the other as it is
    assert splits == {(1, 5), (2, 3), (4, 1)}
    assert len(found) == 3 * 2  # times the splits of N


def test_figures_and_tables(rows, tmp_path):
    parts = parts_of(rows)
    for how, prefix in BY.items():
        panels = bars(parts, prefix)
        assert [panel.title for panel in panels] == ["CONV, batch 1, 256 PEs", "FC, batch 1, 256 PEs"]
        assert faults(bars_figure(panels, how)) == []
        for panel in panels:
            heights = [sum(stack[i] for stack in panel.stacks.values()) for i in range(len(panel.labels))]
            part = panel.title.partition(",")[0]
            assert heights == pytest.approx([row["energy"] for row in parts if row["part"] == part])
    names = write(rows, parts, tmp_path)
    assert sorted(names) == ["by_level.png", "by_operand.png", "dataflows.csv", "layers.csv"]
    assert all((tmp_path / name).stat().st_size for name in names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("conv1, conv2", "conv1, conf2"), "no layer 'conf2'"),
        (("of: RS", "of: RT"), "no design 'RT'"),
        (("window: [Q]", "windou: [Q]"), "has no 'windou'"),
        (("levels.array.rows: 256", "levels.array.rowz: 256"), "there is no setting"),
        (("gap: 0.05", "gap: -1"), "at least 0"),
        (("gap: 0.05", "gap: 1e+308"), "at most 1000000"),
        (("[1, 16, 64]", "[1, 0, 64]"), "at least 1"),
        (("FC: [fc6, fc7, fc8]", "FC: []"), "at least one entry"),
        (("through: levels.GLB.capacity", "through: levels.GLB.width"), "areas are made equal by a capacity"),
        (("through: levels.GLB.capacity", "through: levels.LLB.capacity"), "there is no setting"),
        (("arch: isca16_rs", f"arch: {'n' * 300}"), "File name too long"),
        (("apart: [H]", "apart: [K]"), "apart"),
    ],
)
def test_mistakes_have_a_place(change, message, tmp_path):
    from dse.formats.text.shipped import find_shipped

    text = find_shipped("sweeps", "isca16_dataflows").read_text()
    assert change[0] in text
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace(*change, 1))
    with pytest.raises(SpecError) as error:
        load_comparison(file)
    assert message in str(error.value)
    assert "wrong.yaml:" in str(error.value)
