"""From a validated architecture file to an `Architecture` in which every number is priced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any, cast

from dse.architecture.architecture import Architecture, InStep, Mac
from dse.architecture.dataflow import Dataflow
from dse.architecture.formats import FormatCost, format_cost
from dse.architecture.hierarchy import Buffering, Coding, Direction, FanOut, Level, Port
from dse.architecture.technology import Technology
from dse.errors import DseError
from dse.formats.architecture.innermost import check_placement, registers_of
from dse.formats.architecture.model import (
    ArchitectureModel,
    FanOutModel,
    LevelModel,
    MacModel,
    PrecisionModel,
    ReadWrite,
)
from dse.formats.architecture.outermost import outermost_memories, stored_in, together
from dse.formats.architecture.rating import BuildError, Context, Rating, clock_of, rating_of, technology_of
from dse.formats.text import quantity as q
from dse.problem.dims import FORMATS, OPERANDS, WIDTHS, PerOperand

DIRECTIONS: tuple[Direction, Direction] = ("read", "write")


RESERVED = {"MAC": "multiply-accumulate units", "static": "static power"}


def build_architecture(model: ArchitectureModel, dataflow: Dataflow, rating: Rating | None = None) -> Architecture:
    """Price an architecture; stated powers and energies hold at `rating`, by default the model's own clock and supply.

    A level without an explicit energy costs what the technology asks for an SRAM or register file of its capacity and
    word width (each operand's own partition where capacities are per operand; one of its banks where it has several),
    or for DRAM if it is unlimited; areas likewise, over the technology's layout densities, which stand for network,
    control and white space. The outermost fan-out costs an array transfer per word. What leaks and what the clock
    drives is the technology's where not stated.

    Raises
    ------
    BuildError
        For parts that contradict each other or cannot be priced.
    """
    technology = technology_of(model.technology)
    rating = rating or rating_of(model)
    clock = clock_of(model, technology, rating)
    supply_ratio = technology.supply_v / technology.nominal_v / rating.supply_share
    context = Context(technology, 0.0, clock, model.word_bits, supply_ratio, clock / rating.clock_hz)
    mac = _mac(model.mac, context, prod(node.rows * node.cols for node in model.levels.values()
                                        if isinstance(node, FanOutModel)))  # fmt: skip
    context = replace(context, stated_mac_pj=mac.energy_pj / supply_ratio**2)
    for name in model.levels:
        if name in RESERVED:
            raise BuildError(
                ("levels", name), f"{name} is what reports call the {RESERVED[name]}", "choose another name"
            )
    last = list(model.levels)[-1]
    outermost = outermost_memories(model.levels)
    for name, memory in outermost.items():
        _check_zeros(name, memory, is_first=True, is_last=name == last)
    hierarchy: list[Level | FanOut] = [
        together([_level(name, memory, context, is_first=True) for name, memory in outermost.items()])
    ]
    for name, node in list(model.levels.items())[len(outermost) :]:
        if isinstance(node, FanOutModel):
            is_outermost = not any(isinstance(outer, FanOut) for outer in hierarchy)
            hierarchy.append(_fan_out(name, node, context, is_outermost))
        else:
            _check_zeros(name, node, is_first=False, is_last=name == last)
            hierarchy.append(_level(name, node, context, is_first=False))
    _check_skipping(mac, hierarchy)
    check_placement(model)
    if model.mac.registers:
        hierarchy.append(registers_of(model))
    return Architecture(
        name=model.architecture,
        hierarchy=tuple(hierarchy),
        mac=mac,
        clock_hz=clock,
        dataflow=dataflow,
        lower=model.lower,
        static_power_mw=context.static_mw(model.static_power) if model.static_power else 0.0,
        clock_power_mw=context.clock_mw(model.clock_power) if model.clock_power else 0.0,
        other_area_mm2=q.mm2(model.area) if model.area else 0.0,
        precision=_precision(model.precision),
        fuses=frozenset(model.fuses),
        packed=frozenset[str](model.packed),
    )


def _precision(model: PrecisionModel) -> tuple[tuple[str, int], ...]:
    """The widths stated, by operand or `ofmap`."""
    widths = {part: width for part in WIDTHS if (width := getattr(model, part)) is not None}
    if "ofmap" in widths and widths["ofmap"] > widths.get("psum", widths["ofmap"]):
        raise BuildError(
            ("precision", "ofmap"), f"precision: finished outputs of {widths['ofmap']} bits are wider than psums of "
            f"{widths['psum']}", "a finished output is no wider than the partial sum that it was",
        )  # fmt: skip
    return tuple(widths.items())


def _check_zeros(name: str, model: LevelModel, is_first: bool, is_last: bool) -> None:
    """Compression belongs to the outermost level, gating to the one that feeds the MACs."""
    if any(coding != "none" for coding in model.compression.values()) and not is_first:
        raise BuildError(("levels", name, "compression"), f"{name}: only the outermost level compresses its words")
    gated = [operand for operand, gates in model.gating.items() if gates]
    if gated and not is_last:
        raise BuildError(
            ("levels", name, "gating"), f"{name}: only the innermost entry gates accesses, as it feeds the MACs",
            "a MAC that idles is stated as mac: {gating: [ifmap]}",
        )  # fmt: skip
    for operand in gated:
        if operand not in stored_in(model) or operand in model.may_bypass:
            message = f"{name}: gates accesses to {operand}, which it does not always store"
            raise BuildError(("levels", name, "gating", operand), message)


def _check_skipping(mac: Mac, hierarchy: list[Level | FanOut]) -> None:
    """The children of a systolic array keep in step, zeros or not."""
    systolic = [node.name for node in hierarchy if isinstance(node, FanOut) and node.is_systolic]
    if mac.skipping and systolic:
        raise BuildError(
            ("mac", "skipping"), f"skipping: {systolic[0]} is systolic, its children move in step, so none skips zeros",
            "mac: {gating: [...]} saves the energy of zeros; skipping needs a fan-out without skew, load and drain",
        )  # fmt: skip


def _in_step(model: MacModel, units: int) -> InStep | None:
    """`units` are all there are."""
    if model.in_step is None:
        if model.in_step_units is not None:
            raise BuildError(("mac", "in_step_units"), "in_step_units: it is not said after how many MACs they wait",
                             "mac: {skipping: [weight], in_step: 64}")  # fmt: skip
        return None
    if not model.skipping:
        raise BuildError(("mac", "in_step"), "in_step: MACs that skip nothing always move in step",
                         "mac: {skipping: [weight], in_step: 64}")  # fmt: skip
    if model.in_step_units is not None and model.in_step_units > units:
        raise BuildError(("mac", "in_step_units"), f"in_step_units: {model.in_step_units}, and there are {units} units")
    return InStep(model.in_step, model.in_step_units or units)


def _mac(model: MacModel, context: Context, units: int) -> Mac:
    technology, bits = context.technology, _mac_bits(model)
    cost = format_cost(technology, model.format) if model.format else FormatCost(
        technology.multiplier_energy_pj(bits, bits), technology.adder_energy_pj(bits), technology.mac_area_mm2(bits)
    )  # fmt: skip
    multiplier, adder = cost.multiplier_pj or 0.0, cost.adder_pj or 0.0
    for field, stated, known in (("energy", model.energy, cost.multiplier_pj), ("area", model.area, cost.area_mm2)):
        if stated is None and known is None:
            raise BuildError(
                ("mac", "format"), f"format: the {field} of a MAC of {model.format} has no source here",
                f"state mac.{field}, e.g. {field}: {'1.2 pJ' if field == 'energy' else '0.002 mm2'}",
            )  # fmt: skip
    own_share = multiplier / (multiplier + adder) if multiplier else 1.0
    return Mac(
        energy_pj=context.energy_pj(model.energy, bits) if model.energy else multiplier + adder,
        multiplier_share=model.multiplier_share if model.multiplier_share is not None else own_share,
        bits=bits,
        area_mm2=q.mm2(model.area) if model.area else cost.area_mm2 or 0.0,
        gating=frozenset(model.gating),
        skipping=frozenset(model.skipping),
        gated_energy_pj=context.energy_pj(model.gated_energy, bits) if model.gated_energy else 0.0,
        static_power_mw=(
            context.static_mw(model.static_power) if model.static_power else technology.mac_static_power_mw(bits)
        ),
        clock_power_mw=(
            context.clock_mw(model.clock_power)
            if model.clock_power
            else context.clock_mw_of(technology.mac_clock_energy_pj(bits))
        ),
        in_step=_in_step(model, units),
    )


def _mac_bits(model: MacModel) -> int:
    if model.format is None:
        return model.bits
    width = FORMATS[model.format]
    if "bits" in model.model_fields_set and model.bits != width:
        raise BuildError(("mac", "bits"), f"bits: {model.format} has {width}, not {model.bits}", "leave bits out")
    return width


def _fan_out(name: str, model: FanOutModel, context: Context, is_outermost: bool) -> FanOut:
    word_bits = model.word_bits or context.word_bits
    energy: float | PerOperand[float]
    if isinstance(model.energy, Mapping):
        missing = [operand for operand in OPERANDS if operand not in model.energy]
        if missing:
            raise BuildError(("levels", name, "energy"), f"{name}: energy leaves out {missing[0]}", "e.g. weight: 0 pJ")
        each = {str(o): context.energy_pj(given, word_bits) for o, given in model.energy.items()}
        energy = PerOperand.of(each)
    elif model.energy is not None:
        energy = context.energy_pj(model.energy, word_bits)
    elif is_outermost:
        energy = context.technology.array_energy_pj(word_bits)
    else:
        raise BuildError(
            ("levels", name),
            f"{name}: a fan-out inside another has no price in the technology",
            "give the energy of a word handed to one of its children, e.g. energy: 0.1 mac",
        )
    return FanOut(
        name=name,
        rows=model.rows,
        cols=model.cols,
        multicast=model.multicast,
        reduces=model.reduces == "psum",
        energy_pj=energy,
        word_bits=word_bits,
        area_mm2=q.mm2(model.area) if model.area else 0.0,
        skew=model.skew,
        load=frozenset(model.load),
        drain=frozenset(model.drain),
        overlap=model.overlap,
        dims=frozenset(model.dims),
    )


def _level(name: str, model: LevelModel, context: Context, is_first: bool) -> Level:
    word_bits = model.word_bits or context.word_bits
    capacity = model.capacity
    if capacity is None:
        if not is_first:
            raise BuildError(
                ("levels", name), f"{name} has no capacity", "e.g. capacity: 108 KiB; only the outermost may go without"
            )
        capacity = "unlimited"
    partitions: Mapping[str, Any] | None = (
        {str(operand): size for operand, size in capacity.items()} if isinstance(capacity, Mapping) else None
    )
    stores = stored_in(model)
    sizes = {
        operand: _bits(name, capacity if partitions is None else partitions[operand], word_bits) for operand in stores
    }
    if model.dram and (not is_first or capacity != "unlimited" or model.energy is not None):
        message = f"{name}: a DRAM type prices the outermost level when that is unlimited and states no energy"
        raise BuildError(("levels", name, "dram"), message)
    if is_first and model.may_bypass:
        raise BuildError(("levels", name), f"{name}: the outermost level stores all operands, always")
    if is_first and model.on_chip == "auto":
        what = f"{name}: the outermost level is where tensors are that do not stay on chip"
        raise BuildError(("levels", name, "on_chip"), what)
    if not set(model.may_bypass) <= set(stores):
        raise BuildError(("levels", name, "may_bypass"), f"{name}: may_bypass names an operand that it does not store")
    memories = list(sizes.values()) if partitions else list(sizes.values())[:1]
    _check_banks(name, model, memories)
    read, write = (_energies(name, model, sizes, word_bits, context, way, is_first) for way in DIRECTIONS)
    area, static, clock = _size_prices(model, [bits for bits in memories if bits is not None], context)
    return Level(
        name=name,
        stores=frozenset(stores),
        may_bypass=frozenset(model.may_bypass),
        capacity_bits=None if partitions else next(iter(sizes.values()), None),
        partition_bits=PerOperand.of({o: sizes.get(o) for o in OPERANDS}) if partitions else None,
        word_bits=word_bits,
        read_energy_pj=read,
        write_energy_pj=write,
        ports=tuple(_ports(name, model, stores, word_bits, context)),
        buffering=_buffering(name, model, stores),
        area_mm2=area,
        static_power_mw=static,
        clock_power_mw=clock,
        gating=PerOperand.of({str(operand): frozenset[str](gates) for operand, gates in model.gating.items()}),
        compression=PerOperand.of({str(operand): _coding(given) for operand, given in model.compression.items()}),
        on_chip=model.on_chip == "auto",
        placement=model.placement,
    )


def _check_banks(name: str, model: LevelModel, memories: list[int | None]) -> None:
    if model.banks > 1 and any(bits is None or bits < model.banks for bits in memories):
        message = f"{name}: a capacity of {model.capacity or 'unlimited'} is not divided among {model.banks} banks"
        raise BuildError(("levels", name, "banks"), message, "banks have a bit or more each")


def _buffering(name: str, model: LevelModel, stores: list[str]) -> Buffering | PerOperand[Buffering]:
    if not isinstance(model.buffering, Mapping):
        return "double" if model.double_buffer else model.buffering
    given: dict[str, Buffering] = {str(operand): how for operand, how in model.buffering.items()}
    if set(given) != set(stores):
        message = f"{name}: buffering per operand names exactly what the level stores: {', '.join(stores)}"
        raise BuildError(("levels", name, "buffering"), message)
    streaming: dict[str, Buffering] = dict.fromkeys(OPERANDS, "streaming")
    return PerOperand.of(streaming | given)


def _coding(given: str) -> Coding | None:
    return None if given == "none" else cast(Coding, given)


def _bits(name: str, capacity: Any, word_bits: int) -> int | None:
    if capacity == "unlimited":
        return None
    bits = q.bits(capacity, word_bits)
    if bits < 1:
        raise BuildError(("levels", name, "capacity"), f"{name}: a capacity of {capacity} holds nothing")
    return bits


def _energies(
    name: str,
    model: LevelModel,
    sizes: Mapping[str, int | None],
    word_bits: int,
    context: Context,
    way: Direction,
    is_first: bool,
) -> PerOperand[float]:
    """pJ of one access to a word of each operand; zero for operands that are not stored."""
    found = dict.fromkeys(OPERANDS, 0.0)
    for operand, bits in sizes.items():
        given: Any = model.energy
        if isinstance(given, Mapping):
            if operand not in given:
                raise BuildError(("levels", name, "energy"), f"{name}: energy leaves out {operand}, which it stores")
            given = given[operand]
        if isinstance(given, ReadWrite):
            given = getattr(given, way)
        if given is not None:
            found[operand] = context.energy_pj(given, word_bits, is_on_chip=not is_first)
        elif bits is not None:
            price = context.technology.sram_read_energy_pj if way == "read" else context.technology.sram_write_energy_pj
            found[operand] = price(bits / model.banks, word_bits)
        elif is_first:
            found[operand] = _dram(name, model, word_bits, context.technology)
        else:
            raise BuildError(
                ("levels", name),
                f"{name}: an unlimited level has no size to price",
                "give its energy, e.g. energy: 0 pJ",
            )
    return PerOperand.of(found)


def _dram(name: str, model: LevelModel, word_bits: int, technology: Technology) -> float:
    try:
        return technology.dram_energy_pj(word_bits, model.dram)
    except DseError as error:
        raise BuildError(("levels", name, "dram"), error.message, error.hint) from None


def _size_prices(model: LevelModel, memories: list[int], context: Context) -> tuple[float, float, float]:
    """Area, static and clock power of one instance that is made of memories of these sizes, in bits."""
    technology, banks = context.technology, [bits / model.banks for bits in memories for _ in range(model.banks)]
    clock_pj = sum(technology.sram_clock_energy_pj(bits) for bits in banks)
    leaks_mw = sum(technology.sram_static_power_mw(bits) for bits in banks)
    return (
        q.mm2(model.area) if model.area else sum(technology.sram_area_mm2(bits) for bits in banks),
        context.static_mw(model.static_power) if model.static_power else leaks_mw,
        context.clock_mw(model.clock_power) if model.clock_power else context.clock_mw_of(clock_pj),
    )


def _ports(name: str, model: LevelModel, stores: list[str], word_bits: int, context: Context) -> Iterator[Port]:
    """One shared port for a single bandwidth; a read and a write port per operand for a mapping."""

    def rate(given: q.Quantity) -> float:
        return q.words_per_cycle(given, word_bits, context.clock_hz)

    served: tuple[tuple[str, tuple[Direction, ...]], ...] = (
        ("bandwidth", DIRECTIONS), ("read_bandwidth", ("read",)), ("write_bandwidth", ("write",)),
    )  # fmt: skip
    for field, ways in served:
        given = getattr(model, field)
        if isinstance(given, Mapping):
            stray = [operand for operand in given if operand not in stores]
            if stray:
                raise BuildError(("levels", name, field), f"{name} does not store {stray[0]}, so it has no port for it")
            for operand in (o for o in OPERANDS if o in given):  # not in the order of writing, which means nothing
                for way in ways:
                    yield Port(f"{operand} {way}", frozenset({(operand, way)}), rate(given[operand]))
        elif given is not None:
            label = "shared" if len(ways) == 2 else ways[0]
            yield Port(label, frozenset((operand, way) for operand in stores for way in ways), rate(given))
