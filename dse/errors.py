"""The one error hierarchy. The command line prints it in one place and exits with 2."""

from __future__ import annotations


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
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class SpecError(DseError):
    """A workload, architecture or sweep file that does not say what it should."""


class MappingError(DseError):
    """A mapping that does not compute its layer, or does not fit its architecture."""


class InfeasibleError(DseError):
    """No mapping of the layer satisfies the architecture and the dataflow."""
