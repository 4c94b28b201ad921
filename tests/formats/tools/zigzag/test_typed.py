"""Lists and mappings in ZigZag's files are what they should be, or are named with their place."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.zigzag.typed import check_kinds


def check(text):
    source = parse_source(text)
    check_kinds(source, (), source.data, lists=["ports"], mappings=["served"])


@pytest.mark.parametrize("text", ["ports: [1]", "served: {a: 1}", "other: 3", "ports:", "{}"])
def test_what_is_right_or_left_out_is_no_error(text):
    check(text)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [("ports: 3", "ports is a list", 1), ("other: 1\nserved: [1]", "served is a mapping", 2)],
)
def test_what_is_wrong_has_its_place(text, message, line):
    with pytest.raises(SpecError, match=message) as caught:
        check(text)
    assert caught.value.line == line
