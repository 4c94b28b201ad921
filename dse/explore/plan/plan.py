"""A sweep with everything decided but where it runs: what is searched, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dse.errors import A_WORKLOAD, AN_ARCHITECTURE, DseError, expect
from dse.explore.designs.clock import reference_of
from dse.explore.designs.design import Batched, BatchEvaluator, Network, NetworkEvaluator
from dse.explore.designs.space import DesignSpace
from dse.explore.designs.together import SHARED, Together
from dse.explore.limits import DEFAULT, Limits
from dse.explore.outcomes.evaluation import Kind
from dse.explore.outcomes.identity import identity, networks_text
from dse.explore.plan.hardware import SAME_HARDWARE, HardwareChanges
from dse.explore.plan.problem import SweepProblem
from dse.explore.plan.resolver import Resolver, resolved
from dse.explore.plan.search import Search
from dse.explore.plan.workloads import UNCHANGED, WorkloadChanges
from dse.explore.proof.bounding.bounds import BoxBounds
from dse.explore.proof.bounding.contest import Contest
from dse.explore.proof.bounding.prices import BoxPrices, Layouts
from dse.explore.proof.bounding.sharper import Sharper
from dse.explore.proof.reach import Reach, limits_of
from dse.explore.proof.stage import Provable
from dse.formats.architecture.space.choices import check_shapes, read_plain_space
from dse.formats.architecture.space.derived import Derived, derive
from dse.formats.architecture.space.ranges import BATCH

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.problem.workload import Workload

Given = str | Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep searches and how.

    Parameters
    ----------
    name : str
    spec : ArchitectureSpec
    workloads : tuple of Workload
    sources : tuple of str
        The files of the workloads, or their names when they were not read from files.
    space : dict
        Path of each setting to its choices.
    search : Search
    changes : WorkloadChanges
        What is not the workloads' own.
    derived : tuple of Derived
        Settings that follow from those of the space.
    hardware : HardwareChanges
        What is not the architecture's own; limits and dataflows are in `spec` already.
    together : Together
        How several networks count.
    """

    name: str
    spec: ArchitectureSpec
    workloads: tuple[Workload, ...]
    sources: tuple[str, ...]
    space: dict[str, tuple[Any, ...]]
    search: Search
    changes: WorkloadChanges = UNCHANGED
    derived: tuple[Derived, ...] = ()
    hardware: HardwareChanges = SAME_HARDWARE
    together: Together = SHARED

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(Network.of(workload, resident=self.search.resident) for workload in self.workloads)

    @property
    def architecture(self) -> Architecture:
        """The design as specified: the file's own values, but for the settings that are changed."""
        settings = self.hardware.settings
        return self.spec.resolve(settings) if settings else self.spec.architecture

    @property
    def paths(self) -> tuple[str, ...]:
        """The settings that tell designs apart, those that follow from others last."""
        return (*self.space, *(one.path for one in self.derived))

    @property
    def batches(self) -> dict[str, int]:
        """Images at once of each network; none where the space chooses."""
        return {} if BATCH in self.space else {workload.name: workload.batch for workload in self.workloads}

    def own(self, path: str) -> Any:
        """The value of a setting in the design as specified; None where nothing says it."""
        if path == BATCH:
            sizes = {workload.batch for workload in self.workloads}
            return sizes.pop() if len(sizes) == 1 else None
        return self.spec.value(path, self.hardware.settings)

    def complete(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """A design's settings with those that follow from them; raises `DseError` where nothing can."""
        if not self.derived:
            return dict(settings)
        own = {path: value for path, value in settings.items() if path != BATCH}
        return {**settings, **derive(self.spec, self.derived, {**self.hardware.settings, **own})}

    def parts(self) -> tuple[Plan, ...]:
        """The sweeps to run: this one, or with a front for each network one for each."""
        if self.together.fronts == "shared" or len(self.workloads) == 1:
            return (self,)
        return tuple(
            replace(self, name=f"{self.name}-{workload.name}", workloads=(workload,), sources=(source,),
                    together=SHARED)
            for workload, source in zip(self.workloads, self.sources, strict=True)
        )  # fmt: skip

    @property
    def starts(self) -> tuple[dict[str, Any], ...]:
        """The specification's own design, and the same with every other dataflow of the space."""
        own = {path: value for path in self.paths if (value := self.own(path)) is not None}
        others = [flow for flow in self.space.get("dataflow", ()) if flow != own.get("dataflow")]
        return (own, *({**own, "dataflow": flow} for flow in others))

    @property
    def objective(self) -> Literal["energy", "latency", "edp"]:
        """What layers are mapped for."""
        return self.search.mapped_for

    @property
    def whole_fronts(self) -> bool:
        """Whether exact designs have whole fronts."""
        return self.reach.whole_fronts

    @property
    def reach(self) -> Reach:
        """What an evaluation tells of all that its design can do."""
        search, limits = self.search, limits_of(self.spec.constraints)
        return Reach(search.objectives, search.gap, limits, len(self.workloads), search.resident)

    def hardware_of(self, settings: Mapping[str, Any]) -> tuple[Architecture, int | None]:
        """The architecture of a design, and its batch size where the space has several; raises `DseError` for none."""
        hardware = {path: value for path, value in settings.items() if path != BATCH}
        return self.spec.resolve({**self.hardware.settings, **hardware}), settings.get(BATCH)

    def inputs_of(self, settings: Mapping[str, Any]) -> tuple[Architecture, tuple[Workload, ...], int]:
        """A design's architecture, the networks at its batch size, and that size, 1 where the space has none."""
        architecture, batch = self.hardware_of(settings)
        if batch is None:
            return architecture, self.workloads, 1
        return architecture, tuple(workload.with_batch(batch) for workload in self.workloads), batch

    def problem(self, limits: Limits = DEFAULT) -> SweepProblem:
        """The search problem: how settings become designs, identities and outcomes, each within its time."""
        plain = NetworkEvaluator(
            (), self.objective, self.search.gap, constraints=tuple(self.spec.constraints),
            combination=self.together.combination([workload.name for workload in self.workloads]),
            limit_s=limits.design_s, reference=reference_of(self.architecture),
        )  # fmt: skip
        singly = plain.reference is not None
        # a whole front of the deep search takes many times as long without a gap
        whole = self.whole_fronts
        exact = replace(plain, gap=self.search.gap if singly and whole else 0.0, front=whole)
        trial_s = self.trial_s(limits)
        evaluators = {"explore": replace(plain, limit_s=trial_s), "exact": exact}
        evaluators["repriced"] = evaluators["exact"]
        networks = self._networks()
        texts = {batch: networks_text(network.key() for network in read) for batch, read in networks.items()}

        def resolve(settings: Mapping[str, Any]) -> Any:
            return resolved(self.spec, {**self.hardware.settings, **settings})

        def identify(settings: Mapping[str, Any], design: Any, kind: Kind) -> str:
            architecture = design.architecture if isinstance(design, Batched) else design
            asked = self._asked(evaluators[kind], kind, architecture)
            return identity(self._hashed(settings, architecture), texts[settings.get(BATCH)], asked)

        constraints, combine = _counted(plain)
        shared = {
            "limits": constraints, "objectives": list(self.search.objectives), "gap": self.search.gap,
            "combine": combine,
        }  # fmt: skip
        everything = networks_text(network.key() for read in networks.values() for network in read)
        evaluate = {kind: self._evaluator(how, networks) for kind, how in evaluators.items()}
        sweep_id = identity(self._hashed({}, self.architecture), everything, shared)[:16]
        return SweepProblem(
            space=DesignSpace.of(self.space),
            starts=self.starts,
            complete=self.complete,
            resolve=resolve,
            identify=identify,
            evaluate=evaluate,  # type: ignore[arg-type]
            within=lambda how, limit_s: how.within(limit_s),  # type: ignore[attr-defined]
            rule_out=evaluate["explore"].rule_out,
            provable=self._provable(evaluate["explore"], sweep_id),
            singly=singly,
            fronts=self.reach.of_all,
            trial_s=trial_s,
            sweep_id=sweep_id,
        )

    def _asked(self, how: NetworkEvaluator, kind: Kind, architecture: Architecture | None) -> dict[str, Any]:
        """What an evaluation asks of the mapper, as its identity has it."""
        keeping = [] if architecture is None else [level.name for level in architecture.levels if level.on_chip]
        constraints, combine = _counted(how)
        return {
            "objective": how.objective, "gap": how.gap, "front": how.front, "constraints": constraints,
            "combine": combine, "per_image": BATCH in self.space,
            **({"resident": keeping} if self.search.resident else {}),
            **({"layers": kind} if kind == "repriced" else {}),
            **({"reference": how.beside} if how.beside else {}),
        }  # fmt: skip

    def trial_s(self, limits: Limits) -> float:
        """Seconds that a trial may take; on hierarchies of the deep search by default so much CPU time."""
        from dse.mapper.shared.stopping import Busy

        if limits.design_s < inf or self._resolver.has_flat_shape(self.space):
            return limits.design_s
        return Busy(limits.trial_s(sum(len(network.layers) for network in self.networks)))

    @property
    def _resolver(self) -> Resolver:
        return Resolver(self.spec, self.hardware.settings, self.derived)

    def _provable(self, evaluator: NetworkEvaluator | BatchEvaluator, sweep_id: str) -> Provable:
        """How designs are bounded; several at once where all of them are mapped by the flat search."""
        resolve = self._resolver
        boxed = not self.derived and not self.search.resident and resolve.has_flat_shape(self.space)
        prices = BoxPrices(resolve, evaluator) if boxed else None
        both = {"energy", "latency"} <= set(self.search.objectives)
        layouts = Layouts(resolve, evaluator) if boxed and both else None
        bounds, contest = BoxBounds(resolve, evaluator, sweep_id), Contest(resolve, evaluator)
        return Provable(bounds, contest, prices, self.reach, layouts, Sharper(resolve, evaluator))

    def _networks(self) -> dict[int | None, tuple[Network, ...]]:
        """The networks at each batch size of the space; under None where the space has none."""
        if BATCH not in self.space:
            return {None: self.networks}
        sizes = {*self.space[BATCH], self.own(BATCH)} - {None}
        return {
            size: replace(self, workloads=tuple(one.with_batch(size) for one in self.workloads)).networks
            for size in sorted(sizes)
        }

    def _evaluator(
        self, how: NetworkEvaluator, networks: Mapping[int | None, tuple[Network, ...]]
    ) -> NetworkEvaluator | BatchEvaluator:
        by_batch = {batch: replace(how, networks=read) for batch, read in networks.items()}
        if None in by_batch:
            return by_batch[None]
        return BatchEvaluator({batch: one for batch, one in by_batch.items() if batch is not None})

    def _hashed(self, settings: Mapping[str, Any], design: Architecture | None) -> dict[str, Any]:
        """What stands for a design in its identity; settings that make no design stand for themselves."""
        from dse.architecture.canonical import canonical

        if design is not None:
            return canonical(design)
        return {"of": canonical(self.architecture), "impossible": dict(settings)}


def make_plan(
    architecture: Architecture | ArchitectureSpec | Given,
    workloads: Workload | Given | Sequence[Workload | Given],
    search: Search,
    *,
    space: Mapping[str, Sequence[Any] | Mapping[str, Any]] | None = None,
    name: str | None = None,
    changes: WorkloadChanges = UNCHANGED,
    hardware: HardwareChanges = SAME_HARDWARE,
    together: Together = SHARED,
) -> Plan:
    """Read and check what a sweep needs.

    Parameters
    ----------
    architecture, workloads
        Objects, files, or bare names of shipped ones.
    search : Search
    space : mapping, optional
        Path to choices, instead of the architecture's own space; see `dse.sweep`.
    name : str, optional
    changes : WorkloadChanges
    hardware : HardwareChanges
    together : Together

    Raises
    ------
    DseError

    Examples
    --------
    >>> plan = make_plan("eyeriss", "alexnet", Search(4), space={"levels.array.rows": [6, 12]})
    >>> plan.name, plan.space
    ('eyeriss-alexnet', {'levels.array.rows': (6, 12)})
    """
    spec, hardware = hardware.apply(_spec_of(architecture))
    if not _is_one(workloads):
        expect(workloads, Iterable, "workloads", A_WORKLOAD)
    several: list[Any] = [workloads] if _is_one(workloads) else list(workloads)  # type: ignore[arg-type]
    if not several:
        raise DseError("a sweep needs a workload")
    read = changes.read(several)
    sources = tuple(str(given) if isinstance(given, str | Path) else given.name for given in several)
    choices, derived = dict(spec.space), spec.derived
    if space is not None:
        choices, derived = read_plain_space(spec, space, hardware.settings)
    for path, value in hardware.settings.items():
        check_shapes(path, choices)
        if path in choices:
            choices[path] = (value,)
    for path in choices:
        check_shapes(path, hardware.settings)
    if changes.batch is not None and BATCH in choices:
        choices[BATCH] = (changes.batch,)
    derived = tuple(one for one in derived if one.path not in hardware.settings)
    if search.resident:
        _check_resident(spec, hardware, choices, changes)
    together.check([workload.name for workload in read])
    own_name = "-".join([spec.name, *(workload.name for workload in read)])
    return Plan(name or own_name, spec, read, sources, choices, search, changes, derived, hardware, together)


def _check_resident(
    spec: ArchitectureSpec, hardware: HardwareChanges, choices: Mapping[str, Any], changes: WorkloadChanges
) -> None:
    """Refuse a sweep with tensors on chip in which none can stay."""
    from dse.model.homes import home_level

    if changes.layers:
        raise DseError("with tensors on chip the whole network counts", hint="leave out the layers, or resident")
    if not any(path.endswith(".on_chip") for path in choices):
        home_level(spec.resolve(hardware.settings) if hardware.settings else spec.architecture)


def _counted(how: NetworkEvaluator) -> tuple[list[Any], list[Any]]:
    """Limits, and how several networks count, as identities have them."""
    return [limit.to_dict() for limit in how.constraints], [how.combination.how, list(how.combination.weights)]


def _is_one(workloads: Any) -> bool:
    return isinstance(workloads, str | Path) or hasattr(workloads, "distinct")


def _spec_of(architecture: Architecture | ArchitectureSpec | Given) -> ArchitectureSpec:
    from dse.architecture.architecture import Architecture
    from dse.architecture.canonical import canonical
    from dse.formats.architecture.load import ArchitectureSpec, load_architecture_spec

    if isinstance(architecture, str | Path):
        return load_architecture_spec(architecture)
    if isinstance(architecture, ArchitectureSpec):
        return architecture
    expect(architecture, Architecture, "architecture", AN_ARCHITECTURE)
    spec = architecture.spec
    if not isinstance(spec, ArchitectureSpec):
        raise DseError(
            f"architecture {architecture.name} was not read from a file, so nothing says what its settings are",
            hint="sweep a file, or what load_architecture returns",
        )
    if canonical(architecture) != canonical(spec.architecture):
        raise DseError(
            f"architecture {architecture.name} was changed after it was read from {spec.file}; a sweep starts there",
            hint="put the change into a file that extends it, or into `space`",
        )
    return spec
