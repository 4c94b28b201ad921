"""First mappings, and others like the best one: splits of each axis exchanged one after another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.subproblem import Kin, Node, Space, bounded, even_weights
from dse.mapper.deep.bounds.sums.columns import Columns
from dse.mapper.deep.lists import NO_TRIPS, Bools, ListChoice, choices_of, listed
from dse.mapper.deep.splits.axes import tables_of_axes
from dse.mapper.deep.tree.exchange import LIKE_BEFORE, descend_all, exchanged, rows_of
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import IFMAP, PSUM, WEIGHT

CHEAPEST, OTHERS = (400, 120), (400, 60)
"""Splits of an axis that are chosen from: those that lift the root's bound least, and others here and there. The first
are where two axes at most have several splits."""

KINDS = 81
"""Combinations of operands that stay in each list, at most."""

TRIED = 4
"""Mappings of those that come of it that are priced."""

ROUNDS = 2
"""How often the order of one list is exchanged, too, where no gap is allowed."""

ENOUGH = 0.03
"""How near, in logarithms, the best mapping is to the root's bound when that is not worth it."""


STIRRED, AMONG = 16, 40
"""Beginnings like the best mapping, and how many of the cheapest splits take the place of some of its splits."""

AGAIN = 4
"""How often such beginnings are tried while they lead to better ones."""


def first_mappings(node: Node, best: Best) -> Iterator[Ints]:
    """Splits of each axis that may make good mappings, one in a row; they are to be priced before others are made.

    Of a space's parts the first has most mappings. With a gap, others are looked at only while no mapping is known, and
    orders are not exchanged.

    Parameters
    ----------
    node
        A whole space.
    """
    before = best.target()
    several = int(sum(len(mine) > 1 for mine in node.rows) > 2)
    rows = tuple(_some(mine, lifted, several) for mine, lifted in zip(node.rows, node.reduced, strict=True))
    least = np.array([mine[np.argmin(lifted)] for mine, lifted in zip(node.rows, node.reduced, strict=True)])
    for part in node.space.parts or (node.space,):
        for idle in (False, True):
            kin = _of_kinds(part, node.choices, idle)
            keep = np.ones((len(kin.choices), sum(map(len, rows))), dtype=bool)
            for level in range(len(node.choices)) if idle else ():
                without = [k for k, each in enumerate(kin.choices) if each[level] == ListChoice(NO_TRIPS)]
                if node.choices[level] is None and without:
                    keep[without] &= part.agree(level, rows, (ListChoice(NO_TRIPS),))
            yield _best_of(_descended(part, best, kin, rows, keep, least))
            if best.target() < node.bound + ENOUGH:
                break
        if best.gap > 0 and best.held > 0:
            return
    for _ in range(ROUNDS if best.gap == 0 else 0):
        known = best.target()
        if known >= before or known < node.bound + ENOUGH:
            return
        # What is best by now was found in one of these.
        space = next(part for part in node.space.parts or (node.space,) if part.mask == best.records[0][-1])
        yield _best_of(_other_orders(space, best, rows))
        if best.target() >= known:
            return


def stirred(
    spaces: list[Space], node: Node, best: Best, random: np.random.Generator
) -> Iterator[tuple[Space, Ints, tuple[ListChoice | None, ...]]]:
    """Mappings like the best one, and others with its splits in a subproblem: space, splits and what is laid down.

    A mapping's splits are a row; they are to be priced before others are made. About half of a mapping's splits are
    others, each of the cheap ones of its axis by chance; then one after another is exchanged for the best.
    """
    for _ in range(AGAIN):
        known, record = best.target(), best.records[0]
        mine = [part for space in spaces for part in (space.parts or (space,)) if part.mask == record[-1]]
        if not mine:
            return
        begin = np.array(rows_of(mine[0], record))
        space = next((one for one in mine if one.holds(begin.tolist())), mine[0])
        choices = choices_of(space.problem, record)
        like = _like(space, choices, node, best)
        if like is None:
            break
        logs, first, second = like.columns
        kin = Kin(
            (choices,) * STIRRED,
            np.repeat(logs[None], STIRRED, axis=0),
            np.repeat(first[None], STIRRED, axis=0),
            second,
        )
        yield space, _best_of(_stirred(like, best, kin, like.rows, begin, random)), choices
        if best.target() >= known:
            break
    if node.space.axes is space.axes:
        several = int(sum(len(row) > 1 for row in node.rows) > 2)
        some = tuple(_some(row, lifted, several) for row, lifted in zip(node.rows, node.reduced, strict=True))
        for part in node.space.parts or (node.space,):
            kin = _of_kinds(part, tuple(None if one is None or one.partial else one for one in node.choices))
            yield node.space, _best_of(_stirred(node, best, kin, some, begin, random)), node.choices


