"""How the figures of several networks on one design become one: their sum, the worst of them, or a geometric mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, prod
from typing import Any, Literal, get_args

import numpy as np

from dse.errors import DseError, expect
from dse.explore.outcomes.front import pareto

How = Literal["sum", "worst", "geomean"]
HOWS: tuple[How, ...] = get_args(How)


@dataclass(frozen=True, slots=True)
class Together:
    """How several networks count.

    Parameters
    ----------
    how : {"sum", "worst", "geomean"}
        Energy and latency, each by itself: added up with weights (networks run one after another, so often each); the
        largest of weight times figure; or the weighted geometric mean.
    weights : mapping
        By the name of the network; 1 where nothing is said.
    fronts : {"shared", "each"}
        One front over all networks, or a sweep with a front for each of them.

    Raises
    ------
    DseError
        For a weight that is not above zero.
    """

    how: How = "sum"
    weights: Mapping[str, float] = field(default_factory=dict)
    fronts: Literal["shared", "each"] = "shared"

    def __post_init__(self) -> None:
        if self.how not in HOWS:
            raise DseError(f"combine={self.how!r} is not one of {', '.join(HOWS)}")
        for name, weight in self.weights.items():
            expect(weight, (float, int), f"the weight of {name}", "how often the network runs, e.g. 2")
            if not 0 < weight < float("inf"):
                raise DseError(f"the weight of {name} is {weight}, not above zero")

    @property
    def is_plain(self) -> bool:
        """Whether networks simply add up."""
        return self.how == "sum" and all(weight == 1 for weight in self.weights.values())

    def check(self, names: Sequence[str]) -> None:
        """Raise `DseError` when a weight is that of none of the networks."""
        for name in self.weights:
            if name not in names:
                raise DseError(f"a weight is given for {name!r}, which is not swept", hint=f"one of {', '.join(names)}")

    def combination(self, names: Sequence[str]) -> Combination:
        """The same for networks in this order."""
        return Combination(self.how, tuple(float(self.weights.get(name, 1.0)) for name in names))


@dataclass(frozen=True, slots=True)
class Combination:
    """One figure of several: `weights` has one for each; without weights each counts once.

    Examples
    --------
    >>> Combination("worst", (1.0, 2.0)).of([3.0, 2.0]), round(Combination("geomean").of([2.0, 8.0]), 9)
    (4.0, 4.0)
    """

    how: How = "sum"
    weights: tuple[float, ...] = ()

    def weights_of(self, count: int) -> tuple[float, ...]:
        return self.weights or (1.0,) * count

    def of(self, values: Sequence[float]) -> float:
        """Sum of weight times value, the largest of them, or prod(value^weight)^(1 / sum of weights)."""
        weights = self.weights_of(len(values))
        if self.how == "geomean":
            shares = [weight / sum(weights) for weight in weights]
            return prod(exp(share * log(value)) for value, share in zip(values, shares, strict=True))
        scaled = [value * weight for value, weight in zip(values, weights, strict=True)]
        return sum(scaled) if self.how == "sum" else max(scaled)

    def of_all(self, runs: Any) -> Any:
        """(runs, 2): `of` the energies and of the latencies of every run.

        Parameters
        ----------
        runs : (runs, networks, 2)
        """
        weights = np.array(self.weights_of(runs.shape[1]))[None, :, None]
        if self.how == "geomean":
            return np.exp((weights / weights.sum() * np.log(runs)).sum(axis=1))
        scaled = runs * weights
        return scaled.sum(axis=1) if self.how == "sum" else scaled.max(axis=1)

    def picks(self, fronts: Sequence[Any]) -> Any:
        """For every point of the combined front, the point of each network behind it, as (points, networks, 2).

        Parameters
        ----------
        fronts : sequence of fronts
            Energy and latency of each network, ascending in latency.

        Notes
        -----
        Exact. Sums are those of `sum_fronts`; logarithms of geometric means are sums. The largest latency of a choice
        is that of one network's point, and within it every network best takes its least energy.
        """
        if self.how == "worst":
            return self._worst(fronts)
        from dse.mapper import sum_fronts

        parts = [np.asarray(front, dtype=float) for front in fronts]
        pairs = zip(parts, self.weights_of(len(parts)), strict=True)
        chosen = sum_fronts([self._summands(front, weight) for front, weight in pairs]).all_picks()
        return np.stack([front[chosen[:, i]] for i, front in enumerate(parts)], axis=1)

    def _summands(self, front: Any, weight: float) -> Any:
        """What adds up: figures times weight, or their logarithms (above zero, as rounding is relative)."""
        return front * weight if self.how == "sum" else 1 + weight * np.log(front / front.min(axis=0))

    def _worst(self, fronts: Sequence[Any]) -> Any:
        parts = [[(energy, latency) for energy, latency in np.asarray(front).tolist()] for front in fronts]
        weights = self.weights_of(len(parts))
        limits = {w * latency for front, w in zip(parts, weights, strict=True) for _, latency in front}
        found = []
        for limit in sorted(limits):
            pairs = zip(parts, weights, strict=True)
            within = [[point for point in front if weight * point[1] <= limit] for front, weight in pairs]
            if all(within):
                found.append(tuple(min(points) for points in within))
        figures = [tuple(self.of(column) for column in zip(*points, strict=True)) for points in found]
        return np.array([found[i] for i in sorted(pareto(figures), key=lambda i: figures[i][1])])


SUM = Combination()
SHARED = Together()
