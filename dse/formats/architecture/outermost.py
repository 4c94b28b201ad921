"""The outermost level of a specification: one memory, or several that hold different operands side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dse.architecture.hierarchy import Level
from dse.formats.architecture.model import FanOutModel, LevelModel
from dse.formats.architecture.rating import BuildError
from dse.problem.dims import OPERANDS, PerOperand


def stored_in(model: LevelModel) -> list[str]:
    """The operands of a level, in the order of `OPERANDS`: the order of writing must not reach any sum."""
    if model.stores is not None:
        return [operand for operand in OPERANDS if operand in model.stores]
    capacity = model.capacity
    return [operand for operand in OPERANDS if not isinstance(capacity, Mapping) or operand in capacity]


def outermost_memories(levels: Mapping[str, LevelModel | FanOutModel]) -> dict[str, LevelModel]:
    """The entries that make up the outermost level: from the first one on, until every operand has its memory.

    Raises
    ------
    BuildError
        Where they do not hold every operand once.
    """
    found: dict[str, LevelModel] = {}
    held: dict[str, str] = {}
    for name, node in levels.items():
        if isinstance(node, FanOutModel):
            if not found:
                message = f"{name}: the outermost entry is a storage level"
                raise BuildError(("levels", name), message, "e.g. DRAM: {}")
            break
        twice = [operand for operand in stored_in(node) if operand in held]
        if twice:
            break
        found[name] = node
        held |= dict.fromkeys(stored_in(node), name)
        if len(held) == len(OPERANDS):
            return found
    missing = [operand for operand in OPERANDS if operand not in held]
    raise BuildError(
        ("levels", next(iter(levels))),
        f"{', '.join(found)}: the outermost level stores all operands, and this has no {missing[0]}",
        "several memories may share them: the first entries, one after the other, each with operands of its own",
    )


def together(memories: Sequence[Level]) -> Level:
    """Memories side by side as one level, with the ports of each and every operand at the price of its own.

    Examples
    --------
    >>> from dse.architecture.hierarchy import Port
    >>> prices = PerOperand.same(8.0), PerOperand.same(2.0)
    >>> host, weights = (
    ...     Level(name, frozenset(held), read_energy_pj=price, write_energy_pj=price,
    ...           ports=(Port("read", frozenset((operand, "read") for operand in held), 4),))
    ...     for name, held, price in zip(("host", "weights"), (("ifmap", "psum"), ("weight",)), prices, strict=True)
    ... )
    >>> both = together([host, weights])
    >>> both.name, both.memories, both.read_energy_pj.weight, [port.name for port in both.ports]
    ('host+weights', ('host', 'weights'), 2.0, ['host read', 'weights read'])
    """
    if len(memories) == 1:
        return memories[0]
    home = {operand: memory for memory in memories for operand in memory.stores}
    wide = max(memory.word_bits for memory in memories)
    share = {memory.name: wide / memory.word_bits for memory in memories}
    return replace(
        memories[0],
        name="+".join(memory.name for memory in memories),
        stores=frozenset(home),
        capacity_bits=None,
        partition_bits=_capacities(home),
        word_bits=wide,
        read_energy_pj=PerOperand.of({o: m.read_energy_pj[o] * share[m.name] for o, m in home.items()}),
        write_energy_pj=PerOperand.of({o: m.write_energy_pj[o] * share[m.name] for o, m in home.items()}),
        ports=tuple(
            replace(port, name=f"{m.name} {port.name}", words_per_cycle=port.words_per_cycle / share[m.name])
            for m in memories
            for port in m.ports
        ),
        area_mm2=sum(memory.area_mm2 for memory in memories),
        static_power_mw=sum(memory.static_power_mw for memory in memories),
        clock_power_mw=sum(memory.clock_power_mw for memory in memories),
        compression=PerOperand.of({operand: memory.compression[operand] for operand, memory in home.items()}),
        memories=tuple(memory.name for memory in memories),
    )


def _capacities(home: Mapping[str, Level]) -> PerOperand[int | None] | None:
    """Of each operand's memory; several in one memory of limited size are refused."""
    if all(memory.capacity_bits is None and memory.partition_bits is None for memory in home.values()):
        return None
    name = next(m.name for m in home.values() if m.capacity_bits is not None or m.partition_bits is not None)
    raise BuildError(
        ("levels", name, "capacity"),
        f"{name}: one of several outermost memories has no limit of its size",
        "leave its capacity out",
    )
