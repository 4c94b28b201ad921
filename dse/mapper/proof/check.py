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
FORMAT, CLOSE = 3, 1e-9  # logarithms that differ by less than CLOSE count as equal, for rounding
AXES = ("G", "N", "K", "C", "PR", "QS")  # dims whose splits are looked at together
LACKS = ("K", "NPQ", "CRS")  # dims that ifmap, weights and psums do not have
PARTS = {"energy": ["energy"], "latency": ["time"], "edp": ["energy", "time"]}  # an objective is their product
# Of a list: the innermost loop (none but over G: ""), over which an operand stays; whether others ("+") move this one,
# or the innermost of these, over which the ifmap may slide.
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


def words(once: bool, *shapes: Any) -> int:
    """Words in all tiles' boxes, where tiles that differ in shared loops only count words (or else boxes) once."""
    tiles: list[Any] = []  # of both dims: the index but for shared loops, the first and the last word
    for bound, step, tile, shared in shapes:
        tiles.append([])
        for start in range(0, bound, tile):
            index = start - sum(start // inside % trips * inside for inside, trips in shared)
            tiles[-1].append((index, start * step, (min(start + tile, bound) - 1) * step))
    boxes = {(i, j, first + more, last + most) for (i, first, last), (j, more, most) in product(*tiles)}
    return len({(*box[: 2 if once else 4], word) for box in boxes for word in range(box[2], box[3] + 1)})


class Checker:
    """All splits of every axis, by dims, and the sums of products that bound the cost in one space."""

    def __init__(self, proof: dict[str, Any]) -> None:
        problem, self.parts_of, self.sets, self.priced = proof["problem"], PARTS[proof["objective"]], 0, 0
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
        self.terms, self.rows = space["terms"], np.array([row for _, row in space["rows"]])
        self.parts = [np.array([mine == part for mine, _ in space["rows"]]) for part in self.parts_of]
        need((self.rows >= 0).all(), "a coefficient below zero")

    def new_count(self, dims: str, kind: str, child: int, slides: bool, *columns: frozenset[int]) -> Array:
        """(n,) logarithms of what every split counts."""
        if kind == "combinations":  # of some loops' indices, below the bound: the number of the last, and one
            splits, last, left = self.splits[dims], 0 * self.splits[dims][:, 0], self.bounds[dims] - 1
            for c in sorted(*columns):
                inside = splits[:, c + 1 :].prod(axis=1)
                index = np.minimum(left // inside, splits[:, c] - 1)
                last, left = last * splits[:, c] + index, left - index * inside
            return np.log(last + 1)
        each = [(self.splits[d], self.bounds[d]) for d in dims]
        if kind == "tile":  # words from the first to the last
            last = [np.minimum(splits[:, [*columns[0]]].prod(axis=1), bound) - 1 for splits, bound in each]
            return np.log(1 + sum(np.multiply(last, np.array(self.steps[dims])[:, None])))
        shapes: list[Any] = []  # what words depend on: the tile, and of shared loops what is inside each, and trips
        for (splits, bound), step, shared in zip(each, self.steps[dims], columns, strict=True):
            shapes.append([])
            for split in splits.tolist():
                loops = tuple((prod(split[c + 1 :]), split[c]) for c in sorted(shared) if split[c] > 1)
                shapes[-1].append((bound, step, prod(split[3 * child :]), loops))
        return np.log([self.words(kind == "words" or slides, *pair) for pair in zip(*shapes, strict=True)])

    def repeats(self, operand: int, child: int, orders: dict[int, str]) -> dict[str, range]:
        """By dim, the columns of lists that repeat transfers to a level at least, or in which the ifmap slides."""
        lists, run, slides = range(0), range(0, 3 * child, 3), ""
        orders = {len(self.without): "G", **orders}  # over the loops of the last list nothing stays
        for i in reversed(range(child)):
            order = orders.get(i, "")
            moves = order[:1] not in LACKS[operand]
            slides += order if i in orders else "PQRS"  # where nothing is laid down, the operand may stay
            if moves or order[1:]:  # neighbours over one dim slide as one loop, also across lists
                lists, run = range(0, 3 * (i + moves), 3), range(3 * i if order[1:] == "+" else 0, 3 * child, 3)
                break
        return dict.fromkeys(slides, run) | dict.fromkeys(LACKS[operand], lists)

    def tables(self, rows: list[Array], orders: dict[int, str]) -> list[Array]:
        """Per axis (n, T) logarithms of the factors of its splits in all terms."""
        tables = [np.zeros((len(self.terms), len(row))).T for row in rows]
        for t, term in enumerate(self.terms):
            for a, dims, power, kind, operand, child, columns in term:
                more = self.repeats(operand, child, orders)
                every = [frozenset([*columns, *more.get(d, ())]) for d in dims]
                tables[a][:, t] += power * self.count(dims, kind, child, any(d in more for d in dims), *every)[rows[a]]
        return tables

    def costs(self, logs: Array) -> Array:
        """(n,) logarithms of the objective, given those of all terms; infinite where a limit is exceeded."""
        sums = np.exp(logs) @ self.rows.T
        over = (sums[:, ~np.any(self.parts, axis=0)] > 1 + CLOSE).any(axis=1)
        return np.where(over, inf, sum(np.log(sums[:, mine].max(axis=1)) for mine in self.parts))

    def bounds_by(self, weights: list[list[float]], tables: list[Array]) -> list[Array]:
        """Per axis (n,) bounds on the objective's logarithm: sums of t are at least the product of (t / w) ** w."""
        if not weights:  # the sums themselves, with the least factors of all other axes
            least = [table.min(axis=0) for table in tables]
            return [self.costs(table + (sum(least) - mine)) for table, mine in zip(tables, least, strict=True)]
        w = np.array(weights)
        need(((w >= 0) & (w <= 1000)).all(), "a weight below zero, or too large for exact sums")
        need(all(abs(w[part].sum() - 1) < 1e-12 for part in self.parts), "weights that do not add up to one")
        some, logs = w > 0, [table @ w.sum(axis=0) for table in tables]
        shares = np.log((self.rows * w.sum(axis=1, keepdims=True))[some] / w[some])  # sums of a limit are one at most
        bound = (w[some] * shares).sum() + sum(each.min() for each in logs)
        return [bound + each - each.min() for each in logs]

    def agreeing(self, rows: list[Array], level: int, order: str) -> list[Array]:
        """The splits with which a list can have an order: over some dims it has loops, over others none."""
        stays = next((dims for dims in LACKS if order and order[0] in dims), "")
        none = {*self.without[str(level)].get(order[:1], ""), *(() if order[1:] else {*"NKCPQRS"} - {*stays})}
        found = [*rows]
        for a, d in ((a, d) for a, dims in enumerate(AXES) for d in dims):
            trips = self.splits[d][found[a], 3 * level]
            found[a] = found[a][((trips > 1) | (d not in order)) & ((trips == 1) | (d not in none))]
        return found

    def follow(self, node: dict[str, Any], rows: list[Array], orders: dict[int, str]) -> None:
        """Go through all sets of a tree; fails where mappings are left without a price."""
        self.sets, tables, parts = self.sets + 1, self.tables(rows, orders), []
        for weights in node["weights"]:
            keep = [~(bound >= self.target) for bound in self.bounds_by(weights, tables)]
            rows, tables = ([x[mine] for x, mine in zip(some, keep, strict=True)] for some in (rows, tables))
            if not all(map(len, rows)):
                return
        if "list" in node:
            i = node["list"]
            parts = [(self.agreeing(rows, i, order), {**orders, i: order}) for order in ORDERS]
        elif "cut" in node:
            cut, term, most = node["cut"]
            low = tables[cut][:, term] <= most
            parts = [([row[side] if a == cut else row for a, row in enumerate(rows)], orders) for side in (low, ~low)]
        else:
            need(prod(map(len, rows)) <= 1e6, "no bound rules out most of a million mappings or more")
            prices, logs = node.get("priced", []), np.zeros((1, len(self.terms)))
            for at, table in enumerate(tables):  # all combinations, but for those whose sums are too large on the way
                logs = (logs[:, None] + table).reshape(-1, len(self.terms))
                logs = logs[~(self.costs(logs + sum(other.min(axis=0) for other in tables[at + 1 :])) >= self.target)]
            need(len(prices) == len(logs), f"no bound rules out {len(logs)} mappings, the file prices {len(prices)}")
            need(all(p is None or log(p) >= self.target - CLOSE for p in prices), "a mapping that is better")
            self.priced += len(prices)
        for part, (some, laid) in zip(node.get("parts", []), parts, strict=True):
            if all(map(len, some)):
                self.follow(part, some, laid)

    def cost_of(self, mapping: dict[str, Any]) -> float:
        """Logarithm of the sums of a mapping, infinite where it is not in the space."""
        same = {d: (splits == mapping["factors"][d]).all(axis=1) for d, splits in self.splits.items()}
        rows = [np.flatnonzero(np.all([same[d] for d in dims], axis=0)) for dims in AXES]
        orders = dict(zip(range(len(self.without)), mapping["orders"], strict=True))
        for level, order in orders.items():
            rows = self.agreeing(rows, level, ORDERS[ORDERS.index(order)])
        return float(self.costs(sum(self.tables(rows, orders))).min(initial=inf))


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
        f"{proof['value']:.9g} {proof['unit']} divided by {1 + proof['gap']:g}: checked.\n{checker.sets:,} sets of "
        f"{prod(map(len, checker.whole)):,} splits; bounds rule out all but {checker.priced:,}, priced in the file."
    )


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            sys.stdout.write(check(json.load(file)) + "\n")
    except Exception as error:  # whatever is wrong with a file, it proves nothing
        sys.exit(f"{' '.join(sys.argv[1:]) or 'no file'}: NOT PROVEN: {type(error).__name__}: {error}")
