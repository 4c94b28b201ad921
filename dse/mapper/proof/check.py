"""Check a proof that a mapping is the best one: `python check.py FILE`. Standard library and NumPy, nothing of dse.

A mapping cuts the bound of every dim into factors (a split), three per level, outermost first: trips of the loop in the
level's list, rows and columns of the fan-out below. It also orders the loops of every list. The file says which factors
are allowed and what mappings cost: rows that add up terms, products of counts. Its trees cut the set of all mappings
into parts, until nothing is left that costs less than the value. docs/mapper/proofs.md says why that is enough.
"""

import json
import sys
from functools import cache
from itertools import product
from math import inf, log, prod
from typing import Any

import numpy as np

Array = Any  # of NumPy
FORMAT, CLOSE = 4, 1e-9  # logarithms that differ by less than CLOSE count as equal, for rounding
AXES = ("G", "N", "K", "C", "PR", "QS")  # dims whose splits are looked at together
LACKS = ("K", "NPQ", "CRS")  # dims that ifmap, weights and psums do not have
PARTS = {"energy": ["energy"], "latency": ["time"], "edp": ["energy", "time"]}  # an objective is their product
# Of a list: the innermost loop (none but over G: ""), over which an operand stays; whether others ("+") move this one,
# or the innermost of these, over which the ifmap slides.
ORDERS = ["", *map("".join, product("NKCPQRS", ("", "+"))), "KP", "KQ", "KR", "KS"]


