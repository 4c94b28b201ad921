"""A network with tensors at home on chip: what stays where and when, what it costs, and why it cannot be better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from dse.mapper.network.residency.asking import homes_in
from dse.mapper.network.residency.choice import OUTER, Choice, KeptInLevel, Setting
from dse.mapper.network.residency.choosing.placing import Layout
from dse.mapper.network.residency.columns import Column, Point
from dse.mapper.network.residency.outcome.reasons import lacking, why_not
from dse.mapper.network.residency.outcome.stays import Stays, stays_of
from dse.mapper.network.residency.rooms import way_in
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
        That may keep tensors, outermost first.
    any_order : float, optional
        What no run goes below in any order of the branches of modules, where that is known.
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
    any_order: float | None = None

    @property
    def order_gap(self) -> float | None:
        """By what fraction a run in another order of branches may be better at most, beyond what is proven of this
        one's; None where nothing is known."""
        if self.any_order is None:
            return None
        saved = 1 - self.any_order / self.value if self.value > 0 else 0.0
        return saved if saved > ROUNDING else 0.0

    @property
    def gap(self) -> float:
        """The run is proven to be within this fraction of the best; sums in another order differ by their rounding."""
        gap = self.value / self.lower_bound - 1 if self.lower_bound > 0 else inf if self.value > 0 else 0.0
        return gap if gap > ROUNDING else 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "objective": self.objective, "value": self.value, "lower_bound": self.lower_bound, "gap": self.gap,
            "order": list(self.order), "distinct": self.distinct, "calls": self.calls, "columns": self.columns,
            "rounds": self.rounds, "orders": self.orders, "levels": list(self.levels),
            "any_order": self.any_order, "order_gap": self.order_gap,
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
        Those in which it is at home, in some level.
    words_before, words_after : int
        That cross the outermost level's edge for it, with nothing at home (None if unknown) and as it is now.
    why_not : str
        Why it is never at home; empty if it is.
    short_bits : int
        Room that it lacks, if that is why; 0 for any other reason.
    short_in : str
        The step in which it lacks most; empty where it is larger than the level.
    levels : tuple of (str, tuple of str)
        Levels in which it is at home, each with the steps.
    """

    name: str
    bits: int
    steps: tuple[str, ...]
    words_before: int | None
    words_after: int
    why_not: str
    short_bits: int = 0
    short_in: str = ""
    levels: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A level that keeps tensors in one step, in bits.

    Parameters
    ----------
    level, step : str
    tensors : tuple of (str, int, int)
        Name, offset and size of what is at home; a tensor in another one's room has that one's offset.
    tiles, free : int
    """

    level: str
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


