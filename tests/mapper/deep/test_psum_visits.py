"""Where more visits of psums cost less: the orders that are listed there, and the case that showed they are needed."""

from __future__ import annotations

from itertools import permutations, product
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import Pricer, Walk, slots_of
from mapper.walks.fronts import front_of, significant
from thinned import thinned

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.formats.architecture.load import load_architecture
from dse.formats.mapping import load_mappings
from dse.mapper.deep.bounds.sums.crossings import crossings_of
from dse.mapper.deep.bounds.sums.terms import Book, visits_pay
from dse.mapper.deep.problem import Deep, build
from dse.mapper.layer import layer_front, map_layer
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.mapspace.orders import add_partial_stays, list_orders
from dse.model.price import price
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

CASES = Path(__file__).parents[2] / "reference" / "proof"
ALL = frozenset(OPERANDS)
SHAPES = (
    "LFLL", "LLFLL", "LFLFL", "LFLFLL", "LFLLFL", "LFLFLFL", "LLFLFLFL", "LLLLL", "LFLFLLFL", "LLLFL", "LFFLL",
    "LFLFFLL",
)  # fmt: skip
"""Up to three fan-outs, also one after another, and up to five levels."""
NESTS = 600
MOST = 1500
"""Permutations of all lists together."""


def lopsided(rng: Random) -> PerOperand[float]:
    """Prices that are as unlike as can be, half of them nothing."""
    return PerOperand(*(rng.choice((0.0, 0.0, 0.0, 1.0, 7.0, 90.0)) for _ in OPERANDS))


def draw_architecture(rng: Random, shape: str, side: int) -> Architecture:
    """No capacities; a port now and then."""
    nodes: list[Level | FanOut] = []
    for i, letter in enumerate(shape):
        if letter == "F":
            nodes.append(FanOut(
                f"fan{i}", side, 1, multicast=rng.choice(("word", "tile", "none")), reduces=rng.random() < 0.8,
                energy_pj=rng.choice((0.0, 0.0, 2.0)),
            ))  # fmt: skip
            continue
        stores = ALL if i == 0 else rng.choice((ALL, ALL, frozenset({"psum"}), frozenset({"ifmap", "psum"})))
        ports: tuple[Port, ...] = ()
        if rng.random() < 0.3:
            served = frozenset((o, rng.choice(("read", "write"))) for o in OPERANDS)
            ports = (Port("some", served, rng.choice((0.3, 1.0, 4.0))),)
        nodes.append(Level(
            f"level{i}", stores, read_energy_pj=lopsided(rng), write_energy_pj=lopsided(rng), ports=ports,
            buffering=rng.choice(("streaming", "single")),
        ))  # fmt: skip
    static = rng.choice((0.0, 0.0, 3.0))
    return Architecture("lopsided", tuple(nodes), Mac(0.0), 1e9, draw_rules(rng), static_power_mw=static)


def draw_rules(rng: Random) -> Dataflow:
    if rng.random() < 0.7:
        return Dataflow("free")
    return Dataflow("ruled", stationary=rng.choice((None, *OPERANDS)), innermost=rng.choice((None, *DIMS[1:])))


def problem_of(architecture: Architecture, layer: Layer) -> Deep:
    kept = bypass_choices(architecture)[0]
    problem = build(architecture, layer, kept, price(architecture, layer), "all")
    return problem._replace(visits_pay=visits_pay(Book(problem, crossings_of(problem))))


