"""What a search of a layer found, before anybody asks for more than its price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dse.architecture.architecture import Architecture
from dse.mapper.shared.result import Certificate, Mapped, Solution
from dse.model.cost import evaluate
from dse.model.mapping import Mapping
from dse.problem.layer import Layer

Reader = Callable[[Architecture, Any, dict[int, frozenset[str]]], Mapping]
"""Architecture, record of a search and its bypass choice, to the mapping."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One mapping that a search found, number `at` of its solution: its price by the search, and the rest if asked for.

    Parameters
    ----------
    layer : Layer
        As the machine runs it.
    read : callable
        Turns a record of the search into its mapping.
    """

    architecture: Architecture
    layer: Layer
    objective: str
    factors: str
    solution: Solution
    at: int
    read: Reader

    @property
    def energy_pj(self) -> float:
        return float(self.solution.values[self.at][0])

    @property
    def cycles(self) -> float:
        return float(self.solution.values[self.at][1])

    @property
    def mapping(self) -> Mapping:
        record = self.solution.records[self.at]
        return self.read(self.architecture, record, self.solution.kept[int(record[-1])])

    @property
    def gaps(self) -> dict[str, float]:
        """How far it may be from the best: `gap`, and for the least latency `energy_gap`, see `Certificate`."""
        return self.solution.gaps

    @property
    def certificate(self) -> Certificate:
        energy, cycles, found = self.energy_pj, self.cycles, self.solution
        value = {"energy": energy, "latency": cycles, "edp": energy * cycles, "front": energy}[self.objective]
        return Certificate(
            objective=self.objective, value=value, lower_bound=float(value / (1 + found.gap)), gap=found.gap,
            space_size=found.space_size, visited=dict(zip(found.counted, found.visited, strict=True)),
            factors=self.factors, energy_gap=found.energy_gap,
        )  # fmt: skip

    def mapped(self) -> Mapped:
        """The mapping, priced in full."""
        mapping = self.mapping
        return Mapped(self.layer, mapping, evaluate(self.architecture, self.layer, mapping), self.certificate)
