"""Random small sweeps, and what is true of their whole spaces, worked out without the code of sweeps.

The truth is each layer's whole front, added up over a network point by point, cut by the limits, and combined over
networks by the formulas of the documentation.
"""

import random
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from math import inf, prod

import numpy as np

from dse.architecture.figures import design_figures
from dse.errors import DseError, InfeasibleError
from dse.explore.designs.resident import keeps_tensors
from dse.mapper import points_within
from dse.mapper.network.residency.front import front_on_chip
from dse.mapper.network.residency.solve import NetworkGoal
from dse.model.moves import moved_by
from dse.problem.moves import moves_of

FLAT = """\
architecture: toy
technology: {{table: {table}, node: {node} nm, clock: 200 MHz}}
levels:
  DRAM: {{bandwidth: {rate} word/cycle, energy: {dram} pJ}}
  GLB: {{capacity: {glb}, stores: [{stores}]{buffering}}}
  array: {{rows: {rows}, cols: {cols}, multicast: word, reduces: psum{skew}}}
  PE: {{capacity: {{ifmap: {ifmap} word, weight: {weight} word, psum: {psum} word}}}}
mac: {{clock_power: {power} mW}}
dataflow: {flow}
"""

DEEP = """\
architecture: small
technology: {{table: cmos-16nm, clock: 800 MHz}}
precision: {{ifmap: 8, weight: 8, psum: 32}}
levels:
  DRAM: {{bandwidth: {rate} GB/s, dram: lpddr4}}
  L2: {{capacity: 2 KiB, bandwidth: 16 word/cycle}}
  cores: {{rows: 1, cols: 2, multicast: tile, reduces: none, energy: 0.5 pJ, dims: [G, N, K, P]}}
  L1: {{capacity: 256 B}}
  lanes: {{rows: 2, cols: 2, multicast: word, reduces: psum, energy: 0.02 pJ, dims: [C, K]}}
dataflow: {{name: small, rows: [G, N, K, P], cols: [G, N, K, P]}}
"""

FLOWS = ["weight-stationary", "output-stationary", "row-stationary", "input-stationary", "flexible"]

SETTINGS = {
    "dataflow": FLOWS, "levels.array.rows": [1, 2, 3, 4], "levels.array.cols": [1, 2, 4, 8],
    "levels.GLB.capacity": ["128 B", "512 B", "2 KiB", "8 KiB"],
    "levels.PE.capacity.weight": ["1 word", "9 word", "24 word"],
    "levels.PE.capacity.psum": ["1 word", "4 word"], "levels.DRAM.bandwidth": ["0.25 word/cycle", "4 word/cycle"],
    "technology.voltage": ["0.8 V", "0.9 V", "1 V"], "levels.GLB.buffering": ["streaming", "double"], "batch": [1, 2],
    "word_bits": [8, 16],
}  # fmt: skip

DEEP_SETTINGS = {
    "levels.cores.cols": [1, 2], "levels.lanes.cols": [1, 2], "levels.L1.capacity": ["64 B", "256 B"],
    "levels.DRAM.bandwidth": ["1 GB/s", "4 GB/s"],
}  # fmt: skip

NAMES = ("energy", "latency", "edp", "area")
SETS = [names for count in range(1, 5) for names in combinations(NAMES, count)]
LIMITS = {"energy": ("energy_pj", "pJ"), "latency": ("latency_s", "s"), "power": ("power_mw", "mW"),
          "area": ("area_mm2", "mm2")}  # fmt: skip


@dataclass
class Case:
    """A sweep: texts of its files, keywords of `dse.sweep`, and what is made small so that little strains it."""

    architecture: str
    networks: list[str]
    keywords: dict
    limited: list[tuple[str, float, str]]
    stopped: bool
    longer: bool
    record: int
    boxes: tuple[int, int] = field(default=(4, 128))
    looks: int | None = None  # at the time of a choice of tensors on chip, before it is over


