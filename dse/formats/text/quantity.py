"""Quantities with units, as people write them: `108 KiB`, `200 MHz`, `0.5 pJ`, `4 word/cycle`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from dse.errors import DseError, a_or_an
from dse.formats.text.located import did_you_mean
from dse.problem.dims import FORMATS

KINDS: dict[str, tuple[str, dict[str, float]]] = {
    # kind: (example, unit -> factor to the unit whose factor is 1)
    "size": ("108 KiB or 12 word", {
        "bit": 1, "Kibit": 2**10, "Mibit": 2**20, "Gibit": 2**30,
        "B": 8, "KiB": 2**13, "MiB": 2**23, "GiB": 2**33, "kB": 8e3, "MB": 8e6, "GB": 8e9,
        "word": 1,
    }),
    "width": ("16 bit", {"bit": 1, "B": 8}),
    "frequency": ("200 MHz", {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}),
    "time": ("20 ms", {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}),
    "energy": ("0.5 pJ or 6 mac", {
        "fJ": 1e-3, "pJ": 1, "nJ": 1e3, "uJ": 1e6, "mJ": 1e9, "J": 1e12, "mac": 1,
        "pJ/word": 1, "pJ/bit": 1, "pJ/B": 0.125,
    }),
    "bandwidth": ("4 word/cycle or 12.8 GB/s", {
        "word/cycle": 1, "bit/cycle": 1, "B/cycle": 8,
        "bit/s": 1, "Mbit/s": 1e6, "Gbit/s": 1e9, "B/s": 8, "kB/s": 8e3, "MB/s": 8e6, "GB/s": 8e9, "TB/s": 8e12,
        "KiB/s": 2**13, "MiB/s": 2**23, "GiB/s": 2**33,
    }),
    "area": ("16 mm2", {"mm2": 1, "um2": 1e-6}),
    "length": ("65 nm", {"nm": 1, "um": 1e3, "mm": 1e6}),
    "power": ("30 mW", {"nW": 1e-6, "uW": 1e-3, "mW": 1, "W": 1e3}),
    "voltage": ("0.9 V", {"mV": 1e-3, "V": 1}),
    "temperature": ("300 K", {"K": 1}),
}  # fmt: skip
"""What a spec measures, an example of each, and its units; `word`, `mac` and `/cycle` are relative to the
architecture and are converted by the functions below."""

MOST = 1e40
"""The most that a quantity may be in the unit of factor 1, and one over the least: products of some of them, of words
and of steps are numbers then."""

_QUANTITY = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")
_SYMBOLS = {"µ": "u", "μ": "u", "²": "2", "^2": "2"}
_SPELLINGS = {
    "words": "word", "bits": "bit", "bytes": "B", "byte": "B", "macs": "mac", "MAC": "mac", "MACs": "mac",
    "cycles": "cycle",
}  # fmt: skip
_AMBIGUOUS = {"K": "KiB (1024 bytes) or kB (1000)", "KB": "KiB (1024 bytes) or kB (1000)"}
_MISTAKEN = {"kb": "Kibit or KiB", "Kb": "Kibit or KiB", "b": "bit or B", "mb": "Mibit or MiB", "Mb": "Mibit or MiB"}


class QuantityError(DseError, ValueError):
    """A quantity that cannot be read, or of another kind than is wanted. A ValueError too, for pydantic."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit, as written in a spec, e.g. `Quantity(108.0, "KiB")`."""

    value: float
    unit: str

    def __str__(self) -> str:
        number = int(self.value) if self.value == int(self.value) and abs(self.value) < 1e15 else self.value
        return f"{number} {self.unit}".strip()


