"""Check a proof that a mapping is the best one: `python check.py FILE`. Standard library and NumPy, nothing of dse.

A mapping cuts the bound of every dim into factors (a split), three per level, outermost first: trips of the loop in the
level's list, rows and columns of the fan-out below. It also orders the loops of every list. The file says which factors
are allowed, and what a mapping costs: rows that add up terms, which are products of one factor per axis of dims. This
checker lists all splits, works out their factors, and follows the file's trees: sets of mappings, each cut into parts
that cover it, or with nothing left that costs less than the value. docs/mapper/proofs.md says why that is enough.
"""

import json
import sys
from collections.abc import Iterator
from itertools import product
from math import inf, log, prod
from typing import Any

import numpy as np

Array = Any  # of NumPy
Orders = dict[int, tuple[str, str]]  # what is laid down about lists
FORMAT = 2
DIMS, AXES = "GNKCPQRS", ("G", "N", "K", "C", "PR", "QS")
LACKS = ("K", "NPQ", "CRS")  # dims that ifmap, weights and psums do not have
PARTS = {"energy": ["energy"], "latency": ["time"], "edp": ["energy", "time"]}  # an objective is their product
CLOSE = 1e-9  # logarithms that differ by less count as equal, for rounding
# Of a list: its innermost loop ("": it has none but over G), over which one operand stays, and the innermost of the
# loops that move this operand ("": there are none): the ifmap may slide over it.
ORDERS = [("", ""), *product("NKCPQRS", ("", "any")), *product("K", "PQRS")]
INNERMOST = ("G", "")  # of the last list, over whose loops nothing stays


