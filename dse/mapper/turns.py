"""Both searches by turns: long searches on flat hierarchies, where nobody can say which ends first."""

from __future__ import annotations

from dataclasses import replace
from logging import getLogger
from math import inf
from typing import TYPE_CHECKING, Any

from dse.architecture.architecture import Architecture
from dse.mapper.flat.solve import FlatSearch, flat_mapping
from dse.mapper.shared.compilation.twins import COMPILING, marker
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY, SLACK, is_better
from dse.mapper.shared.result import Solution
from dse.mapper.shared.stopping import OutOfTimeError
from dse.problem.layer import Layer

if TYPE_CHECKING:
    from dse.mapper.deep.known import Known
    from dse.mapper.deep.solve import Steps

MANY_TILES = 2000
"""PE tiles of all bypass choices up to which the flat search mostly ends a front soon."""

SMALL_FRONT, STUCK = -1, -2
"""In place of the objective: for a front of no more PE tiles, and where the flat search hardly gets on."""

ALONE = {ENERGY: 100_000, EDP: 100_000, LATENCY: 300_000, FRONT: 6_000_000, SMALL_FRONT: 1_000_000}
"""What the flat search spends (`FlatSearch.spent`) before the deep one may begin: a tenth of a second at most, and 0.6
to 1.7 s for fronts of many PE tiles, of which it finds most until then."""

EARLY = {ENERGY: (25_000, 1), EDP: (25_000, 1), LATENCY: (25_000, 1), FRONT: (100_000, 8), SMALL_FRONT: (100_000, 8)}
"""After what it has spent the flat search is asked whether it has done with no more PE tiles than so many, see
`FlatSearch.is_stuck`; if so, the deep search begins at once."""

TURN = {FRONT: 8_000_000}
"""What each further turn of the flat search spends; for others than such fronts, as much as it has spent so far."""

FAVOUR = {ENERGY: 4.0, EDP: 4.0, SMALL_FRONT: 1.0, STUCK: 16.0}
"""How many times what the flat search has spent the deep one has."""

SET_UP, SUBPROBLEM, OF_TABLES, SPLIT = 500_000, 5_000, 0.5, 1
"""What the flat search spends while the deep one is set up; while that looks at one of its subproblems, with so much
more for each split in the tables of its axes; and for each split that it walks over, at most."""

BY_STEPS, BY_PORTS, HARDLY = 0.25, 1.6, 1.1
"""For the least latency and fronts of many PE tiles, the deep search has one of these parts of what the flat one is
expected to need still: the first where the fastest mapping known takes hardly longer than the fewest compute steps, no
more than so many times. Many unrollings are then nearly as fast; the flat search tells them apart sooner. Else ports
decide, and the deep one most often ends soon."""

OF_SPENT, AT_MOST = 0.5, 2.0
"""As the flat search may need more than is expected, the deep one also has this part of what the flat one has had since
the deep one might begin, but no more than so many times what is expected."""


def by_turns(
    architecture: Architecture, layer: Layer, kind: int, gap: float, factors: str, longest: int, stop: Any
) -> Solution:
    """The best mapping of a layer, or its front; see `solve_flat`.

    The flat search begins, and goes on alone where its end is near. Else the deep search and the flat one take turns,
    each from where it stopped, and but for fronts from the best mapping that either has found. Turns are counted in
    what is visited, so the answer does not depend on how fast the machine is.

    Examples
    --------
    >>> import dse, numpy as np
    >>> layer, stop = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), np.zeros(1, dtype=np.int64)
    >>> solution = by_turns(dse.load_architecture("eyeriss"), layer, LATENCY, 0.0, "all", 1, stop)
    >>> best = dse.map_layer(dse.load_architecture("eyeriss"), layer, "latency")
    >>> float(solution.values[0, 1]) == best.cost.cycles
    True
    """
    # Of mappings that cost the same the flat search names the first that it comes to, so nothing else may lead it.
    flat = FlatSearch(architecture, layer, kind, gap, factors, longest, stop=stop, alone=True)
    rule = kind
    if kind == FRONT and sum(len(problem.tiles.order) for problem in flat.problems) <= MANY_TILES:
        rule = SMALL_FRONT
    early, few = EARLY[rule]
    ended = flat.advance(min(early, ALONE[rule]))
    if not ended and flat.spent < ALONE[rule]:
        if flat.is_stuck(few):
            rule = STUCK
        else:
            ended = flat.advance(ALONE[rule] - flat.spent)
    while not ended and _due(flat, rule) <= SET_UP:
        ended = flat.advance(_turn(flat, rule))
    if ended:
        return flat.solution()
    try:
        pair = (_Fronts if kind == FRONT else _OneBest)(architecture, layer, gap, factors, longest, flat)
    except OutOfTimeError:  # the tables of the deep search are long
        flat.advance(inf)
        return flat.solution()
    while not (pair.deep_turn(_due(flat, rule)) or pair.flat_turn(_turn(flat, rule))):
        pass
    return pair.solution()


def _due(flat: FlatSearch, rule: int) -> float:
    """What the deep search may have spent before the flat one goes on."""
    left = flat.left_to_spend
    if rule in FAVOUR:
        return SET_UP + FAVOUR[rule] * flat.spent if left > ALONE.get(rule, 0) else 0.0
    spent = flat.spent - ALONE[rule]
    return max(_part(flat) * left, min(OF_SPENT * spent, AT_MOST * left))


def _turn(flat: FlatSearch, rule: int) -> float:
    """What the flat search may spend before the deep one goes on."""
    return TURN.get(rule, flat.spent)


