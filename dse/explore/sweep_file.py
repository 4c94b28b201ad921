"""Sweep files: a named experiment that `dse sweep FILE` runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from dse.errors import DseError, SpecError
from dse.explore.compare.networks import FACTORS, Review, make_review
from dse.explore.compare.networks import GAP as GAP_OF_COMPARISONS
from dse.explore.designs.together import How, Together
from dse.explore.plan.hardware import SAME_HARDWARE, HardwareChanges
from dse.explore.plan.plan import Plan, make_plan
from dse.explore.plan.search import DEFAULT_OBJECTIVES, Objective, Search, SearchChanges
from dse.explore.plan.workloads import UNCHANGED, WorkloadChanges
from dse.explore.sweep import GAP, TRIALS
from dse.formats.architecture.dataflow import DataflowModel, read_own_dataflows
from dse.formats.architecture.load import ArchitectureSpec, load_architecture_spec
from dse.formats.architecture.model import Name
from dse.formats.architecture.space.choices import read_space
from dse.formats.architecture.space.constraints import read_constraints
from dse.formats.architecture.space.model import ConstraintsModel, SpaceModel
from dse.formats.text.shipped import check_kind, find_named, find_shipped
from dse.formats.text.source import Source, SpecModel, WholeNumber, load_source, raise_all, validate
from dse.formats.text.validation import Number
from dse.formats.workload.models import BitsSpec, DensitySpec
from dse.mapper.shared.gaps import LARGEST_GAP

SAME_SEARCH = SearchChanges()


class SearchModel(SpecModel):
    """How to search."""

    trials: WholeNumber = Field(default=TRIALS, ge=1, description="designs to map")
    sampler: Literal["auto", "grid", "nsga2", "tpe", "qmc", "random"] = Field(
        default="auto", description="how designs are chosen; auto: all of them if `trials` covers the space, else nsga2"
    )
    seed: WholeNumber = Field(default=0, ge=0, description="the same seed gives the same sweep")
    objectives: list[Objective] = Field(
        default=list(DEFAULT_OBJECTIVES), min_length=1, description="what the front trades"
    )
    gap: Number = Field(
        default=GAP, ge=0, le=LARGEST_GAP, description="mappings are proven to be this close to the best"
    )
    resident: bool = Field(default=False, description="tensors may stay on chip where a level may keep them")

    @field_validator("objectives")
    @classmethod
    def _once(cls, names: list[Objective]) -> list[Objective]:
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice} is named twice")
        return names


class SweepModel(SpecModel):
    """A sweep file."""

    sweep: str = Field(description="its name", min_length=1)
    description: str = Field(default="", description="for people")
    arch: str = Field(description="an architecture file, seen from this one, or the name of a shipped one")
    workloads: list[str] = Field(min_length=1, description="workload files, or names of shipped ones")
    batch: WholeNumber | None = Field(default=None, ge=1, description="images at once")
    parameters: dict[str, WholeNumber] = Field(
        default={}, description="values for parameters that the workload files declare, e.g. {seq: 384}"
    )
    bits: BitsSpec = Field(default={}, description="widths of operands, instead of the workloads' own")
    density: DensitySpec = Field(default={}, description="nonzero parts of operands, instead of the workloads' own")
    layers: list[str] | None = Field(
        default=None, min_length=1, description="only these layers; of several networks, each those that it has"
    )
    weights: dict[str, Number] = Field(default={}, description="of networks by name; 1 where nothing is said")
    combine: How = Field(default="sum", description="energies and latencies of several networks: their sum, worst, ...")
    fronts: Literal["shared", "each"] = Field(
        default="shared", description="one front over all networks, or a sweep with a front for each of them"
    )
    set: dict[str, int | float | bool | str] = Field(
        default={}, description="dotted path to a value instead of the architecture's own"
    )
    dataflows: dict[Name, DataflowModel] = Field(
        default={}, description="dataflows of one's own by name, for `set` and `space`"
    )
    constraints: ConstraintsModel | None = Field(
        default=None, description="limits instead of the architecture's own; {} for none"
    )
    space: SpaceModel | None = Field(
        default=None, description="dotted path to choices, instead of the architecture's own space"
    )
    search: SearchModel = Field(default=SearchModel(), description="how to search")
    compare: Literal["networks"] | None = Field(
        default=None, description="put the workloads side by side on `arch` as it is, instead of searching"
    )
    objective: Literal["energy", "latency", "edp"] | None = Field(
        default=None, description="of a comparison: what each layer is mapped for [edp]"
    )
    gap: Number | None = Field(
        default=None, ge=0, le=LARGEST_GAP, description="of a comparison: mappings are proven this close [0.05]"
    )
    factors: Literal["all", "perfect"] | None = Field(
        default=None, description="of a comparison: the factors that mappings may have [perfect]"
    )
    made: dict[str, Any] | None = Field(default=None, description="written by `dse sweep`; changes nothing")


_OF_A_SEARCH = ("space", "search", "constraints", "weights", "combine", "fronts")
_OF_A_COMPARISON = ("objective", "gap", "factors")


def load_plan(
    path: str | Path, search: SearchChanges = SAME_SEARCH, workloads: WorkloadChanges = UNCHANGED,
    hardware: HardwareChanges = SAME_HARDWARE,
) -> Plan | Review:  # fmt: skip
    """Read a sweep file, or a shipped one by its bare name.

    Parameters
    ----------
    path : str or Path
    search : SearchChanges
        What replaces the file's settings of the search.
    workloads : WorkloadChanges
        What replaces the file's changes of workloads; of parameters, widths and nonzero parts, those given.
    hardware : HardwareChanges
        What replaces the file's `set`.

    Returns
    -------
    Plan or Review
        What to search, or with `compare: networks` what to put side by side.

    Raises
    ------
    SpecError
        What is wrong with the file, or with a file that it names, and where.
    """
    source = load_source(find_shipped("sweeps", path))
    check_kind(source, "sweeps")
    model = validate(SweepModel, source)
    compares = model.compare is not None
    raise_all(
        source.error((key,), f"{key} is a setting of a {'search' if compares else 'comparison'}",
                     f"this file has {'' if compares else 'no '}`compare: networks`", key=True)
        for key in (_OF_A_SEARCH if compares else _OF_A_COMPARISON)
        if key in model.model_fields_set
    )  # fmt: skip
    own = WorkloadChanges(model.batch, model.parameters, model.bits, model.density, tuple(model.layers or ()))
    limits = None if model.constraints is None else read_constraints(model.constraints)
    flows = read_own_dataflows(source, model.dataflows)
    changes, chip = workloads.over(own), hardware.over(HardwareChanges(model.set, limits, flows))
    make = _review if compares else _plan
    return make(source, model, search, changes, chip)


def _review(
    source: Source, model: SweepModel, search: SearchChanges, changes: WorkloadChanges, hardware: HardwareChanges
) -> Review:
    unused = sorted(set(search.given()) - {"gap"})
    if unused:
        raise source.error(("compare",), f"a comparison searches nothing, so --{unused[0]} means nothing", key=True)
    spec, workloads = _files(source, model)
    spec, hardware = _changed(source, spec, hardware)
    gap = model.gap if search.gap is None else search.gap
    return make_review(
        model.sweep, spec.resolve(hardware.settings), workloads, changes=changes, objective=model.objective or "edp",
        gap=GAP_OF_COMPARISONS if gap is None else gap, factors=model.factors or FACTORS,
    )  # fmt: skip


def _plan(
    source: Source, model: SweepModel, search: SearchChanges, changes: WorkloadChanges, hardware: HardwareChanges
) -> Plan:
    own = model.search
    wanted = search.over(Search(own.trials, own.sampler, own.seed, tuple(own.objectives), own.gap, own.resident))
    errors: list[SpecError] = []
    spec, workloads = _files(source, model)
    changed, canonical = _changed(source, spec, hardware)
    space: dict[str, Any] | None = None
    if model.space is not None:
        choices, derived = read_space(source, changed, model.space, errors, canonical.settings)
        space = {**choices, **{one.path: one.to_dict() for one in derived}}
    raise_all(errors)
    try:
        together = Together(model.combine, model.weights, model.fronts)
    except DseError as error:
        raise source.error(("weights",), error.message, error.hint) from None
    try:
        return make_plan(
            spec, workloads, wanted, space=space, name=model.sweep, changes=changes, hardware=hardware,
            together=together,
        )  # fmt: skip
    except SpecError:
        raise
    except DseError as error:
        alone = own.resident and model.layers is not None and wanted.resident and changes.layers
        place = ("search", "resident") if alone else _blamed(model, workloads, changes, together)
        raise (source.error(place, error.message, error.hint) if place else error) from None


def _blamed(
    model: SweepModel, workloads: Sequence[Path], changes: WorkloadChanges, together: Together
) -> tuple[str, ...]:
    """Where in a sweep file its networks, their layers or weights are wrong; nothing where it is something else."""
    if not _reads(replace(changes, layers=()), workloads):
        return ("workloads",)
    if model.layers is not None and changes.layers == tuple(model.layers) and not _reads(changes, workloads):
        return ("layers",)
    try:
        together.check([workload.name for workload in changes.read(workloads)])
    except DseError:
        return ("weights",)
    return ()


def _reads(changes: WorkloadChanges, workloads: Sequence[Path]) -> bool:
    try:
        changes.read(workloads)
    except DseError:
        return False
    return True


def _changed(
    source: Source, spec: ArchitectureSpec, hardware: HardwareChanges
) -> tuple[ArchitectureSpec, HardwareChanges]:
    """The architecture with a sweep's changes; what the file sets wrongly is told at its place."""
    try:
        return hardware.apply(spec)
    except DseError as error:
        bad = [path for path in source.data.get("set", {}) if not _works(spec, hardware, path)]
        raise source.error(("set", bad[0]) if bad else ("arch",), error.message, error.hint) from None


def _works(spec: ArchitectureSpec, hardware: HardwareChanges, path: str) -> bool:
    try:
        replace(hardware, settings={path: hardware.settings[path]}).apply(spec)
    except DseError:
        return False
    return True


def _files(source: Source, model: SweepModel) -> tuple[ArchitectureSpec, list[Path]]:
    """The architecture that a sweep file names, and the files of its workloads."""
    spec = load_architecture_spec(find_named(source, ("arch",), model.arch, "arch_specs"))
    return spec, [find_named(source, ("workloads", i), name, "workloads") for i, name in enumerate(model.workloads)]


def schema() -> dict[str, Any]:
    """The JSON Schema of sweep files, for editors."""
    return SweepModel.model_json_schema()
