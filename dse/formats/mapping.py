"""Mapping files: explicit loop nests of some layers, read against an architecture and written for people.

A file that gives one layer of one network::

    mapping: chip
    layers:
      conv3:
        DRAM: {loops: {N: 4, K: 6}}            # outermost loop first
        GLB: {stores: [ifmap], loops: {C: 64, Q: 13}}
        array: {rows: {R: 3, C: 4}, cols: {P: 13}}
        PE: {loops: {K: 64, S: 3}}

A list that steps over one dim twice is written `[{K: 2}, {C: 4}, {K: 3}]`. A level that says nothing of `stores` keeps
all it can; one that is left out has no loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.parts import in_order
from dse.errors import MappingError, SpecError
from dse.formats.architecture.dataflow import Dim
from dse.formats.resident import ResidentModel, resident_lines
from dse.formats.text.replace import write_text
from dse.formats.text.source import (
    DataPath,
    Source,
    SpecModel,
    WholeNumber,
    did_you_mean,
    load_source,
    raise_all,
    validate,
)
from dse.formats.text.yaml_text import flow, scalar
from dse.mapper.network.residency.outcome.stays import Stays
from dse.mapper.rules_kept import broken_rules
from dse.model.fit import check_fit
from dse.model.homes import Homes, at_home, home_levels, inner_mapping
from dse.model.mapping import Loop, Spatial, Temporal, check_node
from dse.model.mapping import Mapping as LoopNest
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

Counting = Literal["house", "timeloop"]

MAX_FACTORS = 1 << 31
"""The factors of a dim together; no layer is so large, and the counts of what its steps move stay exact."""
Trips = Annotated[WholeNumber, Field(ge=1, le=MAX_FACTORS)]


def _kind_of_loops(given: Any) -> str:
    return "list" if isinstance(given, list) else "mapping"


def _kind_of_node(given: Any) -> str:
    is_fan_out = isinstance(given, Mapping) and ("rows" in given or "cols" in given)
    return "UnrollingModel" if is_fan_out or isinstance(given, UnrollingModel) else "LoopsModel"


Loops = Annotated[
    Annotated[dict[Dim, Trips], Tag("mapping")]
    | Annotated[list[Annotated[dict[Dim, Trips], Field(min_length=1, max_length=1)]], Tag("list")],
    Discriminator(_kind_of_loops),
]
"""Dim to trips, outermost first; a list of such pairs where a dim comes twice."""


class LoopsModel(SpecModel):
    """What a level does: the loops that step through its tile, and the operands it keeps."""

    loops: Loops = Field(default={}, description="dim to trips, outermost first")
    stores: list[Literal["ifmap", "weight", "psum"]] | None = Field(
        default=None, description="operands that the level keeps; by default all that it can"
    )


class UnrollingModel(SpecModel):
    """How loops spread over the children of a fan-out."""

    rows: Loops = Field(default={}, description="dim to children")
    cols: Loops = Field(default={}, description="dim to children")


Node = Annotated[
    Annotated[LoopsModel, Tag("LoopsModel")] | Annotated[UnrollingModel, Tag("UnrollingModel")],
    Discriminator(_kind_of_node),
]


class MappingModel(SpecModel):
    """Explicit mappings of some layers."""

    mapping: str = Field(description="its name", min_length=1)
    description: str = Field(default="", description="for people")
    counting: Counting = Field(default="house", description="whose rules count the accesses")
    layers: dict[str, dict[str, Node]] = Field(
        min_length=1, description="layer to its nest: each level and fan-out of the architecture, outermost first"
    )
    resident: ResidentModel | None = Field(default=None, description="tensors that stay on chip between layers")


@dataclass(frozen=True)
class MappingFile:
    """A mapping file, checked as far as that goes without an architecture.

    Parameters
    ----------
    name : str
    counting : {"house", "timeloop"}
    model : MappingModel
    source : Source
    """

    name: str
    counting: Counting
    model: MappingModel = field(repr=False)
    source: Source = field(repr=False)

    @property
    def stays(self) -> Stays | None:
        """Which tensors stay on chip, if the file says so."""
        return None if self.model.resident is None else self.model.resident.stays()

    def mappings(
        self, architecture: Architecture, layers: Iterable[Layer], *, any_mapping: bool = False
    ) -> dict[str, LoopNest]:
        """The mappings of the file's layers, as an architecture runs them.

        Parameters
        ----------
        architecture : Architecture
        layers : iterable of Layer
            Those that the file may name.
        any_mapping : bool
            Take mappings that break rules of the architecture's dataflow, too: `dse.mapper.rules_kept` names them.

        Returns
        -------
        dict
            Layer's name to its mapping, for the layers that the file gives.

        Raises
        ------
        SpecError
            Everything that is wrong, each with its place: unknown names, nodes out of order, too many children,
            loops that do not cover a layer, tiles that do not fit, rules of the dataflow that are broken.
        """
        known = {layer.name: architecture.lowered(layer) for layer in layers}
        found: dict[str, LoopNest] = {}
        errors: list[SpecError] = []
        for name, nodes in self.model.layers.items():
            path: DataPath = ("layers", name)
            if name not in known:
                hint = did_you_mean(name, known)
                errors.append(self.source.error(path, f"there is no layer {name!r}", hint, key=True))
                continue
            ordered = in_order(architecture, nodes)
            wrong = list(self._wrong_names(ordered, path, nodes))
            if not wrong:
                found[name] = _nest(ordered, nodes)
                machine, nest = self._machine(ordered, name, found[name])
                wrong = list(self._wrong_nodes(machine, path, nodes, nest))
                if not wrong:
                    wrong = list(self._wrong_whole(machine, path, nest, known[name]))
                if not wrong and not any_mapping:
                    wrong = list(self._broken(machine, path, nest, known[name]))
            errors += wrong
        raise_all(errors)
        return found

    def _machine(self, architecture: Architecture, name: str, nest: LoopNest) -> tuple[Architecture, LoopNest]:
        """What a layer's mapping is checked against: another architecture where operands are at home on chip."""
        given = None if self.model.resident is None else self.model.resident.stays()
        if given is None or all(name not in dict(one.operands) for one in given.levels):
            return architecture, nest
        levels = {level.name: level.capacity_bits or 0 for level in home_levels(architecture)}
        own: dict[str, frozenset[str]] = {}
        for one in given.levels:
            if one.level not in levels:
                where = " or ".join(levels)
                raise self.source.error(("resident", "level"), f"tensors stay in {where}, not in {one.level}")
            own[one.level] = frozenset(dict(one.operands).get(name, ()))
        homes: Homes | None = None
        for level, bits in levels.items():
            homes = Homes(level, own.get(level, frozenset()), bits, outer=homes)
        assert homes is not None
        return at_home(architecture, homes), inner_mapping(architecture, homes, nest)

    def _wrong_names(
        self, architecture: Architecture, path: DataPath, nodes: Mapping[str, Node]
    ) -> Iterator[SpecError]:
        order = [place.name for place in architecture.hierarchy]
        last = -1
        for name in nodes:
            if name not in order:
                what = f"{architecture.name} has no level or fan-out {name!r}"
                yield self.source.error((*path, name), what, did_you_mean(name, order), key=True)
            elif order.index(name) < last:
                what = f"{name} stands inside {order[last]}"
                yield self.source.error((*path, name), what, f"the order is {' > '.join(order)}", key=True)
            else:
                last = order.index(name)

    def _wrong_nodes(
        self, architecture: Architecture, path: DataPath, nodes: Mapping[str, Node], nest: LoopNest
    ) -> Iterator[SpecError]:
        for node, place in zip(nest.nodes, architecture.hierarchy, strict=True):
            at = (*path, place.name)
            given = nodes.get(place.name)
            if isinstance(given, UnrollingModel) and isinstance(place, Level):
                yield self.source.error(at, f"{place.name} is a level: it has no rows and columns", "give it loops")
            elif isinstance(given, LoopsModel) and given.model_fields_set and isinstance(place, FanOut):
                yield self.source.error(at, f"{place.name} is a fan-out: it has no loops", "give it rows and cols")
            else:
                try:
                    check_node(node, place)
                except MappingError as error:
                    yield self.source.error(at, error.message, error.hint)

    def _broken(self, architecture: Architecture, path: DataPath, nest: LoopNest, layer: Layer) -> Iterator[SpecError]:
        broken = broken_rules(architecture, layer, nest)
        if broken:
            what = f"breaks rules of {architecture.dataflow.name}: {'; '.join(broken)}"
            hint = "--dataflow can name another; --any-mapping prices it all the same, and marks it"
            yield self.source.error(path, f"the mapping of {path[-1]} {what}", hint, key=True)

    def _wrong_whole(
        self, architecture: Architecture, path: DataPath, nest: LoopNest, layer: Layer
    ) -> Iterator[SpecError]:
        for dim, bound in zip(DIMS, layer.bounds, strict=True):
            trips = [loop.trips for loop in nest.loops if loop.dim == dim]
            if max(trips, default=1) > bound or prod(trips) > MAX_FACTORS:
                largest = max(trips) if max(trips) > bound else prod(trips)
                what = f"the loops over {dim} have a factor of {largest}, and layer {layer.name} has {dim}={bound}"
                yield self.source.error(path, what, "a factor is at most the bound", key=True)
                return
        try:
            nest.check(architecture, layer)
            check_fit(layer, architecture, nest)
        except MappingError as error:
            yield self.source.error(path, error.message, error.hint, key=True)


