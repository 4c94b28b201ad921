"""The choice of homes and columns for a whole network, as an integer programme.

For a tensor t, a level h and the steps i in which it may be at home there, `home[t, h, i]` says whether it is;
`outside[t]` says whether it is (also) in the outermost level, from the step that makes it on. A tensor is made at home
or outside by a column of its step, comes to other levels by a copy when it is made, and home by being loaded. Room, in
every step and level: whole tensors, and the tiles of the step's column. A step reads at home what is at home there, and
outside what is outside.

Room is counted in grains, what divides the sizes of all tensors: they leave so many whole grains, and a column needs as
many as its bits begin. So a column for one bit too much is one grain too much, which no rounding of the solver lets in.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, inf

from dse.mapper.network.residency.choice import OUTER, Choice, Cut, KeptInLevel, Setting, Weights, others
from dse.mapper.network.residency.choosing.placing import NEVER
from dse.mapper.network.residency.choosing.programme import Programme
from dse.mapper.network.residency.columns import Column, level_of
from dse.mapper.network.residency.graph import HeldTensor, Step
from dse.mapper.shared.stopping import Deadline
from dse.model.moves import Places, Transfer, port_cycles

SIZE = 1e7
"""What all prices together are scaled to: the solver's tolerances are absolute, 1e-6."""


