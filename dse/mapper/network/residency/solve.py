"""The best run of a network with tensors at home on chip, by energy, latency or their product."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import inf, sqrt

from dse.architecture.architecture import Architecture
from dse.errors import DseError, InfeasibleError
from dse.mapper.network.front_choice import best_choice as best_front_choice
from dse.mapper.network.residency.asking import bounder, in_its_room, searcher
from dse.mapper.network.residency.choice import Choice, Setting, Weights, setting_of
from dse.mapper.network.residency.choosing.choose import choose
from dse.mapper.network.residency.choosing.placing import Layout
from dse.mapper.network.residency.choosing.programme import UndecidedError
from dse.mapper.network.residency.columns import Columns, Point, Way
from dse.mapper.network.residency.orders import inside_modules, modules_of, other_orders
from dse.mapper.network.residency.outcome.result import Residency, ResidencyCertificate, nothing_at_home, sums
from dse.mapper.network.residency.rooms import ways_of
from dse.mapper.network.residency.search import FINER, Found, best_choice, cheapest_of_fastest, options_of
from dse.mapper.shared.stopping import Deadline, Shares
from dse.problem.workload import Workload

SAME = 1e-9
"""Relative difference below which products are the same."""

ALLOWED = 1e-6
"""By which the solver may break a row."""

MOST_CORNERS = 200

FIRST_GAP = 0.05
"""Of a search, where one is allowed: a smaller one is asked of few, once it is known which of them matter."""


@dataclass(frozen=True, slots=True)
class NetworkGoal:
    """What is best, and how closely it must be proven.

    Parameters
    ----------
    objective : {"energy", "latency", "edp"}
        Of the network.
    gap : float
    factors : {"all", "perfect", "any"}
    time_limit_s : float, optional
        Of the whole: after it the best run that is known is the answer, and the certificate says how far it is proven.
    max_energy_pj, max_cycles : float
        Limits on the network.
    orders : int
        Orders of branches that are tried at most, beside the file's.
    """

    objective: str
    gap: float = 0.0
    factors: str = "all"
    time_limit_s: float | None = None
    max_energy_pj: float = inf
    max_cycles: float = inf
    orders: int = 0

    @property
    def gap_of_searches(self) -> float:
        """Gap of each first search; a product of two sums takes it in both, and within limits all keep it."""
        if self.has_fronts:
            return sqrt(1 + self.gap) - 1 if self.objective == "edp" and self.gap > 0 else self.gap
        return max(self.gap, FIRST_GAP) if self.gap > 0 else 0.0

    def allows(self, energy_pj: float, cycles: float) -> bool:
        """Whether the limits do, up to the rounding of sums and of the solver."""
        return energy_pj <= self.max_energy_pj * (1 + ALLOWED) and cycles <= self.max_cycles * (1 + ALLOWED)

    @property
    def has_fronts(self) -> bool:
        """Whether any point of a layer's front may be the best one for the network."""
        return self.objective == "edp" or min(self.max_energy_pj, self.max_cycles) < inf


def keep_on_chip(
    architecture: Architecture, workload: Workload, goal: NetworkGoal,
    progress: Callable[[int, int, str], None] | None = None,
) -> Residency:  # fmt: skip
    """Choose which tensors stay on chip and how every layer runs in the room that is left.

    Parameters
    ----------
    architecture : Architecture
        Some of its levels say that tensors may stay in them.
    workload : Workload
    goal : NetworkGoal
    progress : callable, optional
        Told (searches done, 0, name of the next layer) before each search.

    Raises
    ------
    DseError
        No level keeps whole tensors.
    InfeasibleError
        A layer cannot be mapped, or the network not within the limits.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.workload import Node
    >>> layer = dse.Layer("first", C=8, K=8, P=6, Q=6)
    >>> nodes = [Node("x", "input", (8, 6, 6)), Node("first", "conv", (8, 6, 6), ("x",), layer=layer)]
    >>> nodes.append(Node("second", "conv", (8, 6, 6), ("first",), layer=layer.with_(name="second")))
    >>> run = keep_on_chip(dse.load_architecture("eyeriss"), dse.Workload("two", tuple(nodes)), NetworkGoal("energy"))
    >>> run.kept, sorted(run.homes["second"].operands), run.certificate.gap
    (('first',), ['ifmap'], 0.0)
    """
    return _residency(_best_order(architecture, workload, goal, progress), goal)


