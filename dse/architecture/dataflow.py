"""A dataflow is data: a named set of constraints on a mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    image_channels : int
        Layers without groups that have at most so many channels, as those that read an image, unroll `image_rows` over
        the rows instead of `rows`. 0 where no layer does.
    image_rows : frozenset of str
    pixel_rows, pixel_cols : frozenset of str or None
        What layers of one output pixel (P = Q = 1), as fully connected ones, unroll over the rows and columns in place
        of `rows` and `cols`. None where they are like the others.

    Examples
    --------
    >>> flow = Dataflow("pixels", rows=frozenset("C"), image_channels=4, image_rows=frozenset("CS"))
    >>> sorted(flow.of((1, 1, 64, 3, 9, 9, 7, 7)).rows), sorted(flow.of((1, 1, 64, 8, 9, 9, 7, 7)).rows)
    (['C', 'S'], ['C'])
    >>> maps = Dataflow("maps", rows=frozenset("P"), cols=frozenset("Q"), pixel_rows=frozenset("K"))
    >>> sorted(maps.of((1, 1, 64, 8, 1, 1, 1, 1)).rows)
    ['K']
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
    image_channels: int = 0
    image_rows: frozenset[str] = frozenset()
    pixel_rows: frozenset[str] | None = None
    pixel_cols: frozenset[str] | None = None
    description: str = ""

    def __post_init__(self) -> None:
        sides = ("rows", "cols", "rows_whole", "cols_whole", "image_rows", "pixel_rows", "pixel_cols")
        for what in (*sides, "inside", "inside_whole"):
            unknown = (getattr(self, what) or frozenset()) - ANY_DIM
            if unknown:
                raise DseError(f"dataflow {self.name}: {what} names {sorted(unknown)}, not among {list(DIMS)}")
        if self.stationary is not None and self.stationary not in OPERANDS:
            raise DseError(f"dataflow {self.name}: stationary={self.stationary!r} is not among {list(OPERANDS)}")
        if self.innermost is not None and self.innermost not in ANY_DIM - {"G"}:
            # Every operand has the dim G, so a G loop keeps nothing in place: nothing stays that the rule could mean.
            raise DseError(f"dataflow {self.name}: innermost={self.innermost!r} is not among {list(DIMS[1:])}")

    def of(self, bounds: Sequence[int]) -> Dataflow:
        """The constraints on a layer with these bounds, in the order of `DIMS`."""
        groups, channels = int(bounds[0]), int(bounds[DIMS.index("C")])
        if self.pixel_rows is not None and int(bounds[DIMS.index("P")]) == int(bounds[DIMS.index("Q")]) == 1:
            return self._with_sides(self.pixel_rows, self.pixel_cols)
        if groups == 1 and channels <= self.image_channels:
            return self._with_sides(self.image_rows, self.cols)
        return self

    def _with_sides(self, rows: frozenset[str], cols: frozenset[str] | None) -> Dataflow:
        """The same for one kind of layer: nothing depends on its bounds any more."""
        cols = self.cols if cols is None else cols
        return replace(self, rows=rows, cols=cols, image_channels=0, pixel_rows=None, pixel_cols=None)
