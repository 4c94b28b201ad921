"""What an access, a transfer and a cycle cost on an architecture, for elements of the widths a layer has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.model.time import DOUBLE, SINGLE, STREAMING
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

BUFFERING = {"streaming": STREAMING, "double": DOUBLE, "single": SINGLE}


@dataclass(frozen=True, slots=True)
class Prices:
    """Costs per element, as arrays over the nodes of a hierarchy.

    Parameters
    ----------
    access_pj : (nodes, 3, 2) float
        Reading and writing one element of each operand.
    fan_pj : (nodes, 3, 2) float
        Delivering one element to one child; one hop between children.
    mac_pj : float
    static_pj : float
        Per cycle.
    buffering : (nodes,) int64
    port_names : tuple of str
        `LEVEL port`.
    port_node : (ports,) int64
    port_cost : (ports, 3, 2) float
        Cycles per element.
    """

    access_pj: Any
    fan_pj: Any
    mac_pj: float
    static_pj: float
    buffering: Any
    port_names: tuple[str, ...]
    port_node: Any
    port_cost: Any


def price(architecture: Architecture, layer: Layer) -> Prices:
    """Price every kind of event on an architecture for a layer's bit widths.

    An element that is narrower or wider than a level's word takes that part of a word's energy and time: words are
    packed.
    """
    nodes = architecture.hierarchy
    access = np.zeros((len(nodes), 3, 2))
    fan = np.zeros((len(nodes), 3, 2))
    buffering = np.zeros(len(nodes), dtype=np.int64)
    names: list[str] = []
    places: list[int] = []
    costs: list[Any] = []
    for i, node in enumerate(nodes):
        share = np.array([layer.bits[o] / node.word_bits for o in OPERANDS])
        if isinstance(node, FanOut):
            fan[i] = (share * np.array(list(node.word_energy_pj)))[:, None]
            continue
        access[i, :, 0] = share * np.array(list(node.read_energy_pj))
        access[i, :, 1] = share * np.array(list(node.write_energy_pj))
        buffering[i] = BUFFERING[node.buffering]
        for port in node.ports:
            names.append(f"{node.name} {port.name}")
            places.append(i)
            served = [[float((o, way) in port.serves) for way in ("read", "write")] for o in OPERANDS]
            costs.append(np.array(served) * share[:, None] / port.words_per_cycle)
    return Prices(
        access_pj=access,
        fan_pj=fan,
        mac_pj=architecture.mac.energy_at_pj(*layer.bits),
        static_pj=architecture.total_static_power_mw * 1e9 / architecture.clock_hz,
        buffering=buffering,
        port_names=tuple(names),
        port_node=np.array(places, dtype=np.int64),
        port_cost=np.array(costs).reshape(len(names), 3, 2),
    )


def capacities(architecture: Architecture) -> Any:
    """(nodes, 4) float: bits that a tile may take of one instance, per operand and shared; infinite where unbounded."""
    table = np.full((len(architecture.hierarchy), 4), np.inf)
    for i, node in enumerate(architecture.hierarchy):
        if not isinstance(node, Level):
            continue
        if node.capacity_bits is not None:
            table[i, 3] = node.capacity_bits // node.tile_share
        if node.partition_bits is not None:
            for k, bits in enumerate(node.partition_bits):
                if bits is not None:
                    table[i, k] = bits // node.tile_share
    return table