def _like(space: Space, choices: tuple[ListChoice | None, ...], node: Node, best: Best) -> Node | None:
    """All mappings with the orders of the best one, by weights of a subproblem where it has the same terms."""
    every = np.ones((1, sum(map(len, space.rows))), dtype=bool)
    for level, choice in enumerate(choices):
        if choice is not None and not space.problem.is_fan_out[space.problem.nodes[level]]:
            every = every & space.agree(level, space.rows, (choice,))
    ends = np.cumsum([len(row) for row in space.rows])[:-1]
    rows = tuple(row[mask] for row, mask in zip(space.rows, np.split(every[0], ends), strict=True))
    same = node.space is space or any(part is space for part in node.space.parts)
    return bounded(space, choices, rows, node.weights if same else even_weights(space, best), best)


def _stirred(
    node: Node, best: Best, kin: Kin, rows: tuple[Ints, ...], begin: Ints, random: np.random.Generator
) -> list[tuple[float, Ints]]:
    """What comes of a mapping with some splits that are others, by chance, in each of some ways to lay down lists."""
    many = len(kin.choices)
    begins = np.tile(begin, (many, 1))
    for a, (mine, lifted) in enumerate(zip(node.rows, node.reduced, strict=True)):
        cheap = mine[np.argsort(lifted, kind="stable")[:AMONG]]
        taken = random.random(many) < 0.5
        begins[taken, a] = cheap[random.integers(len(cheap), size=many)][taken]
    keep = np.ones((many, sum(map(len, rows))), dtype=bool)
    return _descended(node.space, best, kin, rows, keep, begins)


def nearest(values: Floats, beyond: Floats, most: int, furthest: float) -> Ints:
    """The splits that do best in place of one at hand, and as many of those that fit only if other axes give way.

    Parameters
    ----------
    values, beyond : (n,) float
        The objective's logarithm with each split, and how far beyond limits it is then.
    furthest : float
        How far it may be.
    """
    fit = np.flatnonzero(beyond <= 0.0)
    first = fit[cheapest_of(values[fit], most)]
    others = beyond <= furthest
    others[first] = False
    near = np.flatnonzero(others)
    return np.concatenate([first, near[cheapest_of(values[near], most)]])


def values_of(space: Space, best: Best, columns: Columns, rows: list[int]) -> tuple[list[Floats], list[Floats]]:
    """Per axis, the objective's logarithm with each split in place of that at hand, and how far beyond limits it is."""
    sizes = [len(axis) for axis in space.axes]
    start, tables = np.cumsum([0, *sizes]), tables_of_axes(space.axes).factors
    splits = np.concatenate([np.arange(size) for size in sizes])
    values, beyond = np.zeros((2, len(splits)))
    compiled(exchanged)(
        tables, space.terms_for(best), *columns[:2], splits, start, np.array(rows), values, beyond
    )  # fmt: skip
    return np.split(values, start[1:-1]), np.split(beyond, start[1:-1])


