"""Public functions that take an architecture and a workload as objects, as paths or by the names of shipped ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from dse.architecture.architecture import Architecture
from dse.errors import AN_ARCHITECTURE, expect
from dse.formats.architecture.load import ArchitectureSpec, load_architecture
from dse.formats.workload.load import load_workload
from dse.mapper import map_workload as map_objects
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
    architecture = given.architecture if isinstance(given, ArchitectureSpec) else given
    expect(architecture, Architecture, "architecture", AN_ARCHITECTURE)
    return architecture


def by_name(
    function: Callable[Concatenate[Architecture, Workload, Options], Result],
) -> Callable[Concatenate[SomeArchitecture, SomeWorkload, Options], Result]:
    """The same function, which also takes paths and names."""

    @wraps(function)
    def named(
        architecture: SomeArchitecture, workload: SomeWorkload, /, *args: Options.args, **options: Options.kwargs
    ) -> Result:
        network = load_workload(workload) if isinstance(workload, str | Path) else workload
        return function(architecture_of(architecture), network, *args, **options)

    return named


map_workload = by_name(map_objects)
