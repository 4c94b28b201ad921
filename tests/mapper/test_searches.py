"""Long searches on flat hierarchies: by turns, both searches find what each finds alone."""

from collections import OrderedDict
from itertools import count

import numpy as np
import pytest
from mapper.walks.mapper_cases import random_problem
from thinned import thinned

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.workload.load import load_workload
from dse.mapper import turns
from dse.mapper.flat.outer import kept
from dse.mapper.flat.outer.table import worked_out
from dse.mapper.flat.run import RECORD
from dse.mapper.flat.solve import FlatSearch, solve_flat
from dse.mapper.layer import LONGEST_FRONT, OBJECTIVES, map_layer, solve
from dse.mapper.shared.incumbent import LATENCY
from dse.problem.dims import OPERANDS, PerOperand

ASYMMETRIC = "tests/benchmarks/specs/asymmetric.yaml"
SMALL = dse.Layer("conv", K=6, C=5, P=5, Q=4, R=3, S=3)


@pytest.fixture(scope="module")
def flexible():
    spec = load_architecture_spec("eyeriss_isca16")
    return spec.resolve({"dataflow": spec.parse_setting("dataflow", "flexible")})


def set_turns(monkeypatch, alone, turn, of_left=0.5):
    """The deep search begins after so many visits, and has that part of what the flat one needs still."""
    monkeypatch.setattr(turns, "ALONE", dict.fromkeys(turns.ALONE, alone))
    monkeypatch.setattr(turns, "TURN", dict.fromkeys(turns.TURN, turn))
    parts = dict.fromkeys(("BY_STEPS", "BY_PORTS"), of_left)
    for name, value in {**parts, "SET_UP": 0, "OF_TABLES": 0.0, "MANY_TILES": 0}.items():
        monkeypatch.setattr(turns, name, value)


def by_flat(architecture, layer, objective):
    kind, stop = OBJECTIVES[objective], np.zeros(1, dtype=np.int64)
    return solve_flat(architecture, architecture.lowered(layer), kind, 0.0, "all", LONGEST_FRONT, stop=stop)


def test_a_long_search_for_the_fastest_mapping_goes_on_in_the_deep_one(flexible, monkeypatch):
    set_turns(monkeypatch, 20_000, 5_000_000, of_left=1e6)
    layer = load_workload("mobilenet_v1").layer("20.0")
    whole, found = by_flat(flexible, layer, "latency"), solve(flexible, layer, "latency", 0.0, "all")
    assert len(found.records[0]) != RECORD
    assert found.values == pytest.approx(whole.values, rel=1e-12)
    mapped = map_layer(flexible, layer, "latency")
    assert (mapped.cost.energy_pj, mapped.cost.cycles) == pytest.approx(tuple(whole.values[0]), rel=1e-12)
    assert mapped.certificate.gap == 0.0


def test_a_short_search_ends_in_the_flat_one(flexible):
    layer = load_workload("alexnet").layer("fc8")
    found, whole = solve(flexible, layer, "latency", 0.0, "all"), by_flat(flexible, layer, "latency")
    assert len(found.records[0]) == RECORD
    assert found.records.tolist() == whole.records.tolist()


@pytest.mark.parametrize(("name", "alone", "deep"), [("conv2", 1_000_000, False), ("conv1", 200_000, True)])
def test_a_flat_search_near_its_end_goes_on_alone(flexible, monkeypatch, name, alone, deep):
    """One needs a fifth of a million visits more then, the other one two millions."""
    monkeypatch.setattr(turns, "ALONE", {LATENCY: alone})
    layer, stop = load_workload("alexnet").layer(name), np.zeros(1, dtype=np.int64)
    search = FlatSearch(flexible, layer, LATENCY, 0.0, "all", 1, stop=stop, alone=True)
    assert not search.advance(alone)
    assert (turns._part(search) * search.left_to_spend > turns.SET_UP) == deep
    begun = []
    monkeypatch.setattr(turns._OneBest, "deep_turn", lambda pair, until: not begun.append(pair))
    monkeypatch.setattr(turns._OneBest, "solution", lambda pair: pair.flat.solution())
    solve(flexible, layer, "latency", 0.0, "all")
    assert bool(begun) == deep


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize(
    ("machine", "network", "name", "stuck"),
    [(ASYMMETRIC, "alexnet", "conv3", True), (ASYMMETRIC, "alexnet", "fc8", True),
     ("eyeriss_silicon", "mobilenet_v1", "1.0", False)],
)  # fmt: skip
def test_the_deep_search_begins_at_once_where_the_flat_one_is_stuck(
    monkeypatch, machine, network, name, stuck, objective
):  # fmt: skip
    """On the narrow ports of one machine no PE tile is done with in 25,000 visits, most of which are prices; on the
    other one 50,000 visits are on the way to its first tiles, few of them prices, and the search ends soon after."""
    spent = []

    def at_once(pair, until):
        spent.append(pair.flat.spent)
        pair.flat.stop[0] = 1
        return True

    for pair in (turns._OneBest, turns._Fronts):
        monkeypatch.setattr(pair, "deep_turn", at_once)
        monkeypatch.setattr(pair, "solution", lambda pair: pair.flat.solution())
    layer, architecture = load_workload(network).layer(name), dse.load_architecture(machine)
    turns.by_turns(architecture, layer, OBJECTIVES[objective], 0.0, "all", LONGEST_FRONT, np.zeros(1, dtype=np.int64))
    early, _ = turns.EARLY[OBJECTIVES[objective]]
    assert bool(spent and spent[0] < 2 * early) == stuck