def parse_quantity(given: object, kind: str) -> Quantity:
    """Read a quantity of a kind.

    Parameters
    ----------
    given : str or Quantity
        A number, white space if you like, and a unit of that kind. `µ`, `²` and plurals of words are understood.
    kind : str
        A key of `KINDS`.

    Raises
    ------
    QuantityError
        No unit, a unit of another kind, a number below zero, not finite, or too large or small to compute with.

    Examples
    --------
    >>> parse_quantity("108 KiB", "size")
    Quantity(value=108.0, unit='KiB')
    """
    example, units = KINDS[kind]
    wanted = f"e.g. {example}"
    if isinstance(given, Quantity):
        given = str(given)
    if isinstance(given, int | float) and not isinstance(given, bool):
        raise QuantityError(f"{given} has no unit", hint=f"{wanted}; units: {_listed(units)}")
    match = _QUANTITY.fullmatch(given.strip()) if isinstance(given, str) else None
    if match is None:
        kinds = ((list, "a list"), (dict, "a mapping"))
        shown = next((name for kind, name in kinds if isinstance(given, kind)), repr(str(given)[:60]))
        raise QuantityError(f"{shown} is not a number with a unit", hint=wanted)
    value, unit = float(match[1]), _normal(match[2])
    if unit not in units:
        raise _wrong_unit(str(given)[:60], match[2], unit, kind)
    if not isfinite(value) or value < 0:
        raise QuantityError(f"{given} is {'below zero' if value < 0 else 'not finite'}", hint=wanted)
    if value > 0 and not 1 / MOST <= value * units[unit] <= MOST:
        raise QuantityError(f"{given} is {'tiny' if value < 1 else 'huge'}: no sum holds such numbers", hint=wanted)
    return Quantity(value, unit)


def in_smaller_unit(quantity: Quantity, kind: str) -> Quantity:
    """The same in the next smaller unit, 1024 or 1000 to one; itself where there is none.

    Examples
    --------
    >>> [str(in_smaller_unit(parse_quantity(text, "size"), "size")) for text in ("1 MiB", "1 kB", "1 word")]
    ['1024 KiB', '1000 B', '1 word']
    """
    units, counts = KINDS[kind][1], quantity.unit.lstrip("kKMGT").removeprefix("i")
    for unit, factor in units.items():
        if unit.endswith(counts) and (times := units[quantity.unit] / factor) in (1000, 1024):
            return Quantity(quantity.value * times, unit)
    return quantity


def bits(quantity: Quantity, word_bits: int) -> int:
    """A size in bits, rounded to the nearest whole bit; words are `word_bits` wide.

    Examples
    --------
    >>> bits(parse_quantity("2 KiB", "size"), 16), bits(parse_quantity("3 word", "size"), 16)
    (16384, 48)
    """
    factor = word_bits if quantity.unit == "word" else _factor(quantity, "size")
    return round(quantity.value * factor)


def width_of(given: str | Quantity) -> int:
    """The width, in bits, that a text states: `8 bit`, or the name of a number format.

    Examples
    --------
    >>> width_of("8 bit"), width_of("bf16")
    (8, 16)
    """
    if isinstance(given, str) and given in FORMATS:
        return FORMATS[given]
    return width_bits(parse_quantity(given, "width"))


def width_bits(quantity: Quantity) -> int:
    """The width of a word, in bits.

    Examples
    --------
    >>> width_bits(parse_quantity("2 B", "width"))
    16
    """
    return round(quantity.value * _factor(quantity, "width"))


def hertz(quantity: Quantity) -> float:
    """A frequency in Hz.

    Examples
    --------
    >>> hertz(parse_quantity("200 MHz", "frequency"))
    200000000.0
    """
    return quantity.value * _factor(quantity, "frequency")


def seconds(quantity: Quantity) -> float:
    """A time in seconds.

    Examples
    --------
    >>> seconds(parse_quantity("2 ms", "time"))
    0.002
    """
    return quantity.value * _factor(quantity, "time")


def picojoules(quantity: Quantity, mac_energy_pj: float, word_bits: int = 16) -> float:
    """An energy in pJ: `mac` is a multiple of one MAC's, and `pJ/bit` and `pJ/B` are taken for one word.

    Examples
    --------
    >>> picojoules(parse_quantity("200 mac", "energy"), 0.5), picojoules(parse_quantity("2 pJ/B", "energy"), 0.5)
    (100.0, 4.0)
    """
    factor = _factor(quantity, "energy")
    if quantity.unit == "mac":
        factor = mac_energy_pj
    elif quantity.unit in ("pJ/bit", "pJ/B"):
        factor *= word_bits
    return quantity.value * factor


def words_per_cycle(quantity: Quantity, word_bits: int, clock_hz: float) -> float:
    """A bandwidth in words of `word_bits` per cycle of the clock.

    Examples
    --------
    >>> words_per_cycle(parse_quantity("1.6 GB/s", "bandwidth"), 16, 200e6)
    4.0
    """
    factor = _factor(quantity, "bandwidth")
    if quantity.unit == "word/cycle":
        return quantity.value
    per_cycle = factor if quantity.unit.endswith("/cycle") else factor / clock_hz
    return quantity.value * per_cycle / word_bits


