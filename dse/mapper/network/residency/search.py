"""Rounds between the choice for the network and the columns that it wants, until what is chosen is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

from dse.errors import InfeasibleError
from dse.mapper.network.residency.choice import Choice, Cut, Setting, Weights
from dse.mapper.network.residency.choosing.choose import choose
from dse.mapper.network.residency.choosing.placing import Layout, laid_out, without_room
from dse.mapper.network.residency.choosing.programme import UndecidedError
from dse.mapper.network.residency.choosing.standby import Standby, laid_out_in_all
from dse.mapper.network.residency.columns import Column, Columns, Key, Way, within
from dse.mapper.network.residency.graph import Step
from dse.mapper.network.residency.outcome.stays import check
from dse.mapper.network.residency.rooms import way_in, ways_of
from dse.mapper.shared.stopping import Deadline
from dse.problem.layer import Layer

FASTEST = 1e-9
"""Relative difference in latency that does not count."""

EARLY = 0.7
"""Part of the time after which a choice is made even if not every layer was searched at each of its homes."""

FINER = 0.5
"""Share of the gap that is asked of a search which has too much of it: others may then keep theirs."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best choice, all of whose columns are mappings that fit.

    Parameters
    ----------
    choice : Choice
    layouts : tuple of Layout
        By level that keeps tensors.
    bound : float
        Weighted sum that no choice is below.
    rounds : int
        Programmes solved.
    """

    choice: Choice
    layouts: tuple[Layout, ...]
    bound: float
    rounds: int


def best_choice(setting: Setting, columns: Columns, weights: Weights, gap: float = inf) -> Found:
    """The best choice for a network, and what none is below: within a gap, or within that of the columns' searches.

    Parameters
    ----------
    setting : Setting
    columns : Columns
    weights : Weights
    gap : float
        Of the choice. Searches may have a larger one where they add little.

    Notes
    -----
    Every layer is searched first at each of its homes with all the room that it can have there. In each round the
    programme is solved over all columns, those that are bounds included, so its answer is a bound of the network's.
    Layers whose column is a bound are then searched at the room that the choice leaves. When every column is a mapping
    that fits, the choice has the cost of the bound but for the gaps of the searches. If these add up to too much, the
    searches that add most are made again with a smaller gap.

    When the time of the columns is over, the best run that is known is the answer, as far as the programmes or what is
    known of each layer by itself have shown. If much of the time is over before all has been searched, programmes are
    solved without the rest. These find runs, but they prove nothing.

    Raises
    ------
    InfeasibleError
        Nothing keeps the limits.
    DseError
        No run was found in the time of the columns.
    """
    return _Rounds(setting, columns, weights, gap).run()


@dataclass(slots=True)
class _Rounds:
    """Rounds of a search for the best choice; see `best_choice`.

    Parameters
    ----------
    setting : Setting
    columns : Columns
    weights : Weights
    gap : float
    all_asked : bool
        Whether every layer was searched at each of its homes. Until then programmes find runs, but prove nothing.
    cuts : list of Cut
        Choices that turned out not to fit.
    rounds : int
    unproven : float
        The bound of the first choice that was cut off without a proof that it has no layout; 0 for none.
    least : float
        What no choice is below by the programmes so far.
    """

    setting: Setting
    columns: Columns
    weights: Weights
    gap: float
    all_asked: bool = False
    cuts: list[Cut] = field(default_factory=list)
    rounds: int = 0
    unproven: float = 0.0
    least: float = 0.0
    ways: dict[int, list[Way]] = field(init=False)
    standby: Standby = field(init=False)

    def __post_init__(self) -> None:
        steps = self.setting.graph.steps
        self.ways = {i: ways_of(self.setting, i) for i, step in enumerate(steps) if step.layer is not None}
        self.standby = Standby(self.setting, self.columns, self.weights, self.ways)

    @property
    def _deadline(self) -> Deadline:
        return self.columns.shares.deadline

    def run(self) -> Found:
        """Rounds until a choice is proven to be the best, or the time is over."""
        self._ask_all(self._deadline.before(EARLY))
        while not self._deadline.is_over:
            try:
                choice = self._choice()
            except UndecidedError:
                if not self._deadline.is_set:
                    raise
                break
            found = None if choice is None else self._found(choice)
            if found is not None:
                return found
        choice, layouts = self.standby.found()
        return Found(choice, layouts, max(self.least, self.standby.floor), self.rounds)

    def _ask_all(self, until: Deadline) -> None:
        every = [(i, way) for i, own in self.ways.items() for way in own]
        every.sort(key=lambda one: any(one[1].homes))
        self.all_asked = _ask(self.setting, self.columns, every, until)

    def _choice(self) -> Choice | None:
        """The best choice over all columns, bounds among them; None where layers had to be searched before."""
        self.rounds += 1
        options = options_of(self.setting, self.columns, self.ways, self.weights)
        try:
            choice = choose(self.setting, options, self.weights, self.cuts, deadline=self._deadline)
        except InfeasibleError:
            if self.all_asked:
                raise
            self._ask_all(self._deadline)
            return None
        if self.all_asked:
            self.least = max(self.least, self._bound(choice))
        return choice

    def _bound(self, choice: Choice) -> float:
        """What no choice is below, those that were cut off without a proof included."""
        return min(choice.bound, self.unproven) if self.unproven else choice.bound

    def _found(self, choice: Choice) -> Found | None:
        """The run of a choice; None where it is not known well enough yet, or does not fit: the next round knows."""
        exact, wanted, full = _exact(self.setting, self.columns, choice, self.weights)
        _ask(self.setting, self.columns, wanted, self._deadline)
        if self._deadline.is_set:
            self.standby.offer(choice)
        if wanted or self._deadline.is_over:
            return None
        if exact is None:  # rounding let a little too much in
            self.cuts.append(_cut(self.setting, choice, *full))
            return None
        if self._asked_closer(exact):
            return None
        if not self.all_asked:
            self._ask_all(self._deadline)
            return None
        return self._laid_out(choice, exact)

    def _asked_closer(self, exact: Choice) -> bool:
        """Search those mappings of a choice more closely whose gaps add up to too much; whether there are any."""
        coarse = _coarse(self.setting, self.columns, exact, self.weights, self.gap)
        for layer, column in coarse:
            if not self._deadline.is_over:
                self.columns.ask_closer(layer, column, FINER * self.gap)
        return bool(coarse)

    def _laid_out(self, choice: Choice, exact: Choice) -> Found | None:
        """The run with a place for each tensor at home; None where there is no such layout, or none was found."""
        layouts, proven = laid_out_in_all(self.setting, exact, self._deadline)
        if layouts is not None:
            check(self.setting, exact)
            bound = self._bound(choice)
            bound = max(bound, self.standby.floor) if self._deadline.is_set else bound
            return Found(exact, layouts, bound, self.rounds)
        if not proven:
            self.unproven = self.unproven or choice.bound
        self.cuts.append(_no_layout(self.setting, exact, self._deadline, proven=proven))
        return None


def _ask(setting: Setting, columns: Columns, wanted: Sequence[tuple[int, Way]], until: Deadline) -> bool:
    """Search layers in the ways that are wanted, and after some time only with nothing at home; whether in all."""
    asked = [(_layer(setting.graph.steps[i]), way.homes, way.wide, way.room) for i, way in wanted]
    columns.expect(asked)
    for layer, homes, wide, room in asked:
        if any(homes) and until.is_over:
            return False
        columns.ask(layer, homes, wide, room)
    return True


def options_of(setting: Setting, columns: Columns, ways: dict[int, list[Way]], weights: Weights) -> list[list[Column]]:
    """By step, its columns that may be the best."""
    options: list[list[Column]] = [[] for _ in setting.graph.steps]
    for i, own in ways.items():
        layer = _layer(setting.graph.steps[i])
        options[i] = [one for way in own for one in undominated(columns.of(layer, way), weights)]
    return options


def _coarse(
    setting: Setting, columns: Columns, choice: Choice, weights: Weights, gap: float
) -> list[tuple[Layer, Column]]:
    """Columns to be searched more closely, so that the choice may come within a gap: the fewest that add most to it, of
    those whose searches may come closer."""
    excess: dict[Key, float] = {}
    known: dict[Key, tuple[Layer, Column, float]] = {}
    for i, column in enumerate(choice.columns):
        if column is None or gap == inf:
            continue
        layer, point = _layer(setting.graph.steps[i]), column.point
        value, least = weights.of(point.energy_pj, point.cycles), weights.of(point.least_pj, point.least_cycles)
        key = columns.answer_of(layer, column)
        excess[key] = excess.get(key, 0.0) + value - least
        known[key] = layer, column, value / least - 1
    columns.shares.expect(len(excess))
    left, found = sum(excess.values()) - gap * choice.bound * (1 - FASTEST), []
    for key in sorted(excess, key=lambda key: -excess[key]):
        layer, column, own = known[key]
        if left <= 0:
            break
        if own > FINER * gap * (1 + FASTEST) and columns.may_come_closer(layer, column, FINER * gap):
            found.append((layer, column))
            left -= excess[key] * (1 - FINER * gap / own)
    return found


def cheapest_of_fastest(setting: Setting, columns: Columns, found: Found, weights: Weights) -> Found:
    """Among the mappings known, the choice of least energy that is as fast as one that is fastest."""
    if columns.shares.deadline.is_over:
        return found
    options: list[list[Column]] = [[] for _ in setting.graph.steps]
    for i, step in enumerate(setting.graph.steps):
        if step.layer is not None:
            options[i] = [one for way in ways_of(setting, i) for one in columns.of(step.layer, way) if one.exact]
    limit, deadline = min(weights.max_cycles, found.choice.cost * (1 + FASTEST)), columns.shares.deadline
    try:
        choice = choose(setting, options, Weights(1.0, 0.0, weights.max_pj, limit), deadline=deadline)
    except UndecidedError:
        if not deadline.is_set:
            raise
        return found
    if deadline.is_over:  # it may have been stopped at another one
        return found
    layouts, _ = laid_out_in_all(setting, choice, deadline)
    fits = all(min(choice.free(setting, i)) >= 0 for i in range(len(setting.graph.steps)))
    return found if layouts is None or not fits else replace(found, choice=choice, layouts=layouts)


def _layer(step: Step) -> Layer:
    assert step.layer is not None
    return step.layer


def _exact(
    setting: Setting, columns: Columns, choice: Choice, weights: Weights
) -> tuple[Choice | None, list[tuple[int, Way]], tuple[int, int]]:
    """The choice with mappings that fit in all its steps, or the searches that it wants, or a step and a level without
    room."""
    picked: list[Column | None] = list(choice.columns)
    wanted = []
    for i, column in enumerate(choice.columns):
        room = choice.rooms(setting, i)
        if min(room) < 0:
            return None, [], (i, room.index(min(room)))
        if column is None:
            continue
        layer, way = _layer(setting.graph.steps[i]), way_in(setting, i, column, room)
        fitting = [
            one
            for one in columns.of(layer, way)
            if one.exact and within(one.bits, room) and _as_good(one, column, weights)
        ]
        if fitting:
            picked[i] = min(fitting, key=lambda one: weights.of(one.point.energy_pj, one.point.cycles))
        elif columns.is_exact(layer, way.homes, way.wide, way.room):
            free = choice.free(setting, i)
            return None, [], (i, free.index(min(free)))
        else:
            wanted.append((i, way))
    return (None, wanted, (-1, -1)) if wanted else (replace(choice, columns=tuple(picked)), [], (-1, -1))


def undominated(columns: list[Column], weights: Weights) -> list[Column]:
    """Of columns with the same homes, those that no other is as good as in no more room; within limits, all.

    Examples
    --------
    >>> from dse.mapper.network.residency.columns import Point
    >>> points = [Point(pj, cycles, pj, cycles, (bits,)) for pj, cycles, bits in ((9, 2, 8), (7, 3, 16), (6, 9, 16))]
    >>> columns = [Column((frozenset(),), False, point.bits, point, True) for point in points]
    >>> [one.point.energy_pj for one in undominated(columns, Weights(1.0, 0.0))]
    [9, 6]
    >>> [one.point.energy_pj for one in undominated(columns, Weights(0.0, 1.0))]
    [9]
    """
    if min(weights.max_pj, weights.max_cycles) < inf:
        return columns
    costs = {n: weights.of(column.point.least_pj, column.point.least_cycles) for n, column in enumerate(columns)}
    kept: list[int] = []
    for n in sorted(costs, key=lambda n: (columns[n].bits, costs[n], not columns[n].exact)):
        if not any(costs[m] <= costs[n] and within(columns[m].bits, columns[n].bits) for m in kept):
            kept.append(n)
    return [columns[n] for n in sorted(kept)]


def _as_good(one: Column, wanted: Column, weights: Weights) -> bool:
    """Whether a column may take the place of one that was chosen: no worse, within limits in both quantities."""
    mine, other = ((x.point.least_pj, x.point.least_cycles) for x in (one, wanted))
    if min(weights.max_pj, weights.max_cycles) < inf:
        return mine[0] <= other[0] and mine[1] <= other[1]
    return weights.of(*mine) <= weights.of(*other) * (1 + FASTEST)


def _stays(choice: Choice, level: int, steps: range) -> frozenset[tuple[int, int]]:
    return frozenset((t, i) for i in steps for t in choice.levels[level].home[i])


def _cut(setting: Setting, choice: Choice, step: int, level: int) -> Cut:
    """All that takes a level's room in a step: this choice of it is one too much."""
    column, only = choice.columns[step], range(step, step + 1)
    columns = frozenset() if column is None else frozenset({(step, column)})
    return Cut(level, _stays(choice, level, only), columns, _unmerged(setting, choice, level, only))


def _no_layout(setting: Setting, choice: Choice, deadline: Deadline, *, proven: bool) -> Cut:
    """Tensors that have no layout in some steps of the first level without one, unless results share room that do not,
    or one is loaded anew."""
    graph = setting.graph
    level = next(
        h for h, kept in enumerate(choice.levels) if laid_out(graph, kept, setting.capacities[h], deadline)[0] is None
    )
    kept = choice.levels[level]
    steps = without_room(graph, kept, setting.capacities[level], deadline) if proven else range(len(graph.steps))
    stays = _stays(choice, level, steps)
    loads = frozenset((t, i) for t, i in stays - kept.arrivals if i in graph.tensors[t].read_in)
    return Cut(level, stays, frozenset(), _unmerged(setting, choice, level, steps), loads)


def _unmerged(setting: Setting, choice: Choice, level: int, steps: range) -> frozenset[int]:
    kept = choice.levels[level]
    held = {t for i in steps for t in kept.home[i]}
    return frozenset(i for i, step in enumerate(setting.graph.steps) if i not in kept.merged and step.writes in held)
