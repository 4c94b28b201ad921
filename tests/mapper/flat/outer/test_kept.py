"""Outer tables that are kept: those of other rates are nowhere above a problem's own, and no answer depends on them."""

from collections import OrderedDict

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.formats.workload.load import load_workload
from dse.mapper.flat.gather import instances_of
from dse.mapper.flat.outer import kept
from dse.mapper.flat.outer.kept import outer_table, whole_table
from dse.mapper.flat.outer.table import BUSY, entries_of, worked_out
from dse.mapper.layer import solve
from dse.problem.layer import Layer

SPEC = load_architecture_spec("eyeriss")
LAYER = Layer("conv", K=12, C=7, P=9, Q=9, R=3, S=3)
LONG = load_workload("resnet50").layer("conv4_block1_1_conv")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    for name in ("_TABLES", "_TIMED", "_LONG"):
        monkeypatch.setattr(kept, name, OrderedDict())
    monkeypatch.setattr(kept, "SMALL", 0)


def machine(**settings):
    return SPEC.resolve({path: SPEC.parse_setting(path, value) for path, value in settings.items()})


def instance_on(design, layer=LAYER):
    return instances_of(design, design.lowered(layer))[1][0]


@pytest.mark.parametrize("rate", ["50 MB/s", "333 MB/s", "12.8 GB/s"])
def test_a_table_for_another_rate_is_that_of_its_own_walk(rate):
    before = instance_on(machine())
    after = instance_on(machine(**{"levels.DRAM.bandwidth": rate}))
    assert after["port_over"].tolist() != before["port_over"].tolist()
    whole_table(before)
    taken = outer_table(after, exact=True)
    assert worked_out(taken)
    assert not worked_out(outer_table(after))
    own = whole_table(after)
    for known, true in ((taken.least, own.least), (taken.floor, own.floor)):
        assert (known <= true).all()
        assert np.allclose(known, true, rtol=1e-11)
    assert taken.count.tolist() == own.count.tolist()
    for o, count in enumerate(own.count):
        assert (taken.points[o, :count, BUSY] <= own.points[o, :count, BUSY]).all()
        assert np.allclose(taken.points[o, :count], own.points[o, :count], rtol=1e-11)


@pytest.mark.parametrize(("path", "value"), [("levels.GLB.capacity", "64 KiB"), ("levels.DRAM.energy", "300 mac")])
def test_a_table_for_another_size_or_energy_is_not_taken(path, value):
    whole_table(instance_on(machine()))
    del kept._LONG[next(iter(kept._LONG))]
    assert not worked_out(outer_table(instance_on(machine(**{path: value})), exact=True))


def test_a_small_table_is_worked_out_before_the_search(monkeypatch):
    instance = instance_on(machine())
    entries = entries_of(instance["bounds"])
    for small in (entries - 1, entries):
        monkeypatch.setattr(kept, "SMALL", small)
        assert worked_out(outer_table(instance)) == worked_out(outer_table(instance, exact=True)) == (small == entries)
    assert outer_table(instance).floor.tolist() == whole_table(instance).floor.tolist()


@pytest.mark.parametrize("objective", ["energy", "edp", "front"])
@pytest.mark.parametrize(
    ("path", "value"),
    [("levels.GLB.capacity", "64 KiB"), ("levels.DRAM.energy", "300 mac"), ("levels.DRAM.bandwidth", "800 MB/s")],
)
def test_a_further_point_is_what_it_is_by_itself(objective, path, value):
    design = machine(**{path: value})
    alone = solve(design, LONG, objective, 0.0, "all")
    for known in (kept._TABLES, kept._TIMED, kept._LONG):
        known.clear()
    solve(machine(), LONG, objective, 0.0, "all")
    after = solve(design, LONG, objective, 0.0, "all")
    assert after.values.tolist() == alone.values.tolist()
    assert after.records.tolist() == alone.records.tolist()
    assert after.visited == alone.visited
