"""What is kept between searches: tables of splits, which no price changes, and what follows from them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.columns import Pool
from dse.mapper.deep.bounds.sums.steps import lay_down_fewest
from dse.mapper.deep.lists import ListChoice
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.splits.fitting import room_for
from dse.mapper.deep.splits.listing import axes_of
from dse.model.counting.kernel import Floats, Ints

MOST_BYTES = 200_000_000
"""Tables last used longest ago are given up when all of them take more."""


MOST_KEPT = 8
"""Machines, or shapes of terms, for which what follows from them is kept with the tables of a layer."""

OF_CROSSINGS = ("nodes", "fans", "kept", "keeps", "is_fan_out", "multicast", "reduces", "folds", "words", "macs")
OF_PORTS = (
    *OF_CROSSINGS, "returns", "never_finished", "buffering", "port_node", "port_cost", "port_saved", "port_joins",
)  # fmt: skip
OF_LIMITS = (*OF_CROSSINGS, "bits", "only_finished", "may_finish")
NOT_OF_TERMS = ("bits", "capacity", "only_finished", "returns", "never_finished", "may_finish", "visits_pay")
"""Numbers of a problem that the words of ports depend on, that limits depend on, and that the terms of the objective do
not or that kindred spaces differ in."""


class LaidTables(NamedTuple):
    """What follows from lists laid down: see `Space` in `dse.mapper.deep.bounds.subproblem`. It depends on no price."""

    known: dict[Any, Any]
    kins: dict[Any, Any]
    next_lists: dict[Any, Any]
    told: dict[Any, Any]

    @property
    def nbytes(self) -> int:
        """About how much it takes: each entry as much as the first."""
        some = [next(iter(every.values())) for every in (self.known, self.kins) if every]
        each = [sum(part.nbytes for part in one if hasattr(part, "nbytes")) for one in some]
        return sum(size * len(every) for size, every in zip(each, filter(None, (self.known, self.kins)), strict=True))


@dataclass(slots=True)
class Shared:
    """What spaces with the same axes share, for the last machines that they were of.

    Parameters
    ----------
    alike : dict
        By all prices: spaces, by what becomes of psums in them and the fewest steps.
    laid : dict
        By the columns of the terms.
    ports, limits, layouts : dict
        Times of ports, terms of limits, and what of terms is no price, by what these depend on.
    """

    alike: dict[Hashable, dict[Hashable, Any]] = field(default_factory=dict)
    laid: dict[Hashable, LaidTables] = field(default_factory=dict)
    ports: dict[Hashable, Any] = field(default_factory=dict)
    limits: dict[Hashable, Any] = field(default_factory=dict)
    layouts: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.laid.values())


def numbers_of(problem: Deep, names: Iterable[str]) -> tuple[Hashable, ...]:
    """Some of a problem's numbers, to compare and to look up."""
    values = attrgetter(*names)(problem)
    return tuple([value.tobytes() if isinstance(value, np.ndarray) else value for value in values])


class BestBefore(NamedTuple):
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
    choices: tuple[ListChoice | None, ...]
    record: Ints


class Begun(NamedTuple):
    """Where the searches of designs with the same splits begin, see `dse.mapper.deep.solve.begun_at`.

    Parameters
    ----------
    found : BestBefore
        A mapping that may be good.
    weights : dict
        Those that bounded whole spaces, as `Tables` has them.
    splits : tuple
        What the splits depend on.
    """

    found: BestBefore
    weights: dict[Hashable, tuple[Ints, Floats]]
    splits: tuple[object, ...]


class Tables(NamedTuple):
    """The axes of a problem, the fewest steps of all their splits, and the axes with splits that differ in them.

    Parameters
    ----------
    found : dict
        The best mappings of the last searches with these tables, by what was sought.
    weights : dict
        The weights that bounded whole spaces last, by space, with the blocks of their terms.
    words : dict
        By what crossings depend on: these, and what words are products of, with some lists laid down.
    shared
        What spaces share that differ in prices.
    """

    axes: list[Axis]
    least_steps: float
    differ: tuple[int, ...]
    found: dict[int, BestBefore]
    weights: dict[Hashable, tuple[Ints, Floats]]
    words: dict[Hashable, Pool]
    shared: Shared

    @property
    def nbytes(self) -> int:
        return sum(axis.nbytes for axis in self.axes) + self.shared.nbytes


_kept: OrderedDict[tuple[object, ...], Tables] = OrderedDict()

_bytes: dict[tuple[object, ...], int] = {}
_used: set[tuple[object, ...]] = set()
"""What kept tables took when they were last measured, which takes a while, and those that were asked for since then."""


_long: set[tuple[object, ...]] = set()
"""Problems, but for the room of their levels, some axis of which is long, so that its splits depend on that as well."""


def splits_of(problem: Deep) -> tuple[object, ...]:
    """What the splits of a problem depend on."""
    key = _shape(problem)
    return (*key, room_for(problem).tobytes()) if key in _long else key


def _shape(problem: Deep) -> tuple[object, ...]:
    parts = (problem.bounds, problem.window, problem.sides, problem.on_side, problem.folds_wanted, problem.in_list,
             problem.whole, problem.fans)  # fmt: skip
    return problem.perfect, problem.loose, *(part.tobytes() for part in parts)


def rules_of(problem: Deep) -> tuple[object, ...]:
    """What decides, beside the splits, which mappings there are."""
    return problem.stationary, problem.innermost, problem.near, bool(problem.visits_pay), problem.kept.tobytes()


def found_by(problem: Deep) -> dict[int, BestBefore]:
    """What searches of problems with the same splits have found, if their tables are kept."""
    key = splits_of(problem)
    return _kept[key].found if key in _kept else {}


def tables_of(problem: Deep) -> Tables:
    """The tables of a problem, those of an earlier search where there was one of a problem with the same splits."""
    key = splits_of(problem)
    if key in _kept:
        _used.add(key)
        _kept.move_to_end(key)
        return _kept[key]
    axes = axes_of(problem)
    if any(axis.is_long for axis in axes):  # also where nothing was left out: another machine may have less room
        _long.add(_shape(problem))
        key = splits_of(problem)
    _used.add(key)
    _kept[key] = tables = Tables(axes, *lay_down_fewest(problem, axes), {}, {}, {}, Shared())
    _give_up()
    return tables


def _give_up() -> None:
    """Give up the tables used longest ago where all take too much, but not the last."""
    _bytes.update((key, _kept[key].nbytes) for key in _used if key in _kept)
    _used.clear()
    total = sum(_bytes.get(key, 0) for key in _kept)
    while len(_kept) > 1 and total > MOST_BYTES:
        total -= _bytes.pop(_kept.popitem(last=False)[0], 0)
