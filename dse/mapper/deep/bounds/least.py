"""What no mapping of a layer costs less than, known before any table: the bound of a search that ends before one."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log

from dse.mapper.deep.bounds.sums.steps import fastest_of
from dse.mapper.deep.drafts import Draft
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.problem.dims import IFMAP, PSUM, WEIGHT

NOTHING = 1e-300
"""In place of a bound of zero, which has no logarithm."""

READ, WRITE = range(2)
EACH_ONCE = (IFMAP, READ), (WEIGHT, READ), (PSUM, WRITE)
"""What the outermost level does with each word at least once."""


def least_of_all(drafts: Sequence[Draft], kind: int) -> float:
    """The logarithm of what all mappings take at least: what MACs and power take, and the outermost level for each word
    once.

    Examples
    --------
    >>> import dse
    >>> from math import exp
    >>> from dse.mapper.deep.drafts import drafts_of
    >>> edge_npu = dse.load_architecture("edge_npu")
    >>> layer = edge_npu.lowered(dse.Layer("fc", K=1000, C=1000))
    >>> best = dse.map_layer(edge_npu, layer, "energy").cost
    >>> 0.5 < exp(least_of_all(drafts_of(edge_npu, layer, "all")[1], ENERGY)) / best.energy_pj < 1
    True
    """
    least = inf
    for draft in drafts:
        energy, steps = _least(draft.problem)
        least = min(least, energy if kind == ENERGY else steps if kind == LATENCY else energy * steps)
    return log(max(least, NOTHING))


def _least(problem: Deep) -> tuple[float, float]:
    """Energy and compute steps that each mapping of a problem takes at least."""
    outermost, steps = int(problem.nodes[0]), fastest_of(problem)
    once = [(o, way, float(problem.words[o])) for o, way in EACH_ONCE if problem.keeps[outermost, o]]
    for port in (problem.port_node == outermost).nonzero()[0]:
        cost, saved = problem.port_cost[port], problem.port_saved[port]
        each = (words * (cost[o, way] - (saved[way] if o == PSUM else 0.0)) for o, way, words in once)
        steps = max(steps, sum(max(0.0, float(one)) for one in each))
    access, saved = problem.access_pj[outermost], problem.saved_pj[outermost]
    each = (words * (access[o, way] - (saved[way] if o == PSUM else 0.0)) for o, way, words in once)
    energy = max(0.0, problem.mac_pj - problem.spared_pj * problem.macs) + sum(max(0.0, float(one)) for one in each)
    return energy + problem.static_pj * steps, steps
