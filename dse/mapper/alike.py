"""Architectures that differ in prices alone: what is a mapping of one is one of all, at another cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.mapper.flat.lower import bound_flat_alike
from dse.mapper.flat.reprice import layout_of, repriced
from dse.mapper.layer import has_flat_shape, is_flat, solve
from dse.mapper.shared.outermost import with_room
from dse.problem.layer import Layer

Points = tuple[tuple[float, float], ...]
"""Energy in pJ and cycles."""


def points_alike(
    architecture: Architecture, layer: Layer, others: Sequence[Architecture], *, factors: str = "all",
    time_limit_s: float | None = None,
) -> tuple[Points, tuple[Points, ...]] | None:  # fmt: skip
    """A layer's exact front, and what its mappings come to on other architectures, which differ in prices alone.

    Parameters
    ----------
    others : sequence of Architecture
        Of the same `layout`, such as the same design at other voltages.
    time_limit_s : float, optional
        None is returned where the front is not whole by then.

    Returns
    -------
    front : tuple of (float, float)
        Energy in pJ and cycles; cycles rise.
    alike : tuple of tuple of (float, float)
        For each other one, those of the same mappings that no other of them beats there.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> spec, layer = load_architecture_spec("eyeriss"), Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> slow = spec.resolve({"technology.voltage": "0.9 V", "technology.clock": "max"})
    >>> front, (alike,) = points_alike(spec.architecture, layer, [slow])
    >>> alike[-1][0] < front[-1][0]
    True
    """
    solution = solve(architecture, layer, "front", 0.0, factors, time_limit_s)
    if solution.gap > 0:
        return None
    front = tuple((float(energy), float(cycles)) for energy, cycles in solution.values)
    alike = [with_room(other, other.lowered(layer)) for other in others]
    if not all(is_flat(one, factors) for one in alike):
        raise DseError(f"{architecture.name}: mappings of a hierarchy of this shape are not priced again")
    return front, tuple(_unbeaten(repriced(one, one.lowered(layer), solution.records)) for one in alike)


def lower_bounds_alike(
    architectures: Sequence[Architecture], layer: Layer, sides: tuple[tuple[int, int], ...],
    cycle_pj: Sequence[float], *, factors: str = "all",
) -> Any:  # fmt: skip
    """`dse.mapper.lower_bounds` of several designs of one `layout`, in little more time than for one of them.

    Parameters
    ----------
    architectures : sequence of Architecture
        They differ in prices alone.
    sides : tuple of (int, int)
        Rows and columns of the array, of each bounded by itself.
    cycle_pj : sequence of float
        pJ for each cycle in the weighted sum, by design.

    Returns
    -------
    (designs, sides, 3) float
        Energy in pJ, cycles, and the weighted sum in pJ.

    Raises
    ------
    DseError
        When they differ in more than prices, or the hierarchy has no such bound.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> spec, layer = load_architecture_spec("eyeriss"), Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> slow = spec.resolve({"technology.voltage": "0.9 V", "technology.clock": "max"})
    >>> found = lower_bounds_alike([spec.architecture, slow], layer, ((12, 14), (4, 8)), (0.0, 0.0))
    >>> found.shape, bool(found[1, 0, 0] < found[0, 0, 0])
    ((2, 2, 3), True)
    """
    if not all(is_flat(each, factors) for each in architectures):
        name = architectures[0].name
        raise DseError(f"{name}: no bound of several designs for this hierarchy with {factors} factors")
    return bound_flat_alike(architectures, architectures[0].lowered(layer), cycle_pj, factors, sides)


def layout(architecture: Architecture, layer: Layer) -> bytes | None:
    """What decides which mappings of a layer an architecture has, without what they cost; None where nobody asks.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> spec, layer = load_architecture_spec("eyeriss"), Layer("fc", K=8, C=4)
    >>> own, slow, small = (layout(spec.resolve(settings), layer) for settings in (
    ...     {}, {"technology.voltage": "0.9 V", "technology.clock": "max"}, {"levels.GLB.capacity": "54 KiB"}))
    >>> own == slow, own == small
    (True, False)
    """
    layer = architecture.lowered(layer)
    architecture = with_room(architecture, layer)
    return layout_of(architecture, layer) if has_flat_shape(architecture) else None


def _unbeaten(points: Any) -> Points:
    """Of some points, those that no other one beats; cycles rise."""
    points = points[np.lexsort((points[:, 0], points[:, 1]))]
    lowest = np.concatenate(([np.inf], np.minimum.accumulate(points[:, 0])[:-1]))
    return tuple((float(energy), float(cycles)) for energy, cycles in points[points[:, 0] < lowest])
