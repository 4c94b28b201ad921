"""Designs that differ in prices alone: one is solved exactly, and its mappings are priced for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from operator import eq
from time import monotonic, process_time
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError
from dse.explore.designs.clock import learn, mapping_digest
from dse.explore.designs.design import BatchEvaluator, NetworkEvaluator, architecture_of
from dse.explore.outcomes.evaluation import Outcome

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture


@dataclass(frozen=True, slots=True)
class Family:
    """Evaluates a design exactly, and others by its mappings.

    The mappings of a design are mappings of every other one that has the same array, memories and dataflow, such as
    the same chip at another voltage. What they cost there takes a millisecond a layer, and is seldom far from the best.

    Parameters
    ----------
    evaluator : NetworkEvaluator or BatchEvaluator
        Of whole fronts.
    """

    evaluator: NetworkEvaluator | BatchEvaluator

    def __call__(self, designs: Sequence[Any]) -> tuple[Outcome | None, ...]:
        """The outcome of the first design, and those of the others; None for one on which its mappings say nothing."""
        first, *others = designs
        limit_s = self._how(first).limit_s
        began, until = process_time(), monotonic() + limit_s
        alike = self._learn(first, others, until)
        outcome = self.evaluator.within(until - monotonic())(first)
        if outcome.limit_s:  # it had all of its time
            outcome = replace(outcome, limit_s=limit_s)
        own = replace(outcome, cpu_s=process_time() - began)
        return own, *(self._repriced()(other) if other in alike else None for other in others)

    def _learn(self, first: Any, others: Sequence[Any], until: float) -> list[Any]:
        """Solve the layers of the first design, and price their mappings for the others; which of them are like it."""
        if not others:
            return []
        from dse.mapper import layout

        how = self._how(first)
        if not how.front or any(network.resident for network in how.networks):
            return []
        layers = list(dict.fromkeys(layer for network in how.networks for layer, _ in network.layers))
        architecture = architecture_of(first)
        own = [layout(architecture, layer) for layer in layers]
        if None in own:
            return []
        alike = [one for one in others if all(map(eq, own, (layout(architecture_of(one), layer) for layer in layers)))]
        return alike if self._solve(architecture, [architecture_of(one) for one in alike], layers, until) else []

    def _solve(
        self, architecture: Architecture, others: Sequence[Architecture], layers: Sequence[Any], until: float
    ) -> bool:
        """Whether every layer's front is whole in time: each has an equal part of what is left."""
        from dse.mapper import points_alike
        from dse.mapper.shared.stopping import LEAST_S

        own, digests = mapping_digest(architecture), [mapping_digest(other) for other in others]
        for at, layer in enumerate(layers):
            share_s = max(LEAST_S, (until - monotonic()) / (len(layers) - at))
            try:
                found = points_alike(architecture, layer, others, time_limit_s=share_s if share_s < inf else None)
            except InfeasibleError:
                return False
            if found is None:
                return False
            front, priced = found
            learn(own, layer, "front", front)
            for digest, points in zip(digests, priced, strict=True):
                learn(digest, layer, "repriced", points)
        return True

    def _how(self, design: Any) -> NetworkEvaluator:
        return self.evaluator.by_batch[design.batch] if isinstance(self.evaluator, BatchEvaluator) else self.evaluator

    def _repriced(self) -> NetworkEvaluator | BatchEvaluator:
        if isinstance(self.evaluator, NetworkEvaluator):
            return replace(self.evaluator, layers="repriced")
        by_batch = self.evaluator.by_batch.items()
        return BatchEvaluator({batch: replace(how, layers="repriced") for batch, how in by_batch})
