"""`dse show`: check a file and summarise it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from dse.cli.inputs import remarks
from dse.cli.options import format_option, parameter_option
from dse.cli.output import note, print_rows
from dse.errors import DseError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

KINDS: dict[Literal["arch_specs", "workloads", "sweeps"], str] = {
    "arch_specs": "architecture",
    "workloads": "workload",
    "sweeps": "sweep",
}
"""Folder of shipped files to the key at the top of each."""


@click.command("show")
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--graph", metavar="OUT.svg", help="Also draw a workload's graph, as .svg, .png or .pdf.")
@parameter_option
@format_option
def command(file: str | None, form: str, graph: str | None, param: tuple[str, ...]) -> None:
    """Check FILE, an architecture, workload or sweep, or a shipped one by its name, and say what is in it. Of a
    built-in dataflow, by its name, say what its rules are. Without FILE, list what is shipped.

    \b
    Examples:
      dse show
      dse show eyeriss
      dse show workloads/resnet50.yaml --format csv
      dse show bert_base --param seq=384
      dse show row-stationary
      dse show inception_v3 --graph inception_v3.svg
    """
    if file is None:
        _show_all(form, graph, param)
        return
    if _is_dataflow(file):
        _show_dataflow(file, form)
        return
    kind, path = find(file)
    if graph is not None and kind != "workload":
        raise DseError(f"{file} is no workload, so it has no graph to draw")
    if param and kind != "workload":
        raise DseError(f"{file} is no workload, so it has no parameters", hint="--param is for workloads")
    if kind == "architecture":
        _show_architecture(path, form)
    elif kind == "workload":
        _show_workload(path, form, graph, param)
    else:
        _show_sweep(path, form)


def _show_all(form: str, graph: str | None, param: tuple[str, ...]) -> None:
    from dse.formats.architecture.dataflow import described_dataflows
    from dse.formats.text.shipped import shipped_names
    from dse.report.text.shipped import shipped_text

    if graph is not None or param:
        raise DseError("FILE is missing: --graph and --param are for a workload", hint="dse show WORKLOAD")
    names: dict[str, list[str]] = {folder: list(shipped_names(folder)) for folder in KINDS}
    descriptions = described_dataflows()
    rows = [{"kind": kind, "name": name} for folder, kind in KINDS.items() for name in names[folder]]
    rows += [{"kind": "dataflow", "name": name} for name in descriptions]
    print_rows(form, lambda: shipped_text(names, descriptions), {**names, "dataflows": descriptions}, rows)


def _is_dataflow(name: str) -> bool:
    """Whether a name is that of a built-in dataflow and of no file."""
    from pathlib import Path

    from dse.formats.architecture.dataflow import built_in_dataflows

    return name in built_in_dataflows() and not Path(name).exists()


def _show_dataflow(name: str, form: str) -> None:
    from dse.formats.architecture.dataflow import built_in_dataflows, described_dataflows
    from dse.report.text.shipped import dataflow_records, dataflow_text

    dataflow, description = built_in_dataflows()[name], described_dataflows()[name]
    rows = dataflow_records(dataflow)
    plain = {"dataflow": name, "description": description, **{row["key"]: row["value"] for row in rows}}
    print_rows(form, lambda: dataflow_text(dataflow, description), plain, rows)


def find(name: str) -> tuple[str, Path]:
    """What kind of file a name means, and which file."""
    from pathlib import Path

    from dse.formats.architecture.dataflow import built_in_dataflows
    from dse.formats.text.regular import check_file
    from dse.formats.text.shipped import ALSO_KNOWN_AS
    from dse.formats.text.source import did_you_mean, find_shipped, load_source, shipped_names

    names = [shipped for folder in KINDS for shipped in shipped_names(folder)]
    try:
        is_file = check_file(name)
    except SpecError:
        if name not in names:  # a folder may have the name of a shipped file
            raise
        is_file = False
    if is_file:
        source = load_source(Path(name))
        keys = source.data if isinstance(source.data, dict) else {}
        found = ["sweep"] if {"sweep", "compare"} <= set(keys) else [key for key in KINDS.values() if key in keys]
        if len(found) != 1:
            raise SpecError("neither an architecture, a workload nor a sweep", file=name,
                            hint="its top has one of the keys architecture, workload or sweep")  # fmt: skip
        return found[0], Path(name)
    for folder, key in KINDS.items():
        if ALSO_KNOWN_AS.get(name, name) in shipped_names(folder):
            return key, find_shipped(folder, name)
    hint = did_you_mean(name, [*names, *ALSO_KNOWN_AS, *built_in_dataflows()])
    raise SpecError(f"there is no file {name}, and nothing of that name is shipped", hint=hint)


def _show_architecture(path: Path, form: str) -> None:
    from dse.formats.architecture.load import load_architecture_spec
    from dse.report.text.summaries import architecture_records, architecture_text

    spec = load_architecture_spec(path)
    for remark in remarks(spec, spec.architecture):
        note(f"note: {remark}")
    records = architecture_records(spec.architecture)
    plain: dict[str, Any] = {
        "architecture": spec.name,
        "dataflow": spec.architecture.dataflow.name,
        "clock_hz": spec.architecture.clock_hz,
        "mac_units": spec.architecture.mac_units,
        "mac_energy_pj": spec.architecture.mac.energy_pj,
        "area_mm2": spec.architecture.area_mm2,
        "precision": dict(spec.architecture.precision),
        "hierarchy": records,
        "space": {path: list(choices) for path, choices in spec.space.items()},
        "constraints": [constraint.to_dict() for constraint in spec.constraints],
    }
    print_rows(form, lambda: architecture_text(spec), plain, records)


def _show_workload(path: Path, form: str, graph: str | None, param: tuple[str, ...]) -> None:
    from dse.formats.workload.load import load_workload
    from dse.formats.workload.parameters import parse_parameters
    from dse.problem.summary import layer_rows, workload_totals
    from dse.report.text.summaries import workload_text

    workload = load_workload(path, parse_parameters(param))
    if graph is not None:
        from dse.report.figures.graph import draw_graph, graph_data

        draw_graph(graph_data(workload), graph)
    rows = layer_rows(workload)
    print_rows(form, lambda: workload_text(workload), {**workload_totals(workload), "rows": rows}, rows)


def _show_sweep(path: Path, form: str) -> None:
    from dataclasses import asdict

    from dse.explore.compare.dataflows_file import load_comparison
    from dse.explore.compare.networks import Review
    from dse.explore.sweep_file import load_plan
    from dse.formats.architecture.space.readable import plain_limits
    from dse.report.text.summaries import dataflows_text, review_text, sweep_text

    if (dataflows := load_comparison(path)) is not None:
        designs = {design.name: design.spec.name for design in dataflows.designs}
        plain: dict[str, Any] = {
            "sweep": dataflows.name, "workload": dataflows.workload.name, "objective": dataflows.objective,
            "gap": dataflows.gap, "batches": list(dataflows.batches), "designs": designs,
        }  # fmt: skip
        records = [{"design": name, "arch": arch} for name, arch in designs.items()]
        print_rows(form, lambda: dataflows_text(dataflows), plain, records)
        return
    plan = load_plan(path)
    if isinstance(plan, Review):
        arch = plan.architecture.name if plan.architecture is not None else None
        names = [workload.name for workload in plan.workloads]
        how: dict[str, Any] = {"arch": arch, "objective": plan.objective, "gap": plan.gap}
        records = [{"workload": name, **how} for name in names]
        print_rows(form, lambda: review_text(plan), {"sweep": plan.name, "workloads": names, **how}, records)
        return
    plain = {
        "sweep": plan.name,
        "architecture": plan.spec.name,
        "workloads": [workload.name for workload in plan.workloads],
        "space": {path: list(choices) for path, choices in plan.space.items()},
        "derived": {one.path: one.to_dict() for one in plan.derived},
        "combine": plan.together.how,
        "weights": {workload.name: plan.together.weights.get(workload.name, 1.0) for workload in plan.workloads},
        "fronts": plan.together.fronts,
        "set": dict(plan.hardware.settings),
        "constraints": plain_limits(plan.spec.constraints),
        "search": asdict(plan.search),
    }
    rows = [{"setting": path, "choices": " ".join(map(str, choices))} for path, choices in plan.space.items()]
    print_rows(form, lambda: sweep_text(plan), plain, rows)
