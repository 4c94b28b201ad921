"""Figures are asserted on as data, and drawn once to see that they can be."""

import re
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from report.drawing.overlaps import faults

import dse
from dse.errors import DseError
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.plan.search import Search
from dse.explore.results.result import SweepResult
from dse.formats.architecture.space.constraints import parse_constraints
from dse.report.cards.book import Book
from dse.report.directory import draw
from dse.report.drawing.style import COLOURS
from dse.report.figures.front import draw_front, front_data, front_figure
from dse.report.page.build import page
from dse.report.text.asked import workloads_of
from dse.report.text.counts import status_line
from dse.report.text.sweeps import front_table, front_text, short_names, spread, sweep_text, unbeaten, verdict

SPACE = {"dataflow": ("row-stationary", "weight-stationary"), "levels.GLB.capacity": ("32 KiB", "64 KiB")}


def evaluation(number, dataflow, energy_mj, latency_ms, status="ok", kind="explore", area_mm2=12.0):
    energy, latency = energy_mj * 1e9, latency_ms * 1e-3
    objectives = {"energy_pj": energy, "latency_s": latency, "edp_js": energy * 1e-12 * latency, "area_mm2": area_mm2}
    front = ((energy, latency),) if status == "ok" else ()
    outcome = Outcome(status, "" if status == "ok" else "too large", objectives, front)
    parameters = {"dataflow": dataflow, "levels.GLB.capacity": "32 KiB"}
    return Evaluation(f"{kind}{number}", "s", kind, number, parameters, outcome)


def result(*evaluations):
    search = Search(9, objectives=("energy", "latency"))
    return SweepResult("toy-tiny", "toy", ("tiny",), SPACE, search, "nsga2", tuple(evaluations))


SOME = result(
    evaluation(0, "row-stationary", 4.0, 4.0),
    evaluation(1, "weight-stationary", 8.0, 1.0),
    evaluation(2, "weight-stationary", 9.0, 9.0),
    evaluation(3, "row-stationary", 1.0, 5.0),
    evaluation(4, "row-stationary", 0.0, 0.0, "infeasible"),
    evaluation(1, "weight-stationary", 7.0, 1.0, kind="exact"),
)


def test_front_data_is_what_was_found():
    data = front_data(SOME)
    assert data.explored == {
        "row-stationary": ((4.0, 4.0, 12.0), (5.0, 1.0, 12.0)),
        "weight-stationary": ((1.0, 8.0, 12.0), (9.0, 9.0, 12.0)),
    }
    assert data.front == (
        (1.0, 7.0, 12.0, "weight-stationary", 1), (4.0, 4.0, 12.0, "row-stationary", 0),
        (5.0, 1.0, 12.0, "row-stationary", 3),
    )  # fmt: skip
    assert data.reference == (4.0, 4.0, 12.0)
    assert (data.x_label, data.y_label) == ("latency (ms)", "energy (mJ)")
    assert data.title == "tiny: 3.2x lower energy-delay than toy as specified"
    assert data.subtitle.startswith("5 designs tried; 4 work, 3 make up the front")
    assert [label[2].split("\n")[0] for label in data.labels] == ["fastest (1)", "best energy-delay, least energy (3)"]


def test_a_design_is_shown_once_with_the_budgets_that_nothing_beats_it_in():
    """From its own area on, to that of the smallest design that is better in both."""
    found = result(
        evaluation(0, "row-stationary", 4.0, 4.0),
        evaluation(1, "row-stationary", 1.0, 9.0, area_mm2=5.0),
        evaluation(2, "row-stationary", 3.0, 5.0, area_mm2=8.0),
        evaluation(3, "row-stationary", 2.0, 3.0, area_mm2=11.0),
        evaluation(4, "row-stationary", 5.0, 1.0, area_mm2=20.0),
    )
    found = replace(found, search=Search(9, objectives=("energy", "latency", "area")))
    table = front_table(found)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert {row["design"]: row["within"] for row in rows} == {"1": "5 up", "2": "8-11", "3": "11 up", "4": "20 up"}
    assert len(rows) == 4
    assert max(map(len, front_text(found).splitlines())) <= 80
    told = " ".join(front_text(found).split())
    assert "within 6 mm2 (half the area of toy as specified), then within 9 mm2 (three quarters of the area of" in told
    assert "then within 20 mm2 (the largest design of the front)" in told


