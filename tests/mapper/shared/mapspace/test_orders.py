"""The few orders of a list that the mapper prices are as good as all of its permutations."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from math import prod
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import RELEVANCE, Places, Split, price_record, walk_all
from mapper.walks.fronts import front_of, significant
from mapper.walks.mapper_cases import draw_architecture, draw_dataflow, unlimited
from mapper.walks.walk_mappings import RECORD
from thinned import thinned

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.mapper.shared.mapspace.orders import group_dims, list_orders
from dse.problem.dims import DIMS, OPERANDS, RELEVANT
from dse.problem.layer import Layer

LONGEST = 4
"""Loops of a list, so that there are at most 24 x 24 orders."""
NESTS = 400


def draw_nest(rng: Random) -> tuple[Architecture, Layer, list[Split]]:
    """An accelerator without capacities, a layer, and one split of every dim, whatever it wastes."""
    two_lists = rng.random() < 0.85
    near = rng.sample(DIMS, rng.randint(1, LONGEST))
    far = rng.sample(DIMS, rng.randint(1, LONGEST)) if two_lists else []
    shape = rng.choice(("LLFL", "LLFL", "LLF", "LLL", "LL") if two_lists else ("LFL", "LF"))
    splits = []
    for dim in DIMS:
        f = rng.choice((1, 1, 2)) if shape[-1] == "L" and len(shape) > 2 else 1
        s = rng.choice((1, 1, 2)) if "F" in shape else 1
        splits.append((f, s, 1, rng.randint(2, 3) if dim in near else 1, rng.randint(2, 3) if dim in far else 1))
    bounds = {}
    for dim, split in zip(DIMS, splits, strict=True):
        covered = prod(split)
        bounds[dim] = rng.randint(max(1, covered - 2), covered) if rng.random() < 0.4 else covered
    sides = [(what, side, most) for what, most in (("stride", 3), ("dilation", 2)) for side in "hw"]
    layer = Layer("nest", **bounds, **{f"{what}_{side}": rng.randint(1, most) for what, side, most in sides})
    architecture = unlimited(draw_architecture(rng, layer, draw_dataflow(rng), shape))
    rows = prod(split[1] for split in splits)
    hierarchy = (replace(x, rows=rows, cols=1) if isinstance(x, FanOut) else x for x in architecture.hierarchy)
    return architecture.with_(hierarchy=tuple(hierarchy)), layer, splits


def listed_front(architecture: Architecture, layer: Layer, splits: list[Split], masks: int) -> Any:
    """The front of the orders that `list_orders` gives, under every choice of bypasses."""
    f, sy, sx, m, n = np.array(splits).T
    flow, places = architecture.dataflow, Places.of(architecture)
    stationary = -1 if flow.stationary is None else OPERANDS.index(flow.stationary)
    innermost = -1 if flow.innermost is None else DIMS.index(flow.innermost)
    points = []
    for near in orders_of(m, stationary, innermost):
        for far in orders_of(n, -1, -1) if places.near > 0 else [()]:
            record = np.full(RECORD, -1, dtype=np.int64)
            record[:40] = np.concatenate((f, sy, sx, m, n))
            record[40 : 40 + len(near)] = near
            record[48 : 48 + len(far)] = far
            for mask in range(masks):
                record[56] = mask
                points.append(price_record(architecture, layer, record))
    return front_of(points)


def orders_of(trips: Any, stationary: int, innermost: int) -> list[tuple[int, ...]]:
    """Orders, outermost loop first, loops of one trip left out."""
    out, kinds = np.zeros((24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64)
    count = list_orders(trips, stationary, innermost, out, kinds)
    return [tuple(int(d) for d in order[::-1] if trips[d] > 1) for order in out[:count]]


@pytest.mark.parametrize("seed", thinned(range(8), 4))
def test_listed_orders_hold_the_front_of_all(seed: int) -> None:
    rng = Random(f"orders {seed}")
    compared = 0
    while compared < NESTS // 8:
        architecture, layer, splits = draw_nest(rng)
        every = walk_all(architecture, layer, splits=[[split] for split in splits])
        masks = 2 ** sum(len(level.may_bypass) for level in architecture.levels)
        few = listed_front(architecture, layer, splits, masks)
        if every.mappings == 0:
            assert len(few) == 0
            continue
        best, found = significant(every.front), significant(few)
        assert found.shape == best.shape, (architecture, layer, splits)
        assert found == pytest.approx(best, rel=1e-9, abs=0), (architecture, layer, splits)
        compared += 1


@pytest.mark.parametrize("stationary", [-1, 0, 1, 2])
@pytest.mark.parametrize("innermost", [-1, *range(1, 8)])
def test_listed_orders_keep_the_rules(stationary: int, innermost: int) -> None:
    """For every set of loops: each order listed obeys, and some order is listed exactly when one of all obeys."""
    for loops in range(2**7):
        trips = np.array([1, *(1 + (loops >> bit & 1) for bit in range(7))])
        turning = [d for d in range(1, 8) if trips[d] > 1]
        listed = orders_of(trips, stationary, innermost)
        assert all(sorted(order) == turning and obeys(order, stationary, innermost) for order in listed)
        if len(turning) <= LONGEST:
            assert bool(listed) == any(obeys(order, stationary, innermost) for order in permutations(turning))


def obeys(order: tuple[int, ...], stationary: int, innermost: int) -> bool:
    if innermost in order[:-1]:
        return False
    if stationary < 0:
        return True
    relevant = [bool(RELEVANCE[stationary, d]) for d in order]
    return relevant == sorted(relevant, reverse=True)


def test_each_dim_but_groups_is_irrelevant_to_one_operand() -> None:
    irrelevant = {o: {d for d in DIMS if d not in RELEVANT[o]} for o in OPERANDS}
    assert sorted(d for dims in irrelevant.values() for d in dims) == sorted(set(DIMS) - {"G"})
    assert [{DIMS[d] for d in group_dims(o) if d >= 0} for o in range(3)] == list(irrelevant.values())
