"""Limits of a space, for any capacities."""

from __future__ import annotations

from math import exp, inf

import numpy as np

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.sums.crossings import crossings_of
from dse.mapper.deep.bounds.sums.limits import limits_on
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.problem import Deep


def problems() -> list[Deep]:
    architecture = load_architecture("edge_npu")
    layer = architecture.lowered(Layer("l", K=8, C=12, P=6, Q=6, R=3, S=3))
    return [one for draft in drafts_of(architecture, layer, "all")[1] for one in (draft.problem, *draft.kindred)]


def test_limits_follow_capacities_and_terms_do_not() -> None:
    assert len(problems()) > 2
    for problem in problems():
        limits = limits_on(problem, crossings_of(problem))
        larger = problem._replace(capacity=problem.capacity * 3)
        anew = limits_on(larger, crossings_of(larger))
        assert anew.terms == limits.terms
        assert limits.of(larger).tolist() == anew.of(larger).tolist()
        rooms = len(limits.rooms)
        assert np.isfinite(problem.capacity[1:-1]).sum() >= rooms > 0
        more = np.exp(limits.of(larger) - limits.of(problem))
        np.testing.assert_allclose(more[FIRST_LIMIT : FIRST_LIMIT + rooms], 3.0)
        np.testing.assert_allclose(np.delete(more, range(FIRST_LIMIT, FIRST_LIMIT + rooms)), 1.0)
        assert {term.block for term in limits.terms} == set(range(FIRST_LIMIT, len(more)))
        np.testing.assert_allclose(np.exp(limits.logs), [term.coefficient for term in limits.terms])


def test_a_level_without_a_limit_has_none() -> None:
    problem = problems()[0]
    unlimited = problem._replace(capacity=np.full_like(problem.capacity, inf))
    limits = limits_on(unlimited, crossings_of(unlimited))
    assert limits.rooms == []
    assert len(limits.of(unlimited)) == FIRST_LIMIT + len(limits.others)
    assert max(exp(one) for one in limits.others if one < 700) > 1
