"""Small cases for the mapper over every shipped architecture and every dataflow, and what a full walk finds of them.

The shipped specs are large: a small layer would never strain a buffer of megabytes. So each is shrunk to the layer:
array sides of 1 to 4 and capacities of a few words, while all that decides how it works (stores, bypasses, multicast,
reduction, wiring, ports, prices, skew, power, buffering, lowering) stays as the spec has it. Every draw is seeded by
the names of the spec and the dataflow, so a case is the same wherever and whenever it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import factorial, prod
from random import Random
from typing import Any

from mapper.walks.brute_force import allowed_splits, choices, walk_all
from mapper.walks.deep_walk import Walk

from dse.architecture.architecture import Architecture
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.formats.architecture.load import load_architecture
from dse.formats.text.shipped import shipped_names
from dse.mapper.flat.instance import SHAPES, shape_of
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

VARIANTS = ("shrunk", "bypass", "perfect", "shipped")
"""Shrunk to the layer; with further operands that may bypass; with perfect factors; with the spec's own sizes."""

KINDS = (
    "conv", "strided", "grouped", "1x7", "batch", "depthwise", "matmul", "dilated", "pointwise", "fc",
)  # fmt: skip

MOST_COMPILED, MOST_GENERAL = 20_000, 400
TRIES = 60

MOST_DIMS = 5
"""With more than one trip: the compiled walk permutes no more."""


@dataclass(frozen=True, slots=True)
class Case:
    """A layer on an accelerator, and the front of all its mappings: (points, 2) pJ and cycles, empty if none fits."""

    name: str
    kind: str
    layer: Layer
    architecture: Architecture
    factors: str
    mappings: int
    front: Any


@cache
def architectures() -> dict[str, Architecture]:
    """Every shipped one, by its bare name."""
    return {name: load_architecture(name) for name in shipped_names("arch_specs")}


@cache
def dataflows(spec: str) -> dict[str, Dataflow]:
    """The spec's own dataflow, as `own`, and every built-in one that differs from it."""
    own = architectures()[spec].dataflow
    others = {name: flow for name, flow in built_in_dataflows().items() if flow != own}
    return {"own": own, **others}


def pairs() -> list[tuple[str, str]]:
    return [(spec, flow) for spec in architectures() for flow in dataflows(spec)]


@lru_cache(maxsize=4096)
def case(spec: str, flow: str, variant: str, seed: int = 0) -> Case:
    """Draw one case and walk it: the same for the same arguments.

    Cases with too many mappings to walk are drawn again. One case in ten is drawn until nothing fits, the others until
    something does, each for a while: some never come to either, such as a dataflow whose dims the wiring cannot unroll.
    """
    rng, kind = Random(f"{spec} {flow} {variant} {seed}"), kind_of(spec, flow, variant, seed)
    want_none = rng.random() < 0.1
    for attempt in range(1000):
        layer = draw_layer(rng, kind, attempt)
        architecture = draw_architecture(rng, architectures()[spec], layer, dataflows(spec)[flow], variant)
        factors = "perfect" if variant == "perfect" or (variant == "shipped" and rng.random() < 0.3) else "all"
        walked = walk(architecture, layer, factors)
        if walked is None or ((walked[0] == 0) != want_none and attempt < TRIES):
            continue
        return Case(f"case({spec!r}, {flow!r}, {variant!r}, {seed})", kind, layer, architecture, factors, *walked)
    raise AssertionError(f"{spec} {flow} {variant} {seed}: no case is small enough")


def kind_of(spec: str, flow: str, variant: str, seed: int = 0) -> str:
    """Which kind of layer a case has."""
    place = list(architectures()).index(spec) + 3 * list(dataflows(spec)).index(flow)
    return KINDS[(place + VARIANTS.index(variant) * 7 + seed) % len(KINDS)]


def walk(architecture: Architecture, layer: Layer, factors: str) -> tuple[int, Any] | None:
    """How many mappings there are, and the front of all of them; None if they are too many.

    The compiled walk of `brute_force` covers hierarchies with one array and a level in it; `deep_walk` takes the
    others, more slowly.
    """
    layer = architecture.lowered(layer)
    if shape_of(architecture) in SHAPES:
        if prod(map(len, allowed_splits(architecture, layer, factors))) > 20 * MOST_COMPILED:
            return None
        count = walk_all(architecture, layer, factors, count_only=True, most=MOST_COMPILED).mappings
        return (count, walk_all(architecture, layer, factors).front) if count <= MOST_COMPILED else None
    full = Walk(architecture, layer, factors)
    if prod(map(len, full.chains)) * len(choices(architecture)) > 20 * MOST_GENERAL:
        return None
    mappings = 0
    for kept in choices(architecture):
        for used in full.fitting(kept):
            lists = [split for split, slot in zip(used, full.slots, strict=True) if slot[1] == "list"][:-1]
            mappings += prod(factorial(sum(trips > 1 for trips in split.values())) for split in lists)
            if mappings > MOST_GENERAL:
                return None
    front = full.front()
    return mappings if len(front) else 0, front


