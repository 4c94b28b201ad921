"""What a sweep has proven about the whole of its space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Certificate:
    """How much of a design space is settled, and how closely.

    Parameters
    ----------
    space : int
        Designs of the declared space.
    evaluated : int
        Of these, those that were mapped.
    ruled_out : int
        Those whose lower bounds show that some evaluated design matches them within `gap`.
    infeasible : int
        Those that keep no constraint, or map no layer, whatever the mapping.
    open : int
        All others.
    gap : float
        For every point of every design of the space but the open ones, a design on the front has a point with no more
        area and at most 1 + gap times its other objectives. Infinite where nothing is known.
    wanted : float
        The gap beyond which a design counts as open.

    Examples
    --------
    >>> Certificate(7200, 120, 3000, 4080, 0, 0.01, 0.01).complete
    True
    """

    space: int
    evaluated: int
    ruled_out: int
    infeasible: int
    open: int
    gap: float
    wanted: float

    @property
    def complete(self) -> bool:
        """Whether nothing is open."""
        return self.open == 0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "complete": self.complete}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Certificate:
        """The inverse of `to_dict`."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__})

    def sentence(self, objectives: tuple[str, ...]) -> str:
        """One line for people."""
        names = [name for name in objectives if name != "area"] or ["area"]
        better = f"better in {' and '.join(['EDP' if name == 'edp' else name for name in names])}"
        better += " at no more area" if "area" in objectives and names != ["area"] else ""
        by = f" by more than {self.gap:.2g}".replace("e-0", "e-") if 0 < self.gap < 1e-3 else f" by more than {self.gap:.1%}"
        if self.complete:
            return f"no other design of the {self.space:,} is {better}{by if self.gap > 0 else ''}: proven"
        settled = self.space - self.open
        return f"{settled:,} of {self.space:,} designs settled, none {better}{by}: proven; {self.open:,} are open"
