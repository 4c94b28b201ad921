"""The record of a sweep: an append-only file with one evaluation a line.

A line is written whole, by one call, as soon as its evaluation ends, so a killed sweep loses at most the evaluations
that were running. Lines stand for themselves: files of the same sweep can be concatenated in any order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from dse.errors import DseError
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.outcomes.numbers import Key, key_of
from dse.formats.text.regular import check_file

FILE_NAME = "evaluations.jsonl"

BOX = b'{"box":'
"""How lines begin that are about a box of designs which were not evaluated."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that does not hold just one evaluation; what cannot be read is skipped, never deleted."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}; skipped"


@dataclass(frozen=True, slots=True)
class Records:
    """What a log holds.

    Parameters
    ----------
    by_id : mapping
        Evaluations by identity. Where an identity occurs twice the first counts, but a failed evaluation gives way to
        one that did not fail, and one that was stopped to one that had more time; of equal ones the smaller number
        counts, which a longer run gave a design that only the proof had mapped.
    alike : tuple of Evaluation
        What those count for beside their own designs: other settings that make the same machine.
    damaged : tuple of Damage
    boxes : frozenset of bytes
        Lines about designs that were not evaluated, see `dse.explore.proof`.
    """

    by_id: Mapping[str, Evaluation]
    damaged: tuple[Damage, ...] = ()
    boxes: frozenset[bytes] = frozenset()
    alike: tuple[Evaluation, ...] = ()

    def of_sweep(self, sweep: str) -> list[Evaluation]:
        """The evaluations of a sweep, one for each design and kind."""
        return [one for one in (*self.by_id.values(), *self.alike) if one.sweep == sweep]


def read_log(path: Path) -> Records:
    """Read a log without changing it; a torn last line is passed over in silence.

    Parameters
    ----------
    path : Path
        `evaluations.jsonl`; a missing file is an empty log.

    Examples
    --------
    >>> read_log(Path("no such file")).by_id
    {}
    """
    by_id: dict[str, Evaluation] = {}
    every: dict[str, dict[Key, Evaluation]] = {}  # of identities that designs of other settings have, too
    damaged: list[Damage] = []
    boxes: set[bytes] = set()
    if not check_file(path):
        return Records(by_id)
    for number, line in _whole_lines(path):
        if line.startswith(BOX):
            boxes.add(line)
            continue
        evaluation, reason = _evaluation(line)
        if reason:
            damaged.append(Damage(str(path), number, reason))
        if evaluation is None:
            continue
        known = by_id.get(evaluation.id)
        if known is not None and (evaluation.id in every or known.parameters != evaluation.parameters):
            designs = every.setdefault(evaluation.id, {key_of(known): known})
            own = designs.get(key_of(evaluation))
            if own is None or evaluation.standing > own.standing:
                designs[key_of(evaluation)] = evaluation
        if known is None or evaluation.standing > known.standing:
            by_id[evaluation.id] = evaluation
    return Records(by_id, tuple(damaged), frozenset(boxes), _alike(by_id, every))


def _alike(by_id: Mapping[str, Evaluation], every: Mapping[str, Mapping[Key, Evaluation]]) -> tuple[Evaluation, ...]:
    """What counts for one of several designs of an identity counts for all: each has the number of its own line."""
    return tuple(
        replace(by_id[identity], number=own.number, parameters=own.parameters)
        for identity, designs in every.items() for key, own in designs.items() if key != key_of(by_id[identity])
    )  # fmt: skip


class LogWriter:
    """Appends evaluations to a log, which it creates, repairs and locks.

    Opening cuts off a torn last line. One sweep at a time may write to a log.

    Raises
    ------
    DseError
        When the file cannot be written or another sweep is writing to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise DseError(f"cannot write {path}: {error.strerror}") from None
        try:
            _lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise DseError(
                f"another sweep is writing to {path}", hint="wait for it, or give another directory with -o"
            ) from None
        _cut_torn_line(self._descriptor)
        self._kept: list[bytes] = []

    def append(self, evaluation: Evaluation) -> None:
        """Write one line and hand it to the operating system, so that killing this process cannot lose it."""
        self.write(evaluation.line())

    def keep(self, line: bytes) -> None:
        """Take a line that may be lost with this process, such as one that can be worked out again. It is written with
        others, before the next line that may not be lost: a call of the system for each takes longer than all else."""
        self._kept.append(line)

    def flush(self) -> None:
        """Write the lines that were kept back."""
        kept, self._kept = self._kept, []
        if kept:
            self._write(b"".join(kept))

    def write(self, line: bytes) -> None:
        """Append one line, newline included, whole or not at all."""
        self.flush()
        self._write(line)

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):  # a full disk: take the half line back and say so
                os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
                raise OSError(28, "no space left on device")
        except OSError as error:
            raise DseError(f"cannot write {self.path}: {error.strerror}") from None

    def close(self) -> None:
        try:
            self.flush()
        finally:
            os.close(self._descriptor)

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that end in a newline and are not empty."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n") and line.strip():
                yield number, line


def _evaluation(line: bytes) -> tuple[Evaluation | None, str]:
    """The evaluation on a line and what is wrong with the line.

    Concatenating a log whose last line is torn leaves half a line in front of a whole one, which is read.
    """
    try:
        return Evaluation.from_dict(_parse(line)), ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        start = line.rfind(b'{"id":')
        if start > 0:
            evaluation, reason = _evaluation(line[start:])
            return evaluation, reason or "begins with half an evaluation"
        return None, _reason(error)


def _parse(line: bytes) -> dict[str, Any]:
    plain = json.loads(line, parse_constant=_no_constant)
    if not isinstance(plain, dict):
        raise TypeError("not a JSON object")
    return plain


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "not JSON"
    if isinstance(error, KeyError):
        return f"has no {error.args[0]!r}"
    return f"not an evaluation ({error})"


def _lock(descriptor: int) -> None:
    """Lock the file for this process; the system lets go of it when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _cut_torn_line(descriptor: int) -> None:
    """Shorten the file to the end of its last whole line."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    end = size
    while end > 0:
        start = max(0, end - 65536)
        os.lseek(descriptor, start, os.SEEK_SET)
        block = os.read(descriptor, end - start)
        newline = block.rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
