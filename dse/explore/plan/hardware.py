"""An architecture as a sweep takes it: with settings, limits and dataflows that are not its file's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dse.architecture.dataflow import Dataflow
from dse.formats.architecture.space.constraints import Constraint

if TYPE_CHECKING:
    from dse.formats.architecture.load import ArchitectureSpec


@dataclass(frozen=True, slots=True)
class HardwareChanges:
    """What is changed about an architecture; what is not said stays its own.

    Parameters
    ----------
    settings : mapping
        Path to the value of every design, the reference included; a setting that the space has is no choice any more.
    constraints : tuple of Constraint, optional
        All limits, instead of the file's.
    dataflows : mapping
        Dataflows by name, which settings and spaces may then use.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] | None = None
    dataflows: Mapping[str, Dataflow] = field(default_factory=dict)

    def over(self, other: HardwareChanges) -> HardwareChanges:
        """These changes, and those of `other` where these say nothing; settings and dataflows one by one."""
        return HardwareChanges(
            {**other.settings, **self.settings},
            other.constraints if self.constraints is None else self.constraints,
            {**other.dataflows, **self.dataflows},
        )

    def apply(self, spec: ArchitectureSpec) -> tuple[ArchitectureSpec, HardwareChanges]:
        """The file with these limits and dataflows, and these changes with settings in their canonical form.

        Raises
        ------
        DseError
            For a setting that the architecture does not have, or settings that make no design.
        """
        limits = spec.constraints if self.constraints is None else self.constraints
        if self.constraints is not None or self.dataflows:
            spec = replace(spec, constraints=limits, dataflows={**spec.dataflows, **self.dataflows})
        settings = {path: spec.parse_setting(path, value) for path, value in self.settings.items()}
        if settings:
            spec.resolve(settings)
        return spec, replace(self, settings=settings)


SAME_HARDWARE = HardwareChanges()
