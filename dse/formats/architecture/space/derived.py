"""Settings of a space that follow from the others: a ratio to another setting, and what is left of an area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, InfeasibleError
from dse.formats.architecture.space.ranges import Value, join, split

if TYPE_CHECKING:
    from dse.formats.architecture.load import ArchitectureSpec

LARGEST_KIB = 1 << 20
"""No capacity is looked for beyond a GiB."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A setting in proportion to another one.

    Parameters
    ----------
    path, of : str
    ratio : float
    unit : str
        Of the setting for each unit of `of`; empty where it has the unit of `of`.
    """

    path: str
    of: str
    ratio: float
    unit: str = ""

    def value(self, spec: ArchitectureSpec, settings: Mapping[str, Any]) -> Value:
        """What the setting is beside the others; rows, columns, widths and words are rounded to a whole number."""
        number, unit = split(spec.value(self.of, settings))
        if unit and self.unit:
            raise DseError(f"{self.path}: {self.ratio:g} {self.unit} for each {unit} of {self.of} means nothing",
                           hint="a ratio is a number where `of` has a unit")  # fmt: skip
        size, unit = number * self.ratio, unit or self.unit
        if not isfinite(size):
            message = f"{self.path}: {self.ratio:g} times {self.of} is not finite"
            raise DseError(message, hint="a ratio, e.g. 2 or 512 B")
        if unit == "word" or (not unit and isinstance(spec.value(self.path), int)):
            size = max(1, int(size + 0.5))
        return spec.parse_setting(self.path, join(size, unit))

    def to_dict(self) -> dict[str, Any]:
        return {"of": self.of, "ratio": f"{self.ratio!r} {self.unit}" if self.unit else self.ratio}


@dataclass(frozen=True, slots=True)
class EqualArea:
    """A capacity that takes what the rest of a design leaves of an area.

    Parameters
    ----------
    path : str
    area_mm2 : float
    """

    path: str
    area_mm2: float

    def value(self, spec: ArchitectureSpec, settings: Mapping[str, Any]) -> Value:
        """The largest capacity within the area: whole words, or multiples of 128 B up to a GiB.

        Raises
        ------
        InfeasibleError
            When the rest takes more than the area already.
        """
        unit = split(spec.value(self.path))[1]
        step = 1.0 if unit == "word" else 0.125

        def at(steps: int) -> Value:
            return join(steps * step, "word" if unit == "word" else "KiB")

        def area(steps: int) -> float:
            return spec.resolve({**settings, self.path: at(steps)}).area_mm2

        low, high = 1, int(LARGEST_KIB / step)
        least, most = area(low), area(high)
        if least > self.area_mm2:
            raise InfeasibleError(f"the rest of the design takes more than {self.area_mm2:.4g} mm2 without {self.path}")
        if least == most:
            raise DseError(f"{self.path}: the area does not depend on it, so nothing can be made equal by it",
                           hint="leave out the level's own `area`")  # fmt: skip
        # `low` fits and `high` does not. A chord first, because area is nearly proportional to capacity; halves, too,
        # because a chord alone may come nearer from one side only.
        by_chord = True
        while most > self.area_mm2 and high - low > 1:
            middle = low + int((high - low) * (self.area_mm2 - least) / (most - least)) if by_chord else 0
            middle = min(max(middle, low + 1), high - 1) if by_chord else (low + high) // 2
            between = area(middle)
            if between > self.area_mm2:
                high, most = middle, between
            else:
                low, least = middle, between
            by_chord = not by_chord
        return at(high if most <= self.area_mm2 else low)

    def to_dict(self) -> dict[str, Any]:
        return {"equal_area": f"{self.area_mm2!r} mm2"}


Derived = Ratio | EqualArea


def in_order(derived: Sequence[Derived]) -> tuple[Derived, ...]:
    """The same, each ratio behind the settings that it follows.

    Raises
    ------
    DseError
        For one that follows itself, or an area, which all the rest has to be known for.

    Examples
    --------
    >>> cols, rows = Ratio("levels.array.cols", "levels.array.rows", 2), Ratio("levels.array.rows", "mac.bits", 1)
    >>> in_order([cols, rows]) == (rows, cols)
    True
    """
    left, ordered = list(derived), list[Derived]()
    while left:
        free = [one for one in left if not any(_follows(one, other) for other in left)]
        if not free:
            loop = [one for one in left if not isinstance(one, EqualArea)]
            if len(loop) < len(left):
                area = next(one for one in left if isinstance(one, EqualArea))
                raise DseError(f"{loop[0].path} follows {area.path}, which takes what all the rest leaves of the area")
            raise DseError(f"{loop[0].path} follows itself", hint=f"let {loop[0].of} be a choice")
        ordered.append(free[0])
        left.remove(free[0])
    return tuple(ordered)


def _follows(one: Derived, other: Derived) -> bool:
    """Whether a setting needs the value of another, by its name or as a part of it; areas need all ratios."""
    if isinstance(one, EqualArea):
        return not isinstance(other, EqualArea)
    if one.of == other.path:
        return True
    (level, _, what), (beside, _, part) = one.of.rpartition("."), other.path.rpartition(".")
    return level == beside and {what, part} <= SIDES and (what in WHOLE or part in WHOLE)


WHOLE = {"pes", "shape"}
SIDES = {"rows", "cols", *WHOLE}
"""Settings of a fan-out that say the same thing in parts and as a whole."""


def derive(spec: ArchitectureSpec, derived: Sequence[Derived], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with those that follow from them; what is given is not derived.

    Ratios come first, in their order, and then areas, which need all the rest.
    """
    found = dict(settings)
    for one in sorted(derived, key=lambda one: isinstance(one, EqualArea)):
        if one.path not in found:
            found[one.path] = one.value(spec, found)
    return found


def left_behind(spec: ArchitectureSpec, settings: Mapping[str, Any]) -> list[str]:
    """What settings that are changed by themselves leave as it was, and the space of the file lets follow them.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> for line in left_behind(load_architecture_spec("nvdla_small"), {"levels.array.cols": 16}):
    ...     print(line)
    levels.CACC.capacity.psum stays 256 word; in the space of nvdla_small it follows, and would be 512 word
    """
    if not settings:
        return []
    before, after, found = _following(spec, {}), _following(spec, settings), []
    for path, said in after.items():
        own = spec.value(path, settings)
        if said not in (before[path], str(own)):
            found.append(f"{path} stays {own}; in the space of {spec.name} it follows, and would be {said}")
    return found


def _following(spec: ArchitectureSpec, settings: Mapping[str, Any]) -> dict[str, str]:
    """What follows from settings in the space of the file, in words: a remark refuses nothing that is asked for."""
    found, said = dict(settings), dict[str, str]()
    for one in spec.derived:
        if one.path in settings:
            continue
        try:
            found |= derive(spec, [one], found)
            said[one.path] = str(found[one.path])
        except InfeasibleError:
            said[one.path] = "too large for its area"
        except DseError:
            said[one.path] = "without a value"
    return said
