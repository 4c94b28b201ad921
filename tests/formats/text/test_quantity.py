"""Quantities: every unit, round trips, and errors that name what is wanted."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dse.formats.text import quantity as q
from dse.formats.text.quantity import KINDS, Quantity, QuantityError, parse_quantity

kinds_and_units = st.sampled_from([(kind, unit) for kind, (_, units) in KINDS.items() for unit in units])
values = st.just(0.0) | st.floats(1e-20, 1e12) | st.integers(0, 10**12).map(float)


@given(kinds_and_units, values)
def test_what_is_written_is_read_again(kind_and_unit, value):
    kind, unit = kind_and_unit
    quantity = Quantity(value, unit)
    assert parse_quantity(str(quantity), kind) == quantity
    assert parse_quantity(f"{value!r}{unit}", kind) == quantity
    assert parse_quantity(quantity, kind) == quantity


@given(kinds_and_units, st.sampled_from(sorted(KINDS)))
def test_a_unit_of_another_kind_is_refused(kind_and_unit, kind):
    _, unit = kind_and_unit
    if unit in KINDS[kind][1]:
        parse_quantity(f"3 {unit}", kind)
    else:
        with pytest.raises(QuantityError):
            parse_quantity(f"3 {unit}", kind)


@given(st.text(max_size=12), st.sampled_from(sorted(KINDS)))
def test_any_text_is_read_or_refused(text, kind):
    with suppress(QuantityError):
        assert parse_quantity(text, kind).value >= 0


PREFIXES = {
    "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_prefixes_mean_what_they_mean(kind):
    """Within a kind, units of one stem differ by their prefixes (squared for areas)."""
    units = KINDS[kind][1]
    stems = {}
    for unit, factor in units.items():
        for stem in ("bit/s", "B/s", "bit", "B", "Hz", "J", "m2", "m", "W", "s"):
            prefix = unit.removesuffix(stem)
            if unit.endswith(stem) and (prefix in PREFIXES or not prefix):
                power = 2 if stem == "m2" else 1
                stems.setdefault(stem, []).append(factor / PREFIXES.get(prefix, 1) ** power)
                break
    assert kind == "energy" or sum(map(len, stems.values())) >= len(units) - 3
    for factors in stems.values():
        assert factors == pytest.approx([factors[0]] * len(factors))
    if "B" in stems and "bit" in stems:
        assert stems["B"][0] == 8 * stems["bit"][0]


def test_sizes():
    assert q.bits(Quantity(108, "KiB"), 16) == 108 * 1024 * 8
    assert q.bits(Quantity(12, "word"), 16) == 192
    assert q.bits(Quantity(12, "word"), 8) == 96
    assert q.bits(Quantity(2, "kB"), 16) == 16_000
    assert q.bits(Quantity(0.5, "MiB"), 16) == 2**22
    assert q.width_bits(Quantity(2, "B")) == 16


def test_rates():
    assert q.hertz(Quantity(200, "MHz")) == 2e8
    assert q.words_per_cycle(Quantity(4, "word/cycle"), 16, 1e9) == 4
    assert q.words_per_cycle(Quantity(64, "bit/cycle"), 16, 1e9) == 4
    assert q.words_per_cycle(Quantity(12.8, "GB/s"), 16, 200e6) == pytest.approx(32)
    assert q.words_per_cycle(Quantity(1, "GiB/s"), 8, 2**30) == pytest.approx(1)


def test_energies():
    assert q.picojoules(Quantity(0.5, "pJ"), 3.0) == 0.5
    assert q.picojoules(Quantity(200, "mac"), 3.0) == 600
    assert q.picojoules(Quantity(4, "pJ/bit"), 3.0, word_bits=16) == 64
    assert q.picojoules(Quantity(8, "pJ/B"), 3.0, word_bits=16) == 16
    assert q.picojoules(Quantity(250, "fJ"), 3.0) == 0.25


def test_the_rest():
    assert q.mm2(Quantity(250, "um2")) == pytest.approx(250e-6)
    assert q.nanometres(Quantity(0.18, "um")) == pytest.approx(180)
    assert q.milliwatts(Quantity(1.5, "W")) == 1500
    assert q.seconds(Quantity(5, "us")) == pytest.approx(5e-6)


CONVERTERS = {
    "size": q.bits, "width": q.width_bits, "frequency": q.hertz, "time": q.seconds, "energy": q.picojoules,
    "bandwidth": q.words_per_cycle, "area": q.mm2, "length": q.nanometres, "power": q.milliwatts,
    "voltage": q.volts, "temperature": q.kelvin,
}  # fmt: skip


def test_every_kind_has_a_converter_and_its_example_is_valid():
    assert set(CONVERTERS) == set(KINDS)
    arguments = {"size": (16,), "energy": (1.0,), "bandwidth": (16, 1e9)}
    for kind, (example, _) in KINDS.items():
        for text in example.split(" or "):
            assert CONVERTERS[kind](parse_quantity(text, kind), *arguments.get(kind, ())) > 0


@pytest.mark.parametrize(
    ("text", "kind", "unit"),
    [
        ("16 mm²", "area", "mm2"), ("3 µm", "length", "um"), ("16 words", "size", "word"), ("8 bits", "width", "bit"),
        ("2 MACs", "energy", "mac"), ("4 words / cycle", "bandwidth", "word/cycle"),
    ],
)  # fmt: skip
def test_other_spellings(text, kind, unit):
    assert parse_quantity(text, kind).unit == unit


@pytest.mark.parametrize(
    ("given", "kind", "message", "hint"),
    [
        (12, "size", "12 has no unit", "108 KiB"),
        ("12", "size", "12 has no unit", "108 KiB"),
        (True, "size", "not a number with a unit", "108 KiB"),
        (None, "frequency", "not a number with a unit", "200 MHz"),
        ("fast", "frequency", "not a number with a unit", "200 MHz"),
        ("12 KB", "size", "ambiguous", "KiB (1024 bytes) or kB (1000)"),
        ("12 Kb", "size", "ambiguous", "Kibit or KiB"),
        ("12 mhz", "frequency", "unknown unit 'mhz'", "did you mean 'MHz'"),
        ("12 GHz", "size", "is a frequency, not a size", "108 KiB"),
        ("-12 B", "size", "is below zero", "108 KiB"),
        ("1e999 B", "size", "is not finite", "108 KiB"),
        ("1e308 pJ", "energy", "is huge: no sum holds such numbers", "0.5 pJ"),
        ("1e-300 word/cycle", "bandwidth", "is tiny: no sum holds such numbers", "4 word/cycle"),
    ],
)
def test_errors(given, kind, message, hint):
    with pytest.raises(QuantityError, match=message.replace("(", r"\(")) as caught:
        parse_quantity(given, kind)
    assert hint in caught.value.hint


def test_in_pydantic_models():
    class Level(BaseModel):
        capacity: q.Size

    level = Level(capacity="108 KiB")
    assert level.capacity == Quantity(108, "KiB")
    assert level.model_dump(mode="json") == {"capacity": "108 KiB"}
    schema = Level.model_json_schema()["properties"]["capacity"]
    assert schema["type"] == "string"
    assert "KiB" in schema["description"]
    with pytest.raises(ValueError, match="is a power"):
        Level(capacity="3 W")


def test_converters_refuse_other_kinds():
    with pytest.raises(QuantityError, match="is a power, not a frequency"):
        q.hertz(Quantity(3, "W"))
