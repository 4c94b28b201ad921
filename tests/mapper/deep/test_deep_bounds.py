"""No bound of the deep search cuts a mapping that is better than what is known: term by term, and as a whole."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise, product
from math import exp, inf, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import DeepProblem, Walk, deep_problem
from mapper.walks.fronts import EQUAL
from mapper.walks.whole import price_whole
from thinned import thinned

from dse import Layer, load_architecture
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.deep.bounds import stand_ins
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums import steps as deep_steps
from dse.mapper.deep.bounds.sums.records import OF_TIME, Alive, Terms, worth
from dse.mapper.deep.bounds.sums.sift import sift
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.leaf.orders import PRICED, SUBPROBLEMS
from dse.mapper.deep.lists import NO_TRIPS, ListChoice, choices_of, kinds
from dse.mapper.deep.record import ROWS, TRIPS
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.tree import best_first, branching
from dse.mapper.deep.tree.best_first import run_to_end, seek
from dse.mapper.deep.tree.branching import options
from dse.mapper.deep.tree.exchange import rows_of
from dse.mapper.layer import solve
from dse.mapper.shared.mapspace.orders import group_dims, list_orders
from dse.model.price import price
from dse.problem.dims import C, PerOperand

ROOT = Path(__file__).parents[3]

A_LITTLE = 1 + 1e-7
ENERGY, LATENCY, EDP, FRONT = range(4)


@lru_cache(maxsize=64)
def drawn(seed: int) -> tuple[DeepProblem, list[Space], Any]:
    problem = deep_problem(f"bounds {seed}")  # type: ignore[arg-type]
    prices = price(problem.architecture, problem.layer)
    _, spaces = spaces_of(problem.architecture, problem.layer, problem.kind)
    front = Walk(problem.architecture, problem.layer, problem.kind).front()
    return problem, spaces, front * (1.0, 1.0 / prices.cycles_per_step) if len(front) else front


def sums(
    space: Space, rows: list[int], choices: list[ListChoice | None], whole: bool = False
) -> tuple[float, float, Any]:
    """Energy and time that the terms, or their whole coefficients less constants, add up to, and each limit's share."""
    logs, first, second = space.columns(tuple(choices))
    value = logs.copy()
    for a, axis in enumerate(space.axes):
        value += axis.matrix()[rows[a], first[:, a]] + axis.matrix()[rows[a], second[:, a]]
    by_block = np.zeros(len(space.limits))
    by_group = np.zeros((2, space.groups + 1))
    for t, (x, block, group) in enumerate(zip(np.exp(value), space.block, space.group, strict=True)):
        if whole:
            x = worth(x, space.cuts, t)
        if group < 0:
            by_block[block] += x
        else:
            by_group[block, group] += x
    by_block[:2] += by_group.max(axis=1)
    return by_block[0], by_block[1], by_block[2:] / np.exp(space.limits[2:])


