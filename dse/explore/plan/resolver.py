"""Settings of a space to the designs that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.designs.design import Batched
from dse.formats.architecture.space.derived import Derived, derive
from dse.formats.architecture.space.ranges import BATCH

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.load import ArchitectureSpec


def resolved(spec: ArchitectureSpec, settings: Mapping[str, Any]) -> Architecture | Batched:
    """What is evaluated at settings of a space; raises `DseError` for settings that make no design.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> resolved(load_architecture_spec("eyeriss"), {"levels.array.rows": 6}).fan_outs[0].rows
    6
    """
    architecture = spec.resolve({path: value for path, value in settings.items() if path != BATCH})
    return Batched(architecture, settings[BATCH]) if BATCH in settings else architecture


@dataclass(frozen=True, slots=True)
class Resolver:
    """Settings of a space to the design that they make, in any process.

    Parameters
    ----------
    spec : ArchitectureSpec
    settings : mapping
        What is not the specification's own in all designs.
    derived : tuple of Derived
        Settings that follow from those of the space.
    """

    spec: ArchitectureSpec
    settings: Mapping[str, Any]
    derived: tuple[Derived, ...]

    def __call__(self, settings: Mapping[str, Any]) -> Architecture | Batched:
        own = {**self.settings, **settings}
        if self.derived:
            hardware = {path: value for path, value in own.items() if path != BATCH}
            own = {**own, **derive(self.spec, self.derived, hardware)}
        return resolved(self.spec, own)

    def has_flat_shape(self, space: Mapping[str, Sequence[Any]]) -> bool:
        """Whether boxes of designs may be bounded: the specification's own, and with each setting that is no number.

        Numbers change sizes and prices; words, such as a placement, may make another hierarchy.
        """
        from dse.mapper import has_flat_shape

        own = {path: value for path, value in self.settings.items() if path != BATCH}
        words = [{path: value} for path, values in space.items() for value in values
                 if path != BATCH and (isinstance(value, bool) or not isinstance(value, int | float))]  # fmt: skip
        for settings in ({}, *words):
            try:
                design = self.spec.resolve({**own, **settings})
            except DseError:
                continue
            if not has_flat_shape(design):
                return False
        return True
