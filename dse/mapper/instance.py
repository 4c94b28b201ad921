"""One mapping problem in numbers: a layer, an architecture and a choice of bypasses, as the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level
from dse.model.counts import RELEVANCE, Structure, window_of
from dse.model.price import Prices, capacities, linear, price
from dse.problem.dims import DIMS, OPERANDS, RELEVANT
from dse.problem.layer import Layer

Array = Any

OUTER, BUFFER, ARRAY, PE = 0, 1, 2, 3
"""Roles of the nodes: outermost level, buffer, fan-out, level inside the fan-out."""

PSUM = OPERANDS.index("psum")


class Instance(NamedTuple):
    """Numbers of one problem. Energies in pJ, times in cycles, per element of an operand.

    An access count is linear in the words of two crossings: `up`, between the innermost level that keeps an operand (or
    the MACs) and its parent, and `outer`, between the outermost level and the buffer. Counts of `up` are those at the
    parent; `fill` those at the children.
    """

    bounds: Array  # (8,)
    window: Array  # (4,) stride_h, dilation_h, stride_w, dilation_w
    words: Array  # (3,) words of each operand, the ifmap as the words that some MAC touches
    touched: Array  # (2,) rows and columns of the ifmap that some MAC touches
    macs: float
    bits: Array  # (3,)
    in_buffer: Array  # (3,) 1 where the buffer keeps the operand
    in_pe: Array  # (3,)
    up_pj: Array  # (3,)
    fill_pj: Array  # (3,)
    outer_pj: Array  # (3,)
    fixed_pj: float  # what no choice changes: MACs, PE accesses, psums that start empty
    static_pj: float  # per cycle
    port_outer: Array  # (ports,) 1 for a port of the outermost level
    port_up: Array  # (ports, 3)
    port_over: Array  # (ports, 3) of the outer crossing
    port_fixed: Array  # (ports,)
    buffer_bits: Array  # (4,) per operand and shared
    pe_bits: Array  # (4,)
    room: Array  # (3,) bits of an operand that all PEs hold together, rounded up to a power of two
    pes: int
    rows: int
    cols: int
    place: Array  # (4,) node of each role, -1 where the hierarchy has none
    keeps: Array  # (nodes, 3)
    is_fan_out: Array
    multicast: Array
    reduces: Array
    relevance: Array  # (3, 8)
    access_pj: Array  # (nodes, 3, 2)
    fan_pj: Array  # (nodes, 3, 2)
    mac_pj: float  # all MACs
    buffering: Array
    port_node: Array
    port_cost: Array  # (ports, 3, 2)
    folds: Array  # (nodes, 4)


class Rules(NamedTuple):
    """A dataflow as the kernels read it: its sets as 0 or 1 per dim, its order as indices (-1 for none)."""

    inside: Array
    inside_whole: Array
    on_rows: Array
    on_cols: Array
    rows_whole: Array
    cols_whole: Array
    stationary: int
    innermost: int

    @classmethod
    def of(cls, dataflow: Dataflow, array: FanOut | None, *, has_pe: bool, has_folds: bool = False) -> Rules:
        def bits(dims: frozenset[str], allowed: bool = True) -> Array:
            return np.array([int(allowed and dim in dims) for dim in DIMS], dtype=np.int64)

        wired = frozenset[str]() if array is None else array.dims
        # A G loop is reuse of nothing: inside a PE it takes room and saves no access, but it may save folds.
        return cls(
            bits(dataflow.inside if has_folds else dataflow.inside - {"G"}, has_pe),
            bits(dataflow.inside_whole, has_pe),
            bits(dataflow.rows & wired),
            bits(dataflow.cols & wired),
            bits(dataflow.rows_whole, array is not None),
            bits(dataflow.cols_whole, array is not None),
            -1 if dataflow.stationary is None else OPERANDS.index(dataflow.stationary),
            -1 if dataflow.innermost is None else DIMS.index(dataflow.innermost),
        )


SHAPES = {
    "L": (0, -1, -1, -1), "LL": (0, 1, -1, -1), "LLL": (0, 1, -1, 2), "LF": (0, -1, 1, -1),
    "LFL": (0, -1, 1, 2), "LLF": (0, 1, 2, -1), "LLFL": (0, 1, 2, 3),
}  # fmt: skip
"""Hierarchies that the search over PE tiles handles, with the node of each role; `dse.mapper.deep` takes all others."""


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
        """Recognise outermost level, at most one buffer, at most one array, at most one level inside the array."""
        return cls(*SHAPES[shape_of(architecture)])


def bypass_choices(architecture: Architecture, roles: Roles) -> list[dict[int, frozenset[str]]]:
    """For every choice of bypasses, the operands that each level keeps, by node."""
    nodes = [node for node in (roles.outer, roles.buffer, roles.pe) if node >= 0]
    options: list[list[frozenset[str]]] = []
    for node in nodes:
        level = architecture.hierarchy[node]
        assert isinstance(level, Level)
        optional = sorted(level.may_bypass)
        kept = [
            level.stores - {o for o, drop in zip(optional, drops, strict=True) if drop}
            for drops in product((False, True), repeat=len(optional))
        ]
        options.append(kept)
    return [dict(zip(nodes, choice, strict=True)) for choice in product(*options)]


def build(
    architecture: Architecture,
    layer: Layer,
    roles: Roles,
    kept: dict[int, frozenset[str]],
    prices: Prices | None = None,
) -> Instance:
    """Gather one problem's numbers."""
    prices = linear(prices or price(architecture, layer), architecture, layer)
    structure = Structure.of(architecture)
    nodes = len(architecture.hierarchy)
    keeps = np.zeros((nodes, 3), dtype=np.int64)
    for node, operands in kept.items():
        keeps[node] = [int(o in operands) for o in OPERANDS]
    in_buffer = keeps[roles.buffer] if roles.buffer >= 0 else np.zeros(3, dtype=np.int64)
    in_pe = keeps[roles.pe] if roles.pe >= 0 else np.zeros(3, dtype=np.int64)
    terms = _linear(layer, roles, prices, in_buffer, in_pe)
    capacity = capacities(architecture)
    unbounded = np.full(4, inf)
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else FanOut("none", 1, 1)
    assert isinstance(array, FanOut)
    touched = np.array(_touched(layer), dtype=np.int64)
    words = np.array([layer.touched_words("ifmap"), layer.weight_words, layer.psum_words], dtype=np.float64)
    return Instance(
        bounds=np.array(layer.bounds, dtype=np.int64),
        window=window_of(layer),
        words=words,
        touched=touched,
        macs=float(layer.macs),
        bits=np.array(list(layer.bits), dtype=np.int64),
        in_buffer=in_buffer,
        in_pe=in_pe,
        static_pj=float(prices.static_pj),
        port_outer=(prices.port_node == roles.outer).astype(np.int64),
        buffer_bits=capacity[roles.buffer] if roles.buffer >= 0 else unbounded,
        pe_bits=capacity[roles.pe] if roles.pe >= 0 else unbounded,
        room=_together(capacity[roles.pe] if roles.pe >= 0 else unbounded, array.children),
        pes=array.children,
        rows=array.rows,
        cols=array.cols,
        place=np.array([roles.outer, roles.buffer, roles.array, roles.pe], dtype=np.int64),
        keeps=keeps,
        is_fan_out=structure.is_fan_out,
        multicast=structure.multicast,
        reduces=structure.reduces,
        relevance=RELEVANCE,
        access_pj=prices.access_pj,
        fan_pj=prices.fan_pj,
        mac_pj=float(prices.mac_pj * layer.macs),
        buffering=prices.buffering,
        port_node=prices.port_node,
        port_cost=prices.port_cost,
        folds=structure.folds,
        **terms,
    )


