"""What a sweep may choose and must keep, as pydantic models: `space:` and `constraints:` of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from dse.formats.text.quantity import KINDS, Area, Energy, Power, Quantity, QuantityError, Size, Time
from dse.formats.text.source import SpecModel
from dse.formats.text.validation import NO_TRUTH, Number, NumberOrQuantity


def no_mac(quantity: Quantity) -> Quantity:
    """An energy that is not relative to a MAC's."""
    if quantity.unit == "mac":
        raise QuantityError("the energy of a MAC cannot be given in MACs", hint="e.g. 1.2 pJ")
    return quantity


def _no_word(quantity: Quantity) -> Quantity:
    if quantity.unit == "word":
        raise QuantityError("levels have words of different widths", hint="e.g. 512 KiB")
    return quantity


class RangeModel(SpecModel):
    """`{from: 4, to: 32, step: 4}`, or `{from: 32 KiB, to: 512 KiB, factor: 2}`; both ends belong to it."""

    start: NumberOrQuantity = Field(alias="from", description="the first choice: a number or a quantity")
    to: NumberOrQuantity = Field(description="the last choice")
    step: NumberOrQuantity | None = Field(default=None, description="what is added from choice to choice")
    factor: Annotated[Number, Field(gt=1)] | None = Field(
        default=None, description="what each choice is multiplied with, instead of `step`"
    )

    @model_validator(mode="after")
    def _one_way(self) -> RangeModel:
        if (self.step is None) == (self.factor is None):
            raise ValueError("a range has either a step or a factor")
        return self


class RatioModel(SpecModel):
    """`{of: levels.array.rows, ratio: 2}`: the setting follows another one; a whole number is rounded."""

    of: str = Field(description="dotted path of a number or quantity; `levels.NAME.pes` is rows times columns")
    ratio: Annotated[Annotated[float, Field(gt=0)] | str, NO_TRUTH] = Field(
        description="a number, or a quantity for each unit of `of`"
    )


OwnOrArea = Annotated[
    Annotated[Literal["own"], Tag("own")] | Annotated[Area, Tag("value")],
    Discriminator(lambda given: "own" if given == "own" else "value"),
]


class EqualAreaModel(SpecModel):
    """`{equal_area: 16 mm2}`: a capacity takes what the rest of the design leaves of an area."""

    equal_area: OwnOrArea = Field(
        description="the area that every design has at most, or `own`: that of the design as specified"
    )


class PesModel(SpecModel):
    """`{pes: 168}`: every shape of so many PEs, for `levels.NAME.shape`."""

    pes: Annotated[int, Field(ge=1, le=1 << 20, strict=True)] = Field(description="rows times columns")


def _plain(limit: Quantity | float) -> float:
    """A limit as a number that may be compared with others of its kind."""
    if not isinstance(limit, Quantity):
        return limit
    return limit.value * next(units[limit.unit] for _, units in KINDS.values() if limit.unit in units)


class LimitModel(SpecModel):
    """At most, at least, or both."""

    @model_validator(mode="after")
    def _not_empty(self) -> LimitModel:
        if getattr(self, "max", None) is None and getattr(self, "min", None) is None:
            raise ValueError("a constraint has a max or a min")
        return self

    @model_validator(mode="after")
    def _some_keep_it(self) -> LimitModel:
        least, most = getattr(self, "min", None), getattr(self, "max", None)
        if least is not None and most is not None and _plain(least) > _plain(most):
            raise ValueError(f"nothing is at least {least} and at most {most}")
        return self


class AreaLimit(LimitModel):
    """A limit on an area."""

    max: Area | None = Field(default=None, description="at most")
    min: Area | None = Field(default=None, description="at least")


class PowerLimit(LimitModel):
    """A limit on a power."""

    max: Power | None = Field(default=None, description="at most")
    min: Power | None = Field(default=None, description="at least")


class LatencyLimit(LimitModel):
    """A limit on a time."""

    max: Time | None = Field(default=None, description="at most")
    min: Time | None = Field(default=None, description="at least")


class EnergyLimit(LimitModel):
    """A limit on an energy."""

    max: Annotated[Energy, AfterValidator(no_mac)] | None = Field(default=None, description="at most")
    min: Annotated[Energy, AfterValidator(no_mac)] | None = Field(default=None, description="at least")


class SizeLimit(LimitModel):
    """A limit on a size."""

    max: Annotated[Size, AfterValidator(_no_word)] | None = Field(default=None, description="at most")
    min: Annotated[Size, AfterValidator(_no_word)] | None = Field(default=None, description="at least")


class NumberLimit(LimitModel):
    """A limit on a number."""

    max: Annotated[Number, Field(gt=0)] | None = Field(default=None, description="at most")
    min: Annotated[Number, Field(gt=0)] | None = Field(default=None, description="at least")


class ConstraintsModel(SpecModel):
    """Limits on what a sweep may choose; a design beyond them is recorded as infeasible."""

    area: AreaLimit | None = Field(default=None, description="of the chip")
    power: PowerLimit | None = Field(default=None, description="average power over the workload")
    latency: LatencyLimit | None = Field(default=None, description="of the whole workload")
    energy: EnergyLimit | None = Field(default=None, description="of the whole workload")
    peak_power: PowerLimit | None = Field(
        default=None, description="of the chip when every MAC works and every port moves what it can"
    )
    pes: NumberLimit | None = Field(default=None, description="MAC units")
    aspect_ratio: NumberLimit | None = Field(default=None, description="columns over rows of the outermost fan-out")
    storage: SizeLimit | None = Field(default=None, description="capacity of all levels on the chip together")


def _kind_of_space(given: Any) -> str:
    if isinstance(given, SpecModel):
        return type(given).__name__
    if not isinstance(given, Mapping):
        return "value"
    named = {"of": "RatioModel", "ratio": "RatioModel", "equal_area": "EqualAreaModel", "pes": "PesModel"}
    return next((named[key] for key in given if key in named), "RangeModel")


Choices = Annotated[
    Annotated[list[int | float | bool | str], Field(min_length=1), Tag("value")]
    | Annotated[RangeModel, Tag("RangeModel")]
    | Annotated[RatioModel, Tag("RatioModel")]
    | Annotated[EqualAreaModel, Tag("EqualAreaModel")]
    | Annotated[PesModel, Tag("PesModel")],
    Discriminator(_kind_of_space),
]
SpaceModel = dict[str, Choices]
