"""What folds of systolic arrays add to the time, as terms of bounds (`dse.model.time.fold_cycles`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.problem import Deep
from dse.model.time import APART, OVERLAPPING

Form = dict[int, float]
"""Cycles per change of the words of some crossings."""


def fold_terms(dp: Deep, crossings: list[Crossing], steps: Term, many: int) -> list[Term]:
    """What folds add to compute steps, and the groups in which the shifts of overlapping folds set the pace.

    Words change as often as the lists that are laid down say, so no less often in truth: docs/mapper/deep.md, "Folds
    of systolic arrays", has the proof.

    Parameters
    ----------
    steps : Term
        Compute steps, the only term of their group so far.
    many : int
        How many groups, this one and those after it, have compute steps or the fewest there are.
    """
    if not any(_systolic(dp)):
        return []
    skews, constant = _apart(dp, crossings)
    hidden = [one for node in _systolic(dp) for one in _shifts(dp, crossings, node, OVERLAPPING)]
    behind = sum(cost for _, cost in hidden)
    found: list[tuple[list[Term], Form, float]] = [([], skews[0], constant + behind)] * many
    found += [([steps], skew, constant + behind) for skew in skews[1:]]
    for k, cost in hidden:
        behind -= cost
        pace = steps._replace(extra=(), crossing=k, view=crossings[k].steps_per_change)
        shifts = pace._replace(coefficient=pace.coefficient * cost, view=crossings[k].changes)
        found.append(([pace, shifts], skews[0], constant + behind))
    terms = []
    for group, (own, skew, more) in enumerate(found, start=steps.group):
        bare = steps._replace(extra=(), group=group)
        terms += [term._replace(group=group) for term in own]
        terms += [bare._replace(coefficient=steps.coefficient * cost, crossing=k, view=crossings[k].changes)
                  for k, cost in skew.items()]  # fmt: skip
        if more > 0.0:
            terms.append(bare._replace(coefficient=steps.coefficient * more))
    return terms


def _systolic(dp: Deep) -> Iterator[int]:
    """Fan-outs whose folds take time."""
    yield from (int(node) for node in np.flatnonzero((dp.folds > 0.0).any(axis=1)))


def _brought(dp: Deep, crossings: list[Crossing], node: int) -> list[int]:
    """The crossings that bring what a fan-out's children keep."""
    return [k for k, one in enumerate(crossings) if one.folds and any(dp.fans[i] == node for i in one.fans)]


def _shifts(dp: Deep, crossings: list[Crossing], node: int, first: int) -> Iterator[tuple[int, float]]:
    """With these crossings, the cycles that each change takes, where it takes any."""
    for k in _brought(dp, crossings, node):
        cost = float(dp.folds[node, first + 1 + crossings[k].operand])
        if cost > 0.0:
            yield k, cost


def _apart(dp: Deep, crossings: list[Crossing]) -> tuple[list[Form], float]:
    """Skew and shifts that every change pays, some forms of which the largest counts, and what is paid once.

    A skew is paid with each change of the operand that changes most: there is a form for each operand.
    """
    shifts: Form = {}
    skews: list[Form] = [{}, {}, {}]
    constant = 0.0
    for node in _systolic(dp):
        constant += float(dp.folds[node, OVERLAPPING])
        for k, cost in _shifts(dp, crossings, node, APART):
            shifts[k] = shifts.get(k, 0.0) + cost
        skew, mine = float(dp.folds[node, APART]), _brought(dp, crossings, node)
        if not mine:
            constant += skew
        for operand, form in enumerate(skews if mine and skew > 0.0 else ()):
            at = next((k for k in mine if crossings[k].operand == operand), mine[0])
            form[at] = form.get(at, 0.0) + skew
    forms: list[Form] = []
    for form in skews:
        whole = {k: shifts.get(k, 0.0) + form.get(k, 0.0) for k in sorted({*shifts, *form})}
        if whole not in forms:
            forms.append(whole)
    return forms, constant
