"""Levels that place each operand at a depth of its own, as chains of parts that hold one operand each.

The scratchpads of such a level (`Level.placement` is `own`) may stand in any order in a loop nest: a part that stands
further in has the shorter loops. Every order of the parts is an ordinary hierarchy, which the model and the deep search
take as it is; a mapping has one of these orders. No order covers another: in each, the tile of a part further out takes
at least the loops of all parts further in. Two operands at one depth are in every order, as a part's list may be empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import permutations, product

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import NO_OPERAND, FanOut, Level, Port
from dse.problem.dims import OPERANDS, PerOperand


def part_name(level: str, operand: str) -> str:
    """The name of an operand's part of a level, as mappings have it.

    Examples
    --------
    >>> part_name("PE", "weight")
    'PE.weight'
    """
    return f"{level}.{operand}"


def at_one_depth(architecture: Architecture) -> Architecture:
    """The architecture with the operands of every level together, itself where that is so.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> own = chip.with_(hierarchy=(*chip.hierarchy[:3], replace(chip.level("PE"), placement="own")))
    >>> at_one_depth(own) == chip, at_one_depth(chip) is chip
    (True, True)
    """
    if all(level.placement == "together" for level in architecture.levels):
        return architecture
    nodes = (replace(x, placement="together") if isinstance(x, Level) else x for x in architecture.hierarchy)
    return replace(architecture, hierarchy=tuple(nodes), spec=None)


def in_parts(architecture: Architecture) -> tuple[Architecture, ...]:
    """The architecture with each order of the parts of its levels; itself where all levels place operands together.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> in_parts(chip) == (chip,)
    True
    >>> scratchpads = replace(chip.level("PE"), placement="own")
    >>> orders = in_parts(chip.with_(hierarchy=(*chip.hierarchy[:3], scratchpads)))
    >>> len(orders), [node.name for node in orders[1].hierarchy[3:]]
    (6, ['PE.ifmap', 'PE.psum', 'PE.weight'])
    """
    own = [level for level in architecture.levels if level.placement == "own"]
    if not own:
        return (architecture,)
    orders = [list(permutations(o for o in OPERANDS if o in level.stores)) for level in own]
    names = [level.name for level in own]
    return tuple(_laid_out(architecture, dict(zip(names, each, strict=True))) for each in product(*orders))


def in_order(architecture: Architecture, names: Iterable[str]) -> Architecture:
    """The architecture with the parts of its levels in the order in which names come; parts without one come last.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> scratchpads = replace(chip.level("PE"), placement="own")
    >>> chip = chip.with_(hierarchy=(*chip.hierarchy[:3], scratchpads))
    >>> [level.name for level in in_order(chip, ["PE.psum", "PE.ifmap"]).levels]
    ['DRAM', 'GLB', 'PE.psum', 'PE.ifmap', 'PE.weight']
    """
    own = [level for level in architecture.levels if level.placement == "own"]
    if not own:
        return architecture
    place = {name: i for i, name in reversed(list(enumerate(names)))}
    return _laid_out(architecture, {
        level.name: tuple(sorted(
            (o for o in OPERANDS if o in level.stores), key=lambda o: place.get(part_name(level.name, o), len(place))
        ))
        for level in own
    })  # fmt: skip


def in_order_kept(architecture: Architecture, kept: Mapping[int, frozenset[str]]) -> Architecture:
    """The architecture with the parts of its levels in the order of what nodes keep; those that keep nothing come last.

    Parameters
    ----------
    kept : mapping
        Node of the architecture in parts to the operands that it keeps.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> in_order_kept(chip, {}) is chip
    True
    """
    for machine in in_parts(architecture):
        nodes = enumerate(machine.hierarchy)
        if all(kept[i] <= node.stores for i, node in nodes if isinstance(node, Level) and i in kept):
            return machine
    return architecture


def _laid_out(architecture: Architecture, orders: Mapping[str, tuple[str, ...]]) -> Architecture:
    nodes: list[Level | FanOut] = []
    for node in architecture.hierarchy:
        if isinstance(node, Level) and node.name in orders:
            nodes += [_part(node, operand, orders[node.name]) for operand in orders[node.name]]
        else:
            nodes.append(node)
    return replace(architecture, hierarchy=tuple(nodes), spec=None)


def _part(level: Level, operand: str, order: tuple[str, ...]) -> Level:
    """One part. The first carries what the level has once: its area and powers.

    A port that several operands share is the last one's, and those of the others join it: they take turns.
    """
    ports: list[Port] = []
    for port in level.ports:
        serves = frozenset(x for x in port.serves if x[0] == operand)
        last = max((o for o, _ in port.serves if o in order), key=order.index, default=operand)
        if serves:
            ports.append(replace(port, serves=serves, joins="" if operand == last else f"{level.name} {port.name}"))
    first = operand == order[0]
    bits = level.partition_bits
    return replace(
        level,
        name=part_name(level.name, operand),
        part_of=level.name,
        placement="together",
        stores=frozenset((operand,)),
        may_bypass=level.may_bypass & {operand},
        partition_bits=bits and PerOperand.of({o: bits[o] if o == operand else None for o in OPERANDS}),
        ports=tuple(ports),
        gating=PerOperand.of({o: level.gating[o] if o == operand else NO_OPERAND for o in OPERANDS}),
        area_mm2=level.area_mm2 if first else 0.0,
        static_power_mw=level.static_power_mw if first else 0.0,
        clock_power_mw=level.clock_power_mw if first else 0.0,
    )
