"""Spaces of the deep search, made of problems: their splits, and the terms that bound them."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.kept import (
    MOST_KEPT,
    NOT_OF_TERMS,
    OF_CROSSINGS,
    OF_LIMITS,
    OF_PORTS,
    LaidTables,
    Shared,
    Tables,
    numbers_of,
    tables_of,
)
from dse.mapper.deep.bounds.mirror import twins_of
from dse.mapper.deep.bounds.necessary.standing import fan_outs_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums.columns import FactorPlaces, Pool, places_of
from dse.mapper.deep.bounds.sums.crossings import Crossing, Term, crossings_of
from dse.mapper.deep.bounds.sums.limits import LimitTerms, limits_on
from dse.mapper.deep.bounds.sums.objective import first_steps, objective_of
from dse.mapper.deep.bounds.sums.terms import Book, Ports, cuts_of, visits_pay
from dse.mapper.deep.lists import NO_TRIPS, ListChoice, needed
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.shared.last_used import kept_last
from dse.model.counting.kernel import Ints
from dse.problem.dims import PSUM, C, R, S

OF_TERMS = tuple(name for name in Deep._fields if name not in NOT_OF_TERMS)
"""Numbers of a problem that all spaces of one machine, layer and choice of bypasses have in common."""


def space_of(problem: Deep, mask: int, loose: tuple[int, ...] = (), tables: Tables | None = None) -> Space:
    """The space of a problem; of `loose` levels, without loops that may as well stand right outside them.

    Parameters
    ----------
    tables : Tables, optional
        In place of those that are kept of all its splits.
    """
    tables = tables_of(problem) if tables is None else tables
    rows = tuple(np.arange(len(axis)) for axis in tables.axes)
    limited = np.isfinite(problem.capacity).tobytes()
    alike = kept_last(tables.shared.alike, (limited, *numbers_of(problem, OF_TERMS)), MOST_KEPT, dict)
    key = numbers_of(problem, OF_CROSSINGS)
    if key not in tables.words:
        tables.words[key] = Pool(crossings_of(problem), tables.axes, len(problem.nodes))
    words = tables.words[key]
    common = Common(tables.axes, words.crossings, tables.least_steps, tables.differ, alike, tables.shared, words)
    space = _space(problem, mask, rows, common).but(loose=loose, weights=tables.weights)
    if loose:
        space = space.but(twins=None)  # which of equal loops move outwards is not the same in the image
    if problem.last not in loose:
        return space
    keep = needed(space.problem, space.axes, problem.last, ListChoice(NO_TRIPS))
    return space.but(rows=tuple(np.flatnonzero(mine) for mine in keep))


def narrowed(space: Space, problem: Deep, mask: int, rows: tuple[Ints, ...] | None = None) -> Space:
    """The space of a problem that differs in what becomes of psums alone, or of some splits of each axis."""
    alike = _space(problem, mask, space.rows if rows is None else rows, Common.of(space))
    twins = None if space.twins is None else alike.twins
    return alike.but(needed=space.needed, loose=space.loose, twins=twins, weights=space.weights)


def allowing_returns(space: Space) -> Space:
    """The same space without the limits that keep unfinished psums out, so that bounds hold for what these would allow.

    That is also the mappings in which psums come back from the outermost level, where the widths are the least of any.
    """
    problem = space.problem._replace(only_finished=np.zeros_like(space.problem.only_finished))
    return space.but(limits=_limits(problem, Common.of(space)).of(problem), held={}, parts=())


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
    problem, own = problem._replace(visits_pay=known.problem.visits_pay), _limits(problem, common)
    mine = len(known.terms) - len(own.terms)  # those of the objective come first
    logs = np.concatenate([known.places.logs[:mine], own.logs])
    return known.but(
        problem=problem, mask=mask, terms=known.terms[:mine] + own.terms, limits=own.of(problem), rows=rows,
        places=known.places.at(logs), needed={}, shifts={}, held={},
    )  # fmt: skip


def _limits(problem: Deep, common: Common) -> LimitTerms:
    """The limits on the mappings of a space, for any capacities."""
    key = np.isfinite(problem.capacity).tobytes(), *numbers_of(problem, OF_LIMITS)
    return kept_last(common.shared.limits, key, 4 * MOST_KEPT, partial(limits_on, problem, common.crossings))


def _space_of(problem: Deep, common: Common) -> Space:
    """All splits of a problem."""
    axes, crossings, least, differ, alike, shared, words = common
    ports = kept_last(shared.ports, numbers_of(problem, OF_PORTS), 4 * MOST_KEPT, Ports)
    book = Book(problem, crossings, ports)
    problem = problem._replace(visits_pay=visits_pay(book))
    words = words.of(repeated_by_lists(problem, crossings))
    objective, groups = objective_of(book, least, differ)
    limits = _limits(problem, common)
    terms = objective + limits.terms
    # What is kept has these terms, so that nothing else gets the places of their parts.
    key = words.returning, *[(*term[1:6], id(term.extra)) for term in terms]
    layout = kept_last(shared.layouts, key, 4 * MOST_KEPT, partial(_layout, terms, common, words, len(differ)))
    return Space(
        problem, 0, axes, crossings, terms, layout.block, layout.group, limits.of(problem), cuts_of(terms), groups,
        layout.steps, layout.floors, layout.fewest, least, differ, (),
        layout.places.at(np.log([term.coefficient for term in terms])), words, fan_outs_of(problem, terms),
        known=layout.laid.known, kins=layout.laid.kins, next_lists=layout.laid.next_lists, told=layout.laid.told,
        alike=alike, shared=shared, twins=twins_of(problem, axes),
    )  # fmt: skip


def repeated_by_lists(problem: Deep, crossings: list[Crossing]) -> bool:
    """Whether some list repeats the psums of the outermost level in each mapping of a problem.

    That is so where psums come back from there, but for two exceptions: children of a fan-out may have a part of a
    sum each, which nothing adds up on the way, and psums may rest over a part of a list's loops, where visits pay.
    """
    if not problem.returns or problem.visits_pay:
        return False
    outermost = next(one for one in crossings if one.operand == PSUM)
    apart = [level for level in outermost.fans if outermost.views[outermost.up] >> level & 1]
    summed = problem.on_side[apart][:, :, [C, R, S]].any(axis=(1, 2)) & (problem.sides[apart].prod(axis=1) > 1)
    return not summed.any()


class TermLayout(NamedTuple):
    """What of a space's terms is no price, see `Space`.

    Parameters
    ----------
    terms : list of Term
        At some prices.
    laid : LaidTables
        What follows from lists laid down.
    """

    terms: list[Term]
    block: Ints
    group: Ints
    steps: Ints
    floors: Ints
    fewest: Ints
    places: FactorPlaces
    laid: LaidTables


def _layout(terms: list[Term], common: Common, words: Pool, differ: int) -> TermLayout:
    steps, places = first_steps(terms), places_of(terms, common.axes)
    columns = (places.first, places.second, places.of_crossings, places.crossings, places.views)
    key = words.returning, tuple(common.crossings), *(one.tobytes() for one in columns)
    laid = kept_last(common.shared.laid, key, 2 * MOST_KEPT, lambda: LaidTables({}, {}, {}, {}))
    return TermLayout(
        terms, np.array([term.block for term in terms]), np.array([term.group for term in terms]),
        np.array([axis.column(("steps",)) for axis in common.axes]),
        np.array([(i, i + 1, i + 2 + differ) for i in steps]),
        steps[-1] + 1 + np.arange(1 + differ), places, laid,
    )  # fmt: skip
