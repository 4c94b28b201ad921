"""Tables of splits are kept for problems that have the same splits, whatever their prices."""

from dataclasses import replace

from mapper.walks.deep_walk import deep_problem

from dse.mapper.deep.bounds import kept
from dse.mapper.deep.bounds.kept import tables_of
from dse.mapper.deep.problem import build
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import price
from dse.problem.dims import PerOperand


def built(architecture, layer, kind):
    prices = price(architecture, layer)
    return build(architecture, layer, bypass_choices(architecture)[0], prices, kind)


def test_prices_change_no_table_and_bounds_do(monkeypatch):
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    problem = deep_problem("kept 1")
    first = built(problem.architecture, problem.layer, problem.kind)
    outer, *inner = problem.architecture.hierarchy
    dear = replace(problem.architecture, hierarchy=(replace(outer, read_energy_pj=PerOperand.same(999.0)), *inner))
    tables = tables_of(first)
    assert tables_of(built(dear, problem.layer, problem.kind)) is tables
    other = tables_of(built(problem.architecture, problem.layer.with_(K=problem.layer.K + 1), problem.kind))
    assert other is not tables
    assert len(kept._kept) == 2


def test_the_tables_used_longest_ago_are_given_up(monkeypatch):
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    monkeypatch.setattr(kept, "MOST_BYTES", 0)
    problem = deep_problem("kept 1")
    for bound in (2, 3):
        tables_of(built(problem.architecture, problem.layer.with_(K=bound), problem.kind))
    assert len(kept._kept) == 1
