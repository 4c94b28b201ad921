"""The table of `docs/mapper/deep-times.md`, from what `tests/benchmarks/machines.py` measured."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mapper" / "deep-times.md"
MEASURED = ROOT / "tests" / "benchmarks" / "machines.csv"
OBJECTIVES = {"energy": "energy", "edp": "EDP", "latency": "latency", "edp_5%": "EDP, gap 5 %", "front": "front"}
NETWORKS = {
    "alexnet": "AlexNet", "vgg16": "VGG16", "resnet50": "ResNet-50", "mobilenet_v1": "MobileNet v1",
    "bert_base": "BERT", "llama3_8b_prefill": "Llama 3, prefill",
}  # fmt: skip
ALL = "all"
FLAT = ("eyeriss", "eyeriss_isca16")
Row = dict[str, str]


def _cell(row: Row | None) -> str:
    """The median of a network's layers, and how many of them were given up."""
    if row is None:
        return "-"
    is_open = int(row["unproven"])
    return f"{float(row['median_s']):.2g} s" + (f", {is_open} open" if is_open else "")


def machines() -> Iterator[tuple[str, ...]]:
    """Medians by machine, objective and network, that of all layers, and the layer that took longest."""
    with MEASURED.open(newline="", encoding="utf-8") as file:
        rows = {(row["machine"], row["objective"], row["network"]): row for row in csv.DictReader(file)}
    shown = [name for name in NETWORKS if any(network == name for _, _, network in rows)]
    yield "machine", "objective", *(NETWORKS[name] for name in shown), ALL, "worst layer"
    for machine in sorted({machine for machine, _, _ in rows} - set(FLAT)):
        for objective, said in OBJECTIVES.items():
            found = {name: rows.get((machine, objective, name)) for name in shown}
            known = {name: row for name, row in found.items() if row is not None}
            if known:
                worst = max(known, key=lambda name: float(known[name]["worst_s"]))
                longest = f"{float(known[worst]['worst_s']):.2g} s, {NETWORKS[worst]} {known[worst]['worst']}"
                yield machine, said, *(_cell(row) for row in found.values()), _cell(rows.get((machine, objective, ALL))), longest


TABLES: dict[str, Callable[[], Iterator[tuple[str, ...]]]] = {"machines": machines}
