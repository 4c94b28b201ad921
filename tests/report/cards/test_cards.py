"""Cards of designs: their parts add up to the figures of the front, and steps are what evaluating them gives."""

from __future__ import annotations

import json
from pathlib import Path

import elapsed
import pytest

import dse
from dse.errors import DseError
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.sweep import run_plan
from dse.explore.workers.runner import Workers
from dse.report.cards.book import Book, all_changes, is_complete, make_book, read_book, wanted_rows, write_book
from dse.report.cards.card import Wanted, area_by_part, card_of
from dse.report.cards.steps import Neighbourhood, key_of, steps_from
from dse.report.figures.stacks import layers_data
from dse.report.text.explain import steps_table
from dse.report.text.sweeps import gap_line

NET = dse.Workload.of(
    "tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("again", K=8, C=4, P=6, Q=6, R=3, S=3),
             dse.Layer("fc", K=10, C=32)],
)  # fmt: skip
SPACE = {"levels.GLB.capacity": ["32 KiB", "64 KiB", "108 KiB"], "levels.array.rows": [6, 12]}


@pytest.fixture(scope="module")
def swept():
    plan = make_plan("eyeriss", NET, Search(5, "random", 3), space=SPACE)
    result = run_plan(plan, jobs=0)
    return plan, result, make_book(result, plan, Workers.local(0), Book())


def test_a_card_adds_up_to_its_row(swept):
    _, result, book = swept
    rows = wanted_rows(result)
    assert len(rows) >= 2
    for row in rows:
        (network,) = book.of(row)["networks"]
        assert network["energy_pj"] == pytest.approx(row["energy_pj"], rel=1e-9)
        assert network["latency_s"] == pytest.approx(row["latency_s"], rel=1e-9)
        for key in ("energy_by_level_pj", "energy_by_operand_pj"):
            assert sum(network[key].values()) == pytest.approx(row["energy_pj"], rel=1e-9)
        assert sum(layer["count"] * layer["latency_s"] for layer in network["layers"]) == pytest.approx(
            row["latency_s"], rel=1e-9
        )
        assert sum(book.of(row)["area_mm2"].values()) == pytest.approx(row["area_mm2"], rel=1e-9)
        assert sum(layer["count"] for layer in network["layers"]) == 3


