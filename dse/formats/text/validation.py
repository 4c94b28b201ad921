"""Check plain data against a pydantic model, and say where in the file each complaint belongs."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
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


def _number(given: object) -> object:
    if isinstance(given, bool | str):
        raise ValueError(f"should be a number, not {_say(given)}")
    return given


def _not_a_truth(given: object) -> object:
    if isinstance(given, bool):
        raise ValueError(f"should be a number or a quantity, not {_say(given)}")
    return given


Number = Annotated[float, BeforeValidator(_number)]
"""A float that is not spelled `true`, which would be 1, or `"5"`."""

NO_TRUTH = BeforeValidator(_not_a_truth)

NumberOrQuantity = Annotated[int | float | str, NO_TRUTH]
"""A number, or a text that is read elsewhere; `true` is neither."""


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

    Examples
    --------
    >>> from pydantic import BaseModel
    >>> from dse.formats.text.source import parse_source
    >>> class Sides(BaseModel):
    ...     rows: WholeNumber
    >>> validate(Sides, parse_source("rows: 12"))
    Sides(rows=12)
    >>> validate(Sides, parse_source("rows: twelve"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dse.errors.SpecError: <text>:1:7: rows: should be a whole number, not 'twelve'...
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
    details = _missing_together(failure.errors(include_url=False))
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
            _either(list(dict.fromkeys(text for text, _ in messages))),
            next((hint for _, hint in messages if hint), None),
            key=is_key,
        )
        for (place, is_key), messages in found.items()
    ]


def _either(texts: Sequence[str]) -> str:
    """What the branches of a union say of one value, in one sentence."""
    parts = [re.fullmatch(r"(.*?: should be )(.*)(, not .*)", text) for text in texts]
    if len(parts) > 1 and all(parts) and len({(part[1], part[3]) for part in parts if part}) == 1:
        first = parts[0]
        assert first is not None
        return f"{first[1]}{' or '.join(part[2] for part in parts if part)}{first[3]}"
    return ", or ".join(texts)


def _missing_together(details: Sequence[Any]) -> list[Any]:
    """The details, with keys that one mapping misses in one: the last part of its location names them all."""
    missing: dict[tuple[int | str, ...], list[str]] = {}
    for detail in details:
        if detail["type"] == "missing":
            missing.setdefault(detail["loc"][:-1], []).append(repr(detail["loc"][-1]))
    kept = [detail for detail in details if detail["type"] != "missing"]
    first = next(iter(details))
    return [{**first, "type": "missing", "loc": (*loc, ", ".join(names))} for loc, names in missing.items()] + kept


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


_SHORTER = {
    "Input should be": "should be", "a valid integer": "a whole number", "a valid number": "a number",
    "a valid string": "a word", "a valid dictionary": "a mapping", "dictionary": "mapping",
    "greater than or equal to": "at least", "less than or equal to": "at most", "greater than": "above",
    "less than": "below", "a valid list": "a list",
}  # fmt: skip
"""Pydantic's words to ours."""


def _describe(detail: Any, model: type[BaseModel], place: DataPath) -> tuple[str, str | None]:
    """Message and hint of one pydantic error."""
    kind, loc, given = detail["type"], detail["loc"], detail["input"]
    context = detail.get("ctx", {})
    name = next((part for part in reversed(place) if isinstance(part, str) and part), "the spec")
    if kind == "extra_forbidden":
        return f"unknown key {str(place[-1])!r}", did_you_mean(place[-1], _keys_at(model, loc[:-1]))
    if kind == "missing":
        owner = f" in {place[-1]}" if place else ""
        keys = str(loc[-1])
        return f"the keys {keys} are missing{owner}" if "," in keys else f"the key {keys} is missing{owner}", None
    if kind in ("too_short", "string_too_short"):
        return f"{name}: should have at least one {'entry' if kind == 'too_short' else 'letter'}", None
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        if choices:
            return f"{name}: {_say(given)} is none of its choices", did_you_mean(given, choices)
        return f"{name}: {_say(given)} is not {context['expected']}", None
    if kind == "string_pattern_mismatch":
        return f"{name}: {_say(given)} is no name here", "names have letters A to Z, digits, _ and -, a letter first"
    if kind == "int_parsing_size":
        return f"{name}: {_say(given)} is too large", None
    if kind == "value_error":
        error = context["error"]
        text = error.message if isinstance(error, DseError) else str(error)
        return f"{name}: {text}", error.hint if isinstance(error, DseError) else None
    return f"{name}: {in_words(detail['msg'])}, not {_say(given)}", None


def in_words(message: str) -> str:
    """A message of pydantic in plain words.

    Examples
    --------
    >>> in_words("Input should be greater than or equal to 1")
    'should be at least 1'
    """
    text = message.split(", unable to parse")[0].split(", got a number")[0].split(" or instance of")[0]
    for long, short in _SHORTER.items():
        text = text.replace(long, short)
    return text[:1].lower() + text[1:]


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
