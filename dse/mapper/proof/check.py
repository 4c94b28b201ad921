"""Check a proof that a mapping is the best one: `python check.py FILE`. Standard library and NumPy, nothing of dse.

A mapping cuts the bound of every dim into factors (a split), three per level, outermost first: trips of the loop in the
level's list, rows and columns of the fan-out below. It also orders the loops of every list. The file says which factors
are allowed and what mappings cost: rows that add up terms, products of counts. Its trees cut the set of all mappings
into parts, until none is left that costs less than the value. docs/mapper/proofs.md says why that is enough.
"""

import json
import sys
from functools import cache
from itertools import product
from math import inf, log, prod
from typing import Any

import numpy as np

Array = Any  # of NumPy
FORMAT, CLOSE = 5, 1e-9  # logarithms that differ by less than CLOSE count as equal, for rounding
AXES = ("G", "N", "K", "C", "PR", "QS")  # dims whose splits are looked at together
LACKS = ("K", "NPQ", "CRS")  # dims that ifmap, weights and psums do not have
# Of a list: the innermost loop (none but over G: ""), over which an operand stays, and "+" if others move this one.
ORDERS = ["", *map("".join, product("NKCPQRS", ("", "+"))), "KP", "KQ", "KR", "KS"]  # K, and then P: ifmap slides


