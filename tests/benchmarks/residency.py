"""Measure what tensors on chip are worth: shipped networks on shipped machines, with and without, as rows of a table.

    python tests/benchmarks/residency.py [--objective energy] [--limit SECONDS] MACHINE:NETWORK...

A machine is a name, and after `@` the capacity of the level that keeps tensors; `/0.02` behind it is the gap. Each run
has a new process, which first maps a small network, so that kernels are compiled and loaded. Its CPU time counts: of
mapping every layer by itself, of the whole choice, and of that the part that is not spent in searches of the mapper;
and the most memory that it had.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable
from multiprocessing import get_context
from time import process_time
from typing import Any

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import map_workload
from dse.mapper.network.residency import solve
from dse.model.homes import home_level


def machine(text: str) -> tuple[dse.Architecture, float, str]:
    """An architecture, the gap of its searches, and what the table calls it."""
    name, _, gap = text.partition("/")
    name, _, capacity = name.partition("@")
    spec = load_architecture_spec(name)
    level = home_level(spec.architecture).name
    settings = {f"levels.{level}.capacity": capacity} if capacity else {}
    return spec.resolve(settings), float(gap or 0.0), f"{name}, {capacity}" if capacity else name


def plain(text: str, network: str, objective: str, limit_s: float | None) -> dict[str, Any]:
    """Every layer by itself."""
    chip, gap, _ = machine(text)
    start = process_time()
    run = map_workload(chip, dse.load_workload(network), objective, gap=gap, time_limit_s=limit_s)
    return {"energy_pj": run.energy_pj, "latency_s": run.latency_s, "cpu_s": process_time() - start}


def resident(text: str, network: str, objective: str, limit_s: float | None) -> dict[str, Any]:
    """With tensors on chip."""
    chip, gap, _ = machine(text)
    searching = 0.0
    make = solve.searcher

    def timed(*settings: Any) -> Any:
        search = make(*settings)

        def answer(*asked: Any) -> Any:
            nonlocal searching
            start = process_time()
            found = search(*asked)
            searching += process_time() - start
            return found

        return answer

    solve.searcher = timed
    start = process_time()
    run = map_workload(
        chip, dse.load_workload(network), objective, scope="network", gap=gap, time_limit_s=limit_s, resident=True
    )
    spent = process_time() - start
    residency = run.residency
    assert residency is not None
    assert residency.certificate is not None
    stays, proof, before = residency.stays, residency.certificate, residency.before
    assert before is not None
    return {
        "before_pj": before.energy_pj, "before_s": before.cycles / chip.clock_hz, "energy_pj": run.energy_pj,
        "latency_s": run.latency_s, "words_before": sum(before.words), "words": sum(one.words_after for one in stays),
        "kept": len(residency.kept), "tensors": len(stays), "cpu_s": spent, "choosing_s": spent - searching,
        "certificate": proof.to_dict() | {"order": len(proof.order)},
    }  # fmt: skip


def alone(measure: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
    """Measure in a new process."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_warm, (measure, *given))


def _warm(
    measure: Callable[..., dict[str, Any]], text: str, network: str, objective: str, *rest: Any
) -> dict[str, Any]:
    """Measure with kernels that are loaded already."""
    tiny = dse.Workload.of("tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    for what in ("energy", objective):
        map_workload(machine(text)[0], tiny, what, scope="network", resident=True)
    found = measure(text, network, objective, *rest)
    return found | {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def row(name: str, network: str, without: dict[str, Any], found: dict[str, Any]) -> str:
    """One line of the table."""
    proof = found["certificate"]

    def change(before: float, after: float, unit: float, digits: int) -> str:
        return f"{before * unit:.{digits}f}, {after * unit:.{digits}f} ({after / before - 1:+.1%})"

    return " | ".join([
        f"| {name} | {network}", change(found["before_pj"], found["energy_pj"], 1e-9, 3),
        change(found["before_s"], found["latency_s"], 1e3, 2), change(found["words_before"], found["words"], 1e-6, 2),
        f"{found['kept']} of {found['tensors']}", f"{proof['gap']:.2%}",
        f"{proof['calls']} of {proof['distinct']}, {proof['rounds']}",
        f"{without['cpu_s']:.1f}, {found['cpu_s']:.1f}, {found['choosing_s']:.1f}", f"{found['mib']:.0f} |",
    ])  # fmt: skip


COLUMNS = (
    "machine", "network", "energy, mJ", "latency, ms", "million words of tensors to DRAM", "kept", "gap",
    "searches of layers, rounds", "CPU s", "MiB",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="MACHINE:NETWORK")
    parser.add_argument("--objective", default="energy")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="of each search")
    asked = parser.parse_args()
    print(HEAD, flush=True)
    for case in asked.cases:
        text, network = case.split(":")
        without = alone(plain, text, network, asked.objective, asked.limit)
        found = alone(resident, text, network, asked.objective, asked.limit)
        print(row(machine(text)[2], network, without, found), flush=True)
        print(json.dumps({"case": case, "without": without, "with": found}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
