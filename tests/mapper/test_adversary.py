"""On every shipped spec, no random mapping and no climb from the optimum is better than what the mapper certifies."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from mapper.adversary import Rivals

import dse
from dse.formats.text.shipped import shipped_names
from dse.problem.layer import Layer

SPECS = shipped_names("arch_specs")
CONV = Layer("conv", K=24, C=10, P=9, Q=9, R=3, S=3)
STRIDED = Layer("strided", K=16, C=3, P=14, Q=7, R=7, S=7, stride_h=2, stride_w=2)
FC = Layer("fc", N=3, K=60, C=75)
SLACK = 1e-9
"""Relative: sums of floats in another order."""


@dataclass(slots=True)
class Tally:
    """Prices of tight and of other rivals, and the least of others over the certified value."""

    tight: int = 0
    loose: int = 0
    least_loose: float = 1.0


def attack(spec: str, layer: Layer, objective: str, seed: int, tries: int) -> Tally:
    """Price rivals; a tight one below the certificate fails the test."""
    architecture = dse.load_architecture(spec)
    best = dse.map_layer(architecture, layer, objective)
    assert best.certificate is not None
    bound, tally = best.certificate.lower_bound, Tally()
    rivals = Rivals(architecture, layer, Random(f"rivals {spec} {layer.name} {objective} {seed}"))
    start = rivals.lists_of(best.mapping), [getattr(node, "stores", frozenset()) for node in best.mapping.nodes]
    assert rivals.priced(*start) is not None, "the optimum is not legal"
    here, value = start, best.certificate.value
    for number in range(tries):
        if number % 50 == 0:
            here, value = start, best.certificate.value
        there = rivals.drawn() if number % 5 == 0 else rivals.stepped(*here)
        priced = rivals.priced(*there)
        if priced is None:
            continue
        energy, cycles, is_tight = priced
        rival = {"energy": energy, "latency": cycles, "edp": energy * cycles}[objective]
        if is_tight:
            tally.tight += 1
            assert rival >= bound * (1 - SLACK), (spec, layer.name, objective, there, rival, bound)
        else:
            tally.loose += 1
            tally.least_loose = min(tally.least_loose, rival / bound)
        # Steps that cost a little more are taken as well, to leave what is only locally best.
        if rival <= value * (1 + rivals.rng.choice((0.0, 0.0, 0.02, 0.3))):
            here, value = there, rival
    return tally


@pytest.mark.parametrize("spec", SPECS)
def test_no_rival_is_better(spec: str) -> None:
    tallies = [attack(spec, layer, objective, 0, 300) for layer, objective in ((CONV, "energy"), (FC, "edp"))]
    assert sum(tally.tight for tally in tallies) >= 100
    assert sum(tally.loose for tally in tallies) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("layer", [CONV, STRIDED, FC], ids=lambda layer: layer.name)
@pytest.mark.parametrize("spec", SPECS)
def test_no_rival_is_better_of_many(spec: str, layer: Layer, objective: str, seed: int) -> None:
    assert attack(spec, layer, objective, seed, 4000).tight >= 500
