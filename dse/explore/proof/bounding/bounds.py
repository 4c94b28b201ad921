"""What no design of a box goes below: energy and latency of some networks, and area."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.errors import DseError
from dse.explore.designs.design import BatchEvaluator, Network, NetworkEvaluator, architecture_of
from dse.explore.designs.resident import keeps_tensors
from dse.explore.proof.bounding.common import area_of, differ_in_sides, has_folds, mapped_by, with_sides
from dse.formats.architecture.space.readable import complaint

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture

Sides = tuple[tuple[int, int], ...]
"""Rows and columns of arrays."""


@dataclass(frozen=True, slots=True)
class DesignBound:
    """A lower bound on all designs of a box.

    Parameters
    ----------
    energy_pj, latency_s : float
    weighted_pj : float
        Of energy plus latency times the weight that was asked for.
    area_mm2 : float
        The least of all; of a single design, its own.
    infeasible : str
        Why no design of the box keeps its constraints or maps all layers; empty where one may.
    layers : (layers of all networks, 3) float, optional
        Of a single design: energy in pJ, cycles and the weighted sum of one occurrence of each layer.
    """

    energy_pj: float = 0.0
    latency_s: float = 0.0
    weighted_pj: float = 0.0
    area_mm2: float = 0.0
    infeasible: str = ""
    layers: Any = field(default=None, compare=False, repr=False)

    def least(self, other: DesignBound) -> DesignBound:
        """A bound on what either is a bound on."""
        smaller = self if self.area_mm2 <= other.area_mm2 else other
        return DesignBound(
            min(self.energy_pj, other.energy_pj), min(self.latency_s, other.latency_s),
            min(self.weighted_pj, other.weighted_pj), smaller.area_mm2, smaller.infeasible,
        )  # fmt: skip


    def most(self, other: DesignBound) -> DesignBound:
        """A bound on a design of which both are bounds."""
        return replace(
            self, energy_pj=max(self.energy_pj, other.energy_pj), latency_s=max(self.latency_s, other.latency_s),
            weighted_pj=max(self.weighted_pj, other.weighted_pj),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class BoundTask:
    """A box to be bounded.

    Parameters
    ----------
    corners : tuple of settings
        Of its corners, or of its one design; first those of the least of everything.
    weight : float
        Of time, pJ/s.
    sides : tuple of (str, tuple)
        The two settings that are the array's rows and columns, each with its choices in the box, rising; empty where
        the space has no such two.
    apart : tuple of settings
        Of all designs of the box, where each is bounded by itself: they differ in the array's sides alone.
    bands : tuple of tuple of (int, int)
        Rows and columns of the arrays of each band, where bands of the box are bounded by themselves.
    layout : tuple of int
        The same for boxes that differ in prices alone; empty where that is not known.
    """

    corners: tuple[Mapping[str, Any], ...]
    weight: float
    sides: tuple[tuple[str, tuple[int, ...]], ...] = ()
    apart: tuple[Mapping[str, Any], ...] = ()
    layout: tuple[int, ...] = ()
    bands: tuple[Sides, ...] = ()


KEPT_DESIGNS = 4096
"""Corners of boxes that a process remembers, some tens of kilobytes each."""

_DESIGNS: OrderedDict[tuple[Any, ...], Any] = OrderedDict()


@dataclass(frozen=True, slots=True)
class BoxBounds:
    """Bounds boxes of designs for some networks.

    Parameters
    ----------
    resolve : callable
        Settings to a design.
    evaluator : NetworkEvaluator or BatchEvaluator
        What designs are evaluated with: it says which networks, how they count together, and within which limits.
    name : str
        Tells the designs of one specification from those of another.
    """

    resolve: Callable[[Mapping[str, Any]], Any]
    evaluator: NetworkEvaluator | BatchEvaluator
    name: str = ""

    def design(self, settings: Mapping[str, Any]) -> Any:
        """Resolve settings, but for those that this process resolved a while ago: boxes share corners."""
        if not self.name:
            return self.resolve(settings)
        key = self.name, tuple(settings.items())
        if key in _DESIGNS:
            _DESIGNS.move_to_end(key)
            return _DESIGNS[key]
        _DESIGNS[key] = self.resolve(settings)
        if len(_DESIGNS) > KEPT_DESIGNS:
            _DESIGNS.popitem(last=False)
        return _DESIGNS[key]

    def all_of(self, tasks: Sequence[BoundTask]) -> list[tuple[DesignBound, ...] | None]:
        """The bounds of some boxes, which best have outer points in common."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, task in enumerate(tasks):
            if task.layout and task.apart:
                alike.setdefault(task.layout, []).append(place)
        found: dict[int, tuple[DesignBound, ...] | None] = {}
        for places in alike.values():
            bounds = self._alike([tasks[place] for place in places]) if len(places) > 1 else None
            found.update(zip(places, bounds or (), strict=False))
        return [found[place] if place in found else self(task) for place, task in enumerate(tasks)]

    def _alike(self, tasks: Sequence[BoundTask]) -> list[tuple[DesignBound, ...]] | None:
        """The bounds of boxes of designs that differ in the array's sides, and of one from another in prices alone;
        None where they do not."""
        from dse.mapper import lower_bounds_alike

        try:
            corners = [[self.design(settings) for settings in task.corners] for task in tasks]
            largest, how, images = mapped_by([own[-1] for own in corners], self.evaluator)
            if not _differ_in_prices(tasks, corners, how):
                return None
            designs = [self._with_area(tasks[0], corners[0][0], settings) for settings in tasks[0].apart]
            left = [place for place, (bound, _) in enumerate(designs) if not bound.infeasible]
            if not left:
                return [tuple(bound for bound, _ in designs) for _ in tasks]
            sides = tuple(designs[place][1] for place in left)
            weights = [task.weight / one.clock_hz for task, one in zip(tasks, largest, strict=True)]
            layers = [
                [lower_bounds_alike(largest, layer, sides, weights) for layer, _ in network.layers]
                for network in how.networks
            ]
        except DseError:
            return None
        found = [[bound for bound, _ in designs] for _ in tasks]
        areas = [designs[place][0].area_mm2 for place in left]
        for v, (own, architecture) in enumerate(zip(found, largest, strict=True)):
            rows = [np.stack([layer[v] for layer in network]) for network in layers]
            for place, bound in zip(left, _of_networks(how, [architecture], rows, images, areas), strict=True):
                own[place] = bound
        return [tuple(own) for own in found]

    def _with_area(
        self, task: BoundTask, design: Any, settings: Mapping[str, Any]
    ) -> tuple[DesignBound, tuple[int, int]]:
        """What is known of a design of other sides before it is bounded, and its sides."""
        rows, cols = (settings[name] for name, _ in task.sides)
        other = with_sides(design, rows, cols)
        ruled_out = self.evaluator.rule_out(other)
        reason = "" if ruled_out is None else ruled_out.reason
        return DesignBound(area_mm2=area_of(other), infeasible=reason), (rows, cols)

    def __call__(self, task: BoundTask) -> tuple[DesignBound, ...] | None:
        """The bound of a box, or one for each of its designs or bands; None where its corners cannot be resolved."""
        try:
            corners = [self.design(settings) for settings in task.corners]
        except DseError as error:
            return (DesignBound(infeasible=error.message or "no design"),) if len(task.corners) == 1 else None
        if task.apart:
            return self._apart(task, corners)
        if task.bands:
            return self._in_bands(task, corners)
        if len(corners) == 1 and (ruled_out := self.evaluator.rule_out(corners[0])) is not None:
            return (DesignBound(infeasible=ruled_out.reason),)
        architectures, how, images = mapped_by(corners, self.evaluator)
        area = min(architecture.area_mm2 for architecture in architectures)
        if reason := _broken(how, {"area_mm2": area}):
            return (DesignBound(infeasible=reason),)
        if len(architectures) == 1:
            return (bound_of_one(how, architectures[0], task.weight, images),)
        sides = self._sides(task, how, area)
        parts = [_bound(network, architectures, sides, task.weight) for network in how.networks]
        return (bound_together(how, parts, images, area),)

    def _apart(self, task: BoundTask, corners: list[Any]) -> tuple[DesignBound, ...]:
        """The bound of every design of a box whose designs differ in the array's sides alone."""
        found: list[DesignBound] = []
        mapped: dict[int, tuple[float, tuple[int, int]]] = {}
        differ = differ_in_sides([architecture_of(corner) for corner in corners]) and len(task.sides) == 2
        for place, settings in enumerate(task.apart):
            try:
                rows_cols = tuple(settings[name] for name, _ in task.sides)
                design = with_sides(corners[0], *rows_cols) if differ else self.resolve(settings)
            except DseError as error:
                found.append(DesignBound(infeasible=error.message or "no design"))
                continue
            ruled_out, architecture = self.evaluator.rule_out(design), architecture_of(design)
            reason = "" if ruled_out is None else ruled_out.reason
            found.append(DesignBound(area_mm2=architecture.area_mm2, infeasible=reason))
            if ruled_out is None:
                (array,) = architecture.fan_outs
                mapped[place] = architecture.area_mm2, (array.rows, array.cols)
        if mapped:
            architectures, how, images = mapped_by(corners, self.evaluator)
            if differ and not has_folds(architectures[0]):
                architectures = architectures[-1:]  # prices are alike, and the largest holds most
            sides = [(side,) for _, side in mapped.values()]
            layers = [_bounds(network, architectures, sides, task.weight) for network in how.networks]
            bounds = _of_networks(how, architectures, layers, images, [area for area, _ in mapped.values()])
            for place, bound in zip(mapped, bounds, strict=True):
                found[place] = bound
        return tuple(found)

    def _in_bands(self, task: BoundTask, corners: list[Any]) -> tuple[DesignBound, ...]:
        """The bound of every band of arrays of a box. Bands keep arrays that are too large: others have these, too, and
        what is worked out for a band then serves all."""
        architectures, how, images = mapped_by(corners, self.evaluator)
        areas = [min(one.area_mm2 for one in architectures)] * len(task.bands)
        if differ_in_sides(architectures):
            areas = _areas(architectures[-1], task.bands)
            if not has_folds(architectures[0]):
                architectures = architectures[-1:]  # prices are alike, and the largest holds most
        reasons = [_broken(how, {"area_mm2": area}) for area in areas]
        found = [DesignBound(area_mm2=area, infeasible=why) for area, why in zip(areas, reasons, strict=True)]
        left = [place for place, why in enumerate(reasons) if not why]
        if left:
            of_left = [task.bands[place] for place in left]
            layers = [_bounds(network, architectures, of_left, task.weight) for network in how.networks]
            bounds = _of_networks(how, architectures, layers, images, [areas[place] for place in left])
            for place, bound in zip(left, bounds, strict=True):
                found[place] = bound if len(task.bands[place]) == 1 else replace(bound, layers=None)
        return tuple(found)

    def _sides(self, task: BoundTask, how: NetworkEvaluator, least_mm2: float) -> tuple[tuple[int, int], ...]:
        """Rows and columns that designs of a box have which keep the limit on area; empty where nothing is known.

        Area rises with both sides, and is least at the box's first corner, so each further row leaves no more columns.
        """
        if len(task.sides) != 2 or len(task.corners) == 1 or not any(c.metric == "area_mm2" for c in how.constraints):
            return ()
        (of_rows, rows), (of_cols, cols) = task.sides
        if area_of(self.design(task.corners[0])) > least_mm2:
            return ()
        first, largest = (
            self.design({**task.corners[0], of_rows: side[0], of_cols: side[1]})
            for side in ((rows[0], cols[0]), (rows[-1], cols[-1]))
        )
        differ = differ_in_sides([architecture_of(first), architecture_of(largest)])
        found, left = [], len(cols)
        for row in rows:
            while left:
                settings = {**task.corners[0], of_rows: row, of_cols: cols[left - 1]}
                design = with_sides(first, row, cols[left - 1]) if differ else self.design(settings)
                if not _broken(how, {"area_mm2": area_of(design)}):
                    break
                left -= 1
            found += [(row, col) for col in cols[:left]]
        return tuple(found)


