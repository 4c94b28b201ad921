"""A lower bound by what every mapping takes: its MACs, and each word across the outermost level's ports once."""

from __future__ import annotations

from dse.architecture.architecture import Architecture
from dse.mapper.shared.result import LowerBound
from dse.model.counting.records import READ, WRITE
from dse.model.price import price
from dse.problem.dims import IFMAP, PSUM, WEIGHT
from dse.problem.layer import Layer


def rough_bound(architecture: Architecture, layer: Layer, *, cycle_pj: float = 0.0) -> LowerBound:
    """What no mapping of a layer goes below, in microseconds, and far below what it takes.

    Parameters
    ----------
    architecture : Architecture
    cycle_pj : float
        pJ for each cycle in the weighted sum.

    Notes
    -----
    Each word that some MAC uses is read from the outermost level at least once, and each sum is written to it,
    finished, at least once. Each MAC takes one unit for a step. Static and clock power count for the longer of both
    times. What other levels and fan-outs take is left out, and is not negative.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("edge_npu"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> rough, bound = rough_bound(chip, layer), dse.mapper.lower_bound(chip, layer)
    >>> 0 < rough.energy_pj <= bound.energy_pj, 0 < rough.cycles <= bound.cycles
    (True, True)
    """
    layer = architecture.lowered(layer)
    prices = price(architecture, layer)
    taken = (
        (layer.touched_words("ifmap"), IFMAP, READ, 0.0, 0.0),
        (layer.weight_words, WEIGHT, READ, 0.0, 0.0),
        (layer.psum_words, PSUM, WRITE, prices.saved_pj[0, WRITE], prices.port_saved[:, WRITE]),
    )
    energy = prices.mac_pj * layer.macs
    energy += sum(words * (prices.access_pj[0, o, way] - less) for words, o, way, less, _ in taken)
    busy = sum(words * (prices.port_cost[:, o, way] - less) for words, o, way, _, less in taken)
    steps = max([layer.macs / architecture.mac_units, *busy[prices.port_node == 0].tolist()])
    energy, cycles = float(energy + prices.static_pj * steps), steps * prices.cycles_per_step
    return LowerBound(energy, cycles, energy + cycle_pj * cycles)
