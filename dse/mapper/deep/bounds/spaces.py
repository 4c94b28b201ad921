"""Spaces of the deep search, made of problems: their splits, and the terms that bound them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.mirror import twins_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums.columns import FactorPlaces, Pool, places_of
from dse.mapper.deep.bounds.sums.crossings import Crossing, Term, crossings_of
from dse.mapper.deep.bounds.sums.sift import FIRST_LIMIT
from dse.mapper.deep.bounds.sums.terms import (
    Book,
    Ports,
    cuts_of,
    first_steps,
    objective_of,
    terms_of_limits,
    visits_pay,
)
from dse.mapper.deep.kept import (
    MOST_KEPT,
    NOT_OF_TERMS,
    OF_LIMITS,
    OF_PORTS,
    LaidTables,
    Shared,
    kept_last,
    numbers_of,
    tables_of,
)
from dse.mapper.deep.lists import NO_TRIPS, ListChoice, needed
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis
from dse.model.counting.kernel import Ints
from dse.problem.dims import PSUM, C, R, S

OF_TERMS = tuple(name for name in Deep._fields if name not in NOT_OF_TERMS)
"""Numbers of a problem that all spaces of one machine, layer and choice of bypasses have in common."""


def space_of(problem: Deep, mask: int, loose: tuple[int, ...] = ()) -> Space:
    """The space of a problem; of `loose` levels, without loops that may as well stand right outside them."""
    tables = tables_of(problem)
    rows = tuple(np.arange(len(axis)) for axis in tables.axes)
    limited = np.isfinite(problem.capacity).tobytes()
    alike = kept_last(tables.shared.alike, (limited, *numbers_of(problem, OF_TERMS)), MOST_KEPT, dict)
    crossings = crossings_of(problem)
    words = tables.words.setdefault(tuple(crossings), Pool(crossings, tables.axes, len(problem.nodes)))
    common = Common(tables.axes, crossings, tables.least_steps, tables.differ, alike, tables.shared, words)
    space = replace(_space(problem, mask, rows, common), loose=loose, weights=tables.weights)
    if loose:
        space = replace(space, twins=None)  # which of equal loops move outwards is not the same in the image
    if problem.last not in loose:
        return space
    keep = needed(space.problem, space.axes, problem.last, ListChoice(NO_TRIPS))
    return replace(space, rows=tuple(np.flatnonzero(mine) for mine in keep))


def narrowed(space: Space, problem: Deep, mask: int, rows: tuple[Ints, ...] | None = None) -> Space:
    """The space of a problem that differs in what becomes of psums alone, or of some splits of each axis."""
    alike = _space(problem, mask, space.rows if rows is None else rows, Common.of(space))
    twins = None if space.twins is None else alike.twins
    return replace(alike, needed=space.needed, loose=space.loose, twins=twins, weights=space.weights)


def allowing_returns(space: Space) -> Space:
    """The same space without the limits that keep unfinished psums out, so that bounds hold for what these would allow.

    That is also the mappings in which psums come back from the outermost level, where the widths are the least of any.
    """
    problem = space.problem._replace(only_finished=np.zeros_like(space.problem.only_finished))
    return replace(space, limits=np.array(_limits(problem, Common.of(space))[1]), held={}, parts=())


def without_fewest_steps(space: Space) -> Space:
    """The same space with nothing known of how few steps are possible."""
    return _space(space.problem, space.mask, space.rows, Common.of(space)._replace(least_steps=1.0, differ=()))


class Common(NamedTuple):
    """What kindred spaces have in common: see `Space`."""

    axes: list[Axis]
    crossings: list[Crossing]
    least_steps: float
    differ: tuple[int, ...]
    alike: dict[Hashable, Space]
    shared: Shared
    words: Pool

    @classmethod
    def of(cls, space: Space) -> Common:
        return cls(
            space.axes, space.crossings, space.least_steps, space.differ, space.alike, space.shared, space.words
        )  # fmt: skip


def _space(problem: Deep, mask: int, rows: tuple[Ints, ...], common: Common) -> Space:
    """The space of a problem, made of a kindred one where there is one."""
    # What else may become of psums changes widths and limits alone, so what is laid down has the same columns.
    key = problem.returns, problem.never_finished.tobytes(), problem.may_finish.tobytes(), *common[2:4]
    if key not in common.alike:
        common.alike[key] = _space_of(problem, common)
    known = common.alike[key]
    problem = problem._replace(visits_pay=known.problem.visits_pay)
    some, limits = _limits(problem, common)
    terms = [term for term in known.terms if term.block < FIRST_LIMIT] + some
    places = replace(known.places, logs=np.log([term.coefficient for term in terms]))
    return replace(
        known, problem=problem, mask=mask, terms=terms, limits=np.array(limits), rows=rows, places=places,
        needed={}, shifts={}, held={},
    )  # fmt: skip


def _limits(problem: Deep, common: Common) -> tuple[list[Term], list[float]]:
    """The terms of limits, and these."""
    key = numbers_of(problem, OF_LIMITS)
    make = partial(terms_of_limits, problem, common.crossings)
    return kept_last(common.shared.limits, key, 4 * MOST_KEPT, make)


def _space_of(problem: Deep, common: Common) -> Space:
    """All splits of a problem."""
    axes, crossings, least, differ, _, shared, words = common
    ports = kept_last(shared.ports, numbers_of(problem, OF_PORTS), 4 * MOST_KEPT, Ports)
    book = Book(problem, crossings, ports)
    problem = problem._replace(visits_pay=visits_pay(book))
    words = words.of(repeated_by_lists(problem, crossings))
    objective, groups = objective_of(book, least, differ)
    some, limits = _limits(problem, common)
    terms = objective + some
    steps, (places, columns) = first_steps(terms), _places(terms, axes, shared)
    laid = kept_last(
        shared.laid, (tuple(crossings), columns, words.returning), 2 * MOST_KEPT, lambda: LaidTables({}, {}, {}, {})
    )  # fmt: skip
    return Space(
        problem, 0, axes, crossings, terms, np.array([term.block for term in terms]),
        np.array([term.group for term in terms]), np.array(limits), cuts_of(terms), groups,
        np.array([axis.column(("steps",)) for axis in axes]), np.array([(i, i + 1) for i in steps]),
        steps[-1] + 1 + np.arange(1 + len(differ)), least, differ, tuple(np.arange(len(axis)) for axis in axes),
        places, words, known=laid.known, kins=laid.kins, next_lists=laid.next_lists, told=laid.told,
        alike=common.alike, shared=shared, twins=twins_of(problem, axes),
    )  # fmt: skip


def repeated_by_lists(problem: Deep, crossings: list[Crossing]) -> bool:
    """Whether some list repeats the psums of the outermost level in each mapping of a problem.

    That is so where psums come back from there, but for two exceptions: children of a fan-out may have a part of a
    sum each, which nothing adds up on the way, and psums may rest over a part of a list's loops, where visits pay.
    """
    outermost = next(one for one in crossings if one.operand == PSUM)
    apart = [level for level in outermost.fans if outermost.views[outermost.up] >> level & 1]
    summed = problem.on_side[apart][:, :, [C, R, S]].any(axis=(1, 2)) & (problem.sides[apart].prod(axis=1) > 1)
    return problem.returns and not problem.visits_pay and not summed.any()


def _places(terms: list[Term], axes: list[Axis], shared: Shared) -> tuple[FactorPlaces, tuple[bytes, ...]]:
    """Where terms find their factors, which no coefficient changes; and the same without coefficients, to look up."""

    def make() -> tuple[FactorPlaces, tuple[bytes, ...]]:
        found = places_of(terms, axes)
        columns = found.first, found.second, found.of_crossings, found.crossings, found.views
        return found, tuple(one.tobytes() for one in columns)

    key = tuple([(term.crossing, term.view, term.used, term.extra) for term in terms])
    places, columns = kept_last(shared.places, key, 4 * MOST_KEPT, make)
    return replace(places, logs=np.log([term.coefficient for term in terms])), columns
