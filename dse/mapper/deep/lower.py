"""A lower bound on everything that a layer can cost on a hierarchy of any depth: those of the deep search's roots."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf

import numpy as np

from dse.architecture.architecture import Architecture
from dse.mapper.deep.bounds.best import MARGIN, Best
from dse.mapper.deep.bounds.finished import apart_by_sums
from dse.mapper.deep.bounds.layer_spaces import wholes_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.record import record_length
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.mapper.shared.result import LowerBound
from dse.model.price import price
from dse.problem.layer import Layer

ABOVE = 2e-12
"""How far above a bound, relatively, a value is taken to be held, so that what is left out costs no less than it."""


def bound_deep(architecture: Architecture, layer: Layer, cycle_pj: float, factors: str) -> LowerBound:
    """Bound a design by the roots of its searches for energy and for latency, one per choice of bypasses.

    Notes
    -----
    Spaces are bounded one after another, as if a mapping were held that reaches the least bound so far, L. Then a root
    bounds what is below L alone, and work on it ends as soon as its bound reaches L. So each mapping of a space costs
    at least what is returned for it, or L; either way it is at least the least of all.
    """
    prices = price(architecture, layer)
    # Psums that come back from the outermost level are seldom best, so those spaces are soon done as they come last.
    spaces = wholes_of(architecture, layer, factors)
    energies, steps = (_roots(spaces, kind) for kind in (ENERGY, LATENCY))
    if not any(np.any(one) for one in (prices.access_pj, prices.fan_pj, prices.mac_pj, prices.static_pj)):
        energies = [0.0 if energy < inf else inf for energy in energies]  # bounds are logarithms, and zero has none
    # Spaces in which nothing fits are left out: a price of zero times infinite cycles is no number.
    fit = [(energy, time) for energy, time in zip(energies, steps, strict=True) if max(energy, time) < inf]
    per_step = prices.cycles_per_step
    weighted_pj = min((energy + cycle_pj * per_step * time for energy, time in fit), default=inf)
    return LowerBound(min(energies), min(steps) * per_step, weighted_pj)


def _roots(spaces: Sequence[Space], kind: int) -> list[float]:
    """Of each space a bound on energy in pJ or on time in steps, or the least one before it; infinite while nothing
    fits."""
    found, least = list[float](), inf
    for space in spaces:
        value = _root(space, kind, least)
        if space.problem.returns and value < least:
            value = min(_root(part, kind, least) for part in apart_by_sums(space))
        least = min(least, value)
        found.append(least)
    return found


def _root(space: Space, kind: int, least: float) -> float:
    """The root's bound; `least` where it is no less."""
    record = np.zeros((1, record_length(len(space.problem.nodes))), dtype=np.int64)
    visited, stop = np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64)
    values, held = (np.zeros((1, 2)), 0) if least == inf else (np.full((1, 2), least * (1 + ABOVE)), 1)
    node = root_of(space, Best(kind, 0.0, inf, values, record, visited, stop, held))
    return least if node is None else exp(node.bound - MARGIN)
