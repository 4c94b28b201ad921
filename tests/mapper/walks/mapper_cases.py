"""Random small mapping problems: a layer, an accelerator that it strains, and a dataflow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from random import Random
from typing import Any

from mapper.walks.brute_force import allowed_splits, walk_all

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

ALL = frozenset(OPERANDS)
ARRAYS = ((1, 1), (2, 2), (2, 3), (3, 4), (4, 2), (1, 5), (3, 1))
MOST_SPLITS = 400_000
HIERARCHIES = ("LLFL",) * 9 + ("LFL",) * 4 + ("LLF",) * 3 + ("LLL", "LLL", "LF", "LL", "L")


@dataclass(frozen=True, slots=True)
class Problem:
    """A case, and how many mappings it has."""

    layer: Layer
    architecture: Architecture
    kind: str
    mappings: int


@lru_cache(maxsize=4096)
def random_problem(seed: int | str, dataflow: str, kind: str, most: int = 40_000) -> Problem:
    """The same problem for the same arguments: at most so many mappings, and now and then none.

    Parameters
    ----------
    seed
    dataflow : str
        A built-in one, or "random".
    kind : {"all", "perfect"}
        Which factors.
    most : int
        Problems with more mappings are drawn again.
    """
    rng = Random(f"{seed} {dataflow} {kind}")
    accept_none = rng.random() < 0.04
    while True:
        layer = draw_layer(rng)
        flow = draw_dataflow(rng) if dataflow == "random" else built_in_dataflows()[dataflow]
        architecture = draw_architecture(rng, layer, flow)
        if prod(map(len, allowed_splits(architecture, layer, kind))) > MOST_SPLITS:
            continue
        mappings = walk_all(architecture, layer, kind, count_only=True, most=most).mappings
        if mappings > most or (mappings == 0) != accept_none:
            continue
        if mappings < 20 and not accept_none and rng.random() < 0.8:
            continue
        return Problem(layer, architecture, kind, mappings)


def draw_layer(rng: Random) -> Layer:
    wide = rng.choice((1, 2, 2, 3, 3, 3, 4, 4, 5))
    dims = rng.sample("NKCPQRS" if rng.random() < 0.75 else DIMS, wide)
    if rng.random() < 0.35:  # windows are where the counts are hardest
        dims = sorted({*rng.choice(("PR", "QS", "PQR", "PRS")), *dims[: max(1, wide - 2)]})[:5]
    largest = (13, 13, 9, 7, 4, 4)[len(dims)]
    bounds = {dim: rng.randint(2, largest) for dim in dims}
    bits = PerOperand(*rng.choice(((16, 16, 16), (16, 16, 16), (8, 8, 32), (4, 8, 24), (16, 8, 20))))
    stride = rng.choice(((1, 1), (1, 1), (2, 2), (3, 3), (1, 2), (3, 1)))
    dilation = rng.choice(((1, 1), (1, 1), (1, 1), (2, 2), (1, 2), (3, 1)))
    return Layer(
        "small",
        **bounds,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h=dilation[0],
        dilation_w=dilation[1],
        bits=bits,
    )


def draw_dataflow(rng: Random) -> Dataflow:
    """Any dataflow that a file could state."""

    def some(share: float) -> frozenset[str]:
        return frozenset(d for d in DIMS if rng.random() < share)

    rows, cols = some(0.6), some(0.6)
    inside_whole = some(rng.choice((0.0, 0.0, 0.15)))
    whole = frozenset(rng.sample(DIMS, rng.choice((0, 0, 1)))) - inside_whole
    also = frozenset(rng.sample(DIMS, rng.choice((0, 0, 1)))) - inside_whole
    return Dataflow(
        "random", rows, cols, whole & rows, also & cols, some(0.7), inside_whole,
        rng.choice((None, None, *OPERANDS)), rng.choice((None, None, *DIMS[1:])),
    )  # fmt: skip


def draw_architecture(rng: Random, layer: Layer, flow: Dataflow, shape: str = "") -> Architecture:
    """An accelerator that the layer strains; `shape` is its hierarchy, L for levels and F for the fan-out."""
    shape = shape or rng.choice(HIERARCHIES)
    prices = draw_prices(rng)
    nodes: list[Level | FanOut] = []
    for i, letter in enumerate(shape):
        if letter == "F":
            nodes.append(FanOut(
                "array", *rng.choice(ARRAYS), multicast=rng.choice(("word", "word", "tile", "none")),
                reduces=rng.random() < 0.7, energy_pj=rng.choice((0.0, prices[2], 2.0)), word_bits=rng.choice((16, 8)),
                **draw_systolic(rng),
            ))  # fmt: skip
        elif i == 0:
            nodes.append(Level(
                "DRAM", ALL, word_bits=rng.choice((16, 64)), read_energy_pj=per_operand(rng, prices[0]),
                write_energy_pj=per_operand(rng, prices[0]), ports=draw_ports(rng), buffering=draw_buffering(rng),
            ))  # fmt: skip
        else:
            is_pe = "F" in shape[:i] or i == 2
            nodes.append(draw_level(rng, layer, "PE" if is_pe else "GLB", prices[3 if is_pe else 1], is_pe))
    static = rng.choice((0.0, 0.0, 1.0, 30.0))
    return Architecture("small", tuple(nodes), Mac(rng.choice((0.0, 1.0))), 1e9, flow, static_power_mw=static)


def draw_systolic(rng: Random) -> dict[str, Any]:
    """Every third array is systolic; from a generator of its own, so that all else is drawn as it was."""
    own = Random(repr(rng.getstate()[1]))
    if own.random() > 1 / 3:
        return {}
    shifted = {way: frozenset(o for o in OPERANDS if own.random() < 0.4) for way in ("load", "drain")}
    return {"skew": own.choice((0, 1, 2)), **shifted, "overlap": own.random() < 0.4}


def draw_prices(rng: Random) -> tuple[float, float, float, float]:
    """Outermost level, buffer, array, PE: as they are, as they never are, all alike, or anything."""
    anything = tuple(rng.choice((0.0, 0.3, 1.0, 7.0, 50.0)) * rng.uniform(0.5, 1.5) for _ in range(4))
    return rng.choice((
        (200.0, 6.0, 2.0, 1.0), (200.0, 6.0, 2.0, 1.0), (2.0, 50.0, 1.0, 1.0), (2.0, 1.0, 1.0, 60.0),
        (1.0, 1.0, 1.0, 1.0), anything,
    ))  # fmt: skip


def draw_level(rng: Random, layer: Layer, name: str, energy: float, is_pe: bool) -> Level:
    stores = rng.choice((ALL, ALL, ALL, frozenset({"weight"}), frozenset({"ifmap", "psum"}), frozenset({"psum"})))
    may_bypass = (
        frozenset(o for o in OPERANDS if o in stores and rng.random() < 0.3) if rng.random() < 0.3 else frozenset()
    )
    shared, apart = None, None
    sizes = {o: layer.words(o) * layer.bits[o] for o in OPERANDS}
    room = rng.choice((0.1, 0.25, 0.5, 1.0)) if not is_pe else rng.choice((0.0, 0.1, 0.3, 1.0))
    words = rng.randint(1, 8)
    if rng.random() < 0.5:
        stored = sum(sizes[o] for o in OPERANDS if o in stores)
        shared = int(rng.uniform(0.5, 1.5) * room * stored) + words * max(layer.bits)
    elif rng.random() < 0.9:
        apart = PerOperand(*(
            None if rng.random() < 0.1 else int(rng.uniform(0.5, 1.5) * room * sizes[o]) + words * layer.bits[o]
            for o in OPERANDS
        ))  # fmt: skip
    return Level(
        name, stores, may_bypass=may_bypass, capacity_bits=shared, partition_bits=apart,
        word_bits=rng.choice((16, 16, 64)), read_energy_pj=per_operand(rng, energy),
        write_energy_pj=per_operand(rng, energy), ports=draw_ports(rng), buffering=draw_buffering(rng),
        static_power_mw=rng.choice((0.0, 0.0, 0.5)),
    )  # fmt: skip


def per_operand(rng: Random, energy: float) -> PerOperand[float]:
    if rng.random() < 0.7:
        return PerOperand.same(energy)
    return PerOperand(*(energy * rng.uniform(0.2, 2.0) for _ in OPERANDS))


def draw_buffering(rng: Random) -> str:
    return rng.choice(("streaming", "streaming", "double", "single"))


def draw_ports(rng: Random) -> tuple[Port, ...]:
    """None, one for everything, one per operand, or one per operand and direction; some accesses may be free."""

    def rate() -> float:
        return rng.choice((0.25, 0.3, 0.7, 1.0, 1.3, 2.0, 4.0, 7.0))

    ways = ("read", "write")
    style = rng.choice(("none", "none", "shared", "operand", "direction", "some"))
    if style == "shared":
        return (Port("shared", frozenset((o, way) for o in OPERANDS for way in ways), rate()),)
    if style == "operand":
        return tuple(Port(o, frozenset((o, way) for way in ways), rate()) for o in OPERANDS)
    if style == "direction":
        return tuple(Port(f"{o} {way}", frozenset({(o, way)}), rate()) for o in OPERANDS for way in ways)
    if style == "some":
        return tuple(
            Port(f"{o} {way}", frozenset({(o, way)}), rate()) for o in OPERANDS for way in ways if rng.random() < 0.3
        )
    return ()


def unlimited(architecture: Architecture, *names: str) -> Architecture:
    """The architecture with no capacity at the named levels, or at any when none is named."""
    return architecture.with_(
        hierarchy=tuple(
            replace(node, capacity_bits=None, partition_bits=None)
            if isinstance(node, Level) and (not names or node.name in names)
            else node
            for node in architecture.hierarchy
        )
    )
