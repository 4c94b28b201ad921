"""Tables of splits that are kept between searches: they depend on a layer and its machine's shape, not on any price."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from dse.mapper.deep.axes import Axis, axes_of
from dse.mapper.deep.bounds.steps import lay_down_fewest
from dse.mapper.deep.lists import Bools, Choice
from dse.mapper.deep.problem import Deep
from dse.model.counting.kernel import Floats, Ints

MOST_BYTES = 200_000_000
"""Tables last used longest ago are given up when all of them take more."""


class Found(NamedTuple):
    """The best mapping of an earlier search.

    Parameters
    ----------
    mask : int
        Its space.
    rules
        Those of that space, see `rules_of`.
    rows : (6,) int64
        Split of each axis.
    choices
        What its orders lay down.
    record : array
        The mapping itself.
    """

    mask: int
    rules: tuple[object, ...]
    rows: Ints
    choices: tuple[Choice | None, ...]
    record: Ints


class Tables(NamedTuple):
    """The axes of a problem, the fewest steps of all their splits, and the axes with splits that differ in them.

    Parameters
    ----------
    found : dict
        The best mappings of the last searches with these tables, by what was sought.
    weights : dict
        The weights that bounded whole spaces last, by space, with the blocks of their terms.
    words : dict
        By the crossings of a problem: what words are products of, with some lists laid down.
    agreeing : dict
        By the rules of a problem: which splits agree with what is laid down about a list.
    """

    axes: list[Axis]
    least_steps: float
    differ: tuple[int, ...]
    found: dict[int, Found]
    weights: dict[Hashable, tuple[Ints, Floats]]
    words: dict[Hashable, tuple[dict[Any, Any], dict[Any, Any]]]
    agreeing: dict[Hashable, dict[Any, list[Bools]]]

    @property
    def nbytes(self) -> int:
        masks = (mask for every in self.agreeing.values() for masks in every.values() for mask in masks)
        return sum(axis.nbytes for axis in self.axes) + sum(mask.nbytes for mask in masks)


_kept: OrderedDict[tuple[object, ...], Tables] = OrderedDict()


def _key(problem: Deep) -> tuple[object, ...]:
    parts = (problem.bounds, problem.window, problem.sides, problem.on_side, problem.folds_wanted, problem.in_list,
             problem.whole, problem.fans)  # fmt: skip
    return problem.perfect, problem.loose, *(part.tobytes() for part in parts)


def rules_of(problem: Deep) -> tuple[object, ...]:
    """What decides, beside the splits, which mappings there are."""
    return problem.stationary, problem.innermost, problem.near, bool(problem.visits_pay), problem.kept.tobytes()


def found_by(problem: Deep) -> dict[int, Found]:
    """What searches of problems with the same splits have found, if their tables are kept."""
    key = _key(problem)
    return _kept[key].found if key in _kept else {}


def tables_of(problem: Deep) -> Tables:
    """The tables of a problem, those of an earlier search where there was one of a problem with the same splits."""
    key = _key(problem)
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    axes = axes_of(problem)
    tables = Tables(axes, *lay_down_fewest(problem, axes), {}, {}, {}, {})
    while _kept and sum(one.nbytes for one in (*_kept.values(), tables)) > MOST_BYTES:
        _kept.popitem(last=False)
    _kept[key] = tables
    return tables