def case_of(seed):
    draw = random.Random(seed)
    deep = draw.random() < 0.1
    parts = {"rate": [1, 4], "power": [0, 1], "rows": [1, 2, 3], "cols": [1, 2, 4], "ifmap": [3, 12],
             "weight": [1, 9, 24], "psum": [1, 8], "dram": [20, 200, 1000], "glb": ["512 B", "2 KiB"],
             "stores": ["ifmap, psum", "ifmap, weight, psum"], "skew": ["", "", ", skew: 1"], "flow": FLOWS,
             "buffering": ["", ", buffering: double"]}  # fmt: skip
    table, node = draw.choice([("eyeriss-isca16", 65), ("cmos-28nm", 28), ("cmos-65nm", 65)])
    text = (DEEP if deep else FLAT).format(
        table=table, node=node, **{key: draw.choice(of) for key, of in parts.items()}
    )
    several = not deep and draw.random() < 0.3
    weights = {"one": draw.choice([0.5, 2, 3])} if several and draw.random() < 0.5 else {}
    objectives = draw.choice(SETS)
    keywords = {
        "trials": draw.choice([1, 3, 8, 60]), "seed": draw.randrange(4), "objectives": objectives, "weights": weights,
        "gap": draw.choice([0.0, 0.01, 0.1, 0.5]),
        "combine": draw.choice(["sum", "geomean", "worst"]) if several else "sum",
        "space": space_of(draw, DEEP_SETTINGS if deep else SETTINGS, 6 if deep else 30),
        "prove_s": draw.choice([None, 600.0, 600.0]), "bits": draw.choice([None, None, {"weight": 8, "psum": 24}]),
        "resident": False,
    }  # fmt: skip
    names = draw.sample(list(LIMITS), draw.choice([1, 1, 2])) if draw.random() < 0.5 else []
    networks = [network_of(draw, name, deep) for name in ("one", "two")[: 1 + several]]
    return Case(
        text, networks, keywords, [(name, draw.random(), "max") for name in names], draw.random() < 0.15,
        draw.random() < 0.3, draw.choice([3, 64]), draw.choice([(4, 128), (100, 2), (100, 128)]),
    )  # fmt: skip


def space_of(draw, settings, most):
    """Some settings with some of their choices, in some designs."""
    while True:
        names = draw.sample(list(settings), draw.randint(1, 4))
        sizes = [draw.randint(2, len(settings[name])) for name in names]
        if 3 <= prod(sizes) <= most:
            break
    space = {name: [one for one in settings[name] if one in draw.sample(settings[name], size)] or settings[name][:1]
             for name, size in zip(names, sizes, strict=True)}  # fmt: skip
    if "technology.voltage" in space:
        space["technology.clock"] = ["max"]
    if "levels.array.rows" in space and "levels.array.cols" not in space and draw.random() < 0.3:
        space["levels.array.cols"] = {"of": "levels.array.rows", "ratio": 2}
    return space


def network_of(draw, name, deep):
    """A file of a few layers."""
    channels, lines, flat = draw.choice([1, 2, 4]), [], False
    side = draw.choice([3, 4, 5])
    head = f"workload: {name}\ninput: [{channels}, {side}, {side}]\nlayers:\n"
    for place in range(draw.choice([1, 2] if deep else [1, 2, 3])):
        kind = "fc" if flat else draw.choice(["conv", "depthwise", "fc", "pool", "same", "add"])
        density = ", density: {ifmap: 0.5, weight: 0.7}" if draw.random() < 0.2 else ""
        if kind == "fc":
            lines.append(f"  l{place}: {{fc: {draw.choice([1, 3, 6])}{density}}}")
            flat = True
        elif kind == "depthwise":
            lines.append(f"  l{place}: {{depthwise: 3, pad: 1{density}}}")
        elif kind == "same":
            lines += [f"  l{place}{part}: {{conv: {channels}, kernel: 1{density}}}" for part in "ab"]
        elif kind == "add":
            lines += [f"  l{place}a: {{conv: {channels}, kernel: 3, pad: 1}}",
                      f"  l{place}b: {{conv: {channels}, kernel: 1}}",
                      f"  l{place}: {{add: [l{place}a, l{place}b]}}"]  # fmt: skip
        else:
            channels = draw.choice([2, 3, 4])
            lines.append(f"  l{place}: {{conv: {channels}, kernel: 3, pad: 1{density}}}")
            lines += [f"  l{place}p: {{maxpool: 2, stride: 1}}"] * (kind == "pool" and side > 3)
            side -= kind == "pool" and side > 3
    return head + "\n".join(lines) + "\n"