@dataclass(frozen=True, slots=True)
class Tried:
    """The best run over the orders that were tried.

    Parameters
    ----------
    setting : Setting
        Of the order that is best.
    columns : Columns
    found : Found
    value, bound : float
        Of this run, and what none in these orders is below.
    rounds, orders : int
        Programmes solved, and orders tried.
    any_order : float, optional
        What no run in any order of branches is below.
    """

    setting: Setting
    columns: Columns
    found: Found
    value: float
    bound: float
    rounds: int
    orders: int = 1
    any_order: float | None = None


def _best_order(
    architecture: Architecture, workload: Workload, goal: NetworkGoal, progress: Callable[[int, int, str], None] | None
) -> Tried:
    """The best run over the file's order and, module after module, others of their branches."""
    kind = "front" if goal.has_fronts else goal.objective
    own = setting_of(architecture, workload)
    columns = columns_of(own, kind, goal, goal.gap_of_searches, progress)
    deadline = columns.shares.deadline
    first = best = _in_order(own, columns, goal)
    network, bound, rounds, orders = workload, best.bound, best.rounds, 1
    for module in modules_of(workload):
        left = goal.orders - (orders - 1)
        for other in other_orders(network, module, left) if left > 0 else ():
            if deadline.is_over:
                break
            one = _in_order(setting_of(architecture, other), columns, goal)
            bound, rounds, orders = min(bound, one.bound), rounds + one.rounds, orders + 1
            if one.value < best.value * (1 - SAME):
                best, network = one, other
    any_order = None if deadline.is_over else _any_order(first, workload, goal)
    return replace(best, bound=bound, rounds=rounds, orders=orders, any_order=any_order)


def _any_order(tried: Tried, workload: Workload, goal: NetworkGoal) -> float | None:
    """What no run is below in whatever order the branches of modules run, even step by step in turn.

    Notes
    -----
    The programme without the rows of room in modules, where columns fit by themselves (docs/mapper/residency.md has
    the proof). It is solved once: columns that it chooses may be bounds. Nothing is said of products, and of networks
    for which the proof does not hold.
    """
    setting = tried.setting
    steps = inside_modules(setting.graph, workload)
    if steps is None or goal.objective == "edp" or len(setting.levels) > 1:
        return None
    if not steps:
        return tried.bound
    ways = {i: ways_of(setting, i) for i, step in enumerate(setting.graph.steps) if step.layer is not None}
    weights = _weights(goal)
    options, deadline = options_of(setting, tried.columns, ways, weights), tried.columns.shares.deadline
    try:
        return min(tried.bound, choose(setting, options, weights, roomy=steps, deadline=deadline).bound)
    except UndecidedError:
        if not deadline.is_set:
            raise
        return None


def _in_order(setting: Setting, columns: Columns, goal: NetworkGoal) -> Tried:
    """The best run in one order."""
    if goal.objective == "edp":
        found, bound, rounds = least_product(setting, columns, goal)
    else:
        found = _best_within(setting, columns, goal, _weights(goal))
        bound, rounds = found.bound, found.rounds
        if goal.objective == "latency":
            found = cheapest_of_fastest(setting, columns, found, _weights(goal))
    return Tried(setting, columns, found, _value(goal, *sums(setting, found.choice)), bound, rounds)


def _best_within(setting: Setting, columns: Columns, goal: NetworkGoal, weights: Weights) -> Found:
    """The best choice, which keeps the limits by what its mappings take, and not only by their bounds.

    Where searches have a gap, these may differ. Then the mappings chosen are searched more closely until they do not,
    or nothing keeps the limits.
    """
    while True:
        found = best_choice(setting, columns, weights, inf if goal.has_fronts else goal.gap)
        if goal.allows(*sums(setting, found.choice)) or not _searched_closer(setting, columns, found, SAME):
            return found


