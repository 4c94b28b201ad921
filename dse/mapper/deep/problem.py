"""A mapping problem on any hierarchy in numbers, for the deep search (`dse.mapper.deep.solve`)."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.remembered import Remembered
from dse.mapper.shared.compilation.arguments import lasting
from dse.mapper.shared.mapspace.factors import whole_factor
from dse.mapper.shared.mapspace.places import Places
from dse.model.counting.counts import RELEVANCE, Structure, window_of
from dse.model.counting.kernel import Floats, Ints
from dse.model.counting.records import READ, WRITE
from dse.model.price import Prices, capacities
from dse.problem.dims import DIMS, OPERANDS, PSUM
from dse.problem.layer import Layer


@lasting
class Deep(NamedTuple):
    """Numbers of one problem and one choice of bypasses; energies in pJ and times in cycles per element.

    The k lists are those of `Places`: a level's, or one without loops between two fan-outs, here called a level, too.
    """

    bounds: Ints  # (8,)
    window: Ints  # (4,)
    bits: Ints  # (k, 3) of an element in each level, twice where two tiles of the operand are there
    narrowest: Ints  # (k, 3) the same at least, in any space of the layer: 0 where an operand may not be kept
    only_finished: Ints  # (k,) 1 where no unfinished psum may come to a level
    may_finish: Ints  # (k,) 1 where that is so in this or a kindred problem
    never_finished: Ints  # (k,) 1 where no psum comes to a level finished, as a sum is spread over its instances
    returns: bool  # whether psums come to the outermost level unfinished, and so at least twice each
    words: Floats  # (3,) touched words of each operand
    macs: float
    nodes: Ints  # (k,) node of each level
    fans: Ints  # (k,) node of the fan-out below each level, -1 for none
    sides: Ints  # (k, 2) rows and columns of that fan-out
    on_side: Ints  # (k, 2, 8) 1 where a dim may be unrolled there
    folds_wanted: Ints  # (k, 2, 8) folds that the side alone must leave, 0 for no such rule
    in_list: Ints  # (k, 8) 1 where a dim may have trips in the list of a level
    whole: Ints  # (k, 8) 1 where the tile of a level must hold the whole bound
    near: int
    last: int  # the innermost level: the order of its list changes nothing
    stationary: int
    innermost: int
    perfect: bool
    loose: bool  # whether splits need not be tight
    capacity: Floats  # (k + 1, 4)
    kept: Ints  # (k + 1, 3) what each level keeps; the MACs keep everything
    keeps: Ints  # (nodes, 3)
    is_fan_out: Ints
    multicast: Ints
    reduces: Ints
    relevance: Ints
    access_pj: Floats
    saved_pj: Floats
    fan_pj: Floats
    spared_pj: float
    mac_pj: float  # all MACs
    static_pj: float
    buffering: Ints
    port_node: Ints
    port_cost: Floats
    port_saved: Floats
    port_joins: Ints
    folds: Floats
    visits_pay: bool  # more visits of psums may cost less: see `dse.mapper.deep.bounds.sums.terms.visits_pay`


def build(
    architecture: Architecture, layer: Layer, kept: dict[int, frozenset[str]], prices: Prices, factors: str, *,
    returns: bool = False,
) -> Deep:  # fmt: skip
    """Gather one problem's numbers.

    Parameters
    ----------
    returns : bool
        Only mappings in which psums come to the outermost level unfinished.
    """
    places, structure = Places.of(architecture), Structure.of(architecture)
    nodes, k = len(architecture.hierarchy), len(places.levels)
    keeps = np.zeros((nodes, 3), dtype=np.int64)
    for node, operands in kept.items():
        keeps[node] = [int(o in operands) for o in OPERANDS]
    flow = architecture.dataflow
    words = [layer.touched_words("ifmap"), layer.weight_words, layer.psum_words]
    return Deep(
        bounds=np.array(layer.bounds, dtype=np.int64),
        window=window_of(layer),
        bits=_widths(architecture, layer, places, frozenset()),
        narrowest=_least_widths(architecture, layer, places),
        only_finished=np.zeros(k, dtype=np.int64),
        may_finish=np.zeros(k, dtype=np.int64),
        never_finished=np.zeros(len(places.levels), dtype=np.int64),
        returns=returns,
        words=np.array(words, dtype=np.float64),
        macs=float(layer.macs),
        nodes=np.array(places.levels, dtype=np.int64),
        fans=np.array(places.fans, dtype=np.int64),
        near=places.near,
        last=places.last,
        stationary=-1 if flow.stationary is None else OPERANDS.index(flow.stationary),
        innermost=-1 if flow.innermost is None else DIMS.index(flow.innermost),
        perfect=factors == "perfect",
        loose=factors == "any",
        capacity=sized(architecture, layer),
        kept=np.vstack([keeps[list(places.levels)], np.ones((1, 3), dtype=np.int64)]),
        keeps=keeps,
        is_fan_out=structure.is_fan_out,
        multicast=structure.multicast,
        reduces=structure.reduces,
        relevance=RELEVANCE,
        folds=structure.folds,
        visits_pay=False,
        **priced(prices, layer),
        **_rules(architecture, layer, places, factors),
    )


def sized(architecture: Architecture, layer: Layer) -> Floats:
    """(k + 1, 4) the capacity of each level, per operand and shared; the outermost and the MACs have no limits here."""
    levels = list(Places.of(architecture).levels)
    capacity = np.full((len(levels) + 1, 4), inf)
    capacity[1:-1] = capacities(architecture)[levels][1:] * layer.grain
    return capacity


def priced(prices: Prices, layer: Layer) -> dict[str, Any]:
    """What of a problem is a price, or says of ports which there are."""
    return {
        "access_pj": prices.access_pj, "saved_pj": prices.saved_pj, "fan_pj": prices.fan_pj,
        "spared_pj": float(prices.spared_pj), "mac_pj": float(prices.mac_pj * layer.macs),
        "static_pj": float(prices.static_pj), "buffering": prices.buffering, "port_node": prices.port_node,
        "port_cost": prices.port_cost, "port_saved": prices.port_saved, "port_joins": prices.port_joins,
    }  # fmt: skip


_BITS: Remembered[tuple[Ints, Ints]] = Remembered(256)
"""What `_widths` has of a machine and a layer where no psums are finished, and where all are."""


def _widths(architecture: Architecture, layer: Layer, places: Places, only_finished: frozenset[int]) -> Ints:
    """(k, 3) bits of an element in each level, times `Layer.grain`, as the capacities are here.

    Twice the bits where two tiles of an operand share the capacity.
    """
    unfinished, finished = _BITS.of(architecture, layer, lambda: _bits_of(architecture, layer, places))
    mine = np.array([node in only_finished for node in places.levels])
    return np.where(mine[:, None], finished, unfinished)


def _bits_of(architecture: Architecture, layer: Layer, places: Places) -> tuple[Ints, Ints]:
    held = [int(width * layer.grain) for width in layer.held_bits]
    once = [*held[:PSUM], int(layer.finished_bits * layer.grain)]
    tiles = np.ones((len(places.levels), 3), dtype=np.int64)
    for i, node in enumerate(places.levels):
        level = architecture.hierarchy[node]
        if isinstance(level, Level):
            tiles[i] = [level.tiles_of(operand) for operand in OPERANDS]
    # Sums of one product are finished at once.
    return tiles * np.array(once if layer.macs == layer.psum_words else held), tiles * np.array(once)


def _least_widths(architecture: Architecture, layer: Layer, places: Places) -> Ints:
    """(k, 3) the fewest bits that elements take in each level, whatever it keeps and wherever psums are finished."""
    least = np.minimum(*(_widths(architecture, layer, places, frozenset(some)) for some in ((), places.levels)))
    for i, node in enumerate(places.levels):
        level = architecture.hierarchy[node]
        always = level.stores - level.may_bypass if isinstance(level, Level) else frozenset()
        least[i] *= [int(operand in always) for operand in OPERANDS]
    return least


def rooms_for_finished(
    architecture: Architecture, layer: Layer, kept: dict[int, frozenset[str]]
) -> Iterator[frozenset[int]]:
    """Sets of levels to which no unfinished psum may come, fewest levels first; none where all have one width.

    What comes to a level finished comes finished to all outside it. So levels are added from the outermost inwards,
    after the outermost itself those in which larger tiles fit then.
    """
    if not layer.finishes_narrower:
        return
    table, chosen = capacities(architecture), frozenset({0})
    yield chosen
    for node in sorted(kept):
        if node > 0 and "psum" in kept[node] and min(table[node, PSUM], table[node, 3]) < inf:
            chosen |= {node}
            yield chosen


def finishing(
    problem: Deep, architecture: Architecture, layer: Layer, nodes: frozenset[int], may_finish: frozenset[int]
) -> Deep:
    """The same problem with only finished psums in some levels, and without any in the outermost that is not.

    Parameters
    ----------
    nodes : frozenset of int
        Of levels to which no unfinished psum may come, so that they need room for finished ones only.
    may_finish : frozenset of int
        Those of all kindred problems, which have the same terms.
    """
    levels = problem.nodes.tolist()
    return problem._replace(
        bits=_widths(architecture, layer, Places.of(architecture), nodes),
        only_finished=np.array([int(node in nodes) for node in levels], dtype=np.int64),
        may_finish=np.array([int(node in may_finish | nodes) for node in levels], dtype=np.int64),
        returns=False,
    )


def without_limits(problems: list[Deep]) -> Deep:
    """What has all mappings of kindred problems: the least widths of any, and the limits on psums that all have."""
    return problems[0]._replace(
        bits=np.min([one.bits for one in problems], axis=0),
        only_finished=np.min([one.only_finished for one in problems], axis=0),
    )


def spreads_that_add_up(dp: Deep) -> Iterator[tuple[int, Ints]]:
    """Fan-outs that add up psums, as the level above, around levels in which a finished psum costs less.

    With each comes `never_finished` when a sum is spread over its children: what these hold are then parts of sums.
    """
    saves = (dp.saved_pj[dp.nodes, READ] + dp.saved_pj[dp.nodes, WRITE] > 0.0) & (dp.kept[:-1, PSUM] == 1)
    for level, fan in enumerate(dp.fans.tolist()):
        if fan >= 0 and dp.reduces[fan] == 1 and dp.sides[level].prod() > 1 and saves[level + 1 :].any():
            yield level, (saves & (np.arange(len(dp.nodes)) > level)).astype(np.int64)


def _rules(architecture: Architecture, layer: Layer, places: Places, factors: str) -> dict[str, Any]:
    """What the dataflow and the fan-outs allow, by level and dim."""
    flow, k = architecture.dataflow.of(layer.bounds), len(places.levels)
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
                    wanted[i, side, d] = whole_factor(layer.bounds[d], int(sides[i, side]), factors == "perfect")
    # A G loop is reuse of nothing: it takes room and saves no access anywhere but outermost; inside a fan-out with
    # folds it may save some of those.
    folds = Structure.of(architecture).folds
    for i in range(1, k):
        in_list[i, 0] = int(factors == "any" or bool(folds[: places.levels[i]].any()))
    if places.pe >= 0:
        saves = in_list[places.pe, 0]
        in_list[places.pe :] = [int(dim in flow.inside | flow.inside_whole) for dim in DIMS]
        in_list[places.pe :, 0] = int("G" in flow.inside_whole or ("G" in flow.inside and saves))
        whole[: places.pe + 1] = [int(dim in flow.inside_whole) for dim in DIMS]
    for i, node in enumerate(places.levels):
        place = architecture.hierarchy[node]
        if isinstance(place, FanOut) or place.is_register:
            in_list[i] = 0
    return {"sides": sides, "on_side": on_side, "folds_wanted": wanted, "in_list": in_list, "whole": whole}
