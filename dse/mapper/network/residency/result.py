"""A network with tensors at home on chip: what stays where and when, what it costs, and why it cannot be better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dse.mapper.network.residency.choose import Choice, Setting
from dse.mapper.network.residency.columns import Column, Point
from dse.mapper.network.residency.graph import Held
from dse.mapper.network.residency.placing import Layout
from dse.mapper.network.residency.stays import Stays, stays_of
from dse.mapper.shared.result import Mapped
from dse.model.homes import Homes, evaluate_at_home, outer_mapping
from dse.model.moves import Moved, Places, moved

ROUNDING = 1e-12
"""Relative difference between two sums of the same numbers."""


@dataclass(frozen=True, slots=True)
class ResidencyCertificate:
    """Why no other choice of tensors on chip, and of mappings in the room that is left, is better.

    Parameters
    ----------
    objective : {"energy", "latency", "edp"}
        Of the network.
    value, lower_bound : float
        Of the run found (pJ, cycles, or pJ x cycles), and what no run in the space goes below.
    order : tuple of str
        Steps in the order in which they run.
    distinct, calls : int
        Layers of different shapes, and searches of the mapper.
    columns, rounds : int
        Ways to run single steps that were priced or bounded, and integer programmes solved.
    orders : int
        That were tried: 1 is the file's, more are others of the branches of a module. Nothing is said of the rest.
    levels : tuple of str
        That were tried, one at a time, as the one that keeps tensors.
    """

    objective: str
    value: float
    lower_bound: float
    order: tuple[str, ...]
    distinct: int
    calls: int
    columns: int
    rounds: int
    orders: int = 1
    levels: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """The run is proven to be within this fraction of the best; sums in another order differ by their rounding."""
        gap = self.value / self.lower_bound - 1 if self.lower_bound > 0 else 0.0
        return gap if gap > ROUNDING else 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "objective": self.objective, "value": self.value, "lower_bound": self.lower_bound, "gap": self.gap,
            "order": list(self.order), "distinct": self.distinct, "calls": self.calls, "columns": self.columns,
            "rounds": self.rounds, "orders": self.orders, "levels": list(self.levels),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stay:
    """What becomes of one tensor.

    Parameters
    ----------
    name : str
    bits : int
        Room that it takes at home.
    steps : tuple of str
        Those in which it is at home.
    words_before, words_after : int
        That cross the outermost level's edge for it, with nothing at home (None if unknown) and as it is now.
    why_not : str
        Why it is never at home; empty if it is.
    short_bits : int
        Room that it lacks, if that is why; 0 for any other reason.
    short_in : str
        The step in which it lacks most; empty where it is larger than the level.
    """

    name: str
    bits: int
    steps: tuple[str, ...]
    words_before: int | None
    words_after: int
    why_not: str
    short_bits: int = 0
    short_in: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """The home level in one step, in bits.

    Parameters
    ----------
    step : str
    tensors : tuple of (str, int, int)
        Name, offset and size of what is at home; a tensor in another one's room has that one's offset.
    tiles, free : int
    """

    step: str
    tensors: tuple[tuple[str, int, int], ...]
    tiles: int
    free: int


@dataclass(frozen=True, slots=True)
class Before:
    """The best run of the network with all tensors in the outermost level.

    Parameters
    ----------
    energy_pj, cycles : float
    words : tuple of int
        By tensor, that cross the outermost level's edge.
    """

    energy_pj: float
    cycles: float
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Residency:
    """A network's tensors at home on chip.

    Parameters
    ----------
    setting : Setting
    choice : Choice
    layout : Layout
    layers : tuple of (str, Mapped, Homes)
        Every layer in the order of the steps, on the machine with all its levels.
    moves : tuple of Moved
        Nodes without MACs that move something, copies and loads of tensors, in the order of the steps.
    before : Before or None
        The best run with nothing at home, where it is known.
    certificate : ResidencyCertificate or None
        None for a run that was given.
    """

    setting: Setting
    choice: Choice
    layout: Layout
    layers: tuple[tuple[str, Mapped, Homes], ...]
    moves: tuple[Moved, ...]
    before: Before | None
    certificate: ResidencyCertificate | None

    @property
    def energy_pj(self) -> float:
        layers = sum(mapped.cost.energy_pj for _, mapped, _ in self.layers)
        return layers + sum(one.energy_pj for one in self.moves)

    @property
    def cycles(self) -> float:
        return sum(mapped.cost.cycles for _, mapped, _ in self.layers) + sum(one.cycles for one in self.moves)

    @property
    def homes(self) -> dict[str, Homes]:
        """Layers that have something at home."""
        return {name: homes for name, _, homes in self.layers if homes.operands}

    def home_of(self, layer: str) -> dict[str, str]:
        """The level of each of a layer's operands that is at home on chip."""
        return self.homes[layer].by_operand() if layer in self.homes else {}

    @property
    def grouped(self) -> tuple[tuple[Mapped, tuple[str, ...]], ...]:
        """One entry per distinct shape, mapping and homes, with the names of the layers that have them."""
        groups: dict[Any, tuple[Mapped, list[str]]] = {}
        for name, mapped, homes in self.layers:
            key = mapped.layer.shape_key(), mapped.mapping, homes.operands
            groups.setdefault(key, (mapped, []))[1].append(name)
        return tuple((mapped, tuple(names)) for mapped, names in groups.values())

    @property
    def timeline(self) -> tuple[Moment, ...]:
        """The home level, step by step."""
        graph, choice = self.setting.graph, self.choice
        found = []
        for i, step in enumerate(graph.steps):
            column = choice.columns[i]
            tiles = 0 if column is None else column.bits
            held = tuple(
                (graph.tensors[t].name, self.layout.offset(t, i), graph.tensors[t].bits)
                for t in sorted(choice.home[i])
            )
            free = choice.room(graph, i, self.setting.capacity) - tiles
            found.append(Moment(step.name, held, tiles, free))
        return tuple(found)

    @property
    def stays(self) -> tuple[Stay, ...]:
        """What becomes of every tensor."""
        graph, after = self.setting.graph, outer_words_of(self.setting, self.choice, self.layers)
        found = []
        for t, held in enumerate(graph.tensors):
            steps = tuple(graph.steps[i].name for i, home in enumerate(self.choice.home) if t in home)
            why = "" if steps else why_not(self.setting, self.choice, t)
            known = None if self.before is None else self.before.words[t]
            short = (0, "") if steps else lacking(self.setting, self.choice, t)
            found.append(Stay(held.name, held.bits, steps, known, after[t], why, *short))
        return tuple(found)

    @property
    def in_names(self) -> Stays:
        """The choice as a file has it."""
        return stays_of(self.setting, self.choice)

    @property
    def kept(self) -> tuple[str, ...]:
        """Tensors that are at home in some step."""
        return tuple(stay.name for stay in self.stays if stay.steps)

    def to_dict(self) -> dict[str, Any]:
        before = self.before
        return {
            "level": self.setting.level,
            "capacity_bits": self.setting.capacity,
            "before": None if before is None else {"energy_pj": before.energy_pj, "cycles": before.cycles},
            "tensors": [
                {
                    "name": stay.name, "bits": stay.bits, "steps": list(stay.steps), "words_before": stay.words_before,
                    "words_after": stay.words_after, "why_not": stay.why_not, "short_bits": stay.short_bits,
                    "short_in": stay.short_in,
                }
                for stay in self.stays
            ],
            "timeline": [
                {
                    "step": moment.step, "tiles_bits": moment.tiles, "free_bits": moment.free,
                    "tensors": [{"name": n, "offset_bits": at, "bits": bits} for n, at, bits in moment.tensors],
                }
                for moment in self.timeline
            ],
        }  # fmt: skip