def _part(flat: FlatSearch) -> float:
    """The part of what the flat search is expected to need still that the deep one has."""
    fewest = min(problem.fastest for problem in flat.problems)
    fastest = float(flat.incumbents.values[0, 1]) if flat.run.held > 0 else inf
    return BY_STEPS if fastest <= HARDLY * fewest else BY_PORTS


class _Pair:
    """A flat and a deep search of one layer."""

    def __init__(
        self, architecture: Architecture, layer: Layer, gap: float, factors: str, longest: int, flat: FlatSearch
    ) -> None:
        from dse.mapper.deep.solve import DeepSearch  # loaded where it is needed, as reading it takes long

        self.architecture, self.flat = architecture, flat
        self.compiling = not (marker("deep").exists() or marker("handed-over").exists())
        if self.compiling:  # else it was said before the first layer
            getLogger(__name__).info(COMPILING)
        self.deep = DeepSearch(architecture, layer, gap, factors, flat.stop, alone=False)
        self.subproblem = SUBPROBLEM + OF_TABLES * sum(len(rows) for rows in self.deep.spaces[0].rows)
        self.steps = self._begun(longest, layer.name)
        self.found: tuple[Any, Any, float] | None = None  # by the deep search in the end
        self.gave_up = False

    def _begun(self, longest: int, name: str) -> Steps:
        """The deep search, with its pauses."""
        raise NotImplementedError

    def flat_turn(self, more: float) -> bool:
        """Let the flat search spend so much more; whether it has ended."""
        return self.flat.advance(more)

    def deep_turn(self, until: float) -> bool:
        """Let the deep search go on until it has spent so much; whether it has ended."""
        while self.found is None and not self.gave_up and self._spent() < until:
            try:
                next(self.steps)
            except StopIteration as end:
                self.found = end.value
            except OutOfTimeError:  # nothing is known of what it has not listed
                self.gave_up = True
        if self.compiling:
            marker("handed-over").touch()
            self.compiling = False
        return self.found is not None

    def _spent(self) -> float:
        """What the flat search spends in as long as the deep one has taken, about."""
        subproblems, splits = (int(count) for count in self.deep.visited[:2])
        return SET_UP + self.subproblem * subproblems + SPLIT * splits

    def solution(self) -> Solution:
        """The answer of the search that has ended; after a limit on time, with the smaller of both proven gaps."""
        raise NotImplementedError


class _Fronts(_Pair):
    """Two searches of a front, which tell each other nothing: either has all points when it ends."""

    def _begun(self, longest: int, name: str) -> Steps:
        return self.deep.seek_front(longest, name)

    def solution(self) -> Solution:
        if self.flat.stop[0]:  # both end at once
            self.flat_turn(inf)
            self.deep_turn(inf)
        found = [self.flat.solution()] if not self.flat.waiting else []
        if self.found is not None:
            found.append(self.deep.solution(*self.found))
        return min((one for one in found if len(one.values)), key=lambda one: one.gap, default=found[0])


class _OneBest(_Pair):
    """Two searches of the best mapping that tell each other what they find."""

    def _begun(self, longest: int, name: str) -> Steps:
        return self.deep.seek_best(self.flat.run.kind)

    def flat_turn(self, more: float) -> bool:
        best = self.deep.best
        if best is not None and best.held > 0:
            self.flat.offer(float(best.values[0, 0]), float(best.values[0, 1]))
        return super().flat_turn(more)

    def deep_turn(self, until: float) -> bool:
        own, best = self._known(), self.deep.best
        if self.found is None and own is not None:
            values = own.energy_pj, own.cycles / self.deep.per_step
            if best is None or best.held == 0 or is_better(self.flat.run.kind, values, tuple(best.values[0])):
                self.deep.offer(own)
        return super().deep_turn(until)

    def _known(self) -> Known | None:
        """The best mapping that the flat search itself has found."""
        from dse.mapper.deep.known import Known

        (values, records), choices = self.flat.incumbents, self.flat.choices
        if self.flat.run.held == 0 or records[0, -1] < 0:
            return None
        mapping = flat_mapping(self.architecture, records[0], choices[int(records[0, -1])])
        return Known(float(values[0, 0]), float(values[0, 1]) * self.deep.per_step, mapping)

    def solution(self) -> Solution:
        stopped = bool(self.flat.stop[0])
        if stopped:  # both end at once
            self.flat_turn(inf)
            self.deep_turn(inf)
        if self.found is not None:
            answer = self.deep.solution(*self.found)
            return self._proven_by_both(answer) if stopped else answer
        own, best = self.flat.solution(), self.deep.best
        if len(own.values) or best is None:
            return own
        other = self.deep.solution(best.values[: best.held], best.records[: best.held], own.gap)
        return replace(own, values=other.values, records=other.records, kept=other.kept)

    def _proven_by_both(self, answer: Solution) -> Solution:
        """The deep search's answer, as near to the best as either search has proven."""
        own, energy_gap = self.flat.solution(), answer.energy_gap
        if energy_gap is not None and own.energy_gap is not None:
            energy, cycles = (float(x) for x in answer.values[0])
            its_energy, steps = (float(x) for x in self.flat.incumbents.values[0])
            if its_energy > 0 and cycles <= steps * self.deep.per_step * (1 + SLACK):  # what it says holds for both
                energy_gap = min(energy_gap, max(0.0, energy * (1 + own.energy_gap) / its_energy - 1))
        return replace(answer, gap=min(answer.gap, own.gap), energy_gap=energy_gap)
