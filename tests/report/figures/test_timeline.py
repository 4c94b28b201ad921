"""A level over the steps of a network: tensors as blocks, tiles around them."""

from itertools import pairwise

import pytest
from report.drawing.overlaps import faults

from dse.report.figures.timeline import draw_timeline, timeline_data, timeline_figure


def held(name, offset, bits):
    return {"name": name, "offset_bits": offset, "bits": bits}


PLAIN = {
    "workload": "net", "arch": "chip",
    "residency": {
        "level": "L2", "levels": [{"level": "L2", "capacity_bits": 100}],
        "tensors": [{"steps": ["a", "b"]}, {"steps": ["b"]}, {"steps": []}],
        "timeline": [
            {"level": "L2", "step": "a", "tensors": [held("x", 0, 30)], "tiles_bits": 50},
            {"level": "L2", "step": "b", "tensors": [held("x", 0, 30), held("y", 60, 20)], "tiles_bits": 40},
            {"level": "L2", "step": "c", "tensors": [held("x", 10, 30)], "tiles_bits": 0},
        ],
    },
}  # fmt: skip


def test_a_tensor_is_one_block_as_long_as_it_lies_in_one_place():
    (data,) = timeline_data(PLAIN)
    assert data.tensors == (("x", 0, 1, 0, 30), ("y", 1, 1, 60, 20), ("x", 2, 2, 10, 30))
    assert "L2 keeps 2 of 3 tensors" in data.title


def test_tiles_fill_the_room_from_the_top_around_what_lies_there():
    assert timeline_data(PLAIN)[0].tiles == (((50, 100),), ((80, 100), (40, 60)), ())


def test_blocks_and_tiles_never_cover_each_other():
    (data,) = timeline_data(PLAIN)
    for i, rooms in enumerate(data.tiles):
        spans = [(at, at + bits) for _, first, last, at, bits in data.tensors if first <= i <= last]
        spans = sorted([*spans, *rooms])
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_it_is_drawn_with_all_steps_and_as_numbers(tmp_path):
    data = timeline_data(PLAIN)
    figure = timeline_figure(data)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a", "b", "c"]
    assert not faults(figure)
    assert sum(row["bits"] for row in data[0].records() if row["what"] == "tiles") == 90
    draw_timeline(PLAIN, tmp_path / "kept.svg")
    assert (tmp_path / "kept.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_every_level_has_a_part_of_its_own():
    run = PLAIN["residency"]
    inner = [{**moment, "level": "L1", "tensors": [], "tiles_bits": 7} for moment in run["timeline"]]
    levels = [*run["levels"], {"level": "L1", "capacity_bits": 10}]
    data = timeline_data({**PLAIN, "residency": {**run, "levels": levels, "timeline": [*run["timeline"], *inner]}})
    assert [(one.level, one.capacity, len(one.tensors)) for one in data] == [("L2", 100, 3), ("L1", 10, 0)]
    figure = timeline_figure(data)
    assert [axes.get_ylabel().split()[-1] for axes in figure.axes] == ["L2", "L1"]
    assert not faults(figure)


@pytest.mark.parametrize("count", [60, 130])
def test_of_many_steps_only_some_are_named(count):
    steps = [{"level": "L2", "step": f"s{i}", "tensors": [], "tiles_bits": 10} for i in range(count)]
    plain = {**PLAIN, "residency": {**PLAIN["residency"], "timeline": steps}}
    assert len(timeline_figure(timeline_data(plain)).axes[0].get_xticklabels()) <= 60
