"""The flat search from its problem to its answer: prepares the walk over PE tiles, runs it, and reads its records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import factorial, inf, prod
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError
from dse.mapper.flat.array.spreads import Options, by_spread, largest_tile
from dse.mapper.flat.gather import instances_of
from dse.mapper.flat.inner.bounds import list_tiles
from dse.mapper.flat.instance import Instance, Roles
from dse.mapper.flat.outer.holders import holders_of
from dse.mapper.flat.outer.kept import outer_table, whole_table
from dse.mapper.flat.outer.points import learn_points
from dse.mapper.flat.outer.table import OuterTable, worked_out
from dse.mapper.flat.run import (
    CHOICE,
    NO_HOLDERS,
    OUTER_TILES,
    PE_TILE,
    PRICED,
    PRICING,
    RECORD,
    UNROLLINGS,
    FlatIncumbents,
    PeTiles,
    new_configuration,
    new_run,
    new_walk,
    new_work,
)  # fmt: skip
from dse.mapper.flat.search import search
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import ENERGY, FRONT, LATENCY, is_better
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.mapspace.factors import dim_options
from dse.mapper.shared.mapspace.rules import Rules
from dse.mapper.shared.mapspace.sizes import fastest_steps, splits
from dse.mapper.shared.result import ANY_ORDER, Solution, loops_of
from dse.model.mapping import Mapping, Spatial, Temporal
from dse.model.price import Prices, price
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
        What is visited depends on nothing that this process has worked out for other problems. With a gap it never
        does: the answer may be any mapping within the gap, and must not change with the order of work.
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

    def leave_alone(self) -> None:
        """Before anything is visited: let it depend on nothing that this process has worked out for other problems."""
        self.problems, self.alone = [_alone(problem) for problem in self.problems], True
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
            if self.stop[0] and run.held > 0:  # `run.gap` says how far what was searched is settled
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
            if run.reached == len(problem.tiles.order) or (self.stop[0] and run.held > 0):
                return True
            if self.spent <= pays:
                return False
            if worked_out(problem.table):
                self._list_holders(problem)
                continue
            table = whole_table(problem.instance)
            if self.alone:  # the floor of a table that is worked out is a hair off
                table = table._replace(floor=problem.table.floor)
            self.problems[mask], run.reached = _in_order(replace(problem, table=table)), 0

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
        proven = run.gap if not self.left else max(run.gap, _gap_left(run.kind, values, np.concatenate(self.left)))
        found = np.flatnonzero(self.incumbents.records[: run.held, CHOICE] != NO_MAPPING)
        points, records = values[found] * (1.0, self.per_step), self.incumbents.records[found]
        size = partial(_size_of, tuple(one.space for one in self.problems if one.space is not None))
        return Solution(points, records, tuple(self.choices), tuple(run.visited.tolist()), size, float(proven))


def _alone(problem: Problem) -> Problem:
    """A problem that knows no more of outer tiles than the floor, whatever this process has worked out."""
    fresh = replace(problem, table=outer_table(problem.instance))
    knows_more = worked_out(problem.table) or problem.table.floor is not fresh.table.floor
    return _in_order(fresh) if knows_more else fresh


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


@dataclass(frozen=True, slots=True)
class Problem:
    """One bypass choice, ready to search: options per dim, PE tiles in order of their bounds.

    Its space has the mappings that other problems do not have; None for no others.
    """

    instance: Instance
    kind: int
    options: Options
    table: OuterTable
    fastest: float
    space: FlatSpace | None
    tiles: PeTiles
    best: float = inf


def prepare(
    architecture: Architecture, layer: Layer, kind: int, factors: str, *, exact: bool = False,
    prices: Prices | None = None, learn: bool = False,
) -> tuple[list[dict[int, frozenset[str]]], list[Problem]]:  # fmt: skip
    """The bypass choices of an architecture, and the problem that each of them is.

    A choice has a problem for each way in which the architecture's room may be used (`dse.model.room`). A further
    problem covers the mappings in which only finished psums come to the buffer, where that leaves more room. With
    `learn`, outer points are worked out first: many problems will have the same.
    """
    choices, instances = instances_of(architecture, layer, prices)
    roles = Roles.of(architecture)
    for instance in instances if learn else ():
        learn_points(instance)
    problems = [_prepare(architecture, roles, instance, kind, factors, exact) for instance in instances]
    # Problems after the first of each choice have mappings of these again.
    new = len(bypass_choices(architecture))
    return choices, problems[:new] + [replace(problem, space=None) for problem in problems[new:]]


def _prepare(
    architecture: Architecture, roles: Roles, instance: Instance, kind: int, factors: str, exact: bool
) -> Problem:
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else None
    assert array is None or isinstance(array, FanOut)
    flow, has_folds = architecture.dataflow.of(instance["bounds"]), bool(instance["folds"].any())
    wired = None if array is None else array.dims
    space = FlatSpace(
        instance["bounds"].tobytes(), largest_tile(instance).tobytes(),
        Rules.sets_of(flow, wired, has_pe=roles.pe >= 0, has_folds=has_folds),
        int(instance["rows"]), int(instance["cols"]), factors == "perfect", roles.buffer >= 0,
    )  # fmt: skip
    pe_ports = bool((instance["port_node"][: instance["ports"]] == roles.pe).any())
    options, fastest = _options_of(space, pe_ports)
    table = outer_table(instance, exact=exact)
    return _in_order(Problem(instance, kind, options, table, fastest, space, PeTiles(None, None, None, None)))


def _in_order(problem: Problem) -> Problem:
    """The problem with its PE tiles listed, best bound first."""
    choice, bound = compiled(list_tiles)(
        problem.instance, problem.options, problem.table, new_configuration(), problem.fastest
    )
    # Many tiles may be as fast as each other; of these, good mappings have the ones of little energy.
    key = bound[:, 0] if problem.kind == ENERGY else bound[:, 0] * bound[:, 1]
    order = np.argsort(key, kind="stable")
    least = bound[:, 1] if problem.kind == LATENCY else key
    best = float(least.min()) if len(least) else inf
    return replace(problem, tiles=PeTiles(choice, bound, order, NO_HOLDERS), best=best)


class FlatSpace(NamedTuple):
    """What the options of a problem depend on, and how many mappings it has.

    Parameters
    ----------
    bounds, largest : bytes
        Of the layer, and of the largest PE tile: int64 per dim.
    sets : tuple of tuple of int
        See `Rules`.
    """

    bounds: bytes
    largest: bytes
    sets: tuple[tuple[int, ...], ...]
    rows: int
    cols: int
    perfect: bool
    has_buffer: bool

    def listed(self) -> tuple[Any, Any, Any]:
        """Tiles and unrollings per dim, see `dim_options`."""
        rules = Rules(*(np.array(part, dtype=np.int64) for part in self.sets))
        largest = np.frombuffer(self.largest, dtype=np.int64).copy()
        return compiled(dim_options)(self.extents, largest, rules, self.rows, self.cols, self.perfect)

    @property
    def extents(self) -> Any:
        return np.frombuffer(self.bounds, dtype=np.int64).copy()


@lru_cache(maxsize=4096)
def _options_of(space: FlatSpace, pe_ports: bool) -> tuple[Options, float]:
    """Tiles and spreads per dim, and the fewest steps."""
    tile_start, tiles, unrollings = space.listed()
    options = by_spread(tile_start, tiles, unrollings, apart=pe_ports)
    if any(tile_start[d] == tile_start[d + 1] for d in range(8)):
        return options, inf
    return options, compiled(fastest_steps)(tile_start, tiles, unrollings, space.rows, space.cols)


def _size_of(spaces: tuple[FlatSpace, ...]) -> float:
    """How many mappings some spaces have."""
    return float(sum(map(_size_of_one, spaces)))


@lru_cache(maxsize=4096)
def _size_of_one(space: FlatSpace) -> float:
    tile_start, tiles, unrollings = space.listed()
    if any(tile_start[d] == tile_start[d + 1] for d in range(8)):
        return 0.0
    extents, counts = space.extents, np.zeros(8)
    compiled(splits)(extents, tile_start, tiles, unrollings, space.perfect, space.has_buffer, counts)
    orders = float(factorial(int((extents > 1).sum()))) ** (2 if space.has_buffer else 1)
    return float(prod(counts)) * orders


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
