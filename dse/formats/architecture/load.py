"""Architecture files: reading, settings that may change, and pricing again at other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dse.architecture.architecture import Architecture
from dse.architecture.dataflow import Dataflow
from dse.errors import DseError, SpecError
from dse.formats.architecture.build import build_architecture
from dse.formats.architecture.dataflow import find_dataflow, read_dataflow, read_own_dataflows
from dse.formats.architecture.model import ArchitectureModel, FanOutModel, ReadWrite
from dse.formats.architecture.names import unknown_names
from dse.formats.architecture.rating import BuildError, left_to_technology, rating_of
from dse.formats.architecture.space.choices import read_space
from dse.formats.architecture.space.constraints import Constraint, read_constraints
from dse.formats.architecture.space.derived import Derived
from dse.formats.architecture.space.ranges import BATCH, Value
from dse.formats.text.quantity import Quantity
from dse.formats.text.shipped import check_kind
from dse.formats.text.source import (
    Source,
    SpecModel,
    did_you_mean,
    find_shipped,
    load_source,
    raise_all,
    validate,
)
from dse.formats.text.validation import in_words
from dse.problem.notebook import short

_SECTIONS = ("technology", "mac", "precision")
_OF_ROWS_AND_COLS = (("shape",), ("pes",))
"""Of a fan-out: `12x14`, which says rows and columns at once, and how many children that makes."""
_SCALARS = ("clock", "word_bits", "lower", "static_power", "clock_power", "area", "packed", "fuses")


KEPT_PARTS = 10_000
"""So many parts with other settings a specification keeps, for designs that share them."""


@dataclass(frozen=True, eq=False)
class ArchitectureSpec:
    """An architecture file, parsed once, that can be priced at many settings.

    Parameters
    ----------
    name, file : str
    model : ArchitectureModel
        What the file says, validated.
    own_dataflow : Dataflow
        The one that the file states.
    space : dict
        What a sweep may change: dotted path to the choices in order, each a number, a word or a quantity as text.
    constraints : tuple of Constraint
    derived : tuple of Derived
        Settings that follow from those of the space.
    dataflows : mapping
        Dataflows of its own by name.

    Attributes
    ----------
    architecture : Architecture
        Priced at the file's own values.
    """

    name: str
    file: str
    model: ArchitectureModel = field(repr=False)
    own_dataflow: Dataflow = field(repr=False)
    space: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    derived: tuple[Derived, ...] = ()
    dataflows: Mapping[str, Dataflow] = field(default_factory=dict, repr=False)
    architecture: Architecture = field(init=False, repr=False)
    _changed: dict[tuple[Any, ...], tuple[SpecModel, SpecModel]] = field(default_factory=dict, init=False, repr=False)

    def __repr__(self) -> str:
        return short("ArchitectureSpec", self.name, file=self.file, choices=sum(map(len, self.space.values())))

    def __post_init__(self) -> None:
        architecture = build_architecture(self.model, self.own_dataflow)
        object.__setattr__(self, "architecture", replace(architecture, spec=self))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_changed": {}}  # goes to workers with every design

    @property
    def reference(self) -> dict[str, Value | None]:
        """The file's own value for every path of its space; None where it leaves that to how its parts are priced."""
        return {path: self.value(path) for path in self.space if path != BATCH}

    def value(self, path: str, settings: Mapping[str, Any] | None = None) -> Any:
        """The file's own value of a setting, in the form that `parse_setting` gives; or that beside other settings."""
        model, dataflow = self._with(settings or {})
        owner, place = self._find(path, model)
        if owner is None:
            return dataflow.name
        found = _plain(_get(owner, place))
        return left_to_technology(path, model) if found is None else found

    def paths(self) -> tuple[str, ...]:
        """Every setting that `resolve` can change."""
        return tuple(_paths(self.model))

    def parse_setting(self, path: str, text: object) -> Value:
        """Check one setting, as typed (`64KiB`, `12`), and give it its canonical form (`64 KiB`, 12).

        Raises
        ------
        SpecError
            An unknown path, with the nearest one, or a value that does not suit it.
        """
        value: Value = self._canonical(path, _scalar(text))
        return value

    def resolve(self, settings: Mapping[str, Any]) -> Architecture:
        """The architecture with some settings replaced, and everything priced again.

        Parameters
        ----------
        settings : mapping
            Dotted path, such as `levels.GLB.capacity` or `dataflow`, to its value.

        Raises
        ------
        SpecError
            An unknown path, a value that does not suit it, or values that contradict each other.
        """
        model, dataflow = self._with(settings)
        try:
            return replace(build_architecture(model, dataflow, rating_of(self.model)), spec=self)
        except DseError as error:
            what = ", ".join(f"{path}={value}" for path, value in settings.items())
            raise SpecError(f"with {what}: {error.message}", file=self.file, hint=error.hint) from None

    def _with(self, settings: Mapping[str, Any]) -> tuple[ArchitectureModel, Dataflow]:
        model, dataflow = self.model, self.own_dataflow
        for path, value in settings.items():
            owner, place = self._find(path, model)
            if owner is None:
                dataflow = self._dataflow(path, value)
            else:
                model = self._replaced(model, path, owner, place, value)
        return model, dataflow

    def _find(self, path: str, model: ArchitectureModel | None = None) -> tuple[SpecModel | None, tuple[str, ...]]:
        """The part of the model that owns a setting, and where in it; no owner stands for the dataflow."""
        model = model or self.model
        parts = tuple(path.split("."))
        owner: SpecModel | None = None
        if parts == ("dataflow",):
            return None, parts
        if len(parts) in (3, 4) and parts[0] == "levels" and parts[1] in model.levels:
            owner, place = model.levels[parts[1]], parts[2:]
        elif len(parts) == 2 and parts[0] in _SECTIONS:
            owner, place = getattr(model, parts[0]), parts[1:]
        elif len(parts) == 1 and path in _SCALARS:
            owner, place = model, parts
        if isinstance(owner, FanOutModel) and place in _OF_ROWS_AND_COLS:
            return owner, place
        if owner is not None and place[0] in type(owner).model_fields:
            whole = getattr(owner, place[0])
            if len(place) == 1 or place[1] in (whole if isinstance(whole, Mapping) else _read_write(whole)):
                return owner, place
        close = get_close_matches(parts[1], model.levels) if len(parts) > 2 and parts[0] == "levels" else [""]
        hint = did_you_mean(path, self.paths()) if close else f"the levels are {', '.join(model.levels)}"
        raise SpecError(f"there is no setting {path!r}", file=self.file, hint=hint)

    def _replaced(
        self, model: ArchitectureModel, path: str, owner: SpecModel, place: tuple[str, ...], value: Any
    ) -> ArchitectureModel:
        given = {name: getattr(owner, name) for name in owner.model_fields_set}
        if isinstance(owner, FanOutModel) and place in _OF_ROWS_AND_COLS:
            given |= self._sides(path, place, value)
        elif len(place) == 1:
            given[place[0]] = value
        else:
            whole = getattr(owner, place[0])
            given[place[0]] = {**(whole if isinstance(whole, Mapping) else _read_write(whole)), place[1]: value}
        changed = self._validated(owner, given, path, value)
        if isinstance(changed, ArchitectureModel):
            return changed
        parts = path.split(".")
        if parts[0] == "levels":
            return model.model_copy(update={"levels": {**model.levels, parts[1]: changed}})
        return model.model_copy(update={parts[0]: changed})

    def _validated(self, owner: SpecModel, given: dict[str, Any], path: str, value: Any) -> SpecModel:
        """A part with a setting replaced. Designs of a sweep share most of their parts, so these are kept."""
        key = (id(owner), path, type(value), value)
        is_kept = isinstance(value, str | int | float) and owner is not self.model
        if is_kept and key in self._changed:
            return self._changed[key][1]
        try:
            changed = type(owner).model_validate(given)
        except ValidationError as failure:
            raise self._bad_value(path, value, failure) from None
        if is_kept and len(self._changed) < KEPT_PARTS:
            self._changed[key] = owner, changed  # with its owner, so that no other part gets that one's id
        return changed

    def _sides(self, path: str, place: tuple[str, ...], value: Any) -> dict[str, int]:
        """Rows and columns of a shape such as `12x14`."""
        rows, cross, cols = str(value).partition("x")
        if place != ("shape",):
            raise SpecError(f"{path} follows from rows and columns", file=self.file, hint="sweep the shape instead")
        if not cross or not rows.isdecimal() or not cols.isdecimal():
            raise SpecError(f"{path}: {value!r} is no shape", file=self.file, hint="rows x columns, e.g. 12x14")
        return {"rows": int(rows), "cols": int(cols)}

    def _bad_value(self, path: str, value: Any, failure: ValidationError) -> SpecError:
        detail = failure.errors(include_url=False)[0]
        error = detail.get("ctx", {}).get("error")
        if isinstance(error, DseError):
            return SpecError(f"{path}: {error.message}", file=self.file, hint=error.hint)
        return SpecError(f"{path}: {value!r}: {in_words(str(error or detail['msg']))}", file=self.file)

    def _dataflow(self, path: str, value: Any) -> Dataflow:
        if value == self.own_dataflow.name:
            return self.own_dataflow
        if value in self.dataflows:
            return self.dataflows[value]
        try:
            return _cached_dataflow(str(value), Path(self.file).parent)
        except SpecError as error:
            raise error if error.file else SpecError(f"{path}: {error.message}", hint=error.hint) from None

    def _canonical(self, path: str, value: Any) -> Any:
        owner, place = self._find(path)
        if owner is None:
            self._dataflow(path, value)
            return value
        if place == ("shape",):
            value = str(value).replace(" ", "").replace("×", "x")
        changed = self._replaced(self.model, path, owner, place, value)
        new_owner, _ = self._find(path, changed)
        return _plain(_get(new_owner, place))


