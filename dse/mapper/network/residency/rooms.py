"""The ways in which a step may have its operands at home, and the room that each leaves for tiles."""

from __future__ import annotations

from itertools import combinations

from dse.mapper.network.residency.choose import Setting
from dse.mapper.network.residency.columns import Column, Way


def ways_of(setting: Setting, i: int) -> list[Way]:
    """What a layer may have at home, each with the room that is left for its tiles at most."""
    graph = setting.graph
    step = graph.steps[i]
    stores = setting.architecture.level(setting.level).stores
    of = {operand: tensors for operand, tensors in step.operands if operand in stores}
    names, widening = [*of, "psum"], graph.widening(i)
    found = []
    for size in range(len(names) + 1):
        for operands in combinations(names, size):
            held = {t for operand in operands for t in of.get(operand, (step.writes,))}
            room = setting.capacity - sum(graph.tensors[t].bits for t in held)
            if room >= 0:
                found.append(Way(frozenset(operands), False, room))
            if "psum" in operands and widening and room >= widening:
                found.append(Way(frozenset(operands), True, room - widening, widening))
    return found


def way_in(setting: Setting, i: int, column: Column, room: int) -> Way:
    """The way of a column, where whole tensors leave so much room beside them."""
    widening = setting.graph.widening(i) if column.wide else 0
    return Way(column.homes, column.wide, room - widening, widening)
