"""Designs of the deep search bounded together: by the bound of a machine that is no worse than any of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dse.architecture.least import frame_of, least_of
from dse.errors import DseError
from dse.explore.designs.design import Batched, architecture_of
from dse.explore.designs.resident import keeps_tensors
from dse.explore.proof.bounding.bounds import BoundTask, BoxBounds, DesignBound, bound_of_one, bound_together
from dse.explore.proof.bounding.common import area_of, mapped_by


@dataclass(frozen=True, slots=True)
class Together:
    """Bounds one design, or several that differ in sizes, prices and rates.

    Parameters
    ----------
    bounds : BoxBounds
        Bounds a design by itself.
    """

    bounds: BoxBounds

    def family(self, settings: Mapping[str, Any]) -> Hashable:
        """The same for designs that can be bounded together; None for one that cannot be with any other."""
        try:
            design = self.bounds.design(settings)
        except DseError:
            return None
        architecture = architecture_of(design)
        if keeps_tensors(architecture) and self._is_resident:
            return None
        return design.batch if isinstance(design, Batched) else 1, frame_of(architecture)

    def rough(self, settings: Mapping[str, Any], weight: float) -> DesignBound:
        """A far bound on a design, at once (`dse.mapper.rough_bound`); nothing of designs that keep tensors on chip."""
        from dse.mapper import LowerBound, rough_bound

        try:
            design = self.bounds.design(settings)
        except DseError as error:
            return DesignBound(infeasible=error.message or "no design")
        (architecture,), how, images = mapped_by([design], self.bounds.evaluator)
        area = architecture.area_mm2
        if (ruled_out := self.bounds.evaluator.rule_out(design)) is not None:
            return DesignBound(area_mm2=area, infeasible=ruled_out.reason)
        if keeps_tensors(architecture) and self._is_resident:
            return DesignBound(area_mm2=area)
        clock, parts = architecture.clock_hz, []
        for network in how.networks:
            total = LowerBound(0.0, 0.0, 0.0)
            for layer, count in network.layers:
                total += rough_bound(architecture, layer, cycle_pj=weight / clock).times(count)
            parts.append((total.energy_pj, total.cycles / clock, total.weighted_pj))
        return bound_together(how, parts, images, area)

    @property
    def _is_resident(self) -> bool:
        evaluator = self.bounds.evaluator
        several = getattr(evaluator, "by_batch", {1: evaluator}).values()
        return any(network.resident is not None for how in several for network in how.networks)

    def __call__(self, task: BoundTask) -> tuple[DesignBound, ...] | None:
        """A bound for each design of `task.corners`, which are one, or all of one family.

        Notes
        -----
        Of several, energy, latency and their sum are bounded on one machine (`least_of`), area by itself.
        """
        if len(task.corners) == 1:
            return self.bounds(task)
        designs = [self.bounds.design(settings) for settings in task.corners]
        ruled_out = [self.bounds.evaluator.rule_out(design) for design in designs]
        found = [
            DesignBound(area_mm2=area_of(design), infeasible="" if why is None else why.reason)
            for design, why in zip(designs, ruled_out, strict=True)
        ]
        left = [design for design, why in zip(designs, ruled_out, strict=True) if why is None]
        if not left:
            return tuple(found)
        architectures, how, images = mapped_by(left, self.bounds.evaluator)
        bound = bound_of_one(how, least_of(architectures), task.weight, images)
        return tuple(one if one.infeasible else replace(bound, area_mm2=one.area_mm2) for one in found)
