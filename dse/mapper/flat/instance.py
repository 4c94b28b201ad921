"""One mapping problem in numbers: a layer, an architecture and a choice of bypasses, as the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError
from dse.mapper.shared.places import Places
from dse.model.counting.counts import RELEVANCE, Structure, window_of
from dse.model.counting.kernel import Record
from dse.model.price import SHARED, Prices, capacities, linear, price
from dse.model.time import SINGLE
from dse.problem.dims import DIMS, OPERANDS, PSUM
from dse.problem.layer import Layer

Array = NDArray[Any]

OUTER, BUFFER, ARRAY, PE = range(4)
"""Places in `INSTANCE.place`: outermost level, buffer, fan-out, level inside the fan-out."""

Instance = Record
"""An element of `INSTANCE`: attributes in Python, a single pointer in compiled code."""

MOST_NODES, MOST_PORTS = 4, 24

INSTANCE = np.dtype(
    [
        ("bounds", np.int64, 8),
        ("window", np.int64, 4),  # stride_h, dilation_h, stride_w, dilation_w
        ("words", np.float64, 3),  # words of each operand, the ifmap as the words that some MAC touches
        ("touched", np.int64, 2),  # rows and columns of the ifmap that some MAC touches
        ("macs", np.float64),
        ("bits", np.int64, 3),  # of an element in the buffer, twice where two tiles of the operand are there
        ("pe_each", np.int64, 3),  # of an element in a PE, likewise
        ("only_finished", np.int64),  # 1 where no unfinished psum may come to the buffer
        ("in_buffer", np.int64, 3),  # 1 where the buffer keeps the operand
        ("in_pe", np.int64, 3),
        ("up_pj", np.float64, 3),
        ("fill_pj", np.float64, 3),
        ("outer_pj", np.float64, 3),
        ("fixed_pj", np.float64),  # what no choice changes: MACs, PE accesses, psums that start empty or are finished
        ("parts_pj", np.float64),  # more than that where sums are spread over PEs, which hold parts to the last
        ("static_pj", np.float64),  # per cycle
        ("ports", np.int64),
        ("port_outer", np.int64, MOST_PORTS),  # 1 for a port of the outermost level
        ("port_up", np.float64, (MOST_PORTS, 3)),
        ("port_over", np.float64, (MOST_PORTS, 3)),  # of the outer crossing
        ("port_fixed", np.float64, MOST_PORTS),
        ("waits", np.int64),  # the port that stands for serial transfers, with which the array never works; -1 for none
        ("buffer_bits", np.float64, 4),  # per operand and shared
        ("pe_bits", np.float64, 4),
        ("room", np.float64, 3),  # bits of an operand that all PEs hold together, rounded up to a power of two
        ("pes", np.int64),
        ("rows", np.int64),
        ("cols", np.int64),
        ("stationary", np.int64),  # operand that the dataflow keeps in place above the array, -1 for none
        ("innermost", np.int64),  # dim that it wants innermost there, -1 for none
        ("place", np.int64, 4),  # node of each role, -1 where the hierarchy has none
        ("nodes", np.int64),
        ("keeps", np.int64, (MOST_NODES, 3)),
        ("is_fan_out", np.int64, MOST_NODES),
        ("multicast", np.int64, MOST_NODES),
        ("reduces", np.int64, MOST_NODES),
        ("reduces_psums", np.int64),  # 1 where the array does
        ("relevance", np.int64, (3, 8)),
        ("access_pj", np.float64, (MOST_NODES, 3, 2)),
        ("saved_pj", np.float64, (MOST_NODES, 2)),
        ("fan_pj", np.float64, (MOST_NODES, 3, 2)),
        ("mac_pj", np.float64),  # all MACs
        ("buffering", np.int64, (MOST_NODES, 3)),
        ("port_node", np.int64, MOST_PORTS),
        ("port_cost", np.float64, (MOST_PORTS, 3, 2)),
        ("port_saved", np.float64, (MOST_PORTS, 2)),
        ("port_joins", np.int64, MOST_PORTS),
        ("folds", np.float64, (MOST_NODES, 8)),
    ]
)
"""Numbers of one problem. Energies in pJ, times in cycles, per element of an operand.

