"""Sweep files with `compare: dataflows`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dse.errors import DseError, SpecError
from dse.explore.compare.dataflows import DataflowComparison, Design
from dse.formats.architecture.dataflow import Dim
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.text.shipped import find_named, find_shipped
from dse.formats.text.source import Source, SpecModel, WholeNumber, did_you_mean, load_source, raise_all, validate
from dse.formats.text.validation import Number, NumberOrQuantity
from dse.formats.workload.load import load_workload
from dse.mapper.shared.gaps import LARGEST_GAP
from dse.problem.shapes import MAX_BOUND


class DesignModel(SpecModel):
    """One dataflow."""

    arch: str = Field(description="an architecture file, seen from this one, or the name of a shipped one")
    factors: Literal["all", "perfect"] = Field(default="all", description="how the mapper may split a bound")
    apart: list[Literal["H", "W"]] = Field(default=[], description="axes in which ifmap windows do not overlap")
    nest: dict[str, list[Dim]] | None = Field(
        default=None, description="walk this nest instead of the mapper: level or fan-out to its dims, outermost first"
    )


class EqualAreaModel(SpecModel):
    """All designs get the area of one."""

    of: str = Field(description="the design that sets the area")
    through: str = Field(description="the capacity that makes up for it, e.g. levels.GLB.capacity")


class DataflowsModel(SpecModel):
    """A file that puts dataflows side by side."""

    sweep: str = Field(min_length=1, description="its name")
    compare: Literal["dataflows"] = Field(description="says that this file compares dataflows")
    description: str = Field(default="", description="for people")
    workload: str = Field(description="a workload file, or the name of a shipped one")
    parts: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1, description="name to the layers that it sums up"
    )
    batches: list[Annotated[WholeNumber, Field(ge=1, le=MAX_BOUND)]] = Field(
        min_length=1, description="images at once, one comparison for each"
    )
    objective: Literal["energy", "latency", "edp"] = Field(
        default="energy", description="what each layer is mapped for"
    )
    gap: Number = Field(
        default=0.0, ge=0, le=LARGEST_GAP, description="mappings are proven to be this close to the best"
    )
    points: list[dict[str, NumberOrQuantity]] = Field(min_length=1, description="settings that all designs share")
    equal_area: EqualAreaModel | None = Field(default=None, description="give all designs the area of one")
    designs: dict[str, DesignModel] = Field(min_length=1, description="name to the dataflow's architecture")


def load_comparison(path: str | Path) -> DataflowComparison | None:
    """Read such a file, or a shipped one by its bare name; None for any other sweep file.

    Raises
    ------
    SpecError
        What is wrong with it, and where.
    """
    source = load_source(find_shipped("sweeps", path))
    if not isinstance(source.data, dict) or source.data.get("compare") != "dataflows":
        return None
    model = validate(DataflowsModel, source)
    errors: list[SpecError] = []
    workload = load_workload(find_named(source, ("workload",), model.workload, "workloads"))
    known = [layer.name for layer in workload.layers]
    for part, names in model.parts.items():
        for i, name in enumerate(names):
            if name not in known:
                hint = did_you_mean(name, known)
                errors.append(source.error(("parts", part, i), f"{model.workload} has no layer {name!r}", hint))
    designs = []
    for name, given in model.designs.items():
        at = ("designs", name)
        spec = load_architecture_spec(find_named(source, (*at, "arch"), given.arch, "arch_specs"))
        nodes = [node.name for node in spec.architecture.hierarchy]
        for place in given.nest or {}:
            if place not in nodes:
                errors.append(
                    source.error((*at, "nest", place), f"{spec.name} has no {place!r}", did_you_mean(place, nodes))
                )
        for i, point in enumerate(model.points):
            for setting, value in point.items():
                try:
                    spec.resolve({setting: value})
                except DseError as error:
                    errors.append(source.error(("points", i, setting), f"{name}: {error.message}", error.hint))
        nest = None if given.nest is None else {place: tuple(dims) for place, dims in given.nest.items()}
        designs.append(Design(name, spec, tuple(given.apart), nest, given.factors))
    raise_all([*errors, *_unequal(source, model, designs)])
    area = model.equal_area
    return DataflowComparison(
        model.sweep, model.description, workload, {part: tuple(names) for part, names in model.parts.items()},
        tuple(model.batches), model.objective, model.gap, tuple(model.points), tuple(designs),
        area.of if area else None, area.through if area else None,
    )  # fmt: skip


def _unequal(source: Source, model: DataflowsModel, designs: list[Design]) -> Iterator[SpecError]:
    """What is wrong with the area that all designs are to get."""
    area = model.equal_area
    if area is None:
        return
    if area.of not in model.designs:
        hint = did_you_mean(area.of, model.designs)
        yield source.error(("equal_area", "of"), f"there is no design {area.of!r}", hint)
    at = ("equal_area", "through")
    if "capacity" not in area.through.split("."):
        yield source.error(at, f"{area.through!r}: areas are made equal by a capacity", "e.g. levels.GLB.capacity")
        return
    for design in designs:
        try:
            design.spec.value(area.through)
        except DseError as error:
            yield source.error(at, f"{design.name}: {error.message}", error.hint)
