"""Names that stand for something elsewhere are checked, whatever else is wrong with a file."""

import pytest

from dse.formats.architecture.names import unknown_names
from dse.formats.text.source import parse_source


@pytest.mark.parametrize(
    "text",
    [
        "technology: cmos-45nm",
        "technology: {table: cmos-45nm}\ndataflow: row-stationary",
        "dataflow: mine\ndataflows: {mine: {rows: [K]}}",
        "dataflow: {rows: [K]}",
        "levels: {}",
    ],
)
def test_names_that_are_known(text):
    assert unknown_names(parse_source(text)) == []


def test_both_errors_are_found_at_once():
    errors = unknown_names(parse_source("technology: {table: cmos-54nm}\ndataflow: row-stationry"))
    assert [error.line for error in errors] == [1, 2]
    assert "did you mean" in errors[0].hint
    assert "row-stationary" in errors[1].hint
