"""A whole network on one accelerator: layers mapped once per shape, totals, the exact front, the network's own best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isinf, sqrt
from typing import TYPE_CHECKING, Any

from dse.architecture.architecture import Architecture
from dse.errors import DseError, expect
from dse.mapper.layer import layer_front, map_layer
from dse.mapper.network.front_choice import Picks
from dse.mapper.network.front_sum import FrontSum, sum_fronts
from dse.mapper.network.proof import Names, Options, best_of_network, fronts_of
from dse.mapper.shared.result import Mapped, NetworkCertificate
from dse.model.cost import evaluate
from dse.model.mapping import Mapping as LoopNest
from dse.model.moves import Moved, moved_by
from dse.problem.layer import Layer
from dse.problem.moves import moves_of
from dse.problem.notebook import html, picture, short
from dse.problem.workload import Workload

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

SCOPES = ("layer", "network")


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
    certificate : NetworkCertificate, optional
        Why the network as a whole cannot be better; only in the scope of the network.
    options : tuple of (tuple of Mapped, tuple of str)
        The fronts of the distinct layers, where they are known already.

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
    """

    architecture: Architecture
    workload: Workload
    objective: str
    layers: tuple[tuple[Mapped, Names], ...]
    gap: float = 0.0
    factors: str = "all"
    scope: str = "layer"
    certificate: NetworkCertificate | None = None
    options: Options = field(default=(), repr=False)

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
        `bound_by`, `gap` (proven), and `energy_<level>_pj` for each level, fan-out, `MAC` and `static`.
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
                **{f"energy_{part}_pj": pj for part, pj in cost.energy_by_level_pj.items()},
            })  # fmt: skip
        for one, names in self.moves:
            rows.append({
                "layer": names[0], "count": len(names), "macs": 0, "energy_pj": one.energy_pj, "cycles": one.cycles,
                "latency_s": one.cycles / clock,
            })  # fmt: skip
        return pandas.DataFrame(rows)

    def plot(self) -> Figure:
        """Energy of every distinct layer, by level."""
        return picture(self)

    @property
    def moves(self) -> tuple[tuple[Moved, Names], ...]:
        """The cost of nodes without MACs that the architecture does not take along, with the names of equal ones."""
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
        return self.energy_pj * 1e-12 * self.latency_s

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
        """
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
            "objective": self.objective,
            "scope": self.scope,
            "energy_pj": self.energy_pj,
            "cycles": self.cycles,
            "latency_s": self.latency_s,
            "edp_js": self.edp_js,
            "area_mm2": self.area_mm2,
            "macs": self.macs,
            "certificate": None if self.certificate is None else self.certificate.to_dict(),
            "layers": [
                {"name": names[0], "names": list(names), "count": len(names), **_without_name(mapped)}
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
            source.architecture, source.workload, "front", _chosen(self.options, picks), source.gap, source.factors,
            scope="network", options=self.options,
        )  # fmt: skip


def map_workload(
    architecture: Architecture,
    workload: Workload,
    objective: str = "edp",
    *,
    scope: str = "layer",
    max_latency_s: float = inf,
    max_energy_pj: float = inf,
    gap: float = 0.0,
    factors: str = "all",
    time_limit_s: float | None = None,
    given: Mapping[str, LoopNest] | None = None,
    counting: str = "house",
    progress: Callable[[int, int, str], None] | None = None,
) -> MappedWorkload:
    """Map every distinct layer of a network.

    Parameters
    ----------
    architecture : Architecture
    workload : Workload
    objective : {"energy", "latency", "edp"}
    scope : {"layer", "network"}
        Whose objective: that of each layer by itself, or that of the network. They differ for `edp`, as a product of
        sums is no sum of products, and within limits.
    max_latency_s, max_energy_pj : float
        Limits on the whole network, in its scope only; kept up to the rounding of sums.
    gap : float
        Proven distance from the best at which a search may stop. Of a network within limits, the certificate has the
        distance that is proven in the end.
    factors : {"all", "perfect"}
    time_limit_s : float, optional
        Of each layer's search; its certificate then says how far the answer is proven.
    given : mapping, optional
        Layer's name to the mapping to evaluate it with; the other layers get their best.
    counting : {"house", "timeloop"}
        Of the given mappings; the mapper counts by the house rules.
    progress : callable, optional
        Told (layers done, layers, name of the next) before each layer.

    Raises
    ------
    InfeasibleError
        When some layer cannot be mapped, or the network not within the limits.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> network = dse.Workload.of("two", [layer, dse.Layer("fc", K=10, C=16)])
    >>> eyeriss = dse.load_architecture("eyeriss")
    >>> each = dse.map_workload(eyeriss, network)
    >>> dse.map_workload(eyeriss, network, scope="network").edp_js <= each.edp_js
    True
    """
    for name, limit in (("max_latency_s", max_latency_s), ("max_energy_pj", max_energy_pj), ("gap", gap)):
        expect(limit, (float, int), name, "a number, e.g. 0.01")
    search = _Search(objective, scope, max_latency_s, max_energy_pj, gap, factors, time_limit_s)
    distinct = [
        (workload.layer(names[0]), nest, names)
        for _, equal in workload.distinct()
        for nest, names in _by_mapping(equal, given or {})
    ]
    found: list[tuple[tuple[Mapped, ...], Names]] = []
    for done, (layer, nest, names) in enumerate(distinct):
        if progress is not None:
            progress(done, len(distinct), layer.name)
        if nest is not None:
            cost = evaluate(architecture, layer, nest, counting=counting)
            options: tuple[Mapped, ...] = (Mapped(architecture.lowered(layer), nest, cost, None),)
        else:
            options = search.options(architecture, layer)
        found.append((options, names))
    return search.choose(architecture, workload, tuple(found))


@dataclass(frozen=True, slots=True)
class _Search:
    """The settings of `map_workload` that say what is best and how it is found."""

    objective: str
    scope: str
    max_latency_s: float
    max_energy_pj: float
    gap: float
    factors: str
    time_limit_s: float | None

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise DseError(f"scope={self.scope!r} is not layer or network")
        if self.scope == "layer" and not (isinf(self.max_latency_s) and isinf(self.max_energy_pj)):
            raise DseError("limits of latency and energy are those of a network", hint='use scope="network"')
        if self.scope == "network" and self.objective not in ("energy", "latency", "edp"):
            raise DseError(f"objective={self.objective!r} is not energy, latency or edp")

    def options(self, architecture: Architecture, layer: Layer) -> tuple[Mapped, ...]:
        """The mappings of a layer among which the network chooses: its best one, or its front."""
        factors, time_limit_s = self.factors, self.time_limit_s
        if self.scope == "layer":
            best = map_layer(
                architecture, layer, self.objective, gap=self.gap, factors=factors, time_limit_s=time_limit_s
            )
            return (best,)
        # energy and latency of each layer multiply in the product: both factors together stay within the gap
        within = sqrt(1 + self.gap) - 1 if self.objective == "edp" and self.gap > 0 else self.gap
        return layer_front(architecture, layer, gap=within, factors=factors, time_limit_s=time_limit_s)

    def choose(self, architecture: Architecture, workload: Workload, options: Options) -> MappedWorkload:
        """The network with the best choice among the options of its layers."""
        if self.scope == "layer":
            layers = tuple((group[0], names) for group, names in options)
            return MappedWorkload(architecture, workload, self.objective, layers, self.gap, self.factors)
        bare = MappedWorkload(architecture, workload, self.objective, ())
        picks, proof = best_of_network(
            options, self.objective, self.max_energy_pj, self.max_latency_s, architecture.clock_hz,
            moved=bare.moved_point,
        )  # fmt: skip
        return MappedWorkload(
            architecture, workload, self.objective, _chosen(options, picks), self.gap, self.factors, scope="network",
            certificate=proof, options=options,
        )  # fmt: skip


def _chosen(options: Options, picks: Picks) -> tuple[tuple[Mapped, Names], ...]:
    """The picked mappings, each with the names of the layers that take it."""
    layers: list[tuple[Mapped, Names]] = []
    start = 0
    for group, names in options:
        mine = picks[start : start + len(names)]
        start += len(names)
        for pick in dict.fromkeys(mine):
            layers.append((group[pick], tuple(name for name, own in zip(names, mine, strict=True) if own == pick)))
    return tuple(layers)


def _by_mapping(
    names: Names, given: Mapping[str, LoopNest]
) -> Iterator[tuple[LoopNest | None, Names]]:
    """Names of equal layers, apart where they have different mappings."""
    nests = list(dict.fromkeys(given.get(name) for name in names))
    for nest in nests:
        yield nest, tuple(name for name in names if given.get(name) == nest)


def _without_name(mapped: Mapped) -> dict[str, Any]:
    plain = mapped.to_dict()
    del plain["name"]
    return plain
