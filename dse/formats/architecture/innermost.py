"""What feeds the MACs of a specification: a level whose operands may be placed each by itself, and their registers."""

from __future__ import annotations

from dse.architecture.hierarchy import Level
from dse.formats.architecture.model import ArchitectureModel, LevelModel
from dse.formats.architecture.rating import BuildError

REGISTERS = "registers"
"""The level that stands for the registers of a MAC."""


def check_placement(model: ArchitectureModel) -> None:
    """Only the innermost level has parts at depths of their own."""
    levels = [(name, node) for name, node in model.levels.items() if isinstance(node, LevelModel)]
    for name, level in levels:
        path, hint = ("levels", name, "placement"), "placement: together, or levels one inside the other"
        if level.placement == "own" and name != list(model.levels)[-1]:
            raise BuildError(path, f"{name}: only the innermost entry places each operand by itself", hint)


def registers_of(model: ArchitectureModel) -> Level:
    """The registers of a MAC, whose energy and area are part of the MAC's."""
    path, last = ("mac", "registers"), list(model.levels.values())[-1]
    if REGISTERS in model.levels:
        raise BuildError(path, f"registers: a level is called {REGISTERS}, as those of the MAC are", "another name")
    if isinstance(last, LevelModel) and any(last.gating.values()):
        raise BuildError(path, "registers: the innermost level gates accesses of the MACs, which read registers",
                         "mac: {gating: [ifmap]} spares the MAC's own energy")  # fmt: skip
    return Level(REGISTERS, frozenset(model.mac.registers), word_bits=model.mac.bits, is_register=True)
