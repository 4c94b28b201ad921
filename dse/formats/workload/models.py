"""What a workload file may say: a pydantic model for the file and one for each operation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from dse.errors import DseError
from dse.formats.text.quantity import Quantity, width_of
from dse.formats.text.validation import SpecModel, WholeNumber
from dse.problem.density import Density, read_density, written
from dse.problem.dims import OPERANDS, WIDTHS
from dse.problem.shapes import MAX_BOUND, Window


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _pair(given: object) -> tuple[int, int]:
    sides = given if isinstance(given, list | tuple) else (given, given)
    if len(sides) != 2 or not all(_whole(side) and 1 <= side <= MAX_BOUND for side in sides):
        raise ValueError(f"should be a whole number from 1 to {MAX_BOUND}, or [height, width], not {given!r}")
    return sides[0], sides[1]


def _pads(given: object) -> tuple[int, int, int, int] | Literal["same"]:
    if given == "same":
        return "same"
    sides = tuple(given) if isinstance(given, list | tuple) else (given, given)
    if len(sides) not in (2, 4) or not all(_whole(side) and 0 <= side <= MAX_BOUND for side in sides):
        raise ValueError(
            f"should be a whole number, [height, width], [top, bottom, left, right] or same, not {given!r}"
        )
    top, bottom, left, right = sides if len(sides) == 4 else (sides[0], sides[0], sides[1], sides[1])
    return top, bottom, left, right


def _names(given: object) -> tuple[str, ...]:
    names = given if isinstance(given, list | tuple) else [given]
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"should be the name of a layer or a list of names, not {given!r}")
    return tuple(names)


def _per_operand(given: object, noun: str, names: tuple[str, ...] = OPERANDS) -> dict[str, Any]:
    values = given if isinstance(given, dict) else dict.fromkeys(OPERANDS, given)
    unknown = [key for key in values if key not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no operand; {noun} are given for {', '.join(names)}")
    return values


def _bits(given: object) -> dict[str, int]:
    widths = _per_operand(given, "bits", WIDTHS)
    for operand, width in widths.items():
        if isinstance(width, str | Quantity):
            widths = {**widths, operand: width_of(width)}
    if not all(_whole(width) and 1 <= width <= 1024 for width in widths.values()):
        raise ValueError(f"should be a whole number from 1 to 1024, e.g. 8 or 8 bit, not {given!r}")
    return widths


def _densities(given: object) -> dict[str, Density]:
    densities = _per_operand(given, "densities")
    for operand, density in densities.items():
        try:
            part, block = read_density(density)
        except DseError as error:
            raise ValueError(error.message.removeprefix("a density ")) from None
        if block and operand == "psum":
            raise ValueError("zeros of psums lie at random, so N:M says nothing of them")
        densities = {**densities, operand: written(part, block)}
    return densities


_ONE = {"type": "integer", "minimum": 1, "maximum": MAX_BOUND}
_WIDTH = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1024}, {"type": "string", "examples": ["8 bit"]}]}
_DENSITY = {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                      {"type": "string", "pattern": "^[0-9]+:[0-9]+$", "examples": ["2:4"]}]}  # fmt: skip


def _list_of(schema: dict[str, Any], *lengths: int) -> list[dict[str, Any]]:
    return [{"type": "array", "items": schema, "minItems": length, "maxItems": length} for length in lengths]


def _operands(schema: dict[str, Any], names: tuple[str, ...] = OPERANDS) -> WithJsonSchema:
    each = {"type": "object", "properties": dict.fromkeys(names, schema), "additionalProperties": False}
    return WithJsonSchema({"anyOf": [schema, each]})


Count = Annotated[WholeNumber, Field(ge=1, le=MAX_BOUND)]
Sides = Annotated[list[Count], Field(min_length=1, max_length=4)]
Pair = Annotated[tuple[int, int], BeforeValidator(_pair), WithJsonSchema({"anyOf": [_ONE, *_list_of(_ONE, 2)]})]
_SIDE = {"type": "integer", "minimum": 0}
Padding = Annotated[
    tuple[int, int, int, int] | Literal["same"],
    BeforeValidator(_pads),
    WithJsonSchema({"anyOf": [_SIDE, *_list_of(_SIDE, 2, 4), {"const": "same"}]}),
]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
BitsSpec = Annotated[dict[str, int], BeforeValidator(_bits), _operands(_WIDTH, WIDTHS)]
DensitySpec = Annotated[dict[str, Density], BeforeValidator(_densities), _operands(_DENSITY)]


class OpSpec(SpecModel):
    """What reads one tensor or more: `from` names them, by default what stands before in the file."""

    from_: Names | None = Field(default=None, alias="from")


class MacSpec(OpSpec):
    bits: BitsSpec | None = None
    density: DensitySpec | None = None
    bias: bool | None = None
    norm: Annotated[WholeNumber, Field(ge=0, le=16)] | None = None
    tensor: str = Field(default="", description="the stored tensor that its weights are, if other layers read it, too")
    tensor_words: Annotated[WholeNumber, Field(ge=0)] = 0


class _Windowed(MacSpec):
    stride: Pair = (1, 1)
    pad: Padding = (0, 0, 0, 0)
    dilation: Pair = (1, 1)


class ConvSpec(_Windowed):
    """A convolution with `conv` filters."""

    conv: Count
    kernel: Pair
    groups: Count = 1

    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.dilation, self.pad)


class DepthwiseSpec(_Windowed):
    """A convolution of each channel by itself; the value is its kernel."""

    depthwise: Pair
    multiplier: Count = 1

    def window(self) -> Window:
        return Window(self.depthwise, self.stride, self.dilation, self.pad)


class SeparableSpec(_Windowed):
    """`NAME_dw`, a depthwise convolution, and `NAME_pw`, a 1x1 convolution with `separable` filters."""

    separable: Count
    kernel: Pair

    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.dilation, self.pad)


class FcSpec(MacSpec):
    """A fully connected layer with `fc` outputs, applied to each token of a sequence."""

    fc: Count


class Product(SpecModel):
    m: Count
    k: Count
    n: Count
    heads: Count = 1


class MatmulSpec(MacSpec):
    """`heads` products of two computed matrices, `m` x `k` and `k` x `n`. It stands alone unless `from` names them."""

    matmul: Product


class Bounds(SpecModel):
    """The loop bounds of a bare layer; K and C per group."""

    G: Count = 1
    N: Count = 1
    K: Count = 1
    C: Count = 1
    P: Count = 1
    Q: Count = 1
    R: Count = 1
    S: Count = 1
    H: Annotated[WholeNumber, Field(ge=0, le=MAX_BOUND)] = 0
    W: Annotated[WholeNumber, Field(ge=0, le=MAX_BOUND)] = 0
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pad: Padding = (0, 0, 0, 0)


class LayerSpec(MacSpec):
    """A MAC layer by its bounds for one image. `shape` is its output's, by default [G*K, P, Q]. It stands alone unless
    `from` names what it reads."""

    layer: Bounds
    shape: Sides | None = None
    weights: Literal["parameters", "activations"] = "parameters"
    extra_parameters: Annotated[WholeNumber, Field(ge=0)] = 0


class _PoolSpec(OpSpec):
    stride: Pair | None = None
    pad: Padding = (0, 0, 0, 0)
    ceil: bool = False


class MaxpoolSpec(_PoolSpec):
    """Pooling; the value is the window, the stride is the window unless given."""

    maxpool: Pair


class AvgpoolSpec(_PoolSpec):
    """Pooling; the value is the window, the stride is the window unless given."""

    avgpool: Pair


class GlobalpoolSpec(OpSpec):
    """Pooling of the whole height and width."""

    globalpool: Literal["avg", "max"]


class AddSpec(SpecModel):
    """The sum of the named tensors, element by element."""

    add: Names


class MultiplySpec(SpecModel):
    """The product of the named tensors, element by element; sides of 1 are spread."""

    multiply: Names


class ConcatSpec(SpecModel):
    """The named tensors one after the other, by default along the channels."""

    concat: Names
    axis: Annotated[WholeNumber, Field(ge=0, le=3)] = 0


class ActivationSpec(OpSpec):
    """A function of each element, such as relu; or a normalisation."""

    activation: str


class ReshapeSpec(OpSpec):
    """The same elements in another shape."""

    reshape: Sides


class UpsampleSpec(OpSpec):
    """Each row and column repeated."""

    upsample: Pair


class OtherSpec(OpSpec):
    """Any other operation without MACs, by its name and the shape that it makes."""

    other: str
    shape: Sides
    parameters: Annotated[WholeNumber, Field(ge=0)] = 0


OPS: dict[str, type[SpecModel]] = {
    "conv": ConvSpec, "depthwise": DepthwiseSpec, "separable": SeparableSpec, "fc": FcSpec, "matmul": MatmulSpec,
    "layer": LayerSpec, "maxpool": MaxpoolSpec, "avgpool": AvgpoolSpec, "globalpool": GlobalpoolSpec, "add": AddSpec,
    "multiply": MultiplySpec, "concat": ConcatSpec, "activation": ActivationSpec, "reshape": ReshapeSpec,
    "upsample": UpsampleSpec, "other": OtherSpec,
}  # fmt: skip
"""The operations by the key that names them."""


class ExpectSpec(SpecModel):
    """Totals for one image that loading checks."""

    macs: WholeNumber | None = None
    weights: WholeNumber | None = None
    parameters: WholeNumber | None = None


class WorkloadSpec(SpecModel):
    """A workload file. `bits`, `density`, `bias` and `norm` hold for every layer that does not say otherwise."""

    workload: str
    description: str = ""
    parameters: dict[str, Count] = Field(default_factory=dict, description="sizes by name, for shapes to use")
    input: Sides | dict[str, Sides] | None = None
    batch: Count = 1
    bits: BitsSpec = Field(default_factory=dict)
    density: DensitySpec = Field(default_factory=dict)
    bias: bool = False
    norm: Annotated[WholeNumber, Field(ge=0, le=16)] = 0
    layers: Annotated[dict[str, Any], Field(min_length=1)]
    expect: ExpectSpec = ExpectSpec()
    published: dict[str, float] = Field(default_factory=dict)


_TERM = {"type": "string", "pattern": r"^([0-9]+ ?\* ?)?[A-Za-z_][A-Za-z0-9_]*$", "description": "a parameter"}


def _or_parameter(schema: Any) -> Any:
    """A schema in which every whole number may be a parameter, or a multiple of one, too."""
    if isinstance(schema, list):
        return [_or_parameter(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "integer":
        return {"anyOf": [schema, _TERM]}
    return {key: _or_parameter(part) for key, part in schema.items()}


def workload_schema() -> dict[str, Any]:
    """JSON Schema of workload files, for editors."""
    schema = WorkloadSpec.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    for model in OPS.values():
        operation = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(operation.pop("$defs", {}))
        definitions[model.__name__] = operation
    schema["properties"]["layers"]["additionalProperties"] = {
        "anyOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in OPS.values()]
    }
    for name, definition in definitions.items():
        if name not in ("ExpectSpec",):
            definitions[name] = _or_parameter(definition)
    schema["properties"]["input"] = _or_parameter(schema["properties"]["input"])
    schema["properties"]["extends"] = {"type": "string", "description": "a workload file that this one varies"}
    return schema
