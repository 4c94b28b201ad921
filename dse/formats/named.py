"""Public functions that take an architecture and a workload as objects, as paths or by the names of shipped ones.

Each is the function of the same name further down, whose arguments are converted first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.formats.architecture.load import ArchitectureSpec, load_architecture
from dse.formats.workload.load import load_workload
from dse.mapper import layer_front as front_of_objects
from dse.mapper import map_layer as map_layer_objects
from dse.mapper import map_workload as map_objects
from dse.model.cost import evaluate as evaluate_objects
from dse.problem.layer import Layer
from dse.problem.workload import Workload

Options = ParamSpec("Options")
Result = TypeVar("Result")
SomeArchitecture = Architecture | ArchitectureSpec | str | Path
SomeWorkload = Workload | str | Path


def architecture_of(given: SomeArchitecture) -> Architecture:
    """The architecture that is given, or the one that a path or a shipped name means.

    Examples
    --------
    >>> architecture_of("eyeriss").mac_units
    168
    """
    if isinstance(given, str | Path):
        return load_architecture(given)
    if not isinstance(given, Architecture | ArchitectureSpec):
        raise DseError(
            f"an architecture is an Architecture, a path or a name, not {type(given).__name__}",
            hint='dse.load_architecture("eyeriss") reads one',
        )
    return given.architecture if isinstance(given, ArchitectureSpec) else given


def by_name(
    function: Callable[Concatenate[Architecture, Workload, Options], Result],
) -> Callable[Concatenate[SomeArchitecture, SomeWorkload, Options], Result]:
    """The same function, which also takes paths and names of an architecture and a workload."""

    @wraps(function)
    def named(*args: Any, **options: Any) -> Result:
        args = _converted(args, options, 0, "architecture", architecture_of)
        return function(*_converted(args, options, 1, "workload", _workload_of), **options)

    return named


def on_named(
    function: Callable[Concatenate[Architecture, Layer, Options], Result],
) -> Callable[Concatenate[SomeArchitecture, Layer, Options], Result]:
    """The same function of an architecture and a layer, which also takes the path or name of an architecture."""

    @wraps(function)
    def named(*args: Any, **options: Any) -> Result:
        args = _converted(args, options, 0, "architecture", architecture_of)
        return function(*_converted(args, options, 1, "layer", _checked_layer), **options)

    return named


def _converted(
    args: tuple[Any, ...], options: dict[str, Any], at: int, name: str, convert: Callable[[Any], Any]
) -> tuple[Any, ...]:
    """The arguments with one of them converted, wherever it stands."""
    if len(args) > at:
        return (*args[:at], convert(args[at]), *args[at + 1 :])
    if name in options:
        options[name] = convert(options[name])
    return args


def _workload_of(given: SomeWorkload) -> Workload:
    if isinstance(given, str | Path):
        return load_workload(given)
    if not isinstance(given, Workload):
        raise DseError(f"a workload is a Workload, a path or a name, not {type(given).__name__}", hint=_HINT)
    return given


def _checked_layer(given: Layer) -> Layer:
    if not isinstance(given, Layer):
        raise DseError(f"a layer is a dse.Layer, not {given!r}", hint=_HINT)
    return given


_HINT = 'a layer of a network is dse.load_workload("alexnet").layer("conv3"); a network of layers, dse.Workload.of'

evaluate = on_named(evaluate_objects)
layer_front = on_named(front_of_objects)
map_layer = on_named(map_layer_objects)
map_workload = by_name(map_objects)
