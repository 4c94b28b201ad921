"""Check a proof that a mapping is the best one: `python check.py FILE`. Standard library and NumPy, nothing of dse.

A mapping cuts the bound of every dim into factors (a split), and orders the loops of every list. The file states the
problem: the rules on factors, and the cost as sums of products with one factor per axis of dims. This checker lists all
splits itself, works out their factors, and follows the file's tree, which cuts the mappings into ever smaller sets. It
accepts when the parts of every cut cover what was cut, and in every set that is not cut nothing costs less than the
value. docs/mapper/proofs.md says why that is enough, and what is taken from the file.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import inf, isqrt, log, prod
from typing import Any

import numpy as np

Array = Any  # of NumPy
DIMS, AXES = "GNKCPQRS", ("G", "N", "K", "C", "PR", "QS")
LACKS = ("K", "NPQ", "CRS")  # dims that ifmap, weights and psums do not have
SLIDES_OVER = ("PQRS", "PQ", "RS")  # dims over which the ifmap may slide while that operand stays
ENERGY, TIME, FIRST_LIMIT = range(3)  # blocks of terms: the two parts of the objective, then one per limit
CLOSE = 1e-9  # logarithms that differ by less count as equal, for rounding
ONE = np.int64(1)

CHOICES = [(-1, None, False)] + [
    (stays, slide, alone) for stays in range(3) for alone in (False, True)
    for slide in ((None,) if stays == 0 and alone else (None, "PR", "QS"))
]  # fmt: skip
"""What may be laid down about a list: the operand that stays (-1: the list has no loops), the axis that the ifmap
slides on, and whether the list has no loop over a dim of the operand."""


def need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


@cache
def divisors(number: int) -> list[int]:
    return sorted({f for d in range(1, isqrt(number) + 1) if number % d == 0 for f in (d, number // d)})


def splits_of(problem: dict[str, Any], dim: str) -> Array:
    """(n, 3 * k) factors of a dim in the list, on the rows and on the columns of every level, that the rules allow.

    No factor can shrink and still cover the bound with the others as they are: that only adds work and words.
    """
    bound, found = problem["bounds"][DIMS.index(dim)], []
    every = [(level, part) for level in problem["levels"] for part in ("trips", "rows", "cols")]
    slots = [at for at, (level, part) in enumerate(every) if dim in level["on_" + part]]

    def extend(chosen: list[int], left: int, total: int) -> None:
        level, part = every[slots[len(chosen)]]
        folds = level["folds_" + part].get(dim) if part != "trips" else None
        last = len(chosen) == len(slots) - 1
        for f in [left] if last else divisors(left):
            if (f > 1 and total // f * (f - 1) >= bound) or (part != "trips" and f > level[part]):
                break
            if folds not in (None, -(-bound // f)) or (part == "trips" and dim in level["whole"] and left < bound):
                continue
            if last:
                found.append([*chosen, f])
            else:
                extend([*chosen, f], left // f, total)

    for total in range(bound, bound + 1 if problem["perfect"] else 2 * bound):
        extend([], total, total)
    splits = np.ones((len(found), len(every)), dtype=np.int64)
    splits[:, slots] = np.array(found, dtype=np.int64).reshape(len(found), len(slots))
    return splits


class Axis:
    """All splits of one axis, of two dims every pair, and the factors that they contribute."""

    def __init__(self, problem: dict[str, Any], dims: str) -> None:
        self.dims, self.bounds = dims, [problem["bounds"][DIMS.index(d)] for d in dims]
        self.stride, self.dilation = problem["window"].get(dims, (1, 1))
        chains = [splits_of(problem, d) for d in dims]
        if len(dims) == 2:
            a, b = len(chains[0]), len(chains[1])
            chains = [chains[0][np.repeat(np.arange(a), b)], chains[1][np.tile(np.arange(b), a)]]
        self.chains, self.size, self.levels = chains, len(chains[0]), len(problem["levels"])
        self.known: dict[tuple[Any, ...], Array] = {}

    def factor(self, key: tuple[Any, ...]) -> Array:
        """(n,) logarithm of a factor of every split: `key` names it, its numbers are levels, or bits for fan-outs."""
        if key not in self.known:
            self.known[key] = np.log(np.asarray(getattr(self, "of_" + key[0])(*key[1:]), dtype=float))
        return self.known[key]

    def fan(self, which: int, level: int) -> Array:
        return self.chains[which][:, 3 * level + 1] * self.chains[which][:, 3 * level + 2]

    def tile(self, which: int, level: int, above: int) -> Array:
        """Indices in a level's tile, or in the tiles of all children of the fan-outs from `above` on."""
        size = self.chains[which][:, 3 * level :].prod(axis=1)
        for i in range(above, level) if above >= 0 else ():
            size = size * self.fan(which, i)
        return np.minimum(size, self.bounds[which])

    def of_bound(self, dim: str) -> Array:
        return np.full(self.size, self.bounds[self.dims.index(dim)])

    def of_steps(self) -> Array:
        return prod(self.of_count(d, self.levels, 0) for d in self.dims)

    def of_changes(self, steps_per: bool, *lists: int) -> Array:
        number = prod(self.of_count(d, some, 0) for d, some in zip(self.dims, lists, strict=True))
        return self.of_steps() / number if steps_per else number

    def of_side(self, level: int, side: int) -> Array:
        return prod(chain[:, 3 * level + 1 + side] for chain in self.chains)

    def of_idle(self, level: int) -> Array:
        """One over the instances of a level that are in use."""
        used = [prod((self.fan(which, i) for i in range(level)), start=ONE) for which in range(len(self.dims))]
        return 1.0 / prod(np.minimum(each, bound) for each, bound in zip(used, self.bounds, strict=True))

    def of_words(self, operand: int, level: int, above: int = -1) -> Array:
        """Words of an operand's tile along the axis."""
        first, *second = (self.tile(which, level, above) for which in range(len(self.dims)))
        if second and operand == 0:
            return (first - 1) * self.stride + (second[0] - 1) * self.dilation + 1
        return second[0] if second and operand == 1 else first

    def of_count(self, dim: str, lists: int, fans: int) -> Array:
        """How many combinations of the outermost lists' indices, and of some fan-outs', exist within the bound."""
        which, loops = self.dims.index(dim), []
        for i in range(self.levels):
            loops += [(self.chains[which][:, 3 * i], i < lists), (self.fan(which, i), fans >> i & 1)]
        total, left = np.zeros(self.size, dtype=np.int64), np.full(self.size, self.bounds[which])
        while loops:
            _, counted = loops.pop(0)
            inside = prod((trips for trips, _ in loops), start=ONE)
            if counted:
                total = total + left // inside * prod((trips for trips, c in loops if c), start=ONE)
            left = left % inside if counted else np.minimum(left, inside)
        return total + (left > 0)

    def of_boxes(self, level: int, joined: int, mode: int, slides: bool) -> list[int]:
        """Ifmap words along the axis that cross to a level, where some fan-outs (bits) join what children share.

        They are counted one by one: those of every tile's box, from its first word to its last; each word once (mode 2)
        or each box once (mode 1) among tiles that are joined. Where the ifmap slides, those of runs over one dim.
        """
        known: dict[tuple[Any, ...], int] = {}
        found = []
        for row in range(self.size):
            tiles = [int(chain[row, 3 * level :].prod()) for chain in self.chains]
            outside = [tuple(chain[row, : 3 * level]) for chain in self.chains] if joined and mode else ()
            here = (*map(min, tiles, self.bounds), *outside)
            if here not in known:
                keys = [self.outside(which, row, level, joined if mode else 0) for which in (0, 1)]
                ways = [self.union(tiles, keys, mode)]
                if slides:
                    ways += [self.union(tiles, [0 * keys[0], keys[1]], 2), self.union(tiles, [keys[0], 0 * keys[1]], 2)]
                    ways += [self.union([1, 1], [0 * key for key in keys], 2)] if joined and mode else []
                known[here] = min(ways)
            found.append(known[here])
        return found

    def outside(self, which: int, row: int, level: int, joined: int) -> Array:
        """(bound,) for every index of a dim, where it stands in the loops outside a level, but for joined fan-outs."""
        at = np.arange(self.bounds[which])
        key, inside = 0 * at, int(self.chains[which][row].prod())
        for i in range(level):
            for trips, counted in ((self.chains[which][row, 3 * i], True), (self.fan(which, i)[row], ~joined >> i & 1)):
                inside //= int(trips)
                key = key * trips + at // inside % trips if counted else key
        return key

    def union(self, tiles: list[int], keys: list[Array], mode: int) -> int:
        """Words of the boxes of all tiles, where tiles with equal keys of their first indices share."""
        first = [np.arange(0, bound, tile) for tile, bound in zip(tiles, self.bounds, strict=True)]
        last = [np.minimum(at + tile, bound) - 1 for at, tile, bound in zip(first, tiles, self.bounds, strict=True)]
        group = (keys[0][first[0]][:, None] * (keys[1].max() + 1) + keys[1][first[1]]).ravel()
        start, end = ((x[0][:, None] * self.stride + x[1] * self.dilation).ravel() for x in (first, last))
        if mode == 1:
            group, start, end = np.unique(np.stack([group, start, end]), axis=1)
        if mode < 2:
            return int((end - start + 1).sum())
        start, end = (x + group * (end.max() + 2) for x in (start, end))
        order = np.argsort(start, kind="stable")
        start, end = start[order], end[order] + 1
        before = np.maximum.accumulate(np.concatenate([[0], end[:-1]]))
        return int(np.maximum(end - np.maximum(start, before), 0).sum())


