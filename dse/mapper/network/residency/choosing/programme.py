"""An integer programme, built row by row and solved by HiGHS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

import numpy as np

from dse.errors import DseError, InfeasibleError

NO_SOLUTION = 2
"""What `scipy.optimize.milp` answers where there is surely none."""

Term = tuple[int, float]
"""A variable and its coefficient."""


class UndecidedError(DseError):
    """A programme has neither been solved nor shown to have no solution."""


@dataclass(slots=True)
class Programme:
    """Minimise a linear cost over variables in [0, 1], whole ones unless said otherwise."""

    costs: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    rows: list[list[Term]] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def variable(self, cost: float = 0.0, *, most: float = 1.0, whole: bool = True) -> int:
        self.costs.append(cost)
        self.whole.append(int(whole))
        self.most.append(most)
        return len(self.costs) - 1

    def row(self, terms: Iterable[Term], low: float = -inf, high: float = inf) -> None:
        """low <= sum of terms <= high."""
        self.rows.append(list(terms))
        self.low.append(low)
        self.high.append(high)

    def at_most(self, small: Iterable[int], large: Iterable[int]) -> None:
        """The sum of some variables is at most that of others."""
        self.row([*((x, 1.0) for x in small), *((x, -1.0) for x in large)], high=0.0)

    def solve(self, most_nodes: int | None = None, limit_s: float = inf) -> tuple[list[float], float, float]:
        """Values of the variables, their cost, and what no solution costs less than.

        After a limit in seconds the best solution found so far is the answer, and may cost more than the least.

        Raises
        ------
        InfeasibleError
            When there is no solution.
        UndecidedError
            When none was found in so many nodes, or in this time.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_matrix

        data = [(i, j, value) for i, row in enumerate(self.rows) for j, value in row]
        i, j, values = zip(*data, strict=True) if data else ((), (), ())
        matrix = csr_matrix((values, (i, j)), shape=(len(self.rows), len(self.costs)))
        found = milp(
            np.array(self.costs), integrality=np.array(self.whole), bounds=Bounds(0, np.array(self.most)),
            constraints=LinearConstraint(matrix, np.array(self.low), np.array(self.high)),
            options={"mip_rel_gap": 0.0} | ({} if most_nodes is None else {"node_limit": most_nodes})
            | ({} if limit_s == inf else {"time_limit": limit_s}),
        )  # fmt: skip
        if found.x is None and found.status != NO_SOLUTION:
            raise UndecidedError(f"the choice of tensors was not found: {found.message}")
        if found.x is None:
            what = "no choice of tensors at home, not even of none, lets every layer run within the limits"
            raise InfeasibleError(what)
        return found.x.tolist(), float(found.fun), float(found.mip_dual_bound)
