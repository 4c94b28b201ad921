"""The energy fit's error at every reference point, as docs/model.md states it. Run as a script, it prints the table."""

from __future__ import annotations

import csv
from pathlib import Path

from dse.architecture.technology import load_technology

ROOT = Path(__file__).parents[2]
POINTS = ROOT / "tests" / "reference" / "sram_energy_points.csv"


def table() -> str:
    """Errors of reads and writes in per cent: a row per capacity, a column per node."""
    lines = [line for line in POINTS.read_text().splitlines() if not line.startswith("#")]
    points = {(int(row["capacity_bytes"]), int(row["node_nm"])): row for row in csv.DictReader(lines)}
    sizes, nodes = (sorted({key[i] for key in points}) for i in range(2))
    text = ["| capacity (B) | " + " | ".join(f"{nm} nm read, write" for nm in nodes) + " |", "| --- " * 7 + "|"]
    for size in sizes:
        cells = [str(size)]
        for nm in nodes:
            technology = load_technology(f"cmos-{nm}nm")
            read = technology.sram_read_energy_pj(size * 8, 64) / float(points[size, nm]["read_pj_per_64b"]) - 1
            write = technology.sram_write_energy_pj(size * 8, 64) / float(points[size, nm]["write_pj_per_64b"]) - 1
            cells.append(f"{read:+.1%}, {write:+.1%}")
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text)


def test_the_documentation_states_the_error_at_every_point() -> None:
    assert table() in (ROOT / "docs" / "model.md").read_text()


if __name__ == "__main__":
    print(table())
