"""Timeloop's counting rules, walked step by step; shares nothing with the closed form.

A tile is the bounding box of what the loops at and inside its level touch. At each step a child whose box stays where
it was receives nothing; one whose box moves as it moved the last time, or for the first time since a whole box came,
receives the words it lacks; any other receives its whole box. Equal fills of children of one parent are one read; with
several fan-outs in a row, those that each of them finds equal.
"""

import itertools
from collections import Counter

from dse.model.mapping import Spatial
from dse.problem.dims import DIMS, OPERANDS


def walk(layer, mapping):
    """`{(node, operand): Counter(instances, reads, fills, updates)}`, one instance's counts."""
    places = []  # (node, dim, trips, step, spatial)
    inside = dict.fromkeys(DIMS, 1)
    for node in reversed(range(len(mapping.nodes))):
        for loop in reversed(mapping.nodes[node].loops):
            places.insert(0, (node, loop.dim, loop.trips, inside[loop.dim], isinstance(mapping.nodes[node], Spatial)))
            inside[loop.dim] *= loop.trips
    nodes = len(mapping.nodes)
    found = {}
    for operand in OPERANDS:
        keepers = [i for i, x in enumerate(mapping.nodes) if not isinstance(x, Spatial) and operand in x.stores]
        for parent, child in zip(keepers, [*keepers[1:], nodes], strict=True):
            crossing(layer, places, operand, parent, child, nodes, found)
    return found


def crossing(layer, places, operand, parent, child, nodes, found):
    counts = found.setdefault((parent, operand), Counter())
    # One parent (the first), all of its children; every temporal step of the whole nest.
    temporal = [p for p in places if not p[4]]
    children = list(offsets(layer, operand, [p for p in places if p[4] and parent < p[0] < child]))
    tile = dict.fromkeys(DIMS, 1)
    for node, dim, trips, _, _ in places:
        if node >= child:
            tile[dim] *= trips
    held, last, all_words = {}, {}, [set() for _ in children]
    arrived = set()
    reads = 0
    first_fills = fills = 0
    for index in itertools.product(*(range(p[2]) for p in temporal)):
        base = dict.fromkeys(DIMS, 0)
        for i, (node, dim, _, step, _) in zip(index, temporal, strict=True):
            if node < child:
                base[dim] += i * step
        sent = set()
        for k, (shift, alike) in enumerate(children):
            at = {d: base[d] + shift.get(d, 0) for d in DIMS}
            corner, box = bounding_box(layer, operand, at, tile)
            if child == nodes:
                moved = box  # a MAC holds nothing from step to step
            elif k not in held:
                moved, last[k] = box, None
            else:
                move = tuple(a - b for a, b in zip(corner, held[k][0], strict=True))
                if not any(move):
                    moved = frozenset()
                elif last[k] is None or move == last[k]:
                    moved, last[k] = box - held[k][1], move
                else:
                    moved, last[k] = box, None
            held[k] = corner, box
            if moved:
                sent.add((alike, moved))
            if k == 0:
                fills += len(moved)
                first_fills += len(moved - all_words[0])
            all_words[k] |= moved
        reads += sum(len(words) for _, words in sent)
        arrived |= set().union(*(words for _, words in sent))
    if operand == "psum":
        counts["updates"] = reads
        counts["reads"] = reads - len(arrived)
        fills -= first_fills
    else:
        counts["reads"] = reads
    if child < nodes:
        found.setdefault((child, operand), Counter())["fills"] = fills


def offsets(layer, operand, loops):
    """How far each child's tile lies from the first one's, by dim; and by fan-out, what tells its tile from others."""
    one = dict.fromkeys(DIMS, 1)
    for index in itertools.product(*(range(p[2]) for p in loops)):
        shift = Counter()
        by_fan_out = {p[0]: Counter() for p in loops}
        for i, (node, dim, _, step, _) in zip(index, loops, strict=True):
            shift[dim] += i * step
            by_fan_out[node][dim] += i * step
        corners = (bounding_box(layer, operand, by_fan_out[node], one)[0] for node in sorted(by_fan_out))
        yield shift, tuple(corners)


def bounding_box(layer, operand, at, tile):
    """The corner of a tile, and its words."""
    if operand == "weight":
        ranges = [range(at[d], at[d] + tile[d]) for d in "GKCRS"]
    elif operand == "psum":
        ranges = [range(at[d], at[d] + tile[d]) for d in "GNKPQ"]
    else:
        h = at["P"] * layer.stride_h + at["R"] * layer.dilation_h
        w = at["Q"] * layer.stride_w + at["S"] * layer.dilation_w
        height = (tile["P"] - 1) * layer.stride_h + (tile["R"] - 1) * layer.dilation_h + 1
        width = (tile["Q"] - 1) * layer.stride_w + (tile["S"] - 1) * layer.dilation_w + 1
        ranges = [range(at[d], at[d] + tile[d]) for d in "GNC"] + [range(h, h + height), range(w, w + width)]
    return tuple(r.start for r in ranges), frozenset(itertools.product(*ranges))
