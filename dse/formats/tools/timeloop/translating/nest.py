"""A mapping of Timeloop's as a loop nest of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from dse.formats.tools.timeloop.reading.directives import Directive
from dse.formats.tools.timeloop.reading.machine import Machine, Mesh
from dse.formats.tools.timeloop.translating.plan import FanPlan, LevelPlan, Loops, Plan
from dse.formats.tools.timeloop.translating.rules import Asked, sides_of
from dse.model.mapping import Loop, Spatial, Temporal
from dse.model.mapping import Mapping as LoopNest


def with_bounds(directives: Sequence[Directive], bounds: Mapping[str, int]) -> tuple[Directive, ...]:
    """Directives of a mapping: a dim that one does not name has one trip, and 0 trips are the whole bound."""
    return tuple(
        replace(said, only=True, exact={dim: trips or bounds[dim] for dim, trips in said.exact.items()})
        for said in directives
    )


def loops_of(machine: Machine, directives: Sequence[Directive]) -> Loops:
    """Dims with more than one trip in the list of each store."""
    return {
        store.name: frozenset(dim for said in _of(directives, "temporal", store.name) for dim in _used(said))
        for store in machine.stores
    }


def nest_of(machine: Machine, plan: Plan, asked: Asked, directives: Sequence[Directive]) -> LoopNest:
    """The nest, outermost first.

    Parameters
    ----------
    directives : sequence of Directive
        Of the mapping, with bounds.

    Raises
    ------
    SpecError
        A loop stands where nothing here can hold it.
    """
    nodes: list[Temporal | Spatial] = []
    for said in directives:
        for key in said.unsaid:
            raise said.where.error(f"{said.target}: {key} has no words here", None, key, key=True)
        if said.target in plan.passed and said.kind == "temporal" and (used := _used(said)):
            message = f"{said.target} keeps nothing, and has loops over {', '.join(used)}"
            raise said.where.error(message, "put them into the next level outwards", "factors")
    for entry in plan.entries:
        if isinstance(entry, FanPlan):
            nodes.append(_spatial(machine, entry, asked, directives))
            continue
        lists = [_list(asked, _of(directives, "temporal", store.name)) for store in entry.stores]
        outwards = [loop for one in lists[: entry.hoisted] for loop in one]
        if outwards:
            above = nodes[-1]
            assert isinstance(above, Temporal)
            nodes[-1] = replace(above, loops=(*above.loops, *outwards))
        inside = tuple(loop for one in lists[entry.hoisted :] for loop in one)
        nodes.append(Temporal(entry.name, inside, _kept(entry, directives)))
    return LoopNest(tuple(nodes))


def _kept(level: LevelPlan, directives: Sequence[Directive]) -> frozenset[str]:
    """Operands that a level keeps: those that its mapping does not leave out."""
    kept: set[str] = set()
    for store, keep in zip(level.stores, level.keeps, strict=True):
        own = set(keep.stores)
        for said in _of(directives, "dataspace", store.name):
            stray = [operand for operand in said.keep if operand not in keep.stores]
            gone = [operand for operand in said.bypass if operand in keep.fixed]
            if stray or gone:
                what = f"keeps the {stray[0]}, which" if stray else f"leaves out the {gone[0]}, which"
                message = f"{store.name} {what} {'it bypasses' if stray else 'it keeps'} by its constraints"
                raise said.where.error(message, None, "keep" if stray else "bypass")
            own -= set(said.bypass)
        kept |= own
    return frozenset(kept)


def _list(asked: Asked, directives: Sequence[Directive]) -> list[Loop]:
    """Loops of one list, outermost first."""
    loops: list[Loop] = []
    for said in directives:
        order = [*(said.order or ()), *(dim for dim in asked.dims if dim not in (said.order or ()))]
        loops += [Loop(dim, said.exact[dim]) for dim in reversed(order) if said.exact.get(dim, 1) > 1]
    return loops


def _spatial(machine: Machine, fan: FanPlan, asked: Asked, directives: Sequence[Directive]) -> Spatial:
    """What is unrolled over a fan-out."""
    rows: list[Loop] = []
    cols: list[Loop] = []
    for said in (one for target in fan.mesh.targets for one in _of(directives, "spatial", target)):
        over_x, over_y = sides_of(said, asked, machine.completes)
        used = [*(said.order or ()), *(dim for dim in asked.dims if dim not in (said.order or ()))][::-1]
        cols += [Loop(dim, said.exact[dim]) for dim in used if dim in over_x and said.exact.get(dim, 1) > 1]
        rows += [Loop(dim, said.exact[dim]) for dim in used if dim in over_y - over_x and said.exact.get(dim, 1) > 1]
        _check_room(said, fan.mesh, cols, rows)
    return Spatial(fan.name, tuple(rows), tuple(cols))


def _check_room(said: Directive, mesh: Mesh, x: Sequence[Loop], y: Sequence[Loop]) -> None:
    for loops, side, room in ((x, "X", mesh.x), (y, "Y", mesh.y)):
        if prod(loop.trips for loop in loops) > room:
            what = " ".join(f"{loop.dim}={loop.trips}" for loop in loops)
            hint = "split says how many dims of the permutation lie on X; the others lie on Y"
            raise said.where.error(f"{said.target}: {what} lies on {side}, which has {room}", hint, "factors")


def _of(directives: Sequence[Directive], kind: str, target: str) -> list[Directive]:
    return [said for said in directives if said.kind == kind and said.target == target]


def _used(said: Directive) -> list[str]:
    return [dim for dim, trips in said.exact.items() if trips > 1]