def need(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(what)


@cache
def splits_of(bound: int, perfect: bool, *allowed: tuple[int, int]) -> list[tuple[int, ...]]:
    """All ways to cover a bound with factors from their least to their most, none larger than needed."""
    if not allowed:
        return [()] if bound == 1 else []
    (least, most), *others = allowed
    sizes = {-(-bound // several) for several in range(1, bound + 1)}  # the bound by all other factors, rounded up
    return [(size, *rest) for size in sorted(sizes) if least <= size <= most and not (perfect and bound % size)
            for rest in splits_of(-(-bound // size), perfect, *others) if size == -(-bound // prod(rest))]  # fmt: skip


def words(kind: str, *shapes: Any) -> int:
    """Words that tiles need and those before, in loops in which they slide, had not; see docs/mapper/proofs.md."""
    tiles: list[Any] = [[], []]  # of both dims: the index but for shared loops, first and last word, the last before
    for found, (bound, step, tile, shared, slides) in zip(tiles, shapes, strict=True):
        before = dict[int, int]()
        for start in range(0, bound, tile):
            index, run = (start - sum(start // n % trips * n for n, trips in loops) for loops in (shared, slides))
            found.append((index, start * step, last := (min(start + tile, bound) - 1) * step, before.get(run, -inf)))
            before[run] = last
    boxes = {(i, j, max(a + b, c + old + 1, d + had + 1), c + d) for (i, a, c, had), (j, b, d, old) in product(*tiles)}
    # Of tiles that differ in shared loops alone, each word counts once, or else those of equal boxes.
    return len({(*box[: 2 if kind == "words" else 4], word) for box in boxes for word in range(box[2], box[3] + 1)})


class Checker:
    """All splits of every axis, by dims, and the sums of products that bound the cost in one space."""

    def __init__(self, proof: dict[str, Any]) -> None:
        problem, self.parts, self.sets = proof["problem"], proof["objective"], 0
        self.bounds, self.steps, self.without = problem["bounds"], problem["steps"], problem["without"]
        self.target = log(proof["value"]) - log(1 + proof["gap"]) - CLOSE
        self.count, self.words, self.splits = cache(self.new_count), cache(words), dict[str, Array]()
        for dims in AXES:
            each = [splits_of(self.bounds[d], problem["perfect"], *map(tuple, problem["factors"][d])) for d in dims]
            self.splits |= zip(dims, np.array([*product(*each)]).swapaxes(0, 1), strict=True)
        self.whole = [np.arange(len(self.splits[dims[0]])) for dims in AXES]

    def enter(self, space: dict[str, Any]) -> None:
        """Go on with another space: mappings that keep the same operands in the same levels."""
        part, blocks = zip(*space["blocks"], strict=True)
        need(sorted({*part} - {"limit"}) == sorted(self.parts), "blocks that are no part of the objective, or none")
        self.terms, self.part, self.rows = space["terms"], np.array(part), np.concatenate(blocks)
        _, self.starts, self.block = np.unique(np.repeat(range(len(part)), [*map(len, blocks)]), True, True)  # of rows
        self.sure = np.where((self.rows < 0).any(axis=1, keepdims=True), 0, self.rows)  # others hold for exact counts

    def new_count(self, dims: str, kind: str, child: int, columns: tuple[int, ...], *lists: Any) -> Array:
        """(n,) logarithms of what every split counts."""
        if kind == "combinations":  # of some loops' indices, below the bound: the number of the last, and one
            splits, left, last = self.splits[dims], self.bounds[dims] - 1, 0 * self.splits[dims][:, 0]
            for c in sorted({*columns, *lists[0]}):
                inside = splits[:, c + 1 :].prod(axis=1)
                index = np.minimum(left // inside, splits[:, c] - 1)
                last, left = last * splits[:, c] + index, left - index * inside
            return np.log(last + 1)
        if kind == "tile":  # words from the first to the last
            ends = [np.minimum(self.splits[d][:, columns].prod(axis=1), self.bounds[d]) - 1 for d in dims]
            return np.log(1 + np.dot(self.steps[dims], ends))
        shapes = [[  # what words depend on: the tile, and of loops what is inside each, and trips
            (self.bounds[d], step, prod(split[3 * child :]),
             *(tuple((prod(split[c + 1 :]), split[c]) for c in some if split[c] > 1) for some in (columns, slides)))
            for split in self.splits[d].tolist()
        ] for d, step, slides in zip(dims, self.steps[dims], lists, strict=True)]  # fmt: skip
        return np.log([self.words(kind, *pair) for pair in zip(*shapes, strict=True)])

    def repeats(self, operand: int, child: int, orders: dict[int, str], loops: dict[str, Array]) -> dict[str, range]:
        """By dim, columns of lists: those that repeat transfers to a level at least, or that the ifmap slides in."""
        laid = [{**orders, len(self.without): "G"}.get(i, "?") for i in range(child + 1)]  # nothing stays in the last
        moves = [order[:1] not in LACKS[operand] + "?" for order in laid]
        # The last list that must move the operand; inside it, where nothing is laid down (?), it may stay, or slide.
        at = next((i for i in reversed(range(child)) if moves[i] or laid[i][1:] or loops["G"][:, i].all()), -1)
        lists, slides = range(0, 3 * (at + moves[at]), 3), "".join(laid[max(at, 0) : child]).replace("?", "PQRS")
        inner, others = laid[at].removeprefix("K")[:1], {*loops} - {*laid[at]}
        # Neighbours over one dim slide as one, also across lists, but not with loops over others between them.
        run = next((i for i in range(at, 0, -1) if laid[i][-1:] == "+" or laid[i - 1][:1] not in ("", "?", inner)
                    or any(loops[d][:, i].all() for d in others)), 0)  # fmt: skip
        return dict.fromkeys(slides, range(3 * run, 3 * child, 3)) | dict.fromkeys(LACKS[operand], lists)

    def tables(self, rows: list[Array], orders: dict[int, str]) -> tuple[list[Array], bool]:
        """Per axis (n, T) logarithms of the factors of its splits in all terms; whether these are exact."""
        tables = [np.zeros((len(self.terms), len(row))).T for row in rows]
        loops = {d: self.splits[d][rows[a], ::3] > 1 for a, dims in enumerate(AXES) for d in dims}
        known = len(orders) == len(self.without) and all((x.all(0) == x.any(0)).all() for x in loops.values())
        repeats = cache(lambda operand, child: self.repeats(operand, child, orders, loops))
        for t, term in enumerate(self.terms):
            for a, dims, power, kind, operand, child, columns in term:
                lists = [repeats(operand, child).get(d, ()) for d in dims]
                # Tiles with equal boxes may have others before them, where it is not known in which loops they slide.
                count = "words" if kind == "boxes" and any(lists) and not known else kind
                tables[a][:, t] += power * self.count(dims, count, child, tuple(columns), *lists)[rows[a]]
        return tables, known

    def costs(self, logs: Array, exact: bool = False) -> Array:
        """(n,) logarithms of the objective, given those of all terms; infinite where a limit is exceeded."""
        sums = np.maximum.reduceat((self.rows if exact else self.sure) @ np.exp(logs).T, self.starts)
        costs = sum(np.log(sums[self.part == part].sum(axis=0)) for part in self.parts)
        return np.where((sums[self.part == "limit"] > 1 + CLOSE).any(axis=0), inf, costs)

    def bounds_by(self, weights: Any, tables: list[Array]) -> list[Array]:
        """Per axis (n,) bounds on the objective's logarithm: sums of t are at least the product of (t / w) ** w."""
        if not weights:  # the sums themselves, with the least factors of all other axes
            return [self.costs(table + sum(x.min(axis=0) for x in tables if x is not table)) for table in tables]
        need(max(weights[0], default=0) < self.rows.size, "weights of no term")
        w = np.bincount(weights[0], weights[1], self.rows.size).reshape(self.rows.shape)
        need(((w == 0) | (w > 0) & (w <= 1000) & (self.sure > 0)).all(), "weights below zero, too large or of no bound")
        of_blocks = np.bincount(self.block, w.sum(axis=1))  # a row counts by its share in these, that of a limit as one
        need(all(abs(of_blocks[self.part == part].sum() - 1) < 1e-12 for part in self.parts), "weights not of one")
        own, rows, blocks = ((x * np.log(x + (x == 0))).sum() for x in (w, w.sum(1), of_blocks[self.part != "limit"]))
        logs = [table @ w.sum(axis=0) for table in tables]
        bound = (w * np.log(self.sure + (w == 0))).sum() - own + rows - blocks + sum(each.min() for each in logs)
        return [bound + each - each.min() for each in logs]

    def agreeing(self, rows: list[Array], level: int, order: str) -> list[Array]:
        """The splits with which a list can have an order: over some dims it has loops, over others none."""
        stays = "".join(dims for dims in LACKS if order[:1] in {*dims}) + "G"
        may = {d for d in "".join(AXES) if order[1:] or d in stays} - {*self.without[str(level)].get(order[:1], "")}
        keep = ([np.where(self.splits[d][row, 3 * level] > 1, d in may, d not in order) for d in dims]
                for row, dims in zip(rows, AXES, strict=True))  # fmt: skip
        return [row[np.all(mine, axis=0)] for row, mine in zip(rows, keep, strict=True)]

    def follow(self, node: dict[str, Any], rows: list[Array], orders: dict[int, str]) -> None:
        """Go through all sets of a tree; fails where mappings are left that no bound rules out."""
        self.sets, (tables, _), parts = self.sets + 1, self.tables(rows, orders), []
        for weights in node["weights"]:
            if all(map(len, rows)):
                keep = [~(bound >= self.target) for bound in self.bounds_by(weights, tables)]
                rows, tables = ([x[mine] for x, mine in zip(some, keep, strict=True)] for some in (rows, tables))
        if "list" in node:
            parts = [(self.agreeing(rows, node["list"], order), {**orders, node["list"]: order}) for order in ORDERS]
        elif "cut" in node:
            a, what, most = node["cut"]  # by the factor in a term, or in a column of a dim
            low = (tables[a][:, what] if isinstance(what, int) else self.splits[what[0]][rows[a], what[1]]) <= most
            parts = [([*rows[:a], rows[a][side], *rows[a + 1 :]], orders) for side in (low, ~low)]
        elif all(map(len, rows)):
            need(prod(map(len, rows)) <= 1e6, "no bound rules out most of a million mappings or more")
            (tables, known), logs = self.tables(rows, orders), np.zeros((1, len(self.terms)))
            for at, table in enumerate(tables, start=1):
                logs = (logs[:, None] + table).reshape(-1, len(self.terms))
                least = sum(other.min(axis=0) for other in tables[at:])
                logs = logs[~(self.costs(logs + least, known and at == len(tables)) >= self.target)]
            need(len(logs) == 0, "no bound rules out some mappings")
        for part, (some, laid) in zip(node.get("parts", []), parts, strict=True):
            if all(map(len, some)):
                self.follow(part, some, laid)


def check(proof: dict[str, Any]) -> str:
    """What a proof says, in a sentence; ValueError if it does not hold."""
    need(proof.get("format") == FORMAT, f"not in format {FORMAT}, so `dse map --proof` has to write it anew")
    checker, mapping, spaces = Checker(proof), proof["mapping"], proof["problem"]["spaces"]
    for name, space in spaces.items():
        checker.enter(space)
        checker.follow(proof["trees"][name], checker.whole, {})
    checker.enter(spaces[mapping["space"]])
    rows = [np.flatnonzero(np.all([checker.splits[d] == mapping["factors"][d] for d in dims], (0, 2))) for dims in AXES]
    for level, order in zip(range(len(checker.without)), mapping["orders"], strict=True):
        need(order[1:] != "+" or not all(map(len, checker.agreeing(rows, level, order[0]))), "nothing moves what stays")
        rows = checker.agreeing(rows, level, ORDERS[ORDERS.index(order)])
    tables, known = checker.tables(rows, dict(enumerate(mapping["orders"])))  # known unless of several mappings
    need(known and checker.costs(sum(tables), exact=True).min() <= log(proof["value"]) + CLOSE, "sums exceed its value")
    title = f"{proof['layer']} on {proof['architecture']}: no mapping has less {' x '.join(checker.parts)} than"
    return f"{title} {proof['value'] / (1 + proof['gap']):.9g} {proof['unit']}: checked, in {checker.sets:,} sets."


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            sys.stdout.write(check(json.load(file)) + "\n")
    except Exception as error:  # whatever is wrong with a file, it proves nothing
        sys.exit(f"{' '.join(sys.argv[1:]) or 'no file'}: NOT PROVEN: {type(error).__name__}: {error}")
