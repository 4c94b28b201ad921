"""The statement of a proof: the rules on mappings, and the parts of the mapspace with the terms of their costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from dse.architecture.architecture import Architecture
from dse.mapper.deep.bounds.spaces import narrowed, space_of, without_fewest_steps
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.problem import build, finishing, rooms_for_finished, spreads_that_add_up
from dse.mapper.deep.splits.axes import Key
from dse.mapper.shared.bypass import bypass_choices
from dse.model.price import Prices
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class Part:
    """Mappings that keep the same operands in the same levels, with the same room for psums.

    Parameters
    ----------
    keeps : int
        Number of the choice of bypasses.
    kept : dict
        What levels keep, by node.
    room : int
        Which of `rooms`: the levels to which only finished psums come.
    spread : tuple
        Levels, and whether a sum over C is spread over the children of the fan-out below each.
    space : Space
        The splits, and the sums of products that bound the cost.
    """

    keeps: int
    kept: dict[int, frozenset[str]]
    room: int
    rooms: tuple[str, ...]
    spread: tuple[tuple[int, bool], ...]
    space: Space

    def to_dict(self) -> dict[str, Any]:
        """Crossings, terms and limits, in the form of the file."""
        space = self.space
        terms = []
        for term in space.terms:
            terms.append({
                "coefficient": term.coefficient, "block": term.block, "group": term.group, "crossing": term.crossing,
                "view": term.view, "used": term.used,
                "factors": [[a, *one] for a, key in term.extra for one in _on_sides(key)],
            })  # fmt: skip
        crossings = [[c.operand, c.child, c.mode, list(c.views)] for c in space.crossings]
        return {
            "keeps": self.keeps, "room": self.room, "spread": self.spread, "crossings": crossings, "terms": terms,
            "limits": space.limits.tolist(),
        }  # fmt: skip


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
        for room, problem in enumerate(problems.values()):
            spreads = list(spreads_that_add_up(problem))
            for spread in product((False, True), repeat=len(spreads)):
                never = problem.never_finished.copy()
                for (_, inside), over in zip(spreads, spread, strict=True):
                    never |= inside * over
                levels = tuple((level, over) for (level, _), over in zip(spreads, spread, strict=True))
                space = narrowed(base, problem._replace(never_finished=never), number)
                yield Part(number, kept, room, tuple(problems), levels, space)


def _on_sides(key: Key) -> list[Key]:
    """A factor as the file has it, where splits tell rows and columns apart."""
    return [("side", key[1], 0), ("side", key[1], 1)] if key[0] == "children" else [key]


def _name(architecture: Architecture, nodes: frozenset[int] | None, sets: tuple[frozenset[int], ...]) -> str:
    """What a part says of psums, in words."""
    if not sets:
        return "finished psums are as wide as others"
    if nodes is None:
        return f"psums come back from {architecture.hierarchy[0].name}"
    return "only finished psums come to " + ", ".join(architecture.hierarchy[node].name for node in sorted(nodes))


def problem_of(architecture: Architecture, parts: list[Part]) -> dict[str, Any]:
    """The rules on splits and orders, in plain data."""
    dp = parts[0].space.problem
    levels = []
    for i, node in enumerate(dp.nodes):
        fan = architecture.hierarchy[dp.fans[i]].name if dp.fans[i] >= 0 else None
        wanted = [{DIMS[d]: int(x) for d, x in enumerate(side) if x} for side in dp.folds_wanted[i]]
        allowed = ["".join(DIMS[d] for d in range(8) if side[d]) for side in (dp.in_list[i], *dp.on_side[i])]
        levels.append({
            "name": architecture.hierarchy[node].name, "fan_out": fan, "rows": int(dp.sides[i, 0]),
            "cols": int(dp.sides[i, 1]), "on_trips": allowed[0], "on_rows": allowed[1], "on_cols": allowed[2],
            "whole": "".join(DIMS[d] for d in range(8) if dp.whole[i, d]),
            "folds_rows": wanted[0], "folds_cols": wanted[1],
        })  # fmt: skip
    keeps: dict[int, dict[str, Any]] = {}
    for part in parts:
        names = {architecture.hierarchy[node].name: [o for o in OPERANDS if o in part.kept[node]] for node in part.kept}
        keeps[part.keeps] = {
            "levels": names, "rooms": part.rooms, "sums_spread": [level for level, _ in part.spread],
        }  # fmt: skip
    return {
        "bounds": dp.bounds.tolist(), "window": {"PR": dp.window[:2].tolist(), "QS": dp.window[2:].tolist()},
        "perfect": dp.perfect, "levels": levels, "near": dp.near, "last": dp.last, "stationary": dp.stationary,
        "innermost": DIMS[dp.innermost] if dp.innermost >= 0 else "", "keeps": list(keeps.values()),
        "empty": [i for i, node in enumerate(dp.nodes[: dp.last].tolist()) if dp.is_fan_out[node]],
    }  # fmt: skip