An access count is linear in the words of two crossings: `up`, between the innermost level that keeps an operand (or the
MACs) and its parent, and `outer`, between the outermost level and the buffer. Counts of `up` are those at the parent;
`fill` those at the children. Fields over nodes and ports are filled as far as `nodes` and `ports` say.
"""


def record(dtype: Any, fields: dict[str, Any]) -> Any:
    """One element of a structured type, each field filled from its start."""
    one = np.zeros(1, dtype=record_type(dtype))[0]
    for name, value in fields.items():
        if isinstance(value, (int, float)) or np.ndim(value) == 0:
            one[name] = value
            continue
        room = one[name]
        if len(value) > len(room):
            raise DseError(f"{name}: {len(value)} entries, the mapper has room for {len(room)}")
        room[: len(value)] = value
    return one


@lru_cache(maxsize=16)
def record_type(dtype: Any) -> Any:
    """The type of a record whose fields are attributes: one object for all, since types are told apart by identity."""
    return np.dtype((np.record, dtype))


SHAPES = frozenset(("L", "LL", "LLL", "LF", "LFL", "LLF", "LLFL"))
"""Hierarchies that the flat search handles; the deep search takes all others."""


def shape_of(architecture: Architecture) -> str:
    """A hierarchy as letters, outermost first: L for levels, F for fan-outs."""
    return "".join("F" if isinstance(node, FanOut) else "L" for node in architecture.hierarchy)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which node of the hierarchy plays which role; -1 for a role that nothing plays."""

    outer: int
    buffer: int
    array: int
    pe: int

    @classmethod
    def of(cls, architecture: Architecture) -> Roles:
        """Outermost level, at most one buffer, at most one array, at most one level inside the array."""
        places = Places.of(architecture)
        array, pe = places.array_node, places.pe_node
        buffers = [node for node in places.levels[1:] if node not in (array, pe)]
        return cls(places.levels[0], buffers[0] if buffers else -1, array, pe)


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
    prices = linear(prices or price(architecture, layer), architecture, layer)
    structure = Structure.of(architecture)
    nodes = len(architecture.hierarchy)
    keeps = np.zeros((nodes, 3), dtype=np.int64)
    for node, operands in kept.items():
        keeps[node] = [int(o in operands) for o in OPERANDS]
    in_buffer = keeps[roles.buffer] if roles.buffer >= 0 else np.zeros(3, dtype=np.int64)
    in_pe = keeps[roles.pe] if roles.pe >= 0 else np.zeros(3, dtype=np.int64)
    terms = _linear(layer, roles, prices, in_buffer, in_pe)
    capacity = capacities(architecture) * layer.grain
    unbounded = np.full(4, inf)
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else FanOut("none", 1, 1)
    assert isinstance(array, FanOut)
    buffer_each, pe_each = _widths(layer, only_finished)
    buffer_each, pe_each = buffer_each * _tiles(architecture, roles.buffer), pe_each * _tiles(architecture, roles.pe)
    # Per operand, so that tiles in the buffer's widths can be held against it.
    room = _together(capacity[roles.pe] if roles.pe >= 0 else unbounded, array.children) * buffer_each / pe_each
    places, port_cost, port_saved, joins = prices.port_node, prices.port_cost, prices.port_saved, prices.port_joins
    is_outer, waits = places == roles.outer, -1
    stopped = _serial(layer, roles, prices, in_buffer, in_pe)
    # Ports of the bounds' own, which serve nothing in the model.
    own = [] if stopped is None else [(roles.outer, True)]
    if stopped is not None:
        waits, is_outer = len(places), np.zeros(len(places), dtype=bool)
        for name, value in stopped.items():
            terms[name] = np.append(terms[name], value, axis=0)
    if only_finished:
        _forbid_unfinished(layer, prices, terms)
        own.append((roles.buffer, False))
    for node, outermost in own:
        places, joins, is_outer = np.append(places, node), np.append(joins, -1), np.append(is_outer, outermost)
        port_cost, port_saved = (np.append(x, np.zeros_like(x[:1], shape=(1, *x.shape[1:])), axis=0)
                                 for x in (port_cost, port_saved))  # fmt: skip
    touched = _touched(layer)
    words = np.array([layer.touched_words("ifmap"), layer.weight_words, layer.psum_words], dtype=np.float64)
    flow = architecture.dataflow
    return record(
        INSTANCE,
        {
            "bounds": layer.bounds, "window": window_of(layer), "words": words, "touched": touched,
            "macs": layer.macs, "bits": buffer_each, "pe_each": pe_each, "only_finished": only_finished,
            "in_buffer": in_buffer, "in_pe": in_pe, "static_pj": prices.static_pj, "ports": len(places),
            "port_outer": is_outer, "waits": waits,
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
            "fan_pj": prices.fan_pj, "mac_pj": prices.mac_pj * layer.macs, "buffering": prices.buffering,
            "port_node": places, "port_cost": port_cost, "port_saved": port_saved, "port_joins": joins,
            "folds": structure.folds, **terms,
        },
    )  # fmt: skip


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
    layer: Layer, roles: Roles, prices: Prices, in_buffer: Array, in_pe: Array
) -> dict[str, Array] | None:
    """Cycles of serial transfers, at least, as those of one more port; None where nothing is serial.

    Of each level the port counts that has most operands to stop for: which one it is may not hang on rates, as bounds
    of several designs take the least of each.
    """
    if not (prices.buffering == SINGLE).any():
        return None
    up, over, fixed = np.zeros((1, 3)), np.zeros((1, 3)), np.zeros(1)
    starts = float(layer.psum_words)
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
                    mine_fixed -= starts * float(cost[o, 0] + prices.port_saved[t, 1])
            served = int(np.count_nonzero(mine_up) + np.count_nonzero(mine_over))
            if served > best[0]:
                best = served, mine_up, mine_over, mine_fixed
        up[0], over[0], fixed[0] = up[0] + best[1], over[0] + best[2], fixed[0] + best[3]
    if not up.any() and not over.any():
        return None
    return {"port_up": up, "port_over": over, "port_fixed": fixed}


