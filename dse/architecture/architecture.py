"""An accelerator: its hierarchy, its dataflow, and what a MAC and a cycle cost."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer
from dse.problem.notebook import short


class Spec(Protocol):
    """What an architecture was read from: it prices the architecture again with other settings."""

    def paths(self) -> tuple[str, ...]:
        """Every setting that `resolve` can change."""

    def parse_setting(self, path: str, text: object) -> int | float | bool | str:
        """One setting as typed (`64KiB`), in its canonical form (`64 KiB`)."""

    def resolve(self, settings: Mapping[str, Any]) -> Architecture:
        """The architecture with some settings replaced, and everything priced again."""


@dataclass(frozen=True, slots=True)
class InStep:
    """MAC units that go on together, each having skipped the zeros among its own operands.

    Parameters
    ----------
    macs : int
        MACs, zeros included, that each unit has between two times at which it waits for the others.
    units : int
        Units that wait for each other.

    Raises
    ------
    DseError
        Fewer MACs or units than one.
    """

    macs: int
    units: int

    def __post_init__(self) -> None:
        if self.macs < 1 or self.units < 1:
            raise DseError(f"units that move in step: macs={self.macs}, units={self.units}, and both are at least 1")


@dataclass(frozen=True, slots=True)
class Mac:
    """One multiply-accumulate unit.

    Parameters
    ----------
    energy_pj : float
        Of one multiplication and addition at `bits` x `bits`.
    multiplier_share : float
        Part of that energy that the multiplier takes; it grows with the product of the operands' widths, the adder's
        part with the psum's width.
    bits : int
    area_mm2 : float
        Of one unit with its share of PE logic.
    gating : frozenset of str
        Those of ifmap and weight whose zeros keep the unit from switching: it idles for a cycle.
    skipping : frozenset of str
        Those whose zeros are passed over, which saves the cycle, too.
    in_step : InStep or None
        Units that skip zeros and wait for each other; None if none waits.
    gated_energy_pj : float
        Of a MAC that is gated, whatever the widths.
    static_power_mw, clock_power_mw : float
        Drawn all the time, and by the clock, whether it works or not.
    """

    energy_pj: float
    multiplier_share: float = 0.95
    bits: int = 16
    area_mm2: float = 0.0
    gating: frozenset[str] = frozenset()
    skipping: frozenset[str] = frozenset()
    gated_energy_pj: float = 0.0
    static_power_mw: float = 0.0
    clock_power_mw: float = 0.0
    in_step: InStep | None = None

    def __post_init__(self) -> None:
        if not self.gating | self.skipping <= {"ifmap", "weight"}:
            raise DseError("the zeros that gate or skip a MAC are those of ifmap and weight")

    def energy_at_pj(self, ifmap_bits: int, weight_bits: int, psum_bits: int) -> float:
        """Energy of one MAC at other widths: multiplier with the product of the widths, adder with the psum's."""
        multiplier = self.multiplier_share * ifmap_bits * weight_bits / self.bits**2
        adder = (1 - self.multiplier_share) * psum_bits / self.bits
        return self.energy_pj * (multiplier + adder)