def _searched_closer(setting: Setting, columns: Columns, found: Found, gap: float) -> bool:
    """Search those mappings of a choice more closely that have more than a gap; whether any of them was."""
    chosen = {}
    for step, column in zip(setting.graph.steps, found.choice.columns, strict=True):
        if step.layer is not None and column is not None and column.point.gap > gap:
            chosen[columns.answer_of(step.layer, column)] = step.layer, column
    columns.shares.expect(len(chosen))
    closer = [one for one in chosen.values() if columns.may_come_closer(*one, FINER * one[1].point.gap)]
    if columns.shares.deadline.is_over:
        return False
    for layer, column in closer:
        columns.ask_closer(layer, column, FINER * column.point.gap)
    return bool(closer)


def columns_of(
    setting: Setting, kind: str, goal: NetworkGoal, gap: float, progress: Callable[[int, int, str], None] | None
) -> Columns:
    """The columns of a network before any search, and the time that there is for them from now on."""
    shares = Shares(Deadline() if goal.time_limit_s is None else Deadline.after(goal.time_limit_s))
    search = searcher(setting.architecture, setting.levels, kind, goal.factors, shares)
    bound = bounder(setting.architecture, setting.levels, setting.capacities, goal.factors)
    return Columns(search, progress, gap=gap, gap_outside=goal.gap, shares=shares, bound=bound)


def _weights(goal: NetworkGoal) -> Weights:
    energy, cycles = {"energy": (1.0, 0.0), "latency": (0.0, 1.0)}[goal.objective]
    return Weights(energy, cycles, goal.max_energy_pj, goal.max_cycles)


def _residency(tried: Tried, goal: NetworkGoal) -> Residency:
    setting, columns, found = tried.setting, tried.columns, tried.found
    nothing = (frozenset[str](),) * len(setting.levels)
    layers = [step.layer for step in setting.graph.steps if step.layer is not None]
    columns.expect((layer, nothing, False, setting.capacities) for layer in layers)
    for layer in layers:
        if not goal.has_fronts and not columns.shares.deadline.is_over:
            columns.ask(layer, nothing, False, setting.capacities, goal.gap)
    plain = _outside(setting, columns, goal)
    plain = None if plain is None else in_its_room(setting, plain)
    before_pj, before_cycles = (inf, inf) if plain is None else sums(setting, plain)
    choice, layouts = in_its_room(setting, found.choice), found.layouts
    value = _value(goal, *sums(setting, choice))
    kept = goal.allows(*sums(setting, choice))
    limits = before_pj <= goal.max_energy_pj and before_cycles <= goal.max_cycles
    before = _value(goal, before_pj, before_cycles)
    if plain is not None and limits and (not kept or before < value):  # both are within the gap
        choice, layouts, value = plain, (Layout(),) * len(nothing), before
    elif not kept:
        raise InfeasibleError("no run of the network was found within the limits")
    proof = ResidencyCertificate(
        goal.objective, value, min(tried.bound, value), tuple(step.name for step in setting.graph.steps),
        len({step.layer.shape_key() for step in setting.graph.steps if step.layer is not None}), columns.calls,
        sum(2 * len(one.points) for some in columns.solved.values() for one in some), tried.rounds, tried.orders,
        setting.levels, None if tried.any_order is None else min(tried.any_order, value),
    )  # fmt: skip
    return Residency(setting, choice, layouts, plain, proof)


def _value(goal: NetworkGoal, energy_pj: float, cycles: float) -> float:
    return {"energy": energy_pj, "latency": cycles}.get(goal.objective, energy_pj * cycles)