def mapped_at_home(setting: Setting, choice: Choice) -> tuple[tuple[str, Mapped, Homes], ...]:
    """Every layer of a choice on the machine with all its levels."""
    found = []
    for i, (step, column) in enumerate(zip(setting.graph.steps, choice.columns, strict=True)):
        if column is None:
            continue
        assert step.layer is not None
        assert column.point.mapped is not None
        room = choice.room(setting.graph, i, setting.capacity) - (setting.graph.widening(i) if column.wide else 0)
        homes = Homes(setting.level, column.homes, room if column.homes else setting.capacity, column.wide)
        inner = column.point.mapped
        nest = outer_mapping(setting.architecture, homes, inner.mapping)
        cost = evaluate_at_home(setting.architecture, step.layer, nest, homes)
        found.append((step.name, Mapped(step.layer, nest, cost, inner.certificate), homes))
    return tuple(found)


def moved_at_home(setting: Setting, choice: Choice) -> tuple[Moved, ...]:
    """All that is moved beside the layers' own words."""
    return tuple(_moves(setting, choice))


def _moves(setting: Setting, choice: Choice) -> Iterator[Moved]:
    for i, step in enumerate(setting.graph.steps):
        yield from (setting.load(t) for t, at in choice.loaded if at == i)
        places = choice.places[i]
        if step.move is not None and places is not None:
            yield moved(setting.architecture, step.move, places)
        if step.writes in choice.copied:
            yield setting.copy(step.writes)