def listed(problem: Deep, level: int, trips: list[int], extra: bool) -> list[tuple[int, ...]]:
    """Orders, outermost first, loops of one trip left out."""
    near = level == problem.near
    rules = (problem.stationary if near else -1, problem.innermost if near else -1)
    out, kinds = np.zeros((24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64)
    count = list_orders(np.array(trips), *rules, out, kinds)
    if extra and count:
        count = add_partial_stays(np.array(trips), *rules, out, kinds, count)
    assert all(sorted(order) == list(range(8)) for order in out[:count].tolist())
    return sorted({tuple(int(d) for d in order[::-1] if trips[d] > 1) for order in out[:count]})


def front_with(architecture: Architecture, layer: Layer, factors: list[dict[str, int]], orders: Any) -> Any:
    """The front over the product of the given orders of each list."""
    pricer, slots = Pricer(architecture, layer), slots_of(architecture)
    keeps = np.array([[int(isinstance(n, Level) and o in n.stores) for o in OPERANDS] for n in architecture.hierarchy])
    named = [[tuple(DIMS[d] for d in order) for order in of_list] for of_list in orders]
    return front_of([pricer.price(slots, factors, chosen, keeps) for chosen in product(*named)])


def draw_nest(rng: Random) -> tuple[Architecture, Layer, list[dict[str, int]]]:
    """An architecture, a layer, and factors per slot: few loops a list, most of them those that psums rest over."""
    shape, side = rng.choice(SHAPES), rng.choice((2, 4))
    architecture = draw_architecture(rng, shape, side)
    factors: list[dict[str, int]] = []
    for node, what in slots_of(architecture):
        is_last = node == len(architecture.hierarchy) - 1
        if what == "list":
            dims = rng.sample("CRSCRSNKPQG", rng.choice((0, 1, 2, 3)) if not is_last else 1)
            factors.append({dim: rng.randint(2, 3) for dim in dims})
        else:
            factors.append({rng.choice("CRSCRSKP"): side} if what == "rows" else {})
    bounds = {}
    for dim in DIMS:
        covered = prod(used.get(dim, 1) for used in factors)
        bounds[dim] = max(1, covered - rng.choice((0, 0, 1))) if covered > 2 else covered
    return architecture, Layer("nest", **bounds, stride_h=rng.choice((1, 2)), stride_w=1), factors


@pytest.mark.parametrize("seed", thinned(range(4), 2))
def test_listed_orders_hold_the_front_of_all(seed: int) -> None:
    """For every nest, over all permutations of every list that the dataflow allows."""
    rng = Random(f"psum visits {seed}")
    compared = paying = needed = 0
    while compared < NESTS // 4:
        architecture, layer, factors = draw_nest(rng)
        problem = problem_of(architecture, layer)
        lists = [used for used, (_, what) in zip(factors, slots_of(architecture), strict=True) if what == "list"]
        trips = [[used.get(dim, 1) for dim in DIMS] for used in lists]
        loops = [[d for d in range(8) if of_list[d] > 1] for of_list in trips]
        every = [list(permutations(of_list)) for of_list in loops]
        every[problem.near] = [order for order in every[problem.near] if obeys(problem, order)]
        every[-1] = every[-1][:1]
        few = [listed(problem, i, of_list, problem.visits_pay) for i, of_list in enumerate(trips)]
        few[-1] = few[-1][:1]
        if not all(map(len, every)):
            assert not all(map(len, few))
            continue
        if not 12 <= prod(map(len, every)) <= MOST:
            continue
        best = significant(front_with(architecture, layer, factors, every))
        found = significant(front_with(architecture, layer, factors, few))
        assert found.shape == best.shape, (architecture, layer, factors)
        assert found == pytest.approx(best, rel=1e-9, abs=1e-9), (architecture, layer, factors)
        compared += 1
        paying += problem.visits_pay
        if problem.visits_pay:
            fewer = [listed(problem, i, of_list, False) for i, of_list in enumerate(trips)]
            fewer[-1] = fewer[-1][:1]
            without = significant(front_with(architecture, layer, factors, fewer))
            needed += without.shape != best.shape or not np.allclose(without, best, rtol=1e-9, atol=1e-9)
    assert paying > NESTS // 4 * 0.2
    assert needed > 0  # without the orders that are added, some of these would be wrong


def obeys(problem: Deep, order: tuple[int, ...]) -> bool:
    """The dataflow's rules, on an order from the outermost loop inwards."""
    if problem.innermost in order[:-1]:
        return False
    if problem.stationary < 0:
        return True
    relevant = [bool(problem.relevance[problem.stationary, d]) for d in order]
    return relevant == sorted(relevant, reverse=True)


def the_case() -> tuple[Architecture, Layer]:
    return load_architecture(CASES / "lemma.yaml"), dse.load_workload(CASES / "w.yaml").with_batch(2).layer("l")


def test_the_case_that_showed_it() -> None:
    """Read-backs further in cost 60 pJ a word, psums at the outermost level nothing: there they should move."""
    architecture, layer = the_case()
    better = load_mappings(CASES / "better.yaml").mappings(architecture, [layer], any_mapping=True)["l"]
    priced = dse.evaluate(architecture, layer, better).energy_pj
    best = map_layer(architecture, layer, "energy")
    assert best.cost.energy_pj <= priced * (1 + 1e-12)
    assert best.certificate is not None
    assert best.certificate.gap == 0.0


@pytest.mark.slow
def test_a_full_walk_of_the_case_agrees() -> None:
    architecture, layer = the_case()
    best = map_layer(architecture, layer, "energy")
    front = Walk(architecture, layer, "all").front()
    assert best.cost.energy_pj == pytest.approx(front[:, 0].min(), rel=1e-12)
    product_of_both = map_layer(architecture, layer, "edp").cost
    assert product_of_both.energy_pj * product_of_both.cycles == pytest.approx(front.prod(axis=1).min(), rel=1e-12)
    points = [(one.cost.energy_pj, one.cost.cycles) for one in layer_front(architecture, layer)]
    assert significant(front_of(points)) == pytest.approx(significant(front), rel=1e-9)


@pytest.mark.parametrize("seed", range(24))
def test_search_equals_a_full_walk_where_visits_pay(seed: int) -> None:
    """Small layers, every factor and every order of every list."""
    rng = Random(f"walk of psum visits {seed}")
    while True:
        architecture = draw_architecture(rng, rng.choice(("LFLL", "LFLFL", "LLFLL", "LFLLL")), 2)
        dims = [*rng.sample("CRS", 2), rng.choice("NKPQ")]
        layer = Layer("small", **{dim: rng.choice((2, 3, 4)) for dim in dims})
        walk = Walk(architecture, layer, "perfect")
        if problem_of(architecture, layer).visits_pay and 50 < walk.size < 30_000:
            break
    front = walk.front()
    points = [(one.cost.energy_pj, one.cost.cycles) for one in layer_front(architecture, layer, factors="perfect")]
    assert significant(front_of(points)) == pytest.approx(significant(front), rel=1e-9, abs=1e-9)
    least = map_layer(architecture, layer, "energy", factors="perfect").cost.energy_pj
    assert least == pytest.approx(front[:, 0].min(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["edge_npu", "simba_pe", "nvdla_small", "nvdla_large"])
def test_visits_never_pay_on_shipped_deep_specs(name: str) -> None:
    architecture, layer = dse.load_architecture(name), dse.load_workload("resnet50").layers[0]
    assert not problem_of(architecture, layer).visits_pay
