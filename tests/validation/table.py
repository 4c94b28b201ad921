"""Writes the validation tables of `docs/model.md` from what the code computes: our number, the reference, the error.

    python tests/validation/table.py            # rewrites the tables in place
    python tests/validation/table.py --check    # fails when they are out of date

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; `TABLES` names the function that makes it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from validation import eyeriss_silicon, isca16

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "model.md"


def isca16_totals() -> Iterator[tuple[str, ...]]:
    yield "layers", "batch", "dataflow", "ours", "published", "error", "with the refetch", "largest column error"
    for (dataflow, batch, group), row in sorted(isca16.reference().items(), key=lambda item: item[0][2::-1]):
        columns, total, refetch = isca16.totals(dataflow, batch, group)
        theirs = row["norm_energy_per_mac"]
        errors = {key: columns[key] - row[key] for key in columns}
        worst = max(errors, key=lambda key: abs(errors[key]))
        yield (
            group, str(batch), dataflow, f"{total:.3f}", f"{theirs:.3f}", percent(total, theirs),
            percent(total + refetch, theirs), f"{worst} {errors[worst] / theirs:+.1%}",
        )  # fmt: skip


def silicon() -> Iterator[tuple[str, ...]]:
    yield "layer", "figure", "ours", "measured", "error"
    figures = {
        "active_pes": ("active PEs", ".0f"), "buffer_mb": ("buffer traffic, MB", ".2f"),
        "dram_mb": ("DRAM traffic, MB", ".2f"), "processing_ms": ("processing latency, ms", ".2f"),
        "chip_mj": ("chip energy, mJ", ".2f"),
    }  # fmt: skip
    for found in eyeriss_silicon.silicon():
        for field, (what, form) in figures.items():
            ours, theirs = getattr(found, field)
            yield found.layer, what, f"{ours:{form}}", f"{theirs:g}", percent(ours, theirs)
        yield found.layer, "chip energy with our own latency, mJ", f"{found.own_chip_mj:.2f}", "", ""


TABLES: dict[str, Callable[[], Iterable[tuple[str, ...]]]] = {"isca16": isca16_totals, "eyeriss-silicon": silicon}


def percent(ours: float, theirs: float) -> str:
    return f"{ours / theirs - 1:+.1%}"


def markdown(rows: Iterable[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def written(text: str) -> str:
    """The document with its tables made anew."""
    for name, make in TABLES.items():
        start, end = f"<!-- table: {name} -->", "<!-- end -->"
        before, found, rest = text.partition(start)
        if not found:
            continue
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{markdown(make())}\n{end}{after}"
    return text


def main() -> int:
    text = DOCUMENT.read_text(encoding="utf-8")
    new = written(text)
    if "--check" in sys.argv:
        return int(new != text)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
