"""The tree of the deep search: the open subproblem with the least bound is cut or walked, until none improves."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import count
from math import exp, inf, prod
from typing import TypeVar

import numpy as np

from dse.mapper.deep.bounds.best import MARGIN, Best
from dse.mapper.deep.bounds.dominance import WORTHWHILE, needed_splits
from dse.mapper.deep.bounds.finished import Returning, told_apart
from dse.mapper.deep.bounds.kept import BestBefore
from dse.mapper.deep.bounds.left import only_left
from dse.mapper.deep.bounds.roots import look_at_clock_between, root_of
from dse.mapper.deep.bounds.stand_ins import has_one_array, has_several_lists, is_large, whole_of
from dse.mapper.deep.bounds.subproblem import AT_ONCE, Node, Space, bounded
from dse.mapper.deep.leaf.orders import SUBPROBLEMS
from dse.mapper.deep.lists import choices_of, nothing_of
from dse.mapper.deep.tree import branching as cut
from dse.mapper.deep.tree import for_both
from dse.mapper.deep.tree.branching import Learned, half_of, halves, laid_down, next_list
from dse.mapper.deep.tree.earlier import take_up
from dse.mapper.deep.tree.improve import improved, probed
from dse.mapper.deep.tree.start import ENOUGH, cheapest_of, first_mappings, stirred
from dse.mapper.deep.tree.walks import OPEN, price, surviving, walk, walk_to
from dse.mapper.shared.incumbent import FRONT, LATENCY

Answer = TypeVar("Answer")

DIRECT = 100_000
"""Combinations of splits that are walked at once, without laying down more about the lists first; as many are looked
through while nothing is known of some outer list. No fewer than `OPEN`: no walk takes splits that stand for others."""

FEW = 20
"""Those that are walked at once while nothing is known of some list, in a search that halves axes first, or of those
that a look has left."""

FEW_OF_FRONT = 100
"""The same for a front while more about a list is open, in a search that compares ways to cut: sums are far below what
mappings take then, so that nearly all combinations are priced."""

LITTLE = 0.2
"""The most that lists lift some root's bound by in such a search, of what is left to prove."""

UNCERTAIN = 0.6
"""The most of this that the lists of the best mapping lift it by where others may lift it by little."""

IDLE = 0.01
"""What halving an axis lifts the bound by at least, of what is left to prove; else a list is laid down instead."""

PROBE = 8_000
"""Splits that are tried at the root for a first mapping."""

NEAR = 0.03
"""How far, in logarithms, a root is below the best mapping at least for a dive in it."""

FIRST_DIVE, AT_A_GAP = 8, 16
"""Subproblems after which there is a dive in the one at hand; the next ones come after twice as many each time."""

PROVEN = 0.003
"""How far, in logarithms, the least bound is below the best mapping when dives are not worth it any more."""

DIVING = 400
"""Splits per axis that a dive begins with."""

NEAR_EARLIER = 0.3
"""How near, in logarithms, what an earlier search has found is to a root's bound when no others are sought."""

SKETCHED = 0.1
"""The same of a sketch, with a gap beside what that allows, and without one where many are tried: it is mostly near the
best, and bounds are not."""

FRUITLESS = 8
"""No more is looked through in this way once so many looks in a row have found nothing better."""


