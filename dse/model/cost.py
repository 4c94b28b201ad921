"""What a layer costs under a mapping: energy, latency and reuse, each attributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.errors import DseError
from dse.model.accesses import Accesses
from dse.model.counts import RELEVANCE, Count, Structure, count_mapping, flatten, readable, window_of
from dse.model.fit import check_fit
from dse.model.mapping import Mapping
from dse.model.price import Prices, price
from dse.model.reuse import Reuse, reuse_of
from dse.model.sparsity import outermost_bits, uses_zeros
from dse.model.time import latency
from dse.model.timeloop import arrays, count_timeloop
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one layer.

    Parameters
    ----------
    energy_pj : float
    cycles : float
    latency_s : float
    macs : int
    utilization : float
        MACs over the MACs that all units could have done in `cycles`, skipped ones left out.
    bound_by : str
        `compute`, or the port that takes longest.
    cycles_by : dict
        `compute`, every port (overlapped with it), and what cannot overlap: `first fill`, `last drain`, `serial`,
        and for arrays with a skew `skew` and `shifts`.
    energy_by_level_pj : dict
        Levels, fan-outs, `MAC` and `static` (static and clock power); adds up to `energy_pj`.
    energy_by_operand_pj : dict
        Operands, `MAC` and `static`; adds up to `energy_pj`.
    accesses : Accesses
        In elements, zeros included.
    outermost_bits : dict
        Bits read from and written to the outermost level by operand, as they are coded there.
    reuse : tuple of Reuse
    """

    energy_pj: float
    cycles: float
    latency_s: float
    macs: int
    utilization: float
    bound_by: str
    cycles_by: dict[str, float]
    energy_by_level_pj: dict[str, float]
    energy_by_operand_pj: dict[str, float]
    accesses: Accesses
    outermost_bits: dict[str, dict[str, float]]
    reuse: tuple[Reuse, ...]

    @property
    def edp_js(self) -> float:
        """Energy times delay, in joule seconds."""
        return self.energy_pj * 1e-12 * self.latency_s

    def to_dict(self) -> dict[str, Any]:
        return {
            "macs": self.macs,
            "energy_pj": self.energy_pj,
            "cycles": self.cycles,
            "latency_s": self.latency_s,
            "edp_js": self.edp_js,
            "utilization": self.utilization,
            "bound_by": self.bound_by,
            "cycles_by": dict(self.cycles_by),
            "energy_by_level_pj": dict(self.energy_by_level_pj),
            "energy_by_operand_pj": dict(self.energy_by_operand_pj),
            "accesses": self.accesses.to_dict(),
            "outermost_bits": {operand: dict(moved) for operand, moved in self.outermost_bits.items()},
            "reuse": [reuse.to_dict() for reuse in self.reuse],
        }


def evaluate(architecture: Architecture, layer: Layer, mapping: Mapping, *, counting: str = "house") -> Cost:
    """Price a mapping.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    mapping : Mapping
        Of the layer as the architecture runs it: see `Architecture.lowered`.
    counting : {"house", "timeloop"}
        Whose rules the counts follow. Timeloop's want perfect factors, overlap everything and tell nothing of reuse.

    Returns
    -------
    Cost

    Raises
    ------
    MappingError
        When the mapping does not match the hierarchy, does not compute the layer, or does not fit.

    Notes
    -----
    Energy is reads and writes of every level, words delivered and psum hops of every fan-out, MACs, and static and
    clock power over the latency; `dse.model.price` says what zeros leave of each. Latency is `dse.model.time.latency`;
    under Timeloop's counting it is its longest part.
    """
    layer = architecture.lowered(layer)
    mapping.check(architecture, layer)
    check_fit(layer, architecture, mapping)
    prices = price(architecture, layer)
    spared = 0.0
    if counting == "timeloop":
        if uses_zeros(architecture):
            raise DseError(f"{architecture.name} makes use of zeros, and Timeloop's counts are of dense words")
        theirs = count_timeloop(layer, architecture, mapping)
        accesses = theirs.accesses()
        reuse: tuple[Reuse, ...] = ()
        levels, fans = arrays(architecture, accesses)
        cycles_by = theirs.cycles_by(architecture, layer)
        bound_by = max(cycles_by, key=lambda part: cycles_by[part])
        cycles = cycles_by[bound_by]
    elif counting == "house":
        counted = count_mapping(layer, architecture, mapping)
        levels, fans = counted.levels, counted.fans
        accesses, reuse = readable(layer, architecture, counted), reuse_of(layer, architecture, counted)
        folds = Structure.of(architecture).folds
        cycles, bound_by, cycles_by = _cycles(layer, mapping, counted, prices, folds)
        spared = prices.spared_pj * _accumulations(counted, len(mapping.nodes) - 1)
    else:
        raise DseError(f"counting={counting!r} is not house or timeloop")
    by_level: dict[str, float] = {}
    by_operand = dict.fromkeys(OPERANDS, 0.0)
    for i, node in enumerate(architecture.hierarchy):
        words, each = (fans, prices.fan_pj) if isinstance(node, FanOut) else (levels, prices.access_pj)
        energies = (words[i] * each[i]).sum(axis=1)
        by_level[node.name] = float(energies.sum())
        for operand, energy in zip(OPERANDS, energies, strict=True):
            by_operand[operand] += float(energy)
    by_level[architecture.hierarchy[-1].name] -= spared
    by_operand["psum"] -= spared
    steps = cycles / prices.cycles_per_step
    rest = {"MAC": layer.macs * prices.mac_pj, "static": steps * prices.static_pj}
    by_level |= rest
    return Cost(
        energy_pj=sum(by_level.values()),
        cycles=cycles,
        latency_s=cycles / architecture.clock_hz,
        macs=layer.macs,
        utilization=layer.macs / (steps * architecture.mac_units),
        bound_by=bound_by,
        cycles_by=cycles_by,
        energy_by_level_pj=by_level,
        energy_by_operand_pj=by_operand | rest,
        accesses=accesses,
        outermost_bits=outermost_bits(architecture, layer, accesses),
        reuse=reuse,
    )


def _cycles(
    layer: Layer, mapping: Mapping, counted: Count, prices: Prices, folds: Any
) -> tuple[float, str, dict[str, float]]:
    n, dim, trips, step, place, spatial = flatten(mapping)
    split = np.zeros(6)
    ports = np.zeros(len(prices.port_names))
    busiest = latency(
        n, dim, trips, place, spatial, np.array(layer.bounds, dtype=np.int64), window_of(layer), counted.ends,
        counted.booked, counted.levels, counted.steps, prices.buffering, prices.port_node, prices.port_cost, split,
        ports, step, RELEVANCE, folds, np.zeros(n, dtype=np.int64),
    )  # fmt: skip
    split, ports = split * prices.cycles_per_step, ports * prices.cycles_per_step
    by = {"compute": float(split[0])}
    by |= {name: float(time) for name, time in zip(prices.port_names, ports, strict=True)}
    longest = max(by.values())
    by |= {"first fill": float(split[1]), "last drain": float(split[2]), "serial": float(split[3])}
    if folds.any():
        by |= {"skew": float(split[4]), "shifts": float(split[5])}
    return longest + float(split[1:].sum()), "compute" if busiest < 0 else prices.port_names[busiest], by


def _accumulations(counted: Count, last: int) -> int:
    """Psums that the MACs read from the innermost level to add to: all but those that start a visit."""
    psum = OPERANDS.index("psum")
    return sum(int(read) for (parent, _), (read, _) in zip(counted.ends[psum], counted.booked[psum], strict=True)
               if parent == last)  # fmt: skip
