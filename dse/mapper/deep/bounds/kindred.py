"""What kindred spaces differ in, as kernels read it. Compilable."""

from __future__ import annotations

from typing import NamedTuple

from dse.model.counting.kernel import Floats, Ints


class Parts(NamedTuple):
    """What m kindred spaces differ in.

    Parameters
    ----------
    shifts : (m, T) float
        What the logarithms of their terms' coefficients are above those that `Lists` has.
    limits : (m, B) float
    only_finished : (m, k) int64
    masks : (m,) int64
        The bypass choice of each.
    """

    shifts: Floats
    limits: Floats
    only_finished: Ints
    masks: Ints
