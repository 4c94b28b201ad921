"""Tables of splits that are kept between searches: they depend on a layer and its machine's shape, not on any price."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from dse.mapper.deep.axes import Axis, axes_of
from dse.mapper.deep.bounds.steps import lay_down_fewest
from dse.mapper.deep.problem import Deep

MOST_BYTES = 200_000_000
"""Tables last used longest ago are given up when all of them take more."""


class Tables(NamedTuple):
    """The axes of a problem, the fewest steps of all their splits, and the axes with splits that differ in them."""

    axes: list[Axis]
    least_steps: float
    differ: tuple[int, ...]


_kept: OrderedDict[tuple[object, ...], Tables] = OrderedDict()


def tables_of(problem: Deep) -> Tables:
    """The tables of a problem, those of an earlier search where there was one of a problem with the same splits."""
    parts = (problem.bounds, problem.window, problem.sides, problem.on_side, problem.folds_wanted, problem.in_list,
             problem.whole, problem.fans)  # fmt: skip
    key = problem.perfect, problem.loose, *(part.tobytes() for part in parts)
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    axes = axes_of(problem)
    tables = Tables(axes, *lay_down_fewest(problem, axes))
    while _kept and sum(axis.nbytes for one in (*_kept.values(), tables) for axis in one.axes) > MOST_BYTES:
        _kept.popitem(last=False)
    _kept[key] = tables
    return tables
