"""Lower bounds on designs that differ in the sides of their array, some of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.mapper.flat.lower import bound_flat_in_bands
from dse.mapper.layer import bounds_boxes
from dse.problem.layer import Layer


def lower_bounds_in_bands(
    architecture: Architecture, layer: Layer, bands: Sequence[tuple[tuple[int, int], ...]], *,
    others: Sequence[Architecture] = (), cycle_pj: float = 0.0, factors: str = "all",
) -> Any:  # fmt: skip
    """`dse.mapper.lower_bound` for each of some bands of arrays: what no array of a band goes below.

    Parameters
    ----------
    bands : sequence of tuple of (int, int)
        Rows and columns of the arrays of each. Bounds are closest when these have about as many PEs, whose power then
        counts nearly in full.

    Returns
    -------
    (bands, 3) float
        Energy in pJ, cycles, and the weighted sum in pJ.

    Examples
    --------
    >>> import dse
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> both, first, second = lower_bounds_in_bands(eyeriss, layer, [((4, 6), (8, 3)), ((4, 6),), ((8, 3),)])
    >>> bool((both <= first).all() and (both <= second).all())
    True
    """
    if not bounds_boxes(architecture):
        raise DseError(f"{architecture.name}: a hierarchy of this shape has no bound of several designs")
    return bound_flat_in_bands([architecture, *others], architecture.lowered(layer), cycle_pj, factors, bands)