def truth_of(plan, problem):
    """Of every design of the space: its area, and the front of all that it can do within the limits, (points, 2)."""
    return [_design(plan, problem, index) for index in range(problem.space.size)]


def _design(plan, problem, index):
    nothing = np.zeros((0, 2))
    try:
        architecture, networks, images = plan.inputs_of(problem.complete(problem.space.settings(index)))
    except DseError:
        return inf, nothing
    area = architecture.area_mm2
    figures = design_figures(architecture, {"area_mm2"})
    if any(one.excess(figures[one.metric]) > 0 for one in plan.spec.constraints if one.metric in figures):
        return area, nothing
    try:
        find = _front_on_chip if plan.search.resident and keeps_tensors(architecture) else _network_front
        fronts = [_allowed(find(architecture, network), plan.spec.constraints) for network in networks]
    except InfeasibleError:
        return area, nothing
    return area, front_of(_together(plan, fronts)) / images


def _network_front(architecture, network):
    moves = moved_by(architecture, moves_of(network))
    front = np.array([[sum(move.energy_pj * len(names) for move, names in moves),
                       sum(move.cycles * len(names) for move, names in moves)]])  # fmt: skip
    for layer, names in network.distinct():
        for _ in names:
            front = front_of(sums(front, _layer(architecture, layer)))
    return front / (1.0, architecture.clock_hz)


@lru_cache(1_000)
def _front_on_chip(architecture, network):
    """Runs of which each other run has one that is no more than 2e-5 worse in both, with tensors on chip."""
    return np.array(front_on_chip(architecture, network, NetworkGoal("energy"))[0]) / (1.0, architecture.clock_hz)


@lru_cache(10_000)
def _layer(architecture, layer):
    return np.array(points_within(architecture, layer, "front", gap=0.0, time_limit_s=None)[0])


def _allowed(front, constraints):
    energy, latency = front.T
    values = {"energy_pj": energy, "latency_s": latency, "power_mw": energy * 1e-9 / latency}
    kept = [one for one in constraints if one.metric in values]
    return front[[all(one.excess(values[one.metric][at]) == 0 for one in kept) for at in range(len(front))]]


def _together(plan, fronts):
    how = plan.together.how
    shares = [float(plan.together.weights.get(network.name, 1.0)) for network in plan.workloads]
    if how == "geomean":
        logs = [share * np.log(front) for front, share in zip(fronts, shares, strict=True)]
        return np.exp((logs[0] if len(logs) == 1 else sums(*logs)) / sum(shares))
    weighted = [share * front for front, share in zip(fronts, shares, strict=True)]
    if len(weighted) == 1:
        return weighted[0]
    first, second = weighted
    pairs = first[:, None, :], second[None, :, :]
    return (np.maximum(*pairs) if how == "worst" else np.add(*pairs)).reshape(-1, 2)


def sums(first, second):
    """Every sum of a point of each."""
    return (first[:, None, :] + second[None, :, :]).reshape(-1, 2)


def front_of(points):
    """What no other point beats."""
    points = points[np.lexsort((points[:, 0], points[:, 1]))]
    return points[points[:, 0] < np.minimum.accumulate(np.r_[inf, points[:-1, 0]])] if len(points) else points