def _outside(setting: Setting, columns: Columns, goal: NetworkGoal) -> Choice | None:
    """The best choice with nothing at home; limits that it cannot keep are left alone.

    None where a layer runs only with a tensor at home, which takes no second buffer.
    """
    layers = {i: step.layer for i, step in enumerate(setting.graph.steps) if step.layer is not None}
    options = {}
    for i, layer in layers.items():
        none = (frozenset[str](),) * len(setting.levels)
        answers = columns.of(layer, Way(none, False, setting.capacities, (0,) * len(none)))
        options[i] = _front(one.point for one in answers if one.exact)
    if not all(options.values()):
        return None
    moves = sums(setting, nothing_at_home(setting, {i: points[0] for i, points in options.items()}))
    first = [sum(getattr(points[0], what) for points in options.values()) for what in ("energy_pj", "cycles")]
    fronts = [[(point.energy_pj, point.cycles) for point in points] for points in options.values()]
    fronts.append([(moves[0] - first[0], moves[1] - first[1])])
    picks = best_front_choice(fronts, goal.objective, goal.max_energy_pj, goal.max_cycles)
    picks = picks or best_front_choice(fronts, goal.objective)
    assert picks is not None
    return nothing_at_home(setting, {i: options[i][pick] for i, pick in zip(options, picks, strict=False)})


def _front(points: Iterable[Point]) -> list[Point]:
    """Those that no other is as good as, cycles rising; searches at several rooms find some of them again."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cycles, point.energy_pj)):
        if not kept or point.energy_pj < kept[-1].energy_pj:
            kept.append(point)
    return kept


def least_product(setting: Setting, columns: Columns, goal: NetworkGoal) -> tuple[Found, float, int]:
    """The run whose energy times latency is least, what no product is below, and programmes solved.

    Notes
    -----
    The least product of sums lies on a corner of the convex hull of all runs (see `front_choice.least_product`), and
    each corner is least in some weighted sum. A programme for weights (a, b) proves a E + b T >= its bound. All runs
    lie above the lines known so far, so no product is less than at the corner of these lines where it is least; the
    next weights are those of the product's slope there. A line that does not cut that corner off touches a run there.
    """
    lines: list[tuple[float, float, float]] = []
    best: tuple[tuple[bool, float], Found] | None = None
    rounds = 0
    weights = Weights(1.0, 0.0, goal.max_energy_pj, goal.max_cycles)
    ahead = [replace(weights, energy=0.0, cycles=1.0)]
    bound, at = 0.0, (0.0, 0.0)
    while len(lines) < MOST_CORNERS:
        found = _best_within(setting, columns, goal, weights)
        rounds += found.rounds
        lines.append((weights.energy, weights.cycles, found.bound))
        energy, cycles = sums(setting, found.choice)
        rank = not goal.allows(energy, cycles), energy * cycles
        if best is None or rank < best[0]:
            best = rank, found
        if ahead:
            weights = ahead.pop()
            continue
        if columns.shares.deadline.is_over:
            at = least_corner(lines)
            bound = at[0] * at[1]
            break
        before, at = at, least_corner(lines)
        bound = at[0] * at[1]
        if best[0] <= (False, bound * (1 + max(SAME, goal.gap))):
            break
        # searches that were stopped may say more in the time that is left
        if at == before and not _searched_closer(setting, columns, found, columns.gap + SAME):
            break
        weights = replace(weights, energy=at[1], cycles=at[0])
    assert best is not None
    return best[1], min(bound, best[0][1]), rounds


def least_corner(lines: list[tuple[float, float, float]]) -> tuple[float, float]:
    """Energy and cycles, above all lines a E + b T >= c, whose product is least.

    Examples
    --------
    >>> least_corner([(1, 0, 2), (0, 1, 3)])
    (2.0, 3.0)
    >>> least_corner([(1, 0, 2), (0, 1, 3), (3, 2, 16)])
    (2.0, 5.0)
    """
    corners = []
    for k, (a, b, c) in enumerate(lines):
        for d, e, f in lines[:k]:
            determinant = a * e - b * d
            if abs(determinant) <= 1e-12 * (abs(a * e) + abs(b * d)):
                continue
            energy, cycles = (c * e - b * f) / determinant, (a * f - c * d) / determinant
            if all(x * energy + y * cycles >= z * (1 - SAME) for x, y, z in lines):
                corners.append((energy * cycles, energy, cycles))
    if not corners:
        raise DseError("bounds on energy and latency do not meet")
    _, energy, cycles = min(corners)
    return energy, cycles
