"""What a sweep's CPU time goes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, thread_time

PARTS = ("sampler", "designs", "bounds", "contests", "mapping", "log", "cards", "figure", "page")
"""Proposals and learning; pricing and identities of designs; ruling out by bounds, and searches that look only below
what is known, both on all workers; mapping, on all workers; reading and writing the record; the cards of the designs
that the page shows, on all workers; the figure; the page."""


@dataclass(slots=True)
class Spending:
    """CPU seconds by part, and those by the clock of the parts that come after the search.

    Examples
    --------
    >>> spending = Spending()
    >>> spending.add("mapping", 1.5)
    >>> spending.to_dict()["mapping"]
    1.5
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    wall_s: dict[str, float] = field(default_factory=dict)

    def add(self, part: str, seconds: float) -> None:
        self.seconds[part] += seconds

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the time inside the block: the CPU time of this thread, and that by the clock."""
        start, began = thread_time(), monotonic()
        try:
            yield
        finally:
            self.seconds[part] += thread_time() - start
            self.wall_s[part] = self.wall_s.get(part, 0.0) + monotonic() - began

    def to_dict(self) -> dict[str, float]:
        return {part: round(seconds, 3) for part, seconds in self.seconds.items()}
