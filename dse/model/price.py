"""What an access, a transfer and a cycle cost on an architecture, for elements of the widths a layer has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.remembered import Remembered, remembered
from dse.model.sparsity import Activity, activity, compressed_share
from dse.model.time import DOUBLE, SINGLE, STREAMING
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

BUFFERING = {"streaming": STREAMING, "double": DOUBLE, "single": SINGLE, "room": SINGLE}
"""Levels buffered by room are priced in one of `dse.model.room.ways`; until then nothing overlaps in them."""


PSUM = OPERANDS.index("psum")

SHARED = len(OPERANDS)
"""Column of `capacities` for the room that operands share, after those of the operands."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Costs per element, as arrays over the nodes of a hierarchy.

    Parameters
    ----------
    access_pj : (nodes, 3, 2) float
        Reading and writing one element of each operand, a psum as unfinished.
    saved_pj : (nodes, 2) float
        By how much less a finished psum costs to read and to write. Nobody reads one from the outermost level: 0.
    fan_pj : (nodes, 3, 2) float
        Delivering one element to one child; one hop between children.
    mac_pj : float
        Of one MAC on average, the gated and the skipped ones included.
    spared_pj : float
        Average saving on every accumulation into a psum of the innermost level that does not start a visit.
    static_pj : float
        Static and clock power, per step.
    buffering : (nodes, 3) int64
        Per operand.
    port_names : tuple of str
        `LEVEL port`.
    port_node : (ports,) int64
    port_cost : (ports, 3, 2) float
        Steps per element.
    port_saved : (ports, 2) float
        By how many steps less a finished psum takes to read and to write; see `saved_pj`.
    port_joins : (ports,) int64
        The port whose time this one's adds to, -1 for none.
    cycles_per_step : float
        Cycles of one compute step: 1, or less where zeros are skipped. All times here are in steps.
    """

    access_pj: Any
    saved_pj: Any
    fan_pj: Any
    mac_pj: float
    spared_pj: float
    static_pj: float
    buffering: Any
    port_names: tuple[str, ...]
    port_node: Any
    port_cost: Any
    port_saved: Any
    port_joins: Any
    cycles_per_step: float


def price(architecture: Architecture, layer: Layer) -> Prices:
    """Price every kind of event on an architecture for a layer's bit widths and densities.

    An element that is narrower or wider than a level's word takes that part of a word's energy and time: words are
    packed. Finished psums have a width of their own. Zeros that are gated, skipped or compressed scale what they act on
    (`dse.model.sparsity`).

    Examples
    --------
    >>> import dse
    >>> prices = price(dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3))
    >>> dram, mac = prices.access_pj[0, 0, 0], prices.mac_pj
    >>> round(float(dram / mac), 6)
    200.0
    """
    by_rows = any("csr" in level.compression for level in architecture.levels)
    what = layer.bits, layer.finished_bits, layer.density, layer.blocks, layer.packed
    return _PRICES.of(architecture, layer if by_rows else what, lambda: _price(architecture, layer))


_PRICES: Remembered[Prices] = Remembered(256)
"""Layers of a network mostly have the same."""


def _price(architecture: Architecture, layer: Layer) -> Prices:
    nodes, feeding = architecture.hierarchy, architecture.feeding
    left = activity(architecture, layer)
    access, saved = np.zeros((len(nodes), 3, 2)), np.zeros((len(nodes), 2))
    fan = np.zeros((len(nodes), 3, 2))
    buffering = np.zeros((len(nodes), 3), dtype=np.int64)
    names: list[str] = []
    places: list[int] = []
    costs: list[Any] = []
    joined: list[str] = []
    spared: list[Any] = []
    for i, node in enumerate(nodes):
        if isinstance(node, FanOut):
            fan[i] = (_widths(layer) / node.word_bits * np.array(list(node.word_energy_pj)))[:, None]
            continue
        feeds = any(node is other for other in feeding)
        own = _of_level(node, layer, left, is_outermost=i == 0, feeds=feeds)
        access[i], saved[i], buffering[i] = own.access_pj, own.saved_pj, own.buffering
        for port, cost, less in zip(node.ports, own.port_cost, own.port_saved, strict=True):
            names.append(f"{node.whole} {port.name}")
            places.append(i)
            joined.append(port.joins)
            costs.append(cost)
            spared.append(less)
    home = ["" if other else name for name, other in zip(names, joined, strict=True)]
    mac = architecture.mac
    power_mw = architecture.total_static_power_mw + architecture.total_clock_power_mw
    return Prices(
        access_pj=access,
        saved_pj=saved,
        fan_pj=fan,
        mac_pj=left.switching * mac.energy_at_pj(*layer.bits) + left.gated * mac.gated_energy_pj,
        spared_pj=_spared_pj(architecture, left, access[:, PSUM]),
        static_pj=power_mw * 1e9 / architecture.clock_hz * left.steps,
        buffering=buffering,
        port_names=tuple(names),
        port_node=np.array(places, dtype=np.int64),
        port_cost=np.array(costs).reshape(len(names), 3, 2),
        port_saved=np.array(spared).reshape(len(names), 2),
        port_joins=np.array([home.index(other) if other else -1 for other in joined], dtype=np.int64),
        cycles_per_step=left.steps,
    )


class _OfLevel(NamedTuple):
    """What `Prices` has of one level, and of each of its ports."""

    access_pj: Any
    saved_pj: Any
    buffering: list[int]
    port_cost: list[Any]
    port_saved: list[Any]


@lru_cache(maxsize=1024)
def _of_level(node: Level, layer: Layer, left: Activity, *, is_outermost: bool, feeds: bool) -> _OfLevel:
    """A further hardware point has most levels in common with others."""
    share, access = _widths(layer) / node.word_bits, np.zeros((3, 2))
    access[:, 0] = share * np.array(list(node.read_energy_pj))
    access[:, 1] = share * np.array(list(node.write_energy_pj))
    saved_share = _saved_share(node, layer, is_outermost=is_outermost)
    saved = saved_share * access[PSUM]
    _leave_out_zeros(access, node, layer, left, is_last=feeds)
    costs, spared = [], []
    for port in node.ports:
        served = [[float((o, way) in port.serves) for way in ("read", "write")] for o in OPERANDS]
        cost = np.array(served) * share[:, None] / port.words_per_cycle
        _leave_out_zeros(cost, node, layer, _skipped_only(left), is_last=feeds)
        costs.append(cost / left.steps)
        spared.append(saved_share * cost[PSUM] / left.steps)
    return _OfLevel(access, saved, [BUFFERING[node.buffered(o)] for o in OPERANDS], costs, spared)


def _widths(layer: Layer) -> Any:
    return np.array([float(bits) for bits in layer.held_bits])


def _leave_out_zeros(table: Any, level: Level, layer: Layer, left: Activity, *, is_last: bool) -> None:
    """Scale what elements cost, (3, 2) by operand and direction, by what compression and idle MACs leave of them.

    Ifmap and weights are read from the innermost level by the MACs alone. Psums are not coded until they are finished.
    """
    for k, operand in enumerate(OPERANDS):
        coding = level.compression[operand]
        if coding is not None and k != PSUM and operand not in layer.packed:
            table[k] *= compressed_share(coding, layer, operand)
        if is_last and k != PSUM:
            table[k, 0] *= left.accesses[operand]


def _saved_share(level: Level, layer: Layer, *, is_outermost: bool) -> Any:
    """(2,): the part of what a psum costs to read and to write that a finished one, narrower and coded, saves."""
    coding, share = level.compression.psum, layer.finished_bits / layer.bits.psum
    coded = share if coding is None else share * compressed_share(coding, layer, "psum")
    return np.array([0.0 if is_outermost else 1 - share, 1 - coded])


def _skipped_only(left: Activity) -> Activity:
    """Time is saved by skipping alone: a gated access leaves its slot of the port empty."""
    return replace(left, accesses=left.slots)


def _spared_pj(architecture: Architecture, left: Activity, access_pj: Any) -> float:
    keepers = [i for i, node in enumerate(architecture.hierarchy)
               if node in architecture.feeding and isinstance(node, Level) and "psum" in node.stores - node.may_bypass]
    return float((1 - left.accesses.psum) * access_pj[keepers].sum())


def linear(prices: Prices, architecture: Architecture, layer: Layer) -> Prices:
    """The same prices with `spared_pj` worked into those of MACs and hops, for hierarchies with one fan-out at most.

    Of the accumulations into the innermost level's psums, S = V - (U - D) start a visit: V words leave the level, U
    reach its parent after V - U hops, D are distinct. So MACs - hops - D of them are accumulations that zeros spare.

    Examples
    --------
    Dense layers have no accumulations that zeros spare, so their prices stay as they are.

    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> prices = price(chip, layer)
    >>> linear(prices, chip, layer) is prices
    True
    """
    if not prices.spared_pj:
        return prices
    fans = [i for i, node in enumerate(architecture.hierarchy) if isinstance(node, FanOut)]
    fan_pj = prices.fan_pj.copy()
    for i in fans:
        fan_pj[i, PSUM, 1] += prices.spared_pj
    mac_pj = prices.mac_pj - prices.spared_pj * (1 - layer.psum_words / layer.macs)
    return replace(prices, fan_pj=fan_pj, mac_pj=mac_pj, spared_pj=0.0)


def capacities(architecture: Architecture) -> Any:
    """(nodes, 4) float: bits that a tile may take of one instance, per operand and shared; infinite where unbounded.

    Examples
    --------
    >>> import dse
    >>> capacities(dse.load_architecture("eyeriss"))[1].tolist()  # GLB: 108 KiB for its operands together
    [inf, inf, inf, 884736.0]
    """
    table = np.full((len(architecture.hierarchy), 4), np.inf)
    for i, node in enumerate(architecture.hierarchy):
        if not isinstance(node, Level):
            continue
        if node.capacity_bits is not None:
            table[i, SHARED] = node.capacity_bits // node.tile_share
        if node.partition_bits is not None:
            for k, bits in enumerate(node.partition_bits):
                if bits is not None:
                    table[i, k] = bits // node.tile_share
    return table


@remembered(256)
def is_limited(architecture: Architecture) -> bool:
    """Whether the outermost level has a capacity.

    Examples
    --------
    >>> import dse
    >>> is_limited(dse.load_architecture("eyeriss"))
    False
    """
    return bool(np.isfinite(capacities(architecture)[0]).any())
