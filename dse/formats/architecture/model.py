"""The shape of an architecture file, as pydantic models; quantities stay as they are written until they are priced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from dse.architecture.hierarchy import Buffering, Placement
from dse.architecture.power import KELVIN, Flavour
from dse.formats.architecture.dataflow import ANY_DIM, DataflowModel, Dims, InlineDataflowModel
from dse.formats.architecture.space.model import ConstraintsModel, SpaceModel, no_mac
from dse.formats.text.quantity import (
    Area,
    Bandwidth,
    Energy,
    Frequency,
    Length,
    Power,
    Quantity,
    QuantityError,
    Size,
    Temperature,
    Voltage,
    width_of,
)
from dse.formats.text.source import SpecModel
from dse.formats.text.validation import Number

T = TypeVar("T")
Operand = Literal["ifmap", "weight", "psum"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]
Count = Annotated[int, Field(ge=1, le=1 << 20, strict=True)]


def _positive(quantity: Quantity) -> Quantity:
    if quantity.value <= 0:
        raise QuantityError(f"{quantity} is not above zero")
    return quantity


def _bits(given: Any) -> Any:
    return width_of(given) if isinstance(given, str | Quantity) else given


def _kind_of_value(given: Any) -> str:
    return "mapping" if isinstance(given, Mapping | SpecModel) else "value"


def _kind_of_size(given: Any) -> str:
    return "unlimited" if given == "unlimited" else _kind_of_value(given)


def _kind_of_energy(given: Any) -> str:
    if isinstance(given, ReadWrite):
        return "ReadWrite"
    if not isinstance(given, Mapping):
        return "value"
    return "mapping" if any(operand in given for operand in ("ifmap", "weight", "psum")) else "ReadWrite"


def _kind_of_node(given: Any) -> str:
    is_fan_out = isinstance(given, FanOutModel) or (isinstance(given, Mapping) and ("rows" in given or "cols" in given))
    return "FanOutModel" if is_fan_out else "LevelModel"


Width = Annotated[str, Field(examples=["16 bit"])]
Bits = Annotated[int, BeforeValidator(_bits, json_schema_input_type=int | Width), Field(ge=1, le=4096, strict=True)]
SomeSize = Annotated[Size, AfterValidator(_positive)]
SomeBandwidth = Annotated[Bandwidth, AfterValidator(_positive)]
Capacity = Annotated[
    Annotated[Literal["unlimited"], Tag("unlimited")] | Annotated[SomeSize, Tag("value")], Discriminator(_kind_of_size)
]
PerOperandCapacity = Annotated[dict[Operand, Capacity], Field(min_length=1), Tag("mapping")]
Rate = Annotated[
    Annotated[SomeBandwidth, Tag("value")]
    | Annotated[dict[Operand, SomeBandwidth], Field(min_length=1), Tag("mapping")],
    Discriminator(_kind_of_value),
]


def _listed(given: Any) -> Any:
    """`ifmap` is short for `[ifmap]`, `none` for `[]`."""
    return ([] if given == "none" else [part.strip() for part in given.split(",")]) if isinstance(given, str) else given


Gates = Annotated[
    list[Literal["ifmap", "weight"]],
    BeforeValidator(_listed, json_schema_input_type=list[Literal["ifmap", "weight"]] | str),
]
Coding = Literal["none", "run-length", "bitmask", "csr"]
Fusable = Literal["activation", "batch_norm", "pool", "add", "concat"]


def _gates_of_all(given: Any) -> Any:
    return {**{operand: [] for operand in get_args(Operand)}, **given} if isinstance(given, Mapping) else given


def _codings_of_all(given: Any) -> Any:
    known = dict.fromkeys(get_args(Operand), given if isinstance(given, str) else "none")
    return {**known, **given} if isinstance(given, Mapping) else known if isinstance(given, str) else given


class ReadWrite(SpecModel):
    """Energies of reading and of writing a word."""

    read: Energy = Field(description="of a word that is read")
    write: Energy = Field(description="of a word that is written")


ReadWriteEnergy = Annotated[
    Annotated[Energy, Tag("value")] | Annotated[ReadWrite, Tag("ReadWrite")],
    Discriminator(lambda given: "ReadWrite" if isinstance(given, Mapping | ReadWrite) else "value"),
]


class LevelModel(SpecModel):
    """A storage level; one that gives no energy or area is priced by the technology."""

    capacity: (
        Annotated[
            Annotated[Literal["unlimited"], Tag("unlimited")] | Annotated[SomeSize, Tag("value")] | PerOperandCapacity,
            Discriminator(_kind_of_size),
        ]
        | None
    ) = Field(
        default=None,
        description="of one instance: shared by its operands, or one per operand; the outermost needs none",
    )
    stores: Annotated[list[Operand], BeforeValidator(_listed), Field(min_length=1)] | None = Field(
        default=None, description="operands it holds; by default all, or those with a capacity"
    )
    may_bypass: Annotated[list[Operand], BeforeValidator(_listed)] = Field(
        default=[], description="operands that a mapping may leave out of this level"
    )
    word_bits: Bits | None = Field(
        default=None, description="width of the word that energies and bandwidths are given for"
    )
    bandwidth: Rate | None = Field(
        default=None,
        description="one: a port shared by all reads and writes; per operand: a read and a write port each",
    )
    read_bandwidth: Rate | None = Field(default=None, description="of a port for reads, instead of `bandwidth`")
    write_bandwidth: Rate | None = Field(default=None, description="of a port for writes, instead of `bandwidth`")
    buffering: Annotated[
        Annotated[Buffering, Tag("value")] | Annotated[dict[Operand, Buffering], Field(min_length=1), Tag("mapping")],
        Discriminator(_kind_of_value),
    ] = Field(
        default="streaming",
        description="streaming: a word is replaced as soon as it is dead; double: a tile has half the capacity, and "
        "the next one comes meanwhile; single: transfers and work take turns; room: the next tile comes meanwhile "
        "where there is room for it, else transfers and work take turns. One, or one per operand",
    )
    double_buffer: bool | None = Field(default=None, description="true is the same as `buffering: double`")
    energy: (
        Annotated[
            Annotated[Energy, Tag("value")]
            | Annotated[ReadWrite, Tag("ReadWrite")]
            | Annotated[dict[Operand, ReadWriteEnergy], Tag("mapping")],
            Discriminator(_kind_of_energy),
        ]
        | None
    ) = Field(default=None, description="per word: one, {read, write}, or per operand")
    dram: str | None = Field(default=None, description="type of DRAM that an unlimited level is priced as")
    banks: Count = Field(
        default=1,
        description="memories of equal size that its capacity, or each operand's, is divided among: an access is to "
        "one of them and priced by its size, as are areas and leakage",
    )
    area: Area | None = Field(default=None, description="of one instance")
    static_power: Power | None = Field(default=None, description="of one instance, by default what it leaks")
    clock_power: Power | None = Field(
        default=None,
        description="of one instance, at the file's clock, with which it scales; by default of its registers",
    )
    gating: Annotated[dict[Operand, Gates], BeforeValidator(_gates_of_all)] = Field(
        default={"ifmap": [], "weight": [], "psum": []},
        description="innermost level: operands (ifmap, weight) whose zeros spare the MACs' accesses to this operand",
    )
    compression: Annotated[
        dict[Operand, Coding],
        BeforeValidator(_codings_of_all, json_schema_input_type=Coding | dict[Operand, Coding]),
    ] = Field(
        default={"ifmap": "none", "weight": "none", "psum": "none"},
        description="outermost level: coding of its words, one or per operand",
    )
    placement: Placement = Field(
        default="together",
        description="innermost level with a capacity per operand: own places each operand's part at a depth of its own "
        "in the loop nest; together places all parts at one depth",
    )
    on_chip: Literal["auto", "never"] = Field(
        default="never",
        description="auto: whole tensors may stay in it, from the layer that makes them to the last that reads them",
    )

    @model_validator(mode="after")
    def _consistent(self) -> LevelModel:
        if self.bandwidth is not None and (self.read_bandwidth is not None or self.write_bandwidth is not None):
            raise ValueError("bandwidth covers both directions: give either it or read_bandwidth and write_bandwidth")
        if self.double_buffer is not None and "buffering" in self.model_fields_set:
            raise ValueError("double_buffer and buffering say the same thing: give one of them")
        if self.stores is not None and not set(self.may_bypass) <= set(self.stores):
            raise ValueError("may_bypass names an operand that the level does not store")
        if isinstance(self.buffering, dict) and self.stores is not None and set(self.buffering) != set(self.stores):
            raise ValueError("buffering per operand names exactly the operands that the level stores")
        if self.placement == "own" and not isinstance(self.capacity, dict):
            raise ValueError("placement: own needs a capacity for each operand: {ifmap: ..., weight: ..., psum: ...}")
        if isinstance(self.capacity, dict) and self.stores is not None and set(self.capacity) != set(self.stores):
            raise ValueError("a capacity per operand names exactly the operands that the level stores")
        return self


class FanOutModel(SpecModel):
    """A mesh of rows x cols copies of everything below it."""

    # What tells it from a level, here as for the reader.
    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["rows"]}, {"required": ["cols"]}]})

    rows: Count = Field(default=1, description="of the mesh")
    cols: Count = Field(default=1, description="of the mesh")
    multicast: Literal["word", "tile", "none"] = Field(
        default="word",
        description="what the parent reads once for several children: each word, only tiles that are equal, or nothing",
    )
    reduces: Literal["psum", "none"] = Field(
        default="psum", description="whether psums of neighbours add up on their way out"
    )
    energy: (
        Annotated[
            Annotated[Energy, Tag("value")] | Annotated[dict[Operand, Energy], Field(min_length=1), Tag("mapping")],
            Discriminator(_kind_of_value),
        ]
        | None
    ) = Field(
        default=None, description="per word delivered to a child and per psum hop between children: one, or per operand"
    )
    word_bits: Bits | None = Field(default=None, description="width of the word that `energy` is given for")
    area: Area | None = Field(default=None, description="of the network; by default part of the layout's overhead")
    skew: Annotated[int, Field(ge=0, le=1 << 10, strict=True)] = Field(
        default=0, description="cycles from one child to the next; each fold pays it all, unless they overlap"
    )
    load: list[Operand] = Field(
        default=[], description="operands that are shifted into the children a row per cycle before a fold computes"
    )
    drain: list[Operand] = Field(
        default=[], description="operands that are shifted out of the children a row per cycle after a fold"
    )
    overlap: bool = Field(
        default=False, description="folds follow at once, and a second set of what is kept hides load and drain"
    )
    dims: Dims = Field(
        default=ANY_DIM, description="dims that the wiring can unroll here, whatever the dataflow: a list, or any"
    )


class MacModel(SpecModel):
    """One multiply-accumulate unit; one that gives no energy or area is priced by the technology."""

    bits: Bits = Field(default=16, description="width of its operands that its energy and area are for")
    format: Literal["int4", "int8", "int16", "fp8", "bf16", "fp16", "fp32"] | None = Field(
        default=None, description="of the numbers: sets bits, energy and area, where the latter two have a source"
    )
    energy: Annotated[Energy, AfterValidator(no_mac)] | None = Field(
        default=None, description="of one multiplication and addition"
    )
    multiplier_share: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        default=None, description="part of the energy that grows with the product of the operands' widths"
    )
    area: Area | None = Field(default=None, description="of one unit")
    gating: Gates = Field(default=[], description="operands whose zeros keep a MAC from switching for its cycle")
    skipping: Gates = Field(default=[], description="operands whose zeros are passed over: no energy and no cycle")
    registers: Annotated[
        list[Operand], BeforeValidator(_listed, json_schema_input_type=list[Operand] | str)
    ] = Field(
        default=[],
        description="operands of which a unit keeps the last element: it reads the next only where that is another",
    )
    in_step: Count | None = Field(
        default=None,
        description="MACs of a unit, zeros included, after which it waits for others; by default none waits",
    )
    in_step_units: Count | None = Field(default=None, description="that wait for each other; by default all")
    gated_energy: Annotated[Energy, AfterValidator(no_mac)] | None = Field(
        default=None, description="of a MAC that is gated; nothing by default"
    )
    static_power: Power | None = Field(default=None, description="of one unit, by default what the technology's leaks")
    clock_power: Power | None = Field(
        default=None,
        description="of one unit with its share of control, at the file's clock; by default of its registers",
    )


def _warm(quantity: Quantity) -> Quantity:
    if not KELVIN[0] <= quantity.value <= KELVIN[1]:
        raise QuantityError(f"{quantity} is outside {KELVIN[0]:g} to {KELVIN[1]:g} K", hint="the leakage tables' range")
    return quantity


Clock = Annotated[
    Annotated[Literal["max"], Tag("max")] | Annotated[Annotated[Frequency, AfterValidator(_positive)], Tag("value")],
    Discriminator(lambda given: "max" if given == "max" else "value"),
]


class TechnologyModel(SpecModel):
    """What memories, MACs and wires are priced with."""

    table: str = Field(description="`eyeriss-isca16` or `cmos-NNnm`, with NN 65, 45, 28, 22, 16 or 7")
    node: Length | None = Field(default=None, description="scale the table to this node")
    clock: Clock | None = Field(default=None, description="here, or as `clock` of the architecture")
    voltage: Voltage | None = Field(
        default=None, description="supply of the chip, by default the table's; its energies go with the square"
    )
    flavour: Flavour = Field(
        default="lstp", description="transistors that leak: low standby or operating power, high performance, or a mix"
    )
    temperature: Annotated[Temperature, AfterValidator(_warm)] = Field(
        default=Quantity(300, "K"), description="of the transistors that leak"
    )


LevelOrFanOut = Annotated[
    Annotated[LevelModel, Tag("LevelModel")] | Annotated[FanOutModel, Tag("FanOutModel")],
    Discriminator(_kind_of_node),
]


class PrecisionModel(SpecModel):
    """Bits of an element of each operand; `psum` while unfinished, `ofmap` when finished."""

    ifmap: Bits | None = Field(default=None, description="of the input")
    weight: Bits | None = Field(default=None, description="of a weight")
    psum: Bits | None = Field(default=None, description="of an unfinished sum")
    ofmap: Bits | None = Field(
        default=None, description="of a finished output, by default the ifmap's where psums are wider"
    )


class ArchitectureModel(SpecModel):
    """An accelerator: levels and fan-outs from the outermost level in; fan-outs may follow one another."""

    architecture: str = Field(description="its name", min_length=1)
    description: str = Field(default="", description="for people")
    technology: Annotated[
        TechnologyModel, BeforeValidator(lambda given: {"table": given} if isinstance(given, str) else given)
    ] = Field(description="what prices memories, MACs and wires; a text is the name of its table")
    clock: Clock | None = Field(
        default=None,
        description="of the chip; or max, in a sweep: what the supply allows (the file's own clock at its own supply)",
    )
    word_bits: Bits = Field(default=16, description="default of every level")
    precision: PrecisionModel = Field(
        default={}, validate_default=True,
        description="widths of the elements that it is built for, where neither a workload nor an option states them",
    )
    fuses: Annotated[list[Fusable], BeforeValidator(_listed, json_schema_input_type=list[Fusable] | str)] = Field(
        default=[], description="nodes without MACs that it takes with a layer: they move no words of their own"
    )
    packed: Gates = Field(
        default=[], description="operands whose zeros lie in blocks (density 2:4) and are held as values with indices"
    )
    levels: dict[Name, LevelOrFanOut] = Field(
        min_length=1, description="levels and fan-outs by name, from the outermost in; fan-outs have `rows` or `cols`"
    )
    mac: MacModel = Field(default=MacModel(), description="the multiply-accumulate unit below the innermost level")
    dataflow: Annotated[
        Annotated[str, Tag("value")] | Annotated[InlineDataflowModel, Tag("mapping")],
        Discriminator(_kind_of_value),
    ] = Field(default="flexible", description="a built-in name, a YAML file, or the constraints themselves")
    lower: Literal["matmul"] | None = Field(
        default=None, description="turn layers into matrix products (im2col) before they are mapped"
    )
    static_power: Power | None = Field(default=None, description="drawn all the time beside what the levels draw")
    clock_power: Power | None = Field(
        default=None,
        description="of clock tree and control beside the levels', at the clock that the file states; scales with it",
    )
    area: Area | None = Field(default=None, description="of everything that is no level, fan-out or MAC")
    dataflows: dict[Name, DataflowModel] = Field(
        default={}, description="dataflows of one's own by name, for `dataflow` and for `space`"
    )
    space: SpaceModel = Field(default={}, description="what a sweep may change: dotted path to choices")
    constraints: ConstraintsModel = Field(
        default=ConstraintsModel(), description="limits that the designs of a sweep keep"
    )

    @model_validator(mode="after")
    def _one_clock(self) -> ArchitectureModel:
        if (self.clock is None) == (self.technology.clock is None):
            raise ValueError("the clock is given once, as `clock: 200 MHz` or inside technology")
        return self
