"""How soon the deep search has a first mapping, and how soon one near the best.

`python tests/benchmarks/first_mapping.py [WORDS]` maps every distinct conv and FC layer for the least EDP, once to the
end and then until a mapping within 5 % of the best is known, and prints a row for each machine among the words. Times
are CPU time since the search was asked for, in a fork that has mapped two other layers before, on a machine as fast as
the first one (`yardstick`).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.machines import NETWORKS, chosen, layers, machine_of, warm
from benchmarks.speed import in_child, markdown

from dse.mapper import compile_kernels
from dse.mapper.deep import solve as searches
from dse.mapper.deep.tree import walks
from dse.mapper.layer import solve
from dse.problem.layer import Layer

MACHINES = ("simba_pe", "edge_npu", "nvdla_small", "nvdla_large", "gemmini")

NEAR = 0.05
"""How far a mapping may be from the best to count as near."""

SOON_S = 0.005
"""Within what time it is wanted."""

LIMIT_S = 10.0
"""CPU seconds after which a layer is given up."""

HEADER = (
    "machine", "layers", "first mapping, median", "above the best, median", "90 %", "first is near",
    f"near within {SOON_S * 1e3:g} ms", "near, median", "90 %",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class First:
    """When mappings of a layer were found.

    Parameters
    ----------
    first_s, near_s : float
        CPU seconds to the first mapping, and to the first one near the best.
    above : float
        How far the first one is above the best, a fraction.
    """

    first_s: float
    near_s: float
    above: float

    @classmethod
    def of(cls, found: Sequence[tuple[float, float]], best: float) -> First:
        """Of the seconds and values of mappings, each better than the one before."""
        (first_s, value), *_ = found
        near_s = next(seconds for seconds, each in found if each <= (1 + NEAR) * best)
        return cls(first_s, near_s, value / best - 1)


def found_in(machine: str, layer: Layer) -> list[tuple[float, float]]:
    """CPU seconds since the search began, and EDP (pJ steps), of the first mapping and of each better one."""
    found: list[tuple[float, float]] = []

    def watched(work: Callable[..., None]) -> Callable[..., None]:
        def watch(*arguments: Any, **options: Any) -> None:
            work(*arguments, **options)
            best = arguments[-1]
            if best.held > 0:
                energy, steps = best.values[0].tolist()
                if not found or energy * steps < found[-1][1]:
                    found.append((thread_time() - begin, energy * steps))

        return watch

    of_sketches = patch.object(searches, "sketch_first", watched(searches.sketch_first))
    with patch.object(walks, "_search", watched(walks._search)), of_sketches:
        begin = thread_time()
        solve(machine_of(machine), layer, "edp", 0.0, "all")
    return found


def measured(machine: str, layer: Layer) -> First | None:
    """When mappings of a layer were found, None if it is given up."""
    answer = in_child(lambda: {"found": found_in(machine, layer)}, LIMIT_S, lambda: warm(machine, "edp", LIMIT_S))
    if "error" in answer:
        raise RuntimeError(f"{layer.name} on {machine}: {answer['error']}")
    if not answer:
        return None
    found = [(seconds / answer["slowness"], value) for seconds, value in answer["found"]]
    return First.of(found, found[-1][1])


def cells(machine: str, some: Sequence[First]) -> tuple[str, ...]:
    """What is printed of a machine."""
    first, near, above = (sorted(getattr(one, name) for one in some) for name in ("first_s", "near_s", "above"))
    most = max(0, -(-9 * len(some) // 10) - 1)
    return (
        machine, str(len(some)), f"{statistics.median(first) * 1e3:.1f} ms", f"{statistics.median(above):.1%}",
        f"{above[most]:.0%}", f"{sum(each <= NEAR for each in above) / len(some):.0%}",
        f"{sum(each <= SOON_S for each in near) / len(some):.0%}", f"{statistics.median(near) * 1e3:.1f} ms",
        f"{near[most] * 1e3:.1f} ms",
    )  # fmt: skip


def main(words: Sequence[str]) -> None:
    compile_kernels(architectures=[machine_of(name) for name in MACHINES])
    rows = []
    for machine in chosen(MACHINES, words):
        warm(machine, "edp", LIMIT_S)
        each = [layer for network in chosen(NETWORKS, words) for layer in layers(network)]
        some = [found for layer in each if (found := measured(machine, layer)) is not None]
        rows.append(cells(machine, some))
        sys.stderr.write(" ".join(rows[-1]) + "\n")
    print(markdown(rows, HEADER))


if __name__ == "__main__":
    main(sys.argv[1:])
