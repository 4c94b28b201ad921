"""The flat search from its problem to its answer: prepares the walk over PE tiles, runs it, and reads its records."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.errors import DseError
from dse.mapper.flat.instance import Roles
from dse.mapper.flat.outer.holders import holders_of
from dse.mapper.flat.outer.kept import whole_table
from dse.mapper.flat.outer.table import worked_out
from dse.mapper.flat.problems import Problem, in_order, prepare, size_of
from dse.mapper.flat.run import (
    CHOICE,
    COUNTED,
    NO_HOLDERS,
    OUTER_TILES,
    PE_TILE,
    PRICED,
    PRICING,
    RECORD,
    UNROLLINGS,
    FlatIncumbents,
    new_configuration,
    new_run,
    new_walk,
    new_work,
)  # fmt: skip
from dse.mapper.flat.search import search
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import FRONT, LATENCY, SLACK, is_better, is_told_to_end
from dse.mapper.shared.result import ANY_ORDER, Solution, loops_of
from dse.model.mapping import Mapping, Spatial, Temporal
from dse.model.price import price
from dse.problem.layer import Layer

ROUGHLY = (0.3, 0.05)
"""Gaps within which a front is searched before it is searched exactly: what is found first is often poor, and the first
PE tiles then have a hundred thousand mappings that each improve on it by a little. With a gap they are left out."""

MANY_TILES = 100
"""PE tiles that have to be walked before they tell how long others take."""

LISTED = 500_000
"""What a walk has spent when it pays to list the outer tiles that may improve."""

NO_MAPPING = -1
"""Fills the records of incumbents that are no mappings."""


def solve_flat(
    architecture: Architecture, layer: Layer, kind: int, gap: float, factors: str, longest: int, *, stop: Any,
    beaten: Any = None,
) -> Solution:  # fmt: skip
    """Search the whole mapspace of a layer; no incumbents when nothing fits.

    Parameters
    ----------
    kind : int
        Objective: see `dse.mapper.shared.incumbent`.
    longest : int
        Room for so many points of a front.
    stop : (1,) int64
        Set to 1 from outside to end the search; the gap is then the one that is proven.
    beaten : (*, 2) float, optional
        pJ and cycles, cycles rising and pJ falling: of a front, only what none of these matches is looked for.
    """
    whole = FlatSearch(architecture, layer, kind, gap, factors, longest, stop=stop, beaten=beaten)
    whole.advance(inf)
    return whole.solution()


class FlatSearch:
    """A search of the whole mapspace of a layer, which can be left and taken up again; see `solve_flat`.

    Parameters
    ----------
    alone : bool
        What is visited depends on nothing that this process has worked out for other problems, so of mappings that
        cost the same, or are within a gap, the same one is named in any order of work. Where values alone are asked
        for, what is known may help; but with a gap it never does.
    """

    def __init__(
        self, architecture: Architecture, layer: Layer, kind: int, gap: float, factors: str, longest: int, *,
        stop: Any, beaten: Any = None, alone: bool = False,
    ) -> None:  # fmt: skip
        rows = longest if kind == FRONT else 1
        self.incumbents = FlatIncumbents(np.zeros((rows, 2)), np.full((rows, RECORD), NO_MAPPING, dtype=np.int64))
        prices, alone = price(architecture, layer), alone or gap > 0.0
        self.choices, self.problems = prepare(
            architecture, layer, kind, factors, exact=not alone, prices=prices, learn=beaten is not None
        )
        self.run, self.work, self.place = new_run(kind, gap, factors == "perfect"), new_work(), new_walk()
        self.name, self.longest, self.stop, self.alone = layer.name, longest, stop, alone
        self.per_step = prices.cycles_per_step  # the search counts time in compute steps
        if beaten is not None:
            self.run.held = len(beaten)
            self.incumbents.values[: self.run.held] = beaten / (1.0, self.per_step)
        # Spent before the bypass choice at hand, and before its walk at hand; bounds of what was not looked at.
        self.since = self.begun = 0
        self.holders: Any = None  # of the walk at hand, once they are listed
        self.left: list[Any] = []
        # A whole front is searched roughly first, each bypass choice with one gap after the other.
        self.gaps = [*(rough for rough in ROUGHLY if kind == FRONT and rough > gap), gap]
        self.stage = 0
        self.waiting = self._in_order()

    def _in_order(self) -> list[int]:
        """Bypass choices that are left, the one at hand last."""
        return sorted(range(len(self.problems)), key=lambda index: -self.problems[index].best)

    @property
    def spent(self) -> int:
        """Unrollings and outer tiles tried so far, and `PRICING` for each mapping priced."""
        visited = self.run.visited
        return int(visited[UNROLLINGS] + visited[OUTER_TILES] + PRICING * visited[PRICED])

    def is_stuck(self, tiles: int) -> bool:
        """Whether the walk at hand has done with no more PE tiles than so many, for all the mappings that are priced.

        A third of what is spent are these where bounds hardly tell mappings apart, as on narrow ports.
        """
        priced = PRICING * int(self.run.visited[PRICED])
        return self.run.reached <= tiles and self.spent > 2 * self.begun and 3 * priced > self.spent

    @property
    def left_to_spend(self) -> float:
        """What is still to be `spent` if PE tiles take as many each as those of the walk at hand.

        Of further bypass choices one walk counts: rough ones are short once good mappings are known.
        """
        if not self.waiting:
            return 0.0
        *others, hand = (len(self.problems[mask].tiles.order) for mask in self.waiting)
        left = sum(others) + (len(self.gaps) - self.stage) * hand - int(self.run.reached)
        return left * (self.spent - self.begun) / max(MANY_TILES, int(self.run.reached))

    def advance(self, more: float) -> bool:
        """Spend so much more, if there is as much to do; whether the search has ended."""
        until = self.spent + more
        while self.waiting:
            mask, run = self.waiting[-1], self.run
            run.mask, run.fastest, run.gap = mask, self.problems[mask].fastest, self.gaps[self.stage]
            if not self._walk(mask, until):
                return False
            if self._is_stopped:  # `run.gap` says how far what was searched is settled
                bound, order = self.problems[mask].tiles.bound, self.problems[mask].tiles.order
                self.left.append(bound[order[run.reached :]])
            elif self.stage < len(self.gaps) - 1:
                self.stage, run.reached, self.begun, self.holders = self.stage + 1, 0, self.spent, None
                continue
            else:
                self.stage = 0
            self.waiting.pop()
            self.since, self.begun, run.reached, self.holders = self.spent, self.spent, 0, None
        return True

    @property
    def _is_stopped(self) -> bool:
        return bool(is_told_to_end(self.stop[0], self.run.held))

    def _walk(self, mask: int, until: float) -> bool:
        """Search a bypass choice; anew, with its tiles in a better order, once working out the outer table pays.

        Returns whether it has ended, rather than spent as much as it should.
        """
        while True:
            problem, run = self.problems[mask], self.run
            pays = self._pays(problem)
            run.until = min(until, pays)
            tiles = problem.tiles if self.holders is None else problem.tiles._replace(holders=self.holders)
            compiled(search)(
                problem.instance, run, self.work, self.place, new_configuration(), problem.options, tiles,
                problem.table, self.incumbents, self.stop,
            )  # fmt: skip
            if run.held < 0:
                raise DseError(f"layer {self.name}: the front has more than {self.longest} points")
            if run.reached == len(problem.tiles.order) or self._is_stopped:
                return True
            if self.spent <= pays:
                return False
            if worked_out(problem.table):
                self._list_holders(problem)
                continue
            table = whole_table(problem.instance)
            if self.alone:  # the floor of a table that is worked out is a hair off
                table = table._replace(floor=problem.table.floor)
            self.problems[mask], run.reached = in_order(replace(problem, table=table)), 0

    def _pays(self, problem: Problem) -> float:
        """What is spent in all before it pays to know more of outer tiles."""
        if not worked_out(problem.table):
            return self.since + problem.table.worth
        return self.begun + LISTED if self.holders is None else inf

    def _list_holders(self, problem: Problem) -> None:
        """List the outer tiles that may improve; without any the walk is at its end."""
        self.holders, run = NO_HOLDERS, self.run
        if run.held == 0:
            return
        self.holders = holders_of(
            problem.instance, run, problem.options, problem.tiles, problem.table, self.incumbents.values
        )
        if len(self.holders.trips) == 0 and self.holders.below == inf:
            run.reached = len(problem.tiles.order)

    def offer(self, energy_pj: float, steps: float) -> None:
        """Look only for what is better than a mapping from elsewhere."""
        run, (values, records) = self.run, self.incumbents
        if run.held == 0 or is_better(run.kind, (energy_pj, steps), values[0]):
            values[0], records[0], run.held = (energy_pj, steps), NO_MAPPING, 1

    def solution(self) -> Solution:
        """What has been found once the search has ended, without what it was told of before."""
        run, values = self.run, self.incumbents.values[: self.run.held]
        left = np.concatenate(self.left) if self.left else np.zeros((0, 2))
        proven = max(run.gap, _gap_left(run.kind, values, left))
        told_apart = run.kind == LATENCY and run.gap == 0 and run.held > 0  # with a gap, one of the fastest will do
        energy_gap = _energy_gap_left(values, left) if told_apart else None
        found = np.flatnonzero(self.incumbents.records[: run.held, CHOICE] != NO_MAPPING)
        points, records = values[found] * (1.0, self.per_step), self.incumbents.records[found]
        size = partial(size_of, tuple(one.space for one in self.problems if one.space is not None))
        return Solution(
            points, records, tuple(self.choices), tuple(run.visited.tolist()), size, float(proven), COUNTED, energy_gap
        )


def _gap_left(kind: int, values: Any, bounds: Any) -> float:
    """How far, as a fraction, mappings above some bounds may improve on the incumbents."""
    if len(values) == 0 or len(bounds) == 0:
        return 0.0
    bounds = bounds[np.lexsort((bounds[:, 1], bounds[:, 0]))]
    lowest = np.minimum.accumulate(bounds[:, 1])
    bounds = bounds[np.r_[True, lowest[1:] < lowest[:-1]]]  # what lies above another bound adds nothing
    ratio = values[None, :, :] / np.maximum(bounds[:, None, :], 1e-300)
    if kind == FRONT:
        worst = ratio.max(axis=2).min(axis=1).max()
    else:
        worst = (ratio[:, 0, 0], ratio[:, 0, 1], ratio[:, 0].prod(axis=1))[kind].max()
    return max(0.0, float(worst) - 1)


def _energy_gap_left(values: Any, bounds: Any) -> float:
    """How far, as a fraction, the fastest one may be above the energy of others as fast, of which bounds are known."""
    energy, time = (float(x) for x in values[0])
    as_fast = bounds[bounds[:, 1] <= time * (1.0 + 2.0 * SLACK), 0]
    least = min(float(as_fast.min(initial=inf)), energy)
    return energy / max(least, 1e-300) - 1 if energy > 0.0 else 0.0


def flat_mapping(architecture: Architecture, record: Any, kept: dict[int, frozenset[str]]) -> Mapping:
    """The mapping that a record of the search stands for."""
    f, sy, sx, m, n, outer_order, inner_order = (record[part : part + 8] for part in range(PE_TILE, CHOICE, 8))
    roles = Roles.of(architecture)
    nodes: list[Temporal | Spatial] = []
    for index, place in enumerate(architecture.hierarchy):
        if not isinstance(place, Level):
            nodes.append(Spatial(place.name, loops_of(sy, ANY_ORDER), loops_of(sx, ANY_ORDER)))
            continue
        if index == roles.pe:
            body = loops_of(f, ANY_ORDER)
        elif index == roles.buffer or roles.buffer < 0:
            body = loops_of(m, inner_order)
        else:
            body = loops_of(n, outer_order)
        nodes.append(Temporal(place.name, body, kept[index]))
    return Mapping(tuple(nodes))