def bound_of_one(how: NetworkEvaluator, architecture: Architecture, weight: float, images: int) -> DesignBound:
    """The bound of one machine, of as many images as a batch has."""
    parts = [_bound(network, [architecture], (), weight) for network in how.networks]
    return bound_together(how, parts, images, architecture.area_mm2)


def _differ_in_prices(tasks: Sequence[BoundTask], corners: Sequence[Sequence[Any]], how: NetworkEvaluator) -> bool:
    """Whether some boxes hold designs of the same arrays and areas, which keep the same limits."""
    each = [[architecture_of(corner) for corner in own] for own in corners]
    areas = {(*(node.area_mm2 for node in one.hierarchy), one.mac.area_mm2, one.other_area_mm2)
             for architectures in each for one in architectures}  # fmt: skip
    arrays = {(task.sides, len(task.apart)) for task in tasks}
    alike = len(areas) == len(arrays) == 1 and len(tasks[0].sides) == 2
    if not alike or any(constraint.metric == "peak_power_mw" for constraint in how.constraints):
        return False
    return all(differ_in_sides(architectures) and not has_folds(architectures[0]) for architectures in each)


def _bound(
    network: Network, corners: list[Architecture], sides: tuple[tuple[int, int], ...], weight: float
) -> tuple[float, float, float]:
    """Energy in pJ, latency in seconds and their weighted sum."""
    from dse.mapper import LowerBound, all_at_home, lower_bound

    clock = max(corner.clock_hz for corner in corners)
    if network.resident is not None and len(corners) == 1 and keeps_tensors(corners[0]):
        found = all_at_home(corners[0], network.resident, cycle_pj=weight / clock)
        return found.energy_pj, found.cycles / clock, found.weighted_pj
    total = LowerBound(0.0, 0.0, 0.0)
    if len(corners) == 1:  # of several designs, what nodes without MACs take at least is not known
        moved_pj, moved_cycles = network.moved(corners[0])
        total += LowerBound(moved_pj, moved_cycles, moved_pj + weight / clock * moved_cycles)
    for layer, count in network.layers:
        total += lower_bound(corners[0], layer, others=corners[1:], sides=sides, cycle_pj=weight / clock).times(count)
    return total.energy_pj, total.cycles / clock, total.weighted_pj


