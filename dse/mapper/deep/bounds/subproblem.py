"""A subproblem of the deep search, and the bound on everything in it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from math import inf, log
from sys import float_info
from typing import Any, NamedTuple, cast

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.kept import Shared
from dse.mapper.deep.bounds.kindred import Parts
from dse.mapper.deep.bounds.mirror import CLOSED, PLAIN, WHOLE, closed
from dse.mapper.deep.bounds.necessary.standing import NO_FAN_OUTS, FanOuts
from dse.mapper.deep.bounds.sums.columns import Columns, FactorPlaces, Laid, Pool, Words
from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, OF_ENERGY, OF_TIME, Terms
from dse.mapper.deep.bounds.weights.dual import WARM, Effort
from dse.mapper.deep.bounds.weights.family import Family, Flock, climb_all
from dse.mapper.deep.bounds.weights.stairs import ONE_STEP, least_step
from dse.mapper.deep.lists import Bools, ListChoice, agreeing, listed, needed, parts_of_choice, stays_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis, tables_of_axes
from dse.mapper.shared.compilation.arguments import Held
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import P

MOST_HELD = 6
"""Terms of a space for an objective and a limit on time, or limits of its parts, that are kept."""

NO_COST = log(float_info.max)
"""No cost has this logarithm: a bound above says that nothing fits."""

AT_ONCE = -1
"""In place of lists that splits are gathered in: all of a space's splits are listed at once."""

KinParts = tuple[tuple[Laid, ...], Floats, Ints]
"""The choices and `first` of a `Kin`, and between them what its `logs` have beside the coefficients, (m, T)."""


