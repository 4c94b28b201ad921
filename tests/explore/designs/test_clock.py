"""A design's time is shared out among its layers, and what is mapped in time is remembered."""

from math import inf

import dse
from dse.explore.designs.clock import Clock

LAYER = dse.Layer("conv", K=24, C=12, P=12, Q=12, R=3, S=3)


def test_a_layer_whose_time_is_over_is_mapped_and_says_how_far_from_its_best():
    chip = dse.load_architecture("eyeriss").spec.resolve({"levels.GLB.capacity": "20 KiB"})
    short = Clock.of(-1.0, 3)
    ((energy_pj, _),) = short.points(chip, LAYER, "energy", 0.0)
    assert short.layers == 2
    whole = Clock.of(inf, 1)
    ((best_pj, cycles),) = whole.points(chip, LAYER, "energy", 0.0)
    assert whole.gap == 0
    assert best_pj <= energy_pj <= best_pj * (1 + short.gap) * (1 + 1e-9)
    assert Clock.of(-1.0, 1).points(chip, LAYER, "energy", 0.0) == ((best_pj, cycles),)  # remembered
