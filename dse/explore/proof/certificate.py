"""What a sweep has proven about the whole of its space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import ceil, floor, inf, isfinite, log10
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
        For every point of every design of the space, the open ones included, some evaluated design has a point with no
        more area and at most 1 + gap times its other objectives. Infinite where nothing of the kind is known.
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
        """As plain data; the gap is None where it is infinite."""
        return {**asdict(self), "gap": self.gap if isfinite(self.gap) else None, "complete": self.complete}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Certificate:
        """The inverse of `to_dict`."""
        gap = inf if plain["gap"] is None else float(plain["gap"])
        return cls(**{**{field.name: plain[field.name] for field in fields(cls)}, "gap": gap})

    def sentence(self, objectives: tuple[str, ...]) -> str:
        """One line for people.

        Examples
        --------
        >>> Certificate(7200, 120, 3000, 4080, 0, 0.0, 0.01).sentence(("energy", "latency"))
        'no other design of the 7,200 is better in both energy and latency: proven'
        >>> Certificate(7200, 120, 2900, 4080, 100, 0.0312, 0.01).sentence(("edp", "area"))
        'no other design of the 7,200 is better in EDP at no more area by more than 3.2 %: proven; 100 are open at 1 %'
        >>> Certificate(9, 4, 5, 0, 0, 0.09, 0.01).sentence(("edp",))
        'no other design of the 9 is better in EDP by more than 9 %: proven; each is mapped, or ruled out within 1 %'
        """
        names = ["EDP" if name == "edp" else name for name in objectives if name != "area"]
        what = f"both {names[0]} and {names[1]}" if len(names) == 2 else " and ".join(names) or "area"
        where = " at no more area" if names and "area" in objectives else ""
        unsettled = f"{self.open:,} {'is' if self.open == 1 else 'are'} open"
        left = f"; {unsettled} at {self.wanted * 100:.2g} %"
        if self.complete:
            wide = self.gap > self.wanted
            left = f"; each is mapped, or ruled out within {self.wanted * 100:.2g} %" if wide else ""
        if self.gap == inf and self.complete:
            return f"none of the {self.space:,} designs is open, but how near the best their mappings are is not proven"
        if self.gap == inf:
            settled = f"{self.space - self.open:,} of the {self.space:,} designs are settled; {unsettled}"
            return f"{settled}, and how much better these may be is not known yet"
        by = f" by more than {_rounded_up(self.gap * 100)} %" if self.gap > 0 else ""
        return f"no other design of the {self.space:,} is better in {what}{where}{by}: proven{left}"


def closer(one: Certificate | None, other: Certificate | None) -> Certificate | None:
    """The one that says more, of two about the same space and all that is known of it; the first if they say as much.

    Examples
    --------
    >>> first, second = Certificate(9, 2, 0, 0, 7, inf, 0.01), Certificate(9, 4, 5, 0, 0, 0.09, 0.01)
    >>> closer(first, second) is closer(second, first) is closer(second, None) is second
    True
    """
    if one is None or other is None:
        return one or other
    return other if (other.gap, other.open) < (one.gap, one.open) else one


def _rounded_up(percent: float) -> str:
    """Two digits, or all before the point, and never less than the number: less would be more than is proven."""
    digits = max(0, 1 - floor(log10(percent)))
    return f"{ceil(percent * 10**digits * (1 - 1e-12)) / 10**digits:.{digits}f}".rstrip("0" * (digits > 0)).rstrip(".")
