"""What settings of a space change, by their names."""

from __future__ import annotations

CAPACITY_DOTS = 2
"""Dots in the name of a whole level's capacity; there are more in that of one operand's part."""


def is_side(name: str) -> bool:
    """Whether a setting is a side of an array.

    Examples
    --------
    >>> is_side("levels.array.rows"), is_side("levels.GLB.capacity")
    (True, False)
    """
    return name.startswith("levels.") and name.rpartition(".")[2] in ("rows", "cols")


def is_inside(name: str) -> bool:
    """Whether a setting changes nothing outside the array: designs that differ in such ones share outer points.

    Examples
    --------
    >>> is_inside("dataflow"), is_inside("levels.GLB.capacity"), is_inside("levels.PE.capacity.weight")
    (True, False, True)
    """
    return name == "dataflow" or (is_capacity(name) and name.count(".") > CAPACITY_DOTS)


def is_capacity(name: str) -> bool:
    """Whether a setting is the capacity of a level, for all of its operands or for one.

    Examples
    --------
    >>> is_capacity("levels.GLB.capacity"), is_capacity("levels.array.rows"), is_capacity("dataflow")
    (True, False, False)
    """
    return name.startswith("levels.") and not is_side(name)