def run_to_end(steps: Generator[None, None, Answer]) -> Answer:
    """What a search returns in the end that pauses now and then."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def seek(
    spaces: list[Space], later: list[Returning], best: Best, found: Sequence[BestBefore] = ()
) -> Generator[None, None, float]:
    """Search all spaces for the best by `best.kind`, pausing after every subproblem; a better one may be put in then.

    Returns the least logarithm that is left open when it ends.

    Parameters
    ----------
    later : list of Returning
        More spaces, each put among the others once something in it may improve.
    found : sequence of BestBefore
        Mappings that may be good, or fit after some of their splits are exchanged.
    """
    number, before, dive_at = count(), int(best.visited[SUBPROBLEMS]), FIRST_DIVE if best.gap == 0 else AT_A_GAP
    several = has_several_lists(spaces[0].problem)
    random = np.random.default_rng(0)  # every search has the same numbers
    heap: list[tuple[float, int, Node, Returning | None]] = []
    both = {id(space): one for one in later for space in one.beside}
    known = best.target()
    for one in found:
        take_up(spaces, best, one)
    best.warm = bool(found) and best.held > 0
    if best.warm and best.gap == 0:  # with a gap, only where some space is not closed
        known = improved(spaces, best, known)
    # A first mapping makes long lists short, so it is sought as soon as there is a space to seek it in.
    said: list[tuple[float, float]] = []
    for space, whole in whole_spaces(spaces, later, best):
        root, reached = _root(space, whole, best, id(space) in both, best.sketched and _say_little(said, best.target()))
        if root is not None:
            known = improved(_at_hand(spaces, root), best, known)
            heapq.heappush(heap, (root.proven, next(number), root, both.get(id(space))))
            said.append((reached - root.bound, root.bound))
        yield
    if not later:
        heap = [(bound, at, node, None) for bound, at, node, _ in heap]
    learned = Learned(_say_little(said, best.target())) if several and best.held > 0 else None
    while heap:
        bound, _, node, returning = heapq.heappop(heap)
        if bound >= best.target():
            return bound
        best.open = bound
        best.visited[SUBPROBLEMS] += 1
        if best.visited[SUBPROBLEMS] - before == dive_at:
            dive_at *= 2
            _seek_better(node, best, spaces, later, random if several else None)
        if learned is not None:
            learned.goes_on(int(best.visited[SUBPROBLEMS]) - before, node)
        if returning is not None and (walked_at_once(node, best) or not for_both.is_open(node)):
            children, returning = [*for_both.beside(node, returning, best), *children_of(node, best, learned)], None
            for_both.made_now(spaces, later)
        else:
            children = children_of(node, best, learned) if returning is None else for_both.parts_for_both(node, best)
        known = improved(_at_hand(spaces, node), best, known)
        for child in children:
            heapq.heappush(heap, (max(child.proven, bound), next(number), child, returning))
        if best.stop[0] and best.held > 0:
            return bound
        yield
    return inf


def _seek_better(
    node: Node, best: Best, spaces: list[Space], later: list[Returning], random: np.random.Generator | None
) -> None:
    """Look for better mappings from a subproblem on: in sketches that are left, in a dive, and among those like the
    best one, changed by chance, where random numbers are given."""
    if best.sketches is not None:
        sketch, best.sketches = best.sketches, None
        sketch()
    if best.open >= best.target() - PROVEN:
        return
    dive(node, best)
    if random is not None and best.held > 0 and (node.space.gathered == AT_ONCE or node.gathered == 0):
        for_both.make_that_of(best, spaces, later)
        for space, rows, choices in stirred(_at_hand(spaces, node), whole_of(node), best, random):
            price(space, rows, choices, best)


def _at_hand(spaces: list[Space], node: Node) -> list[Space]:
    """The spaces of which mappings are improved: where splits are listed in stages, those of a subproblem alone."""
    return spaces if node.space.gathered == AT_ONCE else [node.space]


def _say_little(said: list[tuple[float, float]], target: float) -> bool:
    """Whether lists lift some root's bound by little of what is left to prove: how far they do, and each bound."""
    return any(lift <= LITTLE * (target - bound) for lift, bound in said if bound < target - MARGIN)


def whole_spaces(spaces: list[Space], later: list[Returning], best: Best) -> Iterator[tuple[Space, Node | None]]:
    """Whole spaces as subproblems, in the order in which mappings are sought in them.

    That with the least bound comes first where no gap is allowed: mappings in others may then not have to be sought. It
    is seldom one that keeps most, or in which psums come back. With a gap the first mapping is wanted at once, and for
    the least latency all bounds are alike.
    """
    returning = [space for space in spaces if space.problem.returns]
    others = [space for space in spaces if not space.problem.returns]
    first: list[tuple[Space, Node | None]] = []
    if best.gap == 0 and best.kind != LATENCY and best.held == 0 and len(others) > 1:
        others, each = [], others
        for space in reversed(each):
            least = first[0][1].bound if first and first[0][1] is not None else inf
            # Whether a bound is no less is soon known, unlike what it is.
            if least < inf and root_of(space, replace(best, values=np.array([[exp(least), 1.0]]), held=1)) is None:
                others.append(space)
            else:
                first.insert(0, (space, root_of(space, best)))
    yield from first
    both = {id(space) for one in later for space in one.beside}
    for space in others:
        look_at_clock_between(len(spaces), best)
        yield space, for_both.root_of_both(space, best) if id(space) in both else root_of(space, best)
    if best.held == 0:  # nor is there a bound to hold theirs against
        returning += [space for one in later for space in one.spaces()]
        for_both.made_now(spaces, later)
    for space in returning:
        look_at_clock_between(len(spaces), best)
        yield space, root_of(space, best)


