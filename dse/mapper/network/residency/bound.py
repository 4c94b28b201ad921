"""What no run of a network with tensors on chip goes below: every tensor at home where that is best, room or not."""

from __future__ import annotations

from dse.architecture.architecture import Architecture
from dse.errors import InfeasibleError
from dse.mapper.layer import lower_bound
from dse.mapper.network.residency.asking import homes_in
from dse.mapper.network.residency.choice import OUTER, Setting, setting_of
from dse.mapper.network.residency.columns import AtHome
from dse.mapper.network.residency.graph import Step
from dse.mapper.network.residency.rooms import ways_of
from dse.mapper.shared.result import LowerBound
from dse.model.homes import at_home
from dse.problem.workload import Workload


def all_at_home(architecture: Architecture, workload: Workload, *, cycle_pj: float = 0.0) -> LowerBound:
    """A lower bound on a network's energy and cycles with tensors on chip, in milliseconds a layer, without a search.

    Parameters
    ----------
    architecture : Architecture
        Some of its levels say that tensors may stay in them.
    workload : Workload
    cycle_pj : float
        pJ for each cycle in the weighted sum.

    Notes
    -----
    Each layer counts with the least of its bounds over all choices of what is at home, with the levels' whole capacity
    left for its tiles: what is at home takes no room here, and neither do tensors that stay beside it. A node without
    MACs reads and writes each tensor where that takes least, and takes no time.

    Examples
    --------
    >>> import dse
    >>> eyeriss, network = dse.load_architecture("eyeriss"), dse.load_workload("squeezenet1_0")
    >>> bound = all_at_home(eyeriss, network)
    >>> outside = sum(dse.mapper.lower_bound(eyeriss, layer).energy_pj for layer in network.layers)
    >>> 0 < bound.energy_pj < outside
    True
    """
    return least_at_home(setting_of(architecture, workload), cycle_pj)


def least_at_home(setting: Setting, cycle_pj: float) -> LowerBound:
    """`all_at_home` of a setting."""
    total, known = LowerBound(0.0, 0.0, 0.0), {}
    for i, step in enumerate(setting.graph.steps):
        if step.layer is None:
            least = least_moved(setting, step)
            total += LowerBound(least, 0.0, least)
            continue
        homes = tuple(way.homes for way in ways_of(setting, i) if not way.wide)
        key = step.layer.shape_key(), homes
        if key not in known:
            known[key] = _least_of_homes(setting, step, homes, cycle_pj)
        total += known[key]
    return total


def _least_of_homes(setting: Setting, step: Step, homes: tuple[AtHome, ...], cycle_pj: float) -> LowerBound:
    """Of energy, cycles and their sum the least over all homes, each by itself."""
    assert step.layer is not None
    found = []
    for operands in homes:
        # unfinished psums may come to such a home: without that rule the space is larger, and the bound no higher
        away = homes_in(setting.levels, operands, setting.capacities, True)
        try:
            found.append(lower_bound(at_home(setting.architecture, away), step.layer, cycle_pj=cycle_pj))
        except InfeasibleError:
            continue
    if not found:
        raise InfeasibleError(f"{step.name}: nothing fits")
    return LowerBound(
        min(one.energy_pj for one in found), min(one.cycles for one in found), min(one.weighted_pj for one in found)
    )


def least_moved(setting: Setting, step: Step) -> float:
    """Energy of a node without MACs, every tensor read and written where that takes least."""
    assert step.move is not None
    if step.taken or step.move.kind == "concat":
        return 0.0
    places = (OUTER, *range(len(setting.levels)))
    read = sum(min(setting.transfer(t, place, "read").energy_pj for place in places) for t in step.reads)
    return read + min(setting.transfer(step.writes, place, "write").energy_pj for place in places)
