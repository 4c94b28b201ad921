"""The one error hierarchy. The command line prints it in one place and exits with 2."""

from __future__ import annotations

from collections.abc import Sequence

_EXCERPT_COLUMNS = 96


def visible(text: str) -> str:
    """A text as a terminal may show it: what could command the terminal, such as an escape sequence, is spelt out.

    Examples
    --------
    >>> visible("a\\x1b[2Jb"), visible("one\\ntwo")
    ('a\\\\x1b[2Jb', 'one\\ntwo')
    """
    if all(char.isprintable() or char == "\n" for char in text):
        return text
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


class DseError(Exception):
    """Something a user can put right.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence.
    file, line, column
        Where, when it came from a file; lines and columns count from 1.
    hint : str, optional
        What would be right.
    source_line : str, optional
        The text of that line of the file, shown with a caret under the column.

    Examples
    --------
    >>> import dse
    >>> try:
    ...     dse.Layer("conv", K=0)
    ... except dse.DseError as error:
    ...     print(error)
    layer conv: K=0 < 1
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
        source_line: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.hint = hint
        self.source_line = source_line

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{where}: {self.message}" if where else self.message
        if self.source_line is not None:
            text += _excerpt(self.source_line, self.line, self.column)
        return visible(f"{text}\n  hint: {self.hint}" if self.hint else text)


AN_ARCHITECTURE = "dse.load_architecture('eyeriss') reads one"
A_LAYER = "dse.Layer('conv', K=64, C=3) makes one, dse.load_workload('alexnet').layer('conv1') finds one"
A_WORKLOAD = "dse.load_workload('alexnet') reads one, dse.Workload.of('mine', layers) makes one"
"""What helps where another thing is given."""


def expect(given: object, wanted: type | tuple[type, ...], what: str, hint: str) -> None:
    """Refuse a value that is not of the type that is meant.

    Parameters
    ----------
    given : object
    wanted : type or tuple of type
    what : str
        The argument's name.
    hint : str
        How one gets what is meant.

    Raises
    ------
    DseError

    Examples
    --------
    >>> expect("8", int, "batch", "a whole number, e.g. 8")
    Traceback (most recent call last):
    dse.errors.DseError: batch: '8' is a str, not an int
      hint: a whole number, e.g. 8
    """
    if isinstance(given, wanted) and not isinstance(given, bool):
        return
    first = wanted[0] if isinstance(wanted, tuple) else wanted
    shown = repr(given) if isinstance(given, str | int | float | bool) else "this" if given is not None else "None"
    raise DseError(f"{what}: {shown} is {a_or_an(type(given).__name__)}, not {a_or_an(first.__name__)}", hint=hint)


def a_or_an(noun: str) -> str:
    """A noun with its article; `u` sounds as in unit.

    Examples
    --------
    >>> a_or_an("sweep"), a_or_an("architecture"), a_or_an("unit")
    ('a sweep', 'an architecture', 'a unit')
    """
    return f"an {noun}" if noun[0] in "AEIOaeio" else f"a {noun}"


class SpecError(DseError):
    """A workload, architecture or sweep file that does not say what it should.

    Examples
    --------
    >>> import dse
    >>> try:
    ...     dse.load_workload("vgg61")
    ... except dse.SpecError as error:
    ...     print(error)
    there is no file and no shipped workload named 'vgg61'
      hint: did you mean 'vgg19' or 'vgg16'?
    """


class SpecErrors(SpecError):  # noqa: N818 (several errors, each a SpecError)
    """Everything that is wrong with one file; printed one after the other.

    Parameters
    ----------
    errors : sequence of SpecError
        At least one; the first gives the message and the place of the whole.
    """

    def __init__(self, errors: Sequence[SpecError]) -> None:
        first = errors[0]
        super().__init__(
            first.message, file=first.file, line=first.line, column=first.column, hint=first.hint,
            source_line=first.source_line,
        )  # fmt: skip
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class MappingError(DseError):
    """A mapping that does not compute its layer, or does not fit its architecture.

    Examples
    --------
    >>> import dse
    >>> eyeriss = dse.load_architecture("eyeriss")
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> mapping = dse.map_layer(eyeriss, layer).mapping
    >>> try:
    ...     dse.evaluate(eyeriss, layer.with_(P=60), mapping)
    ... except dse.MappingError as error:
    ...     print(error)
    the loops over P cover 6 of 60 in layer conv
    """


class InfeasibleError(DseError):
    """No mapping of the layer satisfies the architecture and the dataflow.

    Examples
    --------
    >>> import dse
    >>> try:
    ...     dse.map_layer(dse.load_architecture("eyeriss"), dse.Layer("wide", S=16))
    ... except dse.InfeasibleError as error:
    ...     print(error.message.partition(":")[2].partition(":")[0].strip())
    the ifmap scratchpad of PE holds 12 words, a row of a window needs 16 under row-stationary
    """


def _excerpt(source_line: str, line: int | None, column: int | None) -> str:
    """The source line under a gutter with its number, cut around the column, and a caret."""
    text = "".join(char if char.isprintable() else "→" if char == "\t" else " " for char in source_line.rstrip())
    at = (column or 1) - 1
    start = max(0, at - _EXCERPT_COLUMNS // 2) if len(text) > _EXCERPT_COLUMNS else 0
    cut = text[start : start + _EXCERPT_COLUMNS]
    gutter = str(line or "")
    shown = f"\n  {gutter} | {cut}"
    return shown if column is None else f"{shown}\n  {' ' * len(gutter)} | {' ' * (at - start)}^"