def _root(
    space: Space, node: Node | None, best: Best, both: bool = False, dived: bool = False
) -> tuple[Node | None, float]:
    """A whole space as a subproblem, once a mapping has been sought in it if it may have a much better one.

    Returns with it the bound that laying down all lists on the way to the least one comes to, infinite if unknown.

    Parameters
    ----------
    both : bool
        Whether its bound holds for spaces in which psums come back as well.
    dived : bool
        Whether a dive in another space has said already that lists are worth little, and will do.
    """
    target, reached = best.target(), inf
    earlier = best.warm or (best.until < inf and best.held > 0)
    near = MARGIN if best.kind == LATENCY and best.gap == 0 else ENOUGH
    if earlier or best.sketched or (best.gap > 0 and best.held > 0):
        near = NEAR_EARLIER if earlier else SKETCHED
    if node is None or node.bound > target - (NEAR if best.sketched else near):
        return node, reached
    by_sketches = best.sketched and best.gap > 0
    if node.bound <= target - near and space.gathered == AT_ONCE and not by_sketches:
        for rows in first_mappings(whole_of(node), best):
            price(space, rows, node.choices, best)
    told = dived or (by_sketches and has_one_array(space.problem))
    if node.bound < best.target() - NEAR and not told:
        at_once = best.sketched and space.gathered == AT_ONCE  # else the best mapping's splits are not listed yet
        reached = _with_lists_of_best(node, best) if at_once else inf
        if not at_once or LITTLE < (reached - node.bound) / (best.target() - node.bound) <= UNCERTAIN:
            reached = min(reached, dive(node, best))
    for part in _parts(whole_of(node), best) if best.held == 0 else []:
        _probe(part, best)
        if best.held == 0:
            walk(part, best, PROBE)
    if best.target() == target:
        return node, reached
    if both:
        return for_both.bounded_again(node, best), reached
    return bounded(
        space, node.choices, node.rows, node.weights, best, node.columns, mirror=node.mirror, gathered=node.gathered
    ), reached  # fmt: skip


def dive(node: Node | None, best: Best) -> float:
    """Lay down the best choice of each list, innermost first, and look for a mapping there.

    Only the splits of each axis that lift the bound least go along. Returns the bound that this comes to.
    """
    reached = inf
    while node is not None and (level := next_list(node)) is not None:
        node = min(laid_down(with_cheapest(node, DIVING), level, best), key=lambda child: child.bound, default=None)
    if node is not None:
        reached = node.bound
        for part in _parts(node, best):
            _probe(part, best)
    return reached


def _with_lists_of_best(node: Node, best: Best) -> float:
    """The bound that a whole space has once all lists are laid down as in the best mapping known, infinite if none.

    A dive comes to the least bound of any lists, or near it, so it says mostly the same of how much lists are worth.
    Only the splits of each axis that lift the bound least go along.
    """
    space, whole = node.space, whole_of(node)
    choices = choices_of(space.problem, best.records[0])
    keep = np.ones(sum(map(len, whole.rows)), dtype=bool)
    for level, choice in enumerate(choices):
        if choice is not None and node.choices[level] is None:
            keep &= space.agree(level, whole.rows, (choice,))[0]
    some = with_cheapest(whole.only(np.split(keep, np.cumsum([*map(len, whole.rows)])[:-1])), DIVING)
    if not all(map(len, some.rows)) or not space.words.is_possible(choices):
        return inf
    found = bounded(space, choices, some.rows, node.weights, best)
    return inf if found is None else found.bound


def _parts(node: Node, best: Best) -> list[Node]:
    """A subproblem in each space that its own consists of, where something in it may improve."""
    if not node.space.parts:
        return [node]
    rows, parts = only_left(node, best.target_in(node)).rows, []
    for space, masks, mirror in told_apart(node.space.parts, node.choices, rows, node.mirror):
        mine = tuple(row[mask] for row, mask in zip(rows, masks, strict=True))
        columns = node.space.of_part(space, node.columns)
        parts.append(bounded(space, node.choices, mine, node.weights, best, columns, mirror=mirror))
    return [part for part in parts if part is not None]


def _walk_parts(node: Node, best: Best) -> None:
    """Walk the spaces that a subproblem's own consists of by its own bound, which holds for each of them."""
    for space, masks, mirror in told_apart(node.space.parts, node.choices, node.rows, node.mirror):
        mine = tuple(row[mask] for row, mask in zip(node.rows, masks, strict=True))
        lifted = tuple(row[mask] for row, mask in zip(node.reduced, masks, strict=True))
        columns = node.space.of_part(space, node.columns)
        walk(Node(space, node.choices, mine, node.weights, node.bound, lifted, columns, mirror=mirror), best, 0)


