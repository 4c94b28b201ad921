"""The branch-and-bound walk over PE tiles and their unrollings. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.bounds import halo_words, per_tile_least, tile_bound
from dse.mapper.incumbent import pruned
from dse.mapper.placing import place_tiles

Ints = Any
Instance = Any


def search(
    inst: Instance, rules: Any, tile_start: Ints, tiles: Ints, unrollings: Ints, order: Ints, choice: Ints, bound: Any,
    floor: Any, table: Any, fastest: float, perfect: bool, kind: int, gap: float, mask: int, values: Any,
    records: Ints, held: int, visited: Ints,
) -> int:  # fmt: skip
    """Walk PE tiles in the given order, their unrollings, outer tiles and loop orders, keeping the best found.

    Parameters
    ----------
    inst, rules
        See `dse.mapper.instance`.
    tile_start, tiles, unrollings : int64 arrays
        From `dim_options`.
    order : (k,)
        PE tiles, best bound first.
    choice, bound
        From `list_tiles`.
    floor : (3, 2)
        From `outer_floor`.
    table : OuterTable
    fastest : float
    kind : int
        Objective: 0 energy, 1 latency, 2 their product, 3 the front.
    gap : float
        A branch is cut when it cannot improve by more than this fraction.
    mask : int
        Which bypass choice this is, for the records.
    values, records, held
        The incumbents: see `dse.mapper.incumbent`.
    visited : (4,)
        Counts up: PE tiles opened, unrollings tried, outer tiles tried, mappings priced.

    Returns
    -------
    int
        How many incumbents there are.
    """
    work = _workspace(inst, tile_start, tiles, unrollings)
    pool = work[8][1]
    for index in order:
        if pruned(kind, gap, bound[index, 0], bound[index, 1], values, held):
            if kind == 0 or kind == 2:
                break  # the order is that of the bound
            continue
        visited[0] += 1
        held, pool = _unroll(
            inst, rules, tile_start, tiles, unrollings, choice[index], floor, table, fastest, perfect, kind, gap, mask,
            values, records, held, visited, (*work[:8], (work[8][0], pool), work[9]),
        )  # fmt: skip
        if held < 0:
            break
    return held


def _workspace(inst: Instance, tile_start: Ints, tiles: Ints, unrollings: Ints) -> Any:
    """Arrays that the walk reuses: halo tables (filled on demand) and scratch."""
    first = np.zeros(9, dtype=np.int64)
    for d in range(9):
        first[d] = tiles[tile_start[d], 2]
    tall = np.full((first[5] - first[4], first[7] - first[6], 10), -1.0)
    wide = np.full((first[6] - first[5], first[8] - first[7], 10), -1.0)
    nodes = len(inst.is_fan_out)
    longest = max(max(inst.bounds[4], inst.bounds[5]), max(inst.bounds[6], inst.bounds[7])) + 1
    loops = 48
    scratch = (
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros((longest, 3), dtype=np.int64), np.zeros((longest, 3), dtype=np.int64),
        np.zeros(inst.pes + 1, dtype=np.int64), np.zeros(inst.pes + 1, dtype=np.int64),
        np.zeros(inst.pes + 1, dtype=np.int64), np.zeros(inst.pes + 1, dtype=np.int64),
    )  # fmt: skip
    nest = (
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.ones(8, dtype=np.int64),
    )  # fmt: skip
    counts = (
        np.ones((3, nodes, 3, 8), dtype=np.int64), np.full((3, nodes, 2), -1, dtype=np.int64),
        np.zeros((3, nodes, 2), dtype=np.int64), np.zeros((nodes, 3, 2), dtype=np.int64),
        np.zeros((nodes, 3, 2), dtype=np.int64), np.zeros(6), np.zeros(len(inst.port_node)),
    )  # fmt: skip
    fewest, least_steps = per_tile_least(tile_start, tiles, unrollings)
    listed = (np.zeros((len(unrollings) + 1, 2), dtype=np.int64), np.zeros((1024, 2), dtype=np.int64))
    placing = (
        np.zeros((3, 10)), np.zeros((3, len(inst.port_outer))), np.ones((4, 8)), np.ones((11, 8), dtype=np.int64),
        np.zeros((3, 7)),
    )  # fmt: skip
    return first, tall, wide, scratch, nest, counts, fewest, least_steps, listed, placing


def _unroll(
    inst: Instance, rules: Any, tile_start: Ints, tiles: Ints, unrollings: Ints, row: Ints, floor: Any, table: Any,
    fastest: float, perfect: bool, kind: int, gap: float, mask: int, values: Any, records: Ints, held: int,
    visited: Ints, work: Any,
) -> Any:  # fmt: skip
    """Walk the unrollings of one PE tile, dim by dim, dims with the fewest choices first."""
    fewest, least_steps = work[6], work[7]
    choices = np.zeros(8, dtype=np.int64)
    number = np.ones(8, dtype=np.int64)
    passes = np.ones(8, dtype=np.int64)
    steps = np.ones(8, dtype=np.int64)
    for d in range(8):
        choices[d] = tiles[row[d] + 1, 2] - tiles[row[d], 2]
        number[d] = tiles[row[d], 1]
        passes[d] = fewest[row[d]]
        steps[d] = least_steps[row[d]]
    sequence = np.argsort(choices)
    chosen = np.zeros(8, dtype=np.int64)
    rows_left = np.ones(9, dtype=np.int64)
    cols_left = np.ones(9, dtype=np.int64)
    rows_left[0] = inst.rows
    cols_left[0] = inst.cols
    estimate = np.zeros(2)
    pool = work[8][1]
    depth = 0
    d = sequence[0]
    chosen[d] = tiles[row[d], 2] - 1
    while depth >= 0:
        d = sequence[depth]
        chosen[d] += 1
        if chosen[d] == tiles[row[d] + 1, 2]:
            passes[d] = fewest[row[d]]
            steps[d] = least_steps[row[d]]
            depth -= 1
            continue
        sy, sx = unrollings[chosen[d], 0], unrollings[chosen[d], 1]
        if sy > rows_left[depth] or sx > cols_left[depth]:
            continue
        passes[d] = unrollings[chosen[d], 2]
        steps[d] = unrollings[chosen[d], 3]
        rows_left[depth + 1] = rows_left[depth] // sy
        cols_left[depth + 1] = cols_left[depth] // sx
        if choices[d] > 1:
            visited[1] += 1
            open_steps = 1.0
            for later in range(depth + 1, 8):
                open_steps *= inst.bounds[sequence[later]]
            shared = 1.0
            for earlier in range(depth + 1):
                shared *= steps[sequence[earlier]]
            shared *= open_steps / (rows_left[depth + 1] * cols_left[depth + 1])
            tile_bound(inst, number, passes, steps, floor, max(fastest, shared), inst.pes, estimate)
            if pruned(kind, gap, estimate[0], estimate[1], values, held):
                continue
        if depth < 7:
            depth += 1
            following = sequence[depth]
            chosen[following] = tiles[row[following], 2] - 1
            continue
        tall = _halos(inst, tiles, unrollings, row, chosen, 4, work[1], work)
        wide = _halos(inst, tiles, unrollings, row, chosen, 5, work[2], work)
        held, pool = place_tiles(
            inst, rules, tiles, unrollings, row, chosen, tall, wide, floor, table, perfect, kind, gap, mask, values,
            records, held, visited, (*work[:8], (work[8][0], pool), work[9]),
        )  # fmt: skip
        if held < 0:
            break
    return held, pool


def _halos(
    inst: Instance, tiles: Ints, unrollings: Ints, row: Ints, chosen: Ints, a: int, table: Any, work: Any
) -> Any:
    """The table entry of one axis: `halo_words` of the chosen tiles and unrollings of dims a and a + 2."""
    first, scratch = work[0], work[3]
    b = a + 2
    entry = table[chosen[a] - first[a], chosen[b] - first[b]]
    if entry[0] < 0:
        u, v = unrollings[chosen[a]], unrollings[chosen[b]]
        mode = 2
        if inst.place[2] >= 0:
            mode = inst.multicast[inst.place[2]]
        w = 0 if a == 4 else 2
        halo_words(
            inst.bounds[a], inst.bounds[b], inst.window[w], inst.window[w + 1], tiles[row[a], 0], u[0] * u[1],
            tiles[row[b], 0], v[0] * v[1], inst.in_pe[0] == 0, mode, scratch, entry,
        )  # fmt: skip
    return entry