@dataclass(frozen=True, slots=True)
class Architecture:
    """An accelerator with every number resolved.

    Parameters
    ----------
    name : str
    hierarchy : tuple of Level or FanOut
        Outermost first, a level first; the MACs are below the last. Fan-outs may follow one another: clusters of PEs.
    mac : Mac
    clock_hz : float
    dataflow : Dataflow
    lower : {"matmul"}, optional
        What layers are turned into before they are mapped: `matmul` lays windows out as rows of a matrix.
    static_power_mw : float
        Drawn all the time, in addition to what levels and MACs draw.
    clock_power_mw : float
        Of the clock tree and control at `clock_hz`, in addition to what the clocks of levels and MACs draw.
    other_area_mm2 : float
        Of everything that no level, fan-out or MAC accounts for.
    precision : tuple of (str, int)
        Widths in bits, by operand or `ofmap`, of the elements that it is built for; layers without widths of their own
        take them (see `lowered`).
    fuses : frozenset of str
        Kinds of nodes without MACs (`dse.problem.moves.FUSABLE`) that it takes with the layer that makes or reads their
        tensor, so that they move nothing of their own.
    packed : frozenset of str
        Those of ifmap and weight of which, where N of every M elements are not zero, all levels and fan-outs hold and
        move these alone, each with its place among the M.
    spec : Spec or None
        The file it was read from, which can price it again at other settings; it takes no part in comparisons.

    Examples
    --------
    >>> import dse
    >>> eyeriss = dse.load_architecture("eyeriss")
    >>> [place.name for place in eyeriss.hierarchy], eyeriss.mac_units
    (['DRAM', 'GLB', 'array', 'PE'], 168)
    >>> eyeriss.with_(clock_hz=100e6).clock_hz
    100000000.0
    >>> eyeriss.with_settings({"levels.GLB.capacity": "64 KiB"}).area_mm2 < eyeriss.area_mm2
    True
    >>> eyeriss.level("GLB").capacity_bits // 8192, eyeriss.instances("GLB"), eyeriss.instances("PE")
    (108, 1, 168)
    >>> from dse.problem.layer import Layer
    >>> eyeriss.lowered(Layer("line", P=4, R=3)) == Layer("line", P=4, R=3)
    True
    >>> eyeriss
    Architecture('eyeriss', hierarchy='DRAM > GLB > array 12x14 > PE', dataflow='row-stationary', clock_hz=2e+08)
    """

    name: str
    hierarchy: tuple[Level | FanOut, ...]
    mac: Mac
    clock_hz: float
    dataflow: Dataflow = field(default=Dataflow("flexible"))
    lower: Literal["matmul"] | None = None
    static_power_mw: float = 0.0
    clock_power_mw: float = 0.0
    other_area_mm2: float = 0.0
    precision: tuple[tuple[str, int], ...] = ()
    fuses: frozenset[str] = frozenset()
    packed: frozenset[str] = frozenset()
    spec: Spec | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.hierarchy or not isinstance(self.hierarchy[0], Level) or not self.levels:
            raise DseError(f"architecture {self.name}: the hierarchy starts with a storage level")
        missing = set(OPERANDS) - self.levels[0].stores
        if missing or self.levels[0].may_bypass:
            raise DseError(
                f"architecture {self.name}: {self.levels[0].name}, the outermost level, must store all operands"
            )
        names = [node.name for node in self.hierarchy]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise DseError(f"architecture {self.name}: the name {sorted(repeated)[0]!r} is used twice")
        for level in self.levels:
            if any(level.compression) and level is not self.hierarchy[0]:
                raise DseError(f"architecture {self.name}: only the outermost level compresses, not {level.name}")
            if any(level.gating) and level not in self.feeding:
                raise DseError(f"architecture {self.name}: only the level that feeds the MACs gates, not {level.name}")
        self._check_placement()
        if not self.packed <= {"ifmap", "weight"}:
            raise DseError(f"architecture {self.name}: operands whose zeros lie in blocks are ifmap and weight")
        if self.mac.in_step and self.mac.in_step.units > self.mac_units:
            raise DseError(f"architecture {self.name}: {self.mac.in_step.units} units move in step, there are "
                           f"{self.mac_units}")  # fmt: skip
        if self.mac.skipping and (systolic := [fan_out.name for fan_out in self.fan_outs if fan_out.is_systolic]):
            raise DseError(
                f"architecture {self.name}: {systolic[0]} is systolic, its children move in step, so none skips zeros",
                hint="mac.gating saves their energy; mac.skipping needs a fan-out without skew, load and drain",
            )

    def _check_placement(self) -> None:
        """Registers stand last, and a level whose operands have depths of their own right outside them."""
        inside = [node for node in self.hierarchy if not (isinstance(node, Level) and node.is_register)]
        for node in self.hierarchy:
            if isinstance(node, Level) and node.is_register and node is not self.hierarchy[-1]:
                raise DseError(f"architecture {self.name}: registers feed the MACs, and {node.name} does not")
            if isinstance(node, Level) and node.placement == "own" and node is not inside[-1]:
                raise DseError(
                    f"architecture {self.name}: only the innermost level has operands at depths of their own, not "
                    f"{node.name}"
                )

    def __repr__(self) -> str:
        places = [f"{x.name} {x.rows}x{x.cols}" if isinstance(x, FanOut) else x.name for x in self.hierarchy]
        flow = self.dataflow.name
        return short("Architecture", self.name, hierarchy=" > ".join(places), dataflow=flow, clock_hz=self.clock_hz)

    @property
    def levels(self) -> tuple[Level, ...]:
        return tuple(node for node in self.hierarchy if isinstance(node, Level))

    @property
    def fan_outs(self) -> tuple[FanOut, ...]:
        return tuple(node for node in self.hierarchy if isinstance(node, FanOut))

    @property
    def feeding(self) -> tuple[Level | FanOut, ...]:
        """What the MACs read from: the last node, all of its parts where it is one of several."""
        last = self.hierarchy[-1]
        if not isinstance(last, Level) or not last.part_of:
            return (last,)
        return tuple(level for level in self.levels if level.part_of == last.part_of)

    def instances(self, name: str) -> int:
        """How many copies of a level there are: the children of all fan-outs above it."""
        copies = 1
        for node in self.hierarchy:
            if node.name == name:
                return copies
            if isinstance(node, FanOut):
                copies *= node.children
        raise KeyError(name)

    @property
    def mac_units(self) -> int:
        copies = 1
        for fan_out in self.fan_outs:
            copies *= fan_out.children
        return copies

    @property
    def area_mm2(self) -> float:
        """Area of levels, fan-outs, MACs and everything else together."""
        total = self.other_area_mm2 + self.mac_units * self.mac.area_mm2
        return total + sum(self.instances(node.name) * node.area_mm2 for node in self.hierarchy)

    @property
    def total_static_power_mw(self) -> float:
        parts = sum(self.instances(lv.name) * lv.static_power_mw for lv in self.levels)
        return self.static_power_mw + self.mac_units * self.mac.static_power_mw + parts

    def lowered(self, layer: Layer) -> Layer:
        """A layer as this accelerator runs it; doing it again changes nothing."""
        key = id(layer), self.lower, self.precision, self.packed
        if key not in _LOWERED:
            _LOWERED[key] = layer, self._lowered(layer)
            if len(_LOWERED) > KEPT_LOWERED:
                _LOWERED.popitem(last=False)
        return _LOWERED[key][1]

    def _lowered(self, layer: Layer) -> Layer:
        run = (layer.as_matmul() if self.lower == "matmul" else layer).assuming(dict(self.precision))
        packed = frozenset(operand for operand in self.packed if layer.blocks[operand])
        return run if packed == run.packed else replace(run, packed=packed)

    @property
    def total_clock_power_mw(self) -> float:
        parts = sum(self.instances(lv.name) * lv.clock_power_mw for lv in self.levels)
        return self.clock_power_mw + self.mac_units * self.mac.clock_power_mw + parts

    def level(self, name: str) -> Level:
        """The level of that name.

        Raises
        ------
        DseError
            There is none.
        """
        for node in self.levels:
            if node.name == name:
                return node
        levels = ", ".join(node.name for node in self.levels)
        raise DseError(f"architecture {self.name} has no level {name!r}; its levels are {levels}")

    def with_settings(self, settings: Mapping[str, Any]) -> Architecture:
        """The architecture of the same file with some settings replaced, and everything priced again.

        Nothing else changes: what follows from these settings in the file's space (`dse.sweep`) has to be given, too.

        Parameters
        ----------
        settings : mapping
            Dotted path, such as `levels.GLB.capacity` or `dataflow`, to its value.

        Raises
        ------
        SpecError
            An unknown path, a value that does not suit it, or values that contradict each other.
        DseError
            The architecture was not read from a file.
        """
        if self.spec is None:
            what = f"architecture {self.name} was not read from a file, so nothing says what its settings are"
            raise DseError(what, hint="dse.load_architecture reads one")
        return self.spec.resolve({path: self.spec.parse_setting(path, value) for path, value in settings.items()})

    def with_(self, **changes: Any) -> Architecture:
        """A copy with some fields replaced."""
        return replace(self, **changes)


KEPT_LOWERED = 2048
"""Layers that are remembered as some accelerator runs them, a kilobyte each."""

_LOWERED: OrderedDict[tuple[Any, ...], tuple[Layer, Layer]] = OrderedDict()
"""By the identity of the layer, which is kept alive beside it: equal layers may differ in what was assumed of them."""
