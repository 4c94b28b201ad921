"""Conformance of every sampler: proposals depend on the seed and on what was told, and on nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import DseError
from dse.explore.designs.samplers import Shuffled, choose_sampler, make_proposer
from dse.explore.designs.space import DesignSpace
from dse.explore.outcomes.front import pareto

NAMES = ("grid", "nsga2", "tpe", "qmc", "random")
SPACE = DesignSpace.of({"dataflow": ["ws", "os", "rs"], "rows": [4, 8, 12, 16], "fixed": [1], "cols": [4, 8, 16, 32]})


def values_of(index):
    dataflow, rows, _, cols = SPACE.settings(index).values()
    size = rows * cols
    factor = {"ws": 1.3, "os": 1.1, "rs": 1.0}[dataflow]
    return [factor * size + 500 / cols, factor * 1000 / size + rows]


def proposals(name, count, seed=0, values=values_of, violation=lambda index: 0.0):
    proposer = make_proposer(name, SPACE, seed, 2)
    indices = []
    while len(indices) < count:
        batch = [p for p in (proposer.ask() for _ in range(proposer.batch)) if p is not None]
        if not batch:
            break
        for proposal in batch:
            proposer.tell(proposal, values(proposal.index), violation(proposal.index))
        proposer.end_batch()
        indices += [proposal.index for proposal in batch]
    return indices


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_alone_decides(name):
    assert proposals(name, 40) == proposals(name, 40)
    if name != "grid":
        assert proposals(name, 40, seed=1) != proposals(name, 40, seed=2)


@pytest.mark.parametrize("name", NAMES)
def test_proposals_are_designs_of_the_space(name):
    assert all(0 <= index < SPACE.size for index in proposals(name, 40))


@pytest.mark.parametrize("name", NAMES)
def test_a_design_can_be_asked_for(name):
    proposer = make_proposer(name, SPACE, 0, 2)
    wanted = [5, 0, SPACE.size - 1]
    asked = [proposer.ask(index) for index in wanted]
    assert [proposal.index for proposal in asked] == wanted
    for proposal in asked:
        proposer.tell(proposal, values_of(proposal.index), 0.0)
    assert proposer.ask() is not None


@pytest.mark.parametrize("name", ["grid", "random"])
def test_enumeration_covers_the_space_once(name):
    assert sorted(proposals(name, 1000)) == list(range(SPACE.size))


def test_qmc_spreads_from_its_first_proposal_on():
    rows = [SPACE.digits(index)[1] for index in proposals("qmc", 16)[:16]]
    assert [rows.count(digit) for digit in range(4)] == [4, 4, 4, 4]


def test_nsga2_learns():
    """After some generations its proposals lie nearer to the true front than random ones do."""
    front = {tuple(values_of(index)) for index in pareto([values_of(index) for index in range(SPACE.size)])}
    late = [index for seed in range(6) for index in proposals("nsga2", 24 * 8, seed)[-24:]]
    share = sum(tuple(values_of(index)) in front for index in late) / len(late)
    chance = len(front) / SPACE.size
    assert share > 2 * chance


@pytest.mark.parametrize("name", ["nsga2", "tpe"])
def test_violations_are_avoided(name):
    """Row-stationary designs have the best values; forbidding them must move the proposals elsewhere."""

    def forbidden(index):
        return SPACE.settings(index)["dataflow"] == "rs"

    free = proposals(name, 96)[-24:]
    kept = proposals(
        name, 96, values=lambda i: None if forbidden(i) else values_of(i), violation=lambda i: float(forbidden(i))
    )[-24:]
    assert sum(map(forbidden, kept)) < sum(map(forbidden, free)) / 2


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 10**6))
def test_shuffled_is_a_permutation(size, seed):
    assert sorted(Shuffled(size, seed)) == list(range(size))


def test_shuffled_copes_with_huge_spaces():
    order = Shuffled(10**18, 1)
    assert len({order[position] for position in range(1000)}) == 1000


def test_auto_is_a_grid_when_the_budget_covers_the_space():
    assert choose_sampler("auto", SPACE, SPACE.size) == "grid"
    assert choose_sampler("auto", SPACE, SPACE.size - 1) == "nsga2"
    assert choose_sampler("tpe", SPACE, 10**6) == "tpe"
    with pytest.raises(DseError, match="sampler 'nsga3' is not one of"):
        choose_sampler("nsga3", SPACE, 10)