@pytest.mark.parametrize("seed", range(8))
def test_a_design_is_on_the_front_of_each_budget_that_it_is_said_to_be_unbeaten_in(seed):
    """Walked literally: the designs within a budget that no other within it beats in both."""
    draw = Random(seed)
    made = [(draw.randint(1, 9), draw.randint(1, 9), draw.randint(1, 9)) for _ in range(24)]
    found = result(*(evaluation(n, "row-stationary", e, t, area_mm2=float(a)) for n, (e, t, a) in enumerate(made)))
    rows = replace(found, search=Search(24)).front_rows()
    for row in rows:
        start, _, end = unbeaten(row, rows).replace(" up", "-99").partition("-")
        for budget in range(1, 12):
            within = [other for other in rows if other["area_mm2"] <= budget]
            others = [other for other in within if other is not row]
            beaten = any(o["energy_pj"] <= row["energy_pj"] and o["latency_s"] <= row["latency_s"] for o in others)
            assert (row in within and not beaten) == (float(start) <= budget < float(end or start + ".1"))



def test_the_title_says_when_nothing_better_was_found():
    data = front_data(result(evaluation(0, "row-stationary", 1.0, 1.0), evaluation(1, "row-stationary", 2.0, 2.0)))
    assert data.title == "tiny: toy as specified is already the best design found"
    broken = front_data(result(evaluation(0, "row-stationary", 1, 1, "failed"), evaluation(1, "row-stationary", 2, 2)))
    assert broken.title == "tiny: the best of 2 designs takes 2.00 ms and 2.00 mJ"
    assert broken.reference is None


@pytest.mark.parametrize(
    ("objectives", "said"),
    [(("latency", "area"), "5x lower latency"), (("energy",), "4x lower energy"),
     (("edp", "area"), "3.2x lower energy-delay")],
)  # fmt: skip
def test_the_title_is_about_what_was_asked_for(objectives, said):
    found = result(
        evaluation(0, "row-stationary", 4.0, 5.0), evaluation(1, "row-stationary", 1.0, 6.25),
        evaluation(2, "row-stationary", 8.0, 1.0),
    )  # fmt: skip
    title = front_data(replace(found, search=Search(9, objectives=objectives))).title
    assert title == f"tiny: {said} than toy as specified"


def test_nothing_to_draw_is_an_error():
    with pytest.raises(DseError, match="no design works"):
        front_data(result(evaluation(0, "row-stationary", 1.0, 1.0, "infeasible")))


@pytest.mark.parametrize("points", [1, 2, 40])
def test_drawing_writes_a_picture(points, tmp_path):
    many = [evaluation(n, f"flow {n % 9}", 1.0 + n, 50.0 - n) for n in range(points)]
    draw_front(front_data(result(*many)), tmp_path / "front.png")
    assert faults(front_figure(front_data(result(*many)))) == []
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DseError, match="cannot write"):
        draw_front(front_data(SOME), tmp_path / "no" / "front.png")


