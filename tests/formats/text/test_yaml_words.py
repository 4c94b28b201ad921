"""What is wrong with YAML, said without words of its grammar, at the place that is to be changed."""

import re

import pytest

from dse.errors import SpecError
from dse.formats.text.yaml_tree import parse_tree
from dse.formats.text.yaml_words import Complaint, in_plain_words

CASES = [
    ("a: 1\n b: 2", "2:2: this line is indented below a key that has a value already"),
    ("a:\n  b: 1\n c: 2", "3:2: this line is indented neither like the one above nor like one that it could belong to"),
    ("a: 1 # one\n  - b", "2:3: this line is indented neither"),
    ("  a: 1\nb: 2", "2:1: this line is indented less than the first one"),
    ("- a\nb: 2", "2:1: a key among the entries of a list"),
    ("a: 1\n- b", "2:1: an entry of a list among keys"),
    ("a: [1, 2\nb: 3", "1:4: this [ is not closed"),
    ("a: {b: {c: 1}", "1:4: this { is not closed"),
    ("[", "1:2: the file ends within [ or {"),
    ("a: ]", "1:4: this bracket closes nothing"),
    ("a: [,]", "1:5: a value is missing before this comma"),
    ("a: {x: 1 y: 2}", "1:11: a comma is missing before this"),
    ("a: [1, 2] 3", "1:11: there is more after the value"),
    ("a: 'x", "1:4: this quote is not closed"),
    ('a: "\\q"', "1:6: a backslash in double quotes begins a special character"),
    ("a: b: c", "1:5: a second colon in the value"),
    ("a:1\nb: 2", "1:2: a space is missing after this colon"),
    ("a b\nd: 1", "1:1: this line is no `key: value`"),
    ("a: |\n x\ny", "3:1: this line is no `key: value`"),
    ("a: |x\n x", "1:5: text of several lines begins on the line below"),
    ("a: - b", "1:4: a list cannot begin on the line of its key"),
    ("a: @x", "1:4: a value cannot begin with @"),
    ("a: ? b", "1:4: a value cannot begin with ?"),
    ("a: *", "1:5: & and * begin the names of anchors"),
    ("%YAML 9\n---\na: 1", "1:1: a line that begins with % means nothing here"),
    ("a:\n\tb: 1", "2:1: a tab where YAML takes spaces only"),
    ("a: 1\nb: \x07", "2:4: the control character U+0007"),
]


@pytest.mark.parametrize(("text", "told"), CASES)
def test_it_is_said_as_a_colleague_would(text, told):
    with pytest.raises(SpecError) as caught:
        parse_tree(text, "f.yaml")
    said = str(caught.value).splitlines()[0]
    assert said.startswith(f"f.yaml:{told}")
    assert not re.search(r"scalar|block|flow|stream|token|not valid YAML|<", said)


def test_what_is_not_known_is_told_as_the_parser_says_it():
    told = in_plain_words(Complaint("something new", (3, 1), None), ["a"])
    assert (told.message, told.place, told.hint) == ("not valid YAML: something new", (3, 1), None)
