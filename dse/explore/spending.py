"""What a sweep's CPU time goes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time

PARTS = ("sampler", "designs", "bounds", "mapping", "log", "drawing")
"""Proposals and learning; pricing and identities of designs; ruling out without mapping; mapping, on all workers;
reading and writing the record; figures and the page."""


@dataclass(slots=True)
class Spending:
    """CPU seconds by part.

    Examples
    --------
    >>> spending = Spending()
    >>> spending.add("mapping", 1.5)
    >>> spending.to_dict()["mapping"]
    1.5
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))

    def add(self, part: str, seconds: float) -> None:
        self.seconds[part] += seconds

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the CPU time of this process inside the block."""
        start = process_time()
        try:
            yield
        finally:
            self.seconds[part] += process_time() - start

    def to_dict(self) -> dict[str, float]:
        return {part: round(seconds, 3) for part, seconds in self.seconds.items()}
