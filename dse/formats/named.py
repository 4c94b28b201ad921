"""Public functions that take an architecture and a workload as objects, as paths or by the names of shipped ones.

Each is the function of the same name further down, whose arguments are converted first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from dse.mapper.rules_kept import kept_or_marked
from dse.model.cost import Cost
from dse.model.cost import evaluate as evaluate_objects
from dse.model.mapping import Mapping
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


def evaluate(
    architecture: SomeArchitecture, layer: Layer, mapping: Mapping, *, counting: str = "house",
    any_mapping: bool = False,
) -> Cost:  # fmt: skip
    """Price a mapping, if it keeps the rules of the architecture's dataflow.

    Parameters
    ----------
    architecture : Architecture, path or name
    layer : Layer
    mapping : Mapping
        Of the layer as the architecture runs it: see `Architecture.lowered`.
    counting : {"house", "timeloop"}
        See `dse.model.cost.evaluate`.
    any_mapping : bool
        Price a mapping that breaks rules all the same; `Cost.breaks_rules` says which. It may cost less than the best
        one that keeps them.

    Returns
    -------
    Cost

    Raises
    ------
    MappingError
        When the mapping does not match the hierarchy, does not compute the layer, does not fit, or breaks a rule.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> found = dse.map_layer(chip, layer)
    >>> evaluate(chip, layer, found.mapping).energy_pj == found.cost.energy_pj
    True
    >>> other = dse.map_layer(chip.spec.resolve({"dataflow": "weight-stationary"}), layer)
    >>> evaluate(chip, layer, other.mapping, any_mapping=True).breaks_rules
    ('rows of array take 1 of 3 along R, and there is room for 3',)
    """
    chip, checked = architecture_of(architecture), _checked_layer(layer)
    cost = evaluate_objects(chip, checked, mapping, counting=counting)
    broken = kept_or_marked(chip, checked, mapping, any_mapping)
    return replace(cost, breaks_rules=broken) if broken else cost


_HINT = 'a layer of a network is dse.load_workload("alexnet").layer("conv3"); a network of layers, dse.Workload.of'

layer_front = on_named(front_of_objects)
map_layer = on_named(map_layer_objects)
map_workload = by_name(map_objects)
