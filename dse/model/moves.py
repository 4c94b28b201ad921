"""What nodes without MACs cost: their tensors are read from and written to the outermost level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.architecture.architecture import Architecture
from dse.problem.dims import OPERANDS
from dse.problem.moves import Move, Tensor


@dataclass(frozen=True, slots=True)
class Moved:
    """The cost of one node without MACs, in the terms of `dse.model.cost.Cost`.

    Parameters
    ----------
    move : Move
    read_pj, written_pj, static_pj : float
        Of reading and of writing the outermost level, and of static and clock power meanwhile.
    cycles : float
    bound_by : str
        The port that takes longest; empty where the outermost level has no limit.
    bits : dict
        Width of what is read (the widest, `ifmap`) and of what is written (`ofmap`).
    read_bits, written_bits : int
    """

    move: Move
    read_pj: float
    written_pj: float
    static_pj: float
    cycles: float
    bound_by: str
    bits: dict[str, int]
    read_bits: int
    written_bits: int

    @property
    def energy_pj(self) -> float:
        return self.read_pj + self.written_pj + self.static_pj

    def to_dict(self, architecture: Architecture) -> dict[str, Any]:
        """A row like those of layers: no MACs, no mapping, and nothing moves at levels further in."""
        outermost, latency_s = architecture.levels[0].name, self.cycles / architecture.clock_hz
        none = {"reads": 0, "writes": 0}
        nothing = dict.fromkeys((*OPERANDS, "ofmap"), none)
        words = sum(tensor.words for tensor in self.move.reads), self.move.written.words
        rest = {"MAC": 0.0, "static": self.static_pj}
        places = dict.fromkeys((node.name for node in architecture.hierarchy), 0.0)
        return {
            "kind": self.move.kind, "macs": 0, "energy_pj": self.energy_pj, "cycles": self.cycles,
            "latency_s": latency_s, "edp_js": self.energy_pj * 1e-12 * latency_s, "utilization": 0.0,
            "bound_by": self.bound_by, "cycles_by": {self.bound_by: self.cycles} if self.bound_by else {},
            "energy_by_level_pj": {**places, outermost: self.read_pj + self.written_pj, **rest},
            "energy_by_operand_pj": {
                "ifmap": self.read_pj, "weight": 0.0, "psum": 0.0, "ofmap": self.written_pj, **rest,
            },
            "accesses": {level.name: nothing for level in architecture.levels} | {
                outermost: nothing | {"ifmap": none | {"reads": words[0]}, "ofmap": none | {"writes": words[1]}},
            },
            "outermost_bits": nothing | {
                "ifmap": none | {"reads": self.read_bits}, "ofmap": none | {"writes": self.written_bits},
            },
            "bits": dict(self.bits), "reuse": [], "mapping": None, "certificate": None,
        }  # fmt: skip


def moved(architecture: Architecture, move: Move) -> Moved:
    """What a node without MACs costs on an architecture that does not take it along with a layer.

    Notes
    -----
    Every tensor is read from the outermost level once, and the result is written there: at the price and rate of ifmap
    words read, and of psum words written, in proportion to the widths. Ports work at the same time; the longest counts.
    Static and clock power cost energy meanwhile. Left out: compression, and what the operation itself takes.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.moves import moves_of
    >>> chip, net = dse.load_architecture("edge_npu"), dse.load_workload("resnet50")
    >>> add = next(move for move in moves_of(net) if move.kind == "add")
    >>> cost = moved(chip, add)
    >>> cost.read_bits == 2 * cost.written_bits, cost.bound_by
    (True, 'DRAM shared')
    """
    level = architecture.levels[0]
    widths = [_width(architecture, tensor) for tensor in move.reads]
    read_bits = sum(tensor.words * width for tensor, width in zip(move.reads, widths, strict=True))
    ofmap_bits = _width(architecture, move.written)
    written_bits = move.written.words * ofmap_bits
    read, written = read_bits / level.word_bits, written_bits / level.word_bits
    cycles, bound_by = 0.0, ""
    for port in level.ports:
        words = read * (("ifmap", "read") in port.serves) + written * (("psum", "write") in port.serves)
        if words / port.words_per_cycle > cycles:
            cycles, bound_by = words / port.words_per_cycle, f"{level.name} {port.name}"
    power_mw = architecture.total_static_power_mw + architecture.total_clock_power_mw
    return Moved(
        move, read * level.read_energy_pj.ifmap, written * level.write_energy_pj.psum,
        power_mw * 1e9 / architecture.clock_hz * cycles, cycles, bound_by,
        {"ifmap": max(widths), "ofmap": ofmap_bits}, read_bits, written_bits,
    )  # fmt: skip


def moved_by(architecture: Architecture, moves: tuple[Move, ...]) -> tuple[tuple[Moved, tuple[str, ...]], ...]:
    """The cost of those nodes that the architecture does not take along with a layer, equal ones once, with all names.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.moves import moves_of
    >>> chip, net = dse.load_architecture("edge_npu"), dse.load_workload("alexnet")
    >>> [names for _, names in moved_by(chip, moves_of(net))]
    [('pool1',), ('pool2',), ('pool5',)]
    """
    groups: dict[Any, tuple[Moved, list[str]]] = {}
    for move in moves:
        if move.kind not in architecture.fuses:
            if move.key() not in groups:
                groups[move.key()] = moved(architecture, move), []
            groups[move.key()][1].append(move.name)
    return tuple((one, tuple(names)) for one, names in groups.values())


def _width(architecture: Architecture, tensor: Tensor) -> int:
    layers = [architecture.lowered(layer) for layer in tensor.makers]
    widths = [layer.bits.ifmap if tensor.is_input else layer.finished_bits for layer in layers]
    return max(widths, default=dict(architecture.precision).get("ifmap", 16))

