"""What a sweep minimises, and how it searches."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from dse.errors import DseError, expect
from dse.mapper.shared.gaps import check_gap

OBJECTIVES = {"energy": "energy_pj", "latency": "latency_s", "edp": "edp_js", "area": "area_mm2"}
"""What a sweep can minimise, and under which name outcomes hold it."""

Objective = Literal["energy", "latency", "edp", "area"]

DEFAULT_OBJECTIVES: tuple[Objective, ...] = ("energy", "latency", "area")


@dataclass(frozen=True, slots=True)
class Search:
    """How to search.

    Parameters
    ----------
    trials : int
        Designs to map, the starting designs included. What is ruled out without mapping it costs no trial.
    sampler : str
        One of `dse.explore.designs.samplers.SAMPLERS`.
    seed : int
    objectives : tuple of str
        Keys of `OBJECTIVES`.
    gap : float
        How far from its optimum a mapping may be, proven, while exploring. The front is solved with no gap.
    resident : bool
        Tensors may stay on chip from layer to layer, on designs with a level that may keep them.
    """

    trials: int
    sampler: str = "auto"
    seed: int = 0
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    gap: float = 0.01
    resident: bool = False

    def __post_init__(self) -> None:
        expect(self.trials, int, "trials", "a whole number, e.g. 96")
        check_gap(self.gap)
        expect(self.seed, int, "seed", "a whole number from 0")
        if self.seed < 0:
            raise DseError(f"seed={self.seed} < 0")
        if self.trials < 1:
            raise DseError(f"trials={self.trials} < 1")
        if not self.objectives:
            raise DseError("a sweep needs an objective", hint=f"choose from {', '.join(OBJECTIVES)}")
        for objective in self.objectives:
            if objective not in OBJECTIVES:
                raise DseError(f"objective {objective!r} is not one of {', '.join(OBJECTIVES)}")
        if len(set(self.objectives)) < len(self.objectives):
            raise DseError(f"an objective is named twice: {', '.join(self.objectives)}")

    @property
    def keys(self) -> tuple[str, ...]:
        """The objectives' names in outcomes."""
        return tuple(OBJECTIVES[objective] for objective in self.objectives)

    @property
    def goal(self) -> str:
        """The figure that tells which of several points is shown: the energy-delay product where energy and latency are
        both objectives, else the first objective that mappings decide.

        Examples
        --------
        >>> Search(9).goal, Search(9, objectives=("area", "energy")).goal, Search(9, objectives=("area",)).goal
        ('edp_js', 'energy_pj', 'area_mm2')
        """
        if {"energy", "latency"} <= set(self.objectives):
            return "edp_js"
        return next((OBJECTIVES[name] for name in self.objectives if name != "area"), "area_mm2")

    @property
    def mapped_for(self) -> Literal["energy", "latency", "edp"]:
        """What layers are mapped for."""
        goals = set(self.objectives)
        if {"energy", "latency"} <= goals or "edp" in goals:
            return "edp"
        return "latency" if "latency" in goals else "energy"


@dataclass(frozen=True, slots=True)
class SearchChanges:
    """What replaces settings of a `Search`, by the same names; None leaves them."""

    trials: int | None = None
    sampler: str | None = None
    seed: int | None = None
    objectives: tuple[str, ...] | None = None
    gap: float | None = None
    resident: bool | None = None

    def over(self, search: Search) -> Search:
        """The search with these changes."""
        return replace(search, **self.given())

    def given(self) -> dict[str, Any]:
        """The settings that are replaced, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
