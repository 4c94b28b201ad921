"""Designs that are bounded together, and how they are taken apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, log

from dse.explore.proof.bounding.bounds import DesignBound

Places = tuple[int, ...]
"""A design by the positions of its settings."""

Lot = tuple[Places, ...]
"""Designs with one bound on energy, latency and their sum."""


def lots_of(designs: Iterable[tuple[Places, Hashable]]) -> list[Lot]:
    """Designs of one family together, and those of none (None) alone; the largest lots first.

    Examples
    --------
    >>> lots_of([((0,), None), ((1,), "a"), ((2,), None), ((3,), "a")])
    [((1,), (3,)), ((0,),), ((2,),)]
    """
    families: dict[Hashable, list[Places]] = {}
    for places, family in designs:
        families.setdefault((places,) if family is None else (family, "family"), []).append(places)
    return sorted(map(tuple, families.values()), key=lambda lot: -len(lot))


@dataclass(slots=True)
class Splitter:
    """Takes lots apart along the setting by which their bounds have risen most so far.

    Examples
    --------
    Sizes say much, rates say little; each is tried once before that is known.

    >>> splitter, lot = Splitter(), tuple((size, rate) for size in (0, 1) for rate in (0, 1))
    >>> size, parts = splitter.parts(lot)
    >>> size, parts
    (0, [((0, 0), (0, 1)), ((1, 0), (1, 1))])
    >>> rate, _ = splitter.parts(lot)
    >>> splitter.learn(size, DesignBound(1.0, 1.0), [DesignBound(1.5, 1.0), DesignBound(1.0, 1.0)])
    >>> splitter.learn(rate, DesignBound(1.0, 1.0), [DesignBound(1.0, 1.0), DesignBound(1.1, 1.0)])
    >>> splitter.parts(lot)[0]
    0
    """

    _gains: dict[int, float] = field(default_factory=dict)

    def parts(self, lot: Sequence[Places]) -> tuple[int, list[Lot]]:
        """A setting, by its place, and the designs of a lot by their value of it."""
        differ = [axis for axis, values in enumerate(zip(*lot, strict=True)) if len(set(values)) > 1]
        axis = max(differ, key=lambda one: self._gains.get(one, inf))
        self._gains.setdefault(axis, 0.0)  # so that others are tried before it is known
        by_value: dict[int, list[Places]] = {}
        for places in lot:
            by_value.setdefault(places[axis], []).append(places)
        return axis, list(map(tuple, by_value.values()))

    def learn(self, axis: int, whole: DesignBound, parts: Sequence[DesignBound]) -> None:
        """Take note of the bounds of parts along a setting, beside that of the lot that they made up."""
        pairs = [
            (own, of_all) for part in parts if not part.infeasible
            for own, of_all in ((part.energy_pj, whole.energy_pj), (part.latency_s, whole.latency_s))
        ]  # fmt: skip
        if len(parts) > 1 and pairs and all(of_all > 0 for _, of_all in pairs):
            self._gains[axis] = sum(log(own / of_all) for own, of_all in pairs) / len(pairs) / log(len(parts))