def load_mappings(path: str | Path) -> MappingFile:
    """Read a mapping file.

    Raises
    ------
    SpecError
        Everything that is wrong with the file itself, each with its place; `MappingFile.mappings` finds the rest.
    """
    return read_mappings(load_source(path))


def read_mappings(source: Source) -> MappingFile:
    """The mappings of a parsed file; raises like `load_mappings`."""
    keys = source.data if isinstance(source.data, dict) else {}
    for other in ("architecture", "workload", "sweep"):
        if other in keys and "mapping" not in keys:
            raise source.error((other,), f"this file describes the {other}, and no mappings",
                               "dse evaluate ARCH WORKLOAD --save FILE writes one of mappings", key=True)  # fmt: skip
    model = validate(MappingModel, source)
    return MappingFile(model.mapping, model.counting, model, source)


def save_mappings(
    path: str | Path,
    name: str,
    architecture: Architecture,
    mappings: Mapping[str, LoopNest],
    *,
    counting: Counting = "house",
    stays: Stays | None = None,
) -> None:
    """Write a mapping file; parameters as for `dump_mappings`.

    Raises
    ------
    DseError
        The file cannot be written.
    """
    write_text(path, dump_mappings(name, architecture, mappings, counting=counting, stays=stays))


def dump_mappings(
    name: str, architecture: Architecture, mappings: Mapping[str, LoopNest], *, counting: Counting = "house",
    stays: Stays | None = None,
) -> str:  # fmt: skip
    """The text of a mapping file, which reads back as equal mappings.

    Parameters
    ----------
    name : str
        Of the file.
    architecture : Architecture
    mappings : mapping
        Layer's name to its mapping.
    counting : {"house", "timeloop"}
    stays : Stays, optional
        Tensors that stay on chip.
    """
    lines = [f"mapping: {scalar(name)}"]
    if counting != "house":
        lines.append(f"counting: {counting}")
    if stays is not None:
        lines += resident_lines(stays)
    lines.append("layers:")
    for layer, nest in mappings.items():
        lines.append(f"  {scalar(layer)}:")
        for node, place in zip(nest.nodes, nest.machine(architecture).hierarchy, strict=True):
            lines.append(f"    {scalar(place.name)}: {flow(_plain(node, place))}")
    return "\n".join(lines) + "\n"


