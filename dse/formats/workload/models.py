"""What a workload file may say: a pydantic model for the file and one for each operation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from dse.errors import DseError
from dse.formats.text.quantity import Quantity, width_of
from dse.formats.text.validation import Number, SpecModel, WholeNumber
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
_WIDTH = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1024}, {"type": "string", "examples": ["16 bit"]}]}
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

    from_: Names | None = Field(
        default=None, alias="from", description="tensors that it reads, by the names of what makes them"
    )


class MacSpec(OpSpec):
    """What multiplies and accumulates."""

    bits: BitsSpec | None = Field(default=None, description="widths of its elements: one, or by operand")
    density: DensitySpec | None = Field(default=None, description="nonzero part of its elements: one, or by operand")
    bias: bool | None = Field(default=None, description="whether it has a bias; a parameter for each filter")
    norm: Annotated[WholeNumber, Field(ge=0, le=16)] | None = Field(
        default=None, description="parameters for each filter of a normalisation that follows"
    )
    tensor: str = Field(default="", description="the stored tensor that its weights are, if other layers read it, too")
    tensor_words: Annotated[WholeNumber, Field(ge=0)] = Field(
        default=0, description="words of that tensor, if they are more than this layer reads"
    )


_STRIDE = "one, or [height, width]"
_PAD = "zeros around the image: one, [height, width], [top, bottom, left, right], or `same`"


class _Windowed(MacSpec):
    stride: Pair = Field(default=(1, 1), description=_STRIDE)
    pad: Padding = Field(default=(0, 0, 0, 0), description=_PAD)
    dilation: Pair = Field(default=(1, 1), description="distance of a filter's taps: one, or [height, width]")


class ConvSpec(_Windowed):
    """A convolution with `conv` filters."""

    conv: Count = Field(description="filters")
    kernel: Pair = Field(description="rows and columns of a filter: one, or [height, width]")
    groups: Count = Field(default=1, description="groups of channels, each with its own filters")

    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.dilation, self.pad)


class DepthwiseSpec(_Windowed):
    """A convolution of each channel by itself; the value is its kernel."""

    depthwise: Pair = Field(description="rows and columns of a filter: one, or [height, width]")
    multiplier: Count = Field(default=1, description="filters for each channel")

    def window(self) -> Window:
        return Window(self.depthwise, self.stride, self.dilation, self.pad)


class SeparableSpec(_Windowed):
    """`NAME_dw`, a depthwise convolution, and `NAME_pw`, a 1x1 convolution with `separable` filters."""

    separable: Count = Field(description="filters of the 1x1 convolution")
    kernel: Pair = Field(description="of the depthwise convolution: one, or [height, width]")

    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.dilation, self.pad)


class FcSpec(MacSpec):
    """A fully connected layer with `fc` outputs, applied to each token of a sequence."""

    fc: Count = Field(description="outputs")


class Product(SpecModel):
    """The sides of a matrix product."""

    m: Count = Field(description="rows of the first matrix")
    k: Count = Field(description="columns of the first, rows of the second: what is summed over")
    n: Count = Field(description="columns of the second")
    heads: Count = Field(default=1, description="such products, each with matrices of its own")


class MatmulSpec(MacSpec):
    """`heads` products of two computed matrices, `m` x `k` and `k` x `n`. It stands alone unless `from` names them."""

    matmul: Product = Field(description="its sides")


class Bounds(SpecModel):
    """The loop bounds of a bare layer; K and C per group."""

    G: Count = Field(default=1, description="groups")
    N: Count = Field(default=1, description="images")
    K: Count = Field(default=1, description="filters of a group")
    C: Count = Field(default=1, description="channels of a group")
    P: Count = Field(default=1, description="rows of the output")
    Q: Count = Field(default=1, description="columns of the output")
    R: Count = Field(default=1, description="rows of a filter")
    S: Count = Field(default=1, description="columns of a filter")
    H: Annotated[WholeNumber, Field(ge=0, le=MAX_BOUND)] = Field(
        default=0, description="rows of the ifmap without padding; 0: those that the outputs need"
    )
    W: Annotated[WholeNumber, Field(ge=0, le=MAX_BOUND)] = Field(default=0, description="its columns, likewise")
    stride: Pair = Field(default=(1, 1), description=_STRIDE)
    dilation: Pair = Field(default=(1, 1), description="distance of a filter's taps: one, or [height, width]")
    pad: Padding = Field(default=(0, 0, 0, 0), description=_PAD)


class LayerSpec(MacSpec):
    """A MAC layer by its bounds for one image. `shape` is its output's, by default [G*K, P, Q]. It stands alone unless
    `from` names what it reads."""

    layer: Bounds = Field(description="its bounds")
    shape: Sides | None = Field(default=None, description="of its output")
    weights: Literal["parameters", "activations"] = Field(
        default="parameters", description="whether the second operand is stored in the model or computed"
    )
    extra_parameters: Annotated[WholeNumber, Field(ge=0)] = Field(
        default=0, description="that the model stores for it beside its weights, bias and norm"
    )


class _PoolSpec(OpSpec):
    stride: Pair | None = Field(default=None, description="by default the window")
    pad: Padding = Field(default=(0, 0, 0, 0), description=_PAD)
    ceil: bool = Field(default=False, description="whether a window that sticks out counts")


class MaxpoolSpec(_PoolSpec):
    """Pooling; the value is the window, the stride is the window unless given."""

    maxpool: Pair = Field(description="the window: one, or [height, width]")


class AvgpoolSpec(_PoolSpec):
    """Pooling; the value is the window, the stride is the window unless given."""

    avgpool: Pair = Field(description="the window: one, or [height, width]")


class GlobalpoolSpec(OpSpec):
    """Pooling of the whole height and width."""

    globalpool: Literal["avg", "max"] = Field(description="mean or maximum")


class AddSpec(SpecModel):
    """The sum of the named tensors, element by element."""

    add: Names = Field(description="names of what makes them")


class MultiplySpec(SpecModel):
    """The product of the named tensors, element by element; sides of 1 are spread."""

    multiply: Names = Field(description="names of what makes them")


class ConcatSpec(SpecModel):
    """The named tensors one after the other, by default along the channels."""

    concat: Names = Field(description="names of what makes them")
    axis: Annotated[WholeNumber, Field(ge=0, le=3)] = Field(default=0, description="of a tensor without its batch")


class ActivationSpec(OpSpec):
    """A function of each element, such as relu; or a normalisation."""

    activation: str = Field(description="its name")


class ReshapeSpec(OpSpec):
    """The same elements in another shape."""

    reshape: Sides = Field(description="the shape, without the batch")


class UpsampleSpec(OpSpec):
    """Each row and column repeated."""

    upsample: Pair = Field(description="how often: one, or [height, width]")


class OtherSpec(OpSpec):
    """Any other operation without MACs, by its name and the shape that it makes."""

    other: str = Field(description="its name")
    shape: Sides = Field(description="of its output, without the batch")
    parameters: Annotated[WholeNumber, Field(ge=0)] = Field(default=0, description="that the model stores for it")


OPS: dict[str, type[SpecModel]] = {
    "conv": ConvSpec, "depthwise": DepthwiseSpec, "separable": SeparableSpec, "fc": FcSpec, "matmul": MatmulSpec,
    "layer": LayerSpec, "maxpool": MaxpoolSpec, "avgpool": AvgpoolSpec, "globalpool": GlobalpoolSpec, "add": AddSpec,
    "multiply": MultiplySpec, "concat": ConcatSpec, "activation": ActivationSpec, "reshape": ReshapeSpec,
    "upsample": UpsampleSpec, "other": OtherSpec,
}  # fmt: skip
"""The operations by the key that names them."""


class ExpectSpec(SpecModel):
    """Totals for one image that loading checks."""

    macs: WholeNumber | None = Field(default=None, description="products of all layers")
    weights: WholeNumber | None = Field(default=None, description="words of weights, shared ones once")
    parameters: WholeNumber | None = Field(default=None, description="weights, biases, norms and all else stored")


class WorkloadSpec(SpecModel):
    """A workload file. `bits`, `density`, `bias` and `norm` hold for every layer that does not say otherwise."""

    workload: str = Field(description="its name", min_length=1)
    description: str = Field(default="", description="for people")
    parameters: dict[str, Count] = Field(default_factory=dict, description="sizes by name, for shapes to use")
    input: Sides | dict[str, Sides] | None = Field(
        default=None, description="shape of one input without the batch, e.g. [3, 224, 224]; or name to shape"
    )
    batch: Count = Field(default=1, description="images at once")
    bits: BitsSpec = Field(default_factory=dict, description="widths of elements: one, or by operand")
    density: DensitySpec = Field(default_factory=dict, description="nonzero part of elements: one, or by operand")
    bias: bool = Field(default=False, description="whether layers have one")
    norm: Annotated[WholeNumber, Field(ge=0, le=16)] = Field(
        default=0, description="parameters for each filter of normalisations"
    )
    layers: Annotated[dict[Annotated[str, Field(min_length=1)], Any], Field(min_length=1)] = Field(
        description="name to operation, in order; each reads what stands before it unless `from` says otherwise"
    )
    expect: ExpectSpec = Field(default=ExpectSpec(), description="totals that loading checks")
    published: dict[str, Number] = Field(default_factory=dict, description="figures that `compare-networks` shows")


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
