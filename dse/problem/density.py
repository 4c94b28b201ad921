"""How many elements of an operand are not zero: a part of them anywhere, or N of every M."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from dse.errors import DseError

MAX_BLOCK = 256
"""Elements of the largest block."""

Density = float | str
"""A part of the elements, which lie at random; or `N:M`, N of every M elements."""


def read_density(given: Density) -> tuple[float, int]:
    """The part that is not zero, and the size of the blocks that each keep this part; 0 where zeros lie at random.

    Raises
    ------
    DseError
        Neither a number above 0 and at most 1, nor N:M with 1 <= N <= M <= 256.

    Examples
    --------
    >>> read_density("2:4"), read_density(0.3), read_density("0.3")
    ((0.5, 4), (0.3, 0), (0.3, 0))
    """
    wrong = DseError(f"a density should be above 0 and at most 1, or N:M such as 2:4, not {given!r}")
    if isinstance(given, str) and ":" in given:
        kept, _, block = (part.strip() for part in given.partition(":"))
        if not (kept.isdecimal() and block.isdecimal() and 1 <= int(kept) <= int(block) <= MAX_BLOCK):
            raise wrong
        return int(kept) / int(block), int(block)
    try:
        part = float(given) if not isinstance(given, bool) else 0.0
    except (TypeError, ValueError):
        raise wrong from None
    if not 0 < part <= 1:
        raise wrong
    return part, 0


def written(part: float, block: int) -> Density:
    """The inverse of `read_density`.

    Examples
    --------
    >>> written(0.5, 4), written(0.3, 0)
    ('2:4', 0.3)
    """
    return f"{round(part * block)}:{block}" if block else part


def packed_bits(bits: int, part: float, block: int) -> int | Fraction:
    """Bits that an element takes on average where each block keeps its values with their places in it.

    Of M elements N values of `bits` are kept, each with an index of ceil(log2 M) bits.

    Examples
    --------
    >>> packed_bits(8, 0.5, 4), packed_bits(8, 0.25, 4), packed_bits(8, 0.3, 0)
    (5, Fraction(5, 2), 8)
    """
    if not block:
        return bits
    index = (block - 1).bit_length()
    width = Fraction(round(part * block) * (bits + index), block)
    return int(width) if width.denominator == 1 else width


def split(given: Mapping[str, Density]) -> tuple[dict[str, float], dict[str, int]]:
    """Parts and block sizes by operand.

    Examples
    --------
    >>> split({"weight": 0.25})
    ({'weight': 0.25}, {'weight': 0})
    """
    read = {operand: read_density(value) for operand, value in given.items()}
    return {operand: part for operand, (part, _) in read.items()}, {o: block for o, (_, block) in read.items()}
