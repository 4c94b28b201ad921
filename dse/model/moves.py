"""What nodes without MACs cost: their tensors are read and written whole, at the outermost level or at home on chip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from dse.architecture.architecture import Architecture
from dse.model.cost import edp_js
from dse.problem.dims import OPERANDS
from dse.problem.moves import Move, Tensor


@dataclass(frozen=True, slots=True)
class Transfer:
    """A whole tensor read from a level, or written to it.

    Parameters
    ----------
    level : str
    way : {"read", "write"}
    words, bits : int
        Of the tensor.
    energy_pj : float
    busy : tuple of (str, float)
        Ports that it goes through, `LEVEL PORT`, and the cycles that it takes there.
    """

    level: str
    way: Literal["read", "write"]
    words: int
    bits: int
    energy_pj: float
    busy: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a node without MACs finds its tensors and leaves its result: names of levels, empty for the outermost.

    Parameters
    ----------
    reads : tuple of str
        Of each tensor; empty where all are in the outermost level.
    writes : tuple of str
        All to which the result goes.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ("",)


OUTSIDE = Places()


@dataclass(frozen=True, slots=True)
class Moved:
    """The cost of one node without MACs, in the terms of `dse.model.cost.Cost`.

    Parameters
    ----------
    move : Move
    static_pj : float
        Of static and clock power meanwhile.
    cycles : float
    bound_by : str
        The port that takes longest; empty where no level has a limit.
    bits : dict
        Width of what is read (the widest, `ifmap`) and of what is written (`ofmap`).
    transfers : tuple of Transfer
        All of its reading and writing.
    """

    move: Move
    static_pj: float
    cycles: float
    bound_by: str
    bits: dict[str, int]
    transfers: tuple[Transfer, ...]

    @property
    def read_pj(self) -> float:
        return self._sum("energy_pj", "read")

    @property
    def written_pj(self) -> float:
        return self._sum("energy_pj", "write")

    @property
    def read_bits(self) -> int:
        return int(self._sum("bits", "read"))

    @property
    def written_bits(self) -> int:
        return int(self._sum("bits", "write"))

    @property
    def energy_pj(self) -> float:
        return self.read_pj + self.written_pj + self.static_pj

    def _sum(self, what: str, way: str, level: str | None = None) -> float:
        transfers = (one for one in self.transfers if one.way == way and level in (None, one.level))
        return float(sum(getattr(one, what) for one in transfers))

    def to_dict(self, architecture: Architecture) -> dict[str, Any]:
        """A row like those of layers: no MACs, no mapping, and nothing moves where none of the tensors is."""
        outermost, latency_s = architecture.levels[0].name, self.cycles / architecture.clock_hz
        none = {"reads": 0, "writes": 0}
        nothing = dict.fromkeys((*OPERANDS, "ofmap"), none)

        def row(level: str, what: str) -> dict[str, Any]:
            reads, writes = (int(self._sum(what, way, level)) for way in ("read", "write"))
            return nothing | {"ifmap": none | {"reads": reads}, "ofmap": none | {"writes": writes}}

        rest = {"MAC": 0.0, "static": self.static_pj}
        unused = dict.fromkeys((*OPERANDS, "ofmap"), 0.0)
        places = {
            node.name: unused | {"ifmap": self._sum("energy_pj", "read", node.name),
                                 "ofmap": self._sum("energy_pj", "write", node.name)}
            for node in architecture.hierarchy
        }  # fmt: skip
        return {
            "kind": self.move.kind, "macs": 0, "energy_pj": self.energy_pj, "cycles": self.cycles,
            "latency_s": latency_s, "edp_js": edp_js(self.energy_pj, latency_s), "utilization": 0.0,
            "bound_by": self.bound_by, "cycles_by": {self.bound_by: self.cycles} if self.bound_by else {}, "waits": {},
            "energy_by_level_pj": {place: sum(parts.values()) for place, parts in places.items()} | rest,
            "energy_by_operand_pj": {**unused, "ifmap": self.read_pj, "ofmap": self.written_pj, **rest},
            "energy_by_level_and_operand_pj": places,
            "accesses": {level.name: row(level.name, "words") for level in architecture.levels},
            "outermost_bits": row(outermost, "bits"),
            "bits": dict(self.bits), "reuse": [], "mapping": None, "certificate": None,
        }  # fmt: skip


def transfer_of(architecture: Architecture, level: str, tensor: Tensor, way: Literal["read", "write"]) -> Transfer:
    """A tensor read at the price and rate of ifmap words, or written at those of psum words, as its width goes.

    Examples
    --------
    >>> import dse
    >>> one = transfer_of(dse.load_architecture("edge_npu"), "L2", Tensor(640, ()), "read")
    >>> one.bits, one.busy
    (5120, (('L2 shared', 10.0),))
    """
    place = architecture.level(level)
    bits = tensor.words * tensor_bits(architecture, tensor)
    words = bits / place.word_bits
    each = place.read_energy_pj.ifmap if way == "read" else place.write_energy_pj.psum
    serves = ("ifmap", "read") if way == "read" else ("psum", "write")
    busy = tuple(
        (f"{level} {port.name}", words / port.words_per_cycle) for port in place.ports if serves in port.serves
    )
    return Transfer(level, way, tensor.words, bits, words * each, busy)


def moved(architecture: Architecture, move: Move, places: Places = OUTSIDE) -> Moved:
    """What a node without MACs costs on an architecture that does not take it along with a layer.

    Notes
    -----
    Every tensor is read once, and the result is written. Ports work at the same time; the longest counts. Static and
    clock power cost energy meanwhile. Left out: compression, and what the operation itself takes.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.moves import moves_of
    >>> chip, net = dse.load_architecture("edge_npu"), dse.load_workload("resnet50")
    >>> add = next(move for move in moves_of(net) if move.kind == "add")
    >>> cost = moved(chip, add)
    >>> cost.read_bits == 2 * cost.written_bits, cost.bound_by
    (True, 'DRAM shared')
    >>> at_home = moved(chip, add, Places(("L2", "L2"), ("L2",)))
    >>> at_home.energy_pj < cost.energy_pj, at_home.bound_by
    (True, 'L2 shared')
    """
    outer = architecture.levels[0].name
    reads = places.reads or ("",) * len(move.reads)
    transfers = (
        *(transfer_of(architecture, level or outer, tensor, "read")
          for tensor, level in zip(move.reads, reads, strict=True)),
        *(transfer_of(architecture, level or outer, move.written, "write") for level in places.writes),
    )  # fmt: skip
    busy = port_cycles(transfers)
    bound_by = max(busy, key=lambda port: busy[port], default="")
    cycles = busy.get(bound_by, 0.0)
    power_mw = architecture.total_static_power_mw + architecture.total_clock_power_mw
    widths = [tensor_bits(architecture, tensor) for tensor in move.reads]
    bits = {"ifmap": max(widths), "ofmap": tensor_bits(architecture, move.written)}
    return Moved(move, power_mw * 1e9 / architecture.clock_hz * cycles, cycles, bound_by, bits, transfers)


def port_cycles(transfers: Iterable[Transfer]) -> dict[str, float]:
    """Cycles that transfers take of each port together.

    Examples
    --------
    >>> port_cycles([])
    {}
    """
    busy: dict[str, float] = {}
    for one in transfers:
        for port, cycles in one.busy:
            busy[port] = busy.get(port, 0.0) + cycles
    return busy


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
        if not is_taken(architecture, move):
            if move.key() not in groups:
                groups[move.key()] = moved(architecture, move), []
            groups[move.key()][1].append(move.name)
    return tuple((one, tuple(names)) for one, names in groups.values())


def is_taken(architecture: Architecture, move: Move) -> bool:
    """Whether an architecture takes a node along with a layer, so that it moves no words of its own.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.moves import moves_of
    >>> chip, net = dse.load_architecture("eyeriss"), dse.load_workload("squeezenet1_0")
    >>> {is_taken(chip, move) for move in moves_of(net) if move.kind == "concat"}
    {True}
    """
    return move.kind in architecture.fuses and move.laid_out


def tensor_bits(architecture: Architecture, tensor: Tensor) -> int:
    """Width of an element of a tensor: the widest that some layer makes, or takes where it comes from outside.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.moves import moves_of
    >>> chip, net = dse.load_architecture("edge_npu"), dse.load_workload("alexnet")
    >>> [tensor_bits(chip, tensor) for tensor in moves_of(net)[0].reads]
    [8]
    """
    layers = [architecture.lowered(layer) for layer in tensor.makers]
    widths = [layer.bits.ifmap if tensor.is_input else layer.finished_bits for layer in layers]
    return max(widths, default=dict(architecture.precision).get("ifmap", 16))