def _forbid_unfinished(layer: Layer, prices: Prices, terms: dict[str, Any]) -> None:
    """Let bounds show that unfinished psums come to the buffer, or past it: that costs and takes more than any mapping.

    Each word comes at least once, and that costs nothing more. The time is that of a port which serves nothing else.
    """
    most_pj = layer.macs * float(prices.access_pj.sum() + prices.fan_pj.sum() + prices.mac_pj)
    most_steps = layer.macs * (1.0 + float(prices.port_cost.sum()))
    words = layer.psum_words
    terms["up_pj"][PSUM] += most_pj / words
    terms["fixed_pj"] -= most_pj
    for name in ("port_up", "port_over"):
        terms[name] = np.append(terms[name], np.zeros((1, 3)), axis=0)
    terms["port_up"][-1, PSUM] = most_steps / words
    terms["port_fixed"] = np.append(terms["port_fixed"], -most_steps)


def _together(pe_bits: Array, pes: int) -> Array:
    """What all PEs hold together of each operand, rounded up, so that similar arrays share their outer bounds."""
    bits = np.minimum(pe_bits[:3], pe_bits[SHARED]) * pes
    return np.exp2(np.ceil(np.log2(np.maximum(bits, 1.0))))


@lru_cache(maxsize=4096)
def _touched(layer: Layer) -> tuple[int, int]:
    narrow = layer.with_(N=1, G=1, C=1, Q=1, S=1), layer.with_(N=1, G=1, C=1, P=1, R=1)
    return tuple(one.touched_words("ifmap") for one in narrow)  # type: ignore[return-value]


