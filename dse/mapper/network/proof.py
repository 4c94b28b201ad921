"""The best choice of a mapping for every layer of a network, and the proof that no other is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from dse.errors import InfeasibleError
from dse.mapper.network.front_choice import Picks, best_choice, totals
from dse.mapper.network.front_sum import ROUNDING, Front
from dse.mapper.shared.result import Mapped, NetworkCertificate

One = TypeVar("One")

Names = tuple[str, ...]
Options = tuple[tuple[tuple[Mapped, ...], Names], ...]
"""Per distinct layer, the mappings that it may take, latency rising, and the names of the layers of this shape."""


def best_of_network(
    options: Options, objective: str, max_energy_pj: float, max_latency_s: float, clock_hz: float, *,
    moved: tuple[float, float] = (0.0, 0.0),
) -> tuple[Picks, NetworkCertificate]:  # fmt: skip
    """The best choice of a point from every layer's front, and the proof.

    Parameters
    ----------
    options, objective, max_energy_pj, max_latency_s, clock_hz
        What may be chosen, what is best, and within what.
    moved : (float, float)
        Energy (pJ) and cycles of nodes without MACs, which come to every choice.

    Notes
    -----
    The bound: divide each layer's front by 1 + g, its own proven gap. No mapping of the layer has both less energy and
    less latency than every point of that, so no run of the network is better than the best sum of such points. Without
    limits this is the value found over 1 + g for energy or latency, over (1 + g)^2 for their product. Without
    gaps it is the value found.

    Examples
    --------
    >>> import dse
    >>> fc = dse.Layer("fc", K=10, C=16)
    >>> front = tuple(dse.layer_front("eyeriss", fc))
    >>> options = ((front, ("fc", "fc2")),)
    >>> picks, proof = best_of_network(options, "latency", float("inf"), float("inf"), 2e8)
    >>> picks, proof.gap, proof.value == 2 * front[0].cost.cycles
    ((0, 0), 0.0, True)
    """
    max_cycles = max_latency_s * clock_hz
    limits = (max_energy_pj * (1 + ROUNDING), max_cycles * (1 + ROUNDING))  # the network's own sums keep them
    fronts: list[Front] = [*fronts_of(options), [moved]]
    gaps = [*(gap for group, names in options for gap in [_gap(group)] * len(names)), 0.0]
    scaled = [
        [(e / (1 + gap), t / (1 + gap)) for e, t in front] for front, gap in zip(fronts, gaps, strict=True)
    ] if any(gaps) else fronts  # fmt: skip
    picks = best_choice(fronts, objective, *limits)
    if picks is None:
        raise InfeasibleError(_why_not(fronts, scaled, max_energy_pj, max_latency_s, clock_hz))
    value = _value(objective, totals(fronts, picks))
    bound = value
    if any(gaps):
        least = best_choice(scaled, objective, *limits)
        assert least is not None, "what keeps limits keeps them when divided"
        bound = _value(objective, totals(scaled, least))
    points = tuple(len(group) for group, _ in options)
    return picks[:-1], NetworkCertificate(
        objective=objective, value=value, lower_bound=bound, gap=value / bound - 1 if bound > 0 else 0.0,
        layer_gap=max(gaps), layers=len(fronts) - 1, distinct=len(options), points=sum(points),
        max_energy_pj=max_energy_pj, max_cycles=max_cycles,
    )  # fmt: skip


def _value(objective: str, total: tuple[float, float]) -> float:
    energy, cycles = total
    return {"energy": energy, "latency": cycles}.get(objective, energy * cycles)


def _why_not(
    fronts: Sequence[Front], scaled: Sequence[Front], max_energy_pj: float, max_latency_s: float, clock_hz: float
) -> str:
    """Which limit cannot be kept, and by how much; what is proven where fronts have gaps."""
    found, proven = (
        (totals(some, tuple(len(front) - 1 for front in some))[0], totals(some, tuple(0 for _ in some))[1] / clock_hz)
        for some in (fronts, scaled)
    )
    for axis, limit, does, unit, factor in (
        (1, max_latency_s, "runs in", "ms", 1e3),
        (0, max_energy_pj, "takes", "mJ", 1e-9),
    ):
        if found[axis] > limit:
            bound = f" (proven: at least {proven[axis] * factor:.6g})" if proven[axis] < found[axis] else ""
            least = f"{found[axis] * factor:.6g} {unit} at best{bound}"
            return f"the network {does} {least}, above the limit of {limit * factor:.6g} {unit}"
    return f"no run of the network keeps within {max_energy_pj * 1e-9:.6g} mJ and {max_latency_s * 1e3:.6g} ms at once"


def _gap(group: tuple[Mapped, ...]) -> float:
    """The proven gap of a layer's front; a mapping that was given is all there is."""
    return max((mapped.certificate.gap for mapped in group if mapped.certificate is not None), default=0.0)


def fronts_of(options: Options) -> list[list[tuple[float, float]]]:
    """Energy and cycles of every layer's options; layers of equal shape one after another.

    Examples
    --------
    >>> import dse
    >>> fc = dse.Layer("fc", K=10, C=16)
    >>> front = tuple(dse.layer_front("eyeriss", fc))
    >>> options = ((front, ("fc", "fc2")),)
    >>> fronts_of(options)[1][0] == (front[0].cost.energy_pj, front[0].cost.cycles)
    True
    """
    fronts = []
    for group, names in options:
        front = [(mapped.cost.energy_pj, mapped.cost.cycles) for mapped in group]
        fronts += [front] * len(names)
    return fronts


def chosen(options: Sequence[tuple[Sequence[One], Names]], picks: Sequence[int]) -> tuple[tuple[One, Names], ...]:
    """The picked mappings, each with the names of the layers that take it.

    Examples
    --------
    >>> import dse
    >>> fc = dse.Layer("fc", K=10, C=16)
    >>> front = tuple(dse.layer_front("eyeriss", fc))
    >>> options = ((front, ("fc", "fc2")),)
    >>> [(mapped is front[0], names) for mapped, names in chosen(options, (0, 0))]
    [(True, ('fc', 'fc2'))]
    """
    layers: list[tuple[One, Names]] = []
    start = 0
    for group, names in options:
        mine = picks[start : start + len(names)]
        start += len(names)
        for pick in dict.fromkeys(mine):
            layers.append((group[pick], tuple(name for name, own in zip(names, mine, strict=True) if own == pick)))
    return tuple(layers)
