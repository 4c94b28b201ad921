"""A sweep with everything decided but where it runs: what is searched, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.designs.design import Network, NetworkEvaluator
from dse.explore.designs.space import DesignSpace
from dse.explore.explorer import Search, SweepProblem
from dse.explore.outcomes.evaluation import Kind
from dse.explore.outcomes.identity import identity
from dse.explore.workloads import UNCHANGED, WorkloadChanges

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
    """

    name: str
    spec: ArchitectureSpec
    workloads: tuple[Workload, ...]
    sources: tuple[str, ...]
    space: dict[str, tuple[Any, ...]]
    search: Search
    changes: WorkloadChanges = UNCHANGED

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(Network.of(workload) for workload in self.workloads)

    @property
    def starts(self) -> tuple[dict[str, Any], ...]:
        """The specification's own design, and the same with every other dataflow of the space."""
        own = {path: value for path in self.space if (value := self.spec.value(path)) is not None}
        others = [flow for flow in self.space.get("dataflow", ()) if flow != own.get("dataflow")]
        return (own, *({**own, "dataflow": flow} for flow in others))

    def problem(self) -> SweepProblem:
        """The search problem: how settings become designs, identities and outcomes."""
        goals = set(self.search.objectives)
        whole_front = {"energy", "latency"} <= goals
        objective = "edp" if whole_front or "edp" in goals else "latency" if "latency" in goals else "energy"
        networks, constraints = self.networks, tuple(self.spec.constraints)
        evaluators = {
            "explore": NetworkEvaluator(networks, objective, self.search.gap, False, constraints),
            "exact": NetworkEvaluator(networks, objective, 0.0, whole_front, constraints),
        }
        keys = [network.key() for network in networks]
        limits = [constraint.to_dict() for constraint in constraints]

        def identify(settings: Mapping[str, Any], design: Any, kind: Kind) -> str:
            how = evaluators[kind]
            mapper = {"objective": how.objective, "gap": how.gap, "front": how.front, "constraints": limits}
            return identity(self._hashed(settings, design), keys, mapper)

        own = self.spec.architecture
        shared = {"limits": limits, "objectives": list(self.search.objectives), "gap": self.search.gap}
        return SweepProblem(
            space=DesignSpace.of(self.space),
            starts=self.starts,
            resolve=self.spec.resolve,
            identify=identify,
            evaluate=evaluators,  # type: ignore[arg-type]
            rule_out=evaluators["explore"].rule_out,
            sweep_id=identity(self._hashed({}, own), keys, shared)[:16],
        )

    def _hashed(self, settings: Mapping[str, Any], design: Architecture | None) -> dict[str, Any]:
        """What stands for a design in its identity; settings that make no design stand for themselves."""
        from dse.formats.architecture.load import canonical

        if design is not None:
            return canonical(design)
        return {"of": canonical(self.spec.architecture), "impossible": dict(settings)}


def make_plan(
    architecture: Architecture | ArchitectureSpec | Given,
    workloads: Workload | Given | Sequence[Workload | Given],
    search: Search,
    *,
    space: Mapping[str, Sequence[Any]] | None = None,
    name: str | None = None,
    changes: WorkloadChanges = UNCHANGED,
) -> Plan:
    """Read and check what a sweep needs.

    Parameters
    ----------
    architecture, workloads
        Objects, files, or bare names of shipped ones.
    search : Search
    space : mapping, optional
        Path to choices, instead of the architecture's own space.
    name : str, optional
    changes : WorkloadChanges

    Raises
    ------
    DseError
    """
    spec = _spec_of(architecture)
    several: list[Any] = [workloads] if _is_one(workloads) else list(workloads)  # type: ignore[arg-type]
    if not several:
        raise DseError("a sweep needs a workload")
    read = changes.read(several)
    sources = tuple(str(given) if isinstance(given, str | Path) else given.name for given in several)
    choices = dict(spec.space) if space is None else _read_choices(spec, space)
    own_name = "-".join([spec.name, *(workload.name for workload in read)])
    return Plan(name or own_name, spec, read, sources, choices, search, changes)


def _is_one(workloads: Any) -> bool:
    return isinstance(workloads, str | Path) or hasattr(workloads, "distinct")


def _spec_of(architecture: Architecture | ArchitectureSpec | Given) -> ArchitectureSpec:
    from dse.formats.architecture.load import ArchitectureSpec, canonical, load_architecture_spec

    if isinstance(architecture, str | Path):
        return load_architecture_spec(architecture)
    if isinstance(architecture, ArchitectureSpec):
        return architecture
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


def _read_choices(spec: ArchitectureSpec, space: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
    """Each choice must make a design together with the settings that have one choice only."""
    choices = {path: tuple(spec.parse_setting(path, value) for value in given) for path, given in space.items()}
    fixed = {path: given[0] for path, given in choices.items() if len(given) == 1}
    for path, given in choices.items():
        for choice in given:
            spec.resolve({**fixed, path: choice})
    return choices
