"""`space:` of a file: the choices of every setting, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, SpecError
from dse.formats.architecture.space.derived import Derived, EqualArea, Ratio, in_order
from dse.formats.architecture.space.model import EqualAreaModel, PesModel, RangeModel, RatioModel, SpaceModel
from dse.formats.architecture.space.ranges import BATCH, Value, count_up, split
from dse.formats.text.quantity import mm2
from dse.formats.text.source import DataPath, Source, SpecModel, parse_source, raise_all, validate

if TYPE_CHECKING:
    from dse.formats.architecture.load import ArchitectureSpec

Space = dict[str, tuple[Value, ...]]
MAX_BATCH = 1 << 20


def read_space(
    source: Source, spec: ArchitectureSpec, listed: Mapping[str, Any], errors: list[SpecError],
    settings: Mapping[str, Any] | None = None,
) -> tuple[Space, tuple[Derived, ...]]:  # fmt: skip
    """The choices of every setting listed under `space:` of a file (an architecture's, or a sweep's own for it).

    Each choice must make a design together with the settings that have one choice only. What is wrong is added to the
    errors.

    Parameters
    ----------
    source : Source
        That the errors point into.
    spec : ArchitectureSpec
    listed : mapping
        Path to a list of choices or to a model of `dse.formats.architecture.space.model`.
    errors : list of SpecError
    settings : mapping, optional
        What every design has instead of the architecture's own.

    Returns
    -------
    (space, derived)
        Path to choices in order, and the settings that follow.
    """
    space: Space = {}
    derived: list[Derived] = []
    fixed = {**(settings or {}), **_fixed(spec, listed)}
    for path, given in listed.items():
        place: DataPath = ("space", path)
        try:
            if path != BATCH:
                spec.value(path)
            check_shapes(path, listed)
            if isinstance(given, RatioModel | EqualAreaModel):
                derived.append(_derived(spec, path, given, settings or {}))
                continue
        except (DseError, ValueError) as error:
            errors.append(_at(source, place, error, key=not isinstance(given, RatioModel | EqualAreaModel)))
            continue
        space[path] = tuple(_choices(source, spec, path, given, fixed, errors))
    try:
        derived = list(in_order(derived))
    except DseError as error:
        errors.append(source.error(("space", error.message.split()[0]), error.message, error.hint, key=True))
    return space, tuple(derived)


class _OnlySpace(SpecModel):
    space: SpaceModel


def read_plain_space(
    spec: ArchitectureSpec, space: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[Space, tuple[Derived, ...]]:
    """`read_space` of what is given as plain data instead of a file: sequences of choices, and mappings.

    Raises
    ------
    DseError
        For the first thing that is wrong.
    """
    plain = {path: given if isinstance(given, Mapping) else list(given) for path, given in space.items()}
    source = parse_source(json.dumps({"space": plain}, default=str), "space")
    errors: list[SpecError] = []
    try:
        found = read_space(source, spec, validate(_OnlySpace, source).space, errors, settings)
        raise_all(errors)
    except SpecError as error:
        raise DseError(error.message, hint=error.hint) from None
    return found


def check_shapes(path: str, others: Mapping[str, Any]) -> None:
    """Refuse a shape beside rows or columns of the same fan-out, which it would say twice.

    Raises
    ------
    DseError

    Examples
    --------
    >>> check_shapes("levels.array.shape", {"levels.array.rows": [2]})
    Traceback (most recent call last):
    dse.errors.DseError: levels.array.shape and levels.array.rows say the same thing
      hint: give one of them
    """
    where, _, last = path.rpartition(".")
    clash = [f"{where}.{side}" for side in ("rows", "cols") if f"{where}.{side}" in others]
    if last == "shape" and clash:
        raise DseError(f"{path} and {clash[0]} say the same thing", hint="give one of them")


def parse_choice(spec: ArchitectureSpec, path: str, value: object) -> Value:
    """A choice in its canonical form; the batch is a whole number of images."""
    if path != BATCH:
        return spec.parse_setting(path, value)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_BATCH:
        raise DseError(f"batch: {value!r} is no whole number from 1 to {MAX_BATCH}")
    return value


def _choices(
    source: Source, spec: ArchitectureSpec, path: str, given: Any, fixed: Mapping[str, Value], errors: list[SpecError]
) -> Iterator[Value]:
    place: DataPath = ("space", path)
    read = partial(parse_choice, spec, path)

    def check(choice: Value) -> None:
        if path != BATCH:
            spec.resolve({**{key: value for key, value in fixed.items() if key != BATCH}, path: choice})

    if isinstance(given, RangeModel | PesModel):
        try:
            values = shapes(path, given.pes) if isinstance(given, PesModel) else count_up(given, read)
            for end in (values[0], values[-1]):
                check(end)
        except (DseError, ValueError) as error:
            errors.append(_at(source, place, error))
            return
        yield from values
        return
    seen: list[Value] = []
    for index, value in enumerate(given):
        try:
            choice = read(value)
            check(choice)
        except DseError as error:
            errors.append(_at(source, (*place, index), error))
            continue
        if choice in seen:
            errors.append(source.error((*place, index), f"{choice} is given twice"))
        seen.append(choice)
        yield choice


def shapes(path: str, pes: int) -> tuple[Value, ...]:
    """Every shape of a number of PEs, rows rising.

    Examples
    --------
    >>> shapes("levels.array.shape", 6)
    ('1x6', '2x3', '3x2', '6x1')
    """
    if not path.endswith(".shape"):
        raise DseError(f"{path}: only a shape is so many PEs", hint="e.g. levels.array.shape: {pes: 168}")
    return tuple(f"{rows}x{pes // rows}" for rows in range(1, pes + 1) if pes % rows == 0)


def _derived(
    spec: ArchitectureSpec, path: str, given: RatioModel | EqualAreaModel, settings: Mapping[str, Any]
) -> Derived:
    if isinstance(given, EqualAreaModel):
        if "capacity" not in path.split("."):
            raise DseError(f"{path}: areas are made equal by a capacity", hint="e.g. levels.GLB.capacity")
        split(spec.value(path))
        own = given.equal_area == "own"
        return EqualArea(path, spec.resolve(settings).area_mm2 if own else mm2(given.equal_area))  # type: ignore[arg-type]
    number, unit = (given.ratio, "") if isinstance(given.ratio, float) else split(given.ratio)
    found = Ratio(path, given.of, number, unit)
    found.value(spec, settings)
    return found


def _fixed(spec: ArchitectureSpec, listed: Mapping[str, Any]) -> dict[str, Value]:
    """The settings with one choice, as far as they can be read."""
    fixed: dict[str, Value] = {}
    for path, given in listed.items():
        if isinstance(given, list) and len(given) == 1:
            with suppress(DseError):  # said where the choices are read
                fixed[path] = parse_choice(spec, path, given[0])
    return fixed


def _at(source: Source, place: DataPath, error: Exception, key: bool = False) -> SpecError:
    if isinstance(error, DseError):
        return source.error(place, error.message, error.hint, key=key)
    return source.error(place, str(error), key=key)
