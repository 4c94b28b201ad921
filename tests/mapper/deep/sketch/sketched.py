"""Sketches for tests: those of a search that knows of nothing, and the parts that they are made with."""

from __future__ import annotations

import numpy as np

from dse.architecture.architecture import Architecture
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.drafts import Bypasses, Draft, drafts_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.sketch.first import sketch_first
from dse.problem.dims import PSUM
from dse.problem.layer import Layer


def sketched(
    architecture: Architecture, layer: Layer, objective: int, factors: str = "all"
) -> tuple[list[Bypasses], Best]:
    """What levels keep, and a search that knows of nothing but sketches."""
    layer = architecture.lowered(layer)
    choices, drafts = drafts_of(architecture, layer, factors)
    best = Best.knowing_nothing(objective, drafts[0].problem)
    sketch_first(drafts, best)
    return choices, best


def first_of(draft: Draft) -> tuple[Deep, np.ndarray]:
    """The problem that a draft is sketched with, and the bits of a psum where only finished ones come."""
    each = draft.kindred or (draft.problem,)
    return each[0], each[-1].bits[:, PSUM]