def load_architecture_spec(path: str | Path) -> ArchitectureSpec:
    """Read an architecture file, or a shipped one by its bare name.

    Raises
    ------
    SpecError
        Everything that is wrong with the file, each with its place.
    """
    return read_architecture_spec(load_source(find_shipped("arch_specs", path)))


def read_architecture_spec(source: Source) -> ArchitectureSpec:
    """The architecture that a parsed file describes; raises like `load_architecture_spec`."""
    check_kind(source, "arch_specs")
    try:
        model = validate(ArchitectureModel, source)
    except SpecError as error:
        raise_all([*getattr(error, "errors", (error,)), *unknown_names(source)])
        raise
    errors: list[SpecError] = []
    dataflow = Dataflow(model.dataflow if isinstance(model.dataflow, str) else model.dataflow.name)
    own: dict[str, Dataflow] = {}
    try:
        own = read_own_dataflows(source, model.dataflows)
        is_own = isinstance(model.dataflow, str) and model.dataflow in own
        dataflow = own[dataflow.name] if is_own else _own_dataflow(source, model)
    except SpecError as error:
        errors.append(error)
    try:
        spec = ArchitectureSpec(model.architecture, source.file, model, dataflow, dataflows=own)
    except BuildError as error:
        errors.append(source.error(error.path, error.message, error.hint))
        raise_all(errors)
        raise
    except DseError as error:
        raise source.error(("levels",), error.message, error.hint) from None
    space, derived = read_space(source, spec, model.space, errors)
    raise_all(errors)
    limits = read_constraints(model.constraints)
    return ArchitectureSpec(spec.name, spec.file, model, dataflow, space, limits, derived, own)


