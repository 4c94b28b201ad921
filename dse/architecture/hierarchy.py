"""What an accelerator is made of: storage levels with ports, and the fan-outs inside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dse.errors import DseError
from dse.problem.dims import DIMS, OPERANDS, PerOperand

Direction = Literal["read", "write"]
Buffering = Literal["streaming", "double", "single", "room"]
Multicast = Literal["word", "tile", "none"]
Coding = Literal["run-length", "bitmask", "csr"]
Placement = Literal["together", "own"]

NO_OPERAND: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Port:
    """A path into a level that serves some accesses at a limited rate.

    Parameters
    ----------
    name : str
        For reports, e.g. `psum write` or `shared`.
    serves : frozenset of (operand, direction)
    words_per_cycle : float
        Per instance of the level.
    joins : str
        `LEVEL PORT` of a level further in whose transfers take turns with these: a tensor at home on chip is served by
        its home's port (`dse.model.homes`). Both levels have one instance. Empty for a port of its own.
    """

    name: str
    serves: frozenset[tuple[str, Direction]]
    words_per_cycle: float
    joins: str = ""

    def __post_init__(self) -> None:
        if self.words_per_cycle <= 0:
            raise DseError(f"port {self.name}: words_per_cycle={self.words_per_cycle} <= 0")


@dataclass(frozen=True, slots=True)
class Level:
    """A storage level, such as DRAM, a global buffer or the scratchpads of one PE.

    Parameters
    ----------
    name : str
    stores : frozenset of str
        Operands it can hold; the others bypass it.
    may_bypass : frozenset of str
        Operands among `stores` that a mapping may leave out.
    capacity_bits : int or None
        Capacity of one instance that its operands share; None is unbounded.
    partition_bits : PerOperand or None
        Separate capacities per operand instead (None for an operand is unbounded).
    word_bits : int
        Width of the word that energies and bandwidths are given for.
    read_energy_pj, write_energy_pj : PerOperand[float]
        Per word.
    ports : tuple of Port
        Empty is unlimited bandwidth.
    buffering : {"streaming", "double", "single", "room"} or PerOperand of these
        `streaming`: a word is replaced as soon as it is dead, so the whole capacity holds a tile and transfers overlap
        compute. `double`: half the capacity holds a tile, transfers overlap. `single`: the whole capacity holds a tile,
        and its transfers stop the compute. `room`: an operand's next tile comes meanwhile where there is room for it
        beside all tiles, and its transfers stop the compute where there is not (`dse.model.room`). Per operand,
        `double` takes the room of two of the operand's tiles.
    area_mm2, static_power_mw, clock_power_mw : float
        Per instance.
    gating : PerOperand[frozenset]
        For each operand, those of ifmap and weight whose zeros spare the MACs' accesses to it (accumulations, for the
        psum); of the innermost level only.
    compression : PerOperand[str or None]
        Coding of each operand's words in this level; of the outermost only.
    on_chip : bool
        Whether whole tensors may stay in it from the step of a network that makes them to the last that reads them.
    only_finished : bool
        Whether no unfinished psum may come to it; of the outermost only, where it stands for a tensor's home on chip.
    memories : tuple of str
        Names of the memories that it is made of, each for operands of its own; of the outermost only, where it is more
        than one.
    placement : {"together", "own"}
        `own`: each operand's partition stands at a depth of its own in the loop nest (`dse.architecture.parts`); of the
        innermost level only, or the one right outside `is_register`.
    part_of : str
        The level that it is a part of, where that places each operand by itself.
    is_register : bool
        Whether it holds one element of each operand, whatever its width, so that it has no loops: the registers of a
        MAC.
    """

    name: str
    stores: frozenset[str]
    may_bypass: frozenset[str] = frozenset()
    capacity_bits: int | None = None
    partition_bits: PerOperand[int | None] | None = None
    word_bits: int = 16
    read_energy_pj: PerOperand[float] = field(default=PerOperand(0.0, 0.0, 0.0))
    write_energy_pj: PerOperand[float] = field(default=PerOperand(0.0, 0.0, 0.0))
    ports: tuple[Port, ...] = ()
    buffering: Buffering | PerOperand[Buffering] = "streaming"
    area_mm2: float = 0.0
    static_power_mw: float = 0.0
    clock_power_mw: float = 0.0
    gating: PerOperand[frozenset[str]] = field(default=PerOperand(NO_OPERAND, NO_OPERAND, NO_OPERAND))
    compression: PerOperand[Coding | None] = field(default=PerOperand(None, None, None))
    on_chip: bool = False
    only_finished: bool = False
    memories: tuple[str, ...] = ()
    placement: Placement = "together"
    part_of: str = ""
    is_register: bool = False

    def __post_init__(self) -> None:
        for names, what in ((self.stores, "stores"), (self.may_bypass, "may_bypass")):
            unknown = set(names) - set(OPERANDS)
            if unknown:
                raise DseError(f"level {self.name}: {what} names {sorted(unknown)}, not among {list(OPERANDS)}")
        if not self.may_bypass <= self.stores:
            raise DseError(f"level {self.name}: may_bypass {sorted(self.may_bypass - self.stores)} is not stored")
        if self.capacity_bits is not None and self.partition_bits is not None:
            raise DseError(f"level {self.name}: capacity is either shared or per operand, not both")
        if self.placement == "own" and self.partition_bits is None:
            raise DseError(f"level {self.name}: operands at depths of their own have a capacity each")
        for operand, gates in self.gating.items():
            if gates and operand not in self.stores - self.may_bypass:
                raise DseError(f"level {self.name}: gates accesses to {operand}, which it does not always store")
            if not gates <= {"ifmap", "weight"}:
                raise DseError(f"level {self.name}: the zeros that gate are those of ifmap and weight")

    @property
    def whole(self) -> str:
        """Its name in every result: that of the level that it is a part of."""
        return self.part_of or self.name

    @property
    def tile_share(self) -> int:
        """The part of the capacity that one tile may take is 1 / tile_share."""
        return 2 if self.buffering == "double" else 1

    def buffered(self, operand: str) -> Buffering:
        """How an operand is buffered.

        Examples
        --------
        >>> Level("GLB", frozenset({"psum"}), buffering="room").buffered("psum")
        'room'
        """
        return self.buffering[operand] if isinstance(self.buffering, PerOperand) else self.buffering

    def tiles_of(self, operand: str) -> int:
        """Tiles of an operand that share the capacity with the others' tiles, where `tile_share` leaves all of it.

        Examples
        --------
        >>> apart = PerOperand("double", "single", "single")
        >>> level = Level("GLB", frozenset({"ifmap", "psum"}), buffering=apart)
        >>> level.tiles_of("ifmap"), level.tiles_of("psum"), level.tile_share
        (2, 1, 1)
        """
        return 2 if self.tile_share == 1 and self.buffered(operand) == "double" else 1


@dataclass(frozen=True, slots=True)
class FanOut:
    """A mesh inside a level or another fan-out: each instance of what is above feeds rows x cols of what is below.

    Parameters
    ----------
    name : str
    rows, cols : int
    multicast : {"word", "tile", "none"}
        `word`: a word needed by several children is read once (a tagged network); `tile`: only identical tiles are
        shared; `none`: every child is fed on its own.
    reduces : bool
        Whether psums of children that work on the same output add up on their way out.
    energy_pj : float or PerOperand[float]
        Per word delivered to a child and per psum hop between children.
    word_bits : int
        Width of the word that `energy_pj` is given for.
    area_mm2 : float
        Of the network, for one instance of what is above.
    skew : int
        Cycles that a word takes from one child to the next. More than 0 makes the array systolic: what its children do
        not keep reaches them along rows and columns one after the other. 0 is a broadcast.
    load, drain : frozenset of str
        Operands kept by the children that are shifted in before a fold computes, and shifted out after it, a row of
        the mesh at a time, while nothing is computed.
    overlap : bool
        Whether folds overlap: the next one's words enter behind the last one's, and a second set of what is kept is
        shifted in or out while the first is at work.
    dims : frozenset of str
        Dims that the wiring can unroll over the children, whatever the dataflow.
    """

    name: str
    rows: int
    cols: int
    multicast: Multicast = "word"
    reduces: bool = True
    energy_pj: float | PerOperand[float] = 0.0
    word_bits: int = 16
    area_mm2: float = 0.0
    skew: int = 0
    load: frozenset[str] = frozenset()
    drain: frozenset[str] = frozenset()
    overlap: bool = False
    dims: frozenset[str] = frozenset(DIMS)

    def __post_init__(self) -> None:
        if self.skew < 0:
            raise DseError(f"fan-out {self.name}: skew={self.skew} < 0")
        for names, what in ((self.load, "load"), (self.drain, "drain")):
            unknown = set(names) - set(OPERANDS)
            if unknown:
                raise DseError(f"fan-out {self.name}: {what} names {sorted(unknown)}, not among {list(OPERANDS)}")
        if self.rows < 1 or self.cols < 1:
            raise DseError(f"fan-out {self.name}: {self.rows} x {self.cols} has no children")
        if not self.dims <= set(DIMS):
            raise DseError(f"fan-out {self.name}: dims names {sorted(self.dims - set(DIMS))}, not among {list(DIMS)}")

    @property
    def whole(self) -> str:
        """Its name in every result."""
        return self.name

    @property
    def children(self) -> int:
        return self.rows * self.cols

    @property
    def word_energy_pj(self) -> PerOperand[float]:
        """`energy_pj` of each operand."""
        return self.energy_pj if isinstance(self.energy_pj, PerOperand) else PerOperand.same(self.energy_pj)

    @property
    def is_systolic(self) -> bool:
        """Whether words move from child to child in step with all others."""
        return bool(self.skew or self.load or self.drain)

    @property
    def skew_cycles(self) -> int:
        """Cycles between the first word's entry at one corner and its step at the opposite one."""
        return self.skew * (self.rows - 1 + self.cols - 1)

    def shift_cycles(self, operand: str) -> int:
        """Cycles that shift an operand's words into and out of all children: one per row each way."""
        return self.rows * ((operand in self.load) + (operand in self.drain))