def _together(pe_bits: Array, pes: int) -> Array:
    """What all PEs hold together of each operand, rounded up, so that similar arrays share their outer bounds."""
    bits = np.minimum(pe_bits[:3], pe_bits[3]) * pes
    return np.exp2(np.ceil(np.log2(np.maximum(bits, 1.0))))


def _touched(layer: Layer) -> tuple[int, int]:
    narrow = layer.with_(N=1, G=1, C=1, Q=1, S=1), layer.with_(N=1, G=1, C=1, P=1, R=1)
    return tuple(one.touched_words("ifmap") for one in narrow)  # type: ignore[return-value]


def _linear(layer: Layer, roles: Roles, prices: Prices, in_buffer: Array, in_pe: Array) -> dict[str, Any]:
    """Energy and port time as linear functions of the words of the two crossings (see psums in docs/model.md).

    At the parent of a crossing a psum that arrives is written and, unless it starts its visit, read and given back to
    the children; the psums of the outermost level start empty once each, and so do those of the buffer.
    """
    access, fan = prices.access_pj, prices.fan_pj
    ports = len(prices.port_names)
    up, fill, outer = (np.zeros(3) for _ in range(3))
    port_up, port_over, port_fixed = np.zeros((ports, 3)), np.zeros((ports, 3)), np.zeros(ports)
    macs, starts = float(layer.macs), float(layer.psum_words)
    fixed = prices.mac_pj * macs
    relevant_ports = [(t, int(prices.port_node[t]), prices.port_cost[t]) for t in range(ports)]
    for o in range(3):
        parent = roles.buffer if in_buffer[o] else roles.outer
        delivery, hop = fan[roles.array, o] if roles.array >= 0 else (0.0, 0.0)
        pe_read, pe_write = access[roles.pe, o] if in_pe[o] else (0.0, 0.0)
        if o != PSUM:
            up[o] += access[parent, o, 0]
            fill[o] += delivery + pe_write
            fixed += macs * pe_read
        else:
            up[o] += access[parent, o].sum() + pe_read + pe_write + delivery - hop
            fill[o] += hop
            fixed += macs * (pe_read + pe_write) - starts * (access[parent, o, 0] + pe_read + pe_write + delivery)
        if in_buffer[o]:
            down, back = access[roles.outer, o], access[roles.buffer, o]
            if o != PSUM:
                outer[o] += down[0] + back[1]
            else:
                outer[o] += down.sum() + back.sum()
                fixed -= starts * (down[0] + back[1])
        for t, node, cost in relevant_ports:
            if node == parent:
                port_up[t, o] += cost[o, 0] if o != PSUM else cost[o].sum()
                port_fixed[t] -= 0.0 if o != PSUM else starts * cost[o, 0]
            if in_buffer[o] and node == roles.outer:
                port_over[t, o] += cost[o, 0] if o != PSUM else cost[o].sum()
                port_fixed[t] -= 0.0 if o != PSUM else starts * cost[o, 0]
            if in_buffer[o] and node == roles.buffer:
                port_over[t, o] += cost[o, 1] if o != PSUM else cost[o].sum()
                port_fixed[t] -= 0.0 if o != PSUM else starts * cost[o, 1]
    return {
        "up_pj": up, "fill_pj": fill, "outer_pj": outer, "fixed_pj": float(fixed), "port_up": port_up,
        "port_over": port_over, "port_fixed": port_fixed,
    }  # fmt: skip


def irrelevant_dims(operand: str) -> tuple[str, ...]:
    return tuple(dim for dim in DIMS if dim not in RELEVANT[operand])
