"""What zeros leave over: of the MACs, of their accesses, of the compute steps, and of compressed words.

Zeros are taken to be spread at random, independent of each other and between operands; or in blocks, of which each
has as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, lgamma, log, log1p, prod

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.model.accesses import Accesses
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

RUN_BITS = 5
"""Width of a run of zeros in run-length coding: up to 31 of them."""

LINE_BITS = 64
"""Width of a line of run-length coded pairs, one bit of which says whether the line is the last."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Parts, in (0, 1], of what would happen without zeros.

    Parameters
    ----------
    steps : float
        Compute steps that take a cycle, those included in which a unit waits for others.
    left : float
        MACs that are not skipped.
    switching : float
        MACs that multiply.
    gated : float
        MACs that take their cycle and idle; the rest are skipped.
    accesses : PerOperand[float]
        Accesses of the innermost level by the MACs: reads of ifmap and weight, accumulations of psums.
    slots : PerOperand[float]
        Accesses that take their time of a port: those of gated MACs do.
    """

    steps: float
    left: float
    switching: float
    gated: float
    accesses: PerOperand[float]
    slots: PerOperand[float]


def uses_zeros(architecture: Architecture) -> bool:
    """Whether any switch makes densities matter.

    Examples
    --------
    >>> import dse
    >>> uses_zeros(dse.load_architecture("eyeriss")), uses_zeros(dse.load_architecture("isca16_osb"))
    (True, False)
    """
    switches = (mac := architecture.mac).gating | mac.skipping | architecture.packed
    return bool(switches) or any(any(level.gating) or any(level.compression) for level in architecture.levels)


def activity(architecture: Architecture, layer: Layer) -> Activity:
    """How much of a layer's work is left on an architecture that gates or skips.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
        For its densities, as the architecture runs it.

    Returns
    -------
    Activity

    Notes
    -----
    With density d of an operand, a MAC meets no zero in the operands of a set with probability prod(d). Skipping leaves
    out the MAC, its accesses and its share of the steps; gating leaves out the energy of the MAC, and of those accesses
    for which the innermost level says so (the taxonomy of Sparseloop, Wu et al., MICRO 2022). Zeros in
    blocks are skipped by all units alike; of those at random, `longest_share` says how long units wait that move in
    step. An access to a packed operand is to what its blocks keep, which `Layer.held_bits` has.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("half", density=PerOperand(ifmap=0.5, weight=1.0, psum=1.0))
    >>> left = activity(dse.load_architecture("eyeriss"), layer)
    >>> left.steps, left.switching, left.gated
    (1, 0.5, 0.5)
    """
    mac = architecture.mac
    remaining = _all_nonzero(layer, mac.skipping)
    steps = remaining
    if mac.in_step is not None:
        at_random = _all_nonzero(layer, frozenset(o for o in mac.skipping if not layer.blocks[o]))
        steps *= longest_share(mac.in_step.macs, mac.in_step.units, at_random) / at_random
    switching = _all_nonzero(layer, mac.skipping | mac.gating)
    feeding = [node for node in architecture.feeding if isinstance(node, Level)]
    if feeding:
        gating = PerOperand.of({o: frozenset[str]().union(*(node.gating[o] for node in feeding)) for o in OPERANDS})
        own = {operand: frozenset({operand}) & layer.packed for operand in OPERANDS}
        slots, accesses = (
            PerOperand.of({operand: _all_nonzero(layer, (mac.skipping | gate) - own[operand])
                           for operand, gate in gates.items()})
            for gates in (PerOperand.same(frozenset[str]()), gating)
        )  # fmt: skip
    else:
        slots = accesses = PerOperand.same(1.0)  # the MACs are fed by the fan-out, which hands on every word
    return Activity(steps, remaining, switching, remaining - switching, accesses, slots)


@lru_cache(maxsize=4096)
def longest_share(macs: int, units: int, density: float) -> float:
    """The expected most that one of several units has left of its MACs, as a part of them.

    Parameters
    ----------
    macs : int
        T, of each unit, zeros included.
    units : int
        U.
    density : float
        d: part of the MACs that no zero spares, each independent of the others.

    Returns
    -------
    float
        From d, for one unit, to 1.

    Notes
    -----
    What a unit has left is Binomial(T, d), with the distribution function F. The most of U such numbers is at most t
    with probability F(t)^U, so it is expected to be the sum over t from 0 to T - 1 of 1 - F(t)^U.

    Examples
    --------
    Of two units with one MAC each, neither has anything to do in a quarter of the cases.

    >>> longest_share(1, 2, 0.5), round(longest_share(64, 256, 0.5), 3)
    (0.75, 0.675)
    """
    if density >= 1 or units == 1:
        return density
    done = np.arange(macs)
    ways = lgamma(macs + 1) - np.array([lgamma(t + 1) + lgamma(macs - t + 1) for t in done.tolist()])
    chance = np.exp(ways + done * log(density) + (macs - done) * log1p(-density))
    at_most = np.minimum(np.cumsum(chance), 1.0)
    return float((1 - at_most**units).sum()) / macs


def _all_nonzero(layer: Layer, operands: frozenset[str]) -> float:
    return prod(layer.density[operand] for operand in sorted(operands))


def compressed_share(coding: str, layer: Layer, operand: str) -> float:
    """Bits of an operand in a coding, over its bits without; 1 where the coding does not pay and is left off.

    Parameters
    ----------
    coding : {"run-length", "bitmask", "csr"}
    layer : Layer
    operand : str
        Of the psum, finished words: unfinished ones are not coded.

    Notes
    -----
    With b bits per element and density d:

    - `run-length` (Eyeriss, JSSC 2017, section IV): pairs of a run of up to 31 zeros (5 bits) and the value after it,
      packed into lines of 64 bits less one; three pairs of 16-bit values. A pair spans a geometric number of elements,
      cut at 32: (1 - (1-d)^32) / d of them on average.
    - `bitmask`: one bit per element, and the nonzero values: d + 1/b.
    - `csr`: for every nonzero value its index in its row, and for every row a pointer: d (1 + i/b) + p/(b row). Rows
      are those of the ifmap and ofmap (their channels in a fully connected layer), and the filters.

    Examples
    --------
    >>> from dse.problem.dims import PerOperand
    >>> half = Layer("half", C=4, density=PerOperand(ifmap=0.5, weight=1.0, psum=1.0))
    >>> compressed_share("bitmask", half, "ifmap")
    0.5625
    """
    bits = layer.finished_bits if operand == "psum" else layer.bits[operand]
    density = layer.density[operand]
    if coding == "run-length":
        span = (1 - (1 - density) ** (1 << RUN_BITS)) / density
        share = _pair_bits(bits) / span / bits
    elif coding == "bitmask":
        share = density + 1 / bits
    else:
        row, words = _row(layer, operand), layer.words(operand)
        share = density * (1 + _index_bits(row) / bits) + _index_bits(words + 1) / (bits * row)
    return min(1.0, share)


def outermost_bits(architecture: Architecture, layer: Layer, accesses: Accesses) -> dict[str, dict[str, float]]:
    """Bits that cross the pins: words of the outermost level in the layer's widths, as they are coded there.

    By operand, where `psum` are the unfinished ones that come back, never coded, and `ofmap` the finished ones.

    Examples
    --------
    >>> import dse
    >>> from dse.model.counting.counts import count
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> outermost_bits(chip, layer, count(layer, chip, mapping))["weight"]
    {'reads': 96.0, 'writes': 0.0}
    """
    outermost = architecture.levels[0]
    moved = {}
    for part, words in accesses.apart(outermost.name).items():
        coding = {**outermost.compression.to_dict(), "psum": None, "ofmap": outermost.compression.psum}[part]
        operand = "psum" if part == "ofmap" else part
        share = 1.0 if coding is None or part in layer.packed else compressed_share(coding, layer, operand)
        width = float(layer.widths["ofmap"] if part == "ofmap" else layer.held_bits[operand]) * share
        moved[part] = {"reads": words.reads * width, "writes": words.writes * width}
    return moved


def _pair_bits(bits: int) -> float:
    """Bits that a pair takes of the lines, the flag of each line included."""
    pairs = (LINE_BITS - 1) // (bits + RUN_BITS)
    return LINE_BITS / pairs if pairs else LINE_BITS * ceil((bits + RUN_BITS + 1) / LINE_BITS)


def _index_bits(values: int) -> int:
    return max(1, (values - 1).bit_length())


def _row(layer: Layer, operand: str) -> int:
    """Elements of a row of an operand, seen as a matrix."""
    if operand == "weight":
        return layer.C * layer.R * layer.S
    if operand == "ifmap":
        return layer.C if layer.box_height == layer.box_width == 1 else layer.box_width
    return layer.K if layer.P == layer.Q == 1 else layer.Q