def problem(spec: str, flow: str, seed: int | str) -> tuple[Architecture, Layer]:
    """A case too large to walk, and so with more to decide; now and then nothing fits."""
    rng = Random(f"problem {spec} {flow} {seed}")
    architecture = architectures()[spec]
    layer = draw_layer(rng, rng.choice(KINDS))
    if shape_of(architecture) in SHAPES:  # the deep search takes seconds on larger layers
        layer = layer.with_(**{dim: rng.randint(1, 3) * size for dim, size in zip(DIMS, layer.bounds, strict=True)
                               if size > 1})  # fmt: skip
    architecture = shrunk(architecture, layer, rng).with_(dataflow=dataflows(spec)[flow])
    return architecture, layer


def draw_layer(rng: Random, kind: str, attempt: int = 0) -> Layer:
    """A small layer of a kind; the more attempts have failed, the smaller."""
    first, second = rng.choice(("PR", "QS"))
    need, more, shape = {
        "conv": (first + second, "KCPQRS", {}),
        "strided": (first + second, "KCN", {"stride_h": rng.choice((2, 3)), "stride_w": rng.choice((2, 3))}),
        "dilated": (first + second, "KC", {"dilation_h": 2, "dilation_w": rng.choice((2, 3))}),
        "grouped": ("G" + rng.choice("KC"), "KC" + first + second, {}),
        "depthwise": ("G" + first + second, "PQ", {}),
        "1x7": ("QS", "KCP", {}),
        "pointwise": ("KC" + rng.choice("PQ"), "PQ", {"stride_h": rng.choice((1, 2)), "stride_w": rng.choice((1, 2))}),
        "fc": ("KC", "", {}),
        "matmul": ("NCK", "G", {}),
        "batch": ("N" + rng.choice("PQRSKC"), first + second + "KC", {}),
    }[kind]  # fmt: skip
    dims = list(dict.fromkeys(need))
    dims += [dim for dim in dict.fromkeys(more) if dim not in dims and rng.random() < (0.3 if attempt < 30 else 0.1)]
    dims = dims[:MOST_DIMS]
    largest = max(2, (9, 9, 7, 5, 4, 3, 2, 2, 2)[len(dims)] - attempt // 15)
    bounds = {dim: rng.randint(2, largest) for dim in dims}
    if kind == "1x7" and attempt < 15:
        bounds["S"] = 7
    bits = PerOperand(*rng.choice(((16, 16, 16), (16, 16, 16), (8, 8, 32), (8, 8, 8), (16, 8, 20))))
    density = PerOperand(*rng.choice(((1.0, 1.0, 1.0), (0.5, 0.8, 0.6))))
    return Layer(kind, **bounds, **shape, bits=bits, density=density)


def draw_architecture(
    rng: Random, architecture: Architecture, layer: Layer, flow: Dataflow, variant: str
) -> Architecture:
    """A spec under a dataflow, shrunk to a layer unless it is to be as shipped."""
    if variant != "shipped":
        architecture = shrunk(architecture, layer, rng)
    if variant == "bypass":
        architecture = freed(architecture, rng)
    return architecture.with_(dataflow=flow)


def shrunk(architecture: Architecture, layer: Layer, rng: Random) -> Architecture:
    """The same accelerator with sides of at most 4 and capacities that bind on a layer; what is unlimited stays so."""
    layer = architecture.lowered(layer)
    sizes = {operand: layer.words(operand) * layer.bits[operand] for operand in OPERANDS}
    nodes: list[Level | FanOut] = []
    for node in architecture.hierarchy:
        if isinstance(node, FanOut):
            sides = [min(side, rng.randint(1, 4)) for side in (node.rows, node.cols)]
            nodes.append(replace(node, rows=sides[0], cols=sides[1]))
            continue
        inside = any(isinstance(outer, FanOut) for outer in nodes)
        room = rng.choice((0.0, 0.1, 0.3, 1.0)) if inside else rng.choice((0.1, 0.25, 0.5, 1.0))

        def few(bits: int, width: int, room: float = room, share: int = node.tile_share) -> int:
            return share * (int(rng.uniform(0.5, 1.5) * room * bits) + rng.randint(1, 6) * width)

        if node.capacity_bits is not None:
            bits = few(sum(sizes[o] for o in OPERANDS if o in node.stores), max(layer.bits))
            node = replace(node, capacity_bits=bits)
        elif node.partition_bits is not None:
            apart = (None if bits is None else few(sizes[o], layer.bits[o]) for o, bits in node.partition_bits.items())
            node = replace(node, partition_bits=PerOperand(*apart))
        nodes.append(node)
    return architecture.with_(hierarchy=tuple(nodes))


def freed(architecture: Architecture, rng: Random) -> Architecture:
    """The same accelerator with further operands that may go past one of its levels (gated accesses must not)."""
    inner = [level for level in architecture.levels[1:] if _may_go(level)]
    chosen = rng.choice(inner)
    further = frozenset(o for o in sorted(_may_go(chosen)) if rng.random() < 0.7) or _may_go(chosen)
    return architecture.with_(
        hierarchy=tuple(
            replace(node, may_bypass=node.may_bypass | further) if isinstance(node, Level) and node is chosen else node
            for node in architecture.hierarchy
        )
    )


def _may_go(level: Level) -> frozenset[str]:
    return frozenset(o for o in OPERANDS if o in level.stores and not level.gating[o])
