"""One mapping problem in numbers: a layer, an architecture and a choice of bypasses, as the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.errors import DseError
from dse.mapper.shared.places import Places
from dse.model.counting.counts import RELEVANCE, Structure, window_of
from dse.model.counting.kernel import Record
from dse.model.price import SHARED, Prices, capacities, linear, price
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
        ("bits", np.int64, 3),
        ("in_buffer", np.int64, 3),  # 1 where the buffer keeps the operand
        ("in_pe", np.int64, 3),
        ("up_pj", np.float64, 3),
        ("fill_pj", np.float64, 3),
        ("outer_pj", np.float64, 3),
        ("fixed_pj", np.float64),  # what no choice changes: MACs, PE accesses, psums that start empty
        ("static_pj", np.float64),  # per cycle
        ("ports", np.int64),
        ("port_outer", np.int64, MOST_PORTS),  # 1 for a port of the outermost level
        ("port_up", np.float64, (MOST_PORTS, 3)),
        ("port_over", np.float64, (MOST_PORTS, 3)),  # of the outer crossing
        ("port_fixed", np.float64, MOST_PORTS),
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
        ("relevance", np.int64, (3, 8)),
        ("access_pj", np.float64, (MOST_NODES, 3, 2)),
        ("fan_pj", np.float64, (MOST_NODES, 3, 2)),
        ("mac_pj", np.float64),  # all MACs
        ("buffering", np.int64, MOST_NODES),
        ("port_node", np.int64, MOST_PORTS),
        ("port_cost", np.float64, (MOST_PORTS, 3, 2)),
        ("folds", np.float64, (MOST_NODES, 4)),
    ]
)
"""Numbers of one problem. Energies in pJ, times in cycles, per element of an operand.

An access count is linear in the words of two crossings: `up`, between the innermost level that keeps an operand (or the
MACs) and its parent, and `outer`, between the outermost level and the buffer. Counts of `up` are those at the parent;
`fill` those at the children. Fields over nodes and ports are filled as far as `nodes` and `ports` say.
"""


def record(dtype: Any, fields: dict[str, Any]) -> Any:
    """One element of a structured type, each field filled from its start."""
    one = np.zeros(1, dtype=dtype).view(np.recarray)[0]
    for name, value in fields.items():
        if np.ndim(value) == 0:
            one[name] = value
            continue
        if len(value) > len(one[name]):
            raise DseError(f"{name}: {len(value)} entries, the mapper has room for {len(one[name])}")
        one[name][: len(value)] = value
    return one


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
    touched = _touched(layer)
    words = np.array([layer.touched_words("ifmap"), layer.weight_words, layer.psum_words], dtype=np.float64)
    flow = architecture.dataflow
    return record(
        INSTANCE,
        {
            "bounds": layer.bounds, "window": window_of(layer), "words": words, "touched": touched,
            "macs": layer.macs, "bits": list(layer.bits), "in_buffer": in_buffer, "in_pe": in_pe,
            "static_pj": prices.static_pj, "ports": len(prices.port_names),
            "port_outer": prices.port_node == roles.outer,
            "buffer_bits": capacity[roles.buffer] if roles.buffer >= 0 else unbounded,
            "pe_bits": capacity[roles.pe] if roles.pe >= 0 else unbounded,
            "room": _together(capacity[roles.pe] if roles.pe >= 0 else unbounded, array.children),
            "pes": array.children, "rows": array.rows, "cols": array.cols,
            "stationary": -1 if flow.stationary is None else OPERANDS.index(flow.stationary),
            "innermost": -1 if flow.innermost is None else DIMS.index(flow.innermost),
            "place": [roles.outer, roles.buffer, roles.array, roles.pe], "nodes": nodes, "keeps": keeps,
            "is_fan_out": structure.is_fan_out, "multicast": structure.multicast, "reduces": structure.reduces,
            "relevance": RELEVANCE, "access_pj": prices.access_pj, "fan_pj": prices.fan_pj,
            "mac_pj": prices.mac_pj * layer.macs, "buffering": prices.buffering, "port_node": prices.port_node,
            "port_cost": prices.port_cost, "folds": structure.folds, **terms,
        },
    )  # fmt: skip


def _together(pe_bits: Array, pes: int) -> Array:
    """What all PEs hold together of each operand, rounded up, so that similar arrays share their outer bounds."""
    bits = np.minimum(pe_bits[:3], pe_bits[SHARED]) * pes
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
