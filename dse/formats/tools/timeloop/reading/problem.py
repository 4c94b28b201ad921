"""Timeloop's problems as layers: what a dim means is read off the projections, not off its name.

A dim of weights and outputs is K, one of weights and inputs is C, one of inputs and outputs is N, one of all three G; a
sum `R*dilation + P*stride` in the inputs is a window, the first one over rows, the second over columns. A problem
without a shape has Timeloop's default one, in which `Wstride` and `Wdilation` belong to P and R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.errors import DseError, SpecError
from dse.formats.text.located import DataPath, Source, did_you_mean
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.reading.machine import items_of
from dse.problem import shapes
from dse.problem.dims import DIMS, PerOperand
from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload

Term = tuple[str, str | None]
"""A dim and its coefficient."""

CLASSES = {
    frozenset(("weight", "psum")): "K", frozenset(("weight", "ifmap")): "C", frozenset(("ifmap", "psum")): "N",
    frozenset(("weight", "ifmap", "psum")): "G",
}  # fmt: skip
"""The operands that a dim indexes alone, to its name here."""

WINDOWS = (("P", "R", "stride_h", "dilation_h"), ("Q", "S", "stride_w", "dilation_w"))

_DEFAULT = """
dimensions: [R, S, P, Q, C, K, N]
coefficients:
- {name: Wstride, default: 1}
- {name: Hstride, default: 1}
- {name: Wdilation, default: 1}
- {name: Hdilation, default: 1}
data_spaces:
- {name: Weights, projection: [[[C]], [[K]], [[R]], [[S]]]}
- {name: Inputs, projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]}
- {name: Outputs, projection: [[[N]], [[K]], [[Q]], [[P]]], read_write: true}
"""
"""The convolution that Timeloop takes for a problem without a shape."""


UNUSED = ("H", "W", "Hpad", "Wpad")
"""Sizes that problems of convolutions tell people; Timeloop does not read them."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a problem calls what.

    Parameters
    ----------
    dims : dict
        Its dims to ours.
    tensors : dict
        Its tensors to our operands.
    """

    dims: Mapping[str, str]
    tensors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """A layer, and what its problem calls things."""

    layer: Layer
    names: Names


@dataclass(frozen=True, slots=True)
class _Shape:
    """Dims and coefficients with their defaults, and the projection of each operand."""

    dims: tuple[str, ...]
    coefficients: Mapping[str, int]
    projections: Mapping[str, tuple[tuple[Term, ...], ...]]
    tensors: Mapping[str, str]


def workload_of(problems: Sequence[tuple[Source, Problem]], name: str) -> Workload:
    """A workload of problems: bare layers with nothing between them, because problems do not say what reads what.

    Raises
    ------
    SpecError
        Two of them have the same name.
    """
    nodes: list[Node] = []
    for source, problem in problems:
        layer = problem.layer
        if any(node.name == layer.name for node in nodes):
            raise SpecError(f"there are two problems named {layer.name}", file=source.file, hint="rename one file")
        nodes.append(Node(layer.name, "layer", (layer.K, layer.P, layer.Q), layer=layer))
    return Workload(name, tuple(nodes))


def default_names() -> Names:
    """Of the convolution that Timeloop takes for a problem without a shape."""
    shape = _read_shape(parse_source(_DEFAULT), (), parse_source(_DEFAULT).data)
    return _names_of(_fields(shape), shape)


def read_problem(source: Source, name: str) -> Problem:
    """The layer of one problem, named.

    Raises
    ------
    SpecError
        With the place of what has no words here.

    Examples
    --------
    >>> text = "problem: {R: 3, S: 3, P: 8, Q: 8, C: 4, K: 2, N: 1, Wstride: 2}"
    >>> problem = read_problem(parse_source(text), "a")
    >>> problem.layer.macs, problem.layer.stride_h, problem.layer.stride_w, problem.names.tensors["Inputs"]
    (4608, 2, 1, 'ifmap')
    """
    data = source.data
    problem = data.get("problem") if isinstance(data, dict) else None
    if not isinstance(problem, dict):
        raise source.error((), "a Timeloop problem has the key problem", "problem: {shape: ..., instance: ...}")
    shape, path = _shape_of(source, problem)
    where: DataPath = ("problem", "instance") if "instance" in problem else ("problem",)
    given = problem.get("instance", problem)
    if not isinstance(given, dict):
        raise source.error(where, "an instance is a size for each dim", "e.g. {C: 64, M: 32}")
    known = {**dict.fromkeys(shape.dims, 0), **shape.coefficients}
    values = dict(shape.coefficients)
    for key, value in given.items():
        if key in UNUSED or key == "densities" or (where == ("problem",) and key in ("shape", "version", "name")):
            continue
        if key not in known:
            raise source.error((*where, key), f"{key} has no words here", did_you_mean(key, known), key=True)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise source.error((*where, key), f"{key}: {value} is no whole number above 0")
        values[key] = value
    missing = [dim for dim in shape.dims if dim not in values]
    if missing:
        raise source.error(where, f"{missing[0]} has no size", f"a whole number for each of {', '.join(shape.dims)}")
    try:
        fields = _fields(shape, frozenset(dim for dim in shape.dims if values[dim] == 1))
        sizes = {ours: values[theirs] if theirs else 1 for ours, theirs in fields.items()}
        layer = shapes.checked(Layer(name).with_(**sizes))
        return Problem(_with_densities(source, where, given, shape, layer), _names_of(fields, shape))
    except SpecError:
        raise
    except DseError as error:
        raise source.error(path, error.message, error.hint) from None


def _with_densities(source: Source, where: DataPath, given: Mapping[str, Any], shape: _Shape, layer: Layer) -> Layer:
    """The layer with the densities that an instance states, whatever their distribution."""
    densities = given.get("densities") or {}
    here = (*where, "densities")
    if not isinstance(densities, dict):
        raise source.error(here, "densities is a mapping", "e.g. {Inputs: 0.5}")
    found = layer.density.to_dict()
    for tensor, said in densities.items():
        density = said.get("density") if isinstance(said, dict) else said
        if tensor not in shape.tensors or isinstance(density, bool) or not isinstance(density, int | float):
            raise source.error((*here, tensor), f"{tensor}: {said} is no density of a tensor", "a number from 0 to 1")
        found[shape.tensors[tensor]] = float(density)
    return layer.with_(density=PerOperand.of(found))


def _names_of(fields: Mapping[str, str | None], shape: _Shape) -> Names:
    """Dims and tensors to ours."""
    return Names({theirs: ours for ours, theirs in fields.items() if ours in DIMS and theirs}, shape.tensors)


def _shape_of(source: Source, problem: Mapping[str, Any]) -> tuple[_Shape, DataPath]:
    path: DataPath = ("problem", "shape")
    given = problem.get("shape", "cnn-layer")
    if isinstance(given, str):
        if given.replace("_", "-").lower() != "cnn-layer":
            raise source.error(path, f"the shape {given} stands in a file of Timeloop's", "write the shape out here")
        return _read_shape(parse_source(_DEFAULT), (), parse_source(_DEFAULT).data), ("problem",)
    if not isinstance(given, dict):
        raise source.error(path, "a shape is a mapping with dimensions and data_spaces, or a name")
    return _read_shape(source, path, given), path


def _read_shape(source: Source, path: DataPath, given: Mapping[str, Any]) -> _Shape:
    spaces_key = next((key for key in ("data_spaces", "data-spaces") if key in given), None)
    for key in given:
        if key not in ("name", "dimensions", "coefficients", "data_spaces", "data-spaces"):
            raise source.error((*path, key), f"{key} has no words here", key=True)
    if spaces_key is None or not isinstance(given.get("dimensions"), list):
        raise source.error(path, "a shape has dimensions and data_spaces")
    dims = tuple(str(dim) for dim in given["dimensions"])
    coefficients = {}
    for at, item in enumerate(items_of(source, (*path, "coefficients"))):
        default = item.get("default", 1) if isinstance(item, dict) else None
        if isinstance(default, bool) or not isinstance(default, int) or default < 1 or "name" not in item:
            raise source.error((*path, "coefficients", at), "a coefficient has a name and a default above 0")
        coefficients[str(item["name"])] = default
    projections: dict[str, tuple[tuple[Term, ...], ...]] = {}
    tensors: dict[str, str] = {}
    for at, space in enumerate(items_of(source, (*path, spaces_key))):
        here = (*path, spaces_key, at)
        if not isinstance(space, dict) or not isinstance(space.get("projection"), list):
            raise source.error(here, "a data space has a name and a projection")
        terms = tuple(_terms(source, (*here, "projection", i), axis, dims, coefficients)
                      for i, axis in enumerate(space["projection"]))  # fmt: skip
        operand = _operand(space, terms, [name for name in ("weight", "ifmap") if name not in projections])
        if operand is None or operand in projections:
            hint = "Weights, Inputs, and Outputs with read_write: true"
            raise source.error(here, f"it is not clear which operand {space.get('name')} is", hint)
        projections[operand] = terms
        tensors[str(space.get("name", operand))] = operand
    if len(projections) < 3:
        raise source.error((*path, spaces_key), "a layer has weights, inputs and outputs", key=True)
    shape = _Shape(dims, coefficients, projections, tensors)
    try:
        _fields(shape, frozenset(dims))
    except DseError as error:
        raise source.error(path, error.message, error.hint, key=bool(path)) from None
    return shape


def _terms(
    source: Source, path: DataPath, axis: Any, dims: Sequence[str], coefficients: Mapping[str, int]
) -> tuple[Term, ...]:
    found: list[Term] = []
    for term in [[axis]] if isinstance(axis, str) else axis if isinstance(axis, list) else []:
        words = [term] if isinstance(term, str) else term
        is_term = isinstance(words, list) and len(words) in (1, 2) and all(isinstance(word, str) for word in words)
        if not is_term or words[0] not in dims:
            raise source.error(path, f"{term} is no dim, nor a dim with a coefficient", f"dims: {', '.join(dims)}")
        if len(words) == 2 and words[1] not in coefficients:
            raise source.error(path, f"{words[1]} is no coefficient", f"coefficients: {', '.join(coefficients)}")
        found.append((words[0], words[1] if len(words) == 2 else None))
    if not found:
        raise source.error(path, "an axis of a projection is a sum of dims")
    return tuple(found)


def _operand(space: Mapping[str, Any], terms: Sequence[Sequence[Term]], left: Sequence[str]) -> str | None:
    """The operand that a tensor is; of two that only their names tell apart, as a product's, weights come first."""
    if space.get("read_write", space.get("read-write")) in (True, "true", "True", 1):
        return "psum"
    if any(len(axis) > 1 for axis in terms):
        return "ifmap"
    name = str(space.get("name", "")).lower()
    by_name = next((operand for word, operand in (("weight", "weight"), ("input", "ifmap")) if word in name), None)
    return by_name or next(iter(left), None)


