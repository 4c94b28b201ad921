"""What a layer on an architecture is in numbers: a template for all layers, and what is each layer's own."""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.remembered import Remembered
from dse.mapper.flat.instance import INSTANCE, Array, Instance, Roles, record
from dse.model.counting.counts import RELEVANCE, Structure, window_of
from dse.model.price import SHARED, Prices, capacities, linear, price
from dse.model.time import SINGLE
from dse.problem.dims import DIMS, IFMAP, OPERANDS, PSUM, WEIGHT
from dse.problem.layer import Layer


class Template(NamedTuple):
    """What the problems of all layers have in common that an architecture runs at the same prices.

    Parameters
    ----------
    prices : Prices
    instance : Instance
        All that is no layer's own.
    per_mac : tuple of float
        Of `fixed_pj`: what a MAC's ifmap, weight and psum cost in the PEs.
    empty, empty_in_buffer, finished, in_pes : float
        Of `fixed_pj`, per psum: what it saves to start empty at its parent, and in the buffer; and to be finished
        outside the PEs, and in them.
    port_fixed : tuple of tuple of float
        Of every port, per psum: what it saves to start empty and to be finished, one after the other.
    joins : tuple of int
        The port whose time each one's adds to, -1 for none.
    most : (float, float)
        More than any mapping needs, but for the MAC itself: pJ and steps, per MAC.
    """

    prices: Prices
    instance: Instance
    per_mac: tuple[float, float, float]
    empty: float
    empty_in_buffer: float
    finished: float
    in_pes: float
    port_fixed: tuple[tuple[float, ...], ...]
    joins: tuple[int, ...]
    most: tuple[float, float]


_TEMPLATES: Remembered[Template] = Remembered(256)
"""Some kilobytes each."""


class _Numbers(NamedTuple):
    """What is a layer's own, as `INSTANCE` has it; and words of psums."""

    bounds: Array
    window: Array
    touched: Array
    words: Array
    macs: int
    psum_words: int


@lru_cache(maxsize=4096)
def _numbers_of(layer: Layer) -> _Numbers:
    narrow = layer.with_(N=1, G=1, C=1, Q=1, S=1), layer.with_(N=1, G=1, C=1, P=1, R=1)
    touched = np.array([one.touched_words("ifmap") for one in narrow], dtype=np.int64)
    words = np.array([layer.touched_words("ifmap"), layer.weight_words, layer.psum_words], dtype=np.float64)
    bounds = np.array(layer.bounds, dtype=np.int64)
    return _Numbers(bounds, window_of(layer), touched, words, layer.macs, layer.psum_words)


def build(
    architecture: Architecture,
    layer: Layer,
    roles: Roles,
    kept: dict[int, frozenset[str]],
    prices: Prices | None = None,
    *,
    only_finished: bool = False,
) -> Instance:
    """Gather one problem's numbers.

    Parameters
    ----------
    only_finished : bool
        Leave out mappings in which unfinished psums come to the buffer, which then needs room for finished ones only,
        or to the outermost level where the buffer keeps no psums.
    """
    prices, numbers = prices or price(architecture, layer), _numbers_of(layer)
    # Prices are kept with their template, so no others come to lie where they do.
    key = id(prices), tuple(kept.items()), numbers.macs == numbers.psum_words, only_finished
    template = _TEMPLATES.of(
        architecture, key, lambda: _template(architecture, layer, roles, kept, prices, only_finished)
    )
    one, macs, starts = template.instance.copy(), float(numbers.macs), float(numbers.psum_words)
    mac_pj = linear(prices, architecture, layer).mac_pj
    of_ifmap, of_weight, of_psum = template.per_mac
    fixed = mac_pj * macs + macs * of_ifmap + macs * of_weight + (macs * of_psum - starts * template.empty)
    fixed -= starts * template.empty_in_buffer
    fixed -= starts * template.finished + starts * template.in_pes
    ports = [0.0] * len(template.port_fixed)
    for t, savings in enumerate(template.port_fixed):
        for saved in savings:
            ports[t] -= starts * saved
    for t, joined in enumerate(template.joins):
        if joined >= 0:
            ports[joined] += ports[t]
    if only_finished:
        # Let bounds show that unfinished psums come to the buffer, or past it: that costs and takes more than any
        # mapping. Each word comes at least once, and that costs nothing more. The time is that of the last port.
        most_pj, most_steps = numbers.macs * (template.most[0] + mac_pj), numbers.macs * template.most[1]
        one["up_pj"][PSUM] += most_pj / numbers.psum_words
        one["port_up"][len(ports) - 1, PSUM] = most_steps / numbers.psum_words
        fixed, ports[-1] = fixed - most_pj, -most_steps
    one["bounds"], one["window"], one["touched"], one["words"] = numbers[:4]
    one["macs"], one["mac_pj"], one["fixed_pj"] = macs, mac_pj * numbers.macs, fixed
    one["parts_pj"], one["port_fixed"][: len(ports)] = starts * template.in_pes, ports
    return one


