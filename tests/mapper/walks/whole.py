"""The price of a mapping of the deep search."""

from __future__ import annotations

from dse.mapper.deep.leaf.nest import Work, price_finished
from dse.mapper.deep.problem import Deep
from dse.model.counting.kernel import Floats, Ints


def price_whole(dp: Deep, split: Ints, work: Work, point: Floats) -> bool:
    """Energy (pJ) and latency (steps) of a mapping, by the model; whether its psums come as the problem has it."""
    return price_finished(dp, dp.only_finished, split, work, point)
