"""The closed form equals the literal walk: every level, operand and direction, every fan-out, on 1,200 random cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import accumulate
from operator import mul

import pytest
from hypothesis import given, settings
from model.cases import (
    KINDS,
    Case,
    case_of_clusters,
    case_of_many_fan_outs,
    cases,
    kinds,
    random_case,
    widest_crossing,
)  # fmt: skip
from thinned import thinned

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.model.accesses import Accesses
from dse.model.counting.counts import count, count_mapping
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.model.reuse import achieved, reuse_of
from dse.model.simulator.walk import simulate
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

CHUNK = 100
CHUNKS = 12
SEEDS = range(CHUNKS * CHUNK)
MANY = range(400)


def differences(ours: Accesses, theirs: Accesses) -> list[str]:
    """Every count that differs, by name; empty when none does."""
    found = [
        f"{name} {operand}: closed form {a}, simulator {b}"
        for left, right in ((ours.levels, theirs.levels), (ours.fan_outs, theirs.fan_outs))
        for name in left.keys() | right.keys()
        for operand in ("ifmap", "weight", "psum")
        if (a := left[name][operand]) != (b := right[name][operand])
    ]
    found += [
        f"{name} finished: closed form {ours.finished[name]}, simulator {theirs.finished[name]}"
        for name in ours.levels
        if ours.finished[name] != theirs.finished[name]
    ]
    for what in ("steps", "macs"):
        if getattr(ours, what) != getattr(theirs, what):
            found.append(f"{what}: closed form {getattr(ours, what)}, simulator {getattr(theirs, what)}")
    return found


@cache
def closed_form(seed: int) -> Accesses:
    case = random_case(seed)
    return count(case.layer, case.architecture, case.mapping)


@pytest.mark.parametrize("chunk", thinned(range(CHUNKS), 4))
def test_closed_form_equals_the_simulator(chunk: int) -> None:
    for seed in SEEDS[chunk * CHUNK : (chunk + 1) * CHUNK]:
        case = random_case(seed)
        walked = simulate(case.layer, case.architecture, case.mapping)
        assert not differences(closed_form(seed), walked), f"random_case({seed}) = {case}"


@settings(max_examples=40, deadline=None)
@given(cases())
def test_closed_form_equals_the_simulator_on_fresh_cases(case: Case) -> None:
    ours = count(case.layer, case.architecture, case.mapping)
    assert not differences(ours, simulate(case.layer, case.architecture, case.mapping))


@pytest.mark.parametrize("chunk", thinned(range(4), 4))
def test_closed_form_equals_the_simulator_over_three_and_four_fan_outs(chunk: int) -> None:
    for seed in MANY[chunk * CHUNK : (chunk + 1) * CHUNK]:
        case = case_of_many_fan_outs(seed)
        ours = count(case.layer, case.architecture, case.mapping)
        walked = simulate(case.layer, case.architecture, case.mapping)
        assert not differences(ours, walked), f"case_of_many_fan_outs({seed}) = {case}"


@pytest.mark.parametrize("chunk", thinned(range(4), 4))
def test_closed_form_equals_the_simulator_where_fan_outs_follow_fan_outs(chunk: int) -> None:
    for seed in MANY[chunk * CHUNK : (chunk + 1) * CHUNK]:
        case = case_of_clusters(seed)
        ours = count(case.layer, case.architecture, case.mapping)
        walked = simulate(case.layer, case.architecture, case.mapping)
        assert not differences(ours, walked), f"case_of_clusters({seed}) = {case}"


@pytest.mark.parametrize("draw", [case_of_many_fan_outs, case_of_clusters])
def test_the_cases_of_many_fan_outs_cross_many_at_once(draw: Callable[[int], Case]) -> None:
    crossed = Counter(widest_crossing(draw(seed)) for seed in MANY)
    assert crossed[3] >= 0.15 * len(MANY)
    assert crossed[4] >= 0.02 * len(MANY)


@pytest.mark.parametrize("draw", [case_of_many_fan_outs, case_of_clusters])
def test_reuse_over_many_fan_outs_multiplies_to_what_is_achieved(draw: Callable[[int], Case]) -> None:
    for seed in MANY:
        case = draw(seed)
        counted = count_mapping(case.layer, case.architecture, case.mapping)
        reuses = reuse_of(case.layer, case.architecture, counted)
        outermost = counted.words.levels[0].tolist()
        for o, operand in enumerate(OPERANDS):
            traffic = outermost[o][1 if operand == "psum" else 0]
            assert achieved(reuses, operand) == Fraction(case.layer.macs, traffic), f"{seed} {operand}"


def test_a_word_that_crosses_three_fan_outs_is_counted_at_each() -> None:
    """Over K, N and P, without multicast: each of the 8 MACs is sent its own copy of the weight."""
    layer = Layer("l", K=2, N=2, P=2)
    kept = frozenset({"ifmap"})
    modes = {"A": "none", "B": "word", "C": "word"}
    fan_outs = [FanOut(name, 2, 1, multicast=how, reduces=False) for name, how in modes.items()]
    nodes = [Level("DRAM", frozenset(OPERANDS)), fan_outs[0], Level("L1", kept), fan_outs[1], Level("L2", kept)]
    architecture = Architecture("three", (*nodes, fan_outs[2]), Mac(1.0), 1e9)
    mapping = Mapping((
        Temporal("DRAM", (), frozenset(OPERANDS)), Spatial("A", (Loop("K", 2),), ()),
        Temporal("L1", (), kept), Spatial("B", (Loop("N", 2),), ()),
        Temporal("L2", (), kept), Spatial("C", (Loop("P", 2),), ()),
    ))  # fmt: skip
    ours = count(layer, architecture, mapping)
    assert [ours.fan_outs[name]["weight"].delivered for name in "ABC"] == [8, 8, 8]
    assert not differences(ours, simulate(layer, architecture, mapping))


def test_the_cases_exercise_everything() -> None:
    share = Counter(kind for seed in SEEDS for kind in kinds(random_case(seed)))
    # The last kind is one that the rules say nothing special about, and that random loops hardly ever form.
    least = dict.fromkeys(KINDS, 0.15) | {"neighbours across an unrolled fan-out": 0.05}
    assert {kind: share[kind] / len(SEEDS) for kind in KINDS if share[kind] / len(SEEDS) < least[kind]} == {}


def without_the_last_tile(case: Case) -> Accesses:
    """Walk the layer cut down to whole tiles, as a model does that divides bounds and rounds down."""
    whole = {}
    for dim, bound in zip(DIMS, case.layer.bounds, strict=True):
        steps = list(accumulate((x.trips for x in case.mapping.loops[::-1] if x.dim == dim), mul, initial=1))
        largest = max(step for step in steps if step <= bound)
        whole[dim] = bound // largest * largest
    return simulate(case.layer.with_(**whole), case.architecture, case.mapping)


def with_p_and_r_swapped(case: Case) -> Accesses:
    """Walk the mapping with each P loop taken for an R loop and the other way round, and the bounds with them."""

    def swap(loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
        return tuple(replace(x, dim={"P": "R", "R": "P"}.get(x.dim, x.dim)) for x in loops)

    nodes: Iterator[Temporal | Spatial] = (
        replace(node, loops=swap(node.loops))
        if isinstance(node, Temporal)
        else replace(node, rows=swap(node.rows), cols=swap(node.cols))
        for node in case.mapping.nodes
    )
    layer = case.layer.with_(P=case.layer.R, R=case.layer.P)
    return simulate(layer, case.architecture, Mapping(tuple(nodes)))


def without_slides(case: Case) -> Accesses:
    return simulate(case.layer, case.architecture, case.mapping, _slide=False)


@pytest.mark.parametrize(
    ("mutant", "kind", "share"),
    [
        (without_the_last_tile, "ragged", 1.0),
        (with_p_and_r_swapped, "P and R both temporal", 0.95),
        (without_slides, None, 0.15),
    ],
)
def test_a_mutated_simulator_disagrees(mutant: Callable[[Case], Accesses], kind: str | None, share: float) -> None:
    """At least this share of the first 100 cases of a kind notices the mutation."""
    seeds = [seed for seed in SEEDS if kind is None or kind in kinds(random_case(seed))][:100]
    noticed = [seed for seed in seeds if differences(closed_form(seed), mutant(random_case(seed)))]
    assert len(noticed) >= share * len(seeds)
