"""Sound bounds of the general search: least cost of what crosses to the children below a list. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.factors import ceil_div
from dse.mapper.orders import group_dims

Ints = Any
Deep = Any


def fits(dp: Deep, level: int, tile: Ints) -> bool:
    """Whether a tile, capped at the bounds, fits a level (the MACs take any)."""
    height = (tile[4] - 1) * dp.window[0] + (tile[6] - 1) * dp.window[1] + 1
    width = (tile[5] - 1) * dp.window[2] + (tile[7] - 1) * dp.window[3] + 1
    total = 0.0
    for o in range(3):
        if dp.kept[level, o] == 0:
            continue
        if o == 0:
            words = tile[0] * tile[1] * tile[3] * height * width
        elif o == 1:
            words = tile[0] * tile[2] * tile[3] * tile[6] * tile[7]
        else:
            words = tile[0] * tile[1] * tile[2] * tile[4] * tile[5]
        bits = float(words * dp.bits[o])
        if bits > dp.capacity[level, o]:
            return False
        total += bits
    return bool(total <= dp.capacity[level, 3])


def boundary_bound(dp: Deep, level: int, tile: Ints, spread: Ints, decided: Ints) -> float:
    """Least energy of the crossings to the children right below a level's list.

    Parameters
    ----------
    level : int
        The children are those of level + 1, or the MACs.
    tile, spread : (8,)
        Their tile, capped at the bound, and the unrolling above them.
    decided : (8,)
        0 for dims of which nothing is known yet.

    Notes
    -----
    The innermost loop above a child is irrelevant to one operand at most, so every other operand crosses once per pass
    over its irrelevant dims. The MACs receive all operands at every step. The ifmap counts as the words that some MAC
    touches, once per pass over K.
    """
    to_mac = level == len(dp.nodes) - 1
    children = float(dp.sides[level, 0] * dp.sides[level, 1])
    passing = np.zeros(3)
    staying = np.zeros(3)
    for o in range(3):
        if dp.kept[level + 1, o] == 0:
            continue
        words = dp.words[o]
        up = 1.0
        copies = 1.0
        held = 1.0
        for d in group_dims(o):
            if d >= 0 and (decided[d] == 1 or to_mac):
                number = ceil_div(dp.bounds[d], tile[d])
                copies *= number
                held *= min(spread[d], number)
                wide = spread[d] if decided[d] == 1 else widest(dp, level, d)
                up *= ceil_div(number, wide) if dp.joins[level, o] == 1 else number
        if to_mac and o == 0:
            # MACs that share a word differ in K, or lie on P, Q, R and S so that their windows overlap.
            sharing = dp.bounds[2] / up
            for d in range(4, 8):
                sharing *= spread[d] if decided[d] == 1 else min(widest(dp, level, d), float(dp.bounds[d]))
            reads = dp.macs / min(children, sharing) if dp.joins[level, 0] == 1 else dp.macs
            reads /= dp.shares[level, 0]
            passing[0] = dp.read_pj[level, 0] * max(words, reads) + dp.fill_pj[level, 0] * dp.macs
            staying[0] = passing[0]
            continue
        passing[o] = dp.read_pj[level, o] * max(words, words * up / dp.shares[level, o])
        passing[o] += dp.fill_pj[level, o] * words * copies
        staying[o] = passing[o] if to_mac else words * (dp.read_pj[level, o] + dp.fill_pj[level, o] * held)
    total = passing[0] + passing[1] + passing[2]
    saved = 0.0
    for o in range(3):
        saved = max(saved, passing[o] - staying[o])
    return float(total - saved)


def boundary_floor(dp: Deep, level: int) -> float:
    """The least of `boundary_bound` over all tiles that fit and all unrollings, one after another."""
    tile = np.ones(8, dtype=np.int64)
    spread = np.ones(8, dtype=np.int64)
    decided = np.zeros(8, dtype=np.int64)
    last = len(dp.nodes) - 1
    for d in range(8):
        if level < last and dp.whole[level + 1, d] == 1:
            tile[d] = dp.bounds[d]
    if level == last:
        return _mac_floor(dp, tile, spread, decided)
    sequence = np.array([2, 3, 1, 4, 5, 6, 7, 0])
    best = np.inf
    depth = 0
    value = np.zeros(8, dtype=np.int64)
    value[2] = 0
    while depth >= 0:
        d = sequence[depth]
        bound = dp.bounds[d]
        # Number of tiles, from few to many: only the smallest tile of each number matters.
        number = value[d]
        number = 1 if number == 0 else ceil_div(bound, tile[d] - 1) if tile[d] > 1 else bound + 1
        if number > bound or (dp.whole[level + 1, d] == 1 and number > 1):
            value[d] = 0
            decided[d] = 0
            tile[d] = bound if dp.whole[level + 1, d] == 1 else 1
            depth -= 1
            continue
        tile[d] = ceil_div(bound, number)
        value[d] = ceil_div(bound, tile[d])
        decided[d] = 1
        if not fits(dp, level + 1, tile):
            continue
        least = _relaxed(dp, level, tile, decided)
        if least >= best:
            # More tiles of this dim never cost less.
            tile[d] = 1
            continue
        if depth == 7:
            best = least
            continue
        depth += 1
    return float(best)


def _mac_floor(dp: Deep, tile: Ints, spread: Ints, decided: Ints) -> float:
    """The least of `boundary_bound` over all unrollings over the MACs."""
    level = len(dp.nodes) - 1
    sequence = np.array([2, 3, 6, 7, 5, 4, 1, 0])
    sy = np.zeros(8, dtype=np.int64)
    sx = np.zeros(8, dtype=np.int64)
    rows_left = np.ones(9, dtype=np.int64)
    cols_left = np.ones(9, dtype=np.int64)
    rows_left[0], cols_left[0] = dp.sides[level, 0], dp.sides[level, 1]
    best = np.inf
    depth = 0
    sy[2], sx[2] = 1, 0
    while depth >= 0:
        d = sequence[depth]
        sx[d] += 1
        if sx[d] > 1 and (dp.on_side[level, 1, d] == 0 or sx[d] > cols_left[depth] or sx[d] > dp.bounds[d]):
            sx[d] = 1
            sy[d] += 1
            if dp.on_side[level, 0, d] == 0 or sy[d] > rows_left[depth] or sy[d] > dp.bounds[d]:
                decided[d], spread[d] = 0, 1
                depth -= 1
                continue
        spread[d] = sy[d] * sx[d]
        decided[d] = 1
        if boundary_bound(dp, level, tile, spread, decided) >= best:
            continue
        if depth == 7:
            best = boundary_bound(dp, level, tile, spread, decided)
            continue
        rows_left[depth + 1] = rows_left[depth] // sy[d]
        cols_left[depth + 1] = cols_left[depth] // sx[d]
        depth += 1
        sy[sequence[depth]], sx[sequence[depth]] = 1, 0
    return float(best)


def widest(dp: Deep, level: int, d: int) -> int:
    """Children that a dim may be unrolled over below a level's list."""
    rows = dp.sides[level, 0] if dp.on_side[level, 0, d] == 1 else 1
    cols = dp.sides[level, 1] if dp.on_side[level, 1, d] == 1 else 1
    return int(rows * cols)


