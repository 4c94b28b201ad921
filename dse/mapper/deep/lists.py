"""What may be laid down about the lists of a hierarchy, and which splits agree with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.deep.axes import AXES, Axis
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.terms import IRRELEVANT, Choice
from dse.mapper.shared.orders import add_partial_stays, group_dims, list_orders

Array = Any


def listed() -> list[Choice]:
    """What may be laid down about a list."""
    found = [Choice(-1)]
    for kind in range(3):
        for passing in (False, True):
            found += [Choice(kind, slide, passing) for slide in (-1, 4, 5) if not (kind == 0 and passing and slide > 0)]
    return found


def nothing_of(problem: Deep) -> tuple[Choice | None, ...]:
    """Nothing laid down about the lists above the innermost level's, but that those between fan-outs have no loops."""
    nodes = problem.nodes[: problem.last]
    return tuple(Choice(-1) if problem.is_fan_out[node] else None for node in nodes)


def allowed(problem: Deep, axes: list[Axis], level: int, choice: Choice) -> list[Array]:
    """Per axis, which splits agree with what is laid down about a list."""
    keep = [np.ones(len(axis), dtype=bool) for axis in axes]
    for a, dims in enumerate(AXES):
        for which, d in enumerate(dims):
            alone = axes[a].trips(level, which) == 1
            if choice.kind < 0:
                # Groups reuse nothing and stand outside all kinds of order.
                keep[a] &= alone | (d == 0)
            elif choice.passing and d not in IRRELEVANT[choice.kind]:
                keep[a] &= alone
    if choice.kind < 0:
        return keep
    moving = ((0, 1), (0,), (1,))[choice.kind]
    forced = problem.innermost if level == problem.near else -1
    for a in (4, 5):
        trips = np.max([axes[a].trips(level, which) for which in moving], axis=0)
        if choice.slide == a:
            keep[a] &= trips > 1
        elif choice.slide < 0 and forced not in (1, 3):
            keep[a] &= trips == 1
    if choice.slide < 0 or choice.kind == 0:
        single = (2, 1, 3)[choice.kind]
        keep[single] &= axes[single].trips(level, 0) > 1
    return keep


def choices_of(problem: Deep, record: Array) -> tuple[Choice | None, ...]:
    """What the orders of a record lay down about each list above the innermost level's."""
    orders, kinds = np.zeros((24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64)
    choices: list[Choice | None] = []
    for level, (trips, _, _, order) in enumerate(record[:-1].reshape(-1, 4, 8)[: problem.last]):
        near = level == problem.near
        rules = problem.stationary if near else -1, problem.innermost if near else -1
        count = list_orders(trips, *rules, orders, kinds)
        if problem.visits_pay:
            count = add_partial_stays(trips, *rules, orders, kinds, count)
        at = next(k for k in range(count) if (orders[k] == order).all())
        operand, slide = (int(x) for x in kinds[at])
        others = [d for d in range(8) if operand < 0 or d not in group_dims(operand)]
        passing = operand >= 0 and all(trips[d] == 1 for d in others)
        choices.append(Choice(operand, slide - 2 if slide > 5 else slide, passing))
    return tuple(choices)
