"""Timeloop's constraints in the words of our dataflows, and what has none.

What lies on the columns and rows of the outermost fan-out, what may be tiled at the innermost level, and the innermost
dim of the list right above the array are words of a dataflow; what another fan-out can unroll is one of its wiring;
what a level keeps is one of the level. Orders right above the MACs change nothing: every step reads its words there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dse.errors import SpecError
from dse.formats.architecture.dataflow import in_order
from dse.formats.tools.timeloop.reading.directives import Directive
from dse.formats.tools.timeloop.reading.machine import Machine, Mesh
from dse.formats.tools.timeloop.translating.plan import FanPlan, LevelPlan, Loops, Plan, room_for


@dataclass
class Rules:
    """What an architecture of ours says of mappings.

    Parameters
    ----------
    dataflow : dict
        Words of a dataflow.
    wiring : dict
        Dims of each fan-out, where not any.
    unsaid : list of SpecError
        Constraints that have no words here, at their places.
    """

    dataflow: dict[str, Any] = field(default_factory=dict)
    wiring: dict[str, list[str]] = field(default_factory=dict)
    unsaid: list[SpecError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of mappings.

    Parameters
    ----------
    directives : tuple of Directive
    dims : tuple of str
        Ours, that the problem has.
    bounds : mapping
        The largest of each in the given problems; empty if there are none.
    """

    directives: tuple[Directive, ...]
    dims: tuple[str, ...]
    bounds: Mapping[str, int]

    def of(self, kind: str, *targets: str) -> list[Directive]:
        return [said for said in self.directives if said.kind == kind and said.target in targets]

    def has_trips(self, dim: str) -> bool:
        """Whether a loop over a dim can step at all."""
        return self.bounds.get(dim, 2) > 1

    def loops(self, machine: Machine) -> Loops:
        """Dims that may have loops in the list of each store."""
        found = {}
        for store in machine.stores:
            ones = frozenset[str]().union(*(said.ones(self.dims) for said in self.of("temporal", store.name)))
            found[store.name] = frozenset(dim for dim in self.dims if dim not in ones and self.has_trips(dim))
        return found


def rules_of(machine: Machine, plan: Plan, asked: Asked) -> Rules:
    """Constraints as our words."""
    rules = Rules()
    for said in asked.directives:
        if said.kind not in ("temporal", "spatial", "dataspace"):
            rules.unsaid.append(said.where.error(f"{said.target}: a constraint of type {said.kind} has no words here"))
        for key in said.unsaid:
            rules.unsaid.append(said.where.error(f"{said.target}: {key} has no words here", None, key, key=True))
    for fan in plan.fan_outs:
        _spatial(machine, rules, fan, asked, is_array=fan is plan.fan_outs[0])
    loops = asked.loops(machine)
    for at, level in enumerate(plan.levels):
        _temporal(rules, plan, at, level, asked, loops)
    return rules


def _spatial(machine: Machine, rules: Rules, fan: FanPlan, asked: Asked, *, is_array: bool) -> None:
    everything = frozenset(asked.dims)
    cols = rows = everything
    whole: dict[str, list[str]] = {"cols": [], "rows": []}
    mesh = fan.mesh
    for said in asked.of("spatial", *mesh.targets):
        over_x, over_y = sides_of(said, asked, machine.completes)
        cols, rows = cols & over_x, rows & over_y
        for side, dim in _wholes(rules, said, mesh, asked, over_x, is_array=is_array):
            whole[side].append(dim)
    if mesh.x == 1 or mesh.y == 1:
        cols = rows = cols if mesh.y == 1 else rows
    if is_array:
        for side, dims, size in (("rows", rows, mesh.y), ("cols", cols, mesh.x)):
            if dims != everything and size > 1:
                rules.dataflow[side] = in_order(dims)
            if whole[side]:
                rules.dataflow[f"{side}_whole"] = in_order(whole[side])
    elif rows | cols != everything or rows != cols:
        rules.wiring[fan.name] = in_order(rows | cols)
        if rows != cols:
            said = asked.of("spatial", *mesh.targets)[0]
            message = f"{fan.name} takes {in_order(rows)} on rows and {in_order(cols)} on columns: no words here"
            rules.unsaid.append(said.where.error(message, "of a fan-out inside the outermost one, sides are alike"))