@dataclass(frozen=True)
class Space:
    """One bypass choice, ready to search.

    Parameters
    ----------
    problem, mask
        In numbers, and its place in the list of what levels keep.
    axes, crossings, terms
        Tables of splits, ways of words, and what energy and times are sums of.
    block, group, limits, cuts, groups
        As of `dse.mapper.deep.bounds.sums.records.Terms`, `limits` without that on time.
    steps : (6,) int64
        Column of the compute steps in each axis' table.
    floors : (F, 3) int64
        Terms of compute steps, each with the term that says how few these are at least.
    fewest
        Terms that are the fewest steps of all splits, and the fewest with each.
    least_steps, differ
        The fewest steps of all splits, and the axes with splits that differ in them.
    rows
        The splits of each axis that are part of it.
    places
        Where its terms find their factors.
    fans
        Fan-outs on which children have to stand.
    parts
        Spaces that together have all of its mappings, which are searched in its place once lists are laid down.
    twins
        Which splits are each other's mirror image, if any (`dse.mapper.deep.bounds.mirror.twins_of`).
    loose
        Levels whose lists have no loops that may as well stand right outside (`dse.mapper.deep.lists.needed`).
    words, known, needed, kins, next_lists, open_lists, compared, told
        What is known of lists laid down.
    weights
        Those that bounded this space, or a neighbour's, last: see `dse.mapper.deep.bounds.kept.Tables`.
    alike
        Spaces of the same splits, by what becomes of psums in them and the fewest steps.
    shared
        What spaces of the same splits share, whatever their prices.
    held
        Its terms for the last searches.
    gathered
        The outermost lists that its splits are gathered in and told apart later, 0 for none; -1 where they are all
        listed at once (`dse.mapper.deep.bounds.stages`).
    shifts
        Per part, what its terms' coefficients are more than its own, in logarithms, if they differ in nothing else.
    """

    problem: Deep
    mask: int
    axes: list[Axis]
    crossings: list[Crossing]
    terms: list[Term]
    block: Ints
    group: Ints
    limits: Floats
    cuts: Floats
    groups: int
    steps: Ints
    floors: Ints
    fewest: Ints
    least_steps: float
    differ: tuple[int, ...]
    rows: tuple[Ints, ...]
    places: FactorPlaces
    words: Pool
    fans: FanOuts = NO_FAN_OUTS
    parts: tuple[Space, ...] = ()
    loose: tuple[int, ...] = ()
    gathered: int = AT_ONCE
    twins: tuple[Ints, Ints] | None = None
    known: dict[Laid, tuple[Floats, Ints]] = field(default_factory=dict, repr=False)
    needed: dict[tuple[int, ListChoice], list[Bools]] = field(default_factory=dict, repr=False)
    kins: dict[tuple[Laid, int, tuple[ListChoice, ...]], KinParts] = field(default_factory=dict, repr=False)
    shifts: dict[int, Floats | None] = field(default_factory=dict, repr=False)
    weights: dict[Hashable, tuple[Ints, Floats]] = field(default_factory=dict, repr=False)
    alike: dict[Hashable, Space] = field(default_factory=dict, repr=False)
    shared: Shared = field(default_factory=Shared, repr=False)
    held: dict[Hashable, Held] = field(default_factory=dict, repr=False)
    next_lists: dict[Laid, int | None] = field(default_factory=dict, repr=False)
    open_lists: dict[Laid, tuple[int, ...]] = field(default_factory=dict, repr=False)
    compared: dict[Laid, Held | None] = field(default_factory=dict, repr=False)
    told: dict[tuple[Laid, int], tuple[ListChoice, ...]] = field(default_factory=dict, repr=False)

    def but(self, **changes: Any) -> Space:
        """The same with some fields changed, in a tenth of the time that `dataclasses.replace` takes."""
        other = object.__new__(Space)
        other.__dict__.update(self.__dict__, **changes)
        return other

    def terms_for(self, best: Best, both: bool = False) -> Terms:
        """The terms for a search, for any lists laid down; of energy and time alike, with `both`."""
        key = best.kind, best.until, both
        if key not in self.held:
            terms = terms_of(self, best, (self.places.logs, self.places.first, self.places.second))
            if both:
                terms.fixed[:FIRST_LIMIT] = 1.0
            self._hold(key, terms)
        return cast("Terms", self.held[key].record)

    def parts_for(self, best: Best, together: bool = False) -> Parts:
        """What its parts, or it alone, differ in for a search; with `together`, of it alone in any case."""
        key = best.kind, best.until, "together" if together else "parts"
        if key not in self.held:
            each = (self,) if together or not self.parts else self.parts
            own = (self.places.logs, self.places.first, self.places.second)
            parts = Parts(
                np.array([0.0 * own[0] if part is self else self.of_part(part, own)[0] - own[0] for part in each]),
                np.array([limits_of(part, best) for part in each]),
                np.array([part.problem.only_finished for part in each]),
                np.array([part.mask for part in each]),
            )
            self._hold(key, parts)
        return cast("Parts", self.held[key].record)

    def _hold(self, key: Hashable, record: tuple[Any, ...]) -> None:
        while len(self.held) >= MOST_HELD:
            del self.held[next(iter(self.held))]
        self.held[key] = Held(record)

    def columns(self, choices: Laid) -> Columns:
        """Columns of the terms' factors with some lists laid down."""
        if choices not in self.known:
            scales, first = self.words.of_terms(self.places, self.words.begins([choices]))
            self.known[choices] = scales[0], first[0]
        scales, first = self.known[choices]
        return self.places.logs + scales, first, self.places.second

    def words_of(self, crossing: int, choices: Laid) -> Words:
        """What the words of a crossing's views are products of, with some lists laid down."""
        return self.words.words(crossing, choices)

    def holds(self, rows: list[int]) -> bool:
        """Whether the splits of a mapping, one of each axis, are part of it."""
        return all(row in mine for row, mine in zip(rows, self.rows, strict=True))

    def kin(self, choices: Laid, level: int, some: tuple[ListChoice, ...] | None = None) -> Kin:
        """What may be laid down about one list more, or `some` of it."""
        some = listed() if some is None else some
        if (choices, level, some) not in self.kins:
            each = with_each(choices, level, some)
            self.kins[choices, level, some] = each, *self.words.of_terms(self.places, self.words.begins(each))
        each, scales, first = self.kins[choices, level, some]
        return Kin(each, self.places.logs + scales, first, self.places.second)

    def of_part(self, part: Space, columns: Columns) -> Columns:
        """The columns of one of its parts, given its own with the same lists laid down."""
        if part.mask not in self.shifts:
            mine, its = self.places, part.places
            pairs = [(one.first, one.second, one.of_crossings, one.crossings, one.views) for one in (mine, its)]
            same = all(map(np.array_equal, *pairs))
            self.shifts[part.mask] = its.logs - mine.logs if same else None
        shift = self.shifts[part.mask]
        assert shift is not None, "kindred spaces have the same terms"
        return columns[0] + shift, columns[1], columns[2]

    def agree(self, level: int, rows: tuple[Ints, ...], some: tuple[ListChoice, ...] | None = None) -> Bools:
        """(choices, n) which splits agree with each choice about a list: all that are listed, or `some`."""
        some, forced = some or listed(), self.problem.innermost if level == self.problem.near else -1
        loops = np.concatenate([axis.loops(level)[row] for axis, row in zip(self.axes, rows, strict=True)])
        if level not in self.loose:
            return agreeing(forced, some)[:, loops]
        parts = {part: agreeing(forced, (part,))[0, loops] for choice in some for part in parts_of_choice(choice)}
        for part, agrees in parts.items():
            if (level, part) not in self.needed:
                self.needed[level, part] = needed(self.problem, self.axes, level, part)
            agrees &= np.concatenate([mask[row] for mask, row in zip(self.needed[level, part], rows, strict=True)])
        return np.array([np.logical_or.reduce([parts[one] for one in parts_of_choice(choice)]) for choice in some])


