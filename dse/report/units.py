"""Numbers for people: prefixes, thousands, ratios."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, log10
from typing import Any

PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def prefix_of(value: float) -> tuple[float, str]:
    """The factor and the prefix that bring a value between 1 and 1000.

    Examples
    --------
    >>> prefix_of(0.0042)
    (0.001, 'm')
    """
    if value == 0:
        return 1.0, ""
    exponent = min(max(3 * floor(log10(abs(value)) / 3), min(PREFIXES)), max(PREFIXES))
    return 10.0**exponent, PREFIXES[exponent]


def si(value: float, unit: str, digits: int = 3) -> str:
    """A value with its unit in the prefix that suits it.

    Examples
    --------
    >>> si(0.0123456, "J")
    '12.3 mJ'
    >>> si(999.96e-6, "s")
    '1.00 ms'
    >>> si(1e-7, "J")
    '100 nJ'
    """
    rounded = float(f"{value:.{digits - 1}e}")
    factor, prefix = prefix_of(rounded)
    scaled = rounded / factor
    before = len(str(int(round(abs(scaled), 6))))  # 1e-7 / 1e-9 is a little less than 100
    return f"{scaled:.{max(0, digits - before)}f} {prefix}{unit}"


def energy(pj: float) -> str:
    """An energy given in pJ.

    Examples
    --------
    >>> energy(12.5e9)
    '12.5 mJ'
    """
    return si(pj * 1e-12, "J")


def duration(seconds: float) -> str:
    """A short time for results.

    Examples
    --------
    >>> duration(0.0421)
    '42.1 ms'
    """
    return si(seconds, "s")


def power(mw: float) -> str:
    """A power given in mW.

    Examples
    --------
    >>> power(278)
    '278 mW'
    """
    return si(mw * 1e-3, "W")


def whole(number: float) -> str:
    """A count with its thousands apart.

    Examples
    --------
    >>> whole(15470264320)
    '15,470,264,320'
    """
    return f"{number:,.0f}"


def capacity(bits: float) -> str:
    """A capacity given in bits, in bytes with a binary prefix.

    Examples
    --------
    >>> capacity(108 * 8192)
    '108 KiB'
    >>> capacity(24 * 16)
    '48 B'
    """
    size, step = bits / 8, 0
    while size >= 1024 and step < 3:
        size, step = size / 1024, step + 1
    return f"{size:.4g} {('', 'Ki', 'Mi', 'Gi')[step]}B"


def times(ratio: float) -> str:
    """A ratio.

    Examples
    --------
    >>> times(0.3456)
    '0.346x'
    """
    return f"{ratio:.3g}x"


def percent(share: float) -> str:
    """A share as a percentage of three digits at most.

    Examples
    --------
    >>> percent(0.413), percent(0.05), percent(6.66), percent(0), percent(0.0004), percent(float("inf"))
    ('41.3 %', '5 %', '666 %', '0 %', '0.04 %', 'inf %')
    """
    value = 100 * share
    digits = 0 if value == 0 or value >= 100 else 1 if value >= 0.1 else 2
    return f"{value:.{digits}f}".removesuffix(".0") + " %"


def percent_up(share: float) -> str:
    """A proven gap as a percentage of two digits, rounded up: less would be more than is proven.

    Examples
    --------
    >>> percent_up(0.02841351526585001), percent_up(0.01), percent_up(0.0), percent_up(1.234), percent_up(1e-6)
    ('2.9 %', '1 %', '0 %', '124 %', '0.0001 %')
    """
    if share <= 0:
        return "0 %"
    digits = max(0, 1 - floor(log10(100 * share)))
    text = f"{ceil(100 * share * 10**digits * (1 - 1e-9)) / 10**digits:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text} %"


def clock_time(seconds: float) -> str:
    """A waiting time.

    Examples
    --------
    >>> clock_time(42.4), clock_time(190), clock_time(7300)
    ('42 s', '3 min 10 s', '2 h 01 min')
    """
    whole_seconds = round(seconds)
    if whole_seconds < 60:
        return f"{whole_seconds} s"
    if whole_seconds < 3600:
        return f"{whole_seconds // 60} min {whole_seconds % 60:02d} s"
    return f"{whole_seconds // 3600} h {whole_seconds % 3600 // 60:02d} min"


def many(layer: Mapping[str, Any]) -> str:
    """A layer's name, and how often it occurs.

    Examples
    --------
    >>> many({"name": "conv2", "count": 3})
    'conv2 x3'
    """
    return f"{layer['name']} x{layer['count']}" if layer["count"] > 1 else str(layer["name"])