def _template(
    architecture: Architecture, layer: Layer, roles: Roles, kept: dict[int, frozenset[str]], own: Prices,
    only_finished: bool,
) -> Template:  # fmt: skip
    """What a layer has in common with all others of the same widths, and of as many or of more MACs than psums."""
    prices = linear(own, architecture, layer)
    structure = Structure.of(architecture)
    nodes = len(architecture.hierarchy)
    keeps = np.zeros((nodes, 3), dtype=np.int64)
    for node, operands in kept.items():
        keeps[node] = [int(o in operands) for o in OPERANDS]
    in_buffer = keeps[roles.buffer] if roles.buffer >= 0 else np.zeros(3, dtype=np.int64)
    in_pe = keeps[roles.pe] if roles.pe >= 0 else np.zeros(3, dtype=np.int64)
    energies, up, over = _linear(roles, prices, in_buffer, in_pe)
    ports = _ports_of(roles, prices, in_buffer, up, over)
    ports = ports.with_turns(_serial(roles, prices, in_buffer, in_pe), roles.outer)
    if only_finished:
        ports = ports.with_one(roles.buffer, np.zeros((1, 3)), np.zeros((1, 3)), ())
    capacity = capacities(architecture) * layer.grain
    unbounded = np.full(4, inf)
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else FanOut("none", 1, 1)
    assert isinstance(array, FanOut)
    buffer_each, pe_each = _widths(layer, only_finished)
    buffer_each, pe_each = buffer_each * _tiles(architecture, roles.buffer), pe_each * _tiles(architecture, roles.pe)
    # Per operand, so that tiles in the buffer's widths can be held against it.
    room = _together(capacity[roles.pe] if roles.pe >= 0 else unbounded, array.children) * buffer_each / pe_each
    flow = architecture.dataflow
    instance = record(
        INSTANCE,
        {
            "bits": buffer_each, "pe_each": pe_each, "only_finished": only_finished,
            "in_buffer": in_buffer, "in_pe": in_pe, "static_pj": prices.static_pj, "ports": len(ports.node),
            "port_outer": ports.is_outer, "waits": ports.waits,
            "buffer_bits": capacity[roles.buffer] if roles.buffer >= 0 else unbounded,
            "pe_bits": capacity[roles.pe] if roles.pe >= 0 else unbounded,
            "room": room,
            "pes": array.children, "rows": array.rows, "cols": array.cols,
            "stationary": -1 if flow.stationary is None else OPERANDS.index(flow.stationary),
            "innermost": -1 if flow.innermost is None else DIMS.index(flow.innermost),
            "place": [roles.outer, roles.buffer, roles.array, roles.pe], "nodes": nodes, "keeps": keeps,
            "is_fan_out": structure.is_fan_out, "multicast": structure.multicast, "reduces": structure.reduces,
            "reduces_psums": roles.array >= 0 and array.reduces, "relevance": RELEVANCE,
            "access_pj": prices.access_pj, "saved_pj": prices.saved_pj,
            "fan_pj": prices.fan_pj, "buffering": prices.buffering,
            "port_node": ports.node, "port_cost": ports.cost, "port_saved": ports.saved, "port_joins": ports.joins,
            "port_up": ports.up, "port_over": ports.over, "folds": structure.folds, **energies,
        },
    )  # fmt: skip
    most = float(prices.access_pj.sum() + prices.fan_pj.sum()), 1.0 + float(prices.port_cost.sum())
    fixed = _fixed(roles, prices, in_buffer, in_pe)
    return Template(own, instance, *fixed, ports.fixed, tuple(ports.joins.tolist()), most)


def _widths(layer: Layer, only_finished: bool) -> tuple[Array, Array]:
    """Bits of an element of each operand in the buffer, and in a PE, times `Layer.grain`, as all rooms are here.

    A PE receives each step's sum from its MACs: a psum is finished with the first only where it is a single product.
    """
    held = [int(width * layer.grain) for width in layer.held_bits]
    wide, narrow = (np.array([*held[:PSUM], bits * layer.grain]) for bits in (layer.bits.psum, layer.finished_bits))
    single = layer.macs == layer.psum_words
    return narrow if single or only_finished else wide, narrow if single else wide


