"""Files in a screenful: what is in them is in the text."""

import pytest

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.report.text.summaries import (
    architecture_records,
    architecture_text,
    parts_table,
    space_text,
    widths_text,
    workload_text,
)


@pytest.mark.parametrize("name", ["eyeriss", "nvdla_small", "simba_pe", "tpu_v1"])
def test_every_level_and_the_whole_chip_are_there(name):
    spec = load_architecture_spec(name)
    text, records = architecture_text(spec), architecture_records(spec.architecture)
    assert [row["name"] for row in records] == [node.name for node in spec.architecture.hierarchy]
    assert all(row["name"] in text for row in records)
    assert f"{spec.architecture.mac_units} MACs" in text
    instances = {row["name"]: row["instances"] for row in records if row["kind"] == "level"}
    assert instances == {level.name: spec.architecture.instances(level.name) for level in spec.architecture.levels}


def test_eyeriss_in_figures():
    rows = {row["name"]: row for row in architecture_records(dse.load_architecture("eyeriss"))}
    assert rows["GLB"]["capacity"] == "108 KiB"
    assert rows["GLB"]["stores"] == "ifmap, psum"
    assert rows["PE"]["instances"] == 168
    assert rows["array"]["kind"] == "fan-out"


@pytest.mark.parametrize("name", ["eyeriss", "edge_npu", "tpu_v1"])
def test_the_areas_of_the_parts_add_up(name):
    chip = dse.load_architecture(name)
    table = parts_table(chip)
    areas = [float(cell.removesuffix(" mm2")) for cell in (row[table.columns.index("of all")] for row in table.rows)]
    assert sum(areas[:-1]) == pytest.approx(areas[-1], rel=1e-3)
    assert areas[-1] == pytest.approx(chip.area_mm2, rel=1e-3)
    assert "MACs" in table.to_text()


def test_an_architecture_states_its_widths():
    for name in ("eyeriss", "edge_npu", "tpu_v1"):
        chip = dse.load_architecture(name)
        assert all(f"{part} {bits}" in widths_text(chip) for part, bits in chip.precision)


def test_totals_of_a_network_are_those_of_its_layers():
    network = dse.load_workload("alexnet")
    text = workload_text(network)
    assert all(layer.name in text for layer in network.layers)
    assert f"{network.macs:,}" in text


def test_a_space_says_how_many_designs_it_has():
    text = space_text({"levels.array.rows": (2, 3), "clock": ("1 MHz", "2 MHz", "max")}, {"clock": "1 MHz"})
    assert "space of 6 designs" in text
    assert "1 MHz, 2 MHz, max" in text
