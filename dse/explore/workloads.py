"""Workloads as a sweep or a comparison takes them: read, and changed as it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError

if TYPE_CHECKING:
    from dse.problem.workload import Workload


@dataclass(frozen=True, slots=True)
class WorkloadChanges:
    """What is changed about workloads as they are read; what is not said stays their own.

    Parameters
    ----------
    batch : int, optional
        Images at once.
    parameters : mapping
        Values for parameters that workload files declare, such as `{"seq": 384}`.
    bits, density : mapping
        Widths in bits, and nonzero parts from 0 to 1, by operand.
    """

    batch: int | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    bits: Mapping[str, int] = field(default_factory=dict)
    density: Mapping[str, float] = field(default_factory=dict)

    def over(self, other: WorkloadChanges) -> WorkloadChanges:
        """These changes, and those of `other` where these say nothing; names of a mapping one by one."""
        return WorkloadChanges(
            other.batch if self.batch is None else self.batch,
            {**other.parameters, **self.parameters},
            {**other.bits, **self.bits},
            {**other.density, **self.density},
        )

    def read(self, given: Sequence[str | Path | Workload]) -> tuple[Workload, ...]:
        """Several workloads with these changes: objects, files, or bare names of shipped ones.

        Raises
        ------
        DseError
            For a file that does not say what it should, and for two workloads of one name.
        """
        from dse.formats.workload.load import load_workloads

        read = load_workloads(given, self.parameters, batch=self.batch, bits=self.bits, density=self.density)
        names = [workload.name for workload in read]
        if len(set(names)) < len(names):
            raise DseError(f"workload {max(names, key=names.count)} is given twice")
        return tuple(read)


UNCHANGED = WorkloadChanges()