def _relaxed(dp: Deep, level: int, tile: Ints, decided: Ints) -> float:
    """Like `boundary_bound` over all unrollings: those of two operands' irrelevant dims share the children.

    With costs a/x and b/y and x*y at most n, a/x + b/y is at least 2*sqrt(a*b/n).
    """
    children = float(dp.sides[level, 0] * dp.sides[level, 1])
    up = np.zeros(3)
    once = np.zeros(3)
    floor = np.zeros(3)
    copies = np.zeros(3)
    single = np.zeros(3)
    for o in range(3):
        if dp.kept[level + 1, o] == 0:
            continue
        number = 1.0
        for d in group_dims(o):
            if d >= 0 and decided[d] == 1:
                number *= ceil_div(dp.bounds[d], tile[d])
        up[o] = dp.read_pj[level, o] * dp.words[o] * number / dp.shares[level, o]
        once[o] = dp.read_pj[level, o] * dp.words[o]
        floor[o] = once[o]
        if dp.joins[level, o] == 0:
            floor[o] = max(floor[o], up[o])
        copies[o] = dp.fill_pj[level, o] * dp.words[o] * number
        single[o] = dp.fill_pj[level, o] * dp.words[o]
    best = np.inf
    for r in range(3):
        a = (r + 1) % 3
        b = (r + 2) % 3
        reads = max(floor[a], up[a] / children) + max(floor[b], up[b] / children)
        reads = max(reads, 2.0 * np.sqrt(up[a] * up[b] / children))
        if children == 1.0:
            reads = max(floor[a], up[a]) + max(floor[b], up[b])
        best = min(best, reads + copies[a] + copies[b] + once[r] + single[r])
    return float(best)