def some_mapping(space: Space, rng: Random) -> tuple[list[int], Any, list[ListChoice | None]] | None:
    """Rows of a mapping, its split with orders, and what those orders lay down."""
    problem, levels = space.problem, len(space.problem.nodes)
    if not all(map(len, space.rows)):
        return None
    rows = [int(rng.choice(list(mine))) for mine in space.rows]
    split = np.ones((levels, 4, 8), dtype=np.int64)
    for axis, row in zip(space.axes, rows, strict=True):
        for d, chain in zip(axis.dims, axis.chains, strict=True):
            split[:, [TRIPS, ROWS], d] = chain[row].reshape(levels, 2)
    orders, kinds = np.zeros((24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64)
    choices: list[ListChoice | None] = []
    for i in range(levels):
        near = i == problem.near
        count = list_orders(
            split[i, 0], problem.stationary if near else -1, problem.innermost if near else -1, orders, kinds
        )
        if count == 0:
            return None
        pick = rng.randrange(count)
        split[i, 3] = orders[pick]
        operand, slide = (int(x) for x in kinds[pick])
        others = [d for d in range(8) if operand < 0 or d not in group_dims(operand)]
        passing = operand >= 0 and all(split[i, 0, d] == 1 for d in others)
        choices.append(ListChoice(operand, slide - 2 if slide > 5 else slide, passing))
    return rows, split, choices[:-1]


def with_many_fan_outs(seed: int) -> list[Space]:
    """Three fan-outs and two buffers between them that may be bypassed, at prices drawn with zeros among them."""
    rng = Random(f"many {seed}")

    def cost() -> PerOperand[float]:
        return PerOperand(*(float(rng.choice((0, 1, 3, 90))) for _ in range(3)))

    every = frozenset(("ifmap", "weight", "psum"))
    nodes: list[Level | FanOut] = []
    for i in range(3):
        may = every if i else frozenset()
        nodes.append(Level(f"L{i}", every, may_bypass=may, read_energy_pj=cost(), write_energy_pj=cost()))
        multicast = rng.choice(("none", "tile", "word"))
        reduces = rng.random() < 0.5
        nodes.append(FanOut(f"F{i}", 2, 1, multicast=multicast, reduces=reduces, energy_pj=cost()))
    architecture = Architecture("many", tuple(nodes), Mac(0.0), 1e9)
    dims = {dim: rng.choice((2, 3, 4)) for dim in rng.sample("NKCPR", 3)}
    layer = Layer("l", **dims, stride_h=rng.choice((1, 2)))
    price(architecture, layer)
    return spaces_of(architecture, layer, "all")[1]


def with_systolic_arrays(seed: int) -> list[Space]:
    """One or two arrays whose folds take time, without ports, which would take longer."""
    rng = Random(f"systolic {seed}")
    every = frozenset(("ifmap", "weight", "psum"))
    nodes: list[Level | FanOut] = []
    for i in range(rng.choice((1, 2))):
        nodes.append(Level(f"L{i}", every, read_energy_pj=PerOperand(1.0, 1.0, 1.0)))
        shifted = [frozenset(o for o in every if rng.random() < 0.5) for _ in range(2)]
        nodes.append(FanOut(
            f"F{i}", rng.choice((2, 3)), 2, skew=rng.choice((0, 1, 2)), load=shifted[0], drain=shifted[1],
            overlap=rng.random() < 0.5,
        ))  # fmt: skip
    nodes.append(Level("RF", every if rng.random() < 0.5 else frozenset({"weight"}), may_bypass=frozenset()))
    architecture = Architecture("systolic", tuple(nodes), Mac(0.0), 1e9, static_power_mw=rng.choice((0.0, 30.0)))
    dims = {dim: rng.choice((2, 3, 5, 8)) for dim in rng.sample("NKCPRS", 3)}
    return spaces_of(architecture, Layer("l", **dims, stride_h=rng.choice((1, 2))), "all")[1]


@pytest.mark.parametrize("seed", thinned(range(40), 4))
def test_terms_with_folds_are_below_every_mapping(seed: int) -> None:
    check_terms(with_systolic_arrays(seed), seed, 40)


def test_terms_have_all_that_folds_take() -> None:
    """One operand shifts in: with all lists laid down, the time is what the model says, with overlap and without."""
    rng, point = Random("folds"), np.zeros(3)
    for overlap in (False, True):
        array = FanOut("F", 8, 1, skew=1, load=frozenset({"weight"}), overlap=overlap)
        every = frozenset(("ifmap", "weight", "psum"))
        nodes = (Level("L", every), array, Level("RF", frozenset({"weight"})))
        layer = Layer("l", N=2, K=6, C=4, P=2, R=3)
        (space,) = spaces_of(Architecture("one", nodes, Mac(0.0), 1e9), layer, "all")[1]
        waited = 0
        for rows, split, choices in filter(None, (some_mapping(space, rng) for _ in range(60))):
            if (sums(space, rows, choices)[2] > 1 + EQUAL).any():
                continue
            assert price_whole(space.problem, split, workspace(space.problem), point)
            steps = np.prod(split[:, TRIPS])
            assert sums(space, rows, choices)[1] == pytest.approx(point[1], rel=EQUAL)
            waited += point[1] > steps + 16
        assert waited > 5, "shifts never set the pace"


@pytest.mark.parametrize("seed", thinned(range(10), 4))
def test_terms_are_below_every_mapping_over_three_fan_outs(seed: int) -> None:
    check_terms(with_many_fan_outs(seed), seed, 10)


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_terms_are_below_every_mapping(seed: int) -> None:
    """What the terms say with the lists laid down, with some of them, and with none, never passes the model's price."""
    check_terms(drawn(seed)[1], seed, 40)


def operand_alone(choice: ListChoice | None) -> ListChoice | None:
    """The operand that stays, as all that is laid down."""
    if choice is None or choice.kind == NO_TRIPS:
        return choice
    return next(one for one in kinds() if one.kind == choice.kind)


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_what_may_be_laid_down_next_has_all_mappings(seed: int) -> None:
    """The splits and orders of a mapping agree with one of the choices that are bounded, at every step to its own."""
    rng = Random(seed)
    for space in (*drawn(seed)[1], *with_many_fan_outs(seed % 10)):
        for rows, split, choices in filter(None, (some_mapping(space, rng) for _ in range(10))):
            if space.words.returning and not price_whole(space.problem, split, workspace(space.problem), np.zeros(3)):
                continue  # its psums do not come back
            laid: list[ListChoice | None] = [None] * len(choices)
            for level in (*range(len(choices) - 1, -1, -1), *range(len(choices) - 1, -1, -1)):
                if laid[level] is not None and not laid[level].partial:
                    continue
                some, kin = options(space, tuple(laid), level)
                assert kin.choices == tuple((*laid[:level], one, *laid[level + 1 :]) for one in some)
                agrees = space.agree(level, tuple(np.array([row]) for row in rows), some).all(axis=1)
                mine = choices[level]
                assert mine is not None
                if laid[level] is None:
                    found = operand_alone(mine)
                else:  # one that says no more than another is left out
                    found = mine if mine in some else mine._replace(passing=False)
                assert agrees[some.index(found)], (seed, rows, mine)
                laid[level] = found


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_axes_halved_before_lists_are_laid_down_lose_no_mapping(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All searches halve first, or compare ways to cut, and walk next to nothing ; they find what full walks do."""
    problem, _, front = drawn(seed)
    for name in ("SEVERAL", "LONG", "AXES"):
        monkeypatch.setattr(stand_ins, name, 0)
    for name, value in (("LITTLE", inf), ("OPEN", 2), ("FEW", 1), ("DIRECT", 4 if seed % 16 < 8 else 1000)):
        monkeypatch.setattr(best_first, name, value)
    if seed % 2:  # ways to cut are compared from the start
        monkeypatch.setattr(branching, "SHORT", (-1, -1))
    if len(front) == 0:
        return
    per_step = price(problem.architecture, problem.layer).cycles_per_step
    for kind, least in ((ENERGY, front[:, 0]), (LATENCY, front[:, 1]), (EDP, front.prod(axis=1))):
        found = solve_deep(problem.architecture, problem.layer, kind, 0.0, problem.kind, 100)
        energy, steps = found.values[0] / (1.0, per_step)
        value = {ENERGY: energy, LATENCY: steps, EDP: energy * steps}[kind]
        assert value == pytest.approx(least.min(), rel=EQUAL), (seed, kind)


def check_terms(spaces: list[Space], seed: int, times: int) -> None:
    rng = Random(seed)
    point = np.zeros(3)
    for space in spaces:
        for _ in range(times):
            found = some_mapping(space, rng)
            if found is None:
                continue
            rows, split, choices = found
            if (sums(space, rows, choices)[2] > 1 + EQUAL).any():
                continue  # it does not fit, and bounds may say anything
            if not price_whole(space.problem, split, workspace(space.problem), point):
                continue  # a mapping of another space
            some = [choice if rng.random() < 0.5 else None for choice in choices]
            alone = [rng.choice((choice, None, operand_alone(choice))) for choice in choices]
            for laid_down in (choices, some, alone, [operand_alone(x) for x in choices], [None] * len(choices)):
                low = np.array(sums(space, rows, laid_down)[:2])
                high = np.array(sums(space, rows, laid_down, whole=True)[:2])
                assert (low <= high).all()
                assert (high <= point[:2] * (1 + EQUAL)).all(), (seed, rows, laid_down)


def test_psums_that_are_read_back_cost_a_port_what_they_do() -> None:
    """Of 18 visits of each psum 17 are read back; by the coefficient each costs what the first does."""
    architecture = load_architecture("edge_npu")
    layer = architecture.lowered(Layer("l", K=256, C=192, P=13, Q=13, R=3, S=3, bits=PerOperand(8, 8, 32)))
    _, spaces = spaces_of(architecture, layer, "all")
    cut = [(term, space) for space in spaces for term in space.terms if term.less > 0.0 and term.block == OF_TIME]
    assert cut
    for term, space in cut:
        at = space.terms.index(term)
        crossing = space.crossings[term.crossing]
        words = float(space.problem.words[crossing.operand]) * (2.0 if space.problem.returns else 1.0)
        for visits in (1.0, 18.0):
            exact = term.whole * visits * words - term.less
            assert term.whole * words - term.less == pytest.approx(term.coefficient * words)
            assert worth(term.coefficient * visits * words, space.cuts, at) == pytest.approx(exact)
        assert worth(term.coefficient * 18 * words, space.cuts, at) > term.coefficient * 18 * words


def test_a_sum_spread_over_instances_saves_nothing_for_what_they_finish() -> None:
    """In the part of the space that spreads C over PEs their psums are dearer than in the other, by what is saved."""
    layer = Layer("l", K=4, C=4).stating({"psum": 32, "ofmap": 8})
    architecture = load_architecture("simba_pe")
    _, spaces = spaces_of(architecture, layer, "all")
    kinds = {tuple(space.problem.never_finished.tolist()) for space in spaces}
    assert kinds == {(0, 0, 0), (0, 0, 1)}
    spread = [space for space in spaces if space.problem.never_finished.any()]
    for space in spread:
        assert (space.axes[C].children(1)[space.rows[C]] > 1).all()
        # Psums come back only where C has trips in DRAM's list.
        every = int((space.axes[C].trips(0, 0) > 1).sum()) if space.problem.returns else len(space.axes[C])
        assert any(
            len(one.rows[C]) + len(space.rows[C]) == every and one.problem.only_finished.tolist() ==
            space.problem.only_finished.tolist() for one in spaces if one is not space
        )  # fmt: skip


@pytest.mark.parametrize("name", ["edge_npu", "simba_pe"])
def test_lists_are_laid_down_first_where_there_are_two(name: str) -> None:
    """Nor does a space that the best mapping closes decide it, however little lists say there."""
    solution = solve(load_architecture(name), Layer("q", N=128, K=768, C=768), "energy", 0.0, "all")
    assert solution.gap == 0.0
    assert solution.visited[SUBPROBLEMS] < 500
    assert solution.visited[PRICED] < 5_000


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_the_fewest_steps_with_a_split_are_those_of_some_choice_of_children(seed: int) -> None:
    """No mapping that fits has fewer, and what is said is what one by one pairing of all axes finds."""
    _, spaces, _ = drawn(seed)
    for space in spaces:
        problem = space.problem
        fans = [i for i in range(len(problem.nodes)) if problem.fans[i] >= 0 and problem.sides[i].prod() > 1]
        if not fans or not all(map(len, space.axes)):
            assert len(space.fewest) == 1
            continue
        kinds = []
        for axis in space.axes:
            steps = np.exp(axis.matrix()[:, axis.column(("steps",))]).round()
            children = np.array([axis.children(i) for i in fans]).T
            kinds.append([(count, *some) for count, some in zip(steps, children, strict=True)])
        fewest: list[dict[Any, float]] = [{} for _ in kinds]
        for chosen in product(*map(set, kinds)):
            taken = np.prod(chosen, axis=0)
            if (taken[1:] <= problem.sides[fans].prod(axis=1)).all():
                for a, kind in enumerate(chosen):
                    fewest[a][kind] = min(fewest[a].get(kind, inf), taken[0])
        least = space.terms[space.fewest[0]].coefficient
        for a, axis in enumerate(space.axes):
            says = least * np.exp(axis.matrix()[:, axis.column(("fewest",))])
            truth = [max(least, fewest[a].get(kind, problem.macs)) for kind in kinds[a]]
            assert says == pytest.approx(np.array(truth), rel=EQUAL), (seed, a)


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_fewest_steps_of_axes_too_many_to_pair_are_no_more(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes that are not paired are taken to need no children."""
    _, spaces, _ = drawn(seed)
    monkeypatch.setattr(deep_steps, "WIDE", 2)
    for space in spaces:
        if len(space.fewest) == 1:
            continue
        axes = [replace(axis, columns={}, _tables=None, _width=1, _equal={}) for axis in space.axes]
        least, _ = deep_steps.lay_down_fewest(space.problem, axes)
        exact = space.terms[space.fewest[0]].coefficient
        assert least <= exact * (1 + EQUAL)
        for axis, one in zip(space.axes, axes, strict=True):
            says = least * np.exp(one.matrix()[:, one.column(("fewest",))])
            truth = exact * np.exp(axis.matrix()[:, axis.column(("fewest",))])
            assert (says <= truth * (1 + EQUAL)).all(), seed


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_sifted_splits_are_in_no_mapping_as_good_as_the_goal(seed: int) -> None:
    """A mapping that just reaches the goal, and just keeps the limit of time, keeps its splits."""
    rng = Random(seed)
    _, spaces, _ = drawn(seed)
    point = np.zeros(3)
    for space in spaces:
        for _ in range(8):
            found = some_mapping(space, rng)
            if found is None or (sums(space, *found[::2])[2] > 1 + EQUAL).any():
                continue
            rows, split, choices = found
            if not price_whole(space.problem, split, workspace(space.problem), point):
                continue  # a mapping of another space
            kind = rng.choice((ENERGY, LATENCY, EDP, FRONT))
            fixed, limits = np.full(len(space.limits), -1.0), space.limits.copy()
            fixed[:2] = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))[kind]
            limits[1] = log(point[1])
            laid_down = [choice if rng.random() < 0.5 else None for choice in choices]
            logs, first, second = space.columns(tuple(laid_down))
            end = np.cumsum([len(axis) for axis in space.axes])
            start = np.concatenate([[0], end[:-1]])
            alive = np.concatenate([np.arange(len(axis)) for axis in space.axes])
            terms = Terms(first, second, logs, space.block, space.group, limits, fixed, space.groups, space.cuts)
            splits = Alive(alive, start, end, np.zeros(len(alive)))
            factors = tuple(axis.table(plain=True) for axis in space.axes)
            assert sift(factors, terms, log(value(point, kind % 3)), splits)
            left = [alive[start[a] : end[a]] for a in range(6)]
            assert all(row in some for row, some in zip(rows, left, strict=True)), (seed, rows, laid_down)


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_a_record_is_read_back_as_it_was(seed: int) -> None:
    """The splits and the lists of a mapping, from which better ones are sought."""
    rng = Random(seed)
    _, spaces, _ = drawn(seed)
    for space in spaces:
        for _ in range(10):
            found = some_mapping(space, rng)
            if found is not None:
                rows, split, choices = found
                record = np.append(split.ravel(), 0)
                assert rows_of(space, record) == rows
                assert list(choices_of(space.problem, record)) == choices