def _linear(layer: Layer, roles: Roles, prices: Prices, in_buffer: Array, in_pe: Array) -> dict[str, Any]:
    """Energy and port time as linear functions of the words of the two crossings (see psums in docs/model.md).

    At the parent of a crossing a psum that arrives is written and, unless it starts its visit, read and given back to
    the children; the psums of the outermost level start empty once each, and so do those of the buffer. Each of them is
    finished once in the outermost level, in the buffer, and in the PEs, if no sum is spread over these.
    """
    # Lists: numbers of an array that are asked for one by one take ten times as long.
    access, fan, costs = prices.access_pj.tolist(), prices.fan_pj.tolist(), prices.port_cost.tolist()
    ports = len(prices.port_names)
    up, fill, outer = [0.0] * 3, [0.0] * 3, [0.0] * 3
    port_up, port_over = [[0.0] * 3 for _ in range(ports)], [[0.0] * 3 for _ in range(ports)]
    port_fixed = [0.0] * ports
    macs, starts = float(layer.macs), float(layer.psum_words)
    fixed = prices.mac_pj * macs
    relevant_ports = list(zip(range(ports), prices.port_node.tolist(), costs, strict=True))
    buffered, inside = in_buffer.tolist(), in_pe.tolist()
    for o in range(3):
        parent = roles.buffer if buffered[o] else roles.outer
        delivery, hop = fan[roles.array][o] if roles.array >= 0 else (0.0, 0.0)
        pe_read, pe_write = access[roles.pe][o] if inside[o] else (0.0, 0.0)
        if o != PSUM:
            up[o] += access[parent][o][0]
            fill[o] += delivery + pe_write
            fixed += macs * pe_read
        else:
            up[o] += sum(access[parent][o]) + pe_read + pe_write + delivery - hop
            fill[o] += hop
            fixed += macs * (pe_read + pe_write) - starts * (access[parent][o][0] + pe_read + pe_write + delivery)
        if buffered[o]:
            down, back = access[roles.outer][o], access[roles.buffer][o]
            if o != PSUM:
                outer[o] += down[0] + back[1]
            else:
                outer[o] += sum(down) + sum(back)
                fixed -= starts * (down[0] + back[1])
        for t, node, cost in relevant_ports:
            if node == parent:
                port_up[t][o] += cost[o][0] if o != PSUM else sum(cost[o])
                port_fixed[t] -= 0.0 if o != PSUM else starts * cost[o][0]
            if buffered[o] and node == roles.outer:
                port_over[t][o] += cost[o][0] if o != PSUM else sum(cost[o])
                port_fixed[t] -= 0.0 if o != PSUM else starts * cost[o][0]
            if buffered[o] and node == roles.buffer:
                port_over[t][o] += cost[o][1] if o != PSUM else sum(cost[o])
                port_fixed[t] -= 0.0 if o != PSUM else starts * cost[o][1]
    kept = [roles.outer, *([roles.buffer] if in_buffer[PSUM] else ())]
    in_pes = starts * float(prices.saved_pj[roles.pe].sum()) if in_pe[PSUM] else 0.0
    fixed -= starts * float(prices.saved_pj[kept].sum()) + in_pes
    for t, node, _ in relevant_ports:
        if node in kept:
            port_fixed[t] -= starts * float(prices.port_saved[t].sum())
    tables = np.array(port_up).reshape(ports, 3), np.array(port_over).reshape(ports, 3), np.array(port_fixed)
    for t, joined in enumerate(prices.port_joins.tolist()):  # transfers that take turns take the sum of their times
        if joined >= 0:
            for table in tables:
                table[joined] += table[t]
    return {
        "up_pj": np.array(up), "fill_pj": fill, "outer_pj": outer, "fixed_pj": float(fixed), "parts_pj": in_pes,
        "port_up": tables[0], "port_over": tables[1], "port_fixed": tables[2],
    }  # fmt: skip
