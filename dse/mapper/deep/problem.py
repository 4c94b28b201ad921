"""A mapping problem on any hierarchy in numbers, for the deep search (`dse.mapper.deep.search`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil, inf
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.model.counts import RELEVANCE, Structure, window_of
from dse.model.price import Prices, capacities
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

Array = Any

PSUM = OPERANDS.index("psum")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a dataflow's rules apply, as indices of levels (not nodes); -1 for a place that does not exist.

    Parameters
    ----------
    levels : tuple of int
        Node of every list: a level, or a fan-out right below another one, between which stands a list without loops
        that keeps nothing.
    fans : tuple of int
        Node of the fan-out right below every list, -1 for none.
    near : int
        Level whose list `stationary` and `innermost` speak of: right above the outermost fan-out.
    array : int
        Level right above the outermost fan-out, -1 without fan-outs.
    pe : int
        Level whose list and tile `inside` and `inside_whole` speak of: the innermost, when it lies inside the array.
    last : int
        The innermost level.
    """

    levels: tuple[int, ...]
    fans: tuple[int, ...]
    near: int
    array: int
    pe: int
    last: int

    @classmethod
    def of(cls, architecture: Architecture) -> Places:
        """Without a fan-out, the innermost of three levels or more counts as inside a PE."""
        nodes = architecture.hierarchy
        is_fan_out = [isinstance(node, FanOut) for node in nodes]
        levels = tuple(i for i in range(len(nodes)) if not is_fan_out[i] or is_fan_out[i - 1])
        fans = tuple(i if is_fan_out[i] else i + 1 if i + 1 < len(nodes) and is_fan_out[i + 1] else -1 for i in levels)
        last = max(k for k, i in enumerate(levels) if not is_fan_out[i])
        outermost = next((k for k, fan in enumerate(fans) if fan >= 0), -1)
        if outermost >= 0:
            return cls(levels, fans, outermost, outermost, last if last > outermost else -1, last)
        return cls(levels, fans, last - 1 if last > 1 else last, -1, last if last > 1 else -1, last)


class Deep(NamedTuple):
    """Numbers of one problem and one choice of bypasses; energies in pJ and times in cycles per element.

    The k lists are those of `Places`: a level's, or one without loops between two fan-outs, here called a level, too.
    """

    bounds: Array  # (8,)
    window: Array  # (4,)
    bits: Array  # (3,)
    words: Array  # (3,) touched words of each operand
    macs: float
    nodes: Array  # (k,) node of each level
    fans: Array  # (k,) node of the fan-out below each level, -1 for none
    sides: Array  # (k, 2) rows and columns of that fan-out
    on_side: Array  # (k, 2, 8) 1 where a dim may be unrolled there
    folds_wanted: Array  # (k, 2, 8) folds that the side alone must leave, 0 for no such rule
    in_list: Array  # (k, 8) 1 where a dim may have trips in the list of a level
    whole: Array  # (k, 8) 1 where the tile of a level must hold the whole bound
    near: int
    last: int  # the innermost level: the order of its list changes nothing
    stationary: int
    innermost: int
    perfect: bool
    capacity: Array  # (k + 1, 4)
    kept: Array  # (k + 1, 3) what each level keeps; the MACs keep everything
    keeps: Array  # (nodes, 3)
    is_fan_out: Array
    multicast: Array
    reduces: Array
    relevance: Array
    access_pj: Array
    fan_pj: Array
    spared_pj: float
    mac_pj: float  # all MACs
    static_pj: float
    buffering: Array
    port_node: Array
    port_cost: Array
    folds: Array
    visits_pay: bool  # more visits of psums may cost less: see `dse.mapper.deep.terms.visits_pay`


def bypass_choices(architecture: Architecture) -> list[dict[int, frozenset[str]]]:
    """For every choice of bypasses, the operands that each level keeps, by node."""
    options: list[list[tuple[int, frozenset[str]]]] = []
    for index, level in enumerate(architecture.hierarchy):
        if isinstance(level, Level):
            optional = sorted(level.may_bypass)
            options.append([
                (index, level.stores - {o for o, drop in zip(optional, drops, strict=True) if drop})
                for drops in product((False, True), repeat=len(optional))
            ])  # fmt: skip
    return [dict(choice) for choice in product(*options)]


