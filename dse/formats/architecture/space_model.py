"""What a sweep may choose and must keep, as pydantic models: `space:` and `constraints:` of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from dse.formats.text.quantity import KINDS, Area, Energy, Power, Quantity, QuantityError, Size, Time
from dse.formats.text.source import SpecModel


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

    start: int | float | str = Field(alias="from")
    to: int | float | str
    step: int | float | str | None = None
    factor: Annotated[float, Field(gt=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> RangeModel:
        if (self.step is None) == (self.factor is None):
            raise ValueError("a range has either a step or a factor")
        return self


class RatioModel(SpecModel):
    """`{of: levels.array.rows, ratio: 2}`: the setting follows another one; a whole number is rounded."""

    of: str = Field(description="dotted path of a number or quantity; `levels.NAME.pes` is rows times columns")
    ratio: Annotated[float, Field(gt=0)] | str = Field(description="a number, or a quantity for each unit of `of`")


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

    pes: Annotated[int, Field(ge=1, le=1 << 20, strict=True)]


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
    max: Area | None = None
    min: Area | None = None


class PowerLimit(LimitModel):
    max: Power | None = None
    min: Power | None = None


class LatencyLimit(LimitModel):
    max: Time | None = None
    min: Time | None = None


class EnergyLimit(LimitModel):
    max: Annotated[Energy, AfterValidator(no_mac)] | None = None
    min: Annotated[Energy, AfterValidator(no_mac)] | None = None


class SizeLimit(LimitModel):
    max: Annotated[Size, AfterValidator(_no_word)] | None = None
    min: Annotated[Size, AfterValidator(_no_word)] | None = None


class NumberLimit(LimitModel):
    max: Annotated[float, Field(gt=0)] | None = None
    min: Annotated[float, Field(gt=0)] | None = None


class ConstraintsModel(SpecModel):
    """Limits on what a sweep may choose; a design beyond them is recorded as infeasible."""

    area: AreaLimit | None = None
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
