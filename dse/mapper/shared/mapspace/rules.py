"""What a dataflow allows of an array and of the level inside it, per dim."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut
from dse.problem.dims import DIMS

Array = NDArray[np.int64]


class Rules(NamedTuple):
    """A dataflow's sets, as 0 or 1 per dim."""

    inside: Array
    inside_whole: Array
    on_rows: Array
    on_cols: Array
    rows_whole: Array
    cols_whole: Array

    @classmethod
    def of(cls, dataflow: Dataflow, array: FanOut | None, *, has_pe: bool, has_folds: bool = False) -> Rules:
        wired = None if array is None else array.dims
        sets = cls.sets_of(dataflow, wired, has_pe=has_pe, has_folds=has_folds)
        return cls(*(np.array(part, dtype=np.int64) for part in sets))

    @staticmethod
    @lru_cache(maxsize=256)
    def sets_of(
        dataflow: Dataflow, wired: frozenset[str] | None, *, has_pe: bool, has_folds: bool = False
    ) -> tuple[tuple[int, ...], ...]:
        """The same as plain numbers; `wired` are the dims that the array may spread, None without one."""

        def bits(dims: frozenset[str], allowed: bool = True) -> tuple[int, ...]:
            return tuple(int(allowed and dim in dims) for dim in DIMS)

        # A G loop is reuse of nothing: inside a PE it takes room and saves no access, but it may save folds.
        return (
            bits(dataflow.inside if has_folds else dataflow.inside - {"G"}, has_pe),
            bits(dataflow.inside_whole, has_pe),
            bits(dataflow.rows & (wired or frozenset())),
            bits(dataflow.cols & (wired or frozenset())),
            bits(dataflow.rows_whole, wired is not None),
            bits(dataflow.cols_whole, wired is not None),
        )