def _tiles(architecture: Architecture, node: int) -> Array:
    """(3,) tiles of each operand that share a level's capacity."""
    level = architecture.hierarchy[node] if node >= 0 else None
    return np.array([level.tiles_of(o) if isinstance(level, Level) else 1 for o in OPERANDS])


def _serial(
    roles: Roles, prices: Prices, in_buffer: Array, in_pe: Array
) -> tuple[Array, Array, tuple[float, ...]] | None:
    """Cycles of serial transfers, at least, as those of one more port; None where nothing is serial.

    Of each level the port counts that has most operands to stop for: which one it is may not hang on rates, as bounds
    of several designs take the least of each.

    Returns
    -------
    up, over : (1, 3) float
        Of `port_up` and `port_over`.
    fixed : tuple of float
        As in `Template`.
    """
    if not (prices.buffering == SINGLE).any():
        return None
    up, over, fixed = np.zeros((1, 3)), np.zeros((1, 3)), []
    for node in {roles.outer, roles.buffer} - {-1}:
        best: tuple[int, Any, Any, float] = (0, np.zeros(3), np.zeros(3), 0.0)
        for t in np.flatnonzero(prices.port_node == node):
            cost = prices.port_cost[t]
            mine_up, mine_over, mine_fixed = np.zeros(3), np.zeros(3), 0.0
            for o in range(3):
                each = cost[o, 0] if o != PSUM else cost[o].sum()
                is_up = node == (roles.buffer if in_buffer[o] else roles.outer)
                child = roles.pe if is_up else roles.buffer
                if not (in_pe[o] if is_up else in_buffer[o]) or prices.buffering[child, o] != SINGLE:
                    continue
                (mine_up if is_up else mine_over)[o] = each
                if o == PSUM and each > 0.0:
                    mine_fixed = float(cost[o, 0] + prices.port_saved[t, 1])
            served = int(np.count_nonzero(mine_up) + np.count_nonzero(mine_over))
            if served > best[0]:
                best = served, mine_up, mine_over, mine_fixed
        up[0], over[0] = up[0] + best[1], over[0] + best[2]
        fixed.append(best[3])
    return (up, over, tuple(fixed)) if up.any() or over.any() else None


def _together(pe_bits: Array, pes: int) -> Array:
    """What all PEs hold together of each operand, rounded up, so that similar arrays share their outer bounds."""
    bits = np.minimum(pe_bits[:3], pe_bits[SHARED]) * pes
    return np.exp2(np.ceil(np.log2(np.maximum(bits, 1.0))))


def _fixed(
    roles: Roles, prices: Prices, in_buffer: Array, in_pe: Array
) -> tuple[tuple[float, float, float], float, float, float, float]:
    """`per_mac`, `empty`, `empty_in_buffer`, `finished` and `in_pes` of a template, see `_linear`."""
    access, fan, buffered = prices.access_pj.tolist(), prices.fan_pj.tolist(), bool(in_buffer[PSUM])
    in_pes = [access[roles.pe][o] if kept else (0.0, 0.0) for o, kept in enumerate(in_pe.tolist())]
    read, write = in_pes[PSUM]
    delivery = fan[roles.array][PSUM][0] if roles.array >= 0 else 0.0
    parent = roles.buffer if buffered else roles.outer
    empty = access[parent][PSUM][0] + read + write + delivery
    empty_in_buffer = access[roles.outer][PSUM][0] + access[roles.buffer][PSUM][1] if buffered else 0.0
    outside = float(prices.saved_pj[_keepers(roles, in_buffer)].sum())
    inside = float(prices.saved_pj[roles.pe].sum()) if in_pe[PSUM] else 0.0
    return (in_pes[IFMAP][0], in_pes[WEIGHT][0], read + write), empty, empty_in_buffer, outside, inside


def _keepers(roles: Roles, in_buffer: Array) -> list[int]:
    """Nodes of the levels outside the PEs that keep psums."""
    return [roles.outer, *([roles.buffer] if in_buffer[PSUM] else ())]