def sides_of(said: Directive, asked: Asked, completes: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Dims that may lie on X and on Y: by the permutation those before and after the split, the rest on either."""
    used = frozenset(asked.dims) - said.ones(asked.dims)
    if said.split is None:
        return used, used
    order = list(said.order or ())
    if completes:  # v0.4: dims of one trip come first, and the split counts them
        before = [dim for dim in asked.dims if dim not in order and (dim not in used or not asked.has_trips(dim))]
        order = before + order
    rest = used - set(order)
    left_on_x = rest if said.split > len(order) else frozenset()
    return used & set(order[: said.split]) | left_on_x, used & set(order[said.split :]) | rest


def _wholes(
    rules: Rules, said: Directive, mesh: Mesh, asked: Asked, over_x: frozenset[str], *, is_array: bool
) -> Iterator[tuple[str, str]]:
    """Dims that must be unrolled as far as they go, with their side; other factors have no words."""
    for dim, trips in said.exact.items():
        if trips == 1:
            continue
        side, size = ("cols", mesh.x) if dim in over_x and mesh.x > 1 else ("rows", mesh.y)
        bound = asked.bounds.get(dim, 0)
        most = min(bound, size)
        if is_array and bound and (trips or bound) == most and bound % most == 0:
            yield side, dim
        else:
            message = f"{said.target}: {dim} unrolled {trips or 'whole'} has no words here"
            hint = "an architecture says which dims are unrolled, and which as far as they go, not how far"
            rules.unsaid.append(said.where.error(message, hint, "factors"))
    for dim, trips in said.most.items():
        if trips < min(asked.bounds.get(dim, mesh.x * mesh.y), mesh.x * mesh.y):
            message = f"{said.target}: at most {trips} of {dim} unrolled has no words here"
            rules.unsaid.append(said.where.error(message, None, "factors"))
    for dim, trips in said.least.items():
        if trips > 1:
            message = f"{said.target}: at least {trips} of {dim} unrolled has no words here"
            rules.unsaid.append(said.where.error(message, None, "factors"))


def _temporal(rules: Rules, plan: Plan, at: int, level: LevelPlan, asked: Asked, loops: Loops) -> None:
    is_innermost = at == len(plan.levels) - 1
    inside_pe = is_innermost and at > 0 and (bool(plan.fan_outs) or len(plan.levels) > 2)
    operands = [next(iter(keep.fixed), "") for keep in level.keeps]
    stay = [
        room_for(level.stores[: i + 1], operands, loops[store.name]) if len(operands) > 1 else loops[store.name]
        for i, store in enumerate(level.stores) if i >= level.hoisted
    ]  # fmt: skip
    passed = [name for name, kept in plan.passed.items() if kept in {store.name for store in level.stores}]
    directives = [said for store in level.stores for said in asked.of("temporal", store.name)]
    if inside_pe:
        if any(said.ones(asked.dims) for said in directives):
            fans = [dim for fan in _inside_of(plan, level) for dim in rules.wiring.get(fan.name, asked.dims)]
            rules.dataflow["inside"] = in_order({*frozenset[str]().union(*stay), *fans, *_unused(asked, directives)})
    else:
        _excluded(rules, level, operands, directives, asked, frozenset[str]().union(*stay, *(loops[p] for p in passed)))
    for said in [*directives, *(said for name in passed for said in asked.of("temporal", name))]:
        rules.unsaid += _factors(said, asked)
        if not is_innermost:
            _order(rules, plan, level, said, asked, loops)


def _excluded(
    rules: Rules, level: LevelPlan, operands: Sequence[str], directives: Sequence[Directive], asked: Asked,
    allowed: frozenset[str],
) -> None:  # fmt: skip
    """Dims that the list of a level other than the innermost may not step over: only that has words for them."""
    possible = room_for(level.stores, operands, frozenset(asked.dims)) if len(operands) > 1 else frozenset(asked.dims)
    excluded = [dim for dim in in_order(possible - allowed) if asked.has_trips(dim)]
    said = next((one for one in directives if one.ones(asked.dims) & set(excluded)), None)
    if said is not None:
        message = f"{said.target}: one trip of {', '.join(excluded)} has no words here"
        hint = "a dataflow says which dims are tiled at the innermost level alone (inside)"
        rules.unsaid.append(said.where.error(message, hint, "factors" if said.exact else "factors_only"))


def _unused(asked: Asked, directives: Sequence[Directive]) -> list[str]:
    """Dims of bound 1 that no constraint excludes: other workloads may use them."""
    ones = frozenset[str]().union(*(said.ones(asked.dims) for said in directives))
    return [dim for dim in asked.dims if not asked.has_trips(dim) and dim not in ones]


def _inside_of(plan: Plan, level: LevelPlan) -> list[FanPlan]:
    """Fan-outs below a level."""
    entries = list(plan.entries)
    return [entry for entry in entries[entries.index(level) :] if isinstance(entry, FanPlan)]


def _factors(said: Directive, asked: Asked) -> Iterator[SpecError]:
    """Factors other than one trip, which nothing here says of a list."""
    for dim, trips in said.exact.items():
        if trips != 1 and asked.has_trips(dim):
            message = f"{said.target}: {dim} with {trips or 'all its'} trips has no words here"
            yield said.where.error(message, None, "factors")
    for dim, trips in said.most.items():
        if trips < asked.bounds.get(dim, trips + 1):
            yield said.where.error(f"{said.target}: at most {trips} trips of {dim} has no words here", None, "factors")
    for dim, trips in said.least.items():
        if trips > 1:
            yield said.where.error(f"{said.target}: at least {trips} trips of {dim} has no words here", None, "factors")


def _order(rules: Rules, plan: Plan, level: LevelPlan, said: Directive, asked: Asked, loops: Loops) -> None:
    """An order: the innermost dim of the list right above the array, and nothing else, has words."""
    if said.target in {store.name for store in level.stores[: level.hoisted]}:
        possible = frozenset[str]()  # these loops leave in place all that the level has read so far, in any order
    else:
        possible = loops[said.target]
    order = [dim for dim in said.order or () if dim in possible]
    if not order or len(possible) < 2:
        return
    entries = list(plan.entries)
    is_near = bool(plan.fan_outs) and entries[entries.index(level) + 1] is plan.fan_outs[0] and len(level.stores) == 1
    if is_near and order[0] != "G":
        rules.dataflow["innermost"] = order.pop(0)
    if order:
        message = f"{said.target}: the order of {', '.join(order)} has no words here"
        hint = "a dataflow names the innermost dim of the list right above the array (innermost)"
        rules.unsaid.append(said.where.error(message, hint, "permutation"))
