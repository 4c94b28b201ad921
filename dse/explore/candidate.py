"""A design on its way from a proposal to its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.explore.outcomes.evaluation import Outcome
from dse.explore.proof.bounds import DesignBound


@dataclass(slots=True)
class Candidate:
    """A design by its settings; `found` is what `Explorer._identify` says of it, until it is evaluated."""

    number: int
    settings: Mapping[str, Any]
    found: tuple[str, Any, Outcome | None] | None = None


Beside = tuple[Candidate, DesignBound]
"""A design that differs from another in prices alone, and its bound."""

ALONE: Mapping[int, Sequence[Beside]] = {}
"""No designs beside any."""
