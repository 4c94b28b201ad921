"""The best run that is known at any time, for when the time for a better one is over, and what no run is below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from dse.errors import DseError
from dse.mapper.network.residency.bound import least_moved
from dse.mapper.network.residency.choice import Choice, Setting, Weights
from dse.mapper.network.residency.choosing.placing import Layout, laid_out
from dse.mapper.network.residency.columns import Column, Columns, Way, within
from dse.mapper.network.residency.outcome.result import nothing_at_home, sums
from dse.mapper.network.residency.outcome.stays import check
from dse.mapper.network.residency.rooms import way_in
from dse.mapper.shared.stopping import Deadline
from dse.problem.layer import Layer


@dataclass(slots=True)
class Standby:
    """The best of some runs, all of whose columns are mappings that fit.

    Parameters
    ----------
    setting : Setting
    columns : Columns
    weights : Weights
    ways : mapping
        By step, what a layer may have at home.
    best : (Choice, tuple of Layout), optional
    """

    setting: Setting
    columns: Columns
    weights: Weights
    ways: Mapping[int, Sequence[Way]]
    best: tuple[Choice, tuple[Layout, ...]] | None = None
    _rank: tuple[float, float] = (inf, inf)

    def offer(self, choice: Choice) -> None:
        """Take the homes of a choice with the best mappings known that fit there, if there are any, and places."""
        picked = list(choice.columns)
        for i, column in enumerate(choice.columns):
            room = choice.rooms(self.setting, i)
            if min(room) < 0:
                return
            if column is None:
                continue
            known = self.columns.of(self._layer(i), way_in(self.setting, i, column, room))
            fitting = [one for one in known if one.exact and within(one.bits, room)]
            if not fitting:
                return
            picked[i] = min(fitting, key=self._cost)
        self._take(replace(choice, columns=tuple(picked)))

    def offer_nothing(self) -> None:
        """Take the run with nothing at home, and the best mappings known for that."""
        none = (frozenset[str](),) * len(self.setting.levels)
        way = Way(none, False, self.setting.capacities, (0,) * len(none))
        points = {}
        for i in self.ways:
            known = [one for one in self.columns.of(self._layer(i), way) if one.exact]
            if not known:
                return
            points[i] = min(known, key=self._cost).point
        self._take(nothing_at_home(self.setting, points))

    def _take(self, choice: Choice) -> None:
        energy, cycles = sums(self.setting, choice)
        over = max(0.0, energy / self.weights.max_pj - 1) + max(0.0, cycles / self.weights.max_cycles - 1)
        rank = over, self.weights.of(energy, cycles)
        if rank >= self._rank:
            return
        layouts = laid_out_in_all(self.setting, choice, self.columns.shares.deadline)[0]
        if layouts is not None:
            check(self.setting, choice)
            self.best, self._rank = (replace(choice, cost=rank[1]), layouts), rank

    def found(self) -> tuple[Choice, tuple[Layout, ...]]:
        """The best.

        Raises
        ------
        DseError
            None is known.
        """
        self.offer_nothing()
        if self.best is None:
            raise DseError("no run of the network was found in time", hint="give it more, or no limit")
        return self.best

    @property
    def floor(self) -> float:
        """What no run is below by what is proven of each layer at all the room that it may have: by searches where they
        were made, by bounds without a search where they were not."""
        total = 0.0
        for i, step in enumerate(self.setting.graph.steps):
            if step.layer is None:
                total += self.weights.energy * least_moved(self.setting, step)
            else:
                total += min(self._least_of(step.layer, way) for way in self.ways[i])
        return total

    def _least_of(self, layer: Layer, way: Way) -> float:
        for one in self.columns.solved.get((layer.shape_key(), way.homes, way.wide), []):
            if within(way.room, one.room):
                return min((self.weights.of(x.least_pj, x.least_cycles) for x in one.points), default=inf)
        energy, cycles = (0.0, 0.0) if self.columns.bound is None else self.columns.bound(layer, way.homes)
        return inf if inf in (energy, cycles) else self.weights.of(energy, cycles)

    def _cost(self, column: Column) -> float:
        return self.weights.of(column.point.energy_pj, column.point.cycles)

    def _layer(self, i: int) -> Layer:
        layer = self.setting.graph.steps[i].layer
        assert layer is not None
        return layer


def laid_out_in_all(
    setting: Setting, choice: Choice, deadline: Deadline
) -> tuple[tuple[Layout, ...] | None, bool]:
    """A layout for each level, or whether there surely is none for the first level that has none."""
    layouts = []
    for kept, capacity in zip(choice.levels, setting.capacities, strict=True):
        layout, proven = laid_out(setting.graph, kept, capacity, deadline)
        if layout is None:
            return None, proven
        layouts.append(layout)
    return tuple(layouts), True
