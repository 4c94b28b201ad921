"""More hardware never makes the optimum worse, on every shipped architecture under every dataflow.

All else stays equal, the energy of every access and the power drawn over time included (a technology table would price
a larger buffer anew, and more PEs would leak more). What the model guarantees, and so is tested on whole fronts:

- *Capacity*, shared or an operand's own: every mapping that fits still does, and its price does not know the capacity.
- *Ports*: every mapping stays, each of its times is a sum and a maximum of times that do not rise with the rate, and
  energy rises with time alone.
- *Array sides*: every unrolling that fits still does, at the same price, with two exceptions. A dataflow that wants a
  dim whole on a side (`rows_whole`, `cols_whole`) *must* use the folds that the side allows, so fewer folds are another
  mapspace, possibly an empty one. And in a systolic array every fold pays skew over both sides, and shifts over the
  rows, whether the mapping uses them or not: times rise, and with power drawn over time energies, too. Where only time
  is paid for, the least energy is still held against the smaller array's.
- *Bypasses* and *wiring* (`dims`): freedom only adds mappings. So does the flexible dataflow to all others, and factors
  of any size to perfect ones unless a dim must be whole.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from mapper.conformance.cases import architectures, dataflows, freed, pairs, problem
from mapper.walks.fronts import EQUAL
from thinned import thinned

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import InfeasibleError
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.mapper.layer import solve
from dse.mapper.shared.mapspace.factors import whole_factor
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

CHANGES = ("capacity", "rows", "cols", "port", "bypass", "wiring")


def front(architecture: Architecture, layer: Layer, factors: str = "all") -> Any:
    try:
        return solve(architecture, layer, "front", 0.0, factors).values
    except InfeasibleError:
        return None


def covers(better: Any, front: Any) -> bool:
    """Whether every point of a front is met by a point that is at least as good in both; nothing is worst."""
    if front is None:
        return True
    return better is not None and all(
        any(e <= energy * (1 + EQUAL) and t <= cycles * (1 + EQUAL) for e, t in better) for energy, cycles in front
    )


def steadied(architecture: Architecture, rng: Random) -> Architecture:
    """The same accelerator with ports that bind, and with all power drawn as one number, whatever its instances."""
    power = architecture.total_static_power_mw + architecture.total_clock_power_mw + rng.choice((0.0, 0.0, 30.0))
    slower = rng.choice((1.0, 0.2, 0.05))
    nodes = tuple(
        replace(
            node, static_power_mw=0.0, clock_power_mw=0.0,
            ports=tuple(replace(port, words_per_cycle=port.words_per_cycle * slower) for port in node.ports),
        ) if isinstance(node, Level) else node
        for node in architecture.hierarchy
    )  # fmt: skip
    mac = replace(architecture.mac, static_power_mw=0.0, clock_power_mw=0.0)
    return architecture.with_(hierarchy=nodes, mac=mac, static_power_mw=power, clock_power_mw=0.0)


def more(architecture: Architecture, change: str, rng: Random) -> Architecture | None:
    """The same accelerator with more of one thing at one place, None if it has no such thing."""
    changed = {
        "capacity": _roomier, "rows": _wider, "cols": _wider, "port": _faster, "bypass": _freer, "wiring": _rewired,
    }[change]  # fmt: skip
    nodes = [node for node in architecture.hierarchy[change != "port" :] if changed(node, change, rng) is not None]
    if not nodes:
        return None
    chosen = rng.choice(nodes)
    better = changed(chosen, change, rng)
    return architecture.with_(
        hierarchy=tuple(better if node is chosen else node for node in architecture.hierarchy)  # type: ignore[arg-type]
    )


def _roomier(node: Level | FanOut, _: str, rng: Random) -> Level | None:
    if not isinstance(node, Level):
        return None
    factor = rng.choice((1.1, 1.5, 2.0, 8.0))
    if node.capacity_bits is not None:
        return replace(node, capacity_bits=int(node.capacity_bits * factor) + 16)
    if node.partition_bits is None:
        return None
    operand = rng.choice([o for o in OPERANDS if node.partition_bits[o] is not None])
    apart = {o: bits if o != operand or bits is None else int(bits * factor) + 16
             for o, bits in node.partition_bits.items()}  # fmt: skip
    return replace(node, partition_bits=PerOperand.of(apart))


def _wider(node: Level | FanOut, side: str, rng: Random) -> FanOut | None:
    return replace(node, **{side: getattr(node, side) + rng.randint(1, 3)}) if isinstance(node, FanOut) else None


def _faster(node: Level | FanOut, _: str, rng: Random) -> Level | None:
    if not isinstance(node, Level) or not node.ports:
        return None
    chosen, factor = rng.choice(node.ports), rng.choice((1.1, 2.0, 10.0))
    ports = (replace(p, words_per_cycle=p.words_per_cycle * factor) if p is chosen else p for p in node.ports)
    return replace(node, ports=tuple(ports))


def _freer(node: Level | FanOut, _: str, rng: Random) -> Level | None:
    if not isinstance(node, Level):
        return None
    further = [o for o in sorted(node.stores - node.may_bypass) if not node.gating[o]]
    return replace(node, may_bypass=node.may_bypass | {rng.choice(further)}) if further else None


def _rewired(node: Level | FanOut, _: str, rng: Random) -> FanOut | None:
    closed = sorted(set(DIMS) - node.dims) if isinstance(node, FanOut) else []
    return replace(node, dims=node.dims | {rng.choice(closed)}) if closed else None  # type: ignore[type-var,union-attr]


def promised(before: Architecture, after: Architecture, layer: Layer, change: str) -> str:
    """What the model guarantees of a change: the whole `front`, the least `energy`, or nothing."""
    if change not in ("rows", "cols"):
        # Wiring, too, may only be a freedom: a dim that had to be whole but could not is then one that can.
        return "front"
    old, new = before.fan_outs, after.fan_outs
    whole = before.dataflow.rows_whole if change == "rows" else before.dataflow.cols_whole
    sides = getattr(old[0], change), getattr(new[0], change)
    for dim in whole:
        bound = getattr(before.lowered(layer), dim)
        if whole_factor(bound, sides[0], False) != whole_factor(bound, sides[1], False):
            return "nothing"
    if all(x.skew_cycles == y.skew_cycles and all(x.shift_cycles(o) == y.shift_cycles(o) for o in OPERANDS)
           for x, y in zip(old, new, strict=True)):  # fmt: skip
        return "front"
    return "nothing" if before.total_static_power_mw else "energy"


def check(spec: str, flow: str, seed: int) -> list[str]:
    """Hold every kind of change against the accelerator as it was; returns what could be promised."""
    rng = Random(f"more {spec} {flow} {seed}")
    architecture, layer = problem(spec, flow, seed)
    architecture = steadied(architecture, rng)
    before, kept = front(architecture, layer), []
    for change in CHANGES:
        better = more(architecture, change, rng)
        if better is None or (promise := promised(architecture, better, layer, change)) == "nothing":
            continue
        after = front(better, layer)
        what = f"{change}: problem({spec!r}, {flow!r}, {seed}), {before} -> {after}"
        if promise == "front":
            assert covers(after, before), what
        elif before is not None:
            assert after is not None, what
            assert after[-1, 0] <= before[-1, 0] * (1 + EQUAL), what
        kept.append(change)
    return kept


@pytest.mark.parametrize(("spec", "flow"), thinned(pairs(), 16))
def test_more_hardware_is_never_worse(spec: str, flow: str) -> None:
    kept = check(spec, flow, 0)
    assert {"capacity", "bypass"} <= set(kept)


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "flow"), pairs())
def test_more_hardware_is_never_worse_on_more(spec: str, flow: str) -> None:
    for seed in range(1, 11):
        check(spec, flow, seed)


@pytest.mark.parametrize("spec", thinned(architectures(), 8))
def test_freedom_is_never_worse(spec: str) -> None:
    """Of the flexible dataflow against every other, and of any factors against perfect ones."""
    for flow in dataflows(spec):
        architecture, layer = problem(spec, flow, "freedom")
        found = front(architecture, layer)
        free = front(architecture.with_(dataflow=built_in_dataflows()["flexible"]), layer)
        assert covers(free, found), (spec, flow)
        assert covers(front(freed(architecture, Random(0)), layer), found), (spec, flow)
        if not architecture.dataflow.rows_whole | architecture.dataflow.cols_whole:
            assert covers(found, front(architecture, layer, "perfect")), (spec, flow)


def small(dataflow: str, rows: int, glb: int, **more: Any) -> Architecture:
    """DRAM, a buffer of so many words, and an array of one column."""
    price = PerOperand.same(1.0)
    stored = frozenset(OPERANDS)
    levels = (
        Level("DRAM", stored, read_energy_pj=price, write_energy_pj=price),
        Level("GLB", stored, capacity_bits=16 * glb, read_energy_pj=price, write_energy_pj=price),
        FanOut("array", rows, 1, energy_pj=1.0, **more),
        Level("PE", frozenset({"weight"}), capacity_bits=16, read_energy_pj=price, write_energy_pj=price),
    )
    return Architecture("small", levels, Mac(1.0), 1e9, built_in_dataflows()[dataflow])


def test_a_larger_array_may_be_worse_where_a_dim_must_be_whole() -> None:
    """Five filter rows in folds of three and two need a buffer of 7 words, in one fold 11."""
    layer = Layer("whole", R=5, C=2)
    assert front(small("row-stationary", 4, 8), layer) is not None
    assert front(small("row-stationary", 5, 8), layer) is None


def test_a_larger_array_may_be_worse_where_it_is_systolic() -> None:
    """A row that no mapping of two channels needs is one more to pass."""
    layer = Layer("skewed", C=2, P=3)
    two, three = (front(small("weight-stationary", rows, 64, skew=1), layer) for rows in (2, 3))
    assert three[0, 1] > two[0, 1]
    assert three[-1, 0] <= two[-1, 0] * (1 + EQUAL)