def search(spaces: list[Space], kind: int, incumbent: tuple[float, float] | None, until: float = inf) -> Best:
    best = Best.knowing_nothing(kind, spaces[0].problem, until=until)
    if incumbent is not None:
        best.values[0], best.held = incumbent, 1
    run_to_end(seek(spaces, [], best))
    return best


def value(point: Any, kind: int) -> float:
    return float((point[0], point[1], point[0] * point[1])[kind])


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_the_best_is_found_past_incumbents_that_are_hardly_worse(seed: int) -> None:
    """Every bound on the way to an optimum is tried at its tightest."""
    _, spaces, front = drawn(seed)
    if len(front) == 0:
        assert search(spaces, ENERGY, None).held == 0
        return
    for kind in (ENERGY, LATENCY, EDP):
        point = min(front, key=lambda one, kind=kind: value(one, kind))
        worse = tuple(point * A_LITTLE)
        assert value(search(spaces, kind, worse).values[0], kind) == approx(value(point, kind)), (seed, kind)
        better = tuple(point / A_LITTLE)
        assert tuple(search(spaces, kind, better).values[0]) == better, (seed, kind)


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_the_front_is_found_under_limits_of_time(seed: int) -> None:
    """The least energy of mappings hardly faster than a point of the front is that of the point before."""
    _, spaces, front = drawn(seed)
    for faster, slower in pairwise(front):
        found = search(spaces, ENERGY, None, until=slower[1] * (1 - 1e-9))
        assert found.values[0, 0] == approx(faster[0]), seed


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP])
def test_a_search_that_is_stopped_says_what_is_proven(kind: int) -> None:
    stopped = 0
    for seed in range(12):
        problem, _, front = drawn(seed)
        if len(front) == 0:
            continue
        cycles = price(problem.architecture, problem.layer).cycles_per_step
        stop = np.ones(1, dtype=np.int64)
        answer = solve_deep(problem.architecture, problem.layer, kind, 0.0, problem.kind, 64, stop=stop)
        if len(answer.values) == 0:
            continue
        stopped += 1
        least = min(value(point, kind) for point in front * (1.0, cycles))
        assert value(answer.values[0], kind) / (1 + answer.gap) <= least * (1 + EQUAL)
    assert stopped > 5


