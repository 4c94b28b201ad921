"""What a search of the deep mapper is for, and the best it has found."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from math import inf, log
from typing import TYPE_CHECKING

import numpy as np

from dse.mapper.deep.bounds.sums.records import ROUNDING
from dse.mapper.deep.bounds.weights.stairs import ONE_STEP
from dse.mapper.deep.record import record_length
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.model.counting.kernel import Floats, Ints

if TYPE_CHECKING:
    from dse.mapper.deep.bounds.subproblem import Node
    from dse.mapper.deep.problem import Deep

COUNTERS = 5
"""What a search counts, see `dse.mapper.deep.leaf.orders`."""

MARGIN = 1e-9
"""How much more than the best mapping known, in logarithms, bounds may be where mappings that cost the same count."""

TIED = 2.0 * ROUNDING
"""How much less a mapping's logarithm of time is at least than that of one that is as fast."""

FEW = 16
"""Spaces that are made and bounded whatever the time: that takes little, and says how far a mapping is from the best.
Most machines have one to four; one whose levels share their room in several ways has hundreds."""


@dataclass(slots=True)
class Best:
    """What one search is for, its incumbents and counters.

    `kind` is the objective, `gap` the fraction that need not be closed, `until` the time that mappings must undercut.
    `values` and `records` have the best mappings, of which `held` are filled in; `visited` counts, `stop` ends it.
    `fruitless`: how many looks for a better mapping have found none in a row. `warm`: it begins at a mapping
    found earlier, with `start_weights` if not those kept; `weights` are its own. `sketched`: it begins at the best
    of many sketches, so that looks for first mappings seldom find a better one. `sketches`: tries those that are left
    for a search that takes long. `open`: the least bound that is open, once all whole spaces have one.
    """

    kind: int
    gap: float
    until: float
    values: Floats
    records: Ints
    visited: Ints
    stop: Ints
    held: int = 0
    fruitless: int = 0
    warm: bool = False
    sketched: bool = False
    sketches: Callable[[], None] | None = None
    open: float = -inf
    start_weights: dict[Hashable, tuple[Ints, Floats]] | None = None
    weights: dict[Hashable, tuple[Ints, Floats]] = field(default_factory=dict)

    @classmethod
    def knowing_nothing(
        cls, kind: int, problem: Deep, *, gap: float = 0.0, until: float = inf, visited: Ints | None = None,
        stop: Ints | None = None,
    ) -> Best:  # fmt: skip
        """A search that knows of no mapping yet, with counters and a flag of its own if none are given.

        Examples
        --------
        >>> import dse
        >>> from dse.mapper.deep.drafts import drafts_of
        >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
        >>> _, drafts = drafts_of(dse.load_architecture("edge_npu"), layer, "all")
        >>> best = Best.knowing_nothing(ENERGY, drafts[0].problem)
        >>> best.held, best.target(), best.stop.tolist()
        (0, inf, [0])
        """
        record = np.zeros((1, record_length(len(problem.nodes))), dtype=np.int64)
        visited = np.zeros(COUNTERS, dtype=np.int64) if visited is None else visited
        return cls(kind, gap, until, np.zeros((1, 2)), record, visited, np.zeros(1, np.int64) if stop is None else stop)

    @property
    def walks_for(self) -> int:
        """The objective of walks; `dse.mapper.deep.fronts.slices.Slice` looks for all points of a front."""
        return self.kind

    def target(self) -> float:
        """The logarithm that bounds must stay below."""
        if self.held == 0:
            return inf
        energy, time = self.values[0].tolist()
        value = energy if self.kind == ENERGY else time if self.kind == LATENCY else energy * time
        margin = -TIED if self.kind == LATENCY else MARGIN  # of the fastest, one will do: see `seek_best`
        return log(value) - log(1 + self.gap + 1e-12) + margin if value > 0 else -inf

    def has_enough_of(self, many: int) -> bool:
        """Whether a search that knows a mapping ends between two of so many spaces, as its time is over."""
        return many > FEW and self.held > 0 and bool(self.stop[0])

    def steps(self) -> Floats:
        """What is looked for at several times, see `dse.mapper.deep.bounds.weights.dual.Effort`."""
        return ONE_STEP

    def target_in(self, node: Node) -> float:
        """The logarithm that bounds on parts of a subproblem must stay below, by its own weights."""
        return self.target()
