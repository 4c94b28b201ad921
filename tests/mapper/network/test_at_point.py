"""Runs at a point of the common front of networks are those that whole fronts have there."""

import pytest

import dse
from dse.mapper import sum_fronts
from dse.mapper.network.at_point import runs_at

TWO = dse.Workload.of(
    "two", [dse.Layer("conv", K=16, C=8, P=13, Q=13, R=3, S=3), dse.Layer("same", K=16, C=8, P=13, Q=13, R=3, S=3),
            dse.Layer("fc", K=30, C=48)],
)  # fmt: skip
ONE = dse.Workload.of("one", [dse.Layer("point", K=24, C=16, P=7, Q=7)])


@pytest.mark.parametrize("name", ["eyeriss", "systolic_ws"])
def test_every_point_of_a_front_has_its_run(name: str):
    chip = dse.load_architecture(name)
    front = dse.map_workload(chip, TWO).whole_front()
    for index, point in enumerate(front.points):
        (run,) = runs_at(chip, [TWO], point)
        assert run.layers == front.run(index).layers


def test_networks_share_a_point():
    chip = dse.load_architecture("eyeriss")
    fronts = [dse.map_workload(chip, network).whole_front() for network in (TWO, ONE)]
    total = sum_fronts([front.points for front in fronts])
    for index, (energy, latency) in enumerate(total.points.tolist()):
        runs = runs_at(chip, [TWO, ONE], (energy * 1.000001, latency))
        assert [run.workload.name for run in runs] == ["two", "one"]
        expected = [front.run(pick).layers for front, pick in zip(fronts, total.picks(index), strict=True)]
        assert [run.layers for run in runs] == expected
