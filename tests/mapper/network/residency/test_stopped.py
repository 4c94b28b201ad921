"""Choices of tensors on chip that are stopped: a run that works, and a bound that is true."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import inf
from typing import Any

import elapsed
import pytest
from mapper.network.residency.small_networks import Costs, Front, columns_of, setting_of, walked
from mapper.network.residency.test_residency import block, on_eyeriss

from dse.errors import DseError, InfeasibleError
from dse.mapper.network.residency.choice import Setting, Weights
from dse.mapper.network.residency.choice import setting_of as setting_of_network
from dse.mapper.network.residency.choosing.programme import Programme, UndecidedError
from dse.mapper.network.residency.choosing.standby import Standby
from dse.mapper.network.residency.columns import Columns
from dse.mapper.network.residency.front import front_on_chip
from dse.mapper.network.residency.outcome.result import sums
from dse.mapper.network.residency.outcome.stays import check
from dse.mapper.network.residency.rooms import ways_of
from dse.mapper.network.residency.search import best_choice
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip, least_product
from dse.mapper.network.residency.solve import columns_of as made
from dse.mapper.shared.stopping import Deadline, Shares

EQUAL = 1e-7
ALWAYS = 1e6
"""Seconds that are not over; `elapsed.after` ends them."""


def limited(costs: Costs, weights: tuple[float, float] | None) -> Columns:
    """Columns with a time, of made-up costs, which are above 1 pJ and 1 cycle."""
    columns = columns_of(costs, weights)
    columns.bound = lambda _layer, _homes: (1.0, 1.0)
    columns.shares = Shares(Deadline.after(ALWAYS))
    return columns


@lru_cache(maxsize=64)
def case(seed: int, levels: int = 1) -> tuple[Setting, Costs, Front]:
    """A small network, its costs, and the front of all ways to run it."""
    setting, costs = setting_of(seed, 4 if levels == 1 else 3, levels)
    return setting, costs, walked(setting, costs)


@pytest.mark.parametrize("looks", [0, 1, 3, 6, 12, 30, 100])
@pytest.mark.parametrize("gap", [0.0, 0.5])
def test_the_bound_of_a_stopped_choice_is_true(looks: int, gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    short = 0
    for seed in range(30):
        weights = ((1.0, 0.0), (0.0, 1.0), (1.0, 0.7))[seed % 3]
        setting, costs, front = case(seed, 1 + (seed % 4 == 0))
        truth = min(weights[0] * energy + weights[1] * cycles for energy, cycles in front)
        columns = limited(costs, weights)
        columns.gap = gap
        with monkeypatch.context() as patch:
            elapsed.after(patch, looks)
            found = best_choice(setting, columns, Weights(*weights), gap)
        check(setting, found.choice)
        value = Weights(*weights).of(*sums(setting, found.choice))
        assert found.bound * (1 - EQUAL) <= truth <= value * (1 + EQUAL), seed
        short += value > truth * (1 + gap + EQUAL)
    assert short > 0 if looks < 3 else looks < 100 or short == 0


@pytest.mark.parametrize("looks", [0, 4, 10, 25])
def test_the_bound_of_a_stopped_product_is_true(looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(30):
        setting, costs, front = case(seed)
        truth = min(energy * cycles for energy, cycles in front)
        limit = (front[0][1] + front[-1][1]) / 2 if seed % 2 else inf
        within = min(energy * cycles for energy, cycles in front if cycles <= limit)
        with monkeypatch.context() as patch:
            elapsed.after(patch, looks)
            found, bound, _ = least_product(setting, limited(costs, None), NetworkGoal("edp", max_cycles=limit))
        energy, cycles = sums(setting, found.choice)
        assert truth <= energy * cycles * (1 + EQUAL), seed
        assert bound * (1 - EQUAL) <= within, seed


def test_a_stopped_choice_takes_the_best_run_of_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing at home only where no more is known."""
    values: dict[int, list[float]] = {}
    for looks in (0, 20, 200):
        for seed in range(20):
            setting, costs = setting_of(seed)
            with monkeypatch.context() as patch:
                elapsed.after(patch, looks)
                found = best_choice(setting, limited(costs, (1.0, 0.0)), Weights(1.0, 0.0))
            values.setdefault(looks, []).append(sums(setting, found.choice)[0])
    assert sum(values[0]) > sum(values[20]) >= sum(values[200])
    assert all(late <= early * (1 + EQUAL) for early, late in zip(values[0], values[200], strict=True))


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("looks", [0, 5, 40])
def test_a_network_that_is_stopped_states_a_true_gap(
    objective: str, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searches are over at once, and the choice after a while: it ends, with a run that is proven so far."""
    chip = on_eyeriss("3KiB")
    best = keep_on_chip(chip, block(), NetworkGoal(objective)).certificate
    with monkeypatch.context() as patch:
        elapsed.use(patch)
        elapsed.after(patch, looks)
        run = keep_on_chip(chip, block(), NetworkGoal(objective, 0.01, time_limit_s=ALWAYS))
    assert best is not None
    assert run.certificate is not None
    assert run.certificate.lower_bound * (1 - EQUAL) <= best.value <= run.certificate.value * (1 + EQUAL)
    assert 0 < run.certificate.gap < inf
    assert run.plain is not None
    assert run.layers  # every layer has a mapping that can be priced in full


def test_searches_that_are_stopped_do_not_keep_the_choice_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for less than they can show in their time, they are not asked for that again and again."""
    chip = on_eyeriss("3KiB")
    with monkeypatch.context() as patch:
        elapsed.use(patch)
        run = keep_on_chip(chip, block(), NetworkGoal("energy", time_limit_s=ALWAYS))
    assert run.certificate is not None
    assert run.certificate.gap > 0
    assert run.certificate.rounds < 20


def test_a_limit_that_is_not_met_changes_nothing() -> None:
    chip = on_eyeriss("3KiB")
    for objective in ("energy", "latency", "edp"):
        run, other = (keep_on_chip(chip, block(), NetworkGoal(objective, time_limit_s=s)) for s in (None, ALWAYS))
        assert run.totals == other.totals
        assert run.certificate == other.certificate


@pytest.mark.parametrize("looks", [0, 3, 30])
def test_every_run_is_within_the_gap_of_a_stopped_front(looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = on_eyeriss("3KiB")
    whole, none = front_on_chip(chip, block(), NetworkGoal("energy"))
    assert none == 0.0
    with monkeypatch.context() as patch:
        elapsed.use(patch)
        elapsed.after(patch, looks)
        some, gap = front_on_chip(chip, block(), NetworkGoal("energy", time_limit_s=ALWAYS))
    for energy, cycles in whole:
        assert any(e <= energy * (1 + gap + 3e-5) and t <= cycles * (1 + gap + 3e-5) for e, t in some)


@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_a_run_keeps_a_limit_with_what_its_mappings_take(gap: float) -> None:
    """Not only by what is proven of them: with a gap they may take more."""
    chip = on_eyeriss("3KiB")
    fast, thrifty = (keep_on_chip(chip, block(), NetworkGoal(objective)).totals for objective in ("latency", "energy"))
    for share in (0.05, 0.3, 0.6):
        limit = fast[1] + share * (thrifty[1] - fast[1])
        for objective in ("energy", "edp"):
            run = keep_on_chip(chip, block(), NetworkGoal(objective, gap, max_cycles=limit))
            assert run.totals[1] <= limit * (1 + 1e-6)
            assert run.certificate is not None
            best = keep_on_chip(chip, block(), NetworkGoal(objective, max_cycles=limit)).certificate
            assert best is not None
            assert run.certificate.lower_bound <= best.value * (1 + EQUAL)
    with pytest.raises(InfeasibleError):
        keep_on_chip(chip, block(), NetworkGoal("energy", gap, max_cycles=fast[1] * 0.5))


def test_what_is_not_searched_in_time_has_a_bound_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all the room that there may be, so of any: no layer has less, wherever its operands are."""



    setting = setting_of_network(on_eyeriss("3KiB"), block())
    for weights in (Weights(1.0, 0.0), Weights(0.0, 1.0), Weights(1.0, 50.0)):
        kind = "front" if weights.energy and weights.cycles else "energy" if weights.energy else "latency"
        ways = {i: ways_of(setting, i) for i, step in enumerate(setting.graph.steps) if step.layer is not None}
        columns = made(setting, kind, NetworkGoal(kind), 0.0, None)
        before = Standby(setting, columns, weights, ways).floor
        for i, own in ways.items():
            for way in own:
                columns.ask(setting.graph.steps[i].layer, way.homes, way.wide, way.room)  # type: ignore[arg-type]
        assert 0 < before <= Standby(setting, columns, weights, ways).floor * (1 + EQUAL)


def test_nothing_that_was_found_is_said_to_be_no_run() -> None:
    setting, costs = setting_of(3)
    columns = limited(costs, (1.0, 0.0))
    ways: dict[int, Any] = {i: [] for i, step in enumerate(setting.graph.steps) if step.layer is not None}
    with pytest.raises(DseError, match="in time"):
        Standby(setting, columns, Weights(1.0, 0.0), ways).found()


def test_a_programme_without_time_is_undecided() -> None:
    programme = Programme()
    variables = [programme.variable(-float(n % 7 + 1)) for n in range(300)]
    for k in range(40):
        row = [(x, float((x * 37 + k * 91) % 97 + 1)) for x in variables]
        programme.row(row, high=sum(size for _, size in row) / 3)
    with pytest.raises(UndecidedError):
        programme.solve(limit_s=1e-6)


def test_what_was_stopped_is_searched_again_in_the_time_that_is_left() -> None:
    """A search that had little time, and then has much, comes to the end of what it was asked for."""
    chip = on_eyeriss("3KiB")
    setting = setting_of_network(chip, block())
    columns = made(setting, "front", NetworkGoal("edp", time_limit_s=ALWAYS), 0.0, None)
    search, calls = columns.search, dict[Any, int]()

    def stopped_at_first(layer: Any, homes: Any, wide: bool, room: Any, gap: float) -> Any:
        key = layer.shape_key(), homes, wide, room
        calls[key] = calls.get(key, 0) + 1
        found = search(layer, homes, wide, room, gap)
        loose = 1.0 if calls[key] > 1 else 0.9
        return tuple(replace(x, least_pj=x.least_pj * loose, least_cycles=x.least_cycles * loose) for x in found)

    columns.search = stopped_at_first
    columns.shares = Hurried(Deadline.after(ALWAYS))
    found, bound, _ = least_product(setting, columns, NetworkGoal("edp"))
    energy, cycles = sums(setting, found.choice)
    assert max(calls.values()) == 2
    assert bound == pytest.approx(energy * cycles, rel=1e-6)


class Hurried(Shares):
    """Each search has twice the time of the one before."""

    @property
    def next_s(self) -> float:
        self.kept *= 2
        return self.kept

    def expect(self, searches: int) -> None:
        pass
