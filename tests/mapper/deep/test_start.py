"""First mappings: what an exchange of splits says is what the terms add up to, and what is found is good."""

from math import inf

import numpy as np
import pytest

from dse import Layer, load_architecture
from dse.mapper.deep.bounds import kept
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.kindred import Parts
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.subproblem import Node, Space, fixed_weights, limits_of
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.lists import ListChoice, nothing_of
from dse.mapper.deep.sketch.first import sketch_first
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.tree import best_first
from dse.mapper.deep.tree.best_first import _root, whole_spaces
from dse.mapper.deep.tree.improve import BEYOND
from dse.mapper.deep.tree.start import _descended, _of_kinds, cheapest_of, first_mappings, nearest, stirred, values_of
from dse.mapper.deep.tree.walks import price, walk_to
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.problem.dims import PSUM

LAYER = Layer("l", K=64, C=48, P=14, Q=14, R=3, S=3)


def nothing_known(space: Space, kind: int) -> Best:
    return Best.knowing_nothing(kind, space.problem)


def objective(space: Space, best: Best, columns, rows) -> float:
    """The logarithm of the objective that the terms of a mapping add up to, infinite past a limit."""
    logs, first, second = columns
    terms = np.exp(logs)
    for a, axis in enumerate(space.axes):
        factors = axis.table(plain=True)[:, rows[a]]
        terms = terms * factors[first[:, a]] * factors[second[:, a]]
    terms = np.maximum(terms, terms * space.cuts[:, 0] - space.cuts[:, 1])
    alone, fixed, limits = space.group < 0, fixed_weights(space, best), limits_of(space, best)
    value = 0.0
    for b in range(len(limits)):
        mine = space.block == b
        groups = [terms[space.group == g].sum() for g in set(space.group[mine & ~alone])]
        total = terms[mine & alone].sum() + max(groups, default=0.0)
        if fixed[b] > 0:
            value += fixed[b] * np.log(total)
        elif fixed[b] < 0 and np.log(total) > limits[b] + 1e-9:
            return inf
    return value


def spaces(machine: str) -> list[Space]:
    architecture = load_architecture(machine)
    return spaces_of(architecture, architecture.lowered(LAYER), "all")[1]


@pytest.mark.parametrize("kind", [ENERGY, EDP])
def test_exchanged_splits_cost_what_the_terms_add_up_to(kind: int) -> None:
    rng = np.random.default_rng(kind)
    for space in spaces("simba_pe"):
        best, columns = nothing_known(space, kind), space.columns(nothing_of(space.problem))
        rows = [int(rng.integers(len(axis))) for axis in space.axes]
        values, beyond = values_of(space, best, columns, rows)
        for a, axis in enumerate(space.axes):
            for row in rng.integers(len(axis), size=5):
                other = [*rows[:a], int(row), *rows[a + 1 :]]
                value = values[a][row] if beyond[a][row] <= 0.0 else inf
                assert value == pytest.approx(objective(space, best, columns, other), rel=1e-12)


def test_splits_a_little_beyond_limits_go_along_when_several_axes_exchange_theirs() -> None:
    joined = 0
    for space in spaces("simba_pe"):
        best, columns = nothing_known(space, ENERGY), space.columns(nothing_of(space.problem))
        rows = [int(mine[0]) for mine in space.rows]
        for mine, over in zip(*values_of(space, best, columns, rows), strict=True):
            fits = over <= 0.0
            some = nearest(mine, over, 24, BEYOND)
            assert len(set(some.tolist())) == len(some) <= 48
            assert (over[some] <= BEYOND).all()
            # None that fits is left out for one that does not.
            assert fits[some].sum() >= min(24, fits.sum())
            joined += int((~fits[some]).sum())
    assert joined > 0


