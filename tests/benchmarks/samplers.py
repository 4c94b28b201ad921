"""Measure what each sampler reaches: the hypervolume of its designs, as a share of that of the proven front.

    python tests/benchmarks/samplers.py [--space A|B] [--sampler NAME]... [--seeds N]

Prints a row for each sampler, as the table of docs/proof.md has it. Axes are logarithms, and the reference lies beyond
the proven front by a tenth of its extent.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from moocore import hypervolume

import dse
from dse.explore.plan.search import OBJECTIVES

COUNTS = (20, 40, 80, 160)
"""Designs after which it is measured."""

BEYOND = 0.1
"""How far the reference lies beyond the front, in extents of the front."""

THREE = ["weight-stationary", "output-stationary", "row-stationary"]

SPACES: dict[str, dict[str, Any]] = {
    "A": {
        "network": ("alexnet", "conv3"),
        "objectives": ("energy", "area"),
        "space": {
            "dataflow": THREE,
            "levels.array.rows": {"from": 4, "to": 32, "step": 4},
            "levels.array.cols": {"from": 4, "to": 32, "step": 2},
            "levels.GLB.capacity": ["32 KiB", "64 KiB", "108 KiB", "256 KiB", "512 KiB"],
            "levels.PE.capacity.weight": ["16 word", "64 word", "224 word", "512 word"],
        },
    },
    "B": {
        "network": ("vgg16", "block3_conv1"),
        "objectives": ("edp", "area"),
        "space": {
            "dataflow": THREE,
            "levels.GLB.capacity": ["32 KiB", "54 KiB", "108 KiB", "162 KiB", "216 KiB", "432 KiB"],
            "levels.PE.capacity.weight": ["16 word", "32 word", "64 word", "112 word", "224 word", "448 word"],
            "levels.PE.capacity.ifmap": ["6 word", "12 word", "24 word", "48 word"],
            "levels.DRAM.bandwidth": ["0.5 word/cycle", "1 word/cycle", "2 word/cycle"],
            "levels.array.shape": ["6x28", "12x14", "14x12", "8x21"],
        },
    },
}


def run(name: str, **settings: Any) -> dse.SweepResult:
    """A sweep of one of the spaces."""
    case = SPACES[name]
    network, layer = case["network"]
    return dse.sweep("eyeriss", network, layers=[layer], space=case["space"], objectives=case["objectives"],
                     gap=0.0, jobs=0, **settings)  # fmt: skip


def figures(evaluations: Sequence[Any], objectives: Sequence[str]) -> Any:
    """(designs, objectives): logarithms of what the sound ones reach."""
    keys = [OBJECTIVES[one] for one in objectives]
    return np.log([[e.outcome.objectives[key] for key in keys] for e in evaluations if e.ok])


def shares(name: str, sampler: str, seed: int, front: Any) -> list[float]:
    """The share of the front's hypervolume after each of `COUNTS` designs."""
    reference = front.max(axis=0) + BEYOND * np.ptp(front, axis=0)
    whole = hypervolume(front, ref=reference)
    explored = run(name, trials=COUNTS[-1], sampler=sampler, seed=seed, prove_s=0).explored
    mapped = [e for e in explored if not e.ruled_out]
    return [
        float(hypervolume(figures(mapped[:count], SPACES[name]["objectives"]), ref=reference) / whole)
        for count in COUNTS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", choices=SPACES, action="append")
    parser.add_argument("--sampler", choices=("nsga2", "tpe", "qmc", "random"), action="append")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    for name in asked.space or SPACES:
        proven = run(name, trials=60, prove_s=3600.0)
        assert proven.certificate is not None
        rows = proven.front_rows()
        print(f"space {name}: {proven.certificate.to_dict()}, {len(rows)} designs on the front", flush=True)
        front = figures([e for e in proven.designs if e.number in {row["number"] for row in rows}],
                        SPACES[name]["objectives"])  # fmt: skip
        for sampler in asked.sampler or ("nsga2", "tpe", "qmc", "random"):
            found = np.array([shares(name, sampler, seed, front) for seed in range(asked.seeds)])
            cells = [f"{100 * mean:.1f} ({100 * least:.1f})" for mean, least in
                     zip(found.mean(axis=0), found.min(axis=0), strict=True)]  # fmt: skip
            print(f"| {name}, {sampler} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
