"""An outermost level with a capacity: whether it has room for a layer, and for its psums while they are unfinished."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from dse.architecture.architecture import Architecture
from dse.architecture.remembered import remembered
from dse.model.price import SHARED, capacities, is_limited
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer


def has_room(architecture: Architecture, layer: Layer) -> bool:
    """Whether the outermost level has room for all operands of a layer, psums as wide as while they are unfinished.

    Examples
    --------
    >>> import dse
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)  # 3 + 6 + 2 words of 16 bits
    >>> [has_room(eyeriss.with_settings({"levels.DRAM.capacity": f"{words} word"}), layer) for words in (10, 11)]
    [False, True]
    """
    if not is_limited(architecture):
        return True
    offered, level = capacities(architecture)[0], architecture.levels[0]
    needed = [level.tiles_of(o) * layer.words(o) * layer.held_bits[o] for o in OPERANDS]
    each = all(ceil(bits) <= offered[k] for k, bits in enumerate(needed))
    return bool(each and ceil(sum(needed)) <= offered[SHARED])


def with_room(architecture: Architecture, layer: Layer) -> Architecture:
    """The architecture on which a layer is mapped: where the outermost level has room for finished psums alone, no
    others come to it.

    Examples
    --------
    >>> import dse
    >>> eyeriss = dse.load_architecture("eyeriss").with_settings({"levels.DRAM.capacity": "96 bit"})
    >>> layer = dse.Layer("fc", K=2, C=3).stating({"ifmap": 8, "weight": 8, "psum": 32})
    >>> with_room(eyeriss, layer).levels[0].only_finished, with_room(eyeriss, layer.with_(C=1)) is eyeriss
    (True, True)
    """
    if not layer.finishes_narrower or has_room(architecture, layer):
        return architecture
    return _without_unfinished(architecture)


def is_too_large(architecture: Architecture, layer: Layer) -> bool:
    """Whether the outermost level has no room for a layer, however its psums come.

    Examples
    --------
    >>> import dse
    >>> eyeriss = dse.load_architecture("eyeriss").with_settings({"levels.DRAM.capacity": "96 bit"})
    >>> layer = dse.Layer("fc", K=2, C=3).stating({"ifmap": 8, "weight": 8, "psum": 32})
    >>> is_too_large(eyeriss, layer), is_too_large(eyeriss, layer.with_(K=3))
    (False, True)
    """
    return is_limited(architecture) and not has_room(architecture, layer.stating({"psum": layer.finished_bits}))


@remembered(64)
def _without_unfinished(architecture: Architecture) -> Architecture:
    first = replace(architecture.levels[0], only_finished=True)
    return architecture.with_(hierarchy=(first, *architecture.hierarchy[1:]))
