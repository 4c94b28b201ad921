"""The table of machines, networks and objectives: how it is measured, kept and compared."""

from __future__ import annotations

import pytest
from benchmarks import machines
from benchmarks.machines import (
    COLUMNS,
    HEADER,
    MACHINES,
    NETWORKS,
    Row,
    beside_peers,
    cells,
    chosen,
    machine_of,
    main,
    measured,
    read,
    write,
)

from dse import Layer, load_workload
from dse.mapper import compile_kernels

ROW = Row.of("eyeriss", "resnet50", "energy", {"a": 0.01, "b": 0.03, "c": 0.02, "d": None})


def test_a_layer_that_was_given_up_counts_with_the_limit() -> None:
    assert (ROW.solves, ROW.unproven, ROW.worst) == (4, 1, "d")
    assert ROW.median_s == pytest.approx(0.025)
    assert ROW.p90_s == ROW.worst_s == ROW.limit_s == 30.0
    soon = Row.of("eyeriss", "resnet50", "energy", {"a": 0.01, "d": None}, limit_s=5.0)
    assert (soon.worst_s, soon.limit_s) == (5.0, 5.0)


def test_the_next_table_is_held_against_the_last(tmp_path) -> None:
    path = tmp_path / "machines.csv"
    other = Row.of("simba_pe", "vgg16", "edp", {"a": 0.5})
    write([ROW, other], path)
    write([Row.of(*ROW.key, {"a": 0.05})], path)
    last = read(path)
    assert set(last) == {ROW.key, other.key}  # what was not run again stays
    assert list(last[ROW.key]) == list(COLUMNS)
    found = cells(Row.of(*ROW.key, {"a": 0.1}), last[ROW.key])
    assert len(found) == len(HEADER)
    assert found[-1] == "2.00 2.00"
    assert cells(ROW, None)[-1] == "-"


def test_other_tools_are_held_against_the_same_work() -> None:
    lines = beside_peers([Row.of("eyeriss", "resnet50", "energy", {"a": 0.01})])
    assert lines[0].startswith("AccelForge (")
    assert lines[0].endswith("1,000 to 27,000 times eyeriss resnet50 energy")
    assert len(lines) == 2  # no time of ours on edge_npu


def test_what_is_measured_is_there() -> None:
    assert [machine_of(name).name for name in MACHINES] == list(MACHINES)
    assert all(load_workload(name).layers for name in NETWORKS)


def test_words_that_name_nothing_are_refused(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["eyeris", "alexnet"])
    assert "no machine, network or objective: eyeris" in capsys.readouterr().err


def test_words_choose_rows() -> None:
    assert chosen(MACHINES, ["edge_npu", "simba_pe", "front"]) == ["simba_pe", "edge_npu"]
    assert chosen(NETWORKS, ["edge_npu"]) == list(NETWORKS)


@pytest.mark.gate
def test_a_small_layer_is_measured() -> None:
    compile_kernels()
    (seconds,) = measured("eyeriss", "energy", [Layer("small", K=4, C=3, P=5, R=3)]).values()
    assert seconds is not None
    assert 0.0 < seconds < 30.0


def test_all_networks_together_have_a_row(monkeypatch) -> None:
    """The median of all layers, not of the networks' medians."""
    times = {"alexnet": {"a": 0.01, "b": 0.02, "c": 0.03}, "vgg16": {"a": None}, "resnet50": {"a": 0.05}}
    monkeypatch.setattr(machines, "NETWORKS", tuple(times))
    monkeypatch.setattr(machines, "layers", times.__getitem__)
    monkeypatch.setattr(machines, "measured", lambda machine, objective, some, limit_s: some)
    *each, together = machines.table(["eyeriss"], list(times), ["edp"], 5.0)
    assert [row.network for row in each] == list(times)
    assert (together.network, together.solves, together.unproven, together.worst) == ("all", 5, 1, "vgg16 a")
    assert together.median_s == 0.03
    assert len(list(machines.table(["eyeriss"], ["vgg16", "alexnet"], ["edp"], 5.0))) == 2