@pytest.mark.parametrize(("network", "name", "part"), [("unet", "down.1.2", "BY_STEPS"), ("unet", "up.0", "BY_PORTS")])
def test_the_deep_search_has_more_where_ports_decide(flexible, network, name, part):
    layer, stop = load_workload(network).layer(name), np.zeros(1, dtype=np.int64)
    search = FlatSearch(flexible, layer, LATENCY, 0.0, "all", 1, stop=stop, alone=True)
    assert turns._part(search) == turns.BY_PORTS  # nothing is known yet
    search.advance(200_000)
    assert turns._part(search) == getattr(turns, part)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
def test_a_flat_search_that_is_left_and_taken_up_again_finds_the_same(flexible, objective):
    whole = by_flat(flexible, SMALL, objective)
    stop = np.zeros(1, dtype=np.int64)
    search = FlatSearch(flexible, SMALL, OBJECTIVES[objective], 0.0, "all", LONGEST_FRONT, stop=stop)
    visits = next(turn for turn in count(1) if search.advance(10.0 * turn))
    assert visits > 2
    assert search.solution().values.tolist() == whole.values.tolist()
    assert search.solution().records.tolist() == whole.records.tolist()


def test_a_long_search_for_a_front_goes_on_in_the_deep_one(flexible, monkeypatch):
    set_turns(monkeypatch, 200_000, 5_000_000, of_left=1e6)
    layer = load_workload("resnet50").layer("conv4_block1_1_conv")
    found = solve(flexible, layer, "front", 0.0, "all")
    assert len(found.records[0]) != RECORD
    assert found.gap == 0.0
    kind, stop = OBJECTIVES["front"], np.zeros(1, dtype=np.int64)
    alone = FlatSearch(flexible, layer, kind, 0.0, "all", LONGEST_FRONT, stop=stop)
    alone.waiting = alone.waiting[-1:]  # the bypass choice that has all points; the other takes seconds
    assert alone.advance(np.inf)
    assert found.values == pytest.approx(alone.solution().values, rel=1e-12)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize("seed", thinned(range(24), 8))
@pytest.mark.parametrize(("alone", "turn", "subproblem"), [(20, 60, 4), (20, 400, 1), (200, 100, 100)])
def test_turns_of_any_length_find_the_same(monkeypatch, seed, alone, turn, subproblem, objective):
    set_turns(monkeypatch, alone, turn)
    monkeypatch.setattr(turns, "SUBPROBLEM", subproblem)
    problem = random_problem(f"turns {seed}", "flexible", "all")
    whole = by_flat(problem.architecture, problem.layer, objective)
    if len(whole.values) == 0:
        with pytest.raises(dse.InfeasibleError):
            solve(problem.architecture, problem.layer, objective, 0.0, problem.kind)
        return
    found = solve(problem.architecture, problem.layer, objective, 0.0, "all")
    assert found.values == pytest.approx(whole.values, rel=1e-11)
    assert found.gap == 0.0


@pytest.mark.parametrize(("searched", "gap"), [("latency", 0.0), ("front", 0.0), ("front", 0.05)])
def test_the_answer_does_not_depend_on_what_was_searched_before(flexible, monkeypatch, searched, gap):
    set_turns(monkeypatch, 4000, 4000)
    layer = SMALL.with_(K=16, C=12)
    first = solve(flexible, layer, searched, gap, "all")
    for objective in ("edp", "latency", "front"):
        by_flat(flexible, layer, objective)
    again = solve(flexible, layer, searched, gap, "all")
    assert again.records.tolist() == first.records.tolist()
    assert again.visited == first.visited


@pytest.mark.parametrize("objective", ["edp", "front"])
def test_a_flat_search_with_a_gap_takes_nothing_from_earlier_ones(monkeypatch, objective):
    monkeypatch.setattr(kept, "_TABLES", OrderedDict())
    chip, layer = dse.load_architecture("eyeriss"), load_workload("resnet50").layer("conv4_block1_1_conv")
    first = solve(chip, layer, objective, 0.01, "all")
    solve(chip, layer, objective, 0.0, "all")
    assert any(map(worked_out, kept._TABLES.values()))
    again = solve(chip, layer, objective, 0.01, "all")
    assert again.values.tolist() == first.values.tolist()
    assert again.records.tolist() == first.records.tolist()


