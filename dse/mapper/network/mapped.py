"""A network on one accelerator, mapped: its totals, and the exact front with the mappings behind every point."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.mapper.layer import layer_front
from dse.mapper.network.front_sum import FrontSum, sum_fronts
from dse.mapper.network.proof import Names, Options, chosen, fronts_of
from dse.mapper.network.residency.outcome.result import Moment, Residency, ResidencyCertificate
from dse.mapper.shared.result import Factors, Mapped, NetworkCertificate, Objective
from dse.model.cost import edp_js
from dse.model.homes import Homes
from dse.model.moves import Moved, moved_by
from dse.problem.moves import moves_of
from dse.problem.notebook import html, picture, short
from dse.problem.workload import Workload

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

@dataclass(frozen=True, slots=True)
class MappedWorkload:
    """A network with the best mapping of every layer.

    Parameters
    ----------
    architecture : Architecture
    workload : Workload
    objective : str
    layers : tuple of (Mapped, tuple of str)
        One entry per distinct shape and mapping, with the names of the layers that have it.
    gap : float
    factors : str
    scope : {"layer", "network"}
        Whether the objective is that of each layer by itself, or of the whole network.
    certificate : NetworkCertificate or ResidencyCertificate, optional
        Why the network as a whole cannot be better; only in the scope of the network.
    options : tuple of (tuple of Mapped, tuple of str)
        The fronts of the distinct layers, where they are known already.
    residency : Residency, optional
        Which tensors stay on chip, where that was asked for.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> network = dse.Workload.of("two", [layer, dse.Layer("fc", K=10, C=16)])
    >>> mapped = dse.map_workload(dse.load_architecture("eyeriss"), network)
    >>> [(names, one.certificate.gap) for one, names in mapped.layers]
    [(('conv',), 0.0), (('fc',), 0.0)]
    >>> mapped.edp_js == mapped.energy_pj * 1e-12 * mapped.latency_s
    True
    >>> mapped.to_dataframe()[["layer", "count", "macs"]].values.tolist()
    [['conv', 1, 10368], ['fc', 1, 160]]
    >>> mapped.front() == mapped.whole_front().points, mapped.to_dict()["macs"]
    (True, 10528)
    >>> len(mapped.plot().axes) > 0
    True
    """

    architecture: Architecture
    workload: Workload
    objective: Objective | Literal["front"]
    layers: tuple[tuple[Mapped, Names], ...]
    gap: float = 0.0
    factors: Factors = "all"
    scope: str = "layer"
    certificate: NetworkCertificate | ResidencyCertificate | None = None
    options: Options = field(default=(), repr=False)
    residency: Residency | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return short(
            "MappedWorkload", self.workload.name, on=self.architecture.name, energy_pj=self.energy_pj,
            latency_s=self.latency_s, edp_js=self.edp_js,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each distinct layer and mapping, and for each kind of node without MACs that moves words.

        Columns: `layer`, `count`, `macs`, `energy_pj`, `cycles`, `latency_s` (of one such layer), `utilization`,
        `bound_by`, `gap` (proven), `energy_gap` (for the least latency: see `Certificate`), and `energy_<level>_pj` for
        each level, fan-out, `MAC` and `static`.
        """
        import pandas

        clock = self.architecture.clock_hz
        rows: list[dict[str, Any]] = []
        for mapped, names in self.layers:
            cost, proof = mapped.cost, mapped.certificate
            rows.append({
                "layer": names[0], "count": len(names), "macs": cost.macs, "energy_pj": cost.energy_pj,
                "cycles": cost.cycles, "latency_s": cost.latency_s, "utilization": cost.utilization,
                "bound_by": cost.bound_by, "gap": None if proof is None else proof.gap,
                **({} if proof is None or proof.energy_gap is None else {"energy_gap": proof.energy_gap}),
                **{f"energy_{part}_pj": pj for part, pj in cost.energy_by_level_pj.items()},
            })  # fmt: skip
        for one, names in self.moves:
            plain = one.to_dict(self.architecture)
            rows.append({
                "layer": names[0], "count": len(names), "macs": 0, "energy_pj": one.energy_pj, "cycles": one.cycles,
                "latency_s": one.cycles / clock, "utilization": 0.0, "bound_by": one.bound_by,
                **{f"energy_{part}_pj": pj for part, pj in plain["energy_by_level_pj"].items()},
            })  # fmt: skip
        return pandas.DataFrame(rows)

    def plot(self) -> Figure:
        """Energy of every distinct layer, by level."""
        return picture(self)

    @property
    def moves(self) -> tuple[tuple[Moved, Names], ...]:
        """The cost of nodes without MACs that the architecture does not take along, with the names of equal ones."""
        if self.residency is not None:
            return tuple((one, (one.move.name,)) for one in self.residency.moves)
        return moved_by(self.architecture, moves_of(self.workload))

    @property
    def moved_point(self) -> tuple[float, float]:
        """Energy (pJ) and cycles of all of these together."""
        moves = self.moves
        return (
            sum(one.energy_pj * len(names) for one, names in moves),
            sum(one.cycles * len(names) for one, names in moves),
        )

    @property
    def homes(self) -> dict[str, Homes]:
        """Layers that have operands at home on chip."""
        return {} if self.residency is None else self.residency.homes

    @property
    def timeline(self) -> tuple[Moment, ...]:
        """What is in the level that keeps tensors on chip, step by step."""
        return () if self.residency is None else self.residency.timeline

    @property
    def energy_pj(self) -> float:
        return sum(mapped.cost.energy_pj * len(names) for mapped, names in self.layers) + self.moved_point[0]

    @property
    def cycles(self) -> float:
        """Layers run one after the other, and so do the nodes between them."""
        return sum(mapped.cost.cycles * len(names) for mapped, names in self.layers) + self.moved_point[1]

    @property
    def latency_s(self) -> float:
        return self.cycles / self.architecture.clock_hz

    @property
    def edp_js(self) -> float:
        """Energy of the network times its latency, in joule seconds."""
        return edp_js(self.energy_pj, self.latency_s)

    @property
    def area_mm2(self) -> float:
        return self.architecture.area_mm2

    @property
    def macs(self) -> int:
        return sum(mapped.layer.macs * len(names) for mapped, names in self.layers)

    def front(self) -> tuple[tuple[float, float], ...]:
        """The exact energy-latency front of the network, as (energy_pj, latency_s), latency rising.

        See Also
        --------
        whole_front : the same, with the mappings of the layers behind every point.

        Notes
        -----
        With tensors on chip every run of the network has a point that is within `gap` of it in both
        (`dse.mapper.network.residency.front`). The run behind a point is that of least energy within its latency.
        """
        if self.residency is not None:
            from dse.mapper.network.residency.front import front_on_chip
            from dse.mapper.network.residency.solve import NetworkGoal

            found, _ = front_on_chip(self.architecture, self.workload, NetworkGoal("energy", self.gap, self.factors))
            return tuple((energy, cycles / self.architecture.clock_hz) for energy, cycles in found)
        return self.whole_front().points

    def whole_front(self) -> NetworkFront:
        """The exact energy-latency front of the network, and the run behind each point.

        Notes
        -----
        The Minkowski sum of the layers' fronts, pruned to its lower left edge after every addition; layers of equal
        shape may take different mappings. A layer whose mapping was given has that one only.

        With a gap g, a layer's front has, for each mapping of the layer, a point with at most 1 + g times its energy
        and at most 1 + g times its latency. Sums keep both factors: for every way to run the network, the front has a
        point within 1 + g in energy and in latency.
        """
        if self.residency is not None:
            raise DseError(
                "with tensors on chip layers depend on each other: no run is made of points of their fronts",
                hint="front() has the points, and max_latency_s the run within each",
            )
        options = self.options or tuple(
            (
                (mapped,)
                if mapped.certificate is None
                else layer_front(self.architecture, mapped.layer, gap=self.gap, factors=self.factors),
                names,
            )
            for mapped, names in self.layers
        )
        return NetworkFront(self, options, sum_fronts([*fronts_of(options), [self.moved_point]]))

    def to_dict(self) -> dict[str, Any]:
        """Totals over the whole network with repeated layers counted, and one entry per distinct layer and mapping.

        Behind the layers stand the nodes without MACs that move words of their own, without a mapping.
        """
        return {
            "arch": self.architecture.name,
            "workload": self.workload.name,
            "batch": self.workload.batch,
            "objective": self.objective,
            "scope": self.scope,
            "energy_pj": self.energy_pj,
            "cycles": self.cycles,
            "latency_s": self.latency_s,
            "edp_js": self.edp_js,
            "area_mm2": self.area_mm2,
            "macs": self.macs,
            "certificate": None if self.certificate is None else self.certificate.to_dict(),
            **({} if self.residency is None else {"residency": self.residency.to_dict()}),
            "layers": [
                {"name": names[0], "names": list(names), "count": len(names), **_without_name(mapped)}
                | ({} if self.residency is None else {"homes": self.residency.home_of(names[0])})
                for mapped, names in self.layers
            ]
            + [
                {"name": names[0], "names": list(names), "count": len(names), **one.to_dict(self.architecture)}
                for one, names in self.moves
            ],
        }


