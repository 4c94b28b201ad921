"""What Timeloop's mappings and constraints say of one level or fan-out: factors, orders, and what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dse.formats.text.located import DataPath, Source, did_you_mean
from dse.formats.tools.timeloop.reading.machine import Where, plain_keys
from dse.formats.tools.timeloop.reading.problem import Names

KINDS = {
    "temporal": "temporal", "spatial": "spatial", "datatype": "dataspace", "bypass": "dataspace",
    "bypassing": "dataspace", "dataspace": "dataspace", "utilization": "utilization", "parallelism": "utilization",
    "max_overbooked_proportion": "overbooking", "skew": "skew",
}  # fmt: skip
"""Timeloop's words for the type of a directive, to ours."""

_FACTOR = re.compile(r"\s*,?\s*([A-Za-z_]+?)\s*(<=|>=|=|)\s*([0-9]+)(?:,([0-9]+))?")

_KEYS = {
    "temporal": ("factors", "factors_only", "permutation"),
    "spatial": ("factors", "factors_only", "permutation", "split"),
    "dataspace": ("keep", "bypass", "keep_only"),
}


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive in our dims and operands.

    Parameters
    ----------
    where : Where
    target : str
    kind : {"temporal", "spatial", "dataspace", "utilization", "overbooking", "skew"}
    exact, most, least : dict
        Dim to trips; an exact factor of 0 is the whole bound.
    only : bool
        Whether the dims that are not named have one trip.
    order : tuple of str or None
        Dims from the innermost loop outwards.
    split : int or None
        How many of the dims of the order lie on X, the others on Y.
    keep, bypass : tuple of str
    unsaid : tuple of str
        Keys that nothing here can say.
    """

    where: Where
    target: str
    kind: str
    exact: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    only: bool = False
    order: tuple[str, ...] | None = None
    split: int | None = None
    keep: tuple[str, ...] = ()
    bypass: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()

    def ones(self, dims: Sequence[str]) -> frozenset[str]:
        """Of these dims, those that have one trip."""
        return frozenset(dim for dim in dims if self.exact.get(dim, 1 if self.only else 0) == 1)


def listed(source: Source, path: DataPath) -> Iterator[tuple[Where, dict[str, Any]]]:
    """The directives of a section, with those of `targets`, `constraints` and of a named list unpacked.

    Raises
    ------
    SpecError
        Something there is no directive.
    """
    given = source.get(path)
    if isinstance(given, dict):
        named = given.get("constraints")
        keys = [key for key in ("targets", "constraints", f"constraints_{named}") if isinstance(given.get(key), list)]
        for key in given:
            if key not in keys and key not in ("version", "constraints", "template", "name"):
                raise source.error((*path, key), f"{key} has no words here", "a list of directives", key=True)
        for key in keys[:1] if named is None else keys[-1:]:
            yield from listed(source, (*path, key))
        return
    if not isinstance(given or [], list):
        raise source.error(path, f"{path[-1]} is a list of directives", "each with target and type", key=True)
    for at, item in enumerate(given or []):
        here = (*path, at)
        if not isinstance(item, dict) or not (target := item.get("target", item.get("name"))):
            raise source.error(here, "a directive is a mapping with a target and a type")
        inner = item.get("constraints")
        if not isinstance(inner, list):
            yield Where(source, here), {"target": target, **item}
            continue
        for index, one in enumerate(inner):
            attributes = one.get("attributes") or {}
            where = Where(source, (*here, "constraints", index, *(("attributes",) if attributes else ())))
            yield where, {"target": target, "type": one.get("type"), **attributes}


def read_directive(where: Where, given: Mapping[str, Any], names: Names) -> Directive:
    """A directive in our words.

    Raises
    ------
    SpecError
        An unknown type, dim or tensor.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> from dse.formats.tools.timeloop.reading.problem import default_names
    >>> where = Where(parse_source("{}"), ())
    >>> said = {"target": "Buffer", "type": "temporal", "factors": "R3 P=16 C<=4", "permutation": "RPC"}
    >>> directive = read_directive(where, said, default_names())
    >>> directive.exact, directive.most, directive.order
    ({'R': 3, 'P': 16}, {'C': 4}, ('R', 'P', 'C'))
    """
    values = plain_keys(given)
    kind = KINDS.get(str(values.get("type")))
    if kind is None:
        hint = did_you_mean(values.get("type"), KINDS)
        raise where.error(f"{values.get('type')} is no type of a directive", hint)
    keys = _KEYS.get(kind, ())
    known = (*keys, "target", "type", "name")
    unsaid = tuple(key for key, value in values.items() if keys and key not in known and value != [])
    exact: dict[str, int] = {}
    bounds: dict[str, dict[str, int]] = {"=": exact, "<=": {}, ">=": {}}
    for key in ("factors", "factors_only"):
        for dim, relation, trips in _factors(where, key, values.get(key), names):
            bounds[relation][dim] = trips
    split = values.get("split")
    if split is not None and (isinstance(split, bool) or not isinstance(split, int) or split < 0):
        raise where.error(f"split: {split} is no whole number", "how many dims of the permutation lie on X", "split")
    keep = (*_tensors(where, "keep", values, names), *_tensors(where, "keep_only", values, names))
    bypass = _tensors(where, "bypass", values, names)
    if "keep_only" in values:
        bypass = tuple(operand for operand in names.tensors.values() if operand not in keep)
    return Directive(
        where, str(values["target"]), kind, exact, bounds["<="], bounds[">="], "factors_only" in values,
        _order(where, values.get("permutation"), names), split, keep, bypass, unsaid,
    )  # fmt: skip


def _factors(where: Where, key: str, given: Any, names: Names) -> Iterator[tuple[str, str, int]]:
    """Our dim, the relation and the trips of each factor."""
    for text in given if isinstance(given, list) else [] if given is None else [given]:
        rest = str(text).partition("#")[0]
        while rest.strip(" ,"):
            match = _FACTOR.match(rest)
            if match is None:
                raise where.error(f"{rest.strip()!r} is no factor", "e.g. C=4, or C<=4", key)
            if match[4] is not None and match[4] != match[3]:
                message = f"{match[0].strip()}: a last tile of {match[4]} has no words in Timeloop's counting here"
                raise where.error(message, "factors that multiply to the bound", key)
            yield _dim(where, key, match[1], names), match[2] or "=", int(match[3])
            rest = rest[match.end() :]


def _order(where: Where, given: Any, names: Names) -> tuple[str, ...] | None:
    if given is None:
        return None
    words = given if isinstance(given, list) else re.sub(r"[\s,]", "", str(given).partition("#")[0])
    order = [_dim(where, "permutation", str(word), names) for word in words]
    twice = next((dim for dim in order if order.count(dim) > 1), None)
    if twice:
        raise where.error("a permutation names a dim twice", None, "permutation")
    return tuple(order)


def _dim(where: Where, key: str, name: str, names: Names) -> str:
    if name not in names.dims:
        hint = did_you_mean(name, names.dims)
        raise where.error(f"{name} is no dim of the problem", f"{hint}; give the problem's file along", key)
    return names.dims[name]


def _tensors(where: Where, key: str, values: Mapping[str, Any], names: Names) -> tuple[str, ...]:
    found = []
    given = values.get(key) or []
    if not isinstance(given, list):
        raise where.error(f"{key} is a list of tensors", ", ".join(names.tensors), key)
    for name in given:
        if not isinstance(name, str) or name not in names.tensors:
            raise where.error(f"{name} is no tensor of the problem", did_you_mean(name, names.tensors), key)
        found.append(names.tensors[name])
    return tuple(found)
