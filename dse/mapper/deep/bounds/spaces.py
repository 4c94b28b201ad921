"""Spaces of the deep search, made of problems: their splits, and the terms that bound them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dse.mapper.deep.axes import Axis
from dse.mapper.deep.bounds.columns import places_of
from dse.mapper.deep.bounds.crossings import Crossing, crossings_of
from dse.mapper.deep.bounds.sift import FIRST_LIMIT
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.terms import Book, cuts_of, first_steps, objective_of, terms_of_limits, visits_pay
from dse.mapper.deep.kept import tables_of
from dse.mapper.deep.lists import NO_TRIPS, Choice, needed
from dse.mapper.deep.problem import Deep
from dse.model.counting.kernel import Ints


def space_of(problem: Deep, mask: int, loose: tuple[int, ...] = ()) -> Space:
    """The space of a problem; of `loose` levels, without loops that may as well stand right outside them."""
    tables = tables_of(problem)
    rows = tuple(np.arange(len(axis)) for axis in tables.axes)
    space = replace(_space(problem, mask, tables.axes, tables.least_steps, tables.differ, rows), loose=loose)
    words, of_choices = tables.words.setdefault(tuple(space.crossings), ({}, {}))
    space = replace(space, words=words, of_choices=of_choices, weights=tables.weights)
    if not loose:
        space = replace(space, agreeing=tables.agreeing.setdefault((problem.innermost, problem.near), {}))
    if problem.last not in loose:
        return space
    keep = needed(space.problem, space.axes, problem.last, Choice(NO_TRIPS))
    return replace(space, rows=tuple(np.flatnonzero(mine) for mine in keep))


def narrowed(space: Space, problem: Deep, mask: int, rows: tuple[Ints, ...] | None = None) -> Space:
    """The space of a problem that differs in what becomes of psums alone, or of some splits of each axis."""
    rows = space.rows if rows is None else rows
    alike = _space(problem, mask, space.axes, space.least_steps, space.differ, rows, space)
    return replace(alike, words=space.words, of_choices=space.of_choices, agreeing=space.agreeing, loose=space.loose,
                   weights=space.weights)  # fmt: skip


def without_fewest_steps(space: Space) -> Space:
    """The same space with nothing known of how few steps are possible."""
    return _space(space.problem, space.mask, space.axes, 1.0, (), space.rows, space)


def _space(
    problem: Deep, mask: int, axes: list[Axis], least: float, differ: tuple[int, ...], rows: tuple[Ints, ...],
    like: Space | None = None,
) -> Space:  # fmt: skip
    """The space of a problem, given one `like` it but for what becomes of psums, if there is."""
    crossings = crossings_of(problem) if like is None else like.crossings
    alike = {} if like is None else like.alike
    # What else may become of psums changes widths and limits alone, so what is laid down has the same columns.
    key = problem.returns, problem.never_finished.tobytes(), problem.may_finish.tobytes(), least, differ
    known = alike.get(key)
    if known is None or known.axes is not axes:
        alike[key] = known = _space_of(problem, crossings, axes, least, differ)
    problem = problem._replace(visits_pay=known.problem.visits_pay)
    some, limits = terms_of_limits(problem, crossings)
    terms = [term for term in known.terms if term.block < FIRST_LIMIT] + some
    places = replace(known.places, logs=np.log([term.coefficient for term in terms]))
    return replace(
        known, problem=problem, mask=mask, terms=terms, limits=np.array(limits), rows=rows, places=places, alike=alike,
        words={}, agreeing={}, of_choices={}, shifts={},
    )  # fmt: skip


def _space_of(
    problem: Deep, crossings: list[Crossing], axes: list[Axis], least: float, differ: tuple[int, ...]
) -> Space:
    """All splits of a problem."""
    book = Book(problem, crossings)
    problem = problem._replace(visits_pay=visits_pay(book))
    objective, groups = objective_of(book, least, differ)
    some, limits = terms_of_limits(problem, crossings)
    terms = objective + some
    steps = first_steps(terms)
    return Space(
        problem, 0, axes, crossings, terms, np.array([term.block for term in terms]),
        np.array([term.group for term in terms]), np.array(limits), cuts_of(terms), groups,
        np.array([axis.column(("steps",)) for axis in axes]), np.array([(i, i + 1) for i in steps]),
        steps[-1] + 1 + np.arange(1 + len(differ)), least, differ, tuple(np.arange(len(axis)) for axis in axes),
        places_of(terms, crossings, axes),
    )  # fmt: skip
