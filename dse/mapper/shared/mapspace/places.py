"""Where the rules of a dataflow apply in a hierarchy, for both searches and for the reasons why nothing fits."""

from __future__ import annotations

from dataclasses import dataclass

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level


@dataclass(frozen=True, slots=True)
class Places:
    """Where a dataflow's rules apply, as indices of levels (not nodes); -1 for a place that does not exist.

    Parameters
    ----------
    levels : tuple of int
        Node of every list: a level, or a fan-out right below another one, between which stands a list without loops
        that keeps nothing.
    fans : tuple of int
        Node of the fan-out right below every list, -1 for none.
    near : int
        Level whose list `stationary` and `innermost` speak of: right above the outermost fan-out.
    array : int
        Level right above the outermost fan-out, -1 without fan-outs.
    pe : int
        Level whose tile `inside` and `inside_whole` speak of, and with which the lists begin that they speak of: the
        innermost, when it lies inside the array.
    last : int
        The innermost level.
    """

    levels: tuple[int, ...]
    fans: tuple[int, ...]
    near: int
    array: int
    pe: int
    last: int

    @classmethod
    def of(cls, architecture: Architecture) -> Places:
        """Without a fan-out, the innermost of three levels or more counts as inside a PE.

        The registers of a MAC are no level of their own here, and neither are the parts of a level whose operands have
        depths of their own: the rules speak of the outermost of these parts, and all that stands inside it.
        """
        nodes = architecture.hierarchy
        is_fan_out = [isinstance(node, FanOut) for node in nodes]
        levels = tuple(i for i in range(len(nodes)) if not is_fan_out[i] or is_fan_out[i - 1])
        fans = tuple(i if is_fan_out[i] else i + 1 if i + 1 < len(nodes) and is_fan_out[i + 1] else -1 for i in levels)
        last = max(k for k, i in enumerate(levels) if not is_fan_out[i])
        outermost = next((k for k, fan in enumerate(fans) if fan >= 0), -1)
        first = _first_part(architecture, levels, fans, last)
        if outermost >= 0:
            return cls(levels, fans, outermost, outermost, first if first > outermost else -1, last)
        return cls(levels, fans, first - 1 if first > 1 else last, -1, first if first > 1 else -1, last)

    @property
    def array_node(self) -> int:
        """Node of the outermost fan-out, the array; -1 for none."""
        return -1 if self.array < 0 else self.fans[self.array]

    @property
    def pe_node(self) -> int:
        """Node of the level that counts as inside a PE; -1 for none."""
        return -1 if self.pe < 0 else self.levels[self.pe]


def _first_part(architecture: Architecture, levels: tuple[int, ...], fans: tuple[int, ...], last: int) -> int:
    """The outermost level that belongs together with the innermost one."""
    first = last
    while first > 1 and fans[first - 1] < 0:
        inner, outer = (architecture.hierarchy[levels[k]] for k in (first, first - 1))
        if not (isinstance(inner, Level) and isinstance(outer, Level)):
            break
        if not inner.is_register and not (inner.part_of and inner.part_of == outer.part_of):
            break
        first -= 1
    return first