def _bounds(network: Network, corners: list[Architecture], bands: Sequence[Sides], weight: float) -> Any:
    """(layers, bands, 3): energy in pJ, cycles and their weighted sum, of one occurrence of each layer."""
    from dse.mapper import lower_bounds

    first, *others = corners
    cycle_pj = weight / max(corner.clock_hz for corner in corners)
    layers = [layer for layer, _ in network.layers]
    return np.stack([lower_bounds(first, one, bands, others=others, cycle_pj=cycle_pj) for one in layers])


def _areas(largest: Architecture, bands: Sequence[Sides]) -> list[float]:
    """The least area of each band of arrays: area rises with the PEs, and depends on nothing else of an array."""
    fewest = [min(rows * cols for rows, cols in band) for band in bands]
    return [float(with_sides(largest, pes, 1).area_mm2) for pes in fewest]


def _summed(network: Network, corners: list[Architecture], layers: Any) -> Any:
    """(sides, 3): energy in pJ, latency in seconds and their weighted sum of a network, from those of its layers."""
    counts = np.array([count for _, count in network.layers], dtype=float)
    return np.tensordot(counts, layers, axes=1) / (1.0, max(corner.clock_hz for corner in corners), 1.0)


def bound_together(
    how: NetworkEvaluator, parts: list[tuple[float, float, float]], images: int, area: float
) -> DesignBound:
    """The bound of all networks, by image, from those of each."""
    if any(inf in part for part in parts):
        return DesignBound(infeasible="some layer cannot be mapped")
    for energy_pj, latency_s, _ in parts:
        if reason := _broken(how, {"energy_pj": energy_pj, "latency_s": latency_s}):
            return DesignBound(infeasible=reason)
    energy, latency, weighted = (how.combination.of(list(values)) / images for values in zip(*parts, strict=True))
    # energy and latency of other combinations are no weighted sum of their networks'
    return DesignBound(energy, latency, weighted if how.combination.how == "sum" else 0.0, area)


def _of_networks(
    how: NetworkEvaluator, corners: list[Architecture], layers: Sequence[Any], images: int, areas: Sequence[float]
) -> list[DesignBound]:
    """The bounds of designs of some areas, from those of the layers of each network, (layers, designs, 3)."""
    bounds = [_summed(network, corners, rows) for network, rows in zip(how.networks, layers, strict=True)]
    return [
        replace(
            bound_together(how, [tuple(rows[at].tolist()) for rows in bounds], images, area),
            layers=np.concatenate([rows[:, at] for rows in layers]),
        )
        for at, area in enumerate(areas)
    ]


def _broken(how: NetworkEvaluator, least: Mapping[str, float]) -> str:
    """The first maximum that even the least possible exceeds, in words."""
    for limit in how.constraints:
        value = least.get(limit.metric)
        if value is not None and limit.maximum is not None and value > limit.maximum * (1 + 1e-12):
            return complaint(limit, value, limit.excess(value))
    return ""
