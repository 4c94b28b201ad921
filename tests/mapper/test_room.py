"""Levels that take the next tile while they work where they have room for it: price, search and bounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import settled
from mapper.walks.deep_walk import DeepProblem, Walk, draw_problem
from mapper.walks.fronts import EQUAL, front_of, significant
from mapper.walks.simulated_price import simulated_price
from thinned import in_gate, parts, thinned

import dse
from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.errors import DseError, InfeasibleError, MappingError
from dse.mapper.flat.instance import SHAPES, shape_of
from dse.mapper.flat.lower import bound_flat
from dse.mapper.layer import lower_bound, map_layer, solve
from dse.mapper.proof.write import prove
from dse.model.cost import evaluate
from dse.model.mapping import Mapping, tile_words
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

FLAT = ("LLFL", "LLFL", "LLFL", "LFL", "LLF", "LLL", "LL")
DEEP = ("LLFLF", "LLLFL", "LFLFL", "LLLL", "LLFLFL")
CASES = [
    *thinned(((FLAT, seeds) for seeds in parts(60, 5)), 12), *thinned(((DEEP, seeds) for seeds in parts(60, 1)), 20),
]  # fmt: skip


@lru_cache(maxsize=256)
def problem(shapes: tuple[str, ...], seed: int) -> DeepProblem:
    """A random problem most of whose levels buffer some operands by room."""
    rng = Random(f"room {shapes} {seed}")
    drawn = draw_problem(rng, shapes, 1500)
    nodes = [_by_room(rng, node) if i > 0 and isinstance(node, Level) else node
             for i, node in enumerate(drawn.architecture.hierarchy)]  # fmt: skip
    return replace(drawn, architecture=drawn.architecture.with_(hierarchy=tuple(nodes)))


def _by_room(rng: Random, level: Level) -> Level:
    kind = rng.random()
    if kind < 0.5:
        return replace(level, buffering="room")
    if kind < 0.8:
        return replace(level, buffering=PerOperand(*(
            rng.choice(("room", "room", "streaming", "double", "single")) for _ in OPERANDS
        )))  # fmt: skip
    return level


@lru_cache(maxsize=256)
def front(shapes: tuple[str, ...], seed: int) -> Any:
    """The exact front by walking all mappings, once for each choice of what overlaps."""
    one = problem(shapes, seed)
    fronts = [Walk(way, one.layer, one.kind).front() for way in settled(one.architecture)]
    points = [tuple(point) for points in fronts for point in points]
    return front_of(points) if points else np.zeros((0, 2))


def answer(values: Any, objective: str) -> Any:
    return {
        "energy": values[:1, 0], "latency": values[:1, 1], "edp": values[:1].prod(axis=1),
        "front": significant(values),
    }[objective]  # fmt: skip


def truth(walked: Any, objective: str) -> Any:
    return {
        "energy": walked[-1:, 0], "latency": walked[:1, 1], "edp": walked.prod(axis=1).min(keepdims=True),
        "front": significant(walked),
    }[objective]  # fmt: skip


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize(("shapes", "seeds"), CASES)
def test_best_equals_full_walk(shapes: tuple[str, ...], seeds: range, objective: str) -> None:
    for seed in seeds:
        one, walked = problem(shapes, seed), front(shapes, seed)
        if len(walked) == 0:
            with pytest.raises(InfeasibleError):
                solve(one.architecture, one.layer, objective, 0.0, one.kind)
            continue
        found = answer(solve(one.architecture, one.layer, objective, 0.0, one.kind).values, objective)
        best = truth(walked, objective)
        assert found.shape == best.shape, f"{shapes} {seed}, {objective}: {found.tolist()}, full walk {best.tolist()}"
        assert found == pytest.approx(best, rel=EQUAL, abs=0), f"{shapes} {seed}, {objective}"


@pytest.mark.parametrize(("shapes", "seeds"), CASES)
def test_prices_are_the_simulators_and_bounds_lie_below(shapes: tuple[str, ...], seeds: range) -> None:
    for seed in seeds:
        one = problem(shapes, seed)
        if len(front(shapes, seed)) == 0:
            continue
        bound = lower_bound(one.architecture, one.layer, factors=one.kind)
        for objective in ("energy", "latency"):
            best = map_layer(one.architecture, one.layer, objective, factors=one.kind)
            walked = simulated_price(one.layer, one.architecture, best.mapping)
            assert walked == pytest.approx((best.cost.energy_pj, best.cost.cycles), rel=EQUAL, abs=0), seed
            stated = best.cost.cycles if objective == "latency" else best.cost.energy_pj
            assert best.certificate is not None
            assert best.certificate.value == pytest.approx(stated, rel=EQUAL, abs=0)
            assert bound.energy_pj <= best.cost.energy_pj * (1 + EQUAL)
            assert bound.cycles <= best.cost.cycles * (1 + EQUAL)


@pytest.mark.gate
def test_the_problems_strain_everything() -> None:
    """What overlaps, what waits, and both in one level, in a fair share of the fastest mappings."""
    seen: Counter[str] = Counter()
    for shapes, seeds in in_gate(CASES):
        for seed in seeds:
            one = problem(shapes, seed)
            if len(front(shapes, seed)) == 0:
                continue
            cost = map_layer(one.architecture, one.layer, "latency", factors=one.kind).cost
            by_room = {(node.name, o) for node in one.architecture.levels[1:] for o in node.stores
                       if node.buffered(o) == "room"}  # fmt: skip
            waits = {(level, o) for level, operands in cost.waits.items() for o in operands}
            seen["total"] += 1
            seen["waits"] += bool(by_room & waits)
            seen["overlaps"] += bool(by_room - waits)
            seen["serial"] += cost.cycles_by["serial"] > 0
    assert min(seen[name] for name in ("waits", "overlaps")) > 0.15 * seen["total"], seen
    assert seen["serial"] > 0.05 * seen["total"], seen


def buffered(how: Any, kib: float = 108.0) -> Architecture:
    chip = dse.load_architecture("eyeriss")
    glb = replace(chip.level("GLB"), buffering=how, capacity_bits=int(kib * 8192))
    return chip.with_(hierarchy=tuple(glb if node.name == "GLB" else node for node in chip.hierarchy))


SMALL = Layer("small", K=16, C=8, P=13, Q=13, R=3, S=3)
NEST = Mapping.from_dict([
    {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["C", 2]]},
    {"level": "GLB", "stores": ["ifmap", "psum"], "loops": [["Q", 13]]},
    {"fan_out": "array", "rows": [["R", 3]], "cols": [["P", 13]]},
    {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 16], ["C", 4], ["S", 3]]},
])  # fmt: skip
IFMAP_BITS, PSUM_BITS = 4 * 15 * 15 * 16, 16 * 13 * 13 * 16


@pytest.mark.parametrize(
    ("bits", "waits"),
    [
        (IFMAP_BITS + PSUM_BITS, ("ifmap", "psum")), (2 * IFMAP_BITS + PSUM_BITS - 1, ("ifmap", "psum")),
        (2 * IFMAP_BITS + PSUM_BITS, ("psum",)), (IFMAP_BITS + 2 * PSUM_BITS, ("ifmap",)),
        (2 * IFMAP_BITS + 2 * PSUM_BITS - 1, ("ifmap",)), (2 * IFMAP_BITS + 2 * PSUM_BITS, ()),
    ],
)  # fmt: skip
def test_what_waits_is_what_finds_no_room(bits: int, waits: tuple[str, ...]) -> None:
    """One DRAM port: of two operands that find room one by one, that with more words is taken meanwhile."""
    cost = evaluate(buffered("room", bits / 8192), SMALL, NEST)
    assert cost.waits == ({"GLB": waits} if waits else {})
    words = {"ifmap": 8 * 15 * 15, "psum": 16 * 13 * 13}
    assert cost.cycles_by["serial"] == sum(words[operand] for operand in waits)
    single, double = evaluate(buffered("single"), SMALL, NEST), evaluate(buffered("double"), SMALL, NEST)
    assert double.cycles <= cost.cycles <= single.cycles
    assert cost.cycles == (single if len(waits) == 2 else double if not waits else cost).cycles
    moved = [{k: v for k, v in one.energy_by_level_pj.items() if k != "static"} for one in (cost, single, double)]
    assert moved[0] == moved[1] == moved[2]


def test_two_tiles_of_an_operand_fit_or_are_refused() -> None:
    doubled = PerOperand("double", "streaming", "single")
    assert evaluate(buffered(doubled), SMALL, NEST).waits == {"GLB": ("psum",)}
    short = buffered(doubled, (2 * IFMAP_BITS + PSUM_BITS - 1) / 8192)
    with pytest.raises(MappingError, match="GLB: the tile of operands together takes 72064 bits, 72063 are there"):
        evaluate(short, SMALL, NEST)


@pytest.mark.parametrize("objective", ["latency", "edp"])
def test_more_capacity_is_never_slower_and_room_lies_between_single_and_double(objective: str) -> None:
    last = np.inf
    for kib in (2, 3, 4, 6, 8, 16):
        values = {}
        for how in ("room", "single", "double"):
            cost = map_layer(buffered(how, kib), SMALL, objective).cost
            values[how] = cost.cycles if objective == "latency" else cost.edp_js
        assert values["room"] <= min(values["single"], values["double"]) * (1 + EQUAL)
        assert values["room"] <= last * (1 + EQUAL)
        last = values["room"]


def tile_bits(mapping: Mapping, layer: Layer) -> tuple[int, int]:
    """Of ifmap and psums in the buffer."""
    tile = mapping.tile(layer, 1)
    return 16 * tile_words(layer, "ifmap", tile), 16 * tile_words(layer, "psum", tile)


def test_the_mapper_takes_smaller_tiles_to_have_room_beside_them() -> None:
    """Psums that fill the buffer wait, and the ifmap's tile is cut to half so that the next one is there in time."""
    chip, layer = buffered("room", 8), SMALL.with_(C=32)
    best = map_layer(chip, layer, "latency")
    streaming = map_layer(buffered("streaming", 8), layer, "latency")
    held, wanted = (tile_bits(one.mapping, layer) for one in (best, streaming))
    assert best.cost.waits == {"GLB": ("psum",)}
    assert 2 * held[0] + held[1] <= 8 * 8192 < 2 * (held[0] + held[1])
    assert evaluate(chip, layer, streaming.mapping).cycles > best.cost.cycles
    assert held != wanted


def test_a_box_of_capacities_is_bounded_below_all_its_designs() -> None:
    corners = [buffered("room", kib) for kib in (4, 16)]
    bound = bound_flat(corners, SMALL, 1.0, "all")
    for kib in (4, 6, 8, 12, 16):
        for objective in ("energy", "latency"):
            cost = map_layer(buffered("room", kib), SMALL, objective).cost
            assert bound.energy_pj <= cost.energy_pj
            assert bound.cycles <= cost.cycles


def test_a_proof_in_a_file_is_refused() -> None:
    with pytest.raises(DseError, match="a proof in a file says nothing of levels with `buffering: room`"):
        prove(buffered("room"), SMALL)


def test_both_searches_agree_on_the_chip() -> None:
    from dse.mapper.deep.solve import solve_deep
    from dse.mapper.layer import OBJECTIVES

    chip = buffered("room", 8)
    assert shape_of(chip) in SHAPES
    for objective in ("energy", "latency", "edp"):
        flat = solve(chip, SMALL, objective, 0.0, "all").values
        deep = solve_deep(chip, SMALL, OBJECTIVES[objective], 0.0, "all", 64).values
        assert answer(flat, objective) == pytest.approx(answer(deep, objective), rel=EQUAL, abs=0)
