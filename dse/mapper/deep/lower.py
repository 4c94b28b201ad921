"""A lower bound on everything that a layer can cost on a hierarchy of any depth: those of the deep search's roots."""

from __future__ import annotations

from math import exp, inf

import numpy as np

from dse.architecture.architecture import Architecture
from dse.mapper.deep.bounds.subproblem import MARGIN, Best, Space, root_of
from dse.mapper.deep.nest import record_length
from dse.mapper.deep.solve import spaces_of
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.mapper.shared.result import LowerBound
from dse.model.price import price
from dse.problem.layer import Layer


def bound_deep(architecture: Architecture, layer: Layer, cycle_pj: float, factors: str) -> LowerBound:
    """Bound a design by the roots of its searches for energy and for latency, one per choice of bypasses."""
    prices = price(architecture, layer)
    _, spaces = spaces_of(architecture, layer, factors)
    searched = [part for space in spaces for part in space.parts or (space,)]
    least = [[_root(space, kind) for kind in (ENERGY, LATENCY)] for space in searched]
    energy_pj = min(energy for energy, _ in least)
    cycles = min(steps for _, steps in least) * prices.cycles_per_step
    # Spaces in which nothing fits are left out: a price of zero times infinite cycles is no number.
    fit = [(energy, steps) for energy, steps in least if max(energy, steps) < inf]
    weighted_pj = min((energy + cycle_pj * prices.cycles_per_step * steps for energy, steps in fit), default=inf)
    return LowerBound(energy_pj, cycles, weighted_pj)


def _root(space: Space, kind: int) -> float:
    """The root's bound on energy in pJ or on time in steps; infinite when nothing fits."""
    record = np.zeros((1, record_length(len(space.problem.nodes))), dtype=np.int64)
    visited, stop = np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64)
    node = root_of(space, Best(kind, 0.0, inf, np.zeros((1, 2)), record, visited, stop))
    return inf if node is None else exp(node.bound - MARGIN)