def test_nodes_without_macs_are_part_of_every_split(tmp_path):
    """What a pool reads and writes is in the total, so it is in the splits by level, by operand and by step."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "workload: net\ninput: [8, 12, 12]\nlayers:\n  a: {conv: 4, kernel: 3}\n  b: {globalpool: avg}\n  c: {fc: 4}\n"
    )
    chip = tmp_path / "chip.yaml"
    chip.write_text(f"extends: {Path(dse.__file__).parents[1] / 'arch_specs' / 'eyeriss.yaml'}\nfuses: []\n")
    run = dse.map_workload(chip, path)
    (network,) = card_of(Wanted(run.architecture, (run.workload,), "edp", 0.0))["networks"]
    assert [move["name"] for move in network["moves"]] == ["b"]
    assert network["moves"][0]["energy_pj"] > 0
    steps = [*network["layers"], *network["moves"]]
    by_both = network["energy_by_level_and_operand_pj"]
    assert by_both["DRAM"]["ifmap"] > sum(
        layer["energy_by_level_and_operand_pj"]["DRAM"]["ifmap"] for layer in run.to_dict()["layers"] if layer["macs"]
    )
    for place, parts in by_both.items():
        assert sum(parts.values()) == pytest.approx(network["energy_by_level_pj"][place], rel=1e-9)
    for key in ("energy_by_level_pj", "energy_by_operand_pj"):
        assert sum(network[key].values()) == pytest.approx(run.energy_pj, rel=1e-9)
    assert sum(step["count"] * step["latency_s"] for step in steps) == pytest.approx(run.latency_s, rel=1e-9)
    drawn = layers_data(network, "chip", None, "").records()
    assert sum(row["J"] for row in drawn) == pytest.approx(run.energy_pj * 1e-12, rel=1e-9)
    frame = run.to_dataframe()
    parts = [name for name in frame.columns if name.startswith("energy_") and name != "energy_pj"]
    assert (frame[parts].sum(axis=1) * frame["count"]).sum() == pytest.approx(run.energy_pj, rel=1e-9)


def test_steps_are_what_their_neighbours_cost(swept):
    plan, result, book = swept
    number = result.reference.number
    rows = all_changes(result, book, [number])[number]
    assert {(row["path"], row["new"]) for row in rows} == {
        ("levels.GLB.capacity", "64 KiB"), ("levels.array.rows", 6), ("levels.DRAM.bandwidth", "200 MB/s"),
        ("levels.DRAM.bandwidth", "800 MB/s"),
    }  # fmt: skip
    settings = result.explored[0].parameters
    own = dse.map_workload(plan.hardware_of(settings)[0], NET)
    for row in rows:
        architecture, _ = plan.hardware_of({**settings, row["path"]: row["new"]})
        run = dse.map_workload(architecture, NET)
        figures = {"energy_pj": run.energy_pj, "latency_s": run.latency_s, "area_mm2": architecture.area_mm2}
        assert row["gap"] == 0
        assert row["energy"] == pytest.approx(figures["energy_pj"] / own.energy_pj, rel=1e-9)
        assert row["latency"] == pytest.approx(figures["latency_s"] / own.latency_s, rel=1e-9)
        assert row["area"] == pytest.approx(figures["area_mm2"] / own.area_mm2, rel=1e-12)
    products = [row["energy"] * row["latency"] for row in rows]
    assert products == sorted(products)


@pytest.mark.parametrize("neighbours_are", ["mapped anew", "of the sweep"])
def test_what_follows_a_setting_follows_its_step(neighbours_are):
    """A word of psum for each row: neighbours that are mapped anew and those that a sweep tried are the same."""
    follows = {"levels.PE.capacity.psum": {"of": "levels.array.rows", "ratio": "1 word"}}
    space = {"levels.array.rows": [6, 12], "levels.array.cols": [7, 14], **follows}
    plan = make_plan("eyeriss", NET, Search(9, "grid", gap=0.0), space=space)
    result = run_plan(plan, jobs=0)
    assert 0 in result.outside
    designs = {tuple(e.parameters.values()): e for e in result.designs if e.number}
    own = designs[6, 7, "6 word"]
    if neighbours_are == "mapped anew":
        around = Neighbourhood.of(plan, own.parameters)
        assert {step.settings["levels.PE.capacity.psum"] for step in around.steps
                if step.path == "levels.array.rows"} == {"12 word"}  # fmt: skip
        outcomes = {at: around.evaluate(design) for at, design in around.designs.items()}
        rows = around.changes({**outcomes, **around.known}, {key_of(e.parameters): e.number for e in result.designs})
    else:
        rows = all_changes(result, Book(), [own.number])[own.number]
        assert all_changes(result, Book(), [0]) == {}
    found = {row["path"]: row for row in rows if row["path"].startswith("levels.array")}
    for path, there in (("levels.array.rows", (12, 7, "12 word")), ("levels.array.cols", (6, 14, "6 word"))):
        assert found[path]["number"] == designs[there].number
        assert found[path]["energy_pj"] == designs[there].outcome.objectives["energy_pj"]
        assert found[path]["area_mm2"] == designs[there].outcome.objectives["area_mm2"]


def test_changes_below_the_gap_are_not_shown():
    """Two mappings within 1 % of the best say nothing of a change of half a percent."""
    step = {"path": "rows", "old": 4, "new": 8, "energy": 0.996, "latency": 0.9, "area": 1.001, "gap": 0.01}
    text = steps_table([step, {**step, "new": 2, "gap": 0.0}], {"rows": "rows"}).to_text()
    near, exact = (line.split()[-4:] for line in text.splitlines()[2:4])
    assert near == ["~", "-10.0", "+0.1", "-10.4"]
    assert exact == ["-0.4", "-10.0", "+0.1", "-10.4"]
    assert "1 % of its least" in " ".join(text.split())


def test_neighbours_of_a_chip_at_its_own_supply_keep_its_clock_rule():
    """Where the space lets the clock follow the supply, a neighbour at another supply runs as fast as that allows."""
    plan = make_plan("eyeriss", NET, Search(1))
    own = plan.starts[0]
    assert own["technology.voltage"] == "1 V"
    steps = [step for step in steps_from(plan.space, own) if step.path == "technology.voltage"]
    assert [(step.new, step.settings["technology.clock"]) for step in steps] == [("0.9 V", "max"), ("1.1 V", "max")]
    slow, fast = (plan.hardware_of(step.settings)[0].clock_hz for step in steps)
    assert slow < plan.architecture.clock_hz < fast


def test_what_is_not_among_the_choices_has_no_neighbours():
    assert steps_from({"rows": (4, 8)}, {"rows": 6}) == []
    assert [step.new for step in steps_from({"rows": (4, 8)}, {"rows": 8})] == [4]


def test_a_book_is_read_back_and_not_made_again(swept, tmp_path: Path):
    plan, result, book = swept
    write_book(tmp_path, book)
    read = read_book(tmp_path)
    assert is_complete(result, read)
    assert json.dumps(read.cards) == json.dumps(book.cards)

    class NoWorkers(Workers):
        def run(self, function, tasks):
            assert not list(tasks)
            return iter(())

    again = make_book(result, plan, NoWorkers(lambda: None, 1), read)
    assert json.dumps(again.cards) == json.dumps(book.cards)
    assert again.steps == read.steps


def test_cards_of_another_version_are_none_and_damaged_ones_an_error(tmp_path: Path):
    assert read_book(tmp_path).cards == {}
    (tmp_path / "cards.json").write_text('{"version": 0, "cards": 3}')
    assert read_book(tmp_path).cards == {}
    (tmp_path / "cards.json").write_text('{"version": 1, "cards": [')
    with pytest.raises(DseError, match="is damaged"):
        read_book(tmp_path)


@pytest.mark.parametrize(
    "change", [('"area_mm2":', '"area":'), ('"energy_pj":', '"energy_pj":[],"x":'), ('"steps":[', '"steps":[3,')]
)
def test_cards_that_somebody_changed_are_damaged(swept, tmp_path: Path, change: tuple[str, str]):
    write_book(tmp_path, swept[2])
    text = (tmp_path / "cards.json").read_text()
    assert change[0] in text
    (tmp_path / "cards.json").write_text(text.replace(*change, 1))
    with pytest.raises(DseError, match="is damaged"):
        read_book(tmp_path)


def test_area_by_part_is_the_whole_area():
    for name in ("eyeriss", "edge_npu", "tpu_v1"):
        architecture = dse.load_architecture(name)
        assert sum(area_by_part(architecture).values()) == pytest.approx(architecture.area_mm2, rel=1e-12)


def test_a_card_without_a_point_has_each_layers_own_best():
    architecture = dse.load_architecture("eyeriss")
    (network,) = card_of(Wanted(architecture, (NET,), "energy"))["networks"]
    assert network["energy_pj"] == pytest.approx(dse.map_workload(architecture, NET, "energy").energy_pj, rel=1e-12)
    assert all(layer["gap"] == 0 for layer in network["layers"])


@pytest.mark.parametrize("stopped", [True, False])
def test_a_card_says_whether_mappings_as_fast_may_take_less(stopped, monkeypatch):
    if stopped:
        elapsed.in_search(monkeypatch, 0, fast=False)
    (network,) = card_of(Wanted(dse.load_architecture("edge_npu"), (NET,), "latency"))["networks"]
    assert any(layer["may_take_less"] for layer in network["layers"]) is stopped
    assert all(layer["gap"] == 0 for layer in network["layers"])


DEEP_SPACE = {"levels.L2.capacity": ["512 KiB", "1 MiB"], "levels.cores.cols": [1, 2]}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_sweep_says_of_which_designs_the_energy_is_not_proven(stopped, monkeypatch):
    if stopped:
        elapsed.in_search(monkeypatch, 0, fast=False)
    result = run_plan(make_plan("edge_npu", NET, Search(2, objectives=("latency",)), space=DEEP_SPACE), jobs=0)
    assert (" a search was stopped, so that energy is not proven" in gap_line(result)) is stopped


def test_mappings_that_a_sweep_has_found_are_not_sought_again(monkeypatch):
    plan = make_plan("edge_npu", NET, Search(3), space=DEEP_SPACE)
    result = run_plan(plan, jobs=0)
    explored = {json.dumps(one.parameters) for one in result.explored}

    def again(*_, **__):
        raise AssertionError("a design is mapped again")

    with monkeypatch.context() as patch:
        patch.setattr("dse.mapper.map_workload", again)
        book = make_book(result, plan, Workers.local(0), Book())
    for row in wanted_rows(result):
        (network,) = book.of(row)["networks"]
        assert network["energy_pj"] == pytest.approx(row["energy_pj"], rel=1e-9)
        assert network["latency_s"] == pytest.approx(row["latency_s"], rel=1e-9)
    outcomes = {json.dumps(one.parameters): one.outcome for one in result.explored}
    (number,) = {result.reference.number}
    settings = result.explored[0].parameters
    own = outcomes[json.dumps(settings)].objectives
    for row in book.steps[number]:
        other = json.dumps({**settings, row["path"]: row["new"]})
        if other in explored:
            assert row["energy"] == outcomes[other].objectives["energy_pj"] / own["energy_pj"]
    for one in result.evaluations:
        one.outcome.nests.clear()  # as after `dse report`, which reads the log
    mapped = make_book(result, plan, Workers.local(0), Book())
    assert json.dumps(mapped.cards) == json.dumps(book.cards)
    assert mapped.steps == book.steps
