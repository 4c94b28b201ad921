"""Areas of memories beside published ones: CACTI's points, each left out in turn, and figures that were not used."""

from __future__ import annotations

from validation.silicon.eyeriss import rows

from dse.architecture.scaling import interpolate_log, read_table
from dse.architecture.technology import load_technology


def published() -> list[tuple[str, float, float, float, bool]]:
    """Of each row of `sram_macros.csv`: what, nm, its mm2, ours, and whether it is a limit that ours must stay below.

    Ours is the bare macro beside a macro, and the macro on the floor plan beside what was measured in a chip.
    """
    found = []
    for row in rows("sram_macros.csv"):
        technology = load_technology("cmos-28nm" if float(row["node_nm"]) == 28 else "cmos-16nm", float(row["node_nm"]))
        ours = technology.sram_area_mm2(8 * float(row["capacity_bytes"]))
        if row["what"] == "macro":
            ours *= technology.macro_density or 1.0
        found.append((row["name"], float(row["node_nm"]), float(row["area_mm2"]), ours, row["what"] == "limit"))
    return found


def left_out() -> dict[tuple[float, float], float]:
    """Relative error at (bytes, nm) of each point of CACTI between two sizes, from the node's other points alone.

    The table itself goes through every point, so that its own error there is none.
    """
    tables: dict[float, list[tuple[float, float]]] = {}
    for row in read_table("sram_area.csv"):
        tables.setdefault(row["node_nm"], []).append((row["capacity_bytes"], row["area_um2"]))
    errors = {}
    for node_nm, points in tables.items():
        points.sort()
        for left, (size, area), right in zip(points, points[1:], points[2:], strict=False):
            errors[size, node_nm] = interpolate_log([left, right], size) / area - 1
    return errors


def through_its_points() -> float:
    """The largest error of the table at a point that it is made of, as a share."""
    worst = 0.0
    for row in read_table("sram_area.csv"):
        technology = load_technology("cmos-22nm", row["node_nm"])
        ours = technology.sram_area_mm2(8 * row["capacity_bytes"]) * 1e6 * (technology.macro_density or 1.0)
        worst = max(worst, abs(ours / row["area_um2"] - 1))
    return worst
