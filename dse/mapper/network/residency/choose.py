"""The choice of homes and columns for a whole network, as an integer programme.

For a tensor t and the steps i in which it may be at home, `home[t, i]` says whether it is; `outside[t]` says whether it
is (also) in the outermost level, from the step that makes it on. A tensor is made at home or outside by a column of its
step, comes outside by a copy from home, and home by being loaded. Room, in every step: whole tensors, and the tiles of
the step's column. A step reads at home what is at home, and outside what is outside.

Room is counted in grains, what divides the sizes of all tensors: they leave so many whole grains, and a column needs as
many as its bits begin. So a column for one bit too much is one grain too much, which no rounding of the solver lets in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, inf

from dse.architecture.architecture import Architecture
from dse.mapper.network.residency.columns import Column
from dse.mapper.network.residency.graph import Graph, Held, Step
from dse.mapper.network.residency.programme import Programme
from dse.model.moves import Moved, Places, Transfer, moved, port_cycles, transfer_of
from dse.problem.moves import Move

SIZE = 1e7
"""What all prices together are scaled to: the solver's tolerances are absolute, 1e-6."""


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
class Choice:
    """One way to run a network.

    Parameters
    ----------
    home : tuple of frozenset of int
        By step, tensors that are at home in it.
    columns : tuple of (Column or None)
        By step; None for nodes without MACs.
    places : tuple of (Places or None)
        By step: where a node without MACs finds and leaves its tensors. None for layers, and for nodes that the
        machine takes along or that move nothing.
    merged : frozenset of int
        Steps whose result takes the room of what they read.
    copied : frozenset of int
        Tensors that are copied from home to the outermost level when they are made.
    loaded : tuple of (int, int)
        Tensor and step before which it is loaded home.
    outside : frozenset of int
        Tensors that are in the outermost level.
    cost, bound : float
        Weighted sum of this choice by its columns' bounds, and what no choice is below.
    """

    home: tuple[frozenset[int], ...]
    columns: tuple[Column | None, ...]
    places: tuple[Places | None, ...]
    merged: frozenset[int]
    copied: frozenset[int]
    loaded: tuple[tuple[int, int], ...]
    outside: frozenset[int]
    cost: float
    bound: float

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


@dataclass(frozen=True, slots=True)
class Cut:
    """What must not all be chosen together.

    Parameters
    ----------
    stays : frozenset of (int, int)
        Tensors, each with a step in which it is at home.
    columns : frozenset of (int, Column)
        By step.
    unmerged : frozenset of int
        Steps; if one of their results does take the room of what it is made of, the cut says nothing.
    unloaded : frozenset of (int, int)
        Tensors and steps; nor does it if one of them is loaded before that step.
    """

    stays: frozenset[tuple[int, int]]
    columns: frozenset[tuple[int, Column]] = frozenset()
    unmerged: frozenset[int] = frozenset()
    unloaded: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Setting:
    """The problem apart from the columns: network, machine, home level and its capacity in bits."""

    graph: Graph
    architecture: Architecture
    level: str
    capacity: int
    static_pj: float  # per cycle

    @property
    def outer(self) -> str:
        return self.architecture.levels[0].name

    def transfer(self, tensor: int, level: str, way: str) -> Transfer:
        return transfer_of(self.architecture, level, self.graph.tensors[tensor].tensor, way)  # type: ignore[arg-type]

    def copy(self, tensor: int) -> Moved:
        """From home to the outermost level."""
        held = self.graph.tensors[tensor]
        move = Move(f"copy of {held.name}", "copy", (held.tensor,), held.tensor)
        return moved(self.architecture, move, Places(self.level, (True,)))

    def load(self, tensor: int) -> Moved:
        """From the outermost level home."""
        held = self.graph.tensors[tensor]
        move = Move(f"load of {held.name}", "load", (held.tensor,), held.tensor)
        return moved(self.architecture, move, Places(self.level, (False,), outside=False, inside=True))