def need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def splits_of(bound: int, allowed: Any, perfect: bool, chosen: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """All ways to go on with factors, each between its least and its most, that cover the bound.

    No factor can shrink and still cover it with the others as they are: that only adds work and words.
    """
    left, open_slots = -(-bound // prod(chosen)), allowed[len(chosen) :]
    total, room = left * prod(chosen), prod(most for _, most in open_slots)
    if left > room or (perfect and total > bound) or any(total // f * (f - 1) >= bound for f in chosen):
        return
    if not open_slots:
        yield chosen
    for least, most in open_slots[:1]:
        for f in range(least, min(most, left) + 1):
            if -(-left // f) * (f - 1) < left:
                yield from splits_of(bound, allowed, perfect, (*chosen, f))


def count(chain: Array, bound: int, columns: Any) -> Array:
    """(n,) how many combinations of some loops' indices there are below the bound: the number of the last, and one."""
    last, left = 0 * chain[:, 0], bound - 1
    for c in sorted(columns):
        inside = chain[:, c + 1 :].prod(axis=1)
        index = np.minimum(left // inside, chain[:, c] - 1)
        last, left = last * chain[:, c] + index, left - index * inside
    return last + 1


class Axis:
    """All splits of one axis, of two dims every pair, and the factors that they contribute."""

    def __init__(self, problem: dict[str, Any], names: str) -> None:
        self.names, self.known = names, dict[Any, Array]()
        self.bounds, self.steps = ([problem[what][d] for d in names] for what in ("bounds", "steps"))
        each = [splits_of(problem["bounds"][d], problem["factors"][d], problem["perfect"]) for d in names]
        self.chains = [np.array(chain) for chain in zip(*product(*each), strict=True)]
        self.size = len(self.chains[0])

    def factor(self, *name: Any) -> Array:
        """(n,) logarithms of a factor of every split, which lists repeat, or with ifmap that slides from a list on."""
        if name not in self.known:
            kind, operand, child, columns, lists, begin, slides = name
            dims = list(zip(self.names, self.chains, self.bounds, columns, strict=True))
            sizes = [np.minimum(chain[:, some].prod(axis=1), bound) for _, chain, bound, some in dims]
            if kind == "count":
                more = dict.fromkeys(LACKS[operand], range(0, 3 * lists, 3))
                found = prod(count(chain, bound, {*some, *more.get(d, ())}) for d, chain, bound, some in dims)
            elif kind == "tile":
                found = prod(sizes)
            elif kind == "box":  # words of the ifmap from the first to the last that a tile needs
                found = 1 + sum((size - 1) * step for size, step in zip(sizes, self.steps, strict=True))
            else:  # words that cross to a child's tiles: sliding brings each at least once
                run, boxes = range(3 * begin, 3 * child, 3), kind == "boxes" and not slides
                ways = [[{*some, *(run if d == over else ())} for d, _, _, some in dims] for over in slides or "-"]
                found = np.min([self.moved(3 * child, shared, boxes) for shared in ways], axis=0)
            self.known[name] = np.log(found)
        return self.known[name]

    def moved(self, inside: int, shared: list[set[int]], boxes: bool) -> Array:
        """(n,) words of the ifmap that cross to the tiles of the columns from `inside` on."""
        shapes = []  # what matters of a split: trips of shared loops, what the loops inside each cover, and the tile
        for chain, bound, some in zip(self.chains, self.bounds, shared, strict=True):
            sizes = np.pad(chain, [(0, 0), (0, 1)], constant_values=1)[:, ::-1].cumprod(axis=1)[:, ::-1]
            mine = np.isin(np.arange(inside), [*some])
            loops = [np.where(mine, chain[:, :inside], 1), np.where(mine, sizes[:, 1 : inside + 1], 1)]
            shapes.append(np.column_stack([*loops, np.minimum(sizes[:, inside], bound)]))
        each, alike = np.unique(np.stack(shapes, axis=1), axis=0, return_inverse=True)
        return np.array([self.words(shape, boxes) for shape in each])[alike.ravel()]

    def words(self, shape: Array, boxes: bool) -> int:
        """Words of the boxes of all tiles, each word (or each box) once where only indices of shared loops differ."""
        group = first = last = np.zeros(1, dtype=np.int64)
        for bound, step, (*loops, tile) in zip(self.bounds, self.steps, shape, strict=True):
            trips, inner = np.reshape(loops, (2, 1, -1))
            start = np.arange(0, bound, tile)
            end = np.minimum(start + tile, bound) - 1
            group = np.add.outer(group * bound, start - (start[:, None] // inner % trips * inner).sum(axis=1)).ravel()
            first, last = np.add.outer(first, start * step).ravel(), np.add.outer(last, end * step).ravel()
        size = last.max() + 1
        group = (group * size + first) * size + last if boxes else group
        words = np.add.outer(first, np.arange((last - first).max() + 1))
        return len(np.unique((group[:, None] * size + words)[words <= last[:, None]]))


class Space:
    """Mappings that keep the same operands in the same levels, and the sums of products that bound their cost."""

    def __init__(
        self, problem: dict[str, Any], axes: list[Axis], given: dict[str, Any], parts: list[str], target: float
    ) -> None:
        self.axes, self.problem, self.target = axes, problem, target
        self.terms = [[(*of, tuple(map(tuple, columns))) for *of, columns in term] for term in given["terms"]]
        self.rows = np.array([row for _, row in given["rows"]])
        self.parts = [np.array([mine == part for mine, _ in given["rows"]]) for part in parts]
        self.whole = [np.arange(axis.size) for axis in axes]
        for level, spread in zip(problem["spaces"][given["name"]], given["spread"], strict=True):
            children = axes[3].chains[0][self.whole[3], 3 * level + 1 : 3 * level + 3].prod(axis=1)
            self.whole[3] = self.whole[3][(children > 1) == spread]  # a sum over C is spread over them, or not

    def repeats(self, operand: int, child: int, orders: Orders) -> tuple[int, int, str]:
        """How many lists repeat the transfers to a level at least; the list from which on it may slide, and over what.

        Neighbours over one dim slide as one loop, also across lists with no other loop between them.
        """
        slides = ""
        for i in reversed(range(child)):
            inner, after = orders.get(i, ("", ""))
            moves = bool(inner) and inner not in LACKS[operand]
            if moves or after:
                return i + moves, i if after == "any" else 0, slides + (inner if moves else after)
            slides += "" if i in orders else "PQRS"  # where nothing is laid down, the operand may stay
        return 0, 0, slides

    def tables(self, rows: list[Array], orders: Orders) -> list[Array]:
        """Per axis (n, T) logarithms of the factors of its splits in all terms."""
        tables = [np.zeros((len(row), len(self.terms))) for row in rows]
        for t, term in enumerate(self.terms):
            for a, sign, kind, operand, child, columns in term:
                lists, begin, slides = self.repeats(operand, child, orders)
                over = "".join(d for d in self.axes[a].names if d in slides)
                run = (lists, 0, "") if kind == "count" else (0, begin if over else 0, over)
                tables[a][:, t] += sign * self.axes[a].factor(kind, operand, child, columns, *run)[rows[a]]
        return tables

    def costs(self, logs: Array) -> Array:
        """(n,) logarithms of the objective, given those of all terms; infinite where a limit is exceeded."""
        sums = np.exp(logs) @ self.rows.T
        over = (sums[:, ~np.any(self.parts, axis=0)] > 1 + CLOSE).any(axis=1)
        return np.where(over, inf, sum(np.log(sums[:, mine].max(axis=1)) for mine in self.parts))

    def bounds(self, weights: dict[str, Any], tables: list[Array]) -> list[Array]:
        """Per axis (n,) bounds on the logarithm of the objective with every split."""
        if not weights:  # the sums themselves, with the least factors of all other axes
            least = [table.min(axis=0) for table in tables]
            return [self.costs(table + (sum(least) - mine)) for table, mine in zip(tables, least, strict=True)]
        w = np.zeros(self.rows.shape)
        for row, mine in weights.items():
            w[int(row)] = mine
        need(bool(((w >= 0) & (w <= 1000)).all()), "a weight below zero, or too large for exact sums")
        need(all(abs(w[part].sum() - 1) < 1e-12 for part in self.parts), "weights that do not add up to one")
        some, logs = w > 0, [table @ w.sum(axis=0) for table in tables]
        # The sum of all t is at least the product of (t / w) ** w; a limit's sum is one at most.
        shares = np.log((self.rows * w.sum(axis=1, keepdims=True))[some]) - np.log(w[some])
        bound = (w[some] * shares).sum() + sum(each.min() for each in logs)
        return [bound + each - each.min() for each in logs]

    def agreeing(self, rows: list[Array], level: int, order: Any) -> list[Array]:
        """The splits with which a list can have an order: of some dims it has loops, of others none."""
        inner, after = order
        stays = next((dims for dims in LACKS if inner and inner in dims), "G")
        single = {*self.problem["without"][level].get(inner, ""), *(() if after else set(DIMS) - set(stays))}
        found = []
        for axis, row in zip(self.axes, rows, strict=True):
            trips = {d: chain[row, 3 * level] for d, chain in zip(axis.names, axis.chains, strict=True)}
            fits = [((n > 1) | (d not in order)) & ((n == 1) | (d not in single)) for d, n in trips.items()]
            found.append(row[np.all(fits, axis=0)])
        return found

    def follow(self, node: dict[str, Any], rows: list[Array], orders: Orders) -> Iterator[int]:
        """Of every set of a tree, how many mappings have prices in the file; fails where some are left without."""
        if not all(map(len, rows)):
            return
        tables, prices, parts = self.tables(rows, orders), node.get("priced", []), []
        for weights in node.get("weights", []):
            keep = [~(bound >= self.target) for bound in self.bounds(weights, tables)]
            rows, tables = ([x[mine] for x, mine in zip(some, keep, strict=True)] for some in (rows, tables))
            if not all(map(len, rows)):
                yield 0
                return
        if "list" in node:
            level = node["list"]
            need(level in range(self.problem["last"]) and level not in orders, "a list laid down twice, or none")
            parts = [(self.agreeing(rows, level, order), {**orders, level: order}) for order in ORDERS]
        elif "cut" in node:
            cut, term, most = node["cut"]
            low = tables[cut][:, term] <= most
            parts = [([row[side] if a == cut else row for a, row in enumerate(rows)], orders) for side in (low, ~low)]
        else:
            logs = np.zeros((1, len(self.terms)))
            for at, table in enumerate(tables):  # all combinations, but for those whose sums are too large on the way
                logs = (logs[:, None] + table).reshape(-1, len(self.terms))
                logs = logs[~(self.costs(logs + sum(other.min(axis=0) for other in tables[at + 1 :])) >= self.target)]
            need(len(prices) == len(logs), f"no bound rules out {len(logs)} mappings, the file prices {len(prices)}")
            need(all(p is None or log(p) >= self.target - CLOSE for p in prices), "a mapping that is better")
        yield len(prices)
        for part, (some, laid) in zip(node.get("parts", []), parts, strict=True):
            yield from self.follow(part, some, laid)

    def cost_of(self, mapping: dict[str, Any]) -> float:
        """Logarithm of the sums of a mapping, infinite where it is not in the space."""
        rows, orders = list[Array](), {len(mapping["orders"]): INNERMOST}
        for axis, whole in zip(self.axes, self.whole, strict=True):
            same = [chain[whole] == mapping["factors"][d] for d, chain in zip(axis.names, axis.chains, strict=True)]
            rows.append(whole[np.all(same, axis=(0, 2))])
        for level, order in enumerate(mapping["orders"]):
            rows, orders[level] = self.agreeing(rows, level, order), ORDERS[ORDERS.index(tuple(order))]
        return float(self.bounds({}, self.tables(rows, orders))[0].max()) if all(map(len, rows)) else inf


def check(proof: dict[str, Any]) -> tuple[int, int, int]:
    """The sets looked at, the prices taken from the file, and all combinations; ValueError if it does not hold."""
    need(proof.get("format") == FORMAT, f"not in format {FORMAT}, so `dse map --proof` has to write it anew")
    problem, mapping, value = proof["problem"], proof["mapping"], log(proof["value"])
    given = [(space["name"], *space["spread"]) for space in proof["spaces"]]
    every = [product([name], *[(False, True)] * len(levels)) for name, levels in problem["spaces"].items()]
    need(sorted(given) == sorted(set().union(*every)), "not one tree for every choice of what levels keep")
    parts, target = PARTS[proof["objective"]], value - log(1 + proof["gap"]) - CLOSE
    axes = [Axis(problem, dims) for dims in AXES]
    spaces = [Space(problem, axes, plain, parts, target) for plain in proof["spaces"]]
    trees = [(space, plain["tree"]) for space, plain in zip(spaces, proof["spaces"], strict=True)]
    sets = [n for space, tree in trees for n in space.follow(tree, space.whole, {problem["last"]: INNERMOST})]
    need(len(mapping["orders"]) == problem["last"], "not one order for every list")
    need(spaces[mapping["space"]].cost_of(mapping) <= value + CLOSE, "the sums of the mapping exceed its value")
    return len(sets), sum(sets), prod(axis.size for axis in axes)


def main(path: str) -> str:
    """What a file proves, in a sentence."""
    with open(path, encoding="utf-8") as file:
        proof = json.load(file)
    sets, priced, size = check(proof)
    return (
        f"{proof['layer']} on {proof['architecture']}: no mapping has less {proof['objective']} than "
        f"{proof['value']:.9g} {proof['unit']} divided by {1 + proof['gap']:g}: checked.\n{size:,} combinations of "
        f"splits in {sets:,} sets; bounds rule out all but {priced:,}, which have prices in the file."
    )


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1]) + "\n")
    except (IndexError, KeyError, TypeError, ValueError, OSError) as error:
        sys.exit(f"{' '.join(sys.argv[1:]) or 'no file'}: NOT PROVEN: {error}")
