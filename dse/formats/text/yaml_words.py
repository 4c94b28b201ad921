"""What a YAML parser finds wrong, in the words of somebody who wrote the file by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass

SAME_COLUMN = "the entries of one mapping, or of one list, begin in the same column"

QUOTES = "put the whole text in quotes"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a parser says.

    Parameters
    ----------
    problem : str
        In its words.
    at, began : (line, column) or None
        Where it noticed, and where what it was reading began; both count from 0.
    """

    problem: str
    at: tuple[int, int] | None
    began: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Told:
    """A complaint in plain words: what is wrong, where (line and column from 0), and what would be right."""

    message: str
    place: tuple[int, int] | None
    hint: str | None = None


def in_plain_words(complaint: Complaint, lines: list[str]) -> Told:
    """What is wrong, at the place that is to be changed.

    Parameters
    ----------
    complaint : Complaint
    lines : list of str
        Of the file.

    Examples
    --------
    >>> in_plain_words(Complaint("mapping values are not allowed here", (0, 4), None), ["a: b: c"]).message
    'a second colon in the value'
    """
    problem, at, began = complaint.problem, complaint.at, complaint.began
    if "\\t" in problem:
        return Told("a tab where YAML takes spaces only", at, "indent with spaces")
    if problem.startswith("expected ',' or") and began is not None and at is not None:
        return _in_brackets(problem, at, began)
    if "mapping values" in problem and at is not None:
        return _colon(at, lines)
    if "expected <block end>" in problem:
        return _astray(problem, at)
    if "cannot start any token" in problem:
        character = re.search(r"'(.)'", problem)
        return Told(f"a value cannot begin with {character[1] if character else 'this'}", at, QUOTES)
    for part, message, from_start, hint in SAID:
        if part in problem:
            return Told(message, began if from_start else at, hint)
    return Told(f"not valid YAML: {problem}", at)


SAID = (
    ("unexpected end of stream", "this quote is not closed", True, "a quote is missing at its end"),
    ("unknown escape character", "a backslash in double quotes begins a special character, and this is none", False,
     "write \\\\ for a backslash, or put the text in single quotes"),
    ("could not find expected ':'", "this line is no `key: value`", True, "a colon is missing"),
    ("chomping or indentation", "text of several lines begins on the line below its | or >", False, None),
    ("sequence entries are not allowed", "a list cannot begin on the line of its key", False,
     "begin it on the next line, or write it as [a, b]"),
    ("mapping keys are not allowed", "a value cannot begin with ?", False, QUOTES),
    ("but found '<stream end>'", "the file ends within [ or {", False, "a ] or a } is missing"),
    ("expected the node content, but found ','", "a value is missing before this comma", False, None),
    ("expected the node content", "this bracket closes nothing", False, "leave it out, or put it in quotes"),
    ("'<document start>'", "this line is indented less than the first one", False, SAME_COLUMN),
    ("alphabetic or numeric character", "& and * begin the names of anchors", False, QUOTES),
    ("while scanning a directive", "a line that begins with % means nothing here", True, None),
    ("a digit or '.'", "a line that begins with % means nothing here", True, "leave it out"),
)  # fmt: skip
"""A part of the parser's problem, what it means, whether that is told where it began, and what would be right."""


def _in_brackets(problem: str, at: tuple[int, int], began: tuple[int, int]) -> Told:
    opened, closing = ("{", "}") if "or '}'" in problem else ("[", "]")
    if began[0] < at[0] or any(f"but got '{end}'" in problem for end in ("}", "]", "<stream end>")):
        # where it was noticed is too late, often by a line
        return Told(f"this {opened} is not closed", began, f"a {closing} or a comma is missing")
    entries = "{rows: 12, cols: 14}" if opened == "{" else "[12, 14]"
    return Told("a comma is missing before this", at, f"entries between {opened} and {closing} are as in {entries}")


def _colon(at: tuple[int, int], lines: list[str]) -> Told:
    """A colon where none can be: a second one in a line, or one in a line that belongs to the value above."""
    line, column = at
    if re.search(r":\s", lines[line][:column]):
        return Told("a second colon in the value", at, "text with a colon in it stands in quotes")
    above = next((i for i in range(line - 1, -1, -1) if lines[i].strip()), None)
    if above is None:
        return Told("a colon where none can be", at, "text with a colon in it stands in quotes")
    before = lines[above]
    start = len(before) - len(before.lstrip())
    if squeezed := re.match(r"\s*[\w.-]+:(?=\S)", before):
        return Told("a space is missing after this colon", (above, squeezed.end() - 1), None)
    if not re.search(r":(\s|$)", before):
        return Told("this line is no `key: value`", (above, start), "a colon is missing")
    indent = len(lines[line]) - len(lines[line].lstrip())
    return Told("this line is indented below a key that has a value already", (line, indent), SAME_COLUMN)


def _astray(problem: str, at: tuple[int, int] | None) -> Told:
    """Something where the parser waited for the end of a mapping or of a list."""
    if "found '-'" in problem:
        return Told("an entry of a list among keys", at, "give the list a key of its own, or indent it like its others")
    if "found '?'" in problem:
        return Told("a key among the entries of a list", at, "begin each entry with -, or indent the key differently")
    if "found '<scalar>'" in problem:
        return Told("there is more after the value", at, QUOTES)
    return Told("this line is indented neither like the one above nor like one that it could belong to", at,
                SAME_COLUMN)  # fmt: skip
