"""Reuse by operand, kind, level and temporal or spatial: read off the counts, with no formula of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.model.counting.counts import Count
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

KIND_OF_DIM: dict[str, dict[str, str]] = {
    "ifmap": {"K": "image", "P": "convolutional", "Q": "convolutional"},
    "weight": {"N": "filter", "P": "convolutional", "Q": "convolutional"},
    "psum": {"C": "accumulation", "R": "accumulation", "S": "accumulation"},
}
"""Which kind of reuse a factor on a dim is. The ifmap's P and Q stand for its height and width."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """How many times one fetch of a word is used at one place.

    Parameters
    ----------
    operand : str
    place : str
        A level (temporal: words read from it over words filled into it) or a fan-out (spatial: words its children
        receive over words its parent reads). For the outermost level, words read over distinct words: the refetch,
        what the mapping leaves unused of the reuse there is.
    how : {"temporal", "spatial", "refetch"}
    kind : {"convolutional", "image", "filter", "accumulation"}
    factor : Fraction
        Below 1 where halos or finished words are fetched again, or a stride steps over words.
    """

    operand: str
    place: str
    how: str
    kind: str
    factor: Fraction

    def to_dict(self) -> dict[str, Any]:
        return {
            "operand": self.operand, "place": self.place, "how": self.how, "kind": self.kind,
            "factor": float(self.factor),
        }  # fmt: skip


def reuse_of(layer: Layer, architecture: Architecture, counted: Count) -> tuple[Reuse, ...]:
    """The factors of every operand, outermost first.

    Notes
    -----
    For every operand the product of its temporal and spatial factors is MACs / outermost traffic, exactly; with the
    refetch factors it is MACs / words, the reuse that the layer offers at most.

    Examples
    --------
    >>> import dse
    >>> from dse.model.counting.counts import count_mapping
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> for reuse in reuse_of(layer, chip, count_mapping(layer, chip, mapping)):
    ...     if reuse.factor != 1:
    ...         print(reuse.operand, reuse.place, reuse.kind, reuse.factor)
    ifmap DRAM image 2
    psum PE accumulation 3
    """
    return tuple(reuse for operand in range(3) for reuse in _of_operand(operand, layer, architecture, counted))


def achieved(reuses: tuple[Reuse, ...], operand: str) -> Fraction:
    """MACs per word of outermost traffic of an operand.

    Examples
    --------
    >>> buffered = Reuse("ifmap", "GLB", "temporal", "filter", Fraction(4))
    >>> multicast = Reuse("ifmap", "array", "spatial", "filter", Fraction(3))
    >>> achieved((buffered, multicast), "ifmap")
    Fraction(12, 1)
    """
    return prod((r.factor for r in reuses if r.operand == operand and r.how != "refetch"), start=Fraction(1))


def _of_operand(operand: int, layer: Layer, architecture: Architecture, counted: Count) -> Iterator[Reuse]:
    nodes = architecture.hierarchy
    name = OPERANDS[operand]
    above = _distinct(layer, name)
    for k in range(len(nodes)):
        parent, child = (int(x) for x in counted.words.ends[operand, k])
        if parent < 0:
            return
        handed = [tuple(int(x) for x in row) for row in counted.words.factors[operand]]
        yield from _by_kind(name, nodes[parent].whole, "temporal" if k else "refetch", handed[parent], above)
        above = handed[parent]
        for i in range(parent + 1, child):
            if isinstance(nodes[i], FanOut):
                yield from _by_kind(name, nodes[i].name, "spatial", handed[i], above)
                above = handed[i]


def _by_kind(name: str, place: str, how: str, over: tuple[int, ...], under: tuple[int, ...]) -> Iterator[Reuse]:
    factors: dict[str, Fraction] = {}
    for d, dim in enumerate(DIMS):
        kind = KIND_OF_DIM[name].get(dim)
        if kind is not None:
            factors[kind] = factors.get(kind, Fraction(1)) * Fraction(over[d], under[d])
    for kind, factor in factors.items():
        yield Reuse(name, place, how, kind, factor)


def _distinct(layer: Layer, operand: str) -> tuple[int, ...]:
    """Words of an operand by dim, in the form of `Count.factors`."""
    g, n, k, c, p, q, r, s = layer.bounds
    if operand == "ifmap":
        return (g, n, 1, c, layer.box_height, layer.box_width, 1, 1)
    return (g, 1, k, c, 1, 1, r, s) if operand == "weight" else (g, n, k, 1, p, q, 1, 1)