@dataclass(frozen=True, slots=True)
class Node:
    """A subproblem: what is laid down per list, splits that are left per axis, and its bound (a logarithm).

    `reduced` has of each split how far it lifts the bound, `weights` are those of the bound, one for each term, and
    `columns` where terms find their factors with these lists. `compared` is how many combinations of its splits
    there were when they were last compared with one another. `mirror` says what is known of mirror images, see
    `dse.mapper.deep.bounds.mirror`. Where `gathered` is not 0, its splits stand for others as well, which differ in
    that many of the outermost lists alone (`dse.mapper.deep.bounds.stand_ins`). `proven` is the best bound
    known; prices of splits add to `bound` alone.

    Splits and their prices go together. What cuts a subproblem takes it as a whole, since of the splits told apart at
    some time, with the best mapping known then, fewer may be left when the next ones are told apart.
    """

    space: Space
    choices: tuple[ListChoice | None, ...]
    rows: tuple[Ints, ...]
    weights: Floats
    bound: float
    reduced: tuple[Floats, ...]
    columns: Columns
    compared: float = inf
    mirror: int = PLAIN
    gathered: int = 0
    proven: float = -inf

    def only(self, some: Sequence[Bools | Ints]) -> Node:
        """The same with some of its splits of each axis, by mask or place."""
        rows = tuple([mine[one] for mine, one in zip(self.rows, some, strict=True)])
        reduced = tuple([lifted[one] for lifted, one in zip(self.reduced, some, strict=True)])
        return replace(self, rows=rows, reduced=reduced)


class Kin(NamedTuple):
    """What is laid down in each of m subproblems, with their columns as `Space.columns` has them.

    Parameters
    ----------
    logs : (m, T) float
    first : (m, T, 6) int64
    second : (T, 6) int64
    mirror
        What is known of the mirror images of each; if empty, nothing.
    """

    choices: tuple[tuple[ListChoice | None, ...], ...]
    logs: Floats
    first: Ints
    second: Ints
    mirror: tuple[int, ...] = ()


def with_each(choices: Laid, level: int, some: tuple[ListChoice, ...]) -> tuple[Laid, ...]:
    """Each of some choices about a list beside those about all others."""
    return tuple((*choices[:level], choice, *choices[level + 1 :]) for choice in some)


def even_weights(space: Space, best: Best) -> Floats:
    """The same weight for each term of energy, and of time, to begin with."""
    fixed, weights = fixed_weights(space, best), np.zeros(len(space.terms))
    for block in (OF_ENERGY, OF_TIME):
        mine = space.block == block
        weights[mine] = max(0.0, fixed[block]) / max(1, mine.sum())
    return weights


def bounded(
    space: Space, choices: tuple[ListChoice | None, ...], rows: tuple[Ints, ...], weights: Floats, best: Best,
    columns: Columns | None = None, heat: float = WARM, mirror: int = PLAIN, gathered: int = 0,
) -> Node | None:  # fmt: skip
    """A subproblem with its bound, None when that shows that nothing in it improves."""
    logs, first, second = space.columns(choices) if columns is None else columns
    kin = Kin((choices,), logs[None], first[None], second, (mirror,))
    every = np.ones((1, sum(map(len, rows))), dtype=bool)
    found = bounded_all(space, kin, rows, every, weights, best, heat, gathered)
    return found[0] if found else None


