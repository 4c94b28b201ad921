"""Why designs do not work, counted: what differs in numbers alone is one reason, with the range of each number."""

from __future__ import annotations

import re
from collections.abc import Iterable

OTHERS = "other reasons"

NUMBER = re.compile(r"(?<![\w.+-])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])")
"""A number by itself, not one in a name such as conv2 or in a shape such as 12x14."""

LIMIT = re.compile(
    r"^(?P<what>.+?) of (?P<values>[\d.e+-]+(?: to [\d.e+-]+)?)(?P<unit> \S+)? is "
    r"(?:less than )?[\d.e+-]+(?: to [\d.e+-]+)? % "
    r"(?P<side>(?:above the maximum|below the minimum) of .+)$"
)
"""A broken limit: `area of 3.1 mm2 is 55.0 % above the maximum of 2 mm2`, with one value or a range of them."""


def counted_reasons(reasons: Iterable[str], most: int = 10) -> dict[str, int]:
    """How often each reason was given, most frequent first.

    Reasons that differ in numbers alone are one, which says from where to where the numbers go. Beyond `most`, they
    count as `OTHERS`.

    Examples
    --------
    >>> said = "area of {} mm2 is {} % above the maximum of 2 mm2"
    >>> counted_reasons([said.format("3.1", "55.0"), said.format("5.7", "185.0"), "no room"])
    {'area above the maximum of 2 mm2 (3.1 to 5.7 mm2)': 2, 'no room': 1}
    >>> counted_reasons(["a", "a", "b", "c"], most=1)
    {'a': 2, 'other reasons': 2}
    """
    found: dict[str, list[list[str]]] = {}
    for reason in reasons:
        found.setdefault(NUMBER.sub("\0", reason), []).append(NUMBER.findall(reason))
    kinds = sorted(found.items(), key=lambda kind: -len(kind[1]))
    counts: dict[str, int] = {}
    for kind, numbers in kinds[:most]:
        said = "; ".join(_limit_said(part) for part in _ranged(kind, numbers).split("; "))
        counts[said] = counts.get(said, 0) + len(numbers)
    left = sum(len(numbers) for _, numbers in kinds[most:])
    return counts | ({OTHERS: left} if left else {})


def said_reasons(counts: dict[str, int]) -> str:
    """Counted reasons as one line.

    Examples
    --------
    >>> said_reasons({"area above the maximum of 2 mm2 (3.1 to 5.7 mm2)": 6, "no room": 1})
    'area above the maximum of 2 mm2 (3.1 to 5.7 mm2): 6 designs; no room: 1 design'
    """
    return "; ".join(f"{reason}: {count} design{'s' if count > 1 else ''}" for reason, count in counts.items())


def _ranged(kind: str, numbers: list[list[str]]) -> str:
    """A reason with the range of each of its numbers."""
    parts = kind.split("\0")
    said = [parts[0]]
    for place, after in enumerate(parts[1:]):
        values = sorted({row[place] for row in numbers}, key=float)
        said += [values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}", after]
    return "".join(said)


def _limit_said(reason: str) -> str:
    """A broken limit with its values last, without the percents, which follow from them; else the reason as it is."""
    match = LIMIT.match(reason)
    if match is None:
        return reason
    unit = match["unit"] or ""
    return f"{match['what']} {match['side']} ({match['values']}{unit})"
