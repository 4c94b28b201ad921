"""Orders of branches, several levels that may keep tensors, and the front of a network with tensors on chip."""

from __future__ import annotations

from dataclasses import replace

import pytest

import dse
from dse.errors import MappingError
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import map_workload
from dse.mapper.network.residency.orders import in_order, modules_of, other_orders
from dse.problem.workload import Node, Workload


def conv(name: str, source: str, channels: int, outputs: int, size: int = 4) -> Node:
    layer = dse.Layer(name, K=outputs, C=channels, P=size, Q=size)
    return Node(name, "conv", (outputs, size, size), (source,), layer=layer)


# one branch makes a large tensor and shrinks it, the other keeps a small one: the small one should wait
BRANCHES = Workload("branches", (
    Node("x", "input", (4, 4, 4)), conv("start", "x", 4, 8), conv("small", "start", 8, 8),
    conv("large", "start", 8, 24), conv("shrunk", "large", 24, 8), Node("sum", "add", (8, 4, 4), ("small", "shrunk")),
    conv("end", "sum", 8, 4),
))  # fmt: skip


def chip(**settings: str) -> dse.Architecture:
    return load_architecture_spec("eyeriss").resolve(settings)


def test_modules_are_what_lies_between_points_with_one_tensor() -> None:
    (module,) = modules_of(BRANCHES)
    names = [[BRANCHES.nodes[at].name for at in branch] for branch in module.branches]
    assert names == [["small"], ["large", "shrunk"]]
    assert BRANCHES.nodes[module.last].name == "sum"
    (other,) = other_orders(BRANCHES, module, 24)
    assert [node.name for node in other.nodes] == ["x", "start", "large", "shrunk", "small", "sum", "end"]
    assert list(other_orders(BRANCHES, module, 0)) == []


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_the_best_of_the_orders_tried_is_that_of_each_by_itself(objective: str) -> None:
    architecture = chip(**{"levels.GLB.capacity": "900B"})
    (module,) = modules_of(BRANCHES)
    orders = [BRANCHES, *other_orders(BRANCHES, module, 1)]
    each = [map_workload(architecture, one, objective, scope="network", resident=True) for one in orders]
    both = map_workload(architecture, BRANCHES, objective, scope="network", resident=True, orders=5)
    assert [run.certificate.orders for run in (*each, both)] == [1, 1, 2]
    value = {"energy": lambda run: run.energy_pj, "latency": lambda run: run.cycles}[objective]
    assert value(both) == pytest.approx(min(map(value, each)), rel=1e-9)
    least = min(run.certificate.lower_bound for run in each)
    assert both.certificate.lower_bound == pytest.approx(least, rel=1e-9)
    if objective == "energy":
        assert value(each[0]) != pytest.approx(value(each[1]), rel=1e-6), "the order matters here"


def test_a_run_in_another_order_is_given_again() -> None:
    from dse.mapper.network.residency.given import run_as_given

    architecture = chip(**{"levels.GLB.capacity": "900B"})
    (module,) = modules_of(BRANCHES)
    (other,) = other_orders(BRANCHES, module, 1)
    run = map_workload(architecture, other, "energy", scope="network", resident=True).residency
    assert run is not None
    nests = {name: mapped.mapping for name, mapped, _ in run.layers}
    again = run_as_given(architecture, BRANCHES, run.in_names, nests)
    assert [moment.step for moment in again.timeline] == [moment.step for moment in run.timeline]
    assert again.energy_pj == pytest.approx(run.energy_pj, rel=1e-12)


def test_an_order_that_cannot_be_is_refused() -> None:
    with pytest.raises(MappingError, match="shrunk runs before large"):
        in_order(BRANCHES, ["start", "shrunk", "large"])
    with pytest.raises(MappingError, match="no step 'nobody'"):
        in_order(BRANCHES, ["nobody"])


def test_two_levels_together_are_no_worse_than_each_by_itself() -> None:
    """A second buffer between DRAM and GLB, as large and dearer: tensors stay in both where GLB is too small."""
    glb = chip().level("GLB")
    nodes = chip().hierarchy
    outer = replace(glb, name="L3", capacity_bits=1 << 20, read_energy_pj=glb.read_energy_pj,
                    stores=glb.stores, may_bypass=glb.stores)  # fmt: skip
    two = chip().with_(hierarchy=(nodes[0], outer, *nodes[1:]), spec=None)
    network = Workload("chain", BRANCHES.nodes[:3])
    one = {
        name: map_workload(
            two.with_(hierarchy=tuple(
                replace(node, on_chip=node.name == name) if hasattr(node, "on_chip") else node for node in two.hierarchy
            ), spec=None), network, "energy", scope="network", resident=True, gap=0.1,
        )
        for name in ("L3", "GLB")
    }  # fmt: skip
    both = map_workload(two, network, "energy", scope="network", resident=True, gap=0.1)
    assert both.certificate.levels == ("L3", "GLB")
    assert both.energy_pj <= min(run.energy_pj for run in one.values()) * 1.1
    assert both.certificate.lower_bound <= min(run.energy_pj for run in one.values())


@pytest.mark.parametrize("capacity", ["600B", "900B", "2KiB", "108KiB"])
@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_no_order_of_branches_is_below_what_is_said_of_any(objective: str, capacity: str) -> None:
    architecture = chip(**{"levels.GLB.capacity": capacity})
    (module,) = modules_of(BRANCHES)
    orders = [BRANCHES, *other_orders(BRANCHES, module, 24), in_order(BRANCHES, ["large", "small", "shrunk"])]
    runs = [map_workload(architecture, one, objective, scope="network", resident=True) for one in orders]
    values = [run.certificate.value for run in runs]
    for run in runs:
        proof = run.certificate
        assert proof.any_order is not None
        assert proof.any_order <= min(values) * (1 + 1e-9)
        assert proof.order_gap == pytest.approx(max(0.0, 1 - proof.any_order / proof.value))
    if capacity == "900B" and objective == "energy":
        assert max(values) > min(values) * (1 + 1e-6)
    if capacity == "108KiB":
        assert runs[0].certificate.order_gap == 0.0


def test_of_which_networks_nothing_is_said_of_other_orders() -> None:
    """Several outputs, and a product of two sums."""
    two = Workload("two ends", (*BRANCHES.nodes, conv("other", "sum", 8, 2)))
    assert map_workload(chip(), two, "energy", scope="network", resident=True).certificate.any_order is None
    assert map_workload(chip(), BRANCHES, "edp", scope="network", resident=True).certificate.order_gap is None


def test_the_front_has_a_point_for_every_run() -> None:
    architecture = chip(**{"levels.GLB.capacity": "900B"})
    run = map_workload(architecture, BRANCHES, "energy", scope="network", resident=True, gap=0.05)
    front = run.front()
    assert list(front) == sorted(front, key=lambda point: point[1])
    assert [energy for energy, _ in front] == sorted((energy for energy, _ in front), reverse=True)
    for objective in ("energy", "latency", "edp"):
        best = map_workload(architecture, BRANCHES, objective, scope="network", resident=True)
        assert any(e <= best.energy_pj * 1.05 and t <= best.latency_s * 1.05 for e, t in front), objective
    limit = front[0][1] * 1.01
    within = map_workload(architecture, BRANCHES, "energy", scope="network", resident=True, max_latency_s=limit)
    assert within.latency_s <= limit * (1 + 1e-9)
    assert any(e <= within.energy_pj * 1.05 and t <= within.latency_s * 1.05 for e, t in front)
