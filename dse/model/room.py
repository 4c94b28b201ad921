"""Which transfers overlap with the compute, where that follows from the room that a level has left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Buffering, Level
from dse.architecture.remembered import remembered
from dse.problem.dims import OPERANDS, PerOperand


@remembered(256)
def ways(architecture: Architecture) -> tuple[Architecture, ...]:
    """The machines that an architecture may be, as its levels' room allows; itself where no level is buffered by room.

    Parameters
    ----------
    architecture : Architecture

    Returns
    -------
    tuple of Architecture
        One for each choice of operands, of those buffered by `room`, whose next tile comes while the level works: they
        are `double` there, all others `single`. The first has none of them, so its tiles have the most room.

    Notes
    -----
    A mapping may run in any way in which its tiles fit, and takes the time of the fastest one; its counts, and all
    energy but that of idle time, are the same in all. So the best mapping is the best of those of all ways, and each
    way is an ordinary machine, whose search and bounds are exact. More overlap is not always faster: transfers of two
    operands through ports of their own may stop the compute at once.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> glb = replace(chip.level("GLB"), buffering="room")
    >>> found = ways(chip.with_(hierarchy=(chip.hierarchy[0], glb, *chip.hierarchy[2:])))
    >>> [way.level("GLB").buffering.to_dict()["psum"] for way in found]
    ['single', 'double', 'single', 'double']
    >>> ways(chip) == (chip,)
    True
    """
    options: list[list[Level]] = []
    for node in architecture.hierarchy[1:]:
        if isinstance(node, Level):
            by_room = [operand for operand in OPERANDS if operand in node.stores and node.buffered(operand) == "room"]
            choices: Iterable[tuple[Buffering, ...]] = product(("single", "double"), repeat=len(by_room))
            options.append([_settled(node, dict(zip(by_room, chosen, strict=True))) for chosen in choices])
    if all(len(option) == 1 for option in options):
        return (architecture,)
    found = []
    for levels in product(*options):
        settled = {level.name: level for level in levels}
        nodes = tuple(settled.get(node.name, node) for node in architecture.hierarchy)
        found.append(replace(architecture, hierarchy=nodes))
    return tuple(found)


def _settled(level: Level, chosen: dict[str, Buffering]) -> Level:
    if not chosen:
        return level
    kept: dict[str, Buffering] = {o: level.buffered(o) if o in level.stores else "single" for o in OPERANDS}
    return replace(level, buffering=PerOperand.of(kept | chosen))


def waiting(architecture: Architecture, kept: dict[str, frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Operands whose transfers into a level take turns with the compute, by level; levels with none are left out.

    Parameters
    ----------
    architecture : Architecture
        One of `ways`.
    kept : dict
        What a mapping keeps in each level.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> single = chip.with_(hierarchy=tuple(
    ...     replace(node, buffering="single") if node.name == "GLB" else node for node in chip.hierarchy
    ... ))
    >>> waiting(single, {"GLB": frozenset({"psum"})}), waiting(chip, {"GLB": frozenset({"psum"})})
    ({'GLB': ('psum',)}, {})
    """
    found: dict[str, tuple[str, ...]] = {}
    for level in architecture.levels[1:]:
        stopped = [o for o in OPERANDS if o in kept.get(level.name, frozenset()) and level.buffered(o) == "single"]
        if stopped:
            found[level.whole] = (*found.get(level.whole, ()), *stopped)
    return found
