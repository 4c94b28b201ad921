"""The picture of a result, as one wants it in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.results.result import SweepResult
from dse.mapper import LayerFront, Mapped, MappedWorkload, NetworkFront
from dse.problem.workload import Workload
from dse.report.figures.front import front_data, front_figure
from dse.report.figures.graph import graph_data, graph_figure
from dse.report.figures.stacks import Stacks, layers_data, stacks_figure
from dse.report.figures.trade import trade_figure
from dse.report.units import energy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(result: SweepResult | MappedWorkload | Mapped | NetworkFront | LayerFront | Workload) -> Figure:
    """Draw a result: what `.plot()` of each of them shows.

    Parameters
    ----------
    result : SweepResult, MappedWorkload, Mapped, NetworkFront, LayerFront or Workload
        The front of designs; energy by layer and level; energy by level and operand; energy against latency (of a
        network, of a layer); the network's graph.

    Returns
    -------
    matplotlib.figure.Figure
        `savefig("name.svg")` writes it; a notebook shows it.

    Raises
    ------
    DseError
        For what has no picture.

    Examples
    --------
    >>> import dse
    >>> network = dse.Workload.of("two", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("fc", K=10, C=16)])
    >>> figure = dse.plot(dse.map_workload("eyeriss", network))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['conv', 'fc']
    """
    for kind, draw in _DRAWN.items():
        if isinstance(result, kind):
            return draw(result)
    kinds = ", ".join(kind.__name__ for kind in _DRAWN)
    raise DseError(f"there is no picture of a {type(result).__name__}", hint=f"one of: {kinds}")


def _sweep(result: SweepResult) -> Figure:
    return front_figure(front_data(result))


def _run(run: MappedWorkload) -> Figure:
    layers = [
        {"name": names[0], "count": len(names), "energy_pj": mapped.cost.energy_pj,
         "energy_by_level_pj": mapped.cost.energy_by_level_pj}
        for mapped, names in run.layers
    ]  # fmt: skip
    network = {"name": run.workload.name, "energy_pj": run.energy_pj, "layers": layers}
    return stacks_figure(layers_data(network, run.architecture.name, None, ""))


def _layer(mapped: Mapped) -> Figure:
    cost = mapped.cost
    rows = (("by level", cost.energy_by_level_pj), ("by operand", cost.energy_by_operand_pj))
    data = Stacks(
        title=f"{mapped.layer.name}: {energy(cost.energy_pj)}, bound by {cost.bound_by}",
        subtitle="energy of the layer", axis="energy", unit="J",
        rows=tuple((name, {part: pj * 1e-12 for part, pj in parts.items()}, None) for name, parts in rows),
    )  # fmt: skip
    return stacks_figure(data)


def _network_front(front: NetworkFront) -> Figure:
    run = front.source
    return trade_figure(f"{run.workload.name} on {run.architecture.name}", front.points)


def _layer_front(front: LayerFront) -> Figure:
    points: Sequence[tuple[float, float]] = [(one.cost.energy_pj, one.cost.latency_s) for one in front]
    return trade_figure(front[0].layer.name, points)


def _graph(workload: Workload) -> Figure:
    return graph_figure(graph_data(workload))


_DRAWN: dict[type, Callable[[Any], Figure]] = {
    SweepResult: _sweep, MappedWorkload: _run, Mapped: _layer, NetworkFront: _network_front, LayerFront: _layer_front,
    Workload: _graph,
}  # fmt: skip
