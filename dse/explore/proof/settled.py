"""Boxes on the way to being settled, and settled ones."""

from __future__ import annotations

from dataclasses import dataclass

from dse.explore.proof.bounds import DesignBound
from dse.explore.proof.box import Box

RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED = "ruled out", "infeasible", "open", "within the gap", "evaluated"


@dataclass(frozen=True, slots=True)
class Settled:
    """A box whose designs are settled, or left open, and why.

    Parameters
    ----------
    box : Box
    state : {"ruled out", "infeasible", "within the gap", "open", "evaluated"}
    bound : DesignBound
    short : float
        The least fraction by which its bounds must rise to be matched by an evaluated design.
    searched : bool
        A design whose mappings were searched for one that evaluated designs do not match, not only its bounds.
    """

    box: Box
    state: str
    bound: DesignBound
    short: float = 0.0
    searched: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A box that is not settled; the farther from what is known, the earlier in order."""

    short: float
    number: int
    box: Box
    bound: DesignBound

    def __lt__(self, other: Entry) -> bool:
        return (-self.short, self.number) < (-other.short, other.number)


def joined_with(last: Settled, new: Settled) -> Settled | None:
    """Two neighbours along the last setting that differs as one box with the least of their bounds, if settled alike.

    Examples
    --------
    >>> first, second = (Settled(Box((0, i), (0, i)), RULED_OUT, DesignBound(5.0, 2.0)) for i in (3, 4))
    >>> joined_with(first, second).box
    Box(first=(0, 3), last=(0, 4), band=None)
    """
    differ = [i for i, (a, b) in enumerate(zip(last.box.last, new.box.first, strict=True)) if a != b]
    follows = len(differ) == 1 and new.box.first[differ[0]] == last.box.last[differ[0]] + 1
    spanned = [i for i, (a, b) in enumerate(zip(last.box.first, last.box.last, strict=True)) if a != b]
    too_large = all(one.bound.infeasible.startswith("area of ") for one in (last, new))
    alike = last.state == new.state and (last.state == RULED_OUT or last.bound == new.bound or too_large)
    if not follows or not alike or spanned not in ([], differ) or last.box.band or new.box.band:
        return None
    box = last.box.part(differ[0], last.box.first[differ[0]], new.box.first[differ[0]])
    return Settled(box, last.state, last.bound.least(new.bound))
