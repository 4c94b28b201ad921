"""The layers of a design, each mapped within its part of the design's time, and remembered."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING, Any

from dse.architecture.remembered import Remembered
from dse.errors import InfeasibleError
from dse.explore.designs.resident import resident_points
from dse.mapper.shared.reference import Reference
from dse.mapper.shared.stopping import Deadline

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.space.constraints import Constraint
    from dse.mapper import Certificate
    from dse.model.mapping import Mapping
    from dse.problem.layer import Layer
    from dse.problem.workload import Workload

Points = tuple[tuple[float, float], ...]
"""Energy in pJ and latency (in cycles for a layer, in seconds for a network), ascending in latency."""

Gaps = dict[str, float]
"""How far a layer may be from its best: `gap`, and for the least latency `energy_gap`, see `Certificate`."""

Nest = tuple["Mapping", "Certificate"]
"""A layer's mapping, and how far it is proven."""

KEPT_LAYERS, KEPT_NESTS = 100_000, 4_000
"""Mapped layers that a worker remembers, a few hundred bytes each; and mappings of the deep search, of kilobytes."""


@dataclass(slots=True)
class Clock:
    """The time that a design has, shared out among its layers: each has an equal part of what is left.

    Parameters
    ----------
    deadline : Deadline
    layers : int
        To be mapped yet.
    gap : float
        The farthest that any layer so far may be from its best.
    energy_gap : float
        The farthest that the energy of any layer so far, mapped for latency, may be above that of mappings as fast.
    nests : dict
        Mappings that the deep search found, by the layer's shape: each takes it long.
    reached : list of (points, gap)
        What was found of each layer, in their order, and how far it may be from its best; of a network with tensors
        on chip, what was found of the whole.
    reference : Reference, optional
        Searches with a gap begin at what is best there.
    """

    deadline: Deadline
    layers: int
    gap: float = 0.0
    energy_gap: float = 0.0
    nests: dict[Any, Nest] = field(default_factory=dict)
    reached: list[tuple[Points, float]] = field(default_factory=list)
    reference: Reference | None = None

    @classmethod
    def of(cls, limit_s: float, layers: int, reference: Reference | None = None) -> Clock:
        """Of a design whose evaluation begins now."""
        return cls(Deadline.after(limit_s), layers, reference=reference)

    @property
    def is_over(self) -> bool:
        """Whether the design has no time left."""
        return self.deadline.is_over

    def _share_s(self, layers: float) -> float:
        """An equal part of what is left for some layers."""
        return self.deadline.part_s(max(1, layers))

    def points(self, architecture: Architecture, layer: Layer, objective: str, gap: float) -> Points:
        """Energy and cycles of the layer's best mapping, or of its whole `front`, within the layer's time."""
        share_s = self._share_s(self.layers)
        self.layers -= 1
        points, gaps, nest = _points(architecture, layer, objective, gap, share_s, self.reference)
        reached = gaps["gap"]
        self.gap, self.energy_gap = max(self.gap, reached), max(self.energy_gap, gaps.get("energy_gap", 0.0))
        self.reached.append((points, reached))
        if nest is not None:
            self.nests[layer.shape_key()] = nest
        return points

    def resident(
        self, architecture: Architecture, workload: Workload, objectives: tuple[str, ...], gap: float,
        constraints: Sequence[Constraint],
    ) -> list[tuple[float, float]]:  # fmt: skip
        """Energy (pJ) and latency (s) of the network with tensors on chip, best for each of some objectives."""
        layers = len(workload.distinct())
        share_s = self._share_s(self.layers / layers)  # each layer's part
        self.layers -= layers
        found, reached = resident_points(architecture, workload, objectives, gap, share_s, tuple(constraints))
        self.gap = max(self.gap, reached)
        for energy_pj, latency_s in found:
            self.reached.append((((energy_pj, latency_s * architecture.clock_hz),), reached))
        return found


_LAYERS: OrderedDict[tuple[Any, ...], Points | str] = OrderedDict()
_NESTS: OrderedDict[tuple[Any, ...], Nest] = OrderedDict()


def _points(
    architecture: Architecture, layer: Layer, objective: str, gap: float, limit_s: float, reference: Reference | None
) -> tuple[Points, Gaps, Nest | None]:
    """A layer's points, how far they are proven, and the mapping if there is one that took long to find; again those
    of an equal layer on an architecture that maps alike, if this process has solved it."""
    of = "" if reference is None or gap == 0 or objective == "front" else reference.digest
    key = (mapping_digest(architecture), layer.shape_key(), objective, gap, of)
    gaps, found, nest = {"gap": gap}, _LAYERS.get(key), _NESTS.get(key)
    if found is not None:
        _LAYERS.move_to_end(key)
    else:
        try:
            limit = None if limit_s == inf else limit_s
            found, gaps, nest = _solved(architecture, layer, objective, gap, limit, reference)
        except InfeasibleError as error:
            if limit_s < inf:  # one that has more time is asked again
                raise
            found = str(error)
        if max(gaps.values()) <= gap:
            _LAYERS[key] = found
            if nest is not None:
                _NESTS[key] = nest
        if len(_LAYERS) > KEPT_LAYERS:
            _LAYERS.popitem(last=False)
        if len(_NESTS) > KEPT_NESTS:
            _NESTS.popitem(last=False)
    if isinstance(found, str):
        raise InfeasibleError(found)
    return found, gaps, nest


def _solved(
    architecture: Architecture, layer: Layer, objective: str, gap: float, limit_s: float | None,
    reference: Reference | None,
) -> tuple[Points, Gaps, Nest | None]:  # fmt: skip
    from dse.mapper import has_flat_shape
    from dse.mapper.layer import layer_answers

    found = layer_answers(architecture, layer, objective, gap=gap, time_limit_s=limit_s, reference=reference)
    points, gaps = tuple((one.energy_pj, one.cycles) for one in found), found[0].gaps
    if objective == "front" or has_flat_shape(architecture):
        return points, gaps, None
    (best,) = found
    return points, gaps, (best.mapping, best.certificate)


def learn(digest: str, layer: Layer, kind: str, points: Points) -> None:
    """Take over points of a layer on an architecture with a `mapping_digest`, as if it had been solved here."""
    _LAYERS[digest, layer.shape_key(), kind, 0.0, ""] = points


_DIGESTS: Remembered[str] = Remembered(64)
"""It is asked for layer after layer of a design, and takes milliseconds."""


def mapping_digest(architecture: Architecture) -> str:
    """Hash of what decides how layers map on an architecture and what they cost: all of it but its areas."""
    return _DIGESTS.of(architecture, "", lambda: _digest(architecture))


def reference_of(architecture: Architecture) -> Reference | None:
    """What designs like this one are mapped beside; None where the flat search maps them, to which that is nothing.

    Examples
    --------
    >>> import dse
    >>> [reference_of(dse.load_architecture(name)) is None for name in ("eyeriss", "edge_npu")]
    [True, False]
    """
    from dse.mapper import has_flat_shape

    return None if has_flat_shape(architecture) else Reference(architecture, mapping_digest(architecture))


def _digest(architecture: Architecture) -> str:
    from dse.architecture.canonical import canonical

    return sha256(json.dumps(_without_area(canonical(architecture)), sort_keys=True).encode()).hexdigest()


def _without_area(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _without_area(value) for key, value in plain.items() if not key.endswith("area_mm2")}
    return [_without_area(value) for value in plain] if isinstance(plain, list) else plain
