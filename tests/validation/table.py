"""Writes the validation tables of `docs/model.md` from what the code computes: our number, the reference, the error.

    python tests/validation/table.py            # rewrites the tables in place, but for those that take minutes
    python tests/validation/table.py --slow     # these too
    python tests/validation/table.py --check    # fails when they are out of date

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; `TABLES` names the function that makes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from validation import energies
from validation.models import isca16, systolic, timeloop_case
from validation.silicon import areas, chips, eyeriss, eyeriss_vgg16, gemmini, gemmini_more

import dse
from dse.model.counting.timeloop import count_timeloop

TIMELOOP_CASES = Path(__file__).parent.parent / "reference" / "timeloop_counts.jsonl"
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
        "total_ms": ("total latency, ms", ".2f"), "chip_mj": ("chip energy, mJ", ".2f"),
        "own_chip_mj": ("chip energy with our own latency, mJ", ".2f"),
    }  # fmt: skip
    for found in eyeriss.silicon():
        for field, (what, form) in figures.items():
            ours, theirs = getattr(found, field)
            yield found.layer, what, f"{ours:{form}}", f"{theirs:g}", percent(ours, theirs)


def overlap() -> Iterator[tuple[str, ...]]:
    """Total latency of both networks, with what finds no room, and as if everything were hidden."""
    yield "network", "layer", "what waits", "measured, ms", "ours, ms", "error", "all hidden, ms", "error"
    for network, all_found in (("AlexNet", eyeriss.silicon()), ("VGG16", eyeriss_vgg16.silicon())):
        for found in all_found:
            ours, theirs = found.total_ms
            yield (
                network, found.layer, " ".join(found.waits), f"{theirs:g}", f"{ours:.1f}", percent(ours, theirs),
                f"{found.hidden_ms:.1f}", percent(found.hidden_ms, theirs),
            )  # fmt: skip
        ours, theirs = (sum(found.total_ms[side] for found in all_found) for side in (0, 1))
        hidden = sum(found.hidden_ms for found in all_found)
        yield (network, "sum", "", f"{theirs:.1f}", f"{ours:.1f}", percent(ours, theirs), f"{hidden:.1f}",
               percent(hidden, theirs))  # fmt: skip


def vgg16() -> Iterator[tuple[str, ...]]:
    yield "layer", "processing latency, ms", "error", "buffer traffic, MB", "error", "chip energy, mJ", "error"
    for found in eyeriss_vgg16.silicon():
        cells = [found.layer]
        for ours, theirs in (found.processing_ms, found.buffer_mb, found.chip_mj):
            cells += [f"{ours:.1f}", percent(ours, theirs)]
        yield tuple(cells)


def summary() -> Iterator[tuple[str, ...]]:
    """One row for each reference; `largest` is the error that is farthest from 0."""
    yield "reference", "what is compared", "points", "agreement"
    yield from _timeloop()
    for group in ("CONV", "FC"):
        ours, refetched = [], []
        for (dataflow, batch, layers), row in isca16.reference().items():
            if layers == group:
                _, total, refetch = isca16.totals(dataflow, batch, group)
                ours.append(total / row["norm_energy_per_mac"] - 1)
                refetched.append((total + refetch) / row["norm_energy_per_mac"] - 1)
        with_it = "" if largest(ours) == largest(refetched) else f"; {largest(refetched)} with the formulas' refetch"
        what = f"energy per MAC, AlexNet {group}, six dataflows at their published mappings"
        yield "ISCA 2016 model", what, str(len(ours)), f"largest error {largest(ours)}{with_it}"
    found = eyeriss.silicon()
    for field, what in (
        ("active_pes", "active PEs"), ("buffer_mb", "buffer traffic"), ("dram_mb", "DRAM traffic"),
        ("processing_ms", "processing latency"), ("total_ms", "total latency"),
        ("chip_mj", "chip energy (one constant fitted), at the measured latency"),
        ("own_chip_mj", "chip energy (one constant fitted), at our own latency"),
    ):  # fmt: skip
        pairs = [getattr(one, field) for one in found]
        errors = [ours / theirs - 1 for ours, theirs in pairs]
        exact = all(ours == theirs for ours, theirs in pairs)
        sums = percent(*(sum(pair[side] for pair in pairs) for side in (0, 1)))
        agreement = "equal" if exact else f"{min(errors):+.1%} to {max(errors):+.1%}; sum {sums}"
        yield "Eyeriss silicon, JSSC 2017", f"{what}, AlexNet CONV, the chip's mappings", str(len(pairs)), agreement
    yield from _systolic()
    yield from _gemmini()
    errors = energies.memory_fits()
    for way, name in enumerate(("read", "write")):
        each = sorted((abs(pair[way]), nm, size, pair[way]) for (size, nm), pair in errors.items())
        (_, nm, size, worst), median = each[-1], each[len(each) // 2][0]
        yield (
            "CACTI 7",
            f"energy of an SRAM {name}, fitted",
            str(len(each)),
            (f"median {median:.1%}; largest {worst:+.1%} ({size} B at {nm} nm)"),
        )
    fits = [one.error for one in energies.energies() if one.kind == "fit"]
    yield (
        "Horowitz, ISSCC 2014",
        "integer multiplier and adder, fitted",
        str(len(fits)),
        f"largest error {largest(fits)}",
    )
    (sram,) = (one for one in energies.energies() if "SRAM, read" in one.what)
    yield "Horowitz, ISSCC 2014", "8 KiB SRAM read, not fitted", "1", f"{sram.error:+.1%}: his is a cache"


def _timeloop() -> Iterator[tuple[str, ...]]:
    lines = TIMELOOP_CASES.read_text(encoding="utf-8").splitlines()
    cases = [timeloop_case.read_case(json.loads(line)) for line in lines if line.strip()]
    counts = cycles = energy = priced = 0
    for case in cases:
        counted = count_timeloop(case.layer, case.architecture, case.mapping)
        counts += timeloop_case.ours(counted) == timeloop_case.theirs(case)
        cost = dse.evaluate(case.architecture, case.layer, case.mapping, counting="timeloop")
        cycles += cost.cycles == case.expected["cycles"]
        if not timeloop_case.has_network_energy(case):
            priced += 1
            energy += abs(timeloop_case.energy_pj(case, counted) / case.expected["energy_pJ"] - 1) < 1e-9
    what = "reads, fills, updates, instances, tile words"
    yield "Timeloop, 2025", f"{what} (`counting: timeloop`)", str(len(cases)), equal(counts, len(cases))
    yield "Timeloop, 2025", "cycles", str(len(cases)), equal(cycles, len(cases))
    yield "Timeloop, 2025", "energy, of cases without network energy", str(priced), equal(energy, priced, " to 1e-9")


def _systolic() -> Iterator[tuple[str, ...]]:
    rows, network = systolic.rows(), dse.load_workload("alexnet")
    pairs = [
        (systolic.found(systolic.as_the_closed_form_runs_it(row, network)), systolic.expected(row)) for row in rows
    ]
    where = "AlexNet CONV, ws / os / is, 32 x 32 and 128 x 128"
    for what, part in (("cycles", slice(0, 1)), ("buffer words (ifmap and weight reads, psum arrivals)", slice(1, 4))):
        count = sum(ours[part] == theirs[part] for ours, theirs in pairs)
        yield "SCALE-Sim's closed forms", f"{what}, {where}", str(len(pairs)), equal(count, len(pairs))


def _gemmini() -> Iterator[tuple[str, ...]]:
    points = gemmini.points()
    pairs = [gemmini.timeloop_cycles(point) for point in points]
    for what, part in (("`counting: timeloop`", 0), ("with the fills of psums' first visits", 1)):
        count = sum(pair[part] == point.timeloop for pair, point in zip(pairs, points, strict=True))
        yield "Timeloop for Gemmini, 2023", f"cycles, {what}", str(len(points)), equal(count, len(points))
    for fitted, reported in (gemmini.SETS, gemmini.SETS[::-1]):
        chosen = gemmini.of(reported)
        _, plain, rows = gemmini.compared(chosen, gemmini.cycles_per_row(fitted))
        for what, a in (("nothing fitted", plain), (f"one constant fitted on set {fitted}", rows)):
            found = f"median {a.median:.2f}; p90 {a.p90:.2f}; rank correlation {a.rank:.3f}"
            yield "Gemmini's RTL", f"cycles over ours, set {reported}, {what}", str(len(chosen)), found


def memory_fits() -> Iterator[tuple[str, ...]]:
    errors = energies.memory_fits()
    sizes, nodes = (sorted({point[i] for point in errors}) for i in range(2))
    yield "capacity (B)", *(f"{nm} nm read, write" for nm in nodes)
    for size in sizes:
        yield str(size), *(f"{errors[size, nm][0]:+.1%}, {errors[size, nm][1]:+.1%}" for nm in nodes)


def memory_areas() -> Iterator[tuple[str, ...]]:
    """Errors of points of CACTI left out in turn, and below them figures that were not used."""
    errors = areas.left_out()
    sizes, nodes = (sorted({point[i] for point in errors}) for i in range(2))
    yield "capacity (B)", *(f"{nm:g} nm" for nm in nodes)
    for size in sizes:
        yield f"{size:.0f}", *(f"{errors[size, nm]:+.1%}" for nm in nodes)


def published_areas() -> Iterator[tuple[str, ...]]:
    yield "memory", "nm", "published, mm2", "ours, mm2", "error"
    for what, nm, theirs, ours, is_limit in areas.published():
        error = f"{percent(ours, theirs)} of a limit" if is_limit else percent(ours, theirs)
        yield what, f"{nm:g}", f"{theirs:.3g}", f"{ours:.3g}", error


def energy_tables() -> Iterator[tuple[str, ...]]:
    kinds = {"given": "taken over", "fit": "fitted to it", "other": "not used"}
    yield "figure", "source", "its part in our tables", "ours", "theirs", "error"
    for one in energies.energies():
        yield (
            one.what,
            one.source,
            kinds[one.kind],
            f"{one.ours:.4g}",
            f"{one.theirs:.4g}",
            percent(one.ours, one.theirs),
        )


def gemmini_rtl() -> Iterator[tuple[str, ...]]:
    """RTL over what is said, as median, 90th percentile and rank correlation; kinds of layers are of both sets."""
    yield "set or kind of layer", "mappings", "Timeloop", "ours", "ours, DMA rows fitted on analytical", "on both"
    everything = gemmini.points()
    kinds = sorted({point.kind for point in everything})
    chosen = [(f"set {group}", gemmini.of(group)) for group in gemmini.SETS]
    chosen += [(kind, tuple(point for point in everything if point.kind == kind)) for kind in kinds]
    for name, points in chosen:
        first, second = (gemmini.compared(points, gemmini.cycles_per_row(group)) for group in gemmini.SETS)
        few = len(points) < 5
        cells = [f"{a.median:.2f}, {a.p90:.2f}" + ("" if few else f", {a.rank:.3f}") for a in (*first, second[-1])]
        yield name, str(len(points)), *cells


def gemmini_further() -> Iterator[tuple[str, ...]]:
    """RTL over ours, as above, of the further mappings, whose memories are not known."""
    yield "kind of layer", "mappings", "ours", "ours, DMA rows fitted on both"
    for name, count, *found in gemmini_more.rows():
        yield name, str(count), *(f"{a.median:.2f}, {a.p90:.2f}, {a.rank:.3f}" for a in found)


def chip_figures() -> Iterator[tuple[str, ...]]:
    yield "specification", "figure", "network", "published", "ours", "error", "why"
    for one in chips.figures():
        of = one.network + (f" ({one.settings.split('.')[-1]})" if one.network and one.settings else "")
        cells = (f"{number:.3g} {one.unit}" for number in (one.published, one.ours))
        yield one.spec, one.quantity, of, *cells, percent(one.ours, one.published), one.reason


TABLES: dict[str, Callable[[], Iterable[tuple[str, ...]]]] = {
    "summary": summary, "isca16": isca16_totals, "eyeriss-silicon": silicon, "eyeriss-overlap": overlap,
    "eyeriss-vgg16": vgg16, "memory-fits": memory_fits, "memory-areas": memory_areas,
    "published-areas": published_areas, "energies": energy_tables, "gemmini": gemmini_rtl,
    "gemmini-further": gemmini_further, "chips": chip_figures,
}  # fmt: skip

SLOW = frozenset({"chips", "gemmini-further"})
"""Tables that map whole networks, or price many mappings."""


def largest(errors: list[float]) -> str:
    return f"{max(errors, key=abs):+.1%}"


def equal(count: int, of: int, how: str = "") -> str:
    return f"all equal{how}" if count == of else f"{count} of {of} equal{how}"


def percent(ours: float, theirs: float) -> str:
    return f"{ours / theirs - 1:+.1%}".replace("-0.0%", "+0.0%")


def markdown(rows: Iterable[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def written(text: str, slow: bool = False) -> str:
    """The document with its tables made anew, those that take minutes only if asked."""
    for name, make in TABLES.items():
        if name in SLOW and not slow:
            continue
        start, end = f"<!-- table: {name} -->", "<!-- end -->"
        before, found, rest = text.partition(start)
        if not found:
            raise ValueError(f"{DOCUMENT.name} has no table {name!r}")
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{markdown(make())}\n{end}{after}"
    return text


def main() -> int:
    text = DOCUMENT.read_text(encoding="utf-8")
    new = written(text, slow="--slow" in sys.argv)
    if "--check" in sys.argv:
        return int(new != text)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