@dataclass(frozen=True)
class Residency:
    """A network's tensors at home on chip.

    Parameters
    ----------
    setting : Setting
    choice : Choice
    layouts : tuple of Layout
        By level that keeps tensors.
    plain : Choice or None
        The best run with nothing at home, where it is known.
    certificate : ResidencyCertificate or None
        None for a run that was given.
    """

    setting: Setting
    choice: Choice
    layouts: tuple[Layout, ...]
    plain: Choice | None
    certificate: ResidencyCertificate | None

    @cached_property
    def layers(self) -> tuple[tuple[str, Mapped, Homes], ...]:
        """Every layer in the order of the steps, priced in full on the machine with all its levels."""
        return mapped_at_home(self.setting, self.choice)

    @cached_property
    def moves(self) -> tuple[Moved, ...]:
        """Nodes without MACs that move something, copies and loads of tensors, in the order of the steps."""
        return moved_at_home(self.setting, self.choice)

    @cached_property
    def before(self) -> Before | None:
        """The best run with nothing at home, where it is known."""
        if self.plain is None:
            return None
        words = outer_words_of(self.setting, self.plain, mapped_at_home(self.setting, self.plain))
        return Before(*sums(self.setting, self.plain), words)

    @property
    def totals(self) -> tuple[float, float]:
        """Energy (pJ) and cycles as the searches priced them, without pricing every layer in full."""
        return sums(self.setting, self.choice)

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
        return {name: homes for name, _, homes in self.layers if homes.everywhere}

    def home_of(self, layer: str) -> dict[str, str]:
        """The level of each of a layer's operands that is at home on chip."""
        return self.homes[layer].by_operand() if layer in self.homes else {}

    @property
    def grouped(self) -> tuple[tuple[Mapped, tuple[str, ...]], ...]:
        """One entry per distinct shape, mapping and homes, with the names of the layers that have them."""
        groups: dict[Any, tuple[Mapped, list[str]]] = {}
        for name, mapped, homes in self.layers:
            key = mapped.layer.shape_key(), mapped.mapping, tuple(sorted(homes.by_operand().items()))
            groups.setdefault(key, (mapped, []))[1].append(name)
        return tuple((mapped, tuple(names)) for mapped, names in groups.values())

    @property
    def timeline(self) -> tuple[Moment, ...]:
        """The levels that keep tensors, outermost first, each step by step."""
        return tuple(
            self._moment(h, i) for h in range(len(self.setting.levels)) for i in range(len(self.setting.graph.steps))
        )

    def _moment(self, h: int, i: int) -> Moment:
        graph, choice = self.setting.graph, self.choice
        held = tuple(
            (graph.tensors[t].name, self.layouts[h].offset(t, i), graph.tensors[t].bits)
            for t in sorted(choice.levels[h].home[i])
        )
        free = choice.free(self.setting, i)[h]
        return Moment(self.setting.levels[h], graph.steps[i].name, held, choice.tiles(i)[h], free)

    @property
    def stays(self) -> tuple[Stay, ...]:
        """What becomes of every tensor."""
        graph, after = self.setting.graph, outer_words_of(self.setting, self.choice, self.layers)
        found = []
        for t, held in enumerate(graph.tensors):
            levels = {
                level: tuple(graph.steps[i].name for i, home in enumerate(kept.home) if t in home)
                for level, kept in zip(self.setting.levels, self.choice.levels, strict=True)
            }
            steps = tuple(graph.steps[i].name for i, home in enumerate(self.choice.home) if t in home)
            why = "" if steps else why_not(self.setting, self.choice, t)
            known = None if self.before is None else self.before.words[t]
            short = (0, "") if steps else lacking(self.setting, self.choice, t)[:2]
            own = tuple((level, names) for level, names in levels.items() if names)
            found.append(Stay(held.name, held.bits, steps, known, after[t], why, *short, own))
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
            "level": self.setting.named,
            "levels": [
                {"level": level, "capacity_bits": bits}
                for level, bits in zip(self.setting.levels, self.setting.capacities, strict=True)
            ],
            "before": None if before is None else {"energy_pj": before.energy_pj, "cycles": before.cycles},
            "tensors": [
                {
                    "name": stay.name, "bits": stay.bits, "steps": list(stay.steps), "words_before": stay.words_before,
                    "words_after": stay.words_after, "why_not": stay.why_not, "short_bits": stay.short_bits,
                    "short_in": stay.short_in, "levels": {level: list(steps) for level, steps in stay.levels},
                }
                for stay in self.stays
            ],
            "timeline": [
                {
                    "level": moment.level, "step": moment.step, "tiles_bits": moment.tiles, "free_bits": moment.free,
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
        way = way_in(setting, i, column, choice.rooms(setting, i))
        homes = homes_in(setting.levels, column.homes, way.room, column.wide)
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
        yield from (setting.carried(t, "load", source, h) for h, kept in enumerate(choice.levels)
                    for t, at, source in kept.loaded if at == i)  # fmt: skip
        places = choice.places[i]
        if step.move is not None and places is not None:
            yield moved(setting.architecture, step.move, places)
        yield from (setting.carried(t, "copy", h, target) for h, kept in enumerate(choice.levels)
                    for t, target in kept.copied if t == step.writes)  # fmt: skip


def sums(setting: Setting, choice: Choice) -> tuple[float, float]:
    """Energy (pJ) and cycles of a choice whose columns are all mappings."""
    points = [column.point for column in choice.columns if column is not None]
    moves = moved_at_home(setting, choice)
    return (
        sum(point.energy_pj for point in points) + sum(one.energy_pj for one in moves),
        sum(point.cycles for point in points) + sum(one.cycles for one in moves),
    )


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
            reads = places.reads or ("",) * len(step.reads)
            for t, level in zip(step.reads, reads, strict=True):
                words[t] += 0 if level else setting.graph.tensors[t].tensor.words
            words[step.writes] += setting.graph.tensors[step.writes].tensor.words * ("" in places.writes)
    for kept in choice.levels:
        for t, other in [*kept.copied, *((t, source) for t, _, source in kept.loaded)]:
            words[t] += setting.graph.tensors[t].tensor.words if other == OUTER else 0
    return tuple(words)


def nothing_at_home(setting: Setting, points: Mapping[int, Point]) -> Choice:
    """The choice with all tensors in the outermost level, and these mappings by step."""
    graph, levels = setting.graph, len(setting.levels)
    nothing, empty = (frozenset[str](),) * levels, KeptInLevel((frozenset(),) * len(setting.graph.steps))
    columns = [
        None if step.layer is None else Column(nothing, False, points[i].bits, points[i], True)
        for i, step in enumerate(graph.steps)
    ]
    places = [None if step.layer is not None or step.taken else Places(("",) * len(step.reads)) for step in graph.steps]
    outside = frozenset(range(len(graph.tensors)))
    return Choice((empty,) * levels, tuple(columns), tuple(places), outside, 0.0, 0.0)