def _some(rows: Ints, lifted: Floats, several: int) -> Ints:
    """Some splits of an axis."""
    cheapest, others = CHEAPEST[several], OTHERS[several]
    if len(rows) <= cheapest + others:
        return rows
    order = np.argsort(lifted, kind="stable")
    dearer = order[cheapest:]
    return rows[np.concatenate([order[:cheapest], dearer[:: -(-len(dearer) // others)]])]


def cheapest_of(lifted: Floats, most: int) -> Ints:
    """The places of so many that are least, in their order; of equals the first ones, whatever the processor.

    NumPy's own partition leaves what it parts in an order that depends on the instructions that the processor has, and
    a search that begins elsewhere counts other subproblems.

    Examples
    --------
    >>> cheapest_of(np.array([3.0, 1.0, 2.0, 1.0, 2.0]), 3).tolist()
    [1, 2, 3]
    """
    if len(lifted) <= most:
        return np.arange(len(lifted))
    edge = np.partition(lifted, most - 1)[most - 1]
    below = np.flatnonzero(lifted < edge)
    return np.sort(np.concatenate([below, np.flatnonzero(lifted == edge)[: most - len(below)]]))


def _of_kinds(space: Space, nothing: tuple[ListChoice | None, ...], idle: bool = False) -> Kin:
    """The operands that may stay in each list. What it says of slides is the most that the words can be.

    With `idle`, a list may have no loops as well.
    """
    problem = space.problem
    each: list[tuple[ListChoice | None, ...]] = []
    many = 1
    for level, choice in reversed(list(enumerate(nothing))):
        kinds: tuple[ListChoice | None, ...] = tuple(map(ListChoice, (NO_TRIPS,) * idle + (IFMAP, WEIGHT, PSUM)))
        if choice is not None:
            kinds = (choice,)
        elif level == problem.near and problem.stationary >= 0:
            kinds = (ListChoice(problem.stationary),)
        elif many * len(kinds) > KINDS:
            kinds = (None,)
        many *= len(kinds)
        each.append(kinds)
    every = tuple(product(*reversed(each)))
    choices = tuple(filter(space.words.is_possible, every)) or every
    columns = [space.columns(one) for one in choices]
    return Kin(choices, np.stack([one[0] for one in columns]), np.stack([one[1] for one in columns]), columns[0][2])


def _other_orders(space: Space, best: Best, rows: tuple[Ints, ...]) -> list[tuple[float, Ints]]:
    """What comes of the best mapping when the order of one list is another, and the splits go with it."""
    record, known = best.records[0], best.target()
    choices, mine, found = choices_of(space.problem, record), rows_of(space, record), []
    agree = {level: space.agree(level, rows) for level in range(len(choices)) if not space.problem.is_fan_out[
        space.problem.nodes[level]]}  # fmt: skip
    at = {level: listed().index(choice) for level, choice in enumerate(choices) if choice is not None}
    for level in agree:
        keep = agree[level].copy()
        for other in agree:
            if other != level:
                keep &= agree[other][at[other]]
        kin = space.kin((*choices[:level], None, *choices[level + 1 :]), level)
        begins = np.tile(mine, (len(keep), 1))
        found += [one for one in _descended(space, best, kin, rows, keep, begins) if one[0] < known]
    return found


def _descended(
    space: Space, best: Best, kin: Kin, rows: tuple[Ints, ...], keep: Bools, begin: Ints
) -> list[tuple[float, Ints]]:
    """The logarithm of the objective and the splits that each of some ways to lay down lists comes to.

    Parameters
    ----------
    begin : (6,) or (m, 6) int64
        The splits to begin with; of one row, each way begins where the way before ended.
    """
    values = np.zeros(len(keep))
    found = np.full((len(keep), 6), LIKE_BEFORE)
    found[: len(begin) if begin.ndim > 1 else 1] = begin
    start = np.concatenate([[0], np.cumsum([len(mine) for mine in rows])])
    tables, terms = tables_of_axes(space.axes).factors, space.terms_for(best)
    compiled(descend_all)(tables, terms, kin.logs, kin.first, keep, np.concatenate(rows), start, found, values)
    return list(zip(values.tolist(), found, strict=True))


def _best_of(found: list[tuple[float, Ints]]) -> Ints:
    """The best few that differ, one in a row."""
    some: dict[bytes, Ints] = {}
    for value, rows in sorted(found, key=lambda one: one[0]):
        if len(some) == TRIED or value == np.inf:
            break
        some.setdefault(rows.tobytes(), rows)
    return np.array(list(some.values()), dtype=np.int64).reshape(-1, 6)
