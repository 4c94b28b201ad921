"""What the energy and the times of sketches are sums of, gathered from the numbers of a problem. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.model.counting.kernel import Floats, Ints
from dse.model.counting.records import NONE, READ, WRITE
from dse.model.price import SHARED
from dse.model.time import SINGLE, STREAMING
from dse.problem.dims import PSUM


class SketchSums(NamedTuple):
    """What energy and times are sums of.

    Parameters
    ----------
    operand, parent, child : (c,) int64
        Of each crossing: the operand, and the levels between which it crosses.
    views : (c + 1,) int64
        Where each crossing's words begin: those into the children, then with the children of one fan-out more, from
        the innermost outwards, as one.
    counted : (V, k) int64
        Of each of these, 1 for the levels whose fan-outs have children that count one by one.
    form : (V, 1 + ports) or (V, 1 + 2 * ports) float
        Energy of a word; time of each port that overlaps, then such that does not, if there is any.
    constant : (1 + ports,) or (1 + 2 * ports,) float
    ports : (ports,) int64
        The level of each.
    fills : (f, 4) int64
        First fills and last drains: port, operand, level of the tile, and level from which on fan-outs spread it.
    fill_cost : (f,) float
        Of a word.
    bounds, window, totals, static_pj
        Those of the problem; totals are its words.
    bits : (k, 3) int64
        Of an element in each level, 0 where a level does not keep an operand, or has room for all there is.
    finished : (k,) int64
        The same of a psum where only finished ones come.
    from_inside : (k,) int64
        The last view of the crossing that brings psums to a level from inside, -1 for none.
    capacity : (k + 1, 4) float
    state : (3,) int64
        How many estimates there were; 1 while psums may not come back from the outermost level; and 1 while only
        mappings that fit are wanted. Together, as a field more makes estimates a third slower.
    """

    operand: Ints
    parent: Ints
    child: Ints
    views: Ints
    counted: Ints
    form: Floats
    constant: Floats
    ports: Ints
    fills: Ints
    fill_cost: Floats
    bounds: Ints
    window: Ints
    totals: Floats
    static_pj: float
    bits: Ints
    capacity: Floats
    finished: Ints
    from_inside: Ints
    state: Ints


def sums_of(dp: Deep, narrow: Ints) -> SketchSums:
    """Gather what energy and times are sums of: see `dse.mapper.deep.bounds.sums.terms.Book`."""
    levels, ports = len(dp.nodes), len(dp.port_node)
    operand, parent, child, views, counted, fans = _crossings_of(dp)
    count = len(operand)
    bits = np.zeros((levels, 3), dtype=np.int64)
    serial = False
    for c in range(count):
        serial = serial or (child[c] < levels and dp.buffering[dp.nodes[child[c]], operand[c]] == SINGLE)
    sizes = 1 + ports + (ports if serial else 0)
    form, constant = np.zeros((len(counted), sizes)), np.zeros(sizes)
    level_of = np.zeros(ports, dtype=np.int64)
    for t in range(ports):
        for level in range(levels):
            if dp.nodes[level] == dp.port_node[t]:
                level_of[t] = level
    from_inside, finished = np.full(levels, -1), np.zeros(levels, dtype=np.int64)
    for c in range(count):
        if operand[c] == PSUM:
            from_inside[parent[c]] = views[c + 1] - 1
    for level in range(1, levels):
        for o in range(3):
            if dp.kept[level, o] == 1 and min(dp.capacity[level, o], dp.capacity[level, SHARED]) < np.inf:
                bits[level, o] = dp.bits[level, o]
        finished[level] = min(bits[level, PSUM], narrow[level])
    fills, fill_cost = _fills_of(dp, operand, parent, child, level_of)
    sums = SketchSums(
        operand, parent, child, views, counted, form, constant, level_of, fills, fill_cost, dp.bounds, dp.window,
        dp.words, dp.static_pj, bits, dp.capacity, finished, from_inside, np.zeros(3, dtype=np.int64),
    )  # fmt: skip
    _book_energy(dp, sums, fans)
    for t in range(ports):
        _book_port(dp, sums, t)
    return sums


def _crossings_of(dp: Deep) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """The crossings of each operand, `operand` to `counted` of `SketchSums`, and the fan-out that each row comes to."""
    levels = len(dp.nodes)
    operand, parent = np.zeros(3 * levels, dtype=np.int64), np.zeros(3 * levels, dtype=np.int64)
    child, views = np.zeros(3 * levels, dtype=np.int64), np.zeros(3 * levels + 1, dtype=np.int64)
    counted = np.zeros((3 * levels * (levels + 1), levels), dtype=np.int64)
    fans = np.zeros((3 * levels * (levels + 1)), dtype=np.int64)
    count = 0
    for o in range(3):
        outside = 0
        for inside in range(1, levels + 1):
            if dp.kept[inside, o] == 0:
                continue
            operand[count], parent[count], child[count] = o, outside, inside
            row = views[count]
            for level in range(inside):
                counted[row, level] = 1 if dp.fans[level] >= 0 else 0
            for level in range(inside - 1, outside - 1, -1):
                if dp.fans[level] < 0:
                    continue
                joins = dp.reduces[dp.fans[level]] == 1 if o == PSUM else dp.multicast[dp.fans[level]] != NONE
                fans[row] = level
                row += 1
                for x in range(levels):
                    counted[row, x] = counted[row - 1, x]
                if joins:
                    counted[row, level] = 0
            views[count + 1] = row + 1
            count += 1
            outside = inside
    rows = views[count]
    return operand[:count], parent[:count], child[:count], views[: count + 1], counted[:rows], fans[:rows]


def _back(dp: Deep, sums: SketchSums, c: int, row: int, cost: float) -> None:
    """Book psums that are read back: those that arrive less those that start a visit empty."""
    form, views = sums.form, sums.views
    if cost == 0.0:
        return
    form[views[c + 1] - 1, row] += cost
    sums.constant[row] -= cost * dp.words[PSUM]
    for x in range(c):
        if sums.operand[x] == PSUM:
            form[views[x], row] -= cost
            form[views[x + 1] - 1, row] += cost


def _book_energy(dp: Deep, sums: SketchSums, fans: Ints) -> None:
    """Fill the energy's row."""
    form, constant, views, levels = sums.form, sums.constant, sums.views, len(dp.nodes)
    constant[0] = dp.mac_pj
    for c in range(len(sums.operand)):
        o, outside, first, last = sums.operand[c], dp.nodes[sums.parent[c]], views[c], views[c + 1] - 1
        inside = dp.nodes[sums.child[c]] if sums.child[c] < levels else -1
        read = dp.access_pj[inside, o, READ] if inside >= 0 else 0.0
        write = dp.access_pj[inside, o, WRITE] if inside >= 0 else 0.0
        delivered = 0.0
        for v in range(first, last):
            fan = dp.fans[fans[v]]
            if o == PSUM:
                delivered += dp.fan_pj[fan, o, 0]
                form[v, 0] += dp.fan_pj[fan, o, 1]
                form[v + 1, 0] -= dp.fan_pj[fan, o, 1]
            else:
                form[v, 0] += dp.fan_pj[fan, o, 0]
        if o == PSUM:
            spared = dp.spared_pj if inside < 0 else 0.0
            _back(dp, sums, c, 0, dp.access_pj[outside, o, READ] + write + delivered - spared)
            form[last, 0] += dp.access_pj[outside, o, WRITE]
            form[first, 0] += read
            if dp.never_finished[sums.parent[c]] == 0:
                constant[0] -= dp.words[PSUM] * (dp.saved_pj[outside, READ] + dp.saved_pj[outside, WRITE])
        else:
            form[last, 0] += dp.access_pj[outside, o, READ]
            form[first, 0] += write


