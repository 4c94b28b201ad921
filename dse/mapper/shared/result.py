"""What the mapper returns: a mapping, its cost, and the certificate that none is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from math import inf, isinf
from typing import TYPE_CHECKING, Any, Literal

from dse.model.cost import Cost
from dse.model.mapping import Loop, Mapping
from dse.problem.dims import DIMS
from dse.problem.layer import Layer
from dse.problem.notebook import html, picture, short

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

Objective = Literal["energy", "latency", "edp"]
Factors = Literal["all", "perfect", "any"]
"""What a mapping is best in, and how bounds may be split."""


@dataclass(frozen=True, slots=True)
class LowerBound:
    """What no mapping of a layer on a design goes below; infinite where no mapping fits.

    Parameters
    ----------
    energy_pj : float
    cycles : float
    weighted_pj : float
        Of energy plus a price of every cycle: no mapping has less of this sum either.
    """

    energy_pj: float
    cycles: float
    weighted_pj: float

    def __add__(self, other: LowerBound) -> LowerBound:
        """The bound of both layers, one after the other."""
        return LowerBound(
            self.energy_pj + other.energy_pj, self.cycles + other.cycles, self.weighted_pj + other.weighted_pj
        )

    def times(self, count: int) -> LowerBound:
        """The bound of a layer that occurs several times."""
        return LowerBound(self.energy_pj * count, self.cycles * count, self.weighted_pj * count)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why a mapping is the best one.

    Parameters
    ----------
    objective : str
    value : float
        Of the mapping: pJ, cycles, or pJ x cycles; for a point of a front, pJ.
    lower_bound : float
        No mapping of the space lies below. Equal to `value` when the gap is 0.
    gap : float
        The mapping is proven to be within this fraction of the best.
    space_size : float
        Mappings in the space: tight splits of every dim, times the orders of every list, times bypass choices, before
        capacities rule any out.
    visited : mapping
        What was looked at on the way, by its name: of the flat search `pe_tiles`, `unrollings` and `outer_tiles`, of
        the deep one `subproblems`, `splits` that were tried and `combinations` of them that were reached; of both
        `priced`, mappings priced exactly.
    factors : {"all", "perfect", "any"}
    energy_gap : float, optional
        For the least latency, which `gap` is about: of all mappings that are as fast, none takes less than the energy
        over one and this. Infinite where nothing is known of that; None for other objectives, and on flat machines
        with a gap, where one of the fastest will do.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> proof = dse.map_layer(dse.load_architecture("eyeriss"), layer, "energy", gap=0.05).certificate
    >>> proof.gap <= 0.05 and proof.lower_bound <= proof.value <= proof.lower_bound * (1 + proof.gap) * (1 + 1e-12)
    True
    >>> proof.space_size > proof.priced
    True
    >>> proof.to_dict()["value"] == proof.value
    True
    >>> dse.map_layer(dse.load_architecture("eyeriss"), layer, "latency").certificate.energy_gap
    0.0
    """

    objective: str
    value: float
    lower_bound: float
    gap: float
    space_size: float
    visited: Table[str, int]
    factors: str = "all"
    energy_gap: float | None = None

    @property
    def nodes(self) -> int:
        """Everything visited."""
        return sum(self.visited.values())

    @property
    def priced(self) -> int:
        """Mappings priced exactly."""
        return self.visited["priced"]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with an `energy_gap` for the least latency alone; one that is infinite is None."""
        return {
            "objective": self.objective,
            "value": self.value,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            **({} if self.energy_gap is None else {"energy_gap": None if isinf(self.energy_gap) else self.energy_gap}),
            "space_size": self.space_size,
            "factors": self.factors,
            "nodes": self.nodes,
            "visited": dict(self.visited),
        }


@dataclass(frozen=True, slots=True)
class Solution:
    """Raw incumbents of one search: energies and latencies, records (see `incumbent.enter`), visits, size, gap.

    `counted` are the names of what `visited` counts. `energy_gap`: see `Certificate`.
    The size of the space is counted when somebody asks for it, by a function that can be pickled.
    """

    values: Any
    records: Any
    kept: tuple[dict[int, frozenset[str]], ...]
    visited: tuple[int, ...]
    size: Callable[[], float]
    gap: float
    counted: tuple[str, ...]
    energy_gap: float | None = None

    @property
    def space_size(self) -> float:
        return self.size()

    @property
    def gaps(self) -> dict[str, float]:
        """`gap`, and `energy_gap` where there is one, as finite numbers."""
        return {"gap": self.gap} | ({} if self.energy_gap is None else {"energy_gap": min(self.energy_gap, 1e300)})


ANY_ORDER = range(len(DIMS) - 1, -1, -1)
"""An order for loops whose order changes nothing."""


def loops_of(trips: Any, order: Iterable[int]) -> tuple[Loop, ...]:
    """The loops of a list as a mapping has them, outermost first and without those of one trip.

    Parameters
    ----------
    trips : (8,) int
        By dim.
    order : (8,) int
        Dims from the innermost loop outwards, as searches have them.

    Examples
    --------
    >>> loops_of((1, 2, 1, 3, 1, 1, 1, 1), ANY_ORDER)
    (Loop(dim='N', trips=2), Loop(dim='C', trips=3))
    """
    return tuple(Loop(DIMS[d], int(trips[d])) for d in reversed(tuple(order)) if trips[d] > 1)


@dataclass(frozen=True, slots=True)
class NetworkCertificate:
    """Why no other choice of mappings makes a network better.

    Parameters
    ----------
    objective : {"energy", "latency", "edp"}
        Of the whole network.
    value : float
        Of the run found: pJ, cycles, or pJ x cycles.
    lower_bound : float
        No run of the network that keeps the limits lies below. Equal to `value` when every layer's front is exact.
    gap : float
        The run is proven to be within this fraction of the best.
    layer_gap : float
        Proven gap of the layers' fronts, in energy and in latency; the largest of them.
    layers, distinct : int
        Layers of the network, and how many of them were searched.
    points : int
        Points of all distinct layers' fronts together; the run takes one of them for each layer.
    max_energy_pj, max_cycles : float
        Limits that the run keeps; infinite for none.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> network = dse.Workload.of("two", [layer, dse.Layer("fc", K=10, C=16)])
    >>> proof = dse.map_workload(dse.load_architecture("eyeriss"), network, scope="network").certificate
    >>> proof.gap, proof.value == proof.lower_bound, proof.layers
    (0.0, True, 2)
    >>> proof.to_dict()["value"] == proof.value
    True
    """

    objective: str
    value: float
    lower_bound: float
    gap: float
    layer_gap: float
    layers: int
    distinct: int
    points: int
    max_energy_pj: float = inf
    max_cycles: float = inf

    def to_dict(self) -> dict[str, Any]:
        """Plain data; a limit that was not set is None."""
        return {
            "objective": self.objective,
            "value": self.value,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            "layer_gap": self.layer_gap,
            "layers": self.layers,
            "distinct": self.distinct,
            "points": self.points,
            "max_energy_pj": None if isinf(self.max_energy_pj) else self.max_energy_pj,
            "max_cycles": None if isinf(self.max_cycles) else self.max_cycles,
        }


@dataclass(frozen=True, slots=True)
class Mapped:
    """A layer with its best mapping, or with one that was given and has no certificate.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> best = dse.map_layer(dse.load_architecture("eyeriss"), layer, "energy")
    >>> best.layer == layer, best.certificate.objective
    (True, 'energy')
    >>> best
    Mapped('conv', energy_pj=1.182e+06, latency_s=4.381e-06, gap=0)
    >>> best.to_dataframe().columns.tolist()
    ['layer', 'level', 'operand', 'direction', 'elements']
    >>> best.to_dict()["certificate"] == best.certificate.to_dict(), len(best.plot().axes) > 0
    (True, True)
    """

    layer: Layer
    mapping: Mapping
    cost: Cost
    certificate: Certificate | None

    def __repr__(self) -> str:
        proof = {} if self.certificate is None else {"gap": self.certificate.gap}
        if self.certificate is not None and self.certificate.energy_gap:
            proof["energy_gap"] = self.certificate.energy_gap
        cost = self.cost
        return short("Mapped", self.layer.name, energy_pj=cost.energy_pj, latency_s=cost.latency_s, **proof)

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """What moves: see `Accesses.to_dataframe`, with the `layer` in front."""
        frame = self.cost.accesses.to_dataframe()
        frame.insert(0, "layer", self.layer.name)
        return frame

    def plot(self) -> Figure:
        """The layer's energy by level and by operand."""
        return picture(self)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.layer.name,
            **self.cost.to_dict(),
            "mapping": self.mapping.to_dict(),
            "certificate": None if self.certificate is None else self.certificate.to_dict(),
        }


class LayerFront(tuple[Mapped, ...]):
    """The energy-latency front of a layer: mappings of which none beats another; latency rises, energy falls.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> front = dse.layer_front("systolic_ws", layer)
    >>> front.to_dataframe().columns.tolist()
    ['energy_pj', 'latency_s', 'edp_js', 'utilization', 'bound_by']
    >>> len(front.to_dataframe()) == len(front)
    True
    >>> len(front.plot().axes) > 0
    True
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return short("LayerFront", self[0].layer.name if self else "", points=len(self))

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row a mapping: energy (pJ), latency (s), their product (J s), utilization and what binds."""
        import pandas

        names = ("energy_pj", "latency_s", "edp_js", "utilization", "bound_by")
        return pandas.DataFrame([[getattr(one.cost, name) for name in names] for one in self], columns=list(names))

    def plot(self) -> Figure:
        """Energy against latency."""
        return picture(self)