class _Builder:
    """The programme with names for its variables; h is a level that keeps tensors, OUTER the outermost one.

    Keys are (t, h, i) for homes, (t, source, h, i) for loads, (t, h, target) for copies, (i, number of the column) for
    picks, (i, t, h) for what a node without MACs reads, and (i, h) for what it writes, takes along, or merges.
    """

    def __init__(
        self, setting: Setting, options: Sequence[Sequence[Column]], weights: Weights, roomy: frozenset[int]
    ) -> None:
        self.setting, self.graph, self.weights, self.roomy = setting, setting.graph, weights, roomy
        self.levels = range(len(setting.levels))
        self.prices: dict[int, tuple[float, float]] = {}  # pJ and cycles of a variable
        self.grain = gcd(*(held.bits for held in self.graph.tensors))
        self.units = [float(max(1, capacity // self.grain)) for capacity in setting.capacities]
        self.model = Programme()
        self.options = options
        self.home: dict[tuple[int, int, int], int] = {}
        self.loads: dict[tuple[int, int, int, int], int] = {}
        self.outside: list[int] = []
        self.copies: dict[tuple[int, int, int], int] = {}
        self.picks: dict[tuple[int, int], int] = {}
        self.read: dict[tuple[int, int, int], int] = {}
        self.written: dict[tuple[int, int], int] = {}
        self.free: dict[tuple[int, int], int] = {}
        self.merged: dict[tuple[int, int], int] = {}
        self.room: dict[tuple[int, int], list[tuple[int, float]]] = {
            (i, h): [] for i in range(len(self.graph.steps)) for h in self.levels
        }
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

    def share(self, h: int, bits: int) -> float:
        """Of a level's room that tensors can fill, what is lost to them beside so many bits."""
        capacity = self.setting.capacities[h]
        left = max(-1, (capacity - bits) // self.grain)
        return (capacity // self.grain - left) / self.units[h]

    def takes(self, i: int, h: int, variable: int, share: float) -> None:
        """What a variable takes of a level's room in a step. In a roomy one a column fits by itself."""
        if i not in self.roomy:
            self.room[i, h].append((variable, share))

    def variable(self, energy_pj: float, cycles: float, *, whole: bool = True) -> int:
        """A variable with a price."""
        made = self.model.variable(whole=whole)
        self.prices[made] = energy_pj, cycles
        return made

    def _tensor(self, t: int, held: HeldTensor) -> None:
        model = self.model
        self.outside.append(model.variable())
        if held.must_leave or held.made_in < 0:
            model.row([(self.outside[t], 1.0)], low=1.0)
        fitting = [h for h in self.levels if held.bits <= self.setting.capacities[h]]
        for i in held.steps:
            for h in self.levels:
                self.home[t, h, i] = model.variable(most=float(h in fitting))
                self.takes(i, h, self.home[t, h, i], self.share(h, held.bits))
            for h in self.levels:
                before = [self.home[t, h, i - 1]] if i > held.steps[0] else []
                if i in held.read_in and h in fitting:
                    before += self._loads(t, held, h, i)
                if i != held.made_in:
                    model.at_most([self.home[t, h, i]], before)
        if held.made_in >= 0:
            for h in fitting:
                for target in others(len(self.levels), h):
                    if target == OUTER or target in fitting:
                        copy = self.setting.carried(t, "copy", h, target)
                        self.copies[t, h, target] = self.variable(copy.energy_pj, copy.cycles)

    def _loads(self, t: int, held: HeldTensor, h: int, i: int) -> list[int]:
        """Ways for a tensor to come home before a step that reads it."""
        found = []
        for source in others(len(self.levels), h):
            if source == OUTER:
                there = self.outside[t]
            elif i > held.steps[0] and held.bits <= self.setting.capacities[source]:
                there = self.home[t, source, i - 1]
            else:
                continue
            load = self.setting.carried(t, "load", source, h)
            self.loads[t, source, h, i] = self.variable(load.energy_pj, load.cycles)
            self.model.at_most([self.loads[t, source, h, i]], [there])
            found.append(self.loads[t, source, h, i])
        return found

    def _made(self, i: int, out: int, made: Sequence[Sequence[int]], outside: Sequence[int]) -> None:
        """A result is at home where it is made or copied to, and copied from where it is made."""
        model = self.model
        for h in self.levels:
            coming = [self.copies[out, s, h] for s in self.levels if (out, s, h) in self.copies]
            terms = [(self.home[out, h, i], 1.0), *((x, -1.0) for x in (*made[h], *coming))]
            model.row(terms, low=0.0, high=0.0)
            for target in others(len(self.levels), h):
                if (out, h, target) in self.copies:
                    model.at_most([self.copies[out, h, target]], made[h])
        leaving = [self.copies[out, h, OUTER] for h in self.levels if (out, h, OUTER) in self.copies]
        model.at_most([self.outside[out]], [*outside, *leaving])

    def _layer(self, i: int, step: Step) -> None:
        model = self.model
        picks = {}
        for number, column in enumerate(self.options[i]):
            point = column.point
            picks[number] = self.variable(point.least_pj, point.least_cycles)
            self.picks[i, number] = picks[number]
            for h in self.levels:
                if column.bits[h]:
                    self.takes(i, h, picks[number], self.share(h, column.bits[h]))
        model.row([(pick, 1.0) for pick in picks.values()], low=1.0, high=1.0)

        def having(operand: str, level: int) -> list[int]:
            return [picks[n] for n, column in enumerate(self.options[i]) if level_of(column.homes, operand) == level]

        for operand, tensors in step.operands:
            for t in tensors:
                for h in self.levels:
                    model.at_most(having(operand, h), [self.home[t, h, i]])
                model.at_most(having(operand, OUTER), [self.outside[t]])
        self._made(i, step.writes, [having("psum", h) for h in self.levels], having("psum", OUTER))

    def _node(self, i: int, step: Step) -> None:
        """Everything in its place and moving nothing, or read tensor by tensor and written."""
        model, setting, out = self.model, self.setting, step.writes
        moves, parts = model.variable(), self.graph.parts(i)
        for h in self.levels:
            self.free[i, h] = model.variable(most=float(step.taken or bool(parts)))
        self.free[i, OUTER] = model.variable(most=float(step.taken))
        places = (*self.levels, OUTER)
        model.row([(moves, 1.0), *((self.free[i, h], 1.0) for h in places)], low=1.0, high=1.0)
        transfers: list[tuple[int, Transfer]] = []
        for t in step.reads:
            for h in places:
                self.read[i, t, h] = model.variable()
                transfers.append((self.read[i, t, h], setting.transfer(t, h, "read")))
            model.row([*((self.read[i, t, h], 1.0) for h in places), (moves, -1.0)], low=0.0, high=0.0)
            for h in places:
                there = self.outside[t] if h == OUTER else self.home[t, h, i]
                model.at_most([self.read[i, t, h], self.free[i, h]], [there])
        for h in places:
            self.written[i, h] = model.variable()
            model.at_most([self.written[i, h]], [moves])
            transfers.append((self.written[i, h], setting.transfer(out, h, "write")))
        ways = [[self.written[i, h], self.free[i, h]] for h in places]
        model.at_most([moves], [self.written[i, h] for h in places])
        self._made(i, out, ways[:-1], ways[-1])
        self._time(transfers)
        for h in self.levels:
            if parts:
                self._concat(i, h, parts, taken=step.taken)
            elif over := self.graph.overwritten(i):
                self.merged[i, h] = merged = model.variable()
                model.at_most([merged], ways[h])
                model.at_most([merged], [self.home[t, h, i] for t in over])
                self.takes(i, h, merged, -self.share(h, self.graph.tensors[out].bits))

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

    def _concat(self, i: int, h: int, parts: Sequence[int], *, taken: bool) -> None:
        """The parts are the result: they and it stay, and take room once."""
        model, graph, out = self.model, self.graph, self.graph.steps[i].writes
        self.merged[i, h] = merged = model.variable()
        model.at_most([merged], [self.free[i, h]])
        if not taken:
            model.at_most([self.free[i, h]], [merged])
        for j in graph.tensors[out].steps:
            model.at_most([merged], [self.home[out, h, j]])
            for part in parts:
                if j in graph.tensors[part].steps:
                    model.at_most([merged], [self.home[part, h, j]])
                    self.takes(j, h, merged, -self.share(h, graph.tensors[part].bits))

    def cut(self, cut: Cut, number_of: Sequence[dict[Column, int]]) -> None:
        """A row against what must not all be chosen together."""
        h = cut.level
        own = [self.home[t, h, i] for t, i in sorted(cut.stays)]
        chosen = sorted(cut.columns, key=lambda pair: pair[0])  # not in the order of a set: every process does the same
        own += [self.picks[i, number_of[i][column]] for i, column in chosen if column in number_of[i]]
        freeing = [self.merged[i, h] for i in sorted(cut.unmerged) if (i, h) in self.merged]
        unloaded = sorted(cut.unloaded)
        freeing += [x for (t, _, to, i), x in self.loads.items() if to == h and (t, i) in unloaded]
        if len(own) == len(cut.stays) + len(cut.columns):
            self.model.row([*((x, 1.0) for x in own), *((x, -1.0) for x in freeing)], high=len(own) - 1.0)


def choose(
    setting: Setting, options: Sequence[Sequence[Column]], weights: Weights, cuts: Sequence[Cut] = (),
    roomy: frozenset[int] = frozenset(), deadline: Deadline = NEVER,
) -> Choice:  # fmt: skip
    """The best choice of homes and columns by the columns' bounds.

    Parameters
    ----------
    setting : Setting
    options : sequence of sequences of Column
        By step; none for nodes without MACs.
    weights : Weights
    cuts : sequence of Cut
    roomy : frozenset of int
        Steps in which only what a layer itself has at home takes room from its tiles. With them the choice is none that
        can be run, but nothing with less room costs less than its bound.
    deadline : Deadline
        At which the best choice found so far is the answer.

    Raises
    ------
    InfeasibleError
        When nothing keeps the limits.
    UndecidedError
        When no choice was found in time.
    """
    built = _Builder(setting, options, weights, roomy)
    number_of = [{column: number for number, column in enumerate(some)} for some in options]
    for cut in cuts:
        built.cut(cut, number_of)
    values, cost, bound = built.model.solve(limit_s=deadline.left_s)
    return _read(built, values, cost * built.scale, bound * built.scale)


def _read(built: _Builder, values: Sequence[float], cost: float, bound: float) -> Choice:
    graph, setting = built.graph, built.setting
    on = [value > 0.5 for value in values]
    columns: list[Column | None] = [None] * len(graph.steps)
    for (i, number), variable in built.picks.items():
        if on[variable]:
            columns[i] = built.options[i][number]
    places: list[Places | None] = [None] * len(graph.steps)
    for i, step in enumerate(graph.steps):
        if step.layer is None and not any(on[x] for (at, _), x in built.free.items() if at == i):
            reads = (next(h for h in (*built.levels, OUTER) if on[built.read[i, t, h]]) for t in step.reads)
            writes = (h for h in (OUTER, *built.levels) if on[built.written[i, h]])
            places[i] = Places(tuple(map(setting.place, reads)), tuple(map(setting.place, writes)))
    levels = tuple(
        KeptInLevel(
            tuple(
                frozenset(t for t in graph.alive(i) if on[built.home[t, h, i]]) for i in range(len(graph.steps))
            ),
            frozenset(i for (i, level), x in built.merged.items() if level == h and on[x]),
            tuple((t, target) for (t, level, target), x in built.copies.items() if level == h and on[x]),
            tuple((t, i, source) for (t, source, level, i), x in built.loads.items() if level == h and on[x]),
        )
        for h in built.levels
    )  # fmt: skip
    outside = frozenset(t for t, x in enumerate(built.outside) if on[x])
    return Choice(levels, tuple(columns), tuple(places), outside, cost, bound)
