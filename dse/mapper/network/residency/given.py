"""A network run as a file says: its mappings, and the tensors that stay on chip."""

from __future__ import annotations

from collections.abc import Mapping

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.mapper.network.residency.asking import are_finished, buffers_by_room, homes_in, used_bits
from dse.mapper.network.residency.choice import Setting, setting_of
from dse.mapper.network.residency.choosing.placing import laid_out
from dse.mapper.network.residency.columns import AtHome, Bits, Point, level_of
from dse.mapper.network.residency.orders import in_order
from dse.mapper.network.residency.outcome.result import Residency
from dse.mapper.network.residency.outcome.stays import Stays, choice_of, kept_of, operands_of
from dse.mapper.shared.result import Mapped
from dse.model.cost import evaluate
from dse.model.homes import at_home, inner_mapping
from dse.model.mapping import Mapping as LoopNest
from dse.problem.workload import Workload


def run_as_given(
    architecture: Architecture, workload: Workload, stays: Stays, nests: Mapping[str, LoopNest]
) -> Residency:
    """Price a run that is given, after checking that it can be run as it says.

    Parameters
    ----------
    architecture : Architecture
    workload : Workload
    stays : Stays
    nests : mapping
        Every layer's name to its mapping, one loop list per level of the architecture.

    Raises
    ------
    DseError
        A layer without a mapping, or another level than the one that keeps tensors.
    MappingError
        What is read is not where it is read, or something does not fit.
    """
    setting = setting_of(architecture, in_order(workload, stays.order))
    for one in stays.levels:
        if one.level not in setting.levels:
            where = " or ".join(setting.levels)
            raise DseError(f"tensors stay in {where}, not in {one.level}", hint="on_chip: auto says where")
    if missing := [layer.name for layer in workload.layers if layer.name not in nests]:
        raise DseError(f"tensors on chip want a mapping of every layer: there is none of {missing[0]}")
    every = {one.level: one for one in stays.levels}
    homes = operands_of(setting.graph, [every.get(level, Stays(level)) for level in setting.levels])
    kept = kept_of(setting, stays)
    rooms = [
        tuple(one.room(setting.graph, i, bits) for one, bits in zip(kept, setting.capacities, strict=True))
        for i in range(len(setting.graph.steps))
    ]
    points = {
        step.name: _point(setting, i, homes[i], nests[step.name], rooms[i])
        for i, step in enumerate(setting.graph.steps) if step.layer is not None
    }  # fmt: skip
    choice = choice_of(setting, stays, points)
    layouts = []
    for level, own, capacity in zip(setting.levels, choice.levels, setting.capacities, strict=True):
        layout, _ = laid_out(setting.graph, own, capacity)
        if layout is None:
            raise DseError(f"no layout of these tensors in {level} was found")
        layouts.append(layout)
    return Residency(setting, choice, tuple(layouts), None, None)


def _point(setting: Setting, i: int, operands: AtHome, nest: LoopNest, room: Bits) -> Point:
    """What the mapping of a step costs; in the room that tensors leave it, where next tiles come ahead if they fit."""
    layer = setting.graph.steps[i].layer
    assert layer is not None
    homes = homes_in(setting.levels, operands, setting.capacities, True)
    other, inner = at_home(setting.architecture, homes), inner_mapping(setting.architecture, homes, nest)
    finished = are_finished(other, layer, inner)
    if buffers_by_room(setting.architecture):
        wide = level_of(operands, "psum") if not finished else -1
        left = tuple(bits - setting.graph.widening(i) * (h == wide) for h, bits in enumerate(room))
        if min(left) >= 0:  # else the check of the whole run says where room is missing
            homes = homes_in(setting.levels, operands, left, True)
            other, inner = at_home(setting.architecture, homes), inner_mapping(setting.architecture, homes, nest)
    cost = evaluate(other, layer, inner)
    mapped = Mapped(layer, inner, cost, None)
    bits = tuple(used_bits(other, level, layer, inner) for level in setting.levels)
    return Point(cost.energy_pj, cost.cycles, cost.energy_pj, cost.cycles, bits, mapped, finished)
