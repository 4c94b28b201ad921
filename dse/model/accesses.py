"""How many words move where: the result of both the closed form and the loop-nest simulator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dse.problem.notebook import html, short

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Traffic:
    """Words of one operand read from and written to one level, all instances together."""

    reads: int
    writes: int


def added_up(rows: Iterable[tuple[str, dict[str, Traffic]]]) -> dict[str, dict[str, Traffic]]:
    """Words by level; those of the parts of one level (`dse.architecture.parts`) add up.

    Examples
    --------
    >>> parts = [("PE", {"ifmap": Traffic(2, 1)}), ("PE", {"ifmap": Traffic(0, 0)})]
    >>> added_up(parts)
    {'PE': {'ifmap': Traffic(reads=2, writes=1)}}
    """
    found: dict[str, dict[str, Traffic]] = {}
    for name, row in rows:
        mine = found.setdefault(name, {})
        for operand, words in row.items():
            before = mine.get(operand, Traffic(0, 0))
            mine[operand] = Traffic(before.reads + words.reads, before.writes + words.writes)
    return found


@dataclass(frozen=True, slots=True)
class Crossing:
    """Words of one operand over one fan-out, all instances together.

    Parameters
    ----------
    delivered : int
        Words handed to children, counted once per child that receives them; for psums, the read-backs.
    hops : int
        Psum words that move from one child to the next to be added there.
    """

    delivered: int
    hops: int


@dataclass(frozen=True, slots=True)
class Accesses:
    """Counts of one layer under one mapping, in elements of each operand.

    Parameters
    ----------
    steps : int
        Compute steps: temporal iterations in which at least one MAC works.
    macs : int
    levels : dict
        `levels[level][operand]`, for every level of the hierarchy and all three operands (zeros where bypassed).
    fan_outs : dict
        `fan_outs[fan_out][operand]`.
    finished : dict
        `finished[level]`: traffic of finished outputs, which is part of that of the psums. All other psums, and all
        that cross fan-outs, are partial sums.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> accesses = dse.map_layer("eyeriss", layer, "energy").cost.accesses
    >>> accesses
    Accesses(steps=576, macs=10368, levels=['DRAM', 'GLB', 'PE'])
    >>> accesses.apart("DRAM")["ofmap"].writes, accesses.to_dict()["DRAM"]["ofmap"]["writes"]
    (288, 288)
    >>> frame = accesses.to_dataframe()
    >>> int(frame.query("level == 'DRAM' and operand == 'weight' and direction == 'read'").elements.sum())
    288
    """

    steps: int
    macs: int
    levels: dict[str, dict[str, Traffic]]
    fan_outs: dict[str, dict[str, Crossing]]
    finished: dict[str, Traffic] = field(default_factory=dict)

    def __repr__(self) -> str:
        return short("Accesses", steps=self.steps, macs=self.macs, levels=list(self.levels))

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each `level` (or fan-out), `operand` and `direction`, with its `elements`.

        Directions are `read` and `write` at levels, `delivered` and `hop` at fan-outs; `psum` is unfinished words and
        `ofmap` finished ones at levels, and both at fan-outs.
        """
        import pandas

        rows = [
            (name, operand, direction, elements)
            for name in self.levels
            for operand, words in self.apart(name).items()
            for direction, elements in (("read", words.reads), ("write", words.writes))
        ] + [
            (name, operand, direction, elements)
            for name, operands in self.fan_outs.items()
            for operand, words in operands.items()
            for direction, elements in (("delivered", words.delivered), ("hop", words.hops))
        ]
        return pandas.DataFrame(rows, columns=["level", "operand", "direction", "elements"])

    def apart(self, level: str) -> dict[str, Traffic]:
        """Words of a level by operand: `psum` those that are unfinished, `ofmap` the finished ones."""
        row, done = self.levels[level], self.finished.get(level, Traffic(0, 0))
        psum = Traffic(row["psum"].reads - done.reads, row["psum"].writes - done.writes)
        return {**row, "psum": psum, "ofmap": done}

    def to_dict(self) -> dict[str, Any]:
        return {
            name: {part: {"reads": t.reads, "writes": t.writes} for part, t in self.apart(name).items()}
            for name in self.levels
        }
