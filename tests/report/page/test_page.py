"""The page of a sweep, in a browser: it loads without errors or requests, and answers clicks and keys."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import dse
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.sweep import run_plan
from dse.explore.workers.runner import Workers
from dse.problem.workload import Node
from dse.report.cards.book import Book, make_book
from dse.report.page.build import page
from dse.report.page.data import page_data
from dse.report.text.sweeps import recommended

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
NAMES = "</script><script>document.title='markup'</script><img src=x onerror=document.title='markup'>"
SPACE = {"levels.GLB.capacity": ["32 KiB", "64 KiB", "108 KiB"], "levels.array.rows": [6, 12]}


@pytest.fixture(scope="module")
def made():
    network = dse.Workload.of(
        NAMES, [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("a<b>fc", K=10, C=32)]
    )
    plan = make_plan("eyeriss", network, Search(5, "random", 3), space=SPACE, name=f"a {NAMES}")
    result = run_plan(plan, jobs=0)
    return result, make_book(result, plan, Workers.local(0), Book())


def test_names_are_text(made):
    text = page(*made)
    assert "<img src=x" not in text
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(held[1])["cards"]
    assert "a <img" not in text


def test_figures_are_those_of_the_front(made):
    result, book = made
    data = page_data(result, book)
    by_number = {design["number"]: design for design in data["designs"]}
    for row in result.front_rows():
        for key in ("energy_pj", "latency_s", "area_mm2", "edp_js", "power_mw"):
            assert by_number[row["number"]][key] == row[key]
        assert by_number[row["number"]]["front"]
    volumes = [volume for _, volume in data["hypervolume"]]
    assert volumes == sorted(volumes)
    assert 0 < volumes[-1] <= 1


def test_the_page_opens_in_the_objectives_and_says_what_layers_are_mapped_for(made):
    result, book = made
    data = page_data(result, book)
    assert (data["axes"], data["mapped_for"]) == (("latency_s", "energy_pj"), "energy-delay product")
    cheap = page_data(replace(result, search=Search(5, objectives=("energy", "area"))), book)
    assert (cheap["axes"], cheap["mapped_for"]) == (("area_mm2", "energy_pj"), "energy")


def test_gaps_are_told_in_two_digits_and_defined(made):
    """`${100 * gap} %` printed 2.841351526585001 %."""
    text = page(*made)
    assert "100 * gap} %" not in text
    assert "gap: the design&#x27;s mappings have at most so much more EDP" in text.replace("Gap:", "gap:")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no page was looked at")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as running:
        if found is None and not Path(running.chromium.executable_path).exists():
            pytest.skip(f"no browser found, neither of {', '.join(BROWSERS)} nor one that playwright installed")
        started = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def tab(made, browser, tmp_path: Path):
    """The page in a tab of 1280 pixels, its errors and the addresses that it asked for."""
    yield from opened(made, browser, tmp_path / "report.html")


def opened(made, browser, file: Path):
    file.write_text(page(*made))
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    asked: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    tab.wait_for_selector("#reuse0 .main-svg" if made[1].cards else "#front .main-svg")
    yield tab, errors, [address for address in asked if not address.startswith(("file:", "data:", "blob:"))]
    tab.close()


def test_it_loads_without_errors_or_requests(tab):
    page_, errors, asked = tab
    assert errors == []
    assert asked == []
    assert page_.title() == f"a {NAMES}", "no name was run as a script"
    assert page_.evaluate("document.documentElement.scrollWidth") <= 1280
    for what in ("front", "energy0", "area0", "time0", "roofline0", "hypervolume"):
        assert page_.locator(f"#{what} .main-svg").count() >= 1, what
    assert page_.locator("#parallel .main-svg").count() == 0, "what takes long is drawn when it is looked at"
    page_.locator("#parallel").scroll_into_view_if_needed()
    page_.wait_for_selector("#parallel .main-svg")
    assert errors == []
    assert page_.locator("#card0 pre").inner_text().startswith("DRAM holds")
    titles = " ".join(page_.locator("#card0 h4").all_inner_texts())
    assert "\u00a0%" in titles
    assert not re.search(r"\d (%|[mµ]?[Js]\b)", titles), "no line ends between a number and its sign or unit"


@pytest.mark.parametrize("rows", [[12], [11, 12]])
def test_axes_have_figures_however_close_the_designs_lie(browser, tmp_path, rows):
    network = dse.Workload.of("tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    result = run_plan(make_plan("eyeriss", network, Search(len(rows)), space={"levels.array.rows": rows}), jobs=0)
    for tab, errors, _ in opened((result, Book()), browser, tmp_path / "report.html"):
        for side in ("xaxislayer-above .xtick", "yaxislayer-above .ytick"):
            assert tab.locator(f"#front .{side}").count() >= 1, side
        assert errors == []


def test_it_opens_on_the_design_that_is_recommended_with_each_step_from_it(made, tab):
    result, book = made
    page_, errors, _ = tab
    chosen = recommended(result)["number"]
    assert page_.locator("#table tr.chosen button").inner_text() == str(chosen)
    steps = page_.locator("#card0 table.steps tr")
    assert steps.count() == 1 + len(book.steps[chosen])
    said = steps.all_inner_texts()
    for path, half in (("DRAM bandwidth", "200 MB/s"), ("DRAM bandwidth", "800 MB/s"), ("GLB capacity", "64 KiB")):
        assert any(path in text and f"→ {half}" in text for text in said), half
    box, card = page_.locator("#card0 table.steps").bounding_box(), page_.locator("#card0").bounding_box()
    assert box["width"] <= card["width"]
    assert errors == []


def test_the_table_has_a_gap_for_each_design(tab):
    page_, errors, _ = tab
    head = page_.locator("#table th").all_inner_texts()
    gaps = [row.locator("td").nth(head.index("gap")).inner_text() for row in page_.locator("#table tr").all()[1:]]
    assert gaps
    assert all(re.fullmatch(r"\d[\d.]{0,3}.%", gap) for gap in gaps)
    assert [page_.evaluate(f"within({gap})").replace("\u00a0", " ") for gap in (0, 0.02841351526585001, 0.01)] == [
        "0 %", "2.9 %", "1 %",
    ]  # fmt: skip
    assert errors == []


def test_what_binds_a_layer_is_explained_and_its_point_is_named(tab):
    page_, _, _ = tab
    assert "DRAM shared: the one port of DRAM" in page_.locator("#card0").inner_text()
    names = page_.locator("#roofline0 .textpoint").all_text_contents()
    assert any("<b>fc" in name for name in names), "names of layers are text here, too"


def test_steps_fit_beside_those_of_another_design(tab):
    page_, _, _ = tab
    page_.locator("#table button").nth(1).click(modifiers=["Shift"])
    for at in (0, 1):
        card = page_.locator(f"#card{at}").bounding_box()
        for table in page_.locator(f"#card{at} table").all():
            box = table.bounding_box()
            assert box["x"] + box["width"] <= card["x"] + card["width"] + 1


def test_parts_have_the_colours_that_they_have_in_figures(made):
    from dse.report.drawing.style import FIXED, KINDS

    colours = page_data(*made)["colours"]
    assert (colours["fixed"], colours["kinds"]) == (FIXED, KINDS)


def test_a_click_shows_a_design_and_shift_puts_one_beside_it(made, tab):
    page_, errors, _ = tab
    numbers = [button.inner_text() for button in page_.locator("#table button").all()]
    page_.locator("#table button").first.click()
    assert page_.locator("#card0 h3").inner_text().endswith((f"design {numbers[0]}", f"({numbers[0]})"))
    page_.locator("#table button").nth(1).click(modifiers=["Shift"])
    assert page_.locator("#card1 h3").inner_text().endswith((f"design {numbers[1]}", f"({numbers[1]})"))
    first, second = (page_.locator(f"#{card}").bounding_box() for card in ("card0", "card1"))
    assert first["x"] + first["width"] <= second["x"], "side by side"
    assert errors == []


def test_it_is_worked_by_keys(tab):
    page_, errors, _ = tab
    page_.locator("#table button").nth(1).focus()
    page_.keyboard.press("Enter")
    chosen = page_.locator("#table tr.chosen button").inner_text()
    assert chosen == page_.locator("#table button").nth(1).inner_text()
    page_.locator("select[aria-label=up]").select_option("area_mm2")
    assert "area" in page_.locator("#front .ytitle").text_content()
    page_.locator("select[aria-label='energy by']").select_option("operand")
    assert "operand" in page_.locator("#card0 h4").first.inner_text()
    assert errors == []


def test_it_prints(tab):
    page_, _, _ = tab
    page_.emulate_media(media="print")
    assert len(page_.pdf()) > 50_000
    assert page_.locator("#parallel .main-svg").count() >= 1, "also what was not looked at before"
    assert page_.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowY") == "visible"
    size = page_.viewport_size
    page_.set_viewport_size({"width": 718, "height": 1000})  # what margins of 1 cm leave of A4
    assert page_.evaluate("document.querySelector('#table table').scrollWidth") <= 718
    page_.set_viewport_size(size)


@pytest.fixture(scope="module")
def kept():
    """A sweep in which tensors stay on chip, one with a name that is no markup."""
    def conv(name: str, source: str, channels: int, outputs: int) -> Node:
        layer = dse.Layer(name, K=outputs, C=channels, P=8, Q=8)
        return Node(name, "conv", (outputs, 8, 8), (source,), layer=layer)

    network = dse.Workload("block", (
        Node("x", "input", (8, 8, 8)), conv("a<b>", "x", 8, 16), conv("b", "a<b>", 16, 8), conv("c", "b", 8, 16),
        Node("sum", "add", (16, 8, 8), ("a<b>", "c")), conv("d", "sum", 16, 4),
    ))  # fmt: skip
    space = {"levels.GLB.capacity": ["3 KiB", "108 KiB"]}
    plan = make_plan("eyeriss", network, Search(1, "grid", resident=True), space=space, name="kept")
    result = run_plan(plan, jobs=0)
    return result, make_book(result, plan, Workers.local(0), Book())


def test_what_stays_on_chip_is_drawn_and_listed(kept, browser, tmp_path):
    _, book = kept
    for page_, errors, asked in opened(kept, browser, tmp_path / "kept.html"):
        page_.locator("select[aria-label=design]").select_option("0")
        run = book.cards[0]["networks"][0]["residency"]
        assert page_.locator("#stays0 .main-svg").count() >= 1
        blocks = page_.evaluate("document.getElementById('stays0').data.map(trace => trace.x.length)")
        assert blocks[0] == sum(bool(one["steps"]) for one in run["tensors"]) > 2
        assert blocks[1] >= sum(moment["tiles_bits"] > 0 for moment in run["timeline"])
        lowest, highest = page_.evaluate("""(() => {
            const data = document.getElementById('stays0').data.slice(0, 2);
            const ends = data.flatMap(trace => trace.y.map((tall, at) => tall + trace.base[at]));
            return [Math.min(...data.flatMap(trace => trace.base)), Math.max(...ends)];
        })()""")
        assert 0 <= lowest < highest <= run["levels"][0]["capacity_bits"] / 8192
        rows = [row.inner_text().split("\t") for row in page_.locator("#kept0 tr").all()][1:]
        said = {row[0]: row for row in rows}
        assert said["a<b>"][1] == "a<b> to sum"
        for one in run["tensors"]:
            assert said[one["name"]][-2:] == [f"{one['words_before']:,}", f"{one['words_after']:,}"]
        assert said["x"][2] == "an input, read once"
        assert "GLB keeps" in page_.locator("#card0").inner_text()
        assert page_.evaluate("document.documentElement.scrollWidth") <= 1280
        wide, tall = (page_.locator(f"#stays0 {part}").first.bounding_box() for part in (".main-svg", "svg"))
        assert wide["width"] > 500
        assert tall["y"] + tall["height"] <= page_.locator("#kept0").bounding_box()["y"], "nothing is covered"
        page_.locator("#kept0").scroll_into_view_if_needed()
        page_.screenshot(path=tmp_path / "kept.png")
        assert errors == []
        assert asked == []
