"""Check plain data against a pydantic model, and say where in the file each complaint belongs."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from dse.errors import DseError, SpecError
from dse.formats.text.located import DataPath, Source, did_you_mean, has, raise_all

Model = TypeVar("Model", bound=BaseModel)


class SpecModel(BaseModel):
    """Base of the models of spec files: unknown keys are errors, and the instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _whole_number(given: object) -> object:
    if isinstance(given, bool | str):
        raise ValueError(f"should be a whole number, not {_say(given)}")
    return given


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
"""An int that is not spelled `true` or `"5"`; `1e6` is one."""


def validate(model: type[Model], source: Source, path: DataPath = ()) -> Model:
    """Check the data at a path of a source.

    Parameters
    ----------
    model : pydantic model class
        Its validators raise `ValueError`; one that is a `DseError` too (such as `QuantityError`) keeps its hint.
    source : Source
    path : tuple
        Of the data to check; the whole file by default.

    Returns
    -------
    model instance

    Raises
    ------
    SpecError
        One for everything that is wrong: a `SpecErrors` when there are several.
    """
    data = source.get(path)
    if not isinstance(data, Mapping):
        where = ".".join(map(str, path)) or "a spec"
        fields = ", ".join(_keys(model))
        raise source.error(path, f"{where} is a mapping, not {_say(data)}", f"its keys are {fields}")
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        raise_all(_spec_errors(failure, model, source, path))
        raise


def _spec_errors(failure: ValidationError, model: type[BaseModel], source: Source, path: DataPath) -> list[SpecError]:
    """One error per place: the branches of a union complain about the same value, each in its way."""
    found: dict[tuple[DataPath, bool], list[tuple[str, str | None]]] = {}
    details = failure.errors(include_url=False)
    places = [_resolve(source.get(path), detail["loc"]) for detail in details]
    for detail, place in zip(details, places, strict=True):
        is_key = detail["type"] in ("extra_forbidden", "missing", "invalid_key") or detail["loc"][-1:] == ("[key]",)
        if detail["type"].endswith(("_type", "_parsing")) and any(_is_below(deep, place) for deep in places):
            continue  # another branch of the union got further
        message = _describe(detail, model, (*path, *place))
        messages = found.setdefault(((*path, *place), is_key), [])
        if message not in messages:
            messages.append(message)
    return [
        source.error(
            place,
            ", or ".join(dict.fromkeys(text for text, _ in messages)),
            next((hint for _, hint in messages if hint), None),
            key=is_key,
        )
        for (place, is_key), messages in found.items()
    ]


def _resolve(data: Any, loc: tuple[int | str, ...]) -> DataPath:
    """The part of a pydantic location that is a path in the data; union branches and validator names are not."""
    place: list[int | str] = []
    for part in loc:
        if has(data, part):
            data = data[part]
            place.append(part)
    return tuple(place)


def _is_below(path: DataPath, ancestor: DataPath) -> bool:
    return len(path) > len(ancestor) and path[: len(ancestor)] == ancestor


def _describe(detail: Any, model: type[BaseModel], place: DataPath) -> tuple[str, str | None]:
    """Message and hint of one pydantic error."""
    kind, loc, given = detail["type"], detail["loc"], detail["input"]
    context = detail.get("ctx", {})
    name = str(place[-1]) if place else "the spec"
    if kind == "extra_forbidden":
        return f"unknown key {name!r}", did_you_mean(name, _keys_at(model, loc[:-1]))
    if kind == "missing":
        owner = f" in {name}" if place else ""
        return f"the key {str(loc[-1])!r} is missing{owner}", None
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        if choices:
            return f"{name}: {_say(given)} is not a choice", did_you_mean(given, choices)
        return f"{name}: {_say(given)} is not {context['expected']}", None
    if kind == "value_error":
        error = context["error"]
        text = error.message if isinstance(error, DseError) else str(error)
        return f"{name}: {text}", error.hint if isinstance(error, DseError) else None
    text = detail["msg"].replace("Input should be", "should be").replace("a valid integer", "a whole number")
    text = (
        text.replace("a valid number", "a number").replace("a valid string", "a word").replace("dictionary", "mapping")
    )
    text = text.split(", unable to parse")[0].split(", got a number")[0]
    return f"{name}: {text[0].lower()}{text[1:]}, not {_say(given)}", None


def _say(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _keys_at(model: Any, loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the models at a pydantic location allow, by following their annotations."""
    candidates = list(_alternatives(model))
    for part in loc:
        candidates = [inner for candidate in candidates for inner in _step(candidate, part)]
    return [key for candidate in candidates if _is_model(candidate) for key in _keys(candidate)]


def _step(annotation: Any, part: int | str) -> Iterator[Any]:
    """The annotations one part of a location further; a part that names a union branch stays where it is."""
    if _is_model(annotation):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                yield from _alternatives(field.annotation)
                return
        if part == annotation.__name__ or str(part).startswith("function-"):
            yield annotation
        return
    arguments = get_args(annotation)
    if get_origin(annotation) in (dict, Mapping) and len(arguments) == 2:
        yield from _alternatives(arguments[1])
    elif get_origin(annotation) in (list, tuple):
        for argument in arguments:
            yield from _alternatives(argument)


def _alternatives(annotation: Any) -> Iterator[Any]:
    """An annotation without `Annotated`, and each branch of a union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _alternatives(branch)
    elif origin is not Literal and annotation is not type(None):
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