def _fields(shape: _Shape, ones: frozenset[str] = frozenset()) -> dict[str, str | None]:
    """Bounds, strides and dilations by their names here, to a dim or coefficient of the problem; None for a step of 1.

    Dims of size 1 (`ones`) that no bound of ours is like take any that is left. Raises `DseError` for what a layer does
    not have.
    """
    spare: list[str] = []
    in_psum = {dim for axis in shape.projections["psum"] for dim, _ in axis}
    fields: dict[str, str | None] = {}
    windows = [axis for axis in shape.projections["ifmap"] if len(axis) > 1]
    if len(windows) > len(WINDOWS):
        raise DseError(f"the inputs have {len(windows)} windows, a layer has two")
    in_windows: set[str] = set()
    for axis, (out, tap, stride, dilation) in zip(windows, WINDOWS, strict=False):
        outer = [term for term in axis if term[0] in in_psum]
        inner = [term for term in axis if term[0] not in in_psum]
        if len(outer) != 1 or len(inner) != 1:
            what = " + ".join(dim for dim, _ in axis)
            raise DseError(f"{what} is no window", hint="a sum of one dim of outputs and one of weights")
        for (dim, coefficient), bound, step in ((outer[0], out, stride), (inner[0], tap, dilation)):
            fields[bound] = dim
            fields[step] = coefficient
            in_windows.add(dim)
    for dim in shape.dims:
        if dim in in_windows:
            continue
        operands = frozenset(o for o, axes in shape.projections.items() if any(dim in dict(axis) for axis in axes))
        own = CLASSES.get(operands)
        if (own is None or own in fields) and dim in ones:
            spare.append(dim)
            continue
        if own is None or own in fields:
            raise DseError(f"{dim} has no words here", hint="one dim each of batch, groups, filters and channels")
        fields[own] = dim
    left = [ours for ours in DIMS if ours not in fields]
    if len(spare) > len(left):
        raise DseError(f"{spare[len(left)]} has no words here", hint="a layer has eight dims")
    return {**fields, **dict(zip(left, spare, strict=False))}
