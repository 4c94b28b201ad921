"""How values show themselves in a notebook."""

import pandas
import pytest

import dse
from dse.problem.notebook import SHOWN_ROWS, html, picture, short


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (short("Layer"), "Layer()"),
        (short("Layer", "conv"), "Layer('conv')"),
        (short("Cost", "a", energy_pj=1234567.8, macs=1234567, bound_by="DRAM"),
         "Cost('a', energy_pj=1.235e+06, macs=1234567, bound_by='DRAM')"),
    ],
)  # fmt: skip
def test_a_text_is_short_and_exact_in_whole_numbers(said, text):
    assert said == text


class Table:
    def __init__(self, rows):
        self.rows = rows

    def __repr__(self):
        return "Table('<b>')"

    def to_dataframe(self):
        return pandas.DataFrame({"name": [f"<i>{i}" for i in range(self.rows)], "value": [1 / 3] * self.rows})


def test_names_are_text_and_long_tables_are_cut():
    page = html(Table(3))
    assert "<b>" not in page
    assert "<i>" not in page
    assert "0.3333" in page
    long = html(Table(1000))
    assert long.count("<tr") < SHOWN_ROWS + 5


def test_a_picture_is_the_one_that_the_package_draws(monkeypatch):
    monkeypatch.setattr(dse, "plot", lambda thing: ("picture of", thing))
    assert picture(3) == ("picture of", 3)
