"""A search over the widths of a small network, with dse as the cost model of its loop.

    python examples/nas_widths.py                     # widths for Eyeriss within 8 ms an image
    python examples/nas_widths.py --chip edge_npu --latency-ms 2

Every stage of the network may become one step wider. The loop takes, again and again, the step that buys most capacity
for its time, until no step fits the budget. "Capacity" here is the logarithm of the MACs of each stage, so that all
stages matter: put the accuracy that your trainer or predictor finds in the place of `capacity`.

Layers of equal shape are mapped once, and a step changes two layers only.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import log

import dse

STAGES = (56, 28, 14, 7)
"""Height and width of each stage's ofmap."""

CHOICES = (8, 16, 24, 32, 48, 64, 96, 128)
"""Widths of a stage."""

Widths = tuple[int, ...]


def network(widths: Widths, sizes: tuple[int, ...] = STAGES) -> dse.Workload:
    """A 3x3 convolution with stride 2 for each stage, and a classifier of ten classes."""
    layers, channels = [], 3
    for at, (width, size) in enumerate(zip(widths, sizes, strict=True)):
        layers.append(dse.Layer(f"stage{at}", K=width, C=channels, P=size, Q=size, R=3, S=3, stride_h=2, stride_w=2))
        channels = width
    layers.append(dse.Layer("classifier", K=10, C=channels))
    return dse.Workload.of("-".join(map(str, widths)), layers)


def capacity(net: dse.Workload) -> float:
    """What stands for accuracy: it grows with every stage, and less and less so."""
    return sum(log(layer.macs) for layer in net.layers)


class CostModel:
    """Energy and latency of networks on one chip; a shape that was met before costs nothing.

    Parameters
    ----------
    chip : Architecture
    gap : float
        How far from its optimum a mapping may be, proven: a search needs no more than a per cent or two.
    """

    def __init__(self, chip: dse.Architecture, gap: float = 0.02) -> None:
        self.chip, self.gap = chip, gap
        self.known: dict[object, dse.Cost] = {}

    def layer(self, layer: dse.Layer) -> dse.Cost:
        key = layer.shape_key()
        if key not in self.known:
            self.known[key] = dse.map_layer(self.chip, layer, "edp", gap=self.gap).cost
        return self.known[key]

    def network(self, net: dse.Workload) -> tuple[float, float]:
        """Energy (pJ) and latency (s) of an image, layers one after the other."""
        costs = [self.layer(layer) for layer in net.layers]
        return sum(cost.energy_pj for cost in costs), sum(cost.latency_s for cost in costs)


@dataclass(frozen=True)
class Candidate:
    """A network that was priced."""

    widths: Widths
    capacity: float
    energy_pj: float
    latency_s: float


def candidate(model: CostModel, widths: Widths, sizes: tuple[int, ...]) -> Candidate:
    net = network(widths, sizes)
    return Candidate(widths, capacity(net), *model.network(net))


def worth(here: Candidate, there: Candidate) -> float:
    """Capacity for each second that a step costs; a step that costs no time is worth most."""
    return (there.capacity - here.capacity) / max(there.latency_s - here.latency_s, 1e-12)


def search(
    model: CostModel, budget_s: float, sizes: tuple[int, ...] = STAGES, choices: tuple[int, ...] = CHOICES
) -> list[Candidate]:
    """The networks on the way from the narrowest one to one that no step can widen within the budget.

    Each step is the one that buys most capacity for its latency.
    """
    path = [candidate(model, (choices[0],) * len(sizes), sizes)]
    while True:
        here = path[-1]
        steps = []
        for stage, width in enumerate(here.widths):
            if width < choices[-1]:
                wider = choices[choices.index(width) + 1]
                there = candidate(model, (*here.widths[:stage], wider, *here.widths[stage + 1 :]), sizes)
                if there.latency_s <= budget_s:
                    steps.append(there)
        if not steps:
            return path
        path.append(max(steps, key=lambda there, here=here: worth(here, there)))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    options.add_argument("--chip", default="eyeriss", help="an architecture file, or the name of a shipped one")
    options.add_argument("--latency-ms", type=float, default=8.0)
    asked = options.parse_args()
    model = CostModel(dse.load_architecture(asked.chip))
    path = search(model, asked.latency_ms * 1e-3)
    for found in path:
        print(
            f"{'-'.join(map(str, found.widths)):>20}  capacity {found.capacity:6.2f}  "
            f"{found.latency_s * 1e3:7.3f} ms  {found.energy_pj * 1e-6:8.1f} uJ"
        )
    print(f"{len(path)} networks on the way; {len(model.known)} distinct layers were mapped")


if __name__ == "__main__":
    main()
