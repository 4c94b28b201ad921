"""The statement of a proof: the rules on mappings, and the parts of the mapspace with the terms of their costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from dse.architecture.architecture import Architecture
from dse.mapper.deep.bounds.spaces import narrowed, space_of, without_fewest_steps
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.problem import Deep, build, finishing, rooms_for_finished, spreads_that_add_up
from dse.mapper.proof import check
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import Prices
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class Part:
    """Mappings that keep the same operands in the same levels, with the same room for psums.

    Parameters
    ----------
    name : str
        What levels keep, and to which of them only finished psums come.
    kept : dict
        What levels keep, by node.
    spread : tuple
        Levels, and whether a sum over C is spread over the children of the fan-out below each.
    space : Space
        The splits, and the sums of products that bound the cost.
    """

    name: str
    kept: dict[int, frozenset[str]]
    spread: tuple[tuple[int, bool], ...]
    space: Space


def parts_of_space(architecture: Architecture, layer: Layer, prices: Prices, factors: str) -> Iterator[Part]:
    """All parts of the mapspace, with what bounds them."""
    for number, kept in enumerate(bypass_choices(architecture)):
        sets = tuple(rooms_for_finished(architecture, layer, kept))
        wide = build(architecture, layer, kept, prices, factors, returns=bool(sets))
        problems = {} if sets and architecture.levels[0].only_finished else {_name(architecture, None, sets): wide}
        for nodes in sets:
            finished = finishing(wide, architecture, layer, nodes, sets[-1])
            problems[_name(architecture, nodes, sets)] = finished
        base = without_fewest_steps(space_of(wide, number))
        for room, problem in problems.items():
            spreads = list(spreads_that_add_up(problem))
            for spread in product((False, True), repeat=len(spreads)):
                never = problem.never_finished.copy()
                for (_, inside), over in zip(spreads, spread, strict=True):
                    never |= inside * over
                levels = tuple((level, over) for (level, _), over in zip(spreads, spread, strict=True))
                space = narrowed(base, problem._replace(never_finished=never), number)
                names = [_kept(architecture, kept), room, *(_spread(architecture, problem, *one) for one in levels)]
                yield Part("; ".join(names), kept, levels, space)


def _kept(architecture: Architecture, kept: dict[int, frozenset[str]]) -> str:
    """What levels keep, in words."""
    names = {architecture.hierarchy[node].name: " ".join(o for o in OPERANDS if o in kept[node]) for node in kept}
    return ", ".join(f"{level}: {operands or 'nothing'}" for level, operands in names.items())


def _name(architecture: Architecture, nodes: frozenset[int] | None, sets: tuple[frozenset[int], ...]) -> str:
    """What a part says of psums, in words."""
    if not sets:
        return "finished psums are as wide as others"
    if nodes is None:
        return f"psums come back from {architecture.hierarchy[0].name}"
    return "only finished psums come to " + ", ".join(architecture.hierarchy[node].name for node in sorted(nodes))


def _spread(architecture: Architecture, dp: Deep, level: int, over: bool) -> str:
    """What a part says of the children of a fan-out, in words."""
    return f"sums are {'' if over else 'not '}spread over {architecture.hierarchy[dp.fans[level]].name}"


def problem_of(architecture: Architecture, parts: list[Part]) -> dict[str, Any]:
    """The rules on splits and orders, in plain data."""
    dp = parts[0].space.problem
    levels = []
    for i, node in enumerate(dp.nodes):
        fan = architecture.hierarchy[dp.fans[i]].name if dp.fans[i] >= 0 else None
        levels.append({"name": architecture.hierarchy[node].name, "fan_out": fan})
    stride_p, dilation_r, stride_q, dilation_s = dp.window.tolist()
    return {
        "bounds": dict(zip(DIMS, dp.bounds.tolist(), strict=True)), "perfect": bool(dp.perfect),
        "steps": {dim: [1] for dim in DIMS} | {"PR": [stride_p, dilation_r], "QS": [stride_q, dilation_s]},
        "factors": {dim: _factors(dp, d) for d, dim in enumerate(DIMS)}, "levels": levels,
        "without": {str(i): _without(dp) if i == dp.near else {} for i in range(dp.last)},
    }  # fmt: skip


def _factors(dp: Deep, d: int) -> list[list[int]]:
    """The least and the most trips, rows and columns that a dim can have in every level."""
    found, bound = [], int(dp.bounds[d])
    for i in range(len(dp.nodes)):
        found.append([1, bound if dp.in_list[i, d] else 1])
        for side in (0, 1):
            least, most, folds = 1, int(dp.sides[i, side]), int(dp.folds_wanted[i, side, d])
            if folds > 0:  # the side alone leaves so many
                least, most = -(-bound // folds), min(most, -(-bound // (folds - 1)) - 1 if folds > 1 else bound)
            found.append([least, min(bound, most)] if dp.on_side[i, side, d] else [1, 1])
    whole = max((3 * i for i in range(len(dp.nodes)) if dp.whole[i, d]), default=0)
    return [[1, 1]] * whole + found[whole:]  # nothing outside a tile that holds the whole bound


def _without(dp: Deep) -> dict[str, str]:
    """The dims over which the list above the array has no loop, by its innermost loop."""
    found = {}
    for inner in DIMS[1:]:
        first = DIMS[dp.innermost] if dp.innermost >= 0 else ""
        others = check.LACKS[dp.stationary] if dp.stationary >= 0 and inner not in check.LACKS[dp.stationary] else ""
        found[inner] = others + (first if first != inner else "")
    return {inner: dims for inner, dims in found.items() if dims}
