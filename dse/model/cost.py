"""What a layer costs under a mapping: energy, latency and reuse, each attributed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.errors import DseError, MappingError, expect
from dse.model.accesses import Accesses
from dse.model.counting.counts import Count, Structure, count_mapping, readable
from dse.model.counting.records import Spent, Timing
from dse.model.counting.timeloop import arrays, count_timeloop
from dse.model.fit import check_fit
from dse.model.mapping import Mapping, Temporal
from dse.model.price import Prices, price
from dse.model.reuse import Reuse, reuse_of
from dse.model.room import waiting, ways
from dse.model.sparsity import outermost_bits, uses_zeros
from dse.model.time import COMPUTE, FIRST_FILL, LAST_DRAIN, SERIAL, SHIFTS, SKEW, latency
from dse.problem.dims import OPERANDS, PSUM
from dse.problem.layer import Layer
from dse.problem.notebook import html, short

if TYPE_CHECKING:
    import pandas


PARTS = (*OPERANDS, "ofmap")
"""What energies of words are told apart by."""


def edp_js(energy_pj: float, latency_s: float) -> float:
    """The energy-delay product, in joule seconds: of numbers, or of arrays.

    Examples
    --------
    >>> edp_js(2e12, 0.5)
    1.0
    """
    return energy_pj * 1e-12 * latency_s


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one layer.

    Parameters
    ----------
    energy_pj : float
    cycles : float
    latency_s : float
    macs : int
    utilization : float
        MACs over the MACs that all units could have done in `cycles`, skipped ones left out.
    bound_by : str
        What takes longest: `compute`, a port, or `serial`, the transfers that wait for compute and make it wait.
    cycles_by : dict
        `compute`, every port (overlapped with it), and what cannot overlap: `first fill`, `last drain`, `serial`,
        and for arrays with a skew `skew` and `shifts`.
    waits : dict
        By level, the operands whose transfers into and out of it are `serial`.
    energy_by_level_and_operand_pj : dict of dict
        Of the words that levels and fan-outs move: by place, and there by operand, where `psum` are unfinished words
        and `ofmap` finished ones. With `mac_pj` and `static_pj` it adds up to `energy_pj`.
    mac_pj : float
        Of all MACs.
    static_pj : float
        Of static and clock power over the latency.
    accesses : Accesses
        In elements, zeros included.
    outermost_bits : dict
        Bits read from and written to the outermost level by operand and of the `ofmap`, as they are coded there.
    bits : dict
        Width of an element of each operand, and of the `ofmap`.
    reuse : tuple of Reuse
    breaks_rules : tuple of str
        The rules of the dataflow that the mapping was allowed to break; most often none.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> cost = dse.map_layer(dse.load_architecture("eyeriss"), layer, "energy").cost
    >>> sum(cost.energy_by_level_pj.values()) == cost.energy_pj
    True
    >>> by_place = cost.energy_by_level_and_operand_pj
    >>> round(by_place["DRAM"]["weight"]), by_place["GLB"]["weight"], cost.mac_pj == cost.energy_by_operand_pj["MAC"]
    (97574, 0.0, True)
    >>> cost.bound_by, cost.cycles
    ('DRAM shared', 876.25)
    >>> cost.to_dict()["energy_pj"] == cost.energy_pj
    True
    >>> cost.to_dataframe().groupby("by").share.sum().round(6).tolist()
    [1.0, 1.0]
    >>> cost
    Cost(energy_pj=1.182e+06, latency_s=4.381e-06, utilization=0.07043, bound_by='DRAM shared')
    """

    energy_pj: float
    cycles: float
    latency_s: float
    macs: int
    utilization: float
    bound_by: str
    cycles_by: dict[str, float]
    waits: dict[str, tuple[str, ...]]
    energy_by_level_and_operand_pj: dict[str, dict[str, float]]
    mac_pj: float
    static_pj: float
    accesses: Accesses
    outermost_bits: dict[str, dict[str, float]]
    bits: dict[str, int]
    reuse: tuple[Reuse, ...]
    breaks_rules: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return short(
            "Cost", energy_pj=self.energy_pj, latency_s=self.latency_s, utilization=self.utilization,
            bound_by=self.bound_by, **({"breaks_rules": "; ".join(self.breaks_rules)} if self.breaks_rules else {}),
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """Energy `by` level and operand: one row a `part`, with its `energy_pj` and its `share` of the whole."""
        import pandas

        split = {"level": self.energy_by_level_pj, "operand": self.energy_by_operand_pj}
        rows = [(by, part, pj, pj / self.energy_pj) for by, parts in split.items() for part, pj in parts.items()]
        return pandas.DataFrame(rows, columns=["by", "part", "energy_pj", "share"])

    @property
    def edp_js(self) -> float:
        """Energy times delay, in joule seconds."""
        return edp_js(self.energy_pj, self.latency_s)

    @property
    def energy_by_level_pj(self) -> dict[str, float]:
        """Of levels, fan-outs, `MAC` and `static` (static and clock power); adds up to `energy_pj`."""
        places = {place: sum(parts.values()) for place, parts in self.energy_by_level_and_operand_pj.items()}
        return {**places, "MAC": self.mac_pj, "static": self.static_pj}

    @property
    def energy_by_operand_pj(self) -> dict[str, float]:
        """Of operands, the `ofmap`, `MAC` and `static`; adds up to `energy_pj`."""
        places = self.energy_by_level_and_operand_pj.values()
        operands = {operand: sum(parts[operand] for parts in places) for operand in PARTS}
        return {**operands, "MAC": self.mac_pj, "static": self.static_pj}

    def to_dict(self) -> dict[str, Any]:
        return {
            "macs": self.macs,
            "energy_pj": self.energy_pj,
            "cycles": self.cycles,
            "latency_s": self.latency_s,
            "edp_js": self.edp_js,
            "utilization": self.utilization,
            "bound_by": self.bound_by,
            "cycles_by": dict(self.cycles_by),
            "waits": {level: list(operands) for level, operands in self.waits.items()},
            "energy_by_level_pj": self.energy_by_level_pj,
            "energy_by_operand_pj": self.energy_by_operand_pj,
            "energy_by_level_and_operand_pj": {
                place: dict(parts) for place, parts in self.energy_by_level_and_operand_pj.items()
            },
            "accesses": self.accesses.to_dict(),
            "outermost_bits": {operand: dict(moved) for operand, moved in self.outermost_bits.items()},
            "bits": dict(self.bits),
            "reuse": [reuse.to_dict() for reuse in self.reuse],
            **({"breaks_rules": list(self.breaks_rules)} if self.breaks_rules else {}),
        }


def evaluate(architecture: Architecture, layer: Layer, mapping: Mapping, *, counting: str = "house") -> Cost:
    """Price a mapping.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    mapping : Mapping
        Of the layer as the architecture runs it: see `Architecture.lowered`.
    counting : {"house", "timeloop"}
        Whose rules the counts follow. Timeloop's want perfect factors, overlap everything, tell nothing of reuse and
        know one width of psums, finished or not.

    Returns
    -------
    Cost

    Raises
    ------
    MappingError
        When the mapping does not match the hierarchy, does not compute the layer, or does not fit.

    Notes
    -----
    Energy is reads and writes of every level, words delivered and psum hops of every fan-out, MACs, and static and
    clock power over the latency; `dse.model.price` says what zeros leave of each. Latency is `dse.model.time.latency`,
    the least of all ways in which the mapping may run (`dse.model.room.ways`); under Timeloop's counting it is its
    longest part.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> cost = evaluate(chip, layer, mapping)
    >>> cost.cycles, cost.bound_by, round(cost.energy_by_operand_pj["weight"])
    (17.5, 'DRAM shared', 2073)
    """
    expect(mapping, Mapping, "mapping", "dse.map_layer(architecture, layer).mapping is one")
    layer = architecture.lowered(layer)
    if counting == "timeloop":
        layer = layer.stating({"ofmap": layer.bits.psum})
    architecture = mapping.machine(architecture)
    mapping.check(architecture, layer)
    check_fit(layer, architecture, mapping)
    prices = price(architecture, layer)
    moved = _rules(counting)(architecture, layer, mapping, prices)
    energies = _energies(architecture, moved, prices)
    steps = moved.cycles / prices.cycles_per_step
    mac_pj, static_pj = layer.macs * prices.mac_pj, steps * prices.static_pj
    return Cost(
        energy_pj=sum([*(sum(parts.values()) for parts in energies.values()), mac_pj, static_pj]),
        cycles=moved.cycles,
        latency_s=moved.cycles / architecture.clock_hz,
        macs=layer.macs,
        utilization=layer.macs / (steps * architecture.mac_units),
        bound_by=moved.bound_by,
        cycles_by=moved.cycles_by,
        waits=moved.waits,
        energy_by_level_and_operand_pj=energies,
        mac_pj=mac_pj,
        static_pj=static_pj,
        accesses=moved.accesses,
        outermost_bits=outermost_bits(architecture, layer, moved.accesses),
        bits=layer.widths,
        reuse=moved.reuse,
    )


@dataclass(frozen=True, slots=True)
class _Moved:
    """What a way of counting finds.

    Parameters
    ----------
    levels, fans, finished : (nodes, 3, 2), (nodes, 3, 2), (nodes,) int64
        See `dse.model.counting.records.Counts`.
    cycles, bound_by, cycles_by, waits
        See `Cost`.
    accumulations : int
        Psums that the MACs read from the innermost level to add to: all but those that start a visit.
    """

    accesses: Accesses
    reuse: tuple[Reuse, ...]
    levels: Any
    fans: Any
    finished: Any
    cycles: float
    bound_by: str
    cycles_by: dict[str, float]
    waits: dict[str, tuple[str, ...]]
    accumulations: int


def _by_house_rules(architecture: Architecture, layer: Layer, mapping: Mapping, prices: Prices) -> _Moved:
    counted = count_mapping(layer, architecture, mapping)
    words, accesses = counted.words, readable(layer, architecture, counted)
    cycles, bound_by, cycles_by, waits = _fastest(architecture, layer, mapping, counted, prices)
    psum, macs = OPERANDS.index("psum"), len(mapping.nodes)
    accumulations = int(words.booked[psum, words.ends[psum, :, 1] == macs, 0].sum())
    return _Moved(
        accesses, reuse_of(layer, architecture, counted), words.levels, words.fans, words.finished, cycles, bound_by,
        cycles_by, waits, accumulations,
    )  # fmt: skip


def _fastest(
    architecture: Architecture, layer: Layer, mapping: Mapping, counted: Count, prices: Prices
) -> tuple[float, str, dict[str, float], dict[str, tuple[str, ...]]]:
    """Cycles, what binds them, their parts and what waits, in the fastest way in which the tiles fit."""
    folds, possible = Structure.of(architecture).folds, ways(architecture)
    kept = {node.level: node.stores for node in mapping.nodes if isinstance(node, Temporal)}
    found = []
    for at, way in enumerate(possible):
        try:
            if at > 0:  # without any overlap by room, they fit as they do at all
                check_fit(layer, way, mapping)
        except MappingError:
            continue
        buffering = price(way, layer).buffering if len(possible) > 1 else prices.buffering
        found.append((*_cycles(counted, replace(prices, buffering=buffering), folds), waiting(way, kept)))
    return min(found, key=lambda one: (one[0], len(one[3])))


def _by_timeloop_rules(architecture: Architecture, layer: Layer, mapping: Mapping, _: Prices) -> _Moved:
    if uses_zeros(architecture):
        raise DseError(f"{architecture.name} makes use of zeros, and Timeloop's counts are of dense words")
    counted = count_timeloop(layer, architecture, mapping)
    accesses, cycles_by = counted.accesses(), counted.cycles_by(architecture, layer)
    bound_by = max(cycles_by, key=lambda part: cycles_by[part])
    levels, fans = arrays(architecture, accesses)
    none = np.zeros(len(levels), dtype=np.int64)
    return _Moved(accesses, (), levels, fans, none, cycles_by[bound_by], bound_by, cycles_by, {}, accumulations=0)


def _rules(counting: str) -> Callable[[Architecture, Layer, Mapping, Prices], _Moved]:
    if counting == "house":
        return _by_house_rules
    if counting == "timeloop":
        return _by_timeloop_rules
    raise DseError(f"counting={counting!r} is not house or timeloop")


def _energies(architecture: Architecture, moved: _Moved, prices: Prices) -> dict[str, dict[str, float]]:
    """Energy of words by node, and there by operand, in pJ."""
    energies: dict[str, dict[str, float]] = {}
    for i, node in enumerate(architecture.hierarchy):
        is_fan_out = isinstance(node, FanOut)
        words, each = (moved.fans, prices.fan_pj) if is_fan_out else (moved.levels, prices.access_pj)
        parts = energies.setdefault(node.whole, dict.fromkeys(PARTS, 0.0))
        for operand, energy in zip(OPERANDS, (words[i] * each[i]).sum(axis=1).tolist(), strict=True):
            parts[operand] += energy
        # Finished psums leave every level but the outermost, whose saving on reads is 0.
        passings = moved.finished[i] * np.array([min(i, 1), 1])
        finished = float((passings * prices.access_pj[i, PSUM]).sum())
        parts["psum"] -= finished
        parts["ofmap"] += finished - float((passings * prices.saved_pj[i]).sum())
    energies[architecture.hierarchy[-1].whole]["psum"] -= prices.spared_pj * moved.accumulations
    return energies


def _cycles(counted: Count, prices: Prices, folds: Any) -> tuple[float, str, dict[str, float]]:
    """Cycles, what binds them, and their parts."""
    spent = Spent(np.zeros(6), np.zeros(len(prices.port_names)))
    timing = Timing(prices.buffering, prices.port_node, prices.port_cost, prices.port_saved, prices.port_joins, folds)
    counted_loops = np.zeros(counted.nest.size, dtype=np.int64)
    busiest = latency(counted.nest, counted.space, counted.words, counted.steps, timing, spent, counted_loops)
    parts, ports = (spent.parts * prices.cycles_per_step).tolist(), (spent.ports * prices.cycles_per_step).tolist()
    by = {"compute": parts[COMPUTE]} | dict(zip(prices.port_names, ports, strict=True))
    longest = max([parts[COMPUTE] + parts[SKEW] + parts[SHIFTS], *ports])
    by |= {"first fill": parts[FIRST_FILL], "last drain": parts[LAST_DRAIN], "serial": parts[SERIAL]}
    if folds.any():
        by |= {"skew": parts[SKEW], "shifts": parts[SHIFTS]}
    overlapped = "compute" if busiest < 0 else prices.port_names[busiest]
    bound_by = "serial" if parts[SERIAL] > longest else overlapped
    return longest + sum(parts[FIRST_FILL:SKEW]), bound_by, by
