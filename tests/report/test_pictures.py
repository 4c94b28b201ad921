"""Results in a notebook: short texts, tables with names as text, pictures whose labels stand apart."""

import pytest
from report.drawing.overlaps import faults

import dse
from dse.errors import DseError
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.report.pictures import plot

CONV = dse.Layer("<b>conv</b>", K=8, C=4, P=6, Q=6, R=3, S=3)
NET = dse.Workload.of("a <i>net</i>", [CONV, dse.Layer("fc", K=10, C=32), dse.Layer("fc2", K=10, C=32)])
SPACE = {"levels.GLB.capacity": ["54 KiB", "108 KiB"], "levels.array.rows": [6, 12]}


@pytest.fixture(scope="module")
def results():
    run = dse.map_workload("eyeriss", NET)
    return {
        "sweep": dse.sweep("eyeriss", NET, trials=4, space=SPACE, jobs=0, prove_s=0),
        "run": run,
        "network front": run.whole_front(),
        "layer": run.layers[0][0],
        "layer front": dse.layer_front("systolic_ws", CONV),
        "workload": NET,
    }


def everything(results):
    run = results["run"]
    plan = make_plan("eyeriss", NET, Search(2), space=SPACE)
    layer = results["layer"]
    yield from results.values()
    yield from (layer.cost, layer.cost.accesses, layer.mapping, layer.layer, layer.certificate)
    yield from (run.architecture, plan.spec)
    yield from (dse.load_architecture("simba_pe"), dse.load_workload("bert_base"))


def test_texts_are_short(results):
    """Of whatever a notebook may show; the longest was 41,759 characters."""
    for thing in everything(results):
        assert 8 < len(repr(thing)) < 320, repr(thing)[:400]
        assert "\n" not in repr(thing)


def test_tables_have_names_as_text(results):
    for name, thing in [*results.items(), ("cost", results["layer"].cost), ("moves", results["layer"].cost.accesses)]:
        shown = thing._repr_html_()
        assert "<table" in shown, name
        assert "<b>" not in shown, name
        assert "<i>" not in shown, name


def test_frames_add_up(results):
    run = results["run"]
    frame = run.to_dataframe()
    assert (frame.energy_pj * frame["count"]).sum() == pytest.approx(run.energy_pj, rel=1e-12)
    assert (frame.cycles * frame["count"]).sum() == pytest.approx(run.cycles, rel=1e-12)
    parts = [name for name in frame.columns if name.startswith("energy_") and name != "energy_pj"]
    assert frame[parts].sum(axis=1).tolist() == pytest.approx(frame.energy_pj.tolist(), rel=1e-12)
    moved = results["layer"].to_dataframe()
    counts = results["layer"].cost.accesses
    wanted = sum(t.reads + t.writes for level in counts.levels for t in counts.apart(level).values())
    assert moved[moved.direction.isin(["read", "write"])].elements.sum() == wanted
    cost = results["layer"].cost.to_dataframe()
    assert cost.groupby("by").share.sum().tolist() == pytest.approx([1.0, 1.0])
    front = results["network front"].to_dataframe()
    assert front.values[:, :2].tolist() == [list(point) for point in results["network front"].points]
    assert len(results["layer front"].to_dataframe()) == len(results["layer front"])
    assert NET.to_dataframe().macs.sum() == NET.macs


@pytest.mark.parametrize("name", ["sweep", "run", "network front", "layer", "layer front", "workload"])
def test_pictures_show_themselves(results, name):
    figure = results[name].plot()
    assert faults(figure) == []
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_what_has_no_picture_says_what_has():
    with pytest.raises(dse.DseError, match="no picture of a str") as caught:
        dse.plot("alexnet")
    assert "SweepResult" in caught.value.hint


def test_objects_paths_and_names_are_taken_everywhere(results):
    eyeriss = dse.load_architecture("eyeriss")
    best = dse.map_layer(eyeriss, CONV, "energy")
    assert dse.map_layer("eyeriss", CONV, "energy").cost == best.cost
    assert dse.map_layer(architecture=eyeriss.spec, layer=CONV, objective="energy").cost == best.cost
    assert dse.evaluate("eyeriss", CONV, best.mapping) == best.cost
    assert dse.map_workload(architecture="eyeriss", workload=NET).energy_pj == results["run"].energy_pj


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dse.map_layer("eyeriss", "conv3"), "a layer is a dse.Layer, not 'conv3'"),
        (lambda: dse.map_layer(7, CONV), "an architecture is an Architecture, a path or a name, not int"),
        (lambda: dse.map_workload("eyeriss", [CONV]), "a workload is a Workload, a path or a name, not list"),
        (lambda: dse.map_workload(NET, "eyeriss"), "an architecture is an Architecture, .* not Workload"),
        (lambda: dse.map_layer("eyerics", CONV), "no shipped architecture named 'eyerics'"),
    ],
)
def test_what_is_no_architecture_or_layer_is_told(call, message):
    with pytest.raises(dse.DseError, match=message):
        call()


def test_a_picture_is_of_the_result_it_is_asked_for(results):
    """Each kind of result has one; of anything else the kinds that have are named."""
    titles = {name: plot(result).texts[0].get_text() for name, result in results.items()}
    assert len(set(titles.values())) == len(titles)
    assert "that none beats" in titles["layer front"]
    assert "that none beats" in titles["network front"]
    with pytest.raises(DseError, match="there is no picture of a float") as caught:
        plot(1.5)
    assert "SweepResult" in caught.value.hint
