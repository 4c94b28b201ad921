"""The ways in which a step may have its operands at home, and the room that each leaves for tiles."""

from __future__ import annotations

from itertools import combinations, product

from dse.mapper.network.residency.choice import Setting
from dse.mapper.network.residency.columns import AtHome, Bits, Column, Way, level_of


def ways_of(setting: Setting, i: int) -> list[Way]:
    """What a layer may have at home, each with the room that is left for its tiles at most."""
    graph, levels = setting.graph, range(len(setting.levels))
    step = graph.steps[i]
    stores = [setting.architecture.level(level).stores for level in setting.levels]
    of = {**dict(step.operands), "psum": (step.writes,)}
    found = []
    for size in range(len(of) + 1):
        for operands in combinations(of, size):
            for places in product(levels, repeat=size):
                where = dict(zip(operands, places, strict=True))
                if any(operand not in stores[h] for operand, h in where.items()):
                    continue
                homes = tuple(frozenset(operand for operand in operands if where[operand] == h) for h in levels)
                room = tuple(
                    capacity - sum(graph.tensors[t].bits for t in {t for operand in own for t in of[operand]})
                    for capacity, own in zip(setting.capacities, homes, strict=True)
                )
                widths = (False, True) if "psum" in operands and graph.widening(i) else (False,)
                ways = [_way(setting, i, homes, room, wide=wide) for wide in widths]
                found += [way for way in ways if min(way.room) >= 0]
    return found


def way_in(setting: Setting, i: int, column: Column, room: Bits) -> Way:
    """The way of a column, where whole tensors leave so much room beside them."""
    return _way(setting, i, column.homes, room, wide=column.wide)


def _way(setting: Setting, i: int, homes: AtHome, room: Bits, *, wide: bool) -> Way:
    widening = setting.graph.widening(i) if wide else 0
    more = tuple(widening if h == level_of(homes, "psum") else 0 for h in range(len(homes)))
    return Way(homes, wide, tuple(bits - own for bits, own in zip(room, more, strict=True)), more)