def build(
    architecture: Architecture, layer: Layer, kept: dict[int, frozenset[str]], prices: Prices, factors: str
) -> Deep:
    """Gather one problem's numbers."""
    places, structure = Places.of(architecture), Structure.of(architecture)
    nodes, k = len(architecture.hierarchy), len(places.levels)
    keeps = np.zeros((nodes, 3), dtype=np.int64)
    for node, operands in kept.items():
        keeps[node] = [int(o in operands) for o in OPERANDS]
    capacity = np.full((k + 1, 4), inf)
    capacity[1:k] = capacities(architecture)[list(places.levels)][1:]
    flow = architecture.dataflow
    words = [layer.touched_words("ifmap"), layer.weight_words, layer.psum_words]
    return Deep(
        bounds=np.array(layer.bounds, dtype=np.int64),
        window=window_of(layer),
        bits=np.array(list(layer.bits), dtype=np.int64),
        words=np.array(words, dtype=np.float64),
        macs=float(layer.macs),
        nodes=np.array(places.levels, dtype=np.int64),
        fans=np.array(places.fans, dtype=np.int64),
        near=places.near,
        last=places.last,
        stationary=-1 if flow.stationary is None else OPERANDS.index(flow.stationary),
        innermost=-1 if flow.innermost is None else DIMS.index(flow.innermost),
        perfect=factors == "perfect",
        capacity=capacity,
        kept=np.vstack([keeps[list(places.levels)], np.ones((1, 3), dtype=np.int64)]),
        keeps=keeps,
        is_fan_out=structure.is_fan_out,
        multicast=structure.multicast,
        reduces=structure.reduces,
        relevance=RELEVANCE,
        access_pj=prices.access_pj,
        fan_pj=prices.fan_pj,
        spared_pj=float(prices.spared_pj),
        mac_pj=float(prices.mac_pj * layer.macs),
        static_pj=float(prices.static_pj),
        buffering=prices.buffering,
        port_node=prices.port_node,
        port_cost=prices.port_cost,
        folds=structure.folds,
        visits_pay=False,
        **_rules(architecture, layer, places, factors == "perfect"),
    )


def _rules(architecture: Architecture, layer: Layer, places: Places, perfect: bool) -> dict[str, Array]:
    """What the dataflow and the fan-outs allow, by level and dim."""
    flow, k = architecture.dataflow, len(places.levels)
    sides = np.ones((k, 2), dtype=np.int64)
    on_side, wanted = np.zeros((k, 2, 8), dtype=np.int64), np.zeros((k, 2, 8), dtype=np.int64)
    in_list, whole = np.ones((k, 8), dtype=np.int64), np.zeros((k, 8), dtype=np.int64)
    for i, node in enumerate(places.fans):
        if node < 0:
            continue
        fan = architecture.hierarchy[node]
        assert isinstance(fan, FanOut)
        sides[i] = fan.rows, fan.cols
        is_array = i == places.array
        for side, allowed, must in ((0, flow.rows, flow.rows_whole), (1, flow.cols, flow.cols_whole)):
            for d, dim in enumerate(DIMS):
                on_side[i, side, d] = int(dim in fan.dims and (not is_array or dim in allowed))
                if is_array and dim in must:
                    wanted[i, side, d] = _folds(layer.bounds[d], int(sides[i, side]), perfect)
    # A G loop is reuse of nothing: it takes room and saves no access anywhere but outermost; inside a fan-out with
    # folds it may save some of those.
    folds = Structure.of(architecture).folds
    for i in range(1, k):
        in_list[i, 0] = int(bool(folds[: places.levels[i]].any()))
        if isinstance(architecture.hierarchy[places.levels[i]], FanOut):
            in_list[i] = 0
    if places.pe >= 0:
        saves = in_list[places.pe, 0]
        in_list[places.pe] = [int(dim in flow.inside | flow.inside_whole) for dim in DIMS]
        in_list[places.pe, 0] = int("G" in flow.inside_whole or ("G" in flow.inside and saves))
        whole[: places.pe + 1] = [int(dim in flow.inside_whole) for dim in DIMS]
    return {"sides": sides, "on_side": on_side, "folds_wanted": wanted, "in_list": in_list, "whole": whole}


def _folds(bound: int, side: int, perfect: bool) -> int:
    if not perfect:
        return ceil(bound / min(bound, side))
    return min(bound // factor for factor in range(1, side + 1) if bound % factor == 0)