class Space:
    """Mappings that keep the same operands in the same levels, and the sums of products that bound their cost."""

    def __init__(
        self, problem: dict[str, Any], axes: list[Axis], given: dict[str, Any], objective: str, target: float
    ) -> None:
        self.problem, self.axes, self.target, self.crossings = problem, axes, target, given["crossings"]
        self.terms, self.limits, self.spread = given["terms"], np.array(given["limits"]), given["spread"]
        self.logs = np.log([term["coefficient"] for term in self.terms])
        self.block, self.group = (np.array([term[key] for term in self.terms]) for key in ("block", "group"))
        self.parts = {"energy": [ENERGY], "latency": [TIME], "edp": [ENERGY, TIME]}[objective]
        self.sets, self.priced = 0, 0

    def root(self) -> tuple[list[Array], list[Any]]:
        """Splits of each axis in the space, where a sum over C is spread over children or not; what is laid down."""
        rows, c = [np.arange(axis.size) for axis in self.axes], self.axes[3]
        for level, spread in self.spread:
            rows[3] = rows[3][((c.of_side(level, 0) * c.of_side(level, 1) > 1) == spread)[rows[3]]]
        return rows, [CHOICES[0] if i in self.problem["empty"] else None for i in range(self.problem["last"])]

    def keys(self, term: dict[str, Any], choices: list[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Names of the factors of a term, axis by axis."""
        yield from ((a, tuple(key)) for a, *key in term["factors"])
        yield from ((a, ("idle", term["used"])) for a in range(6) if term["used"])
        if term["crossing"] < 0:
            return
        operand, child, mode, views = self.crossings[term["crossing"]]
        view, (lists, slides) = term["view"], self.run(operand, child, choices)
        for a, dims in enumerate(AXES):
            if view >= len(views):  # all loops that the operand has change its words, others those that repeat it
                yield a, ("changes", view > len(views), *(lists if d in LACKS[operand] else child for d in dims))
                continue
            yield from ((a, ("count", d, lists, views[view])) for d in dims if d in LACKS[operand])
            yield from ((a, ("bound", d)) for d in dims if d not in LACKS[operand] and (operand or len(dims) == 1))
            if len(dims) == 2 and not operand:
                yield a, ("boxes", child, views[0] & ~views[view], mode, dims in slides)

    def run(self, operand: int, child: int, choices: list[Any]) -> tuple[int, set[str | None]]:
        """How many lists repeat a crossing's transfers at least, and on which axes the ifmap may slide."""
        slides: set[str | None] = set()
        if child == len(choices) + 1:
            return child, slides
        for i in range(child - 1, -1, -1):
            if choices[i] is None:  # nothing is known: the operand may stay, and nothing may move it
                slides |= set(AXES[4:])
                continue
            stays, slide, alone = choices[i]
            if stays >= 0 and not (stays == operand and alone):
                return i + (stays != operand), slides | {slide}
        return 0, slides

    def laid_out(self, rows: list[Array], choices: list[Any]) -> list[Array]:
        """Per axis (n, T) logarithms of the factors of its splits in all terms."""
        tables = [np.zeros((len(row), len(self.terms))) for row in rows]
        for t, term in enumerate(self.terms):
            for a, key in self.keys(term, choices):
                tables[a][:, t] += self.axes[a].factor(key)[rows[a]]
        return tables

    def costs(self, logs: Array) -> Array:
        """(n,) logarithm of the objective of (n, T) logarithms of terms, infinite where they exceed a limit."""
        terms, total = np.exp(logs), np.zeros((len(self.limits), len(logs)))
        for b in range(len(self.limits)):
            mine = self.block == b
            total[b] = terms[:, mine & (self.group < 0)].sum(axis=1)
            groups = [terms[:, self.group == g].sum(axis=1) for g in set(self.group[mine & (self.group >= 0)])]
            total[b] += np.max(groups, axis=0) if groups else 0.0
        sums = np.log(np.maximum(total, 1e-300)).T
        over = (sums[:, FIRST_LIMIT:] > self.limits[FIRST_LIMIT:] + CLOSE).any(axis=1)
        return np.where(over, inf, sums[:, self.parts].sum(axis=1))

    def weigh(self, weights: Any, tables: list[Array]) -> tuple[float, list[Array]]:
        """The bound that weights give (a logarithm), and how far every split of each axis lifts it."""
        w, bound = np.array(weights, dtype=float), 0.0
        need(len(w) == len(self.logs) and bool((w >= 0).all()), "not one weight per term, zero or more")
        for b in range(len(self.limits)):
            mine = (self.block == b) & (w > 0)
            if b < FIRST_LIMIT:
                need((b in self.parts) == mine.any(), "weights of other terms than the objective's")
                w[mine] /= w[mine].sum()
            else:
                bound -= w[mine].sum() * self.limits[b]
            bound += (w[mine] * (self.logs[mine] - np.log(w[mine] / w[mine].sum()))).sum()
            shares = [w[mine & (self.group == g)].sum() for g in set(self.group[mine & (self.group >= 0)])]
            bound += sum(share * log(share / sum(shares)) for share in shares)
        lifts = [table @ w for table in tables]
        return bound + sum(lift.min() for lift in lifts), [lift - lift.min() for lift in lifts]

    def narrowed(self, rows: list[Array], choices: list[Any], weights: Any) -> tuple[list[Array], list[Array]] | None:
        """The splits of a set that are left, with their logarithms; None when nothing is."""
        rows, tables = list(rows), self.laid_out(rows, choices)
        for a in range(6):  # first each split by itself, with the least factors of all other axes
            if not all(map(len, rows)):
                return None
            others = self.logs + sum(table.min(axis=0) for x, table in enumerate(tables) if x != a)
            kept = self.costs(tables[a] + others) < self.target
            rows[a], tables[a] = rows[a][kept], tables[a][kept]
        for each in weights:
            if not all(map(len, rows)):
                return None
            bound, lifts = self.weigh(each, tables)
            keep = [lift < self.target - bound for lift in lifts]
            rows, tables = ([x[mine] for x, mine in zip(some, keep, strict=True)] for some in (rows, tables))
        return (rows, tables) if all(map(len, rows)) else None

    def left(self, rows: list[Array], tables: list[Array]) -> Array:
        """(m, 6) combinations of splits whose sums of terms stay below the target."""
        order = np.argsort([len(row) for row in rows])
        logs, chosen = self.logs[None], np.zeros((1, 6), dtype=np.int64)
        for at, a in enumerate(order):
            rest = sum((tables[x].min(axis=0) for x in order[at + 1 :]), start=0.0 * self.logs)
            logs = (logs[:, None] + tables[a][None]).reshape(-1, len(self.logs))
            chosen = np.repeat(chosen, len(rows[a]), axis=0)
            chosen[:, a] = np.tile(rows[a], len(chosen) // len(rows[a]))
            kept = self.costs(logs + rest) < self.target
            logs, chosen = logs[kept], chosen[kept]
        return chosen

    def agreeing(self, rows: list[Array], level: int, choice: Any) -> list[Array]:
        """Splits that agree with what is laid down about a list."""
        (stays, slide, alone), found = choice, []
        near, rule, first = level == self.problem["near"], self.problem["stationary"], self.problem["innermost"]
        for axis, row in zip(self.axes, rows, strict=True):
            trips = {d: axis.chains[which][row, 3 * level] for which, d in enumerate(axis.dims)}
            keep = np.ones(len(row), dtype=bool)
            for d, number in trips.items():
                other = stays >= 0 and d not in LACKS[stays]
                ruled = near and ((rule not in (-1, stays) and d in LACKS[rule]) or (d == first and other))
                if (stays < 0 and d != "G") or (stays >= 0 and (ruled or (alone and other))):
                    keep &= number == 1
            moves = [trips[d] > 1 for d in axis.dims if stays >= 0 and d in SLIDES_OVER[stays]]
            if slide == axis.dims:
                keep &= np.any(moves, axis=0)
            elif moves and slide is None and not (near and first in ("N", "C")):
                keep &= ~np.any(moves, axis=0)
            if stays >= 0 and axis.dims == "KNC"[stays] and (slide is None or stays == 0):
                keep &= trips[axis.dims] > 1
            found.append(row[keep])
        return found

    def check(self, node: dict[str, Any], rows: list[Array], choices: list[Any]) -> None:
        """Follow the tree from a set of mappings; fails where a set is neither closed nor cut."""
        self.sets += 1
        here = self.narrowed(rows, choices, node["weights"])
        if here is None:
            return
        (rows, tables), parts = here, node.get("parts", [])
        if "list" in node:
            level = node["list"]
            need(choices[level] is None and len(parts) == len(CHOICES), "a list laid down twice, or not in every way")
            for choice, part in zip(CHOICES, parts, strict=True):
                self.check(part, self.agreeing(rows, level, choice), [*choices[:level], choice, *choices[level + 1 :]])
        elif "cut" in node:
            a, term, most = node["cut"]
            lower = tables[a][:, term] <= most
            for part, side in zip(parts, (lower, ~lower), strict=True):
                self.check(part, [row[side] if x == a else row for x, row in enumerate(rows)], choices)
        else:
            prices, number = node.get("priced", []), len(self.left(rows, tables))
            need(len(prices) == number, f"no bound rules out {number} mappings, the file prices {len(prices)}")
            need(all(p is None or log(p) >= self.target - CLOSE for p in prices), "a mapping that is better")
            self.priced += number

    def cost_of(self, mapping: dict[str, Any]) -> float:
        """Logarithm of the sums of a mapping, which bound its cost; infinite where it is no part of the space."""
        rows, factors = [], mapping["factors"]
        for axis, mine in zip(self.axes, self.root()[0], strict=True):
            same = [(chain == factors[d]).all(axis=1) for d, chain in zip(axis.dims, axis.chains, strict=True)]
            rows.append(mine[np.all(same, axis=0)[mine]])
        tables = self.laid_out(rows, [tuple(choice) for choice in mapping["lists"]])
        return float(self.costs(self.logs + sum(tables))[0]) if all(map(len, rows)) else inf


def check(proof: dict[str, Any]) -> tuple[int, int, int]:
    """The sets looked at, the prices taken from the file, and all combinations; ValueError if it does not hold."""
    problem, value, sets, priced = proof["problem"], log(proof["value"]), 0, 0
    axes = [Axis(problem, dims) for dims in AXES]
    given = [(space["keeps"], space["room"], tuple(map(tuple, space["spread"]))) for space in proof["spaces"]]
    every = [(k, room, spread) for k, kept in enumerate(problem["keeps"]) for room in range(len(kept["rooms"]))
             for spread in product(*([(level, False), (level, True)] for level in kept["sums_spread"]))]  # fmt: skip
    need(sorted(given) == sorted(every), "not one tree for every choice of what levels keep")
    for number, plain in enumerate(proof["spaces"]):
        space = Space(problem, axes, plain, proof["objective"], value - log(1 + proof["gap"]) - CLOSE)
        space.check(plain["tree"], *space.root())
        if number == proof["mapping"]["space"]:
            need(space.cost_of(proof["mapping"]) <= value + CLOSE, "the sums of the mapping exceed its value")
        sets, priced = sets + space.sets, priced + space.priced
    return sets, priced, prod(axis.size for axis in axes)


def main(path: str) -> str:
    """What a file proves, in a sentence."""
    with open(path, encoding="utf-8") as file:
        proof = json.load(file)
    sets, priced, size = check(proof)
    within = f" divided by {1 + proof['gap']:g}" if proof["gap"] else ""
    return (
        f"{proof['layer']} on {proof['architecture']}: no mapping has less {proof['objective']} than "
        f"{proof['value']:.9g} {proof['unit']}{within}: checked.\n{size:,} combinations of splits in {sets:,} sets; "
        f"bounds rule out all but {priced:,}, which have prices in the file."
    )


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1]) + "\n")
    except (IndexError, KeyError, TypeError, ValueError, OSError) as error:
        sys.exit(f"{' '.join(sys.argv[1:]) or 'no file'}: NOT PROVEN: {error}")
