"""The problems of a layer, one of each choice of bypasses, before any table of splits is made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from dse.architecture.architecture import Architecture
from dse.architecture.parts import in_parts
from dse.mapper.deep.problem import Deep, build, finishing, priced, rooms_for_finished, sized
from dse.mapper.shared.last_used import kept_last
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.unpriced import unsized
from dse.model.price import price
from dse.model.room import ways
from dse.problem.layer import Layer

Bypasses = dict[int, frozenset[str]]
"""The operands that each level keeps, by node."""


class Draft(NamedTuple):
    """A choice of bypasses, for one way to use the room (`dse.model.room`) and one order of parts.

    Parameters
    ----------
    architecture : Architecture
        In this way.
    problem : Deep
        Where finished psums are narrower, that of the mappings in which psums come back from the outermost level.
    mask : int
        Its place in the list of what levels keep.
    kindred : tuple of Deep
        The other problems: each with levels to which no unfinished psum may come, see `rooms_for_finished`.
    masks : tuple of int
        Those of the other problems.
    """

    architecture: Architecture
    problem: Deep
    mask: int
    kindred: tuple[Deep, ...]
    masks: tuple[int, ...]


def drafts_of(architecture: Architecture, layer: Layer, factors: str) -> tuple[list[Bypasses], list[Draft]]:
    """What levels keep in each problem of a layer, and the drafts.

    A level whose operands have depths of their own has drafts for each order of its parts (`dse.architecture.parts`).

    Examples
    --------
    >>> import dse
    >>> choices, drafts = drafts_of(dse.load_architecture("edge_npu"), dse.Layer("fc", K=8, C=4), "all")
    >>> [sorted(choices[draft.mask][1]) for draft in drafts]
    [['ifmap', 'psum', 'weight'], ['ifmap', 'psum']]
    """
    key = unsized(architecture), layer, factors
    machines = [way for machine in in_parts(architecture) for way in ways(machine)]
    choices, plans = kept_last(_PLANS, key, KEPT_PLANS, lambda: _plans_of(machines, layer, factors))
    own = [priced(price(way, layer), layer) | {"capacity": sized(way, layer)} for way in machines]
    drafts = [
        Draft(machines[at], one.problem._replace(**own[at]), one.mask,
              tuple(problem._replace(**own[at]) for problem in one.kindred), one.masks)
        for at, one in plans
    ]  # fmt: skip
    return list(choices), drafts


KEPT_PLANS = 256
"""Some kilobytes each."""

_PLANS: dict[Hashable, tuple[list[Bypasses], list[tuple[int, Draft]]]] = {}
"""By layer and all that is no price or size: what levels keep, and drafts at some, each with the place of its way."""


def _plans_of(
    machines: Sequence[Architecture], layer: Layer, factors: str
) -> tuple[list[Bypasses], list[tuple[int, Draft]]]:
    choices: list[Bypasses] = []
    plans: list[tuple[int, Draft]] = []
    for at, way in enumerate(machines):
        bypasses, first, prices = bypass_choices(way), len(choices), price(way, layer)
        choices += bypasses
        for mask, kept in enumerate(bypasses, start=first):
            rooms = tuple(rooms_for_finished(way, layer, kept))
            problem = build(way, layer, kept, prices, factors, returns=bool(rooms))
            kindred = tuple(finishing(problem, way, layer, nodes, rooms[-1]) for nodes in rooms)
            masks = tuple(range(len(choices), len(choices) + len(rooms)))
            plans.append((at, Draft(way, problem, mask, kindred, masks)))
            choices += [kept] * len(rooms)
    return choices, plans
