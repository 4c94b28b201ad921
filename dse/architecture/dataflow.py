"""A dataflow is data: a named set of constraints on a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from dse.errors import DseError
from dse.problem.dims import DIMS, OPERANDS

ANY_DIM = frozenset(DIMS)


@dataclass(frozen=True, slots=True)
class Dataflow:
    """Constraints on how loops meet the outermost fan-out (the array) and the levels below it (the PE).

    Parameters
    ----------
    name : str
    rows, cols : frozenset of str
        Dims that may be unrolled over the rows and over the columns of the array.
    rows_whole, cols_whole : frozenset of str
        Dims that must be unrolled there in as few folds as the array allows: the factor on that side alone takes
        `ceil(bound / side)` passes.
    inside : frozenset of str
        Dims that may have a tile larger than one inside a PE.
    inside_whole : frozenset of str
        Dims that lie whole inside a PE.
    stationary : str or None
        Operand that stays in the PE while the loop list right above the array steps: in that list every loop relevant
        to it lies outside every loop that is not.
    innermost : str or None
        Dim that is the innermost loop of that list whenever it has more than one trip there.
    """

    name: str
    rows: frozenset[str] = ANY_DIM
    cols: frozenset[str] = ANY_DIM
    rows_whole: frozenset[str] = frozenset()
    cols_whole: frozenset[str] = frozenset()
    inside: frozenset[str] = ANY_DIM
    inside_whole: frozenset[str] = frozenset()
    stationary: str | None = None
    innermost: str | None = None
    description: str = ""

    def __post_init__(self) -> None:
        for what in ("rows", "cols", "rows_whole", "cols_whole", "inside", "inside_whole"):
            unknown = getattr(self, what) - ANY_DIM
            if unknown:
                raise DseError(f"dataflow {self.name}: {what} names {sorted(unknown)}, not among {list(DIMS)}")
        if self.stationary is not None and self.stationary not in OPERANDS:
            raise DseError(f"dataflow {self.name}: stationary={self.stationary!r} is not among {list(OPERANDS)}")
        if self.innermost is not None and self.innermost not in ANY_DIM - {"G"}:
            # Every operand has the dim G, so a G loop keeps nothing in place: nothing stays that the rule could mean.
            raise DseError(f"dataflow {self.name}: innermost={self.innermost!r} is not among {list(DIMS[1:])}")
