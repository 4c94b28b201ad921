"""Every figure of a sweep: its numbers are those of the cards, its data stand beside it, and its labels apart."""

import csv
from dataclasses import replace

import pytest
from report.drawing.overlaps import faults, texts_of

import dse
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.sweep import run_plan
from dse.explore.workers.runner import Workers
from dse.formats.text.replace import folder_name
from dse.mapper.curve import capacity_curve
from dse.report.cards.book import Book, make_book, wanted_rows
from dse.report.directory import NAMES, draw_figures, figures_of
from dse.report.drawing.save import save_with_data
from dse.report.figures.stacks import MOST_ROWS, Stacks, area_data, layers_data, stacks_figure

LONG = "a $x_{$ convolution \x1b[2J that nobody would shorten"
TWO = "two $x_{$"
LAYERS = [
    dse.Layer(LONG, K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("again", K=8, C=4, P=6, Q=6, R=3, S=3),
    dse.Layer("fc", K=100, C=320), dse.Layer("small", K=4, C=4, P=3, Q=3),
]  # fmt: skip
SPACE = {"levels.GLB.capacity": ["64 KiB", "108 KiB"], "levels.array.rows": [6, 12]}


@pytest.fixture(scope="module")
def made():
    networks = [dse.Workload.of("one", LAYERS), dse.Workload.of(TWO, LAYERS[2:])]
    plan = make_plan("eyeriss", networks, Search(4, "grid", 3), space=SPACE)
    result = run_plan(plan, jobs=0)
    return plan, result, make_book(result, plan, Workers.local(0), Book())


@pytest.fixture(scope="module")
def drawn(made):
    plan, result, book = made
    return {name: (figure, data) for name, figure, data in figures_of(result, book, plan)}


def test_every_figure_is_drawn_for_each_network(drawn):
    of_layers = ("energy_by_layer", "utilization", "roofline", "reuse", "traffic")
    wanted = {name for name in NAMES if name not in of_layers}
    wanted |= {f"{name}-{network}" for name in of_layers for network in ("one", folder_name(TWO))}
    assert set(drawn) == wanted


def test_no_label_covers_another_or_is_cut_off_or_too_small(drawn):
    assert {name: found for name, (figure, _) in drawn.items() if (found := faults(figure))} == {}


def test_the_check_of_labels_finds_what_is_wrong():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0.5, 0.5, "one upon")
    figure.text(0.51, 0.5, "the other")
    figure.text(0.99, 0.2, "cut off", fontsize=6)
    found = faults(figure)
    assert len(found) == 3
    assert "cover each other" in found[0]


def test_parts_are_those_of_the_cards(made, drawn):
    _, result, book = made
    rows = [row for row in wanted_rows(result) if book.of(row)]
    for by in ("level", "operand"):
        _, data = drawn[f"energy_by_{by}"]
        totals = {name: sum(parts.values()) for name, parts, _ in data.rows}
        assert len(totals) == len(rows)
        for row in rows:
            name = f"design {row['number']}" if row["number"] else "as specified"
            assert totals[name] == pytest.approx(row["energy_pj"] * 1e-12, rel=1e-9)
    areas = {name: sum(parts.values()) for name, parts, _ in drawn["area"][1].rows}
    assert sorted(areas.values()) == pytest.approx(sorted(row["area_mm2"] for row in rows), rel=1e-9)


def test_what_designs_move_is_no_less_than_the_curve_allows(made, drawn):
    plan, _, _ = made
    for workload, name in zip(plan.workloads, ("one", folder_name(TWO)), strict=True):
        _, data = drawn[f"traffic-{name}"]
        assert data.measured
        curves = [(capacity_curve(plan.architecture, layer), len(names)) for layer, names in workload.distinct()]
        for bits, words, _ in data.measured:
            assert words >= sum(curve.at(bits).words * count for curve, count in curves)


def test_the_reference_is_marked_and_finished_outputs_are_counted(made, drawn):
    _, result, book = made
    _, data = drawn["roofline-one"]
    card = book.of(next(row for row in wanted_rows(result) if book.of(row)))
    words = card["networks"][0]["layers"][0]["outermost_words"]
    assert words["ofmap"] > 0
    assert {name for name, *_ in data.points} <= {layer.name for layer in LAYERS}
    text = [t.get_text() for t in texts_of(drawn["front"][0])]
    assert "as specified" in text


def test_files_hold_every_format_and_the_data(made, tmp_path):
    plan, result, book = made
    names = draw_figures(result, book, plan, tmp_path, ("svg",))
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(n.split("/")[1] for n in names)
    with (tmp_path / "figures" / "energy_by_level.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["part"] for row in rows} >= {"DRAM", "GLB", "PE", "MAC"}
    front = tmp_path / "figures" / "front.svg"
    before = front.read_bytes()
    name, figure, data = next(figures_of(result, book, plan))
    files = save_with_data(figure, data.records(), front.with_name(name), ("svg", "pdf"))
    assert files == ["front.csv", "front.svg", "front.pdf"]
    assert front.read_bytes() == before, "the same data make the same file"


def test_without_cards_or_files_the_rest_is_drawn(made):
    _, result, _ = made
    assert [name for name, *_ in figures_of(result, Book())] == ["front", "hypervolume"]


@pytest.mark.parametrize("objectives", [("edp", "area"), ("energy", "area"), ("latency",), ("energy", "latency")])
def test_a_front_is_drawn_in_what_was_asked_for(made, objectives):
    _, result, _ = made
    other = replace(result, search=replace(result.search, objectives=objectives))
    (name, figure, data), *_ = figures_of(other, Book())
    assert name == "front"
    assert faults(figure) == []
    two = len(objectives) == 2 and "area" in objectives
    assert data.x_label.startswith("area" if two else "latency")
    for _, line in data.lines:
        ys = [y for _, y in line]
        assert ys == sorted(ys, reverse=True), "a staircase goes down only"


def layer(at, energy, count=1):
    return {"name": f"layer{at}", "count": count, "energy_pj": energy, "energy_by_level_pj": {"DRAM": energy}}


def test_the_layers_that_cost_little_become_one_row():
    layers = [layer(at, 100.0 + at) for at in range(60)]
    network = {"name": "deep", "energy_pj": sum(x["energy_pj"] for x in layers), "layers": layers}
    data = layers_data(network, "design 1", network, "as specified")
    assert len(data.rows) == MOST_ROWS
    assert data.rows[-1][0] == "37 other layers"
    assert "layer59 takes 2 %" in data.title
    total = sum(sum(parts.values()) for _, parts, _ in data.rows)
    assert total == pytest.approx(network["energy_pj"] * 1e-12)
    assert sum(mark for *_, mark in data.rows) == pytest.approx(total)
    assert faults(stacks_figure(data)) == []


def test_bars_that_tower_over_the_rest_have_a_scale_of_their_own():
    small = [(f"conv{at}", {"DRAM": 1e-3 + at * 1e-4}, None) for at in range(5)]
    figure = stacks_figure(Stacks("t", "s", "energy", "J", (*small, ("fc", {"DRAM": 0.2}, None))))
    tall, rest = figure.axes
    assert [label.get_text() for label in tall.get_yticklabels()] == ["fc"]
    assert [label.get_text() for label in rest.get_yticklabels()] == [f"conv{at}" for at in range(5)]
    assert faults(figure) == []
    two = area_data([("a", {"area_mm2": {"GLB": 2.0}}), ("b", {"area_mm2": {"GLB": 3.0}})])
    assert len(stacks_figure(two).axes) == 1