@dataclass(frozen=True, slots=True)
class NetworkFront:
    """The energy-latency front of a network, and the mappings behind every point.

    Parameters
    ----------
    source : MappedWorkload
        The run whose network, accelerator and options these are.
    options : tuple of (tuple of Mapped, tuple of str)
        Per distinct layer, its front, and the names of the layers of this shape.
    total : FrontSum
        Of the fronts of all layers, in pJ and cycles.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> network = dse.Workload.of("two", [layer, dse.Layer("fc", K=10, C=16)])
    >>> front = dse.map_workload(dse.load_architecture("eyeriss"), network).whole_front()
    >>> energy_pj, latency_s = front.points[0]
    >>> front.run(0).latency_s == latency_s
    True
    >>> front.to_dataframe().columns.tolist()
    ['energy_pj', 'latency_s', 'edp_js']
    >>> len(front.plot().axes) > 0
    True
    """

    source: MappedWorkload
    options: Options
    total: FrontSum

    def __len__(self) -> int:
        return len(self.total.points)

    def __repr__(self) -> str:
        run = self.source
        return short("NetworkFront", run.workload.name, on=run.architecture.name, points=len(self))

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row a point: energy (pJ), latency (s) and their product (J s)."""
        import pandas

        rows = [(energy, latency, energy * 1e-12 * latency) for energy, latency in self.points]
        return pandas.DataFrame(rows, columns=["energy_pj", "latency_s", "edp_js"])

    def plot(self) -> Figure:
        """Energy against latency."""
        return picture(self)

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """As (energy_pj, latency_s), latency rising."""
        clock = self.source.architecture.clock_hz
        return tuple((energy, cycles / clock) for energy, cycles in self.total.points.tolist())

    def run(self, index: int) -> MappedWorkload:
        """The network with the mappings behind a point; equal layers may have different ones."""
        source, picks = self.source, self.total.picks(range(len(self))[index])
        return MappedWorkload(
            source.architecture, source.workload, "front", chosen(self.options, picks), source.gap, source.factors,
            scope="network", options=self.options,
        )  # fmt: skip


def _without_name(mapped: Mapped) -> dict[str, Any]:
    plain = mapped.to_dict()
    del plain["name"]
    return plain
