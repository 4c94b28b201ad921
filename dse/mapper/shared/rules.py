"""What a dataflow allows of an array and of the level inside it, per dim."""

from __future__ import annotations

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
        def bits(dims: frozenset[str], allowed: bool = True) -> Array:
            return np.array([int(allowed and dim in dims) for dim in DIMS], dtype=np.int64)

        wired = frozenset[str]() if array is None else array.dims
        # A G loop is reuse of nothing: inside a PE it takes room and saves no access, but it may save folds.
        return cls(
            bits(dataflow.inside if has_folds else dataflow.inside - {"G"}, has_pe),
            bits(dataflow.inside_whole, has_pe),
            bits(dataflow.rows & wired),
            bits(dataflow.cols & wired),
            bits(dataflow.rows_whole, array is not None),
            bits(dataflow.cols_whole, array is not None),
        )
