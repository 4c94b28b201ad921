"""How many mappings there are."""

from __future__ import annotations

from collections.abc import Hashable
from math import factorial, prod

from dse.architecture.architecture import Architecture
from dse.architecture.parts import in_parts
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.splits.chains import MOST, any_tiles, count_chains
from dse.mapper.shared.last_used import kept_last
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.unpriced import unsized
from dse.problem.layer import Layer

KEPT_SIZES = 4_096
"""Layers on machines, sizes and prices aside, of which it is kept how many mappings there are."""

_SIZES: dict[Hashable, float] = {}


def size_of(architecture: Architecture, layer: Layer, factors: str) -> float:
    """Mappings that there are; of a dim that is split in more than `MOST` ways, no more of these count.

    Examples
    --------
    >>> import dse
    >>> size_of(dse.load_architecture("gemmini"), dse.Layer("one", K=2), "all")
    4.0
    """
    key = unsized(architecture), layer, factors
    return kept_last(_SIZES, key, KEPT_SIZES, lambda: _size_of(architecture, layer, factors))


def _size_of(architecture: Architecture, layer: Layer, factors: str) -> float:
    machines = in_parts(architecture)
    orders = float(factorial(sum(int(bound) > 1 for bound in layer.bounds))) ** len(machines[0].levels)
    _, drafts = drafts_of(architecture, layer, factors)
    problem = drafts[0].problem
    splits = prod(
        count_chains(problem, d, any_tiles(problem, d), apart=True, most=MOST) for d in range(len(layer.bounds))
    )
    return splits * len(bypass_choices(architecture)) * len(machines) * orders
