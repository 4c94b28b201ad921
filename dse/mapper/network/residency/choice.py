"""The problem of a network with tensors on chip, and one way to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any, Literal

from dse.architecture.architecture import Architecture
from dse.mapper.network.residency.columns import Bits, Column
from dse.mapper.network.residency.graph import Graph, graph_of
from dse.model.homes import home_levels
from dse.model.moves import Moved, Places, Transfer, moved, transfer_of
from dse.problem.moves import Move
from dse.problem.workload import Workload

OUTER = -1
"""The outermost level, where levels that keep tensors are numbers."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What is minimised: pJ and cycles, each with a weight; energy and cycles of columns are their bounds.

    Parameters
    ----------
    energy, cycles : float
        Weights.
    max_pj, max_cycles : float
        Limits on the sums.
    """

    energy: float
    cycles: float
    max_pj: float = inf
    max_cycles: float = inf

    def of(self, energy_pj: float, cycles: float) -> float:
        return self.energy * energy_pj + self.cycles * cycles


@dataclass(frozen=True, slots=True)
class KeptInLevel:
    """What one level keeps.

    Parameters
    ----------
    home : tuple of frozenset of int
        By step, tensors that are at home in it.
    merged : frozenset of int
        Steps whose result takes the room of what they read.
    copied : tuple of (int, int)
        Tensors that are made here, each with a level that it is copied to then.
    loaded : tuple of (int, int, int)
        Tensor, step before which it comes here, and the level that it comes from.
    """

    home: tuple[frozenset[int], ...]
    merged: frozenset[int] = frozenset()
    copied: tuple[tuple[int, int], ...] = ()
    loaded: tuple[tuple[int, int, int], ...] = ()

    @property
    def arrivals(self) -> frozenset[tuple[int, int]]:
        """Tensors that are loaded, each with the step."""
        return frozenset((t, i) for t, i, _ in self.loaded)

    def room(self, graph: Graph, step: int, capacity: int) -> int:
        """Bits that whole tensors leave in a step."""
        taken = sum(graph.tensors[t].bits for t in self.home[step])
        for at in self.merged:
            out = graph.steps[at].writes
            if out in self.home[step]:
                if parts := graph.parts(at):
                    taken -= sum(graph.tensors[t].bits for t in parts if t in self.home[step])
                elif at == step:
                    taken -= graph.tensors[out].bits
        return capacity - taken


@dataclass(frozen=True)
class Choice:
    """One way to run a network.

    Parameters
    ----------
    levels : tuple of KeptInLevel
        By level that keeps tensors, outermost first.
    columns : tuple of (Column or None)
        By step; None for nodes without MACs.
    places : tuple of (Places or None)
        By step: where a node without MACs finds and leaves its tensors. None for layers, and for nodes that the
        machine takes along or that move nothing.
    outside : frozenset of int
        Tensors that are in the outermost level.
    cost, bound : float
        Weighted sum of this choice by its columns' bounds, and what no choice is below.
    """

    levels: tuple[KeptInLevel, ...]
    columns: tuple[Column | None, ...]
    places: tuple[Places | None, ...]
    outside: frozenset[int]
    cost: float
    bound: float

    @cached_property
    def home(self) -> tuple[frozenset[int], ...]:
        """By step, tensors that are at home in some level."""
        return tuple(frozenset().union(*some) for some in zip(*(kept.home for kept in self.levels), strict=True))

    def rooms(self, setting: Setting, step: int) -> Bits:
        """Bits that whole tensors leave in a step, by level."""
        return tuple(
            kept.room(setting.graph, step, capacity)
            for kept, capacity in zip(self.levels, setting.capacities, strict=True)
        )

    def tiles(self, step: int) -> Bits:
        """Bits that a step needs beside whole tensors, by level."""
        column = self.columns[step]
        return (0,) * len(self.levels) if column is None else column.bits

    def free(self, setting: Setting, step: int) -> Bits:
        """Bits that neither tensors nor tiles take in a step, by level; below 0 for too much of them."""
        return tuple(room - bits for room, bits in zip(self.rooms(setting, step), self.tiles(step), strict=True))


@dataclass(frozen=True, slots=True)
class Cut:
    """What must not all be chosen together.

    Parameters
    ----------
    level : int
        Whose room is at stake.
    stays : frozenset of (int, int)
        Tensors, each with a step in which it is at home there.
    columns : frozenset of (int, Column)
        By step.
    unmerged : frozenset of int
        Steps; if one of their results does take the room of what it is made of, the cut says nothing.
    unloaded : frozenset of (int, int)
        Tensors and steps; nor does it if one of them is loaded before that step.
    """

    level: int
    stays: frozenset[tuple[int, int]]
    columns: frozenset[tuple[int, Column]] = frozenset()
    unmerged: frozenset[int] = frozenset()
    unloaded: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Setting:
    """The problem apart from the columns.

    Parameters
    ----------
    graph : Graph
    architecture : Architecture
    levels : tuple of str
        That keep tensors, outermost first.
    capacities : tuple of int
        Their bits.
    static_pj : float
        For each cycle.
    """

    graph: Graph
    architecture: Architecture
    levels: tuple[str, ...]
    capacities: Bits
    static_pj: float

    @cached_property
    def known(self) -> dict[Any, Any]:
        """What transfers cost, once it was asked for: every programme asks for all of them."""
        return {}

    @property
    def outer(self) -> str:
        return self.architecture.levels[0].name

    @property
    def named(self) -> str:
        """The levels that keep tensors, in words."""
        return " and ".join(self.levels)

    def name(self, level: int) -> str:
        """Of a level by its number."""
        return self.outer if level == OUTER else self.levels[level]

    def place(self, level: int) -> str:
        """The same, as `Places` has it."""
        return "" if level == OUTER else self.levels[level]

    def transfer(self, tensor: int, level: int, way: Literal["read", "write"]) -> Transfer:
        """Of a whole tensor from or to a level."""
        key = tensor, level, way
        if key not in self.known:
            held = self.graph.tensors[tensor].tensor
            self.known[key] = transfer_of(self.architecture, self.name(level), held, way)
        found: Transfer = self.known[key]
        return found

    def carried(self, tensor: int, kind: str, source: int, target: int) -> Moved:
        """A `copy` of a tensor from the level where it is made to another, or a `load` from where it is."""
        key = tensor, kind, source, target
        if key not in self.known:
            held = self.graph.tensors[tensor]
            move = Move(f"{kind} of {held.name}", kind, (held.tensor,), held.tensor)
            self.known[key] = moved(self.architecture, move, Places((self.place(source),), (self.place(target),)))
        found: Moved = self.known[key]
        return found


def setting_of(architecture: Architecture, workload: Workload) -> Setting:
    """A network on a machine, and the levels that keep tensors.

    Raises
    ------
    DseError
        No level does.
    """
    homes = home_levels(architecture)
    power_mw = architecture.total_static_power_mw + architecture.total_clock_power_mw
    return Setting(
        graph_of(architecture, workload), architecture, tuple(level.name for level in homes),
        tuple(level.capacity_bits or 0 for level in homes), power_mw * 1e9 / architecture.clock_hz,
    )  # fmt: skip


def others(levels: int, level: int) -> Sequence[int]:
    """The outermost level, and those that keep tensors but for one."""
    return [OUTER, *(h for h in range(levels) if h != level)]