def outer_words_of(setting: Setting, choice: Choice, layers: Iterable[tuple[str, Mapped, Homes]]) -> tuple[int, ...]:
    """By tensor, words read from and written to the outermost level."""
    words = [0] * len(setting.graph.tensors)
    costs = {name: mapped.cost for name, mapped, _ in layers}
    for i, step in enumerate(setting.graph.steps):
        if step.layer is not None:
            row = costs[step.name].accesses.levels[setting.outer]
            for operand, tensors in step.operands:
                for t in tensors:
                    words[t] += (row[operand].reads + row[operand].writes) // len(tensors)
            words[step.writes] += row["psum"].reads + row["psum"].writes
        elif (places := choice.places[i]) is not None:
            for t, at_home in zip(step.reads, places.reads, strict=True):
                words[t] += 0 if at_home else setting.graph.tensors[t].tensor.words
            words[step.writes] += setting.graph.tensors[step.writes].tensor.words * places.outside
    for t in [*choice.copied, *(t for t, _ in choice.loaded)]:
        words[t] += setting.graph.tensors[t].tensor.words
    return tuple(words)


def nothing_at_home(setting: Setting, points: Mapping[int, Point]) -> Choice:
    """The choice with all tensors in the outermost level, and these mappings by step."""
    graph, none = setting.graph, frozenset[int]()
    columns = [
        None if step.layer is None else Column(frozenset(), False, points[i].bits, points[i], True)
        for i, step in enumerate(graph.steps)
    ]
    places = [
        None if step.layer is not None or step.taken else Places(setting.level, (False,) * len(step.reads))
        for step in graph.steps
    ]
    outside = frozenset(range(len(graph.tensors)))
    return Choice((none,) * len(graph.steps), tuple(columns), tuple(places), none, none, (), outside, 0.0, 0.0)


def why_not(setting: Setting, choice: Choice, t: int) -> str:
    """Why a tensor is never at home, as far as that can be said of it alone."""
    held = setting.graph.tensors[t]
    if held.must_leave:
        return "it leaves the network"
    if _is_read_once(held):
        return "an input, read once"
    short, where = lacking(setting, choice, t)
    if short:
        return f"{_kib(short)} short in {where}" if where else f"{_kib(short)} larger than {setting.level}"
    return "it would save nothing"


def lacking(setting: Setting, choice: Choice, t: int) -> tuple[int, str]:
    """Bits of room that keep a tensor from being at home, and the step that has least; no step if the level is smaller
    than the tensor, and 0 bits if it is not room that it lacks."""
    graph, held = setting.graph, setting.graph.tensors[t]
    if held.must_leave or _is_read_once(held):
        return 0, ""
    if held.bits > setting.capacity:
        return held.bits - setting.capacity, ""
    steps = held.steps if held.made_in >= 0 else held.read_in
    short = {i: held.bits - free(setting, choice, i) for i in steps}
    worst = max(short, key=lambda i: short[i])
    return (short[worst], graph.steps[worst].name) if short[worst] > 0 else (0, "")


def _is_read_once(held: Held) -> bool:
    """An input that has no second reader, for which to keep it would save nothing."""
    return held.made_in < 0 and len(held.read_in) == 1


def free(setting: Setting, choice: Choice, step: int) -> int:
    """Bits that neither tensors nor the chosen mapping's tiles take in a step."""
    column: Column | None = choice.columns[step]
    return choice.room(setting.graph, step, setting.capacity) - (0 if column is None else column.bits)


def _kib(bits: int) -> str:
    return f"{bits / 8192:.0f} KiB" if bits >= 8192 else f"{bits / 8:.0f} B"


