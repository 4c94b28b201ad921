"""Limits in words, in units that people read: 40 µJ, not 4e+07 pJ."""

from __future__ import annotations

from collections.abc import Sequence

from dse.formats.architecture.space.constraints import METRICS, Constraint, parse_constraints

UNITS: dict[str, tuple[tuple[float, str], ...]] = {
    "area_mm2": ((1.0, "mm2"),),
    "power_mw": ((1e-3, "µW"), (1.0, "mW"), (1e3, "W")),
    "peak_power_mw": ((1e-3, "µW"), (1.0, "mW"), (1e3, "W")),
    "latency_s": ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")),
    "energy_pj": ((1.0, "pJ"), (1e3, "nJ"), (1e6, "µJ"), (1e9, "mJ"), (1e12, "J")),
    "storage_kib": ((2.0**-10, "B"), (1.0, "KiB"), (2.0**10, "MiB")),
}
"""Of a metric that has a unit, its units and their sizes, ascending; files take them as they stand here."""

LEAST_DIGITS, MOST_DIGITS = 3, 12
"""Of a value beside a limit: so many that the two are told apart."""

EVERY_DIGIT = 15
"""Of a limit that is read again."""


def said_limit(constraint: Constraint) -> str:
    """A limit as a sentence has it.

    Examples
    --------
    >>> said_limit(Constraint("energy_pj", maximum=4e7)), said_limit(Constraint("aspect_ratio", 4.0, 0.25))
    ('energy at most 40 µJ', 'aspect ratio from 0.25 to 4')
    """
    metric, name = constraint.metric, METRICS[constraint.metric][0].replace("_", " ")
    least, most = constraint.minimum, constraint.maximum
    ends = [_said(metric, value, value) for value in (least, most) if value is not None]
    if least is not None and most is not None:
        return f"{name} from {ends[0]} to {ends[1]}"
    return f"{name} {'at least' if most is None else 'at most'} {''.join(ends)}"


def said_limits(constraints: Sequence[Constraint]) -> str:
    """All limits in a line; empty without any.

    Examples
    --------
    >>> said_limits([Constraint("area_mm2", 8.0), Constraint("pes", 192.0)])
    'area at most 8 mm2, pes at most 192'
    """
    return ", ".join(said_limit(constraint) for constraint in constraints)


def plain_limits(constraints: Sequence[Constraint]) -> dict[str, dict[str, str | float]]:
    """The limits as a file says them, in units that people read; `parse_constraints` makes the same of them, exactly.

    Examples
    --------
    >>> plain_limits([Constraint("energy_pj", maximum=4e7), Constraint("aspect_ratio", 4.0, 0.25)])
    {'energy': {'max': '40 µJ'}, 'aspect_ratio': {'max': 4, 'min': 0.25}}
    """
    found: dict[str, dict[str, str | float]] = {}
    for one in constraints:
        ends = {"max": one.maximum, "min": one.minimum}
        found[METRICS[one.metric][0]] = {
            end: _written(one.metric, value)
            for end, value in ends.items() if value is not None
        }  # fmt: skip
    return found


def _written(metric: str, value: float) -> str | float:
    """What is read again as this very number: rounding of units may lose its last digit, which the own one keeps."""
    field, own, _ = METRICS[metric]
    if not own:
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    said = _said(metric, value, value, EVERY_DIGIT)
    (again,) = parse_constraints({field: {"max": said}})
    return said if again.maximum == value else f"{value!r} {own}"


def complaint(constraint: Constraint, value: float, excess: float, network: str = "") -> str:
    """A broken limit in words: what, of which network, is how far on the wrong side of it.

    Examples
    --------
    >>> complaint(Constraint("energy_pj", maximum=4e7), 4.0712e7, 0.0178, "alexnet")
    "alexnet's energy of 40.7 µJ is 1.8 % above the maximum of 40 µJ"
    """
    metric, name = constraint.metric, METRICS[constraint.metric][0].replace("_", " ")
    above = constraint.maximum is not None and value > constraint.maximum
    limit = constraint.maximum if above else constraint.minimum
    assert limit is not None, "a broken constraint has a limit"
    whose = f"{network}'s " if network else ""
    side = "above the maximum" if above else "below the minimum"
    found = f"{whose}{name} of {_beside(metric, value, limit)}"
    return f"{found} is {_percent(excess)} {side} of {_said(metric, limit, limit)}"


def _percent(excess: float) -> str:
    """Of a limit; what is less than a tenth of a percent is not said to be nothing."""
    return f"{100 * excess:.1f} %" if excess >= 0.0005 else "less than 0.1 %"


def _beside(metric: str, value: float, limit: float) -> str:
    """A value in the unit of a limit, with so many digits that it is told from it."""
    own = _said(metric, limit, limit)
    texts = (_said(metric, value, limit, digits) for digits in range(LEAST_DIGITS, MOST_DIGITS))
    return next((text for text in texts if text != own), f"{value!r}")


def _said(metric: str, value: float, like: float, digits: int = 6) -> str:
    """A value in the unit that suits another one."""
    units = UNITS.get(metric)
    if units is None:
        return f"{value:.{digits}g}"
    size, unit = next((one for one in reversed(units) if abs(like) >= one[0]), units[0])
    number = float(f"{value / size:.{digits}g}")
    return f"{number:.15g} {unit}"
