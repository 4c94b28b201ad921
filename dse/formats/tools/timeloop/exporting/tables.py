"""The tables of energies (ERT) and areas (ART) that Timeloop is given, so that none of its plug-ins is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAC = "MAC"
"""The compute unit."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A component and what it costs.

    Parameters
    ----------
    name : str
    energies_pj : mapping
        By action: of one word read, written from outside or updated from inside, of one MAC, or of one cycle (`leak`).
    area_um2 : float
        Of one instance.
    """

    name: str
    energies_pj: Mapping[str, float]
    area_um2: float


def energies_text(components: Sequence[Priced]) -> str:
    """The energy reference table, in pJ.

    Examples
    --------
    >>> print(energies_text([Priced("RF", {"read": 0.25}, 0.0)]))
    ERT:
      version: 0.4
      tables:
      - name: system.RF
        actions:
        - {name: read, arguments: {}, energy: 0.25}
    <BLANKLINE>
    """
    lines = ["ERT:", "  version: 0.4", "  tables:"]
    for component in components:
        lines += [f"  - name: system.{component.name}", "    actions:"]
        lines += [
            f"    - {{name: {action}, arguments: {{}}, energy: {plain(pj)}}}"
            for action, pj in component.energies_pj.items()
        ]
    return "\n".join(lines) + "\n"


def areas_text(components: Sequence[Priced]) -> str:
    """The area reference table, in square micrometres."""
    rows = [f"  - {{name: system.{each.name}, area: {plain(each.area_um2)}}}" for each in components]
    return "\n".join(["ART:", "  version: 0.4", "  tables:", *rows]) + "\n"


def plain(number: float) -> str:
    """A number without exponent."""
    return f"{number:.12f}".rstrip("0").ljust(1, "0") if number != int(number) else f"{int(number)}.0"
