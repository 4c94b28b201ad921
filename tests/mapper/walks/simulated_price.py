"""Energy and latency of a mapping by the literal simulator, with arithmetic of its own.

A level that buffers by room takes the next tile of an operand while it works if its capacity holds the sets of words of
all tiles there, and that operand's once more; of all choices of such operands the fastest counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from math import prod

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.model.accesses import Accesses
from dse.model.mapping import Mapping, Spatial, Temporal
from dse.model.price import Prices, linear, price
from dse.model.simulator.nest import ORIGIN, boundaries, existing, placed_loops, tile_words
from dse.model.simulator.walk import simulate
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


def simulated_price(layer: Layer, architecture: Architecture, mapping: Mapping) -> tuple[float, float]:
    """pJ and cycles, from counts that come from walking the loops."""
    counts, prices = simulate(layer, architecture, mapping), linear(price(architecture, layer), architecture, layer)
    how = _ways(layer, architecture, mapping, counts)
    cycles = min(_cycles(layer, architecture, mapping, counts, prices, buffering) for buffering in how)
    energy = layer.macs * prices.mac_pj + cycles * prices.static_pj
    for i, node in enumerate(architecture.hierarchy):
        for k, operand in enumerate(OPERANDS):
            if isinstance(node, FanOut):
                crossing = counts.fan_outs[node.name][operand]
                energy += crossing.delivered * prices.fan_pj[i, k, 0] + crossing.hops * prices.fan_pj[i, k, 1]
            else:
                traffic = counts.levels[node.name][operand]
                energy += traffic.reads * prices.access_pj[i, k, 0] + traffic.writes * prices.access_pj[i, k, 1]
                if operand == "psum":
                    finished = counts.finished[node.name]
                    energy -= finished.reads * prices.saved_pj[i, 0] + finished.writes * prices.saved_pj[i, 1]
    return float(energy), float(cycles)


Way = dict[tuple[int, str], str]
"""How each level (its node) buffers each operand."""


def _ways(layer: Layer, architecture: Architecture, mapping: Mapping, counts: Accesses) -> Iterator[Way]:
    """Every choice of what overlaps in levels buffered by room, for which they have room."""
    levels = {i: node for i, node in enumerate(architecture.hierarchy) if isinstance(node, Level)}
    known = {(i, o): node.buffered(o) for i, node in levels.items() for o in OPERANDS}
    kept = {i: mapping.nodes[i].stores for i in levels}  # type: ignore[union-attr]
    by_room = [(i, o) for i, o in known if i > 0 and o in kept[i] and known[i, o] == "room"]
    for chosen in product(("single", "double"), repeat=len(by_room)):
        way: Way = {place: "single" if how == "room" else how for place, how in known.items()}
        way |= dict(zip(by_room, chosen, strict=True))
        if all(_has_room(layer, architecture, mapping, counts, i, way) for i, _ in by_room):
            yield way


def _has_room(
    layer: Layer, architecture: Architecture, mapping: Mapping, counts: Accesses, index: int, way: Way
) -> bool:
    level = architecture.hierarchy[index]
    assert isinstance(level, Level)
    total, fits = 0, True
    for boundary in boundaries(layer, architecture.hierarchy, mapping):
        if boundary.child != index:
            continue
        stop = tuple(min(size, bound) for size, bound in zip(boundary.tile, layer.bounds, strict=True))
        bits = layer.bits[boundary.operand]
        if boundary.operand == "psum":
            _, arrived = _below(architecture, mapping, counts, "psum", index)
            bits = layer.finished_bits if arrived == counts.finished[level.name].writes else bits
        held = bits * len(tile_words(layer, boundary.operand, ORIGIN, stop))
        held *= 2 if way[index, boundary.operand] == "double" else 1
        own = level.partition_bits[boundary.operand] if level.partition_bits is not None else None
        fits = fits and (own is None or held <= own)
        total += held
    return fits and (level.capacity_bits is None or total <= level.capacity_bits)


def _cycles(
    layer: Layer, architecture: Architecture, mapping: Mapping, counts: Accesses, prices: Prices, buffering: Way
) -> float:
    """The array or the busiest port, then first fill, last drain and serial transfers, level by level."""
    rest, busy_of = 0.0, np.zeros(len(prices.port_node))
    for i, node in enumerate(architecture.hierarchy):
        if isinstance(node, FanOut):
            continue
        used = _used(layer, mapping, i)
        filled, drained, serial = [0.0], [0.0], [0.0]
        for port, at in enumerate(prices.port_node):
            if at != i:
                continue
            cost = prices.port_cost[port]
            busy = fill = drain = stop = 0.0
            for k, operand in enumerate(OPERANDS):
                traffic = counts.levels[node.name][operand]
                busy += traffic.reads * cost[k, 0] + traffic.writes * cost[k, 1]
                if operand == "psum":
                    finished, saved = counts.finished[node.name], prices.port_saved[port]
                    busy -= finished.reads * saved[0] + finished.writes * saved[1]
                keepers = _keepers(mapping, operand)
                if i not in keepers[:-1]:
                    continue  # it keeps nothing of this operand, or feeds the MACs
                below = keepers[keepers.index(i) + 1]
                if buffering[below, operand] == "single":
                    read, written = _below(architecture, mapping, counts, operand, i)
                    stop += read * cost[k, 0] + written * cost[k, 1]
                    if operand == "psum":
                        stop -= counts.finished[node.name].writes * prices.port_saved[port, 1]
                while buffering[below, operand] == "streaming" and below != keepers[-1]:
                    below = keepers[keepers.index(below) + 1]
                words = _first_words(layer, mapping, operand, keepers[keepers.index(below) - 1], below)
                if operand == "psum":
                    is_finished = counts.finished[node.name].writes > 0
                    drain += words * (cost[k, 1] - is_finished * prices.port_saved[port, 1])
                else:
                    fill += words * cost[k, 0]
            busy_of[port] = (busy - stop) / used
            filled.append(fill / used)
            drained.append(drain / used)
            serial.append(stop / used)
        rest += max(filled) + max(drained) + max(serial)
    for port, other in enumerate(prices.port_joins):
        if other >= 0:
            busy_of[other] += busy_of[port]
    longest = max(_array(layer, architecture, mapping, counts.steps), busy_of.max(initial=0.0))
    return float(longest + rest)


def _array(layer: Layer, architecture: Architecture, mapping: Mapping, steps: int) -> float:
    """Steps, skew for every stretch of them in which the children keep what they hold, and shifts for each change."""
    temporal = [loop for loop in placed_loops(mapping) if isinstance(mapping.nodes[loop.node], Temporal)]
    crossed = boundaries(layer, architecture.hierarchy, mapping)
    total, work = 0, float(steps)
    for i, fan_out in enumerate(architecture.hierarchy):
        if not isinstance(fan_out, FanOut) or not (fan_out.skew or fan_out.load or fan_out.drain):
            continue
        kept = [b for b in crossed if b.parent < i < b.child < len(mapping.nodes)]
        folds, shifts, before, changes = 0, 0, None, dict.fromkeys(OPERANDS, 0)
        for indices, _ in existing(temporal, layer.bounds):
            changed = [b.operand for b in kept if b.move(before, indices)]
            folds += bool(changed)
            shifts += sum((operand in fan_out.load) + (operand in fan_out.drain) for operand in changed)
            for operand in changed:
                changes[operand] += 1
            before = indices
        skew = fan_out.skew * (fan_out.rows + fan_out.cols - 2)
        if not fan_out.overlap:
            total += max(folds, 1) * skew + shifts * fan_out.rows
            continue
        total += skew
        for operand, count in changes.items():
            each = fan_out.rows * ((operand in fan_out.load) + (operand in fan_out.drain))
            if each and count:  # folds of equal work, of which all but the last hide the next one's shift
                fold = work / count
                work = each + (count - 1) * max(fold, each) + fold
    return total + work


def _keepers(mapping: Mapping, operand: str) -> list[int]:
    return [i for i, node in enumerate(mapping.nodes) if isinstance(node, Temporal) and operand in node.stores]


def _below(
    architecture: Architecture, mapping: Mapping, counts: Accesses, operand: str, parent: int
) -> tuple[int, int]:
    """Words of an operand read from and written to a level by what is below it."""
    names = [node.name for node in architecture.hierarchy]
    if operand != "psum":
        return counts.levels[names[parent]][operand].reads, 0
    keepers = [*_keepers(mapping, operand), len(names)]
    from_above = drained = 0
    for level, child in pairwise(keepers):
        traffic = counts.levels[names[level]][operand]
        given_back, arrived = traffic.reads - drained, traffic.writes - from_above
        if level == parent:
            return given_back, arrived
        fans = [node for node in architecture.hierarchy[level:child] if isinstance(node, FanOut)]
        from_above, drained = given_back, arrived + sum(counts.fan_outs[fan.name][operand].hops for fan in fans)
    raise AssertionError(parent)


def _used(layer: Layer, mapping: Mapping, index: int) -> int:
    spatial = [loop for node in mapping.nodes[:index] if isinstance(node, Spatial) for loop in node.loops]
    return prod(
        min(bound, prod(loop.trips for loop in spatial if loop.dim == dim))
        for dim, bound in zip(DIMS, layer.bounds, strict=True)
    )


def _first_words(layer: Layer, mapping: Mapping, operand: str, parent: int, child: int) -> int:
    """Words of an operand that the children of one parent hold at the first step, as one box."""
    across = [node for node in mapping.nodes[parent:child] if isinstance(node, Spatial)]
    loops = [loop for node in (*across, *mapping.nodes[child:]) for loop in node.loops]
    size = {
        dim: min(bound, prod(loop.trips for loop in loops if loop.dim == dim))
        for dim, bound in zip(DIMS, layer.bounds, strict=True)
    }
    if operand == "weight":
        return prod(size[dim] for dim in "GKCRS")
    if operand == "psum":
        return prod(size[dim] for dim in "GNKPQ")
    height = (size["P"] - 1) * layer.stride_h + (size["R"] - 1) * layer.dilation_h + 1
    width = (size["Q"] - 1) * layer.stride_w + (size["S"] - 1) * layer.dilation_w + 1
    return size["G"] * size["N"] * size["C"] * height * width
