"""The eight loop bounds of a MAC layer, its three operands, and which bound touches which operand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

DIMS = ("G", "N", "K", "C", "P", "Q", "R", "S")
"""Loop bounds, in the order used by every array in the package: groups, batch, output channels and
input channels per group, ofmap height and width, filter height and width."""

G, N, K, C, P, Q, R, S = range(8)
"""Places of the dims in `DIMS`, for compiled code."""

OPERANDS = ("ifmap", "weight", "psum")

WIDTHS = (*OPERANDS, "ofmap")
"""What has a width: the operands, psums while unfinished, and finished outputs."""

FORMATS = {"int4": 4, "int8": 8, "int16": 16, "fp8": 8, "bf16": 16, "fp16": 16, "fp32": 32}
"""Number formats that stand for their widths, in bits."""

IFMAP, WEIGHT, PSUM = range(3)
"""Places of the operands in `OPERANDS`, for compiled code."""

RELEVANT: dict[str, frozenset[str]] = {
    "ifmap": frozenset("GNCPQRS"),
    "weight": frozenset("GKCRS"),
    "psum": frozenset("GNKPQ"),
}
"""The dims that index each operand; all others are reuse of it."""

AXES = (("G",), ("N",), ("K",), ("C",), ("P", "R"), ("Q", "S"))
"""Every access count is a product over these axes; P and R (Q and S) meet on the ifmap's height (width)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PerOperand(Generic[T]):
    """One value for each operand, readable by key (`bits["weight"]`) or attribute (`bits.weight`).

    Examples
    --------
    >>> from dse.problem.dims import PerOperand
    >>> bits = PerOperand(ifmap=8, weight=8, psum=24)
    >>> bits["psum"], bits.psum, dict(bits.items())
    (24, 24, {'ifmap': 8, 'weight': 8, 'psum': 24})
    >>> PerOperand.of(bits.to_dict()) == bits
    True
    >>> PerOperand.same(16)
    PerOperand(ifmap=16, weight=16, psum=16)
    """

    ifmap: T
    weight: T
    psum: T

    def __getitem__(self, operand: str) -> T:
        if operand not in OPERANDS:
            raise KeyError(operand)
        value: T = getattr(self, operand)
        return value

    def __iter__(self) -> Iterator[T]:
        return iter((self.ifmap, self.weight, self.psum))

    def items(self) -> Iterator[tuple[str, T]]:
        return zip(OPERANDS, self, strict=True)

    def to_dict(self) -> dict[str, T]:
        return dict(self.items())

    @classmethod
    def of(cls, values: Mapping[str, T]) -> PerOperand[T]:
        return cls(*(values[operand] for operand in OPERANDS))

    @classmethod
    def same(cls, value: T) -> PerOperand[T]:
        return cls(value, value, value)
