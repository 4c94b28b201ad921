"""Spaces in which psums come back from the outermost level: some list repeats them, whatever is laid down."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import product
from random import Random

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import EQUAL, operand_alone, some_mapping, sums
from mapper.walks.whole import price_whole
from thinned import parts, thinned

from dse import Layer, load_architecture
from dse.architecture.hierarchy import Level
from dse.errors import DseError
from dse.mapper.deep.bounds.best import MARGIN, Best
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.lists import NO_TRIPS, ListChoice, kinds, nothing_of
from dse.mapper.deep.tree.best_first import run_to_end, seek
from dse.mapper.deep.tree.walks import price
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C

KINDS = {choice.kind: choice for choice in kinds()}


@lru_cache(maxsize=64)
def drawn(seed: int) -> list[list[Space]]:
    """Spaces in which psums come back, of a small layer on a shipped machine with small buffers, by what levels keep.

    There are several where a fan-out adds up psums: with sums of C spread over it, and without.
    """
    rng = Random(f"returning {seed}")
    architecture = load_architecture(rng.choice(("edge_npu", "simba_pe", "nvdla_small", "gemmini")))
    nodes = [
        replace(node, partition_bits=None, capacity_bits=rng.choice((64, 128, 256, 4096)))
        if isinstance(node, Level) and i else node
        for i, node in enumerate(architecture.hierarchy)
    ]
    small = replace(architecture, hierarchy=tuple(nodes))
    dims = {"C": rng.choice((3, 4, 6)), "K": rng.choice((2, 3, 4))}
    dims |= {dim: rng.choice((2, 3)) for dim in rng.sample("NPRS", 1 + rng.randrange(2))}
    layer = small.lowered(Layer("l", **dims)).stating({"psum": 32, "ofmap": 8})
    try:
        every = [space for space in spaces_of(small, layer, "all")[1] if space.problem.returns]
    except DseError:
        return []
    return [[one for one in every if one.mask == mask] for mask in sorted({one.mask for one in every})]


def nothing_known(space: Space, kind: int) -> Best:
    return Best.knowing_nothing(kind, space.problem)


def of_any(space: Space) -> Space:
    """A space with all splits, and with nothing known of what repeats psums."""
    rows = tuple(np.arange(len(axis)) for axis in space.axes)
    return replace(space, rows=rows, words=space.words.of(False), known={}, kins={}, next_lists={}, told={}, held={})


@pytest.mark.parametrize("seeds", thinned(parts(60, 10), 6))
def test_the_best_mapping_is_that_of_a_full_walk(seeds: range) -> None:
    """Every mapping of some spaces is priced, with all orders; the search of them alone ends with the best."""
    found = 0
    for seed, kind in product(seeds, (ENERGY, LATENCY, EDP)):
        for spaces in drawn(seed):
            whole, walked, best = of_any(spaces[0]), nothing_known(spaces[0], kind), nothing_known(spaces[0], kind)
            every = np.array(list(product(*map(range, map(len, whole.axes)))))
            assert len(every) < 200_000
            price(whole, every, nothing_of(whole.problem), walked)
            run_to_end(seek(spaces, [], best))
            assert best.held == walked.held
            if walked.held:
                assert best.target() == pytest.approx(walked.target(), abs=EQUAL)
                roots = [root_of(space, nothing_known(space, kind)) for space in spaces]
                assert min(root.bound for root in roots if root is not None) <= walked.target() + MARGIN
                found += 1
    assert found


@pytest.mark.parametrize("seeds", thinned(parts(60, 10), 6))
def test_no_mapping_costs_less_than_its_terms(seeds: range) -> None:
    """Nor is a split of one left out, or what its orders are said to be called impossible, whatever is laid down."""
    checked, point = 0, np.zeros(3)
    for seed in seeds:
        rng = Random(seed)
        for spaces in drawn(seed):
            for rows, split, choices in filter(None, (some_mapping(of_any(spaces[0]), rng) for _ in range(200))):
                if not price_whole(spaces[0].problem, split, workspace(spaces[0].problem), point):
                    continue
                (space,) = (one for one in spaces if one.holds(rows))
                for _ in range(4):
                    laid = [rng.choice((choice, None, operand_alone(choice))) for choice in choices]
                    assert space.words.is_possible(tuple(laid))
                    if (sums(space, rows, choices)[2] <= 1 + EQUAL).all():
                        low = np.array(sums(space, rows, laid)[:2])
                        assert (low <= point[:2] * (1 + EQUAL)).all(), (seed, rows, laid)
                        checked += 1
    assert checked > 10


def test_the_outermost_list_repeats_psums_while_it_is_open() -> None:
    edge = load_architecture("edge_npu")
    layer = edge.lowered(Layer("l", K=16, C=24, P=7)).stating({"psum": 32, "ofmap": 8})
    every = spaces_of(edge, layer, "all")[1]
    (space, *_), (other, *_) = ([one for one in every if one.problem.returns == comes] for comes in (True, False))
    psums = [k for k, one in enumerate(space.crossings) if one.operand == PSUM]
    assert [space.words.run(k, (None, None))[0] for k in psums] == [1, 1, 3]
    assert [other.words.run(k, (None, None))[0] for k in psums] == [0, 0, 3]
    assert space.words.run(psums[1], (None, KINDS[WEIGHT]))[0] == 2
    assert space.words.of(False) is other.words
    assert other.words.of(True) is space.words
    weights = next(k for k, one in enumerate(space.crossings) if one.operand == WEIGHT)
    assert space.words.run(weights, (None, None)) == other.words.run(weights, (None, None))
    # Without trips of C in DRAM's list no psum comes back: R and S are one.
    assert (space.axes[C].trips(0, 0)[space.rows[C]] > 1).all()
    assert len(space.rows[C]) + (space.axes[C].trips(0, 0) == 1).sum() == len(space.axes[C])


@pytest.mark.parametrize(
    ("name", "choices", "possible"),
    [
        ("edge_npu", (None, None), True),
        ("edge_npu", (KINDS[PSUM], None), False),  # all its loops over C are inside those that move psums
        ("edge_npu", (ListChoice(NO_TRIPS), None), False),
        ("edge_npu", (KINDS[IFMAP], KINDS[PSUM]), True),
        ("nvdla_small", (KINDS[PSUM], ListChoice(NO_TRIPS)), False),  # psums pass by CBUF
        ("nvdla_small", (KINDS[PSUM], KINDS[PSUM]), True),  # CBUF's list may move them inside DRAM's loop over C
        ("nvdla_small", (KINDS[PSUM], ListChoice(PSUM, passing=True)), False),  # but not without such loops
        ("nvdla_small", (ListChoice(NO_TRIPS), KINDS[WEIGHT]), True),
    ],
)
def test_some_list_outside_the_first_level_that_keeps_psums_moves_them(
    name: str, choices: tuple[ListChoice | None, ...], possible: bool
) -> None:
    chip = load_architecture(name)
    layer = chip.lowered(Layer("l", K=16, C=24, P=7)).stating({"psum": 32, "ofmap": 8})
    returning, others = ([one for one in spaces_of(chip, layer, "all")[1] if one.problem.returns == comes]
                         for comes in (True, False))  # fmt: skip
    choices = (*choices, *(None,) * (returning[0].problem.last - len(choices)))
    assert {one.words.is_possible(choices) for one in returning} == {possible}
    assert all(one.words.is_possible(choices) for one in others)
