"""A design beside which others are mapped: searches with a gap begin at its mappings, whatever was mapped before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture


class Reference(NamedTuple):
    """A design as it is specified, from which others differ in some settings.

    Parameters
    ----------
    architecture : Architecture
    digest : str
        Equal for references on which all layers map alike: what is found for one is remembered by it.
    """

    architecture: Architecture
    digest: str