def approx(number: float) -> Any:
    return pytest.approx(number, rel=EQUAL, abs=0)


def test_terms_meet_the_price_where_no_fan_out_joins_children() -> None:
    """Psums that leave the outermost level's children less those read back are one count, not two."""
    architecture = load_architecture(ROOT / "arch_specs" / "nvdla_small.yaml")
    layer = Layer("first", K=16, C=3, P=16, Q=16, R=3, S=3, bits=PerOperand(8, 8, 32))
    price(architecture, layer)
    spaces = spaces_of(architecture, layer, "all")[1]
    space = replace(next(one for one in spaces if one.problem.only_finished[0]), mask=0)
    best = search([space], ENERGY, None)
    record = best.records[0]
    energy, _, _ = sums(space, rows_of(space, record), list(choices_of(space.problem, record)))
    assert best.values[0, 0] * (1 - 1e-4) <= energy <= best.values[0, 0] * (1 + EQUAL)


def test_bounds_are_worth_having() -> None:
    """The bound of a whole problem reaches a good part of the optimum in half of the cases."""
    shares = []
    for seed in range(40):
        _, spaces, front = drawn(seed)
        if len(front) == 0:
            continue
        best = Best(
            ENERGY, 0.0, inf, np.zeros((1, 2)), np.zeros((1, 161), dtype=np.int64), np.zeros(5, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
        )  # fmt: skip
        bounds = [node.bound for node in (root_of(space, best) for space in spaces) if node is not None]
        shares.append(exp(min(bounds) - log(front[-1, 0])))
        assert shares[-1] <= 1 + EQUAL, seed
    assert np.median(shares) > 0.85
