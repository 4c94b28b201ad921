"""Numbers for people lose no more than they show."""

import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.report import table, units
from dse.report.text import sweeps
from dse.report.units import PREFIXES, si


@given(st.floats(1e-14, 1e14))
def test_a_prefixed_value_is_the_value(value):
    number, unit = re.fullmatch(r"([\d.]+) (\S*)J", si(value, "J")).groups()
    factor = next(10.0**exponent for exponent, prefix in PREFIXES.items() if prefix == unit)
    assert float(number) * factor == pytest.approx(value, rel=0.0051)
    assert 1 <= float(number) < 1000
    assert len(number.replace(".", "")) == 3


@pytest.mark.parametrize("module", [units, table, sweeps])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def test_ends():
    assert si(0, "s") == "0.00 s"
    assert units.si(999.6e-3, "s") == "1.00 s"
    assert units.capacity(8 * 1024**5) == "1.049e+06 GiB"
