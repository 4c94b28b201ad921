"""Words of operands between the levels that keep them, and the terms that count them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Key
from dse.model.counting.records import NONE, WORD
from dse.problem.dims import IFMAP, PSUM, WEIGHT


@dataclass(frozen=True, slots=True)
class Crossing:
    """Words of an operand between the levels that keep it.

    Parameters
    ----------
    operand, parent, child : int
        The levels between which it crosses, `child` being the number of levels where these are the MACs.
    mode : int
        Least multicast (`dse.model.counting.records`) of the fan-outs that it crosses.
    fans : tuple of int
        Levels whose fan-outs it crosses, innermost first.
    views : tuple of int
        By how many of the innermost of these have joined their children, from none (the words into the children) to
        all (those at the parent): the fan-outs (bits) that count children one by one.
    folds : bool
        Whether it brings what the children of a systolic array keep. Then two more counts follow the views: how often
        these words change, and the compute steps for each change (`dse.mapper.deep.bounds.sums.folds`).
    up : int
        The view of the parent.
    alike : tuple of int
        By view, the last one with the same count: where no fan-out between joins children.
    """

    operand: int
    parent: int
    child: int
    fans: tuple[int, ...]
    views: tuple[int, ...]
    mode: int
    folds: bool = False
    up: int = field(init=False, compare=False)
    alike: tuple[int, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        last = {fans: view for view, fans in enumerate(self.views)}
        object.__setattr__(self, "up", len(self.fans))
        object.__setattr__(self, "alike", tuple([last[fans] for fans in self.views]))

    @property
    def changes(self) -> int:
        """Where, behind the views, the count of changes of its words stands."""
        return len(self.fans) + 1

    @property
    def steps_per_change(self) -> int:
        return len(self.fans) + 2


class Term(NamedTuple):
    """coefficient * words of a view of a crossing (or of a tile, or steps), over instances in use.

    `block` and `group` are those of `dse.mapper.deep.bounds.sums.records.Terms`. `used` is the level whose
    instances in use share the time, 0 for none. `extra` has more factors: of an axis, the column of its table.
    Where the coefficient is what a constant with a minus sign left of a larger one (`Book.positive`), the words count
    `whole` each, less `less` in all: no less than by the coefficient, and as much where the words are fewest.
    """

    coefficient: float
    block: int
    group: int
    crossing: int = -1
    view: int = 0
    used: int = 0
    extra: tuple[tuple[int, Key], ...] = ()
    whole: float = 0.0
    less: float = 0.0


def crossings_of(dp: Deep) -> list[Crossing]:
    """Crossings by operand, outermost first."""
    k = len(dp.nodes)
    found = []
    for o in (IFMAP, WEIGHT, PSUM):
        parent = 0
        for child in range(1, k + 1):
            if not dp.kept[child, o]:
                continue
            fans = tuple(i for i in range(child - 1, parent - 1, -1) if dp.fans[i] >= 0)
            views = [sum(1 << i for i in range(child) if dp.fans[i] >= 0)]
            mode = min([WORD] + [int(dp.multicast[dp.fans[i]]) for i in fans])
            for i in fans:
                joins = bool(dp.reduces[dp.fans[i]]) if o == PSUM else mode != NONE
                views.append(views[-1] & ~(1 << i) if joins else views[-1])
            folds = child < k and any(bool(dp.folds[dp.fans[i]].any()) for i in fans)
            found.append(Crossing(o, parent, child, fans, tuple(views), mode, folds))
            parent = child
    return found