class _Ports(NamedTuple):
    """Ports as `INSTANCE` and `Template` have them: those of the levels, then the bounds' own, which serve nothing in
    the model."""

    node: Array
    cost: Array
    saved: Array
    joins: Array
    up: Array
    over: Array
    fixed: tuple[tuple[float, ...], ...]
    is_outer: Array
    waits: int = -1

    def with_one(self, node: int, up: Array, over: Array, fixed: tuple[float, ...]) -> _Ports:
        """One more of the bounds' own, on a level."""
        cost, saved = (np.append(x, np.zeros_like(x[:1], shape=(1, *x.shape[1:])), axis=0)
                       for x in (self.cost, self.saved))  # fmt: skip
        return self._replace(
            node=np.append(self.node, node), cost=cost, saved=saved, joins=np.append(self.joins, -1),
            up=np.append(self.up, up, axis=0), over=np.append(self.over, over, axis=0), fixed=(*self.fixed, fixed),
            is_outer=np.append(self.is_outer, False),
        )  # fmt: skip

    def with_turns(self, serial: tuple[Array, Array, tuple[float, ...]] | None, outer: int) -> _Ports:
        """With that of transfers that take turns, if any do: it alone counts as one of the outermost level then."""
        if serial is None:
            return self
        waits, more = len(self.node), self.with_one(outer, *serial)
        return more._replace(is_outer=np.arange(waits + 1) == waits, waits=waits)


def _ports_of(roles: Roles, prices: Prices, in_buffer: Array, up: Array, over: Array) -> _Ports:
    """Those of the levels; `up` and `over` are of `_linear`."""
    buffered, keepers, found = bool(in_buffer[PSUM]), _keepers(roles, in_buffer), []
    parent = roles.buffer if buffered else roles.outer
    for node, costs, saved in zip(
        prices.port_node.tolist(), prices.port_cost.tolist(), prices.port_saved, strict=True
    ):
        read, write = costs[PSUM]
        starting = [
            read if node == parent else 0.0,
            read if buffered and node == roles.outer else 0.0,
            write if buffered and node == roles.buffer else 0.0,
        ]
        found.append((*starting, float(saved.sum()) if node in keepers else 0.0))
    return _Ports(
        prices.port_node, prices.port_cost, prices.port_saved, prices.port_joins, up, over, tuple(found),
        prices.port_node == roles.outer,
    )  # fmt: skip


def _linear(
    roles: Roles, prices: Prices, in_buffer: Array, in_pe: Array
) -> tuple[dict[str, list[float]], Array, Array]:
    """Energy, and port time up and over, as linear functions of the words of the two crossings (see psums in
    docs/model.md).

    At the parent of a crossing a psum that arrives is written and, unless it starts its visit, read and given back to
    the children; the psums of the outermost level start empty once each, and so do those of the buffer. Each of them is
    finished once in the outermost level, in the buffer, and in the PEs, if no sum is spread over these.
    """
    # Lists: numbers of an array that are asked for one by one take ten times as long.
    access, fan, costs = prices.access_pj.tolist(), prices.fan_pj.tolist(), prices.port_cost.tolist()
    ports = len(prices.port_names)
    up, fill, outer = [0.0] * 3, [0.0] * 3, [0.0] * 3
    port_up, port_over = [[0.0] * 3 for _ in range(ports)], [[0.0] * 3 for _ in range(ports)]
    buffered, inside = in_buffer.tolist(), in_pe.tolist()
    for o in range(3):
        parent = roles.buffer if buffered[o] else roles.outer
        delivery, hop = fan[roles.array][o] if roles.array >= 0 else (0.0, 0.0)
        pe_read, pe_write = access[roles.pe][o] if inside[o] else (0.0, 0.0)
        if o != PSUM:
            up[o] += access[parent][o][0]
            fill[o] += delivery + pe_write
        else:
            up[o] += sum(access[parent][o]) + pe_read + pe_write + delivery - hop
            fill[o] += hop
        if buffered[o]:
            down, back = access[roles.outer][o], access[roles.buffer][o]
            outer[o] += down[0] + back[1] if o != PSUM else sum(down) + sum(back)
        for t, (node, cost) in enumerate(zip(prices.port_node.tolist(), costs, strict=True)):
            if node == parent:
                port_up[t][o] += cost[o][0] if o != PSUM else sum(cost[o])
            if buffered[o] and node == roles.outer:
                port_over[t][o] += cost[o][0] if o != PSUM else sum(cost[o])
            if buffered[o] and node == roles.buffer:
                port_over[t][o] += cost[o][1] if o != PSUM else sum(cost[o])
    tables = np.array(port_up).reshape(ports, 3), np.array(port_over).reshape(ports, 3)
    for t, joined in enumerate(prices.port_joins.tolist()):  # transfers that take turns take the sum of their times
        if joined >= 0:
            for table in tables:
                table[joined] += table[t]
    return {"up_pj": up, "fill_pj": fill, "outer_pj": outer}, *tables