class _Builder:
    """The programme with names for its variables."""

    def __init__(self, setting: Setting, options: Sequence[Sequence[Column]], weights: Weights) -> None:
        self.setting, self.graph, self.weights = setting, setting.graph, weights
        self.prices: dict[int, tuple[float, float]] = {}  # pJ and cycles of a variable
        self.grain = gcd(*(held.bits for held in self.graph.tensors))
        self.unit = float(max(1, setting.capacity // self.grain))
        self.model = Programme()
        self.options = options
        self.home: dict[tuple[int, int], int] = {}
        self.loads: dict[tuple[int, int], int] = {}
        self.outside: list[int] = []
        self.copies: dict[int, int] = {}
        self.picks: dict[tuple[int, int], int] = {}  # step and number of the column
        self.free_home: dict[int, int] = {}
        self.free_outside: dict[int, int] = {}
        self.at_home: dict[tuple[int, int], int] = {}  # step and tensor read at home by a node that moves
        self.written: dict[int, tuple[int, int]] = {}  # step to its result's variables: home, outside
        self.merged: dict[int, int] = {}
        self.room: dict[int, list[tuple[int, float]]] = {i: [] for i in range(len(self.graph.steps))}
        for t, held in enumerate(self.graph.tensors):
            self._tensor(t, held)
        for i, step in enumerate(self.graph.steps):
            if step.layer is not None:
                self._layer(i, step)
            else:
                self._node(i, step)
        for terms in self.room.values():
            self.model.row(terms, high=1.0)
        for k, limit in enumerate((weights.max_pj, weights.max_cycles)):
            if limit < inf:
                self.model.row([(x, price[k] / limit) for x, price in self.prices.items() if price[k]], high=1.0)
        whole = sum(self.weights.of(*price) for price in self.prices.values())
        self.scale = whole / SIZE if whole > 0 else 1.0
        for x, price in self.prices.items():
            self.model.costs[x] = self.weights.of(*price) / self.scale

    def share(self, bits: int) -> float:
        """Of the room that tensors can fill, what is lost to them beside so many bits."""
        left = max(-1, (self.setting.capacity - bits) // self.grain)
        return (self.setting.capacity // self.grain - left) / self.unit

    def variable(self, energy_pj: float, cycles: float, *, whole: bool = True) -> int:
        """A variable with a price."""
        made = self.model.variable(whole=whole)
        self.prices[made] = energy_pj, cycles
        return made

    def _tensor(self, t: int, held: Held) -> None:
        model, setting = self.model, self.setting
        self.outside.append(model.variable())
        if held.must_leave or held.made_in < 0:
            model.row([(self.outside[t], 1.0)], low=1.0)
        fits = held.bits <= setting.capacity
        for i in held.steps:
            self.home[t, i] = model.variable(most=float(fits))
            self.room[i].append((self.home[t, i], self.share(held.bits)))
            before = [self.home[t, i - 1]] if i > held.steps[0] else []
            if i in held.read_in and fits:
                load = setting.load(t)
                self.loads[t, i] = self.variable(load.energy_pj, load.cycles)
                model.at_most([self.loads[t, i]], [self.outside[t]])
                before.append(self.loads[t, i])
            if i != held.made_in:
                model.at_most([self.home[t, i]], before)
        if held.made_in >= 0 and fits:
            copy = setting.copy(t)
            self.copies[t] = self.variable(copy.energy_pj, copy.cycles)
            model.at_most([self.copies[t]], [self.home[t, held.made_in]])

    def _layer(self, i: int, step: Step) -> None:
        model = self.model
        picks = {}
        for number, column in enumerate(self.options[i]):
            point = column.point
            picks[number] = self.variable(point.least_pj, point.least_cycles)
            self.picks[i, number] = picks[number]
            if column.bits:
                self.room[i].append((picks[number], self.share(column.bits)))
        model.row([(pick, 1.0) for pick in picks.values()], low=1.0, high=1.0)

        def having(operand: str, *, at_home: bool) -> list[int]:
            return [picks[n] for n, column in enumerate(self.options[i]) if (operand in column.homes) == at_home]

        for operand, tensors in step.operands:
            for t in tensors:
                model.at_most(having(operand, at_home=True), [self.home[t, i]])
                model.at_most(having(operand, at_home=False), [self.outside[t]])
        out, made = step.writes, having("psum", at_home=True)
        model.row([(self.home[out, i], 1.0), *((pick, -1.0) for pick in made)], low=0.0, high=0.0)
        model.at_most([self.outside[out]], [*having("psum", at_home=False), *self._copy(out)])

    def _copy(self, t: int) -> list[int]:
        return [self.copies[t]] if t in self.copies else []

    def _node(self, i: int, step: Step) -> None:
        """Everything in its place and moving nothing, or read tensor by tensor and written."""
        model, graph, setting = self.model, self.graph, self.setting
        out = step.writes
        moves = model.variable()
        parts, over = graph.parts(i), graph.overwritten(i)
        free_home = model.variable(most=float(step.taken or bool(parts)))
        free_outside = model.variable(most=float(step.taken))
        self.free_home[i], self.free_outside[i] = free_home, free_outside
        model.row([(moves, 1.0), (free_home, 1.0), (free_outside, 1.0)], low=1.0, high=1.0)
        transfers: list[tuple[int, Transfer]] = []
        for t in step.reads:
            inside, outside = model.variable(), model.variable()
            self.at_home[i, t] = inside
            model.row([(inside, 1.0), (outside, 1.0), (moves, -1.0)], low=0.0, high=0.0)
            model.at_most([inside, free_home], [self.home[t, i]])
            model.at_most([outside, free_outside], [self.outside[t]])
            transfers.append((inside, setting.transfer(t, setting.level, "read")))
            transfers.append((outside, setting.transfer(t, setting.outer, "read")))
        to_home, to_outside = model.variable(), model.variable()
        self.written[i] = to_home, to_outside
        for way in (to_home, to_outside):
            model.at_most([way], [moves])
        model.at_most([moves], [to_home, to_outside])
        transfers.append((to_home, setting.transfer(out, setting.level, "write")))
        transfers.append((to_outside, setting.transfer(out, setting.outer, "write")))
        model.row([(self.home[out, i], 1.0), (to_home, -1.0), (free_home, -1.0)], low=0.0, high=0.0)
        model.at_most([self.outside[out]], [to_outside, free_outside, *self._copy(out)])
        self._time(transfers)
        if parts:
            self._concat(i, out, parts, free_home, taken=step.taken)
        elif over:
            self.merged[i] = merged = model.variable()
            model.at_most([merged], [self.home[out, i]])
            model.at_most([merged], [self.home[t, i] for t in over])
            self.room[i].append((merged, -self.share(graph.tensors[out].bits)))

    def _time(self, transfers: list[tuple[int, Transfer]]) -> None:
        """Energy of what is moved, and a time that no port's is above."""
        for variable, transfer in transfers:
            self.prices[variable] = transfer.energy_pj, 0.0
        ports = port_cycles(transfer for _, transfer in transfers)
        unit = max(ports.values(), default=0.0)
        if unit == 0.0:
            return
        time = self.variable(self.setting.static_pj * unit, unit, whole=False)
        self.model.most[time] = len(transfers)
        for port in ports:
            terms = [(variable, dict(transfer.busy)[port] / unit) for variable, transfer in transfers
                     if port in dict(transfer.busy)]  # fmt: skip
            self.model.row([*terms, (time, -1.0)], high=0.0)

    def _concat(self, i: int, out: int, parts: Sequence[int], free_home: int, *, taken: bool) -> None:
        """The parts are the result: they and it stay, and take room once."""
        model, graph = self.model, self.graph
        self.merged[i] = merged = model.variable()
        model.at_most([merged], [free_home])
        if not taken:
            model.at_most([free_home], [merged])
        for j in graph.tensors[out].steps:
            model.at_most([merged], [self.home[out, j]])
            for part in parts:
                if j in graph.tensors[part].steps:
                    model.at_most([merged], [self.home[part, j]])
                    self.room[j].append((merged, -self.share(graph.tensors[part].bits)))


def choose(
    setting: Setting, options: Sequence[Sequence[Column]], weights: Weights, cuts: Sequence[Cut] = ()
) -> Choice:
    """The best choice of homes and columns by the columns' bounds.

    Parameters
    ----------
    setting : Setting
    options : sequence of sequences of Column
        By step; none for nodes without MACs.
    weights : Weights
    cuts : sequence of Cut

    Raises
    ------
    InfeasibleError
        When nothing keeps the limits.
    """
    built = _Builder(setting, options, weights)
    number_of = [{column: number for number, column in enumerate(some)} for some in options]
    for cut in cuts:
        own = [built.home[pair] for pair in sorted(cut.stays)]
        chosen = sorted(cut.columns, key=lambda pair: pair[0])  # not in the order of a set: every process does the same
        own += [built.picks[i, number_of[i][column]] for i, column in chosen if column in number_of[i]]
        freeing = [built.merged[i] for i in sorted(cut.unmerged) if i in built.merged]
        freeing += [built.loads[pair] for pair in sorted(cut.unloaded) if pair in built.loads]
        if len(own) == len(cut.stays) + len(cut.columns):
            built.model.row([*((x, 1.0) for x in own), *((x, -1.0) for x in freeing)], high=len(own) - 1.0)
    values, cost, bound = built.model.solve()
    return _read(built, values, cost * built.scale, bound * built.scale)


def _read(built: _Builder, values: Sequence[float], cost: float, bound: float) -> Choice:
    graph, setting = built.graph, built.setting
    on = [value > 0.5 for value in values]
    columns: list[Column | None] = [None] * len(graph.steps)
    for (i, number), variable in built.picks.items():
        if on[variable]:
            columns[i] = built.options[i][number]
    places: list[Places | None] = [None] * len(graph.steps)
    for i, (to_home, to_outside) in built.written.items():
        if not on[built.free_home[i]] and not on[built.free_outside[i]]:
            reads = tuple(on[built.at_home[i, t]] for t in graph.steps[i].reads)
            places[i] = Places(setting.level, reads, on[to_outside], on[to_home])
    return Choice(
        tuple(
            frozenset(t for t in graph.alive(i) if on[built.home[t, i]]) for i in range(len(graph.steps))
        ),
        tuple(columns), tuple(places), frozenset(i for i, x in built.merged.items() if on[x]),
        frozenset(t for t, x in built.copies.items() if on[x]),
        tuple(pair for pair, x in built.loads.items() if on[x]),
        frozenset(t for t, x in enumerate(built.outside) if on[x]), cost, bound,
    )  # fmt: skip
