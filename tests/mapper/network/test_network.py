"""Networks as a whole: their front with the layers behind it, and their own best, against every choice of mappings."""

from itertools import product
from math import inf

import pytest
from explore.toy import ARCH, NET

import dse
from dse.errors import DseError, InfeasibleError
from dse.explore.outcomes.front import pareto
from dse.formats.workload.load import parse_workload
from dse.mapper import layer_front

VALUES = {
    "energy": lambda energy, latency: energy,
    "latency": lambda energy, latency: latency,
    "edp": lambda energy, latency: energy * latency,
}


@pytest.fixture(scope="module")
def arch(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "toy.yaml"
    path.write_text(ARCH)
    return dse.load_architecture(path)


@pytest.fixture(scope="module")
def net():
    return parse_workload(NET, "tiny.yaml")


@pytest.fixture(scope="module")
def sums(arch, net):
    """Energy and latency of every choice of a point of each layer's front."""
    fronts = [[(m.cost.energy_pj, m.cost.latency_s) for m in layer_front(arch, layer)] for layer in net.layers]
    return [tuple(map(sum, zip(*choice, strict=True))) for choice in product(*fronts)]


def close(one, other):
    return one == pytest.approx(other, rel=1e-11)


def test_the_front_is_that_of_every_choice(arch, net, sums):
    expected = sorted((sums[i] for i in pareto(sums)), key=lambda point: point[1])
    for scope in ("layer", "network"):
        found = dse.map_workload(arch, net, scope=scope).front()
        assert len(found) <= len(expected)  # sums that differ by rounding alone are one
        for some, others in ((found, expected), (expected, found)):
            assert all(any(e <= f * (1 + 1e-9) and t <= u * (1 + 1e-9) for e, t in others) for f, u in some)


def test_each_point_of_the_front_has_its_layers(arch, net):
    front = dse.map_workload(arch, net).whole_front()
    for index, (energy, latency) in enumerate(front.points):
        run = front.run(index)
        assert close(run.energy_pj, energy)
        assert close(run.latency_s, latency)
        assert run.macs == net.macs
        assert sorted(name for _, names in run.layers for name in names) == sorted(x.name for x in net.layers)
        for mapped, names in run.layers:
            for name in names:
                again = dse.evaluate(arch, net.layer(name), mapped.mapping)
                assert close(again.energy_pj, mapped.cost.energy_pj)
                assert close(again.cycles, mapped.cost.cycles)
    assert close(front.run(-1).energy_pj, front.points[-1][0])
    with pytest.raises(IndexError):
        front.run(len(front))


@pytest.mark.parametrize("objective", VALUES)
def test_the_best_network_is_the_best_of_every_choice(arch, net, sums, objective):
    run = dse.map_workload(arch, net, objective, scope="network")
    value = VALUES[objective]
    assert close(value(run.energy_pj, run.latency_s), min(value(*point) for point in sums))
    proof = run.certificate
    assert close(proof.value, value(run.energy_pj, run.cycles))
    assert proof.lower_bound == proof.value
    assert (proof.gap, proof.layer_gap, proof.layers, proof.distinct) == (0, 0, 4, 3)
    each = dse.map_workload(arch, net, objective)
    assert value(run.energy_pj, run.latency_s) <= value(each.energy_pj, each.latency_s) * (1 + 1e-12)
    assert (each.scope, each.certificate) == ("layer", None)


@pytest.mark.parametrize("objective", VALUES)
def test_limits_are_kept_and_nothing_within_them_is_better(arch, net, sums, objective):
    value = VALUES[objective]
    energies, latencies = zip(*sorted({(e, t) for e, t in (sums[i] for i in pareto(sums))}), strict=True)
    middle = len(energies) // 2
    for energy, latency in ((inf, latencies[middle]), (energies[middle], inf), (energies[middle], latencies[middle])):
        run = dse.map_workload(arch, net, objective, scope="network", max_energy_pj=energy, max_latency_s=latency)
        assert run.energy_pj <= energy * (1 + 1e-11)
        assert run.latency_s <= latency * (1 + 1e-11)
        allowed = [p for p in sums if p[0] <= energy * (1 + 1e-12) and p[1] <= latency * (1 + 1e-12)]
        assert close(value(run.energy_pj, run.latency_s), min(value(*point) for point in allowed))
        assert run.certificate.lower_bound == run.certificate.value
        assert run.certificate.max_energy_pj == energy


def test_a_limit_that_cannot_be_kept_says_by_how_much(arch, net, sums):
    fastest, leanest = min(t for _, t in sums), min(e for e, _ in sums)
    with pytest.raises(InfeasibleError, match=rf"runs in {fastest * 1e3:.6g} ms at best, above the limit of 0.001 ms"):
        dse.map_workload(arch, net, "energy", scope="network", max_latency_s=1e-6)
    with pytest.raises(InfeasibleError, match=rf"takes {leanest * 1e-9:.6g} mJ at best"):
        dse.map_workload(arch, net, "latency", scope="network", max_energy_pj=1.0)
    with pytest.raises(InfeasibleError, match=r"at once|at best"):
        dse.map_workload(arch, net, scope="network", max_latency_s=fastest, max_energy_pj=leanest)


@pytest.mark.parametrize("gap", [0.01, 0.3])
@pytest.mark.parametrize("objective", VALUES)
def test_a_gap_is_proven_of_the_whole_network(arch, net, objective, gap):
    exact = dse.map_workload(arch, net, objective, scope="network")
    run = dse.map_workload(arch, net, objective, scope="network", gap=gap)
    proof = run.certificate
    assert proof.lower_bound <= exact.certificate.value * (1 + 1e-9) <= proof.value * (1 + 2e-9)
    assert proof.gap <= gap + 1e-9
    assert proof.value <= proof.lower_bound * (1 + proof.gap) * (1 + 1e-12)
    limit = exact.latency_s * (1.001 + gap)
    limited = dse.map_workload(arch, net, "energy", scope="network", max_latency_s=limit)
    within = dse.map_workload(arch, net, "energy", scope="network", max_latency_s=limit, gap=gap)
    assert within.certificate.lower_bound <= limited.energy_pj * (1 + 1e-9) <= within.energy_pj * (1 + 2e-9)


def test_a_given_mapping_is_the_only_choice_of_its_layer(arch, net):
    slow = layer_front(arch, net.layer("two"))[-1].mapping
    run = dse.map_workload(arch, net, scope="network", given={"two": slow})
    held = {name: mapped for mapped, names in run.layers for name in names}
    assert held["two"].mapping == slow
    assert held["two"].certificate is None
    assert run.certificate.distinct == 4
    free = dse.map_workload(arch, net, scope="network")
    assert run.edp_js >= free.edp_js * (1 - 1e-12)


def test_what_does_not_go_together_is_refused(arch, net):
    with pytest.raises(DseError, match="scope='net' is not layer or network"):
        dse.map_workload(arch, net, scope="net")
    with pytest.raises(DseError, match="limits of latency and energy are those of a network"):
        dse.map_workload(arch, net, max_latency_s=1.0)
    with pytest.raises(DseError, match="objective='front' is not"):
        dse.map_workload(arch, net, "front", scope="network")


@pytest.mark.parametrize("names", [
    pytest.param(("conv4", "fc7"), marks=pytest.mark.gate, id="two"),
    pytest.param((), marks=pytest.mark.slow, id="all"),
])  # fmt: skip
def test_the_network_beats_its_layers_by_themselves_on_eyeriss(names):
    """AlexNet's EDP is lower when all layers trade energy for latency at one rate, if only by some thousandths."""
    arch, net = dse.load_architecture("eyeriss"), dse.load_workload("alexnet")
    if names:
        net = dse.Workload.of("two", [net.layer(name) for name in names])
    each = dse.map_workload(arch, net)
    whole = dse.map_workload(arch, net, scope="network")
    assert whole.edp_js < each.edp_js * (1 - 1e-5)
    front = whole.whole_front()
    assert close(whole.edp_js, min(energy * 1e-12 * latency for energy, latency in front.points))
    assert len(whole.layers) == len(net.distinct())  # equal layers agree at the least product
    lowest = min(range(len(front)), key=lambda i: front.points[i][0] * front.points[i][1])
    assert [m.mapping for m, _ in front.run(lowest).layers] == [m.mapping for m, _ in whole.layers]