def load_architecture(path: str | Path) -> Architecture:
    """Read an architecture file (or a shipped one by its bare name) at its own values.

    Raises
    ------
    SpecError
        Everything that is wrong with the file, each with its place.

    Examples
    --------
    >>> load_architecture("eyeriss").mac_units
    168
    """
    return load_architecture_spec(path).architecture


def schema(kind: str = "arch") -> dict[str, Any]:
    """The JSON Schema of architecture files, for editors."""
    if kind != "arch":
        raise DseError(f"no schema for {kind!r} here", hint="arch")
    plain: dict[str, Any] = ArchitectureModel.model_json_schema(by_alias=True)
    plain["properties"]["extends"] = {"type": "string", "description": "a file whose contents this one changes"}
    return plain


def _own_dataflow(source: Source, model: ArchitectureModel) -> Dataflow:
    if not isinstance(model.dataflow, str):
        return read_dataflow(source, ("dataflow",))
    try:
        return find_dataflow(model.dataflow, Path(source.place(("dataflow",)).file).parent)
    except SpecError as error:
        raise error if error.file else source.error(("dataflow",), error.message, error.hint) from None


def _paths(model: ArchitectureModel) -> Iterator[str]:
    yield "dataflow"
    yield from _SCALARS
    for section in _SECTIONS:
        yield from (f"{section}.{name}" for name in type(getattr(model, section)).model_fields)
    for level, node in model.levels.items():
        if isinstance(node, FanOutModel):
            yield f"levels.{level}.shape"
        for name in type(node).model_fields:
            yield f"levels.{level}.{name}"
            whole = getattr(node, name)
            parts = whole if isinstance(whole, Mapping) else _read_write(whole)
            yield from (f"levels.{level}.{name}.{part}" for part in parts)


@lru_cache(maxsize=256)
def _cached_dataflow(name: str, folder: Path) -> Dataflow:
    return find_dataflow(name, folder)


def _read_write(value: Any) -> dict[str, Any]:
    return {"read": value.read, "write": value.write} if isinstance(value, ReadWrite) else {}


def _get(owner: Any, place: tuple[str, ...]) -> Any:
    if isinstance(owner, FanOutModel) and place in _OF_ROWS_AND_COLS:
        return f"{owner.rows}x{owner.cols}" if place == ("shape",) else owner.rows * owner.cols
    whole = getattr(owner, place[0])
    if len(place) == 1:
        return whole
    return whole[place[1]] if isinstance(whole, Mapping) else getattr(whole, place[1])


def _plain(value: Any) -> Any:
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.model_dump(mode="json") if isinstance(value, SpecModel) else value


def _scalar(text: object) -> Any:
    """Typed text as YAML reads it: numbers and truth values are no words."""
    if not isinstance(text, str):
        return text
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text, text)
