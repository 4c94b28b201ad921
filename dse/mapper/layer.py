"""The best mapping of a layer, with proof."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.architecture.parts import at_one_depth
from dse.architecture.remembered import remembered
from dse.errors import DseError, InfeasibleError, expect
from dse.mapper.answer import Answer
from dse.mapper.flat.instance import SHAPES, Roles, shape_of
from dse.mapper.flat.lower import bound_flat, bound_flat_in_bands, flat_prices
from dse.mapper.flat.run import RECORD
from dse.mapper.flat.solve import flat_mapping, solve_flat
from dse.mapper.shared.gaps import check_gap
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY, beaten_beside
from dse.mapper.shared.outermost import has_room, is_too_large, with_room
from dse.mapper.shared.reasons import is_ruled_out, why_infeasible
from dse.mapper.shared.reference import Reference
from dse.mapper.shared.result import Factors, LayerFront, LowerBound, Mapped, Objective, Solution
from dse.mapper.shared.stopping import Deadline, stopping
from dse.mapper.turns import by_turns
from dse.model.mapping import Mapping
from dse.problem.layer import Layer

if TYPE_CHECKING:
    from dse.mapper.deep.known import Known

OBJECTIVES = {"energy": ENERGY, "latency": LATENCY, "edp": EDP, "front": FRONT}
FACTORS = ("all", "perfect", "any")
LONGEST_FRONT = 4096


def map_layer(
    architecture: Architecture, layer: Layer, objective: Objective = "edp", *, gap: float = 0.0,
    factors: Factors = "all", time_limit_s: float | None = None,
) -> Mapped:  # fmt: skip
    """Find the best mapping of a layer over the whole mapspace.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    objective : {"energy", "latency", "edp"}
        `latency` breaks ties by energy.
    gap : float
        Stop when the answer is proven to be within this fraction of the best.
    factors : {"all", "perfect", "any"}
        `perfect` restricts every split of a bound to products that meet it exactly. `any` takes splits that are not
        tight, too, and loops over groups in all lists; it takes longer, by the deep search.
    time_limit_s : float, optional
        After so many seconds the search ends with the best mapping it has found, the first one at the earliest; the
        certificate then states how far that mapping is proven: `gap`, and for the least latency `energy_gap`.

    Returns
    -------
    Mapped

    Raises
    ------
    InfeasibleError
        When no mapping fits, with the constraint that rules it out.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> best = dse.map_layer(dse.load_architecture("eyeriss"), layer, "energy")
    >>> round(best.cost.energy_pj), best.certificate.gap
    (1182120, 0.0)
    """
    if objective not in ("energy", "latency", "edp"):
        raise DseError(f"objective={objective!r} is not energy, latency or edp")
    found = layer_answers(architecture, layer, objective, gap=gap, factors=factors, time_limit_s=time_limit_s)
    return found[0].mapped()


def layer_front(
    architecture: Architecture, layer: Layer, *, gap: float = 0.0, factors: Factors = "all",
    time_limit_s: float | None = None,
) -> LayerFront:  # fmt: skip
    """The exact energy-latency front of a layer: no mapping is at least as good in both and better in one.

    With a gap, or after a time limit, every mapping has a point of the front that comes within the proven gap of it
    in both.

    Returns
    -------
    LayerFront
        A tuple of `Mapped`: latency rises, energy falls.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> systolic = dse.load_architecture("systolic_ws")
    >>> front = dse.layer_front(systolic, layer)
    >>> energies = [mapped.cost.energy_pj for mapped in front]
    >>> energies == sorted(energies, reverse=True)
    True
    >>> min(energies) == dse.map_layer(systolic, layer, "energy").cost.energy_pj
    True
    """
    found = layer_answers(architecture, layer, "front", gap=gap, factors=factors, time_limit_s=time_limit_s)
    return LayerFront(answer.mapped() for answer in found)


def layer_points(
    architecture: Architecture, layer: Layer, objective: str = "edp", *, gap: float = 0.0, factors: str = "all"
) -> tuple[tuple[float, float], ...]:
    """Energy (pJ) and cycles of the best mapping, or of every point of the `front`, without the mappings.

    What a sweep needs of a layer: `map_layer` and `layer_front` without their reports.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> best = dse.map_layer(chip, layer, "energy").cost
    >>> layer_points(chip, layer, "energy") == ((best.energy_pj, best.cycles),)
    True
    """
    values = solve(architecture, layer, objective, gap, factors).values
    return tuple((float(energy), float(cycles)) for energy, cycles in values)


def points_within(
    architecture: Architecture, layer: Layer, objective: str, *, gap: float, time_limit_s: float | None,
    factors: str = "all", reference: Reference | None = None,
) -> tuple[tuple[tuple[float, float], ...], float]:  # fmt: skip
    """`layer_points` until a time is over, and the gap that is proven by then; `reference` as of `layer_answers`.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> points, gap = points_within(dse.load_architecture("eyeriss"), layer, "energy", gap=0.0, time_limit_s=600.0)
    >>> len(points), gap
    (1, 0.0)
    """
    solution = solve(architecture, layer, objective, gap, factors, time_limit_s, reference)
    return tuple((float(energy), float(cycles)) for energy, cycles in solution.values), float(solution.gap)


def points_below(
    architecture: Architecture, layer: Layer, corners: Any, *, factors: str = "all"
) -> tuple[tuple[float, float], ...]:
    """What of a layer's front lies below at least one of some corners, in both: often little, and soon found.

    Parameters
    ----------
    corners : (*, 2) float
        pJ and cycles, both at least 0; inf where nothing is asked of one.

    Returns
    -------
    tuple of (float, float)
        Energy in pJ and cycles.

    Examples
    --------
    >>> import dse
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> best = dse.map_layer(eyeriss, layer, "energy").cost
    >>> points_below(eyeriss, layer, [(best.energy_pj, np.inf)])
    ()
    >>> points_below(eyeriss, layer, [(best.energy_pj * 1.0001, np.inf)]) == ((best.energy_pj, best.cycles),)
    True
    """
    layer, stop = architecture.lowered(layer), np.zeros(1, dtype=np.int64)
    if not is_flat(architecture, factors):
        raise DseError(f"{architecture.name}: this hierarchy is not searched below corners with {factors} factors")
    if not has_room(architecture, layer):  # in the outermost level, which the search takes as unlimited
        with suppress(InfeasibleError):
            points = layer_points(architecture, layer, "front", factors=factors)
            return tuple(point for point in points if np.less(point, corners).all(axis=1).any())
        return ()
    beaten = beaten_beside(np.asarray(corners, dtype=float))
    solution = solve_flat(architecture, layer, FRONT, 0.0, factors, LONGEST_FRONT, stop=stop, beaten=beaten)
    return tuple((float(energy), float(cycles)) for energy, cycles in solution.values)


def lower_bound(
    architecture: Architecture, layer: Layer, *, others: Sequence[Architecture] = (),
    sides: tuple[tuple[int, int], ...] = (), cycle_pj: float = 0.0, factors: str = "all",
) -> LowerBound:  # fmt: skip
    """What no mapping of a layer goes below, in milliseconds and without a search.

    Parameters
    ----------
    architecture : Architecture
    others : sequence of Architecture
        The bound is then one of every design whose capacities and sides of the array are at most the largest of
        these, whose prices (`bound_prices`) are at least the least of these, and that differs in nothing else.
    sides : tuple of (int, int)
        Rows and columns of the array in these designs, where they are fewer than all within those of `others`.
    cycle_pj : float
        pJ for each cycle in the weighted sum.
    factors : {"all", "perfect", "any"}

    Raises
    ------
    DseError
        When the hierarchy has no bound of several designs (`has_flat_shape`), nor splits that are not tight.

    Examples
    --------
    >>> import dse
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> bound = lower_bound(eyeriss, layer)
    >>> best = dse.map_layer(eyeriss, layer, "energy")
    >>> bound.energy_pj <= best.cost.energy_pj < 1.2 * bound.energy_pj
    True
    """
    layer = architecture.lowered(layer)
    if is_flat(architecture, factors):
        return bound_flat([architecture, *others], layer, cycle_pj, factors, sides)
    if others:
        raise DseError(f"{architecture.name}: no bound of several designs for this hierarchy with {factors} factors")
    from dse.mapper.deep.lower import bound_deep

    return bound_deep(architecture, layer, cycle_pj, factors)


def lower_bounds(
    architecture: Architecture, layer: Layer, bands: Sequence[tuple[tuple[int, int], ...]], *,
    others: Sequence[Architecture] = (), cycle_pj: float = 0.0, factors: str = "all",
) -> Any:  # fmt: skip
    """`lower_bound` for each of some bands of arrays: what no array of a band goes below.

    Parameters
    ----------
    bands : sequence of tuple of (int, int)
        Rows and columns of the arrays of each; one array is bounded by itself. Bounds are closest when the arrays of a
        band have about as many PEs, whose power then counts nearly in full.

    Returns
    -------
    (bands, 3) float
        Energy in pJ, cycles, and the weighted sum in pJ.

    Examples
    --------
    >>> import dse
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> both, first, second = lower_bounds(eyeriss, layer, [((12, 14), (14, 12)), ((12, 14),), ((14, 12),)])
    >>> bool((both <= first).all() and (both <= second).all()), bool(first[0] == lower_bound(eyeriss, layer).energy_pj)
    (True, True)
    """
    if not is_flat(architecture, factors):
        raise DseError(f"{architecture.name}: no bound of several designs for this hierarchy with {factors} factors")
    return bound_flat_in_bands([architecture, *others], architecture.lowered(layer), cycle_pj, factors, bands)


def bound_prices(architecture: Architecture, layer: Layer) -> Any:
    """Everything with which `lower_bound` rises, as one array of floats: prices of words, of ports and of time."""
    return flat_prices(architecture, architecture.lowered(layer))


@remembered(256)
def has_flat_shape(architecture: Architecture) -> bool:
    """Whether the flat search maps layers on a hierarchy like this one; `lower_bound` takes boxes of such designs.

    Examples
    --------
    >>> import dse
    >>> [has_flat_shape(dse.load_architecture(name)) for name in ("eyeriss", "edge_npu")]
    [True, False]
    """
    plain = all(level.placement == "together" and not level.is_register for level in architecture.levels)
    return plain and shape_of(architecture) in SHAPES and not _asks_twice(architecture)


def _asks_twice(architecture: Architecture) -> bool:
    """Whether finished psums are asked for in two places, the outermost level and a buffer; the flat search can tell
    it of one."""
    buffer = Roles.of(architecture).buffer if architecture.levels[0].only_finished else -1
    node = architecture.hierarchy[buffer] if buffer >= 0 else None
    return isinstance(node, Level) and "psum" in node.stores


def layer_answers(
    architecture: Architecture, layer: Layer, objective: str = "edp", *, gap: float = 0.0, factors: str = "all",
    time_limit_s: float | None = None, reference: Reference | None = None,
) -> tuple[Answer, ...]:  # fmt: skip
    """The best mapping, or every point of the `front`, without pricing them in full: see `map_layer`, `layer_front`.

    Parameters
    ----------
    reference : Reference, optional
        A design that this one resembles, on which the layer is mapped first, once in a process, and for half of the
        time at most: a search with a gap begins at what is best there.

    Examples
    --------
    >>> import dse
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> (answer,) = layer_answers(eyeriss, layer, "energy")
    >>> round(answer.energy_pj), answer.mapping == dse.map_layer(eyeriss, layer, "energy").mapping
    (1182120, True)
    """
    check_gap(gap)
    if time_limit_s is not None:
        expect(time_limit_s, (float, int), "time_limit_s", "seconds, e.g. 2.5")
    if time_limit_s is not None and not time_limit_s > 0:  # NaN, too
        raise DseError(f"time_limit_s={time_limit_s} is not above 0")
    layer = architecture.lowered(layer)
    solution = solve(architecture, layer, objective, gap, factors, time_limit_s, reference)
    places = range(len(solution.values))
    return tuple(Answer(architecture, layer, objective, factors, solution, at, mapping_of) for at in places)


def solve(
    architecture: Architecture, layer: Layer, objective: str, gap: float, factors: str,
    time_limit_s: float | None = None, reference: Reference | None = None,
) -> Solution:  # fmt: skip
    """Search, and return numbers only: what a sweep needs of a layer."""
    layer = architecture.lowered(layer)
    architecture = with_room(architecture, layer)
    flat = is_flat(architecture, factors)
    # The deep search may look for long where there is nothing. What no tight split can do, another one may.
    ruled_out = not flat and factors != "any" and is_ruled_out(architecture, layer, factors)
    if ruled_out or is_too_large(architecture, layer):
        raise InfeasibleError(why_infeasible(architecture, layer, factors))
    kind, begun = OBJECTIVES[objective], None
    deadline = Deadline() if time_limit_s is None else Deadline.after(time_limit_s)
    with stopping(time_limit_s) as stop:  # the time of what leads the search, too
        if flat:
            solution = by_turns(architecture, layer, kind, gap, factors, LONGEST_FRONT, stop)
        else:
            # Loaded where it is needed, as reading it takes long.
            from dse.mapper.deep.solve import begun_at, solve_deep

            if reference is not None and gap > 0 and kind != FRONT:
                begun = begun_at(reference, layer, kind, gap, factors, _half_s(deadline))
            known = _known(architecture, layer, objective, gap, factors, _half_s(deadline))
            solution = solve_deep(
                architecture, layer, kind, gap, factors, LONGEST_FRONT, stop=stop, known=known, begun=begun
            )
    if len(solution.values) == 0:
        raise InfeasibleError(why_infeasible(architecture, layer, factors))
    return solution


def _half_s(deadline: Deadline) -> float | None:
    """Half of the time that is left, for what leads a search; None without a limit."""
    return deadline.part_s(2) if deadline.is_set else None


def _known(
    architecture: Architecture, layer: Layer, objective: str, gap: float, factors: str, time_limit_s: float | None
) -> list[Known]:
    """In a larger space, the best mappings of a smaller one, soon found: operands at one depth, tight splits."""
    together, tight = at_one_depth(architecture), "all" if factors == "any" else factors
    if together is architecture and tight == factors:
        return []
    try:
        found = solve(together, layer, objective, gap, tight, time_limit_s)
    except InfeasibleError:
        return []
    from dse.mapper.deep.known import Known

    mappings = [mapping_of(together, record, found.kept[int(record[-1])]) for record in found.records]
    return [Known(float(x), float(y), one) for (x, y), one in zip(found.values, mappings, strict=True)]


def is_flat(architecture: Architecture, factors: str) -> bool:
    """Whether the flat search maps layers on it; all others are the deep search's.

    Examples
    --------
    >>> import dse
    >>> [is_flat(dse.load_architecture(name), "all") for name in ("eyeriss", "edge_npu")]
    [True, False]
    """
    if factors not in FACTORS:
        raise DseError(f"factors={factors!r} is not all, perfect or any")
    return has_flat_shape(architecture) and factors != "any"


def mapping_of(architecture: Architecture, record: Any, kept: dict[int, frozenset[str]]) -> Mapping:
    """The mapping that a record of the search stands for."""
    if len(record) == RECORD:  # records of the deep search have 32 numbers a level and one more
        return flat_mapping(architecture, record, kept)
    from dse.mapper.deep.known import deep_mapping

    return deep_mapping(architecture, record, kept)
