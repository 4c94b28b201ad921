"""One mapping problem in numbers: a layer, an architecture and a choice of bypasses, as the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.architecture.remembered import remembered
from dse.errors import DseError
from dse.mapper.shared.mapspace.places import Places
from dse.model.counting.kernel import Record

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


@remembered(256)
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
        return _roles_of(architecture)


@remembered(256)
def _roles_of(architecture: Architecture) -> Roles:
    places = Places.of(architecture)
    array, pe = places.array_node, places.pe_node
    buffers = [node for node in places.levels[1:] if node not in (array, pe)]
    return Roles(places.levels[0], buffers[0] if buffers else -1, array, pe)
