"""Write down why a mapping is the best one, so that `dse.mapper.proof.check` can follow it without the search."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.mapper.deep.record import parts_of
from dse.mapper.deep.solve import solve_deep
from dse.mapper.proof import check
from dse.mapper.proof.grow import Tree
from dse.mapper.proof.parts import Part
from dse.mapper.proof.state import stated
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.mapper.shared.outermost import is_too_large, with_room
from dse.mapper.shared.result import Solution
from dse.model.counting.kernel import Ints
from dse.problem.dims import DIMS
from dse.problem.layer import Layer

KINDS = {"energy": ENERGY, "latency": LATENCY, "edp": EDP}


def prove(
    architecture: Architecture, layer: Layer, objective: str = "energy", *, gap: float = 0.0, factors: str = "all"
) -> dict[str, Any]:
    """The best mapping of a layer, and a tree of sets of mappings that shows that none is better.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    objective : {"energy", "latency", "edp"}
    gap : float
        Prove only that no mapping is better than the one found by more than this fraction.
    factors : {"all", "perfect"}

    Returns
    -------
    dict
        Plain data for a JSON file; docs/mapper/proofs.md describes it.

    Raises
    ------
    DseError
        When no mapping fits, or one takes no energy, or as `dse.mapper.proof.state.stated` does.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.proof.check import check
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> proof = prove(dse.load_architecture("eyeriss"), layer)
    >>> round(proof["value"]), proof["unit"]
    (1182120, 'pJ')
    >>> check(proof).startswith("conv on eyeriss: no mapping has less energy than 118")
    True
    """
    statement, kind = stated(architecture, layer, objective, factors), KINDS[objective]
    layer, parts = statement.layer, statement.parts
    solution = solve_deep(with_room(architecture, layer), layer, kind, gap, factors, 1)
    if len(solution.values) == 0 or is_too_large(architecture, layer):
        raise DseError(f"layer {layer.name}: no mapping fits on {architecture.name}, so there is nothing to prove")
    energy, cycles = (float(x) for x in solution.values[0])
    steps = cycles / statement.prices.cycles_per_step
    value = {ENERGY: energy, LATENCY: steps, EDP: energy * steps}[kind]
    if value == 0.0:
        found = f"layer {layer.name}: a mapping takes no energy on {architecture.name}"
        raise DseError(f"{found}, so there is nothing to prove")
    plain = {**statement.plain, "gap": gap, "value": value}
    spaces = plain["problem"]["spaces"]
    checker, trees = check.Checker(plain), dict[str, dict[str, Any]]()
    for name, space in spaces.items():
        checker.enter(space)
        trees[name] = Tree(statement.rows[name], checker, kind).whole()
    return {**plain, "trees": trees, "mapping": _mapping(parts, spaces, checker, solution, value)}


def _mapping(
    parts: list[Part], spaces: dict[str, dict[str, Any]], checker: check.Checker, solution: Solution, value: float
) -> dict[str, Any]:
    """The mapping found: its factors, what its orders lay down, and the part that it belongs to."""
    record = solution.records[0]
    kept, factors = solution.kept[record[-1]], parts_of(record)[:, :3]
    last = parts[0].space.problem.last
    orders = [order_of(*one) for one in zip(*(parts_of(record)[:last, at] for at in (0, 3)), strict=True)]
    split = {dim: factors[:, :, d].ravel() for d, dim in enumerate(DIMS)}
    same = {dim: (checker.splits[dim] == split[dim]).all(axis=1) for dim in DIMS}
    rows = [np.flatnonzero(np.all([same[dim] for dim in dims], axis=0)) for dims in check.AXES]
    for part in parts:
        checker.enter(spaces[part.name])
        costs = checker.costs(sum(checker.tables(rows, dict(enumerate(orders)))[0]), exact=True)
        if part.kept == kept and costs[0] <= log(value) + check.CLOSE:
            return {"space": part.name, "factors": {dim: split[dim].tolist() for dim in DIMS}, "orders": orders}
    raise AssertionError("the best mapping is no part of its space")


def order_of(trips: Ints, order: Ints) -> str:
    """What the loops of a list, from the innermost one, say of its order.

    Where psums rest over nothing, as G is innermost, they are said to rest over C, R or S: no count is more then.

    Examples
    --------
    >>> import numpy as np
    >>> order_of(np.array([1, 1, 4, 3, 1, 1, 1, 1]), np.array([2, 3, 0, 1, 4, 5, 6, 7]))
    'K+'
    """
    loops = [DIMS[d] for d in order if trips[d] > 1]
    if not set(loops) - {"G"}:
        return ""
    inner = loops[0] if loops[0] != "G" else next(d for d in ("R", "S", "C", *loops) if d in loops and d != "G")
    lacks = next(dims for dims in check.LACKS if inner in dims)
    after = next((d for d in loops if d not in lacks and d != "G"), "")  # of G it is known that it moves all
    return inner + (after if not after or (inner == "K" and after in "PQRS") else "+")