def test_no_split_can_be_exchanged_for_a_better_one_at_the_end() -> None:
    met = 0
    for space in spaces("nvdla_small"):
        best = nothing_known(space, EDP)
        kin = _of_kinds(space, nothing_of(space.problem))
        begin = np.array([mine[0] for mine in space.rows])
        keep = np.ones((len(kin.choices), sum(map(len, space.rows))), dtype=bool)
        found = _descended(space, best, kin, space.rows, keep, begin)
        for i, (value, rows) in enumerate(found):
            columns = kin.logs[i], kin.first[i], kin.second
            if objective(space, best, columns, rows) == inf:
                continue
            met += 1
            assert value == pytest.approx(objective(space, best, columns, rows), rel=1e-12)
            values, beyond = values_of(space, best, columns, rows.tolist())
            fitting = [np.where(over <= 0.0, each, inf) for each, over in zip(values, beyond, strict=True)]
            assert min(fitting[a][mine].min() for a, mine in enumerate(space.rows)) >= value - 1e-11
    assert met > 5


def test_a_way_that_begins_where_the_one_before_ended_comes_to_what_it_would_alone() -> None:
    for space in spaces("nvdla_small"):
        best = nothing_known(space, EDP)
        kin = _of_kinds(space, nothing_of(space.problem))
        keep = np.ones((len(kin.choices), sum(map(len, space.rows))), dtype=bool)
        found = _descended(space, best, kin, space.rows, keep, np.array([mine[0] for mine in space.rows]))
        begins = np.stack([np.array([mine[0] for mine in space.rows]), *(rows for _, rows in found[:-1])])
        alone = _descended(space, best, kin, space.rows, keep, begins)
        assert [value for value, _ in alone] == [value for value, _ in found]
        assert all(np.array_equal(mine, its) for (_, mine), (_, its) in zip(found, alone, strict=True))


@pytest.mark.parametrize("machine", ["nvdla_small", "nvdla_large", "simba_pe"])
def test_a_first_mapping_is_within_five_percent_of_the_best(machine: str) -> None:
    architecture = load_architecture(machine)
    layer = architecture.lowered(LAYER)
    least = solve_deep(architecture, layer, ENERGY, 0.0, "all", 1).values[0, 0]
    space = next(one for one in spaces_of(architecture, layer, "all")[1] if not one.problem.returns)
    best = nothing_known(space, ENERGY)
    node = root_of(space, best)
    assert node is not None
    for rows in first_mappings(node, best):
        price(space, rows, node.choices, best)
    assert least <= best.values[0, 0] <= 1.05 * least


@pytest.mark.parametrize("kind", [ENERGY, EDP, LATENCY])
def test_mappings_are_first_sought_in_the_space_with_the_least_bound(kind: int) -> None:
    for machine in ("edge_npu", "simba_pe", "nvdla_small"):
        every = spaces(machine)
        best = nothing_known(every[0], kind)
        found = list(whole_spaces(every, [], best))
        assert sorted(id(space) for space, _ in found) == sorted(map(id, every))
        bounds = {id(space): node.bound for space in every if (node := root_of(space, best)) is not None}
        assert all(node is not None and node.bound == bounds[id(space)] for space, node in found)
        assert [space.problem.returns for space, _ in found] == sorted(space.problem.returns for space in every)
        if kind != LATENCY:
            assert bounds[id(found[0][0])] == min(bounds[id(one)] for one in every if not one.problem.returns)
        assert best.held == 0