def test_colours_are_distinct():
    """Enough for the networks that are compared, and no two nearly alike: at least 30 apart in CIELAB."""
    assert len(COLOURS) == 9
    for one, other in combinations([lab(colour) for colour in COLOURS], 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 30


def lab(colour):
    """A colour in CIELAB (D65), from sRGB as IEC 61966-2-1 and CIE 15 define them."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_the_page_holds_everything(tmp_path):
    text = page(SOME, Book())
    body = text[: text.index("<script>/**")]
    assert re.findall(r"(?:src|href)=.(?!data:)", body) == [], "nothing is fetched"
    assert body.count("<tr>") == 1 + 3
    hostile = SweepResult("<script>", "a&b", ("n",), SPACE, Search(9), "grid", SOME.evaluations)
    assert "<script>" not in page(hostile, Book())[: len(body)].replace("<script type", "")
    names = draw(SOME, tmp_path)
    assert (tmp_path / "front.png").exists()
    assert (tmp_path / "report.html").exists()
    assert "front.png" in names


def test_the_front_table_has_a_row_for_each_point_beside_the_reference():
    table = front_table(SOME)
    assert table.columns == (
        "design", "energy", "latency", "EDP", "area", "power", "gap", "dataflow", "GLB capacity", "EDP gain",
    )  # fmt: skip
    assert [row[0] for row in table.rows] == ["1", "0", "3"]
    assert [row[-1] for row in table.rows] == ["2.29x", "1x", "3.2x"]
    assert table.note == "toy as specified: 4.00 mJ, 4.00 ms, EDP 16.0 µJ·s, 12 mm2"
    assert table.title == "Front of toy-tiny in energy, latency: 3 designs"
    assert status_line(SOME).startswith("5 designs tried = 5 mapped (4 work, 1 do not work); tried by dataflow:")
    assert "; 3 of the 4 that work make up the front; 1 solved exactly" in status_line(SOME)


def test_the_reference_counts_apart_where_the_space_does_not_have_it():
    """And designs that were ruled out by their area alone are none of those that were mapped."""
    own = replace(evaluation(0, "", 4.0, 4.0), parameters={"dataflow": "mine", "levels.GLB.capacity": "1"})
    others = evaluation(1, "row-stationary", 1, 1), evaluation(2, "row-stationary", 1, 1, "failed")
    told = status_line(result(own, *others))
    assert told.startswith("3 designs tried = 3 mapped (2 work, 1 failed); 1 of them is toy as specified, which the ")
    assert "infeasible" not in told


def test_every_design_of_a_front_in_other_objectives_is_shown():
    """The smallest is on no front of energy and latency alone."""
    found = result(
        evaluation(1, "row-stationary", 1.0, 9.0, area_mm2=3.0),
        evaluation(2, "row-stationary", 8.0, 1.0, area_mm2=2.0),
        evaluation(3, "row-stationary", 9.0, 9.0, area_mm2=1.0),
    )
    found = replace(found, search=Search(9, objectives=("edp", "area")))
    assert len(found.front_rows()) == len(front_table(found).rows) == 2


def test_nothing_is_printed_where_there_is_nothing_to_say_of_the_reference():
    """No empty lines in the place of the sentence for the review."""
    broken = result(evaluation(0, "row-stationary", 1, 1, "failed"), evaluation(1, "row-stationary", 2, 2))
    assert "\n\n\n" not in sweep_text(broken, "done")
    assert sweep_text(broken, "done").endswith("\n\ndone")
    assert verdict(SOME) in " ".join(sweep_text(SOME, "done").split())


def test_the_verdict_is_a_sentence_for_the_review():
    own = evaluation(0, "row-stationary", 4.0, 4.0)
    better = evaluation(3, "row-stationary", 1.0, 5.0)
    small = evaluation(5, "weight-stationary", 4.0, 4.0, area_mm2=6.0)
    large = evaluation(6, "weight-stationary", 0.1, 0.1, area_mm2=13.0)
    first = "Design 3: 75 % less energy and 25 % more latency than toy as specified, at 100 % of its area."
    assert verdict(result(own, better)) == first
    three = replace(result(own, better, small, large), search=Search(9))
    assert verdict(three) == f"{first} Design 5 is no worse than toy as specified in either, at 50 % of its area."
    same = "Design 7: 50 % less energy at the same latency as toy as specified, at 100 % of its area."
    assert verdict(result(own, evaluation(7, "row-stationary", 2.0, 4.004))) == same
    assert verdict(result(own)) == "No design found is better than toy as specified."
    small = replace(result(own), search=Search(9))
    assert verdict(small) == "No design found is better than toy as specified at its area."
    assert verdict(result(evaluation(0, "row-stationary", 1.0, 1.0, "failed"), better)) == ""


@pytest.mark.parametrize(
    ("objectives", "said"),
    [
        (("area",), "Design 5: 50 % less area than toy as specified."),
        (("energy",), "Design 3: 75 % less energy than toy as specified, at 100 % of its area."),
        (("latency",), "Design 6: 98 % less latency than toy as specified, at 108 % of its area."),
        (("edp", "area"), "Design 3: 69 % less EDP than toy as specified, at 100 % of its area. "
                          "Design 5 is no worse than toy as specified in EDP, at 50 % of its area."),
        (("area", "energy"), "Design 3: 75 % less energy than toy as specified, at 100 % of its area. "
                             "Design 5 is no worse than toy as specified in energy, at 50 % of its area."),
    ],
)  # fmt: skip
def test_the_verdict_and_the_table_follow_the_objectives(objectives, said):
    found = replace(result(
        evaluation(0, "row-stationary", 4.0, 4.0), evaluation(3, "row-stationary", 1.0, 5.0),
        evaluation(5, "weight-stationary", 4.0, 4.0, area_mm2=6.0),
        evaluation(6, "weight-stationary", 8.0, 0.1, area_mm2=13.0),
    ), search=Search(9, objectives=objectives))  # fmt: skip
    if "edp" in objectives:  # the fast one has the least product
        found = replace(found, evaluations=found.evaluations[:3])
    assert verdict(found) == said
    name = {"edp": "EDP"}.get(objectives[0], objectives[0]) if objectives != ("area", "energy") else "energy"
    assert f"{name} gain" in front_table(found).columns
    assert front_data(found).title.startswith("tiny: ")


def test_how_networks_count_and_what_is_limited_is_told_everywhere():
    limits = parse_constraints({"area": {"max": "30 mm2"}, "energy": {"max": "40 mJ"}})
    found = replace(SOME, workloads=("tiny", "large"), weights={"tiny": 2.0}, constraints=limits)
    mixed, limited = "2 x tiny + large", "limits, for each network: area at most 30 mm2, energy at most 40 mJ"
    told = " ".join(front_text(found).split())
    assert f"energy and latency: {mixed}, run one after another" in told
    assert limited in told
    assert workloads_of(found) == mixed
    assert mixed in front_data(found).title
    long = replace(found, workloads=("a_long_network", "another_long_network", "tiny"))
    assert front_data(long).title.startswith("3 networks: ")
    assert front_data(long).subtitle.startswith("a_long_network + another_long_network + 2 x tiny: 5 designs tried")
    text = page(found, Book())
    assert f"Energy and latency: {mixed}" in text
    assert f"Limits{limited[6:]}" in text
    plain = found.to_dict()
    assert plain["weights"] == {"tiny": 2.0, "large": 1.0}
    assert plain["constraints"] == {"area": {"max": "30 mm2"}, "energy": {"max": "40 mJ"}}
    assert parse_constraints(plain["constraints"]) == limits
    worst = replace(found, combine="worst")
    assert "each by itself: the worst of 2 x tiny and large" in " ".join(front_text(worst).split())


def test_designs_are_counted_so_that_sums_are_seen():
    """Tried, mapped by the proof, of the front: each is named, and the terminal and the figure say the same."""
    ruled_out = replace(evaluation(6, "row-stationary", 1, 1, "infeasible"), outcome=Outcome(
        "infeasible", "area", {"area_mm2": 99.0}, mapped=False))  # fmt: skip
    proven = evaluation(1_000_002, "row-stationary", 0.5, 6.0, kind="exact")
    found = replace(SOME, evaluations=(*SOME.evaluations, ruled_out, proven))
    told = status_line(found)
    assert told.startswith("6 designs tried = 5 mapped (4 work, 1 do not work) + 1 ruled out without mapping; ")
    assert "4 of the 5 that work (4 tried, 1 mapped by the proof) make up the front" in told
    assert front_data(found).subtitle.startswith("6 designs tried, 1 more mapped by the proof; 5 work, 4 make up")
    plain = found.to_dict()
    assert [plain[key] for key in ("designs", "ruled_out", "mapped_by_proof", "working", "front")] == [6, 1, 1, 5, 4]
    assert "designs from 1000000 on: the proof mapped them" in front_text(found)


def test_fronts_by_area_budget_are_drawn_and_told():
    own = evaluation(0, "row-stationary", 4.0, 4.0)
    small = evaluation(1, "row-stationary", 8.0, 8.0, area_mm2=5.0)
    large = evaluation(2, "weight-stationary", 2.0, 2.0, area_mm2=20.0)
    three = replace(result(own, small, large), search=Search(9))
    data = front_data(three)
    assert data.lines == (
        ("within 6 mm2", ((8.0, 8.0),)), ("within 12 mm2", ((4.0, 4.0),)), ("within 20 mm2", ((2.0, 2.0),)),
    )  # fmt: skip
    labels = [label[2].split("\n")[0] for label in data.labels]
    assert labels == ["fastest, best energy-delay, least energy (2)", "smallest (1)"]
    table = front_table(three)
    assert [row[:2] for row in table.rows] == [("5-12", "1"), ("12-20", "0"), ("20 up", "2")]


def test_a_long_front_is_cut_but_keeps_what_matters():
    many = result(*(evaluation(n, "row-stationary", 1.0 + n, 100.0 - n) for n in range(90)))
    rows = many.front_rows()
    shown = spread(rows, 10)
    assert len(shown) <= 10
    assert shown[0] == rows[0]
    assert shown[-1] == rows[-1]
    assert min(rows, key=lambda row: row["edp_js"]) in shown
    assert "of them shown" in front_table(many, 10).title


def test_settings_are_named_as_shortly_as_they_can_be():
    paths = ("levels.GLB.capacity", "levels.PE.capacity.weight", "levels.PE.capacity.psum", "levels.L2.capacity")
    assert list(short_names(paths).values()) == ["GLB capacity", "PE weight", "PE psum", "L2 capacity"]


def test_names_in_letters_that_no_font_has_are_no_warning(recwarn):
    network = dse.Workload.of("漢字", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    result = dse.sweep("eyeriss", network, trials=1, jobs=0, prove_s=0, name="漢字")
    assert result.plot()._repr_png_()
    assert not [one for one in recwarn if "Glyph" in str(one.message)]
