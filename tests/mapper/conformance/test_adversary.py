"""On every shipped spec, no random mapping and no climb from the optimum is better than what the mapper certifies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from mapper.conformance.adversary import Rivals
from thinned import thinned

import dse
from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.text.shipped import shipped_names
from dse.mapper import Mapped
from dse.model.homes import Homes, at_home
from dse.problem.layer import Layer

SPECS = shipped_names("arch_specs")
CONV = Layer("conv", K=256, C=128, P=56, Q=56, R=3, S=3)
STRIDED = Layer("strided", K=64, C=3, P=112, Q=112, R=7, S=7, stride_h=2, stride_w=2)
POINTWISE = Layer("pointwise", K=256, C=128, P=28, Q=28)
DEPTHWISE = Layer("depthwise", G=128, P=28, Q=28, R=3, S=3)
FC = Layer("fc", N=4, K=1000, C=2048)
MATMUL = Layer("matmul", N=197, K=768, C=768)
ODD = Layer("odd", K=50, C=37, P=27, Q=27, R=5, S=5)
LAYERS = (CONV, STRIDED, POINTWISE, DEPTHWISE, FC, MATMUL, ODD)
"""Of real size: where a layer fits on the chip whole, orders and trips outside cost nothing, and nothing is tested."""
FAST = (
    (CONV, "energy", 300), (STRIDED, "latency", 100), (POINTWISE, "energy", 100), (DEPTHWISE, "edp", 100),
    (FC, "energy", 150), (MATMUL, "edp", 100),
)  # fmt: skip
"""Layer, objective and how many mappings are tried."""
SLACK = 1e-9
"""Relative: sums of floats in another order."""


@dataclass(slots=True)
class Tally:
    """Prices of tight and of other rivals, and the least of others over the certified value."""

    tight: int = 0
    loose: int = 0
    least_loose: float = 1.0


def attack(
    spec: str | Architecture,
    layer: Layer,
    objective: str,
    seed: int,
    tries: int,
    mapper: Callable[..., Mapped] = dse.map_layer,
) -> Tally:
    """Price rivals; a tight one below the certificate fails the test."""
    architecture = dse.load_architecture(spec) if isinstance(spec, str) else spec
    spec = architecture.name
    best = mapper(architecture, layer, objective)
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


@pytest.mark.parametrize("spec", thinned(SPECS, 9))
def test_no_rival_is_better(spec: str) -> None:
    tallies = [attack(spec, layer, objective, 0, tries) for layer, objective, tries in FAST]
    assert sum(tally.tight for tally in tallies) >= 200
    assert sum(tally.loose for tally in tallies) >= 20


def at_home_on(spec: str, level: str, operands: set[str], room: str) -> Architecture:
    chip = load_architecture_spec(spec).resolve({f"levels.{level}.capacity": room})
    room_bits = chip.level(level).capacity_bits
    assert room_bits is not None
    return at_home(chip, Homes(level, frozenset(operands), room_bits))


VARIANTS: dict[str, tuple[Callable[[], Architecture], str]] = {
    "2:4 weights, packed": (lambda: load_architecture_spec("eyeriss").resolve({"packed": ["weight"]}), "2:4"),
    "2:4 weights, packed and skipped": (
        lambda: load_architecture_spec("edge_npu").resolve({"packed": ["weight"], "mac.skipping": ["weight"]}), "2:4"),
    "1:4 weights, skipped": (
        lambda: load_architecture_spec("nvdla_small").resolve({"mac.skipping": ["weight"]}), "1:4"),
    "ifmap at home": (lambda: at_home_on("edge_npu", "L2", {"ifmap"}, "1 MiB"), ""),
    "ofmap at home": (lambda: at_home_on("eyeriss", "GLB", {"psum"}, "108 KiB"), ""),
    "both at home": (lambda: at_home_on("edge_npu", "L2", {"ifmap", "psum"}, "256 KiB"), ""),
    "two outermost memories": (
        lambda: load_architecture_spec("tpu_v1").resolve({"levels.host.bandwidth": "1 GB/s"}), ""),
}  # fmt: skip
"""What no shipped spec has by itself: an architecture, and the density of a layer's weights."""