def bounded_all(
    space: Space, kin: Kin, rows: tuple[Ints, ...], keep: Bools, weights: Floats, best: Best, heat: float = WARM,
    gathered: int = 0,
) -> list[Node]:  # fmt: skip
    """Subproblems with their bounds, but for those in which nothing improves.

    Parameters
    ----------
    kin
        What is laid down in each.
    keep : (m, n) bool
        Which of the splits in `rows`, those of all axes one after another, each takes.
    weights : (T,) float
        To start with.
    gathered : int
        As of `Node`.
    """
    many, splits = len(keep), np.concatenate(rows)
    assert keep.shape == (len(kin.choices), len(splits)), "kernels read as much of one as of the other"
    start, size = np.array([0, *accumulate(map(len, rows[:5]))]), len(splits)
    mine, its = _scratch(many * size)
    flock = Flock(
        mine.reshape(many, size), start, np.empty((many, 6), dtype=np.int64), its.reshape(many, size),
        np.repeat(weights[None], many, axis=0), np.empty(many), np.empty(many),
    )  # fmt: skip
    laid = tables_of_axes(space.axes)
    stays = np.array([stays_of(space.problem, choices) for choices in kin.choices])
    family = Family(kin.logs.copy(), kin.first, np.ascontiguousarray(keep), space.steps, space.floors, stays,
                    space.fans)  # fmt: skip
    target, steps = best.target(), best.steps()
    compiled(climb_all)(
        laid.logs, *laid.of_walks, space.terms_for(best), family, splits, Effort(heat, target, steps), flock
    )  # fmt: skip
    found = []
    for i, (bound, ends) in enumerate(zip(flock.bound.tolist(), flock.end.tolist(), strict=True)):
        if bound < min(target, NO_COST):
            mine, lifted = flock.rows[i, : ends[-1]].copy(), flock.reduced[i, : ends[-1]].copy()
            parts = [slice(*ends_of) for ends_of in pairwise([0, *ends])]
            columns = family.logs[i], kin.first[i], kin.second
            each, prices = tuple(mine[part] for part in parts), tuple(lifted[part] for part in parts)
            mirror = kin.mirror[i] if kin.mirror else PLAIN
            if space.twins is not None and mirror in (WHOLE, CLOSED):
                mirror, each, prices = closed(space.twins, each, prices)
            proven = float(flock.proven[i])
            if steps is not ONE_STEP:
                least = least_step(steps, float(flock.weights[i, space.block == OF_TIME].sum()))
                bound, proven = bound - least, proven - least
            weights_of = flock.weights[i]
            found.append(Node(
                space, kin.choices[i], each, weights_of, bound, prices, columns, inf, mirror, gathered,
                max(bound, proven),
            ))  # fmt: skip
    return [one for one in found if len(one.rows[P])]


_SCRATCH: list[tuple[Ints, Floats]] = [(np.empty(0, dtype=np.int64), np.empty(0))]


def _scratch(size: int) -> tuple[Ints, Floats]:
    """Room for the splits of subproblems and their prices: the same as the last time, as new memory takes time."""
    if len(_SCRATCH[0][0]) < size:
        _SCRATCH[0] = np.empty(size, dtype=np.int64), np.empty(size)
    return _SCRATCH[0][0][:size], _SCRATCH[0][1][:size]


def fixed_weights(space: Space, best: Best) -> Floats:
    """Weights of the objective's blocks, -1 for limits."""
    fixed = np.full(len(space.limits), -1.0)
    fixed[OF_ENERGY] = 0.0 if best.kind == LATENCY else 1.0
    fixed[OF_TIME] = 0.0 if best.kind == ENERGY else 1.0
    if best.kind == ENERGY and best.until < inf:
        fixed[OF_TIME] = -1.0
    return fixed


def limits_of(space: Space, best: Best) -> Floats:
    """Logarithms that the blocks must stay within; the time's is the deadline where there is one."""
    limits = space.limits.copy()
    if best.kind == ENERGY and best.until < inf:
        limits[OF_TIME] = log(best.until)
    return limits


def terms_of(space: Space, best: Best, columns: Columns) -> Terms:
    """The terms of a space with some lists laid down, for a search."""
    logs, first, second = columns
    return Terms(
        first, second, logs, space.block, space.group, limits_of(space, best), fixed_weights(space, best), space.groups,
        space.cuts,
    )  # fmt: skip
