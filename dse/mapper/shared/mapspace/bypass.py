"""The choices of bypasses that an architecture leaves to the mapper."""

from __future__ import annotations

from itertools import product

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.architecture.remembered import remembered


@remembered(256)
def bypass_choices(architecture: Architecture) -> list[dict[int, frozenset[str]]]:
    """For every choice of bypasses, the operands that each level keeps, by node.

    Examples
    --------
    >>> import dse
    >>> (choice,) = bypass_choices(dse.load_architecture("eyeriss"))
    >>> sorted(choice[1])
    ['ifmap', 'psum']
    """
    options: list[list[tuple[int, frozenset[str]]]] = []
    for index, level in enumerate(architecture.hierarchy):
        if isinstance(level, Level):
            optional = sorted(level.may_bypass)
            options.append([
                (index, level.stores - {o for o, drop in zip(optional, drops, strict=True) if drop})
                for drops in product((False, True), repeat=len(optional))
            ])  # fmt: skip
    return [dict(choice) for choice in product(*options)]