@pytest.mark.parametrize("objective", ["energy", "edp", "latency"])
def test_of_mappings_that_cost_the_same_one_is_named_however_often_it_is_asked_for(monkeypatch, objective):
    """An outer table that an earlier search has worked out puts PE tiles in another order."""
    monkeypatch.setattr(kept, "_TABLES", OrderedDict())
    monkeypatch.setattr(kept, "_LONG", OrderedDict())
    every, some = frozenset(OPERANDS), frozenset({"ifmap", "psum"})
    ways = [Port(o, frozenset({(o, "read"), (o, "write")}), rate)
            for o, rate in (("ifmap", 0.25), ("weight", 1.3), ("psum", 7.0))]  # fmt: skip
    machine = Architecture("ties", (
        Level("DRAM", every, read_energy_pj=PerOperand.same(200.0), write_energy_pj=PerOperand.same(200.0),
              ports=tuple(ways)),
        Level("GLB", some, partition_bits=PerOperand(275, 105, 414), read_energy_pj=PerOperand(9.2, 2.3, 3.6),
              write_energy_pj=PerOperand.same(6.0)),
        FanOut("array", 1, 16, multicast="none", energy_pj=2.0),
        Level("PE", some, capacity_bits=267, read_energy_pj=PerOperand.same(1.0), write_energy_pj=PerOperand.same(1.0),
              ports=(Port("ifmap", frozenset({("ifmap", "read"), ("ifmap", "write")}), 0.3),), buffering="double"),
    ), Mac(1.0), 1e9)  # fmt: skip
    layer = dse.Layer("line", K=5, P=5, R=2, stride_h=4, bits=PerOperand(16, 8, 20))
    first = solve(machine, layer, objective, 0.0, "all")
    by_flat(machine, layer, "front")
    again = solve(machine, layer, objective, 0.0, "all")
    assert again.values.tolist() == first.values.tolist()
    assert again.records.tolist() == first.records.tolist()


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
def test_a_limit_on_time_leaves_what_both_searches_have_proven(flexible, monkeypatch, after, objective):
    """However many pauses of the deep search the time is over after."""
    set_turns(monkeypatch, 50, 50)
    stop, layer = np.zeros(1, dtype=np.int64), SMALL.with_(K=16, C=12)
    left = iter(range(after))

    def until_then(pair, until):
        if next(left, None) is None:
            stop[0] = 1
        return deep_turn(pair, until)

    deep_turn = turns._Pair.deep_turn
    monkeypatch.setattr(turns._Pair, "deep_turn", until_then)
    found = turns.by_turns(flexible, layer, OBJECTIVES[objective], 0.0, "all", LONGEST_FRONT, stop)
    whole = by_flat(flexible, layer, objective).values
    room = (1 + found.gap) * (1 + 2e-12)
    if objective != "front":
        value = {"energy": [1, 0], "latency": [0, 1], "edp": [1, 1]}[objective]
        least, mine = (float((one[0] ** value).prod()) for one in (whole, found.values))
        assert least * (1 - 1e-12) <= mine <= least * room
    else:  # every point is within the gap of one that was found
        assert all((found.values <= point * room).all(axis=1).any() for point in whole)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_the_deep_search_goes_on_from_what_the_flat_one_found_where_no_psum_can_come_back(monkeypatch, objective):
    """All channels stand on columns, and finished psums are narrower than others."""
    flow, bits = Dataflow("wide", cols_whole=frozenset("C")), PerOperand(8, 8, 24)
    machine = dse.load_architecture(ASYMMETRIC).with_(dataflow=flow)
    for bounds in ({"N": 3, "K": 8, "C": 2, "P": 3, "Q": 3}, {"N": 3, "C": 3, "P": 6, "Q": 6}):
        layer = dse.Layer("conv", **bounds, bits=bits)
        for spent in (5, 50):
            set_turns(monkeypatch, spent, spent)
            found, whole = solve(machine, layer, objective, 0.0, "all"), by_flat(machine, layer, objective)
            assert found.values == pytest.approx(whole.values, rel=1e-11)


def test_what_is_told_to_a_flat_search_is_no_answer_of_its_own(flexible):
    whole = by_flat(flexible, SMALL, "latency")
    search = FlatSearch(flexible, SMALL, LATENCY, 0.0, "all", 1, stop=np.zeros(1, dtype=np.int64))
    search.offer(float(whole.values[0, 0]), float(whole.values[0, 1]) / search.per_step)
    assert search.advance(np.inf)
    assert len(search.solution().values) == 0


def test_a_front_of_few_pe_tiles_may_take_long_in_the_flat_search_alone():
    """Its ports let many mappings be as fast as each other: after 6 s of CPU it was open, and by turns it takes 0.3."""
    machine = dse.load_architecture(ASYMMETRIC)
    layer = load_workload("alexnet").layer("fc8")
    front = solve(machine, layer, "front", 0.0, "all")
    assert front.gap == 0.0
    assert len(front.records[0]) != RECORD
    least = [solve(machine, layer, objective, 0.0, "all").values[0] for objective in ("energy", "latency")]
    assert front.values[:, 0].min() == pytest.approx(least[0][0], rel=1e-12)
    assert front.values[:, 1].min() == pytest.approx(least[1][1], rel=1e-12)