def _book_port(dp: Deep, sums: SketchSums, t: int) -> None:
    """Fill the two rows of a port's time, joined with that of the port that it is one with."""
    form, constant, views, levels, ports = sums.form, sums.constant, sums.views, len(dp.nodes), len(dp.port_node)
    node, cost, saved = dp.port_node[t], dp.port_cost[t], dp.port_saved[t]
    mine = dp.port_joins[t] if dp.port_joins[t] >= 0 else t
    for c in range(len(sums.operand)):
        o, first, last = sums.operand[c], views[c], views[c + 1] - 1
        inside = dp.nodes[sums.child[c]] if sums.child[c] < levels else -1
        if dp.nodes[sums.parent[c]] == node:
            single = inside >= 0 and dp.buffering[inside, o] == SINGLE
            row = 1 + ports + t if single else 1 + mine
            if o == PSUM:
                _back(dp, sums, c, row, cost[o, READ])
                form[last, row] += cost[o, WRITE]
                if dp.never_finished[sums.parent[c]] == 0:
                    constant[row] -= dp.words[PSUM] * saved[WRITE]
                    constant[1 + mine] -= dp.words[PSUM] * saved[READ]
            else:
                form[last, row] += cost[o, READ]
        if inside == node:
            if o == PSUM:
                form[first, 1 + mine] += cost[o, READ]
                _back(dp, sums, c, 1 + mine, cost[o, WRITE])
            else:
                form[first, 1 + mine] += cost[o, WRITE]


def _fills_of(dp: Deep, operand: Ints, parent: Ints, child: Ints, ports: Ints) -> tuple[Ints, Floats]:
    """First fills and last drains that take time, port by port: what `SketchSums` has of them."""
    count, levels = 0, len(dp.nodes)
    fills, costs = np.zeros((3 * len(ports), 4), dtype=np.int64), np.zeros(3 * len(ports))
    for t in range(len(ports)):
        for c in range(len(operand)):
            o, at = operand[c], c
            if parent[c] != ports[t] or child[c] == levels:
                continue
            while dp.buffering[dp.nodes[child[at]], o] == STREAMING and child[at + 1] < levels:
                at += 1
            cost = dp.port_cost[t, o, READ] if o != PSUM else dp.port_cost[t, o, WRITE] - dp.port_saved[t, WRITE]
            if cost > 0.0:
                fills[count, 0], fills[count, 1], fills[count, 2], fills[count, 3] = t, o, child[at], parent[at]
                costs[count] = cost
                count += 1
    return fills[:count], costs[:count]
