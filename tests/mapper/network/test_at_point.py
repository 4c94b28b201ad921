"""Runs at a point of the common front of networks are those that whole fronts have there."""

import pytest
from thinned import thinned

import dse
from dse.mapper import sum_fronts
from dse.mapper.network import at_point
from dse.mapper.network.at_point import runs_at

TWO = dse.Workload.of(
    "two", [dse.Layer("conv", K=16, C=8, P=13, Q=13, R=3, S=3), dse.Layer("same", K=16, C=8, P=13, Q=13, R=3, S=3),
            dse.Layer("fc", K=30, C=48)],
)  # fmt: skip
ONE = dse.Workload.of("one", [dse.Layer("point", K=24, C=16, P=7, Q=7)])


def behind(run: dse.MappedWorkload):
    """What runs of the network, without how it was found."""
    return [(mapped.layer, mapped.mapping, mapped.cost, names) for mapped, names in run.layers]


@pytest.mark.parametrize("name", ["eyeriss", "systolic_ws"])
def test_every_point_of_a_front_has_its_run(name: str):
    chip = dse.load_architecture(name)
    front = dse.map_workload(chip, TWO).whole_front()
    for index, point in enumerate(front.points):
        (run,) = runs_at(chip, [TWO], point)
        assert behind(run) == behind(front.run(index))


def test_the_least_product_is_found_without_fronts(monkeypatch):
    chip = dse.load_architecture("eyeriss")
    front = dse.map_workload(chip, TWO).whole_front()
    best = min(range(len(front)), key=lambda at: front.points[at][0] * front.points[at][1])
    monkeypatch.setattr(at_point, "_on_fronts", lambda *_: pytest.fail("one search a layer is enough"))
    (run,) = runs_at(chip, [TWO], front.points[best])
    expected = front.run(best)
    assert (run.energy_pj, run.cycles) == (expected.energy_pj, expected.cycles)
    assert [mapped.mapping for mapped, _ in run.layers] == [mapped.mapping for mapped, _ in expected.layers]
    assert all(mapped.certificate.gap == 0 and mapped.certificate.objective == "front" for mapped, _ in run.layers)


@pytest.mark.parametrize("first", thinned(range(4), 4))
def test_networks_share_a_point(first: int):
    """One point of the front in four, from the first given."""
    chip = dse.load_architecture("eyeriss")
    fronts = [dse.map_workload(chip, network).whole_front() for network in (TWO, ONE)]
    total = sum_fronts([front.points for front in fronts])
    for index, (energy, latency) in list(enumerate(total.points.tolist()))[first::4]:
        runs = runs_at(chip, [TWO, ONE], (energy * 1.000001, latency))
        assert [run.workload.name for run in runs] == ["two", "one"]
        expected = [front.run(pick) for front, pick in zip(fronts, total.picks(index), strict=True)]
        assert [behind(run) for run in runs] == [behind(run) for run in expected]