def test_mappings_are_priced_at_once_as_walks_of_each_part_price_them() -> None:
    """On `edge_npu` finished psums are narrower, so its spaces have parts with limits of their own."""
    rng, several, found = np.random.default_rng(0), 0, 0
    for whole in spaces("edge_npu"):
        best, alone = nothing_known(whole, ENERGY), nothing_known(whole, ENERGY)
        parts = whole.parts_for(best)
        assert isinstance(parts, Parts)
        assert {len(one) for one in parts} == {max(1, len(whole.parts))}
        for choices in (nothing_of(whole.problem), tuple(ListChoice(PSUM) for _ in nothing_of(whole.problem))):
            # Mostly splits with few children and small tiles, so that some fit.
            rows = np.stack([rng.choice(mine[: 1 + len(mine) // 8], size=400) for mine in whole.rows], axis=1)
            price(whole, rows, choices, best)
            for mapping in rows:
                for part in whole.parts or (whole,):
                    mine = tuple(mapping[a : a + 1] for a in range(6))
                    columns, nothing = part.columns(choices), (np.zeros(1),) * 6
                    walk_to(Node(part, choices, mine, np.zeros(0), 0.0, nothing, columns), alone, inf, 0)
            assert best.visited.tolist() == alone.visited.tolist()
            assert best.values.tolist() == alone.values.tolist()
            assert best.records.tolist() == alone.records.tolist()
        several, found = several + len(whole.parts), found + best.held
    assert several > 0
    assert found > 0


def test_mappings_like_the_best_one_are_whole_ones_of_their_spaces_and_the_same_each_time() -> None:
    every = spaces("simba_pe")
    best = nothing_known(every[-1], ENERGY)
    node, _ = _root(every[-1], root_of(every[-1], best), best)
    assert node is not None
    assert best.held == 1
    runs = []
    for _ in range(2):
        known, mine = best.target(), nothing_known(every[-1], ENERGY)
        mine.values[:], mine.records[:], mine.held = best.values, best.records, 1
        found = []
        for space, rows, choices in stirred(every, node, mine, np.random.default_rng(0)):
            assert (rows >= 0).all()
            assert (rows < [len(axis) for axis in space.axes]).all()
            found.append((space.mask, rows.tolist(), choices))
            price(space, rows, choices, mine)
        assert mine.target() <= known
        runs.append(found)
    assert runs[0] == runs[1]
    assert runs[0]


@pytest.mark.parametrize("most", [1, 7, 199, 200, 300])
def test_of_equal_lifts_the_first_are_the_cheapest(most):
    lifted = np.random.default_rng(3).integers(20, size=200).astype(float)
    assert cheapest_of(lifted, most).tolist() == sorted(np.argsort(lifted, kind="stable")[:most].tolist())


def test_the_best_of_many_sketches_is_taken_where_it_is_near_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dives go on to say what lists are worth, until one says little; the answer is the same."""
    npu3 = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = npu3.lowered(Layer("l", K=48, C=32, P=7, Q=7, R=3, S=3))
    sought, dived, dive = [], [], best_first.dive
    monkeypatch.setattr(best_first, "first_mappings", lambda *given: sought.append(1) or first_mappings(*given))
    monkeypatch.setattr(best_first, "dive", lambda *given: dived.append(1) or dive(*given))
    found = []
    for near in (0.0, best_first.SKETCHED):
        monkeypatch.setattr(best_first, "SKETCHED", near)
        sought.clear()
        dived.clear()
        found.append((solve_deep(npu3, layer, ENERGY, 0.0, "all", 1), len(sought), len(dived)))
        kept._kept.clear()
    (all_sought, some, _), (none_sought, none, dives) = found
    assert some > 0
    assert none == 0 < dives
    assert none_sought.records.tolist() == all_sought.records.tolist()


@pytest.mark.parametrize(("conv", "little"), [({"K": 384, "C": 256, "P": 13, "Q": 13, "R": 3, "S": 3}, True),
                                              ({"K": 512, "C": 128, "P": 28, "Q": 28}, False)])  # fmt: skip
def test_lists_of_the_best_mapping_say_what_a_dive_says(
    conv: dict[str, int], little: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = load_architecture("tests/benchmarks/specs/gpu_sm.yaml")
    layer = architecture.lowered(Layer("conv", **conv))
    space = spaces_of(architecture, layer, "all")[1][0]
    best = nothing_known(space, ENERGY)
    sketch_first(drafts_of(architecture, layer, "all")[1], best)
    node = root_of(space, best)
    assert node is not None
    left = best.target() - node.bound
    lists = best_first._with_lists_of_best(node, best)
    assert lists >= node.bound - 1e-9
    dived = best_first.dive(node, best)
    assert [lift / left <= best_first.LITTLE for lift in (lists - node.bound, dived - node.bound)] == [little, little]
    best = nothing_known(space, ENERGY)
    sketch_first(drafts_of(architecture, layer, "all")[1], best)
    best.sketched = True
    dives: list[float] = []
    monkeypatch.setattr(best_first, "NEAR", left / 2)  # else a root near the best mapping is let be
    monkeypatch.setattr(best_first, "dive", lambda *_: dives.append(dived) or dived)
    assert _root(space, node, best)[1] <= min(lists, dived) + 1e-9
    assert len(dives) == (not little)  # asked only where the lists of the best mapping leave it open
