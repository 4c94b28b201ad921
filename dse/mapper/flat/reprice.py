"""What mappings of one design cost on another that holds as much and differs in prices, such as at another voltage."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.mapper.flat.gather import instances_of
from dse.mapper.flat.instance import INSTANCE, Instance
from dse.mapper.flat.pricing import price_nest
from dse.mapper.flat.run import (
    BUFFER_ORDER,
    BUFFER_TRIPS,
    CHOICE,
    ON_COLS,
    ON_ROWS,
    OUTER_ORDER,
    OUTER_TRIPS,
    PE_TILE,
    new_work,
)  # fmt: skip
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.model.price import capacities, price
from dse.problem.layer import Layer


@entry
def price_records(inst: Instance, work: Record, records: Ints, positions: Ints, offsets: Ints, values: Floats) -> None:
    """Exact energy and time of some mappings.

    Parameters
    ----------
    work : an element of `dse.mapper.flat.run.WORK`
        Scratch.
    records : (mappings, RECORD) int64
        As a search makes them.
    positions, offsets : (2, longest bound + 1, 3), (4, children + 1) int64
        Scratch of the model.
    values : (mappings, 2) float
        Filled: pJ and steps.
    """
    for i in range(len(records)):
        one = records[i]
        for d in range(8):
            work.m[d], work.n[d] = one[BUFFER_TRIPS + d], one[OUTER_TRIPS + d]
            work.sy[d], work.sx[d] = one[ON_ROWS + d], one[ON_COLS + d]
        f, outer = one[PE_TILE : PE_TILE + 8], one[OUTER_ORDER : OUTER_ORDER + 8]
        price_nest(inst, work, f, positions, offsets, outer, one[BUFFER_ORDER : BUFFER_ORDER + 8], values[i])


def repriced(architecture: Architecture, layer: Layer, records: Any) -> Any:
    """(mappings, 2): energy in pJ and cycles of mappings that `solve_flat` found on a design which maps alike."""
    prices = price(architecture, layer)
    _, instances = instances_of(architecture, layer, prices)
    values = np.zeros((len(records), 2))
    for choice in np.unique(records[:, CHOICE]):
        instance, chosen = instances[choice], np.flatnonzero(records[:, CHOICE] == choice)
        part = np.zeros((len(chosen), 2))
        positions = np.zeros((2, int(instance.bounds[4:].max()) + 1, 3), dtype=np.int64)
        offsets = np.zeros((4, int(instance.pes) + 1), dtype=np.int64)
        compiled(price_records)(instance, new_work(), records[chosen], positions, offsets, part)
        values[chosen] = part
    return values * (1.0, prices.cycles_per_step)


COSTS = frozenset((
    "up_pj", "fill_pj", "outer_pj", "fixed_pj", "parts_pj", "static_pj", "port_up", "port_over", "port_fixed",
    "access_pj", "saved_pj", "fan_pj", "mac_pj", "port_cost", "port_saved",
))  # fmt: skip
"""Fields of an instance that decide what mappings cost, and not which there are."""


def layout_of(architecture: Architecture, layer: Layer) -> bytes:
    """All that decides which mappings there are: what is no cost in the instances, the room of the outermost level, and
    the dataflow's rules."""
    _, instances = instances_of(architecture, layer, price(architecture, layer))
    fields = [name for name in INSTANCE.names or () if name not in COSTS]
    parts = [np.asarray(instance[name]).tobytes() for instance in instances for name in fields]
    dims = [sorted(array.dims) for array in architecture.fan_outs]
    outermost = capacities(architecture)[0].tobytes()
    return b"".join([*parts, outermost, repr((architecture.dataflow, dims)).encode()])
