"""Why a tensor is never at home on chip."""

from __future__ import annotations

from collections.abc import Iterable

from dse.mapper.network.residency.choice import Choice, Setting
from dse.mapper.network.residency.graph import HeldTensor


def why_not(setting: Setting, choice: Choice, t: int) -> str:
    """Why a tensor is never at home, as far as that can be said of it alone."""
    held = setting.graph.tensors[t]
    if not held.steps:
        return "an input that nothing reads"
    if held.must_leave:
        return "it leaves the network"
    if _is_read_once(held):
        return "an input, read once"
    short, where, level = lacking(setting, choice, t)
    if short:
        in_level = f" of {level}" if len(setting.levels) > 1 else ""
        return f"{_kib(short)} short in {where}{in_level}" if where else f"{_kib(short)} larger than {level}"
    return "it would save nothing"


def lacking(setting: Setting, choice: Choice, t: int) -> tuple[int, str, str]:
    """Bits of room that keep a tensor from being at home, and the step that has least; no step if the level is smaller
    than the tensor, and 0 bits if it is not room that it lacks. The level, where there are several, is that which lacks
    least."""
    graph, held = setting.graph, setting.graph.tensors[t]
    if held.must_leave or _is_read_once(held):
        return 0, "", ""
    found = []
    for h, (level, capacity) in enumerate(zip(setting.levels, setting.capacities, strict=True)):
        if held.bits > capacity:
            found.append((held.bits - capacity, "", level))
            continue
        short = {i: held.bits - choice.free(setting, i)[h] for i in _needed(held)}
        worst = max(short, key=lambda i: short[i])
        found.append((short[worst], graph.steps[worst].name, level) if short[worst] > 0 else (0, "", level))
    return min(found, key=lambda one: one[0])


def _needed(held: HeldTensor) -> Iterable[int]:
    """Steps in which a tensor is read or made, and those between."""
    return held.steps if held.made_in >= 0 else held.read_in


def _is_read_once(held: HeldTensor) -> bool:
    """An input that has no second reader, for which to keep it would save nothing."""
    return held.made_in < 0 and len(held.read_in) == 1


def _kib(bits: int) -> str:
    return f"{bits / 8192:.0f} KiB" if bits >= 8192 else f"{bits / 8:.0f} B"