def children_of(node: Node, best: Best, learned: Learned | None = None) -> list[Node]:
    """The parts of a subproblem in which something may improve; it is walked at once where that is cheap.

    What is tried, in this order: kindred spaces with at most `OPEN` combinations of splits are walked together; kindred
    spaces are bounded each by itself, once few combinations are left or all lists are laid down; a long search takes
    the way to cut that `learned` thinks best; an axis is halved, if that lifts the bound; few combinations are walked;
    a list is laid down. With `learned`, axes may be halved before all lists are laid down, and lists be laid down in
    any order. Where several lists may hold loops, and nothing is known of some, combinations are looked through first;
    at a gap, what may stay in the innermost list of these with loops is asked before.
    """
    level, nothing = next_list(node), None in node.choices
    unknown = level is not None
    target = best.target_in(node)
    node = node if unknown or node.space.parts else needed_splits(node, best, WORTHWHILE)
    left = only_left(node, target)
    many = prod(map(len, left.rows))
    large = is_large(node.space)
    at_first = best.gap > 0 and learned is not None and not learned.compares  # in long searches it seldom ends any
    at_first = at_first and node.gathered > 1 and node.choices != nothing_of(node.space.problem)
    if at_first and not cut.by_operand(left, best):
        return []
    if level is not None and nothing and large and many <= DIRECT:
        some = surviving(left, best)
        if some is None or some.gathered or prod(map(len, some.rows)) > FEW:
            return [] if some is None else laid_down(some, level, best)
        node, left, many = some, some, prod(map(len, some.rows))
    few = many <= _most_at_once(best, learned, unknown, nothing) and left.gathered == 0
    if node.space.parts and many <= OPEN and left.gathered == 0:
        _walk_parts(left, best)
        return []
    if node.space.parts and (few or not unknown):
        return _parts(node, best)
    at_once = learned is not None and learned.halved and large  # lists say little, so any other way may be better
    compared = learned is not None and (learned.compares or at_once) and (unknown or not node.space.parts)
    if nothing and not at_once:
        compared = compared and large and node.choices != nothing_of(node.space.problem)
    if node.gathered > 0 and node.space.gathered != AT_ONCE:  # how many splits some stand for is not known
        compared = False
    may_halve = not unknown or (learned is not None and many > OPEN and (learned.halved or compared))
    half = half_of(left, 1e-7) if may_halve and not few else None
    if not unknown and not few and best.fruitless < FRUITLESS:
        _probe(node, best)
        best.fruitless = 0 if best.target_in(node) < target else best.fruitless + 1
    if learned is not None and compared and not few:
        parts = learned.best_of(cut.ways_to_cut(left, half, best), left, best, target)
        if parts is not None:
            return parts if unknown else [replace(part, compared=node.compared) for part in parts]
    if half is not None:
        parts = halves(half, best)
        least = min((part.bound for part in parts), default=inf)
        if not unknown or least - node.bound > IDLE * (target - node.bound):
            return [replace(part, compared=node.compared) for part in parts]
    # Where the bound is decided, and orders of a list are not, these are told apart before all of them are priced.
    level = cut.partial_list(node) if level is None else level
    if few or level is None:
        walk(node, best, 0)
        return []
    return laid_down(left, level, best)


def walked_at_once(node: Node, best: Best, learned: Learned | None = None) -> bool:
    """Whether a subproblem is walked as it is."""
    many = prod(map(len, only_left(node, best.target_in(node)).rows))
    most = OPEN if node.space.parts else _most_at_once(best, learned, next_list(node) is not None)
    return many <= most and node.gathered == 0


def _most_at_once(best: Best, learned: Learned | None, unknown: bool, nothing: bool = False) -> int:
    """How many combinations of splits of a subproblem are walked at once: whether something, or nothing, is known of
    some list counts."""
    if learned is not None and learned.halved and nothing:
        return FEW
    if learned is not None and unknown and best.walks_for == FRONT:
        return FEW_OF_FRONT
    return OPEN if unknown else DIRECT


def _probe(node: Node, best: Best) -> None:
    """Look for a good mapping among the splits that lift the bound least."""
    walk_to(with_cheapest(node, probed(node.rows)), best, min(best.target(), node.bound + 1.0), PROBE)


def with_cheapest(node: Node, most: int) -> Node:
    """A subproblem with those splits of each axis alone that lift the bound least."""
    return node.only([cheapest_of(lifted, most) for lifted in node.reduced])