@pytest.mark.parametrize("name", thinned(VARIANTS, 7))
def test_no_rival_is_better_with_zeros_and_homes(name: str) -> None:
    make, density = VARIANTS[name]
    pruned = [layer.leaving({"weight": density}) if density else layer for layer in (CONV, POINTWISE, FC)]
    objectives = ("energy", "edp", "latency")
    tallies = [attack(make(), layer, what, 0, 120) for layer, what in zip(pruned, objectives, strict=True)]
    assert sum(tally.tight for tally in tallies) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
@pytest.mark.parametrize("spec", SPECS)
def test_no_rival_is_better_of_many(spec: str, layer: Layer, objective: str) -> None:
    for seed in range(1, 6):
        assert attack(spec, layer, objective, seed, 4000).tight >= 500, seed


Careless = Callable[[Architecture, Layer, str], Mapped]


def skips_orders(architecture: Architecture, layer: Layer, objective: str) -> Mapped:
    """Certify the optimum's factors and bypasses in the dearest of 60 orders."""
    best = dse.map_layer(architecture, layer, objective)
    assert best.certificate is not None
    rivals, value, mapping = Rivals(architecture, layer, Random("orders")), best.certificate.value, best.mapping
    kept = [getattr(node, "stores", frozenset()) for node in best.mapping.nodes]
    for _ in range(60):
        lists = [dict(rivals.rng.sample(list(used.items()), len(used))) for used in rivals.lists_of(best.mapping)]
        priced = rivals.priced(lists, kept)
        if priced is not None and priced[0] > value:
            value, mapping = priced[0], rivals.mapping(lists, kept)
    return replace(best, mapping=mapping, certificate=replace(best.certificate, value=value, lower_bound=value))


def skips_imperfect_tiles(architecture: Architecture, layer: Layer, objective: str) -> Mapped:
    return dse.map_layer(architecture, layer, objective, factors="perfect")


def skips_bypasses(architecture: Architecture, layer: Layer, objective: str) -> Mapped:
    nodes = (replace(n, may_bypass=frozenset()) if isinstance(n, Level) else n for n in architecture.hierarchy)
    return dse.map_layer(architecture.with_(hierarchy=tuple(nodes)), layer, objective)


def skips_by(**rules: Any) -> Careless:
    """Under a narrower dataflow."""

    def careless(architecture: Architecture, layer: Layer, objective: str) -> Mapped:
        return dse.map_layer(architecture.with_(dataflow=replace(architecture.dataflow, **rules)), layer, objective)

    return careless


@pytest.mark.parametrize(
    ("spec", "layer", "objective", "careless"),
    [
        pytest.param("eyeriss", CONV, "energy", skips_orders, id="orders"),
        pytest.param("eyeriss_isca16", CONV, "energy", skips_orders, id="orders, shared buffer"),
        pytest.param("nvdla_small", CONV, "energy", skips_orders, id="orders, two levels"),
        pytest.param("edge_npu", CONV, "energy", skips_orders, id="orders, deep hierarchy"),
        pytest.param("nvdla_small", POINTWISE, "edp", skips_by(rows=frozenset()), id="unrollings"),
        pytest.param("simba_pe", CONV, "energy", skips_by(inside=frozenset("K")), id="tiles"),
        pytest.param("nvdla_small", ODD, "energy", skips_imperfect_tiles, id="imperfect tiles"),
        pytest.param("eyeriss_isca16", FC, "energy", skips_bypasses, id="bypasses"),
    ],
)  # fmt: skip
def test_a_mapper_that_skips_something_is_caught(spec: str, layer: Layer, objective: str, careless: Careless) -> None:
    """Cases where what is skipped costs something; a thousand tries do not find every such case."""
    with pytest.raises(AssertionError, match=f"'{spec}', '{layer.name}'"):
        attack(spec, layer, objective, 0, 1000, careless)