def mm2(quantity: Quantity) -> float:
    """An area in mm2.

    Examples
    --------
    >>> mm2(parse_quantity("500 um2", "area"))
    0.0005
    """
    return quantity.value * _factor(quantity, "area")


def nanometres(quantity: Quantity) -> float:
    """A length in nm.

    Examples
    --------
    >>> nanometres(parse_quantity("65 nm", "length"))
    65.0
    """
    return quantity.value * _factor(quantity, "length")


def milliwatts(quantity: Quantity) -> float:
    """A power in mW.

    Examples
    --------
    >>> milliwatts(parse_quantity("0.5 W", "power"))
    500.0
    """
    return quantity.value * _factor(quantity, "power")


def volts(quantity: Quantity) -> float:
    """A voltage in V.

    Examples
    --------
    >>> volts(parse_quantity("900 mV", "voltage"))
    0.9
    """
    return quantity.value * _factor(quantity, "voltage")


def kelvin(quantity: Quantity) -> float:
    """A temperature in K.

    Examples
    --------
    >>> kelvin(parse_quantity("300 K", "temperature"))
    300.0
    """
    return quantity.value * _factor(quantity, "temperature")


@dataclass(frozen=True, slots=True)
class OfKind:
    """Pydantic metadata: the annotated field holds a `Quantity` of a kind of `KINDS`, written as text."""

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda given: parse_quantity(given, self.kind),
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        example, units = KINDS[self.kind]
        return {
            "type": "string",
            "pattern": r"^[0-9.eE+-]+\s*\S+$",
            "description": f"a {self.kind} with its unit: {_listed(units)}",
            "examples": example.split(" or "),
        }


Size = Annotated[Quantity, OfKind("size")]
Width = Annotated[Quantity, OfKind("width")]
Frequency = Annotated[Quantity, OfKind("frequency")]
Time = Annotated[Quantity, OfKind("time")]
Energy = Annotated[Quantity, OfKind("energy")]
Bandwidth = Annotated[Quantity, OfKind("bandwidth")]
Area = Annotated[Quantity, OfKind("area")]
Length = Annotated[Quantity, OfKind("length")]
Power = Annotated[Quantity, OfKind("power")]
Voltage = Annotated[Quantity, OfKind("voltage")]
Temperature = Annotated[Quantity, OfKind("temperature")]


def _factor(quantity: Quantity, kind: str) -> float:
    units = KINDS[kind][1]
    if quantity.unit not in units:
        raise _wrong_unit(str(quantity), quantity.unit, quantity.unit, kind)
    return units[quantity.unit]


def _normal(unit: str) -> str:
    """The unit in the spelling of `KINDS`."""
    for written, meant in _SYMBOLS.items():
        unit = unit.replace(written, meant)
    parts = [part.strip() for part in unit.split("/")]
    return "/".join(_SPELLINGS.get(part, part) for part in parts)


def _wrong_unit(given: str, written: str, unit: str, kind: str) -> QuantityError:
    example, units = KINDS[kind]
    if not unit:
        return QuantityError(f"{given} has no unit", hint=f"e.g. {example}; units: {_listed(units)}")
    stem = unit.split("/")[0]
    doubtful = _AMBIGUOUS.get(stem) or _MISTAKEN.get(stem)
    if doubtful and kind in ("size", "bandwidth", "width"):
        return QuantityError(f"the unit {written} of {given!r} is ambiguous", hint=f"write {doubtful}")
    if kind == "bandwidth" and (found := re.fullmatch(r"([kMGT]?)b(?:it)?(?:ps|/s)", unit)):
        return QuantityError(f"{given!r} has the unknown unit {written!r}", hint=f"write {found[1]}bit/s for bits")
    owner = next((other for other, (_, known) in KINDS.items() if unit in known), None)
    if owner:
        others = f"e.g. {example}; units: {_listed(units)}"
        return QuantityError(f"{given!r} is {a_or_an(owner)}, not {a_or_an(kind)}", hint=others)
    hint = did_you_mean(unit, units, shown=20)
    return QuantityError(f"{given!r} has the unknown unit {written!r}", hint=f"{hint} (e.g. {example})")


def _listed(units: dict[str, float]) -> str:
    return ", ".join(units)
