"""A whole network on one accelerator: layers mapped once per shape, the network's own best, or as it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, isinf, sqrt
from typing import Literal

from dse.architecture.architecture import Architecture
from dse.errors import DseError, expect
from dse.mapper.layer import layer_front, map_layer
from dse.mapper.network.mapped import MappedWorkload
from dse.mapper.network.proof import Names, Options, best_of_network, chosen
from dse.mapper.network.residency.given import run_as_given
from dse.mapper.network.residency.outcome.stays import Stays
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip
from dse.mapper.rules_kept import kept_or_marked
from dse.mapper.shared.result import Factors, Mapped, Objective
from dse.model.cost import evaluate
from dse.model.mapping import Mapping as LoopNest
from dse.problem.layer import Layer
from dse.problem.workload import Workload

SCOPES = ("layer", "network")


def map_workload(
    architecture: Architecture,
    workload: Workload,
    objective: Objective = "edp",
    *,
    scope: Literal["layer", "network"] = "layer",
    max_latency_s: float = inf,
    max_energy_pj: float = inf,
    gap: float = 0.0,
    factors: Factors = "all",
    time_limit_s: float | None = None,
    given: Mapping[str, LoopNest] | None = None,
    counting: str = "house",
    any_mapping: bool = False,
    resident: bool = False,
    orders: int = 0,
    stays: Stays | None = None,
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
    factors : {"all", "perfect", "any"}
    time_limit_s : float, optional
        Of each layer's search; its certificate then says how far the answer is proven. With `resident`, of all that is
        done for the network.
    given : mapping, optional
        Layer's name to the mapping to evaluate it with; the other layers get their best.
    counting : {"house", "timeloop"}
        Of the given mappings; the mapper counts by the house rules.
    any_mapping : bool
        Take given mappings that break rules of the dataflow all the same; `Cost.breaks_rules` says which.
    resident : bool
        Let tensors stay in the level on chip that may keep them (`on_chip: auto`), in the scope of the network.
    orders : int
        With `resident`, orders of branches that are tried at most, beside the file's.
    stays : Stays, optional
        Tensors on chip as a file has them; `given` has all mappings then.
    progress : callable, optional
        Told (layers done, layers, name of the next) before each layer; with `resident`, (searches done, 0, name).

    Raises
    ------
    InfeasibleError
        When some layer cannot be mapped, or the network not within the limits.
    MappingError
        A given mapping that does not work, or breaks a rule.

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
    if stays is not None:
        return search.as_given(architecture, workload, stays, given or {}, any_mapping)
    if resident:
        if given:
            raise DseError("mappings that are given leave no choice of tensors on chip", hint="give one or the other")
        return search.on_chip(architecture, workload, orders, progress)
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
            broken = kept_or_marked(architecture, layer, nest, any_mapping)
            cost = replace(cost, breaks_rules=broken) if broken else cost
            options: tuple[Mapped, ...] = (Mapped(architecture.lowered(layer), nest, cost, None),)
        else:
            options = search.options(architecture, layer)
        found.append((options, names))
    return search.choose(architecture, workload, tuple(found))


@dataclass(frozen=True, slots=True)
class _Search:
    """The settings of `map_workload` that say what is best and how it is found."""

    objective: Objective
    scope: str
    max_latency_s: float
    max_energy_pj: float
    gap: float
    factors: Factors
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

    def on_chip(
        self, architecture: Architecture, workload: Workload, orders: int,
        progress: Callable[[int, int, str], None] | None,
    ) -> MappedWorkload:  # fmt: skip
        """The network with the best choice of tensors on chip."""
        if self.scope != "network":
            raise DseError("which tensors stay on chip is a choice for the whole network", hint='use scope="network"')
        goal = NetworkGoal(
            self.objective, self.gap, self.factors, self.time_limit_s, self.max_energy_pj,
            self.max_latency_s * architecture.clock_hz, orders,
        )  # fmt: skip
        run = keep_on_chip(architecture, workload, goal, progress)
        return MappedWorkload(
            architecture, workload, self.objective, run.grouped, self.gap, self.factors, scope="network",
            certificate=run.certificate, residency=run,
        )  # fmt: skip

    def as_given(
        self, architecture: Architecture, workload: Workload, stays: Stays, given: Mapping[str, LoopNest],
        any_mapping: bool,
    ) -> MappedWorkload:  # fmt: skip
        """The network as a file says."""
        run = run_as_given(architecture, workload, stays, given)
        for layer in workload.layers:
            kept_or_marked(architecture, layer, given[layer.name], any_mapping)
        return MappedWorkload(architecture, workload, self.objective, run.grouped, scope="network", residency=run)

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
            architecture, workload, self.objective, chosen(options, picks), self.gap, self.factors, scope="network",
            certificate=proof, options=options,
        )  # fmt: skip


def _by_mapping(
    names: Names, given: Mapping[str, LoopNest]
) -> Iterator[tuple[LoopNest | None, Names]]:
    """Names of equal layers, apart where they have different mappings."""
    nests = list(dict.fromkeys(given.get(name) for name in names))
    for nest in nests:
        yield nest, tuple(name for name in names if given.get(name) == nest)
