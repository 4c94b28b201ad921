"""Measure what a sweep costs beside its mappings: CPU time of the main process a trial, and of resuming.

    python tests/benchmarks/trials.py [TRIALS ...]

Designs are "mapped" by a formula that costs nothing, so all of the time is the sampler's, the designs', the log's and
what goes with them. Prints a row for each number of trials, as the table of docs/sweeps.md has it.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from time import process_time
from typing import Any

import dse
from dse.architecture.architecture import Architecture
from dse.explore.outcomes.evaluation import Outcome
from dse.explore.outcomes.log import FILE_NAME

SPACE: dict[str, Any] = {
    "dataflow": ["weight-stationary", "output-stationary", "row-stationary"],
    "levels.array.rows": {"from": 4, "to": 32, "step": 2},
    "levels.array.cols": {"from": 4, "to": 32, "step": 2},
    "levels.GLB.capacity": {"from": "32 KiB", "to": "512 KiB", "step": "32 KiB"},
    "levels.PE.capacity.weight": {"from": "16 word", "to": "512 word", "step": "16 word"},
    "technology.voltage": ["0.82 V", "0.9 V", "1 V", "1.1 V", "1.17 V"],
    "technology.clock": ["max"],
}
"""1,728,000 designs."""


class Formula(Executor):
    """Works out a design's figures from its sizes, at once and here."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        design = args[-1] if args else None
        future.set_result(outcome_of(design) if isinstance(design, Architecture) else call(*args, **kwargs))
        return future


def outcome_of(design: Architecture) -> Outcome:
    """Figures that trade: many units are fast, large buffers save energy, and a low supply as well."""
    buffers = [bits for level in design.levels if (bits := level.capacity_bits) is not None]
    latency_s = 1e5 / design.clock_hz / design.mac_units**0.9
    energy_pj = 1e6 * design.mac.energy_pj * (1 + 1e3 / sum(buffers) ** 0.5 + design.mac_units / 1e3)
    figures = {
        "energy_pj": energy_pj, "latency_s": latency_s, "edp_js": energy_pj * 1e-12 * latency_s,
        "power_w": energy_pj * 1e-12 / latency_s, "area_mm2": design.area_mm2,
    }  # fmt: skip
    return Outcome("ok", objectives=figures, front=((energy_pj, latency_s),))


def measure(trials: int, folder: Path) -> dict[str, float]:
    """CPU time of a sweep and of resuming it, with what it leaves behind."""
    def sweep(resume: bool) -> tuple[Any, float]:
        start = process_time()
        result = dse.sweep(
            "eyeriss", "alexnet", layers=["conv3"], trials=trials, space=SPACE, objectives=("energy", "latency"),
            prove_s=0.0, output=folder, resume=resume, executor=Formula(),
        )  # fmt: skip
        return result, process_time() - start

    result, cpu_s = sweep(resume=False)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    log = (folder / FILE_NAME).read_bytes()
    again, resumed_s = sweep(resume=True)
    assert again.front_rows() == result.front_rows()
    return {
        "trials": trials, "lines": log.count(b"\n"), "ms_a_trial": 1e3 * cpu_s / trials,
        "bytes_a_line": len(log) / log.count(b"\n"), "peak_mb": peak_mb, "resumed_s": resumed_s,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", type=int, default=[2_000, 10_000])
    print("| trials | lines | CPU a trial | log a line | peak memory | resumed in |")
    print("| --- | --- | --- | --- | --- | --- |")
    for trials in parser.parse_args().trials:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(trials, Path(folder) / "sweep")
        print(
            f"| {row['trials']:,} | {row['lines']:,} | {row['ms_a_trial']:.2f} ms | {row['bytes_a_line']:.0f} B "
            f"| {row['peak_mb']:.0f} MB | {row['resumed_s']:.1f} s |", flush=True,
        )  # fmt: skip
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
