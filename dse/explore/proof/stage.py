"""The proof as a stage of a sweep: what it starts from, what it writes down, and what it certifies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from dse.explore.designs.space import DesignSpace
from dse.explore.limits import Work
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.proof.bounding.bounds import BoxBounds
from dse.explore.proof.bounding.contest import Contest
from dse.explore.proof.bounding.prices import BoxPrices, Layouts
from dse.explore.proof.bounding.sharper import Sharper
from dse.explore.proof.bounding.together import Together
from dse.explore.proof.boxes.box import Axes, axes_of, priced_of
from dse.explore.proof.lots import Places
from dse.explore.proof.prove import Prover
from dse.explore.proof.reach import Reach
from dse.explore.proof.settled import Entry, Settled
from dse.explore.proof.singly import Singly
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Workers

Evaluate = Callable[[str, Sequence[tuple[int, ...]]], Sequence[Evaluation]]
"""See `dse.explore.proof.singly.Singly`."""


@dataclass(frozen=True, slots=True)
class Provable:
    """What a proof over a space needs.

    Parameters
    ----------
    bounds : BoxBounds
    contest : Contest
    prices : BoxPrices or None
        None where no box of several designs can be bounded.
    layouts : Layouts or None
        None where mappings of one design are not priced for others.
    reach : Reach
    sharper : Sharper or None
        None where designs are not bounded by searches.
    """

    bounds: BoxBounds
    contest: Contest
    prices: BoxPrices | None
    reach: Reach
    layouts: Layouts | None = None
    sharper: Sharper | None = None

    def axes(self, space: DesignSpace) -> Axes:
        """What boxes of the space may span; worked out once, which takes as long as pricing some hundred designs."""
        return _axes(self, space)


@dataclass(frozen=True, slots=True)
class Stage:
    """A proof's place in a sweep.

    Parameters
    ----------
    space : DesignSpace
    objectives : tuple of str
    wanted : float
        The gap beyond which a design counts as open.
    workers : Workers
    solve : callable
        See `Prover`.
    write : callable
        Takes a line for the log.
    report : callable
        Told how many designs are settled, now and then.
    sweep_id : str
        Marks the lines.
    spend : callable
        See `Prover`.
    """

    space: DesignSpace
    objectives: tuple[str, ...]
    wanted: float
    workers: Workers
    solve: Callable[[Sequence[Sequence[Entry]]], Iterable[Evaluation]]
    write: Callable[[bytes], None]
    report: Callable[[int], None]
    sweep_id: str
    spend: Callable[[str, float], None]

    def prover(self, provable: Provable, known: Iterable[Evaluation], deadline: float, work: Work) -> Prover:
        """A proof that starts from what is evaluated already."""
        staircase = self._staircase([evaluation for evaluation in known if evaluation.ok])
        return Prover(
            provable.axes(self.space), provable.bounds, provable.contest, self.workers, staircase,
            self.solve, self.wanted, deadline, provable.reach, work, self.report, self._note(staircase), self.spend,
        )  # fmt: skip

    def singly(
        self, provable: Provable, known: Sequence[tuple[Places | None, Evaluation]], deadline: float, work: Work,
        evaluate: Evaluate, report: Callable[[str, int, int], None],
    ) -> Singly:  # fmt: skip
        """A proof, from what is evaluated already, that bounds designs one by one; those outside the space have no
        places in it."""
        sound = [evaluation for _, evaluation in known if evaluation.ok]
        evaluated, impossible = dict[Places, float](), set[Places]()
        for places, one in known:
            if places is None:
                continue
            if one.never_works(provable.reach.of_all):
                impossible.add(places)
            if not one.ok:
                continue
            evaluated[places] = min(provable.reach.gap_of(one), evaluated.get(places, inf))
        staircase, together = self._staircase(sound), Together(provable.bounds)
        return Singly(
            self.space, together, self.workers, staircase, evaluated, impossible, provable.reach,
            evaluate, self.wanted, deadline, work, report, self._note(staircase), self.spend, provable.sharper,
            together.family, together.rough,
        )  # fmt: skip

    def _staircase(self, sound: Sequence[Evaluation]) -> Staircase:
        """What is known to be possible."""
        staircase = Staircase(self.objectives, _weight(sound))
        for evaluation in sound:
            staircase.add(evaluation.outcome.front, evaluation.outcome.objectives["area_mm2"])
        return staircase

    def _note(self, known: Staircase) -> Callable[[Settled], None]:
        """What writes a box down, with its bound."""

        def write(settled: Settled) -> None:
            plain = self._plain(settled, known.weight)
            self.write(json.dumps(plain, separators=(",", ":")).encode() + b"\n")

        return write

    def _plain(self, settled: Settled, weight: float) -> Mapping[str, Any]:
        box, bound = settled.box, settled.bound
        intervals = zip(self.space.names, self.space.choices, box.first, box.last, strict=True)
        finite = settled.short != float("inf")
        return {
            "box": {name: [choices[first], choices[last]] for name, choices, first, last in intervals},
            **({"pes": [box.band.pes[0], box.band.pes[-1]]} if box.band else {}),
            "sweep": self.sweep_id,
            "designs": box.size,
            "state": settled.state,
            "bound": {"reason": bound.infeasible} if bound.infeasible else {
                "energy_pj": bound.energy_pj, "latency_s": bound.latency_s, "area_mm2": bound.area_mm2,
                "weighted_pj": bound.weighted_pj, "pj_per_s": weight,
            },
            "gap": settled.short if finite else None,
            **({"searched": True} if settled.searched else {}),
        }


_AXES: list[tuple[Provable, DesignSpace, Axes]] = []
"""The last that were worked out."""


def _axes(provable: Provable, space: DesignSpace) -> Axes:
    for known, of, axes in _AXES:
        if known is provable and of is space:
            return axes
    axes = axes_of(space, provable.prices)
    if provable.layouts is not None:
        axes = replace(axes, priced=priced_of(space, provable.layouts))
    _AXES[:] = [(provable, space, axes)]
    return axes


def _weight(sound: Sequence[Evaluation]) -> float:
    """The weight of latency at which energy and latency of the best known design count alike, pJ/s."""
    best = min(sound, key=lambda e: e.outcome.objectives["edp_js"], default=None)
    if best is None or best.outcome.objectives["latency_s"] == 0:
        return 0.0
    return best.outcome.objectives["energy_pj"] / best.outcome.objectives["latency_s"]