def need(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(what)


def splits_of(bound: int, allowed: list[list[int]], perfect: bool) -> Array:
    """(n, slots) all ways to cover a bound with factors from their least to their most, none larger than needed."""
    sizes = np.unique(-(-bound // np.arange(1, bound + 1)))  # the bound by all other factors, rounded up
    splits = np.ones((1, 0), dtype=np.int64)
    for slot, (least, most) in enumerate(allowed):
        some = sizes[(sizes >= least) & (sizes <= most)]
        before, which = np.unique(-(-bound // splits.prod(axis=1)), return_inverse=True)  # for this factor and others
        after, room = -(-before[:, None] // some), prod(most for _, most in allowed[slot + 1 :])
        row, at = np.nonzero(((after <= room) & (after * (some - 1) < before[:, None]))[which])
        splits = np.column_stack([splits[row], some[at]])
    total = splits.prod(axis=1, keepdims=True)
    return splits[((total // splits * (splits - 1) < bound) & ((total == bound) | (not perfect))).all(axis=1)]


def words(kind: str, *shapes: Any) -> int:
    """Words that tiles need and those before, in loops in which they slide, had not; see docs/mapper/proofs.md."""
    tiles: list[Any] = [[], []]  # of both dims: the index but for shared loops, first and last word, the last before
    for found, (bound, step, tile, shared, slides) in zip(tiles, shapes, strict=True):
        before = dict[int, int]()
        for start in range(0, bound, tile):
            index, run = (start - sum(start // n % trips * n for n, trips in loops) for loops in (shared, slides))
            last = (min(start + tile, bound) - 1) * step
            found.append((index, start * step, last, before.get(run, -inf)))
            before[run] = last
    boxes = {(i, j, max(a + b, c + old + 1, d + had + 1), c + d) for (i, a, c, had), (j, b, d, old) in product(*tiles)}
    # Of tiles that differ in shared loops alone, each word counts once, or else those of equal boxes.
    return len({(*box[: 2 if kind == "words" else 4], word) for box in boxes for word in range(box[2], box[3] + 1)})


class Checker:
    """All splits of every axis, by dims, and the sums of products that bound the cost in one space."""

    def __init__(self, proof: dict[str, Any]) -> None:
        problem, self.parts, self.sets = proof["problem"], PARTS[proof["objective"]], 0
        self.bounds, self.steps, self.without = problem["bounds"], problem["steps"], problem["without"]
        self.target = log(proof["value"]) - log(1 + proof["gap"]) - CLOSE
        self.count, self.words, self.splits = cache(self.new_count), cache(words), dict[str, Array]()
        for dims in AXES:
            each = [splits_of(self.bounds[d], problem["factors"][d], problem["perfect"]) for d in dims]
            pairs = np.indices([len(splits) for splits in each]).reshape(len(dims), -1)
            self.splits |= {d: splits[pair] for d, splits, pair in zip(dims, each, pairs, strict=True)}
        self.whole = [np.arange(len(self.splits[dims[0]])) for dims in AXES]

    def enter(self, space: dict[str, Any]) -> None:
        """Go on with another space: mappings that keep the same operands in the same levels."""
        blocks, self.terms = space["blocks"], space["terms"]
        self.part = np.array([part for part, _ in blocks])
        self.rows = np.array([row for _, rows in blocks for row in rows])
        self.block = np.repeat(np.arange(len(blocks)), [len(rows) for _, rows in blocks])
        self.starts = np.flatnonzero(np.diff(self.block, prepend=-1))  # where the rows of each block begin
        # Rows that take off more than a constant hold for exact counts only.
        self.exact: Array = (self.rows[:, [t for t, term in enumerate(self.terms) if term]] < 0).any(axis=1)

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
            return np.log(1 + sum(np.multiply(ends, np.array(self.steps[dims])[:, None])))
        shapes = []  # what words depend on: the tile, and of loops what is inside each, and trips
        for d, step, slides in zip(dims, self.steps[dims], lists, strict=True):
            shapes.append([
                (self.bounds[d], step, prod(split[3 * child :]),
                 *(tuple((prod(split[c + 1 :]), split[c]) for c in some if split[c] > 1) for some in (columns, slides)))
                for split in self.splits[d].tolist()
            ])  # fmt: skip
        return np.log([self.words(kind, *pair) for pair in zip(*shapes, strict=True)])

    def repeats(self, operand: int, child: int, orders: dict[int, str], loops: dict[str, Array]) -> dict[str, range]:
        """By dim, columns of lists: those that repeat transfers to a level at least, or that the ifmap slides in."""
        lists, run, slides, inner = range(0), 0, "", None  # inner: the loop over which it slides, once that is found
        for i in reversed(range(child)):
            order = "G" if i == len(self.without) else orders.get(i, "")  # over the last list's loops nothing stays
            if inner is None:
                slides += order if order or i in orders else "PQRS"  # where nothing is laid down, the operand may stay
                moves = order[:1] not in LACKS[operand]
                if not (moves or order[1:] or loops["G"][i] == 1):
                    continue
                lists, others, order = range(0, 3 * (i + moves), 3), {*loops} - {*order}, order.removeprefix("K")
                inner = order[:1]
            run = i if order[:1] in ("", inner) else i + 1  # neighbours over one dim slide as one, also across lists
            if run > i or order[1:] == "+" or any(loops[d][i] == 1 for d in others):
                break
        return dict.fromkeys(slides, range(3 * run, 3 * child, 3)) | dict.fromkeys(LACKS[operand], lists)

    def tables(self, rows: list[Array], orders: dict[int, str]) -> tuple[list[Array], bool]:
        """Per axis (n, T) logarithms of the factors of its splits in all terms; whether these are exact."""
        tables = [np.zeros((len(self.terms), len(row))).T for row in rows]
        loops = {d: (self.splits[d][rows[a], ::3] > 1).mean(axis=0) for a, dims in enumerate(AXES) for d in dims}
        known = len(orders) == len(self.without) and all(np.isin(some, (0, 1)).all() for some in loops.values())
        repeats = cache(lambda operand, child: self.repeats(operand, child, orders, loops))
        for t, term in enumerate(self.terms):
            for a, dims, power, kind, operand, child, columns in term:
                more = repeats(operand, child)
                lists = [more.get(d, ()) for d in dims]
                # Tiles with equal boxes may have others before them, where it is not known in which loops they slide.
                count = "words" if kind == "boxes" and any(lists) and not known else kind
                tables[a][:, t] += power * self.count(dims, count, child, tuple(columns), *lists)[rows[a]]
        return tables, known

    def costs(self, logs: Array, exact: bool = False) -> Array:
        """(n,) logarithms of the objective, given those of all terms; infinite where a limit is exceeded."""
        rows = np.where(exact | ~self.exact[:, None], self.rows, 0)
        sums = np.maximum.reduceat(np.exp(logs) @ rows.T, self.starts, axis=1)  # the largest of each block
        costs = sum(np.log(sums[:, self.part == part].sum(axis=1)) for part in self.parts)
        return np.where((sums[:, self.part == "limit"] > 1 + CLOSE).any(axis=1), inf, costs)

    def bounds_by(self, weights: list[list[float]], tables: list[Array]) -> list[Array]:
        """Per axis (n,) bounds on the objective's logarithm: sums of t are at least the product of (t / w) ** w."""
        if not weights:  # the sums themselves, with the least factors of all other axes
            least = [table.min(axis=0) for table in tables]
            return [self.costs(table + (sum(least) - mine)) for table, mine in zip(tables, least, strict=True)]
        w = np.array(weights)
        of_blocks = np.add.reduceat(w.sum(axis=1), self.starts)
        need(((w >= 0) & (w <= 1000)).all(), "a weight below zero, or too large for exact sums")
        need(not w[(self.rows < 0).any(axis=1)].any(), "a weight of a row that takes off")
        need(all(abs(of_blocks[self.part == part].sum() - 1) < 1e-12 for part in self.parts), "weights not of one")
        logs = [table @ w.sum(axis=0) for table in tables]  # sums of a limit are one at most
        share = w.sum(axis=1) / np.where((self.part == "limit") | (of_blocks == 0), 1, of_blocks)[self.block]
        shares = np.log((self.rows * share[:, None])[w > 0] / w[w > 0])
        bound = (w[w > 0] * shares).sum() + sum(each.min() for each in logs)
        return [bound + each - each.min() for each in logs]

    def agreeing(self, rows: list[Array], level: int, order: str) -> list[Array]:
        """The splits with which a list can have an order: over some dims it has loops, over others none."""
        stays = next((dims for dims in LACKS if order and order[0] in dims), "")
        none = {*self.without[str(level)].get(order[:1], ""), *(() if order[1:] else {*"NKCPQRS"} - {*stays})}
        found, moved = [*rows], order[1:] != "+"
        for a, d in ((a, d) for a, dims in enumerate(AXES) for d in dims):
            trips = self.splits[d][found[a], 3 * level]
            keep = ((trips > 1) | (d not in order)) & ((trips == 1) | (d not in none))
            found[a], moved = found[a][keep], moved or (d not in stays and trips[keep].max(initial=1) > 1)
        return found if moved else [row[:0] for row in found]  # some loop has to move what stays

    def follow(self, node: dict[str, Any], rows: list[Array], orders: dict[int, str]) -> None:
        """Go through all sets of a tree; fails where mappings are left that no bound rules out."""
        self.sets, (tables, _), parts = self.sets + 1, self.tables(rows, orders), []
        for weights in node["weights"]:
            keep = [~(bound >= self.target) for bound in self.bounds_by(weights, tables)]
            rows, tables = ([x[mine] for x, mine in zip(some, keep, strict=True)] for some in (rows, tables))
            if not all(map(len, rows)):
                return
        if "list" in node:
            i = node["list"]
            parts = [(self.agreeing(rows, i, order), {**orders, i: order}) for order in ORDERS]
        elif "cut" in node:
            a, what, most = node["cut"]  # by the factor in a term, or in a column of a dim
            low = (tables[a][:, what] if isinstance(what, int) else self.splits[what[0]][rows[a], what[1]]) <= most
            parts = [([*rows[:a], rows[a][side], *rows[a + 1 :]], orders) for side in (low, ~low)]
        else:
            need(prod(map(len, rows)) <= 1e6, "no bound rules out most of a million mappings or more")
            need(len(self.left(rows, orders)) == 0, "no bound rules out some mappings")
        for part, (some, laid) in zip(node.get("parts", []), parts, strict=True):
            if all(map(len, some)):
                self.follow(part, some, laid)

    def left(self, rows: list[Array], orders: dict[int, str]) -> Array:
        """(n, axes) all combinations of splits but for those whose sums are too large, by themselves or on the way."""
        (tables, known), logs, left = self.tables(rows, orders), np.zeros((1, len(self.terms))), np.zeros((1, 0), int)
        for at, table in enumerate(tables):
            left = np.column_stack([left.repeat(len(table), axis=0), np.tile(rows[at], len(left))])
            logs = (logs[:, None] + table).reshape(-1, len(self.terms))
            least = sum(other.min(axis=0) for other in tables[at + 1 :])
            keep = ~(self.costs(logs + least, known and at == len(tables) - 1) >= self.target)
            logs, left = logs[keep], left[keep]
        return left

    def cost_of(self, mapping: dict[str, Any]) -> float:
        """Logarithm of the sums of a mapping, infinite where it is not in the space."""
        same = {d: (splits == mapping["factors"][d]).all(axis=1) for d, splits in self.splits.items()}
        rows = [np.flatnonzero(np.all([same[d] for d in dims], axis=0)) for dims in AXES]
        orders = dict(zip(range(len(self.without)), mapping["orders"], strict=True))
        for level, order in orders.items():
            rows = self.agreeing(rows, level, ORDERS[ORDERS.index(order)])
        return self.costs(sum(self.tables(rows, orders)[0]), exact=True)[0] if all(map(len, rows)) else inf


def check(proof: dict[str, Any]) -> str:
    """What a proof says, in a sentence; ValueError if it does not hold."""
    need(proof.get("format") == FORMAT, f"not in format {FORMAT}, so `dse map --proof` has to write it anew")
    checker, mapping = Checker(proof), proof["mapping"]
    spaces = {name: proof["spaces"][name] for name in proof["problem"]["spaces"]}
    for space in spaces.values():
        checker.enter(space)
        checker.follow(space["tree"], checker.whole, {})
    checker.enter(spaces[mapping["space"]])
    need(checker.cost_of(mapping) <= log(proof["value"]) + CLOSE, "the sums of the mapping exceed its value")
    return (
        f"{proof['layer']} on {proof['architecture']}: no mapping has less {proof['objective']} than "
        f"{proof['value']:.9g} {proof['unit']} divided by {1 + proof['gap']:g}: checked.\n"
        f"Bounds rule out all that are better, in {checker.sets:,} sets of {prod(map(len, checker.whole)):,} splits."
    )


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            sys.stdout.write(check(json.load(file)) + "\n")
    except Exception as error:  # whatever is wrong with a file, it proves nothing
        sys.exit(f"{' '.join(sys.argv[1:]) or 'no file'}: NOT PROVEN: {type(error).__name__}: {error}")