def mapping_schema() -> dict[str, Any]:
    """JSON Schema of mapping files."""
    return MappingModel.model_json_schema(by_alias=True)


def _nest(architecture: Architecture, nodes: Mapping[str, Node]) -> LoopNest:
    made: list[Temporal | Spatial] = []
    for place in architecture.hierarchy:
        given = nodes.get(place.name)
        if isinstance(place, FanOut):
            sides = (given.rows, given.cols) if isinstance(given, UnrollingModel) else ({}, {})
            made.append(Spatial(place.name, *(tuple(_loops(side)) for side in sides)))
        else:
            loops = given.loops if isinstance(given, LoopsModel) else {}
            stores = given.stores if isinstance(given, LoopsModel) else None
            kept = place.stores if stores is None else frozenset(stores)
            made.append(Temporal(place.name, tuple(_loops(loops)), frozenset(kept)))
    return LoopNest(tuple(made))


def _loops(given: Any) -> Iterator[Loop]:
    for pairs in [given] if isinstance(given, Mapping) else given:
        for dim, trips in pairs.items():
            yield Loop(dim, trips)


def _plain(node: Temporal | Spatial, place: Level | FanOut) -> dict[str, Any]:
    if isinstance(node, Spatial):
        return {"rows": _written(node.rows), "cols": _written(node.cols)}
    plain: dict[str, Any] = {}
    if isinstance(place, Level) and node.stores != place.stores:
        plain["stores"] = [operand for operand in OPERANDS if operand in node.stores]
    return {**plain, "loops": _written(node.loops)} if node.loops else plain


def _written(loops: tuple[Loop, ...]) -> Any:
    dims = [loop.dim for loop in loops]
    if len(set(dims)) == len(dims):
        return {loop.dim: loop.trips for loop in loops}
    return [{loop.dim: loop.trips} for loop in loops]
