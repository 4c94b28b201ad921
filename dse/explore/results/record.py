"""The directory of a sweep: its settings, its results, and reading them back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.designs.samplers import SAMPLERS, choose_sampler
from dse.explore.designs.space import DesignSpace
from dse.explore.designs.together import SHARED
from dse.explore.outcomes.log import FILE_NAME, Records, read_log
from dse.explore.outcomes.numbers import key_of, numbered
from dse.explore.plan.search import Search
from dse.explore.proof.certificate import Certificate
from dse.explore.results.result import COLUMNS, SweepResult, in_order
from dse.explore.spending import PARTS, Spending
from dse.formats.architecture.dataflow import written_dataflow
from dse.formats.architecture.space.constraints import Constraint, parse_constraints
from dse.formats.architecture.space.ranges import BATCH
from dse.formats.architecture.space.readable import plain_limits
from dse.formats.text.regular import check_file
from dse.formats.text.replace import remove_leftovers, write_text
from dse.formats.text.shipped import Kind, shipped_folder
from dse.formats.text.spreadsheet import to_csv

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.plan.problem import SweepProblem

SETTINGS = "sweep.yaml"
SUMMARY = "summary.json"
FRONT = "front.csv"


def check_directory(directory: Path, plan: Plan, sweep_id: str, resume: bool) -> None:
    """Refuse a directory that holds a sweep already, unless it is this one and is to be resumed.

    Results belong to the settings that made them, so a sweep goes on with its own; only its trials may change.

    Raises
    ------
    DseError
    """
    log = directory / FILE_NAME
    if not check_file(log) or log.stat().st_size == 0:
        return
    settings = _read_settings(directory)
    if not resume:
        count = len(read_log(log).by_id)
        alike = not settings or not _differences(settings, _plain(_yaml(_settings(directory, plan, sweep_id))))
        on = "--resume goes on with it and repeats nothing" if alike else "its settings are others, so it cannot go on"
        raise DseError(f"{directory} holds a sweep with {count} evaluations", hint=f"{on}; -o DIR writes elsewhere")
    if not settings:
        return
    held = f"{settings['made']['architecture']} on {', '.join(settings['made']['networks'])}"
    wanted = f"{plan.spec.name} on {', '.join(workload.name for workload in plan.workloads)}"
    if held != wanted:
        raise DseError(f"{directory} holds a sweep of {held}, not of {wanted}", hint="-o DIR writes elsewhere")
    changed = _differences(settings, _plain(_yaml(_settings(directory, plan, sweep_id))))
    if changed:
        raise DseError(
            f"{directory} holds a sweep with other settings: {'; '.join(changed)}",
            hint="-o DIR writes elsewhere; only --trials may change when a sweep is resumed",
        )


def _differences(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What two sweeps differ in, but for their names, files and trials."""
    pairs = {key: (held.get(key), wanted.get(key)) for key in ("batch", "parameters", "bits", "density")}
    for part in ("set", "weights", "combine", "layers", "dataflows"):
        pairs[part] = held.get(part), wanted.get(part)
    pairs["constraints"] = _in_one_form(held.get("constraints")), _in_one_form(wanted.get("constraints"))
    for part in ("space", "search"):
        keys = dict.fromkeys([*held[part], *wanted[part]])
        pairs |= {f"{part}.{key}": (held[part].get(key), wanted[part].get(key)) for key in keys if key != "trials"}
    found = [f"{key} {_said(old)}, now {_said(new)}" for key, (old, new) in pairs.items() if old != new]
    if not found and held["made"].get("records") != wanted["made"]["records"]:
        return ["the architecture, its constraints or the layers have changed since"]
    return found


def _in_one_form(limits: Mapping[str, Any] | None) -> Any:
    """Limits, whatever the units that they stand in."""
    try:
        return None if limits is None else plain_limits(parse_constraints(limits))
    except DseError:
        return limits


def _said(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Before:
    """What a resumed sweep takes over from the run before.

    Parameters
    ----------
    sampler : str
        The one that `auto` stood for, whatever more trials would make of it; empty where that is not known.
    certificate : Certificate, optional
        What was proven of the whole space. It is about designs that the log holds, to which more only come.
    spent : mapping
        CPU seconds by part, of all runs before.
    """

    sampler: str = ""
    certificate: Certificate | None = None
    spent: Mapping[str, float] = field(default_factory=dict)


def read_before(directory: Path, records: Records) -> Before:
    """What the run before left in the directory of a sweep, of which the log is read."""
    settings = _read_settings(directory)
    if not settings:
        return Before()
    summary = _read_summary(directory)
    made, proven = settings["made"], _certificate(summary)
    sampler = made.get("sampler") if settings["search"]["sampler"] == "auto" else None
    designs = {key_of(e) for e in records.of_sweep(made["records"]) if e.ok}
    whole = proven is not None and len(designs) >= proven.evaluated  # a log that lost lines proves less
    return Before(sampler if sampler in SAMPLERS else "", proven if whole else None, _spent(summary))


def write_settings(directory: Path, plan: Plan, problem: SweepProblem, sampler: str) -> None:
    """Write `sweep.yaml`: everything that is needed to run the sweep again with `dse sweep DIR/sweep.yaml`."""
    remove_leftovers(directory)
    write_text(directory / SETTINGS, _yaml(_settings(directory, plan, problem.sweep_id, sampler, problem.beside)))
    path = directory / SUMMARY
    try:
        plain = json.loads(path.read_text()) if check_file(path) else None
    except (OSError, ValueError):
        plain = None
    if isinstance(plain, dict):  # of an earlier run: what it says still holds, but for that the sweep is finished
        write_text(path, json.dumps({**plain, "finished": False}, indent=2) + "\n")
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DseError(f"cannot replace {path}: {error.strerror}") from None


def _settings(
    directory: Path, plan: Plan, sweep_id: str, sampler: str = "", beside: Sequence[int] = ()
) -> dict[str, Any]:
    search, changes = plan.search, plan.changes
    return {
        "sweep": plan.name,
        "arch": _path_from(directory, plan.spec.file, "arch_specs"),
        "workloads": [_path_from(directory, source, "workloads") for source in plan.sources],
        **({"batch": changes.batch} if changes.batch is not None else {}),
        **{key: dict(value) for key in ("parameters", "bits", "density") if (value := getattr(changes, key))},
        **({"layers": list(changes.layers)} if changes.layers else {}),
        **_together(plan),
        **_hardware(plan),
        "space": {
            **{path: list(choices) for path, choices in plan.space.items()},
            **{one.path: one.to_dict() for one in plan.derived},
        },
        "search": {
            "trials": search.trials,
            "sampler": search.sampler,
            "seed": search.seed,
            "objectives": list(search.objectives),
            "gap": search.gap,
            **({"resident": True} if search.resident else {}),
        },
        "made": {
            "architecture": plan.spec.name,
            "networks": [workload.name for workload in plan.workloads],
            "records": sweep_id,
            **({"batches": plan.batches} if changes.batch is None and set(plan.batches.values()) - {1} else {}),
            **({"sampler": sampler} if sampler else {}),
            **({"beside": list(beside)} if plan.derived else {}),
        },
    }


def _together(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {"weights": dict(plan.together.weights)} if plan.together.weights else {}
    return found | ({"combine": plan.together.how} if plan.together.how != SHARED.how else {})


def _hardware(plan: Plan) -> dict[str, Any]:
    """What is not the architecture's own, as a sweep file says it."""
    hardware = plan.hardware
    found: dict[str, Any] = {"set": dict(hardware.settings)} if hardware.settings else {}
    if hardware.constraints is not None:
        found["constraints"] = plain_limits(hardware.constraints)
    if hardware.dataflows:
        found["dataflows"] = {name: written_dataflow(flow) for name, flow in hardware.dataflows.items()}
    return found


def write_results(directory: Path, result: SweepResult) -> None:
    """Write `front.csv` and `summary.json`."""
    rows = result.front_rows()
    write_text(directory / FRONT, to_csv(rows, [*COLUMNS, *result.paths, "id"]))
    write_summary(directory, result)


def write_summary(directory: Path, result: SweepResult) -> None:
    """Write `summary.json`."""
    write_text(directory / SUMMARY, json.dumps(result.to_dict(), indent=2) + "\n")


def read_results(directory: str | Path) -> SweepResult:
    """A sweep from its directory, finished or not; the files it was made from are not needed.

    Raises
    ------
    DseError
        When the directory holds no sweep.
    """
    directory = Path(directory)
    settings = _read_settings(directory)
    if not settings:
        raise DseError(f"{directory} holds no sweep: there is no {SETTINGS} in it", hint=_within(directory))
    records = read_log(directory / FILE_NAME)
    made, asked = settings["made"], settings["search"]
    search = Search(
        asked["trials"], asked["sampler"], asked["seed"], tuple(asked["objectives"]), asked["gap"],
        bool(asked.get("resident", False)),
    )  # fmt: skip
    space = {path: tuple(choices) for path, choices in settings["space"].items() if isinstance(choices, list)}
    own = records.of_sweep(made["records"])
    summary = _read_summary(directory)
    return SweepResult(
        name=settings["sweep"],
        architecture=made["architecture"],
        workloads=tuple(made["networks"]),
        space=space,
        search=search,
        sampler=summary.get("sampler")
        or made.get("sampler")
        or choose_sampler(search.sampler, DesignSpace.of(space), search.trials),
        evaluations=in_order(numbered(own)),
        finished=bool(summary.get("finished")),
        reused=int(summary.get("reused", 0)),
        wall_s=float(summary.get("wall_s", 0.0)),
        damaged=records.damaged,
        derived=tuple(path for path in settings["space"] if path not in space),
        combine=settings.get("combine", "sum"),
        weights={name: float(weight) for name, weight in settings.get("weights", {}).items()},
        constraints=_constraints(settings, summary),
        certificate=_certificate(summary),
        batches={} if BATCH in space else _batches(settings),
        beside=tuple(beside) if (beside := made.get("beside")) is not None else None,
        spending=Spending(_spent(summary)),
    )


def _within(directory: Path) -> str | None:
    """Where sweeps are, if in folders of this one."""
    found = sorted(path.parent.as_posix() for path in directory.glob(f"*/{SETTINGS}"))
    said = ", ".join([*found[:3], *(["..."] if len(found) > 3 else [])])
    return f"there {'is one' if len(found) == 1 else 'are sweeps'} in {said}" if found else None


def _read_settings(directory: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = directory / SETTINGS
    if not check_file(path):
        return {}
    try:
        settings = YAML(typ="safe", pure=True).load(path)
    except (OSError, ValueError, YAMLError) as error:
        raise DseError(f"cannot be read: {str(error).splitlines()[0]}", file=str(path)) from None
    if not _is_complete(settings):
        raise DseError("was not written by `dse sweep`", file=str(path), hint="resume in a fresh directory (-o DIR)")
    return dict(settings)


def _is_complete(settings: Any) -> bool:
    """Whether settings are what `write_settings` writes, as far as reading results depends on it."""
    wanted: dict[str, dict[str, type]] = {
        "": {"sweep": str, "made": dict, "search": dict, "space": dict},
        "made": {"architecture": str, "networks": list, "records": str},
        "search": {"trials": int, "sampler": str, "seed": int, "objectives": list, "gap": (int, float)},  # type: ignore[dict-item]
    }
    for part, types in wanted.items():
        held = settings if not part else settings[part]
        if not isinstance(held, dict) or not all(isinstance(held.get(key), kind) for key, kind in types.items()):
            return False
    made = settings["made"]
    named = [*made["networks"], *settings["search"]["objectives"], *settings["space"], settings.get("combine", "sum")]
    beside = made.get("beside", [])
    counted = [*_values(made.get("batches", {})), *(beside if isinstance(beside, list) else [None])]
    return (
        all(isinstance(name, str) for name in named)
        and all(isinstance(number, int) for number in (*counted, settings.get("batch", 1)))
        and all(_is_number(weight) for weight in _values(settings.get("weights", {})))
    )


def _values(held: Any) -> Iterable[Any]:
    """The values of a mapping; of anything else one that is no number."""
    return held.values() if isinstance(held, dict) else (None,)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _constraints(settings: Mapping[str, Any], summary: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """The limits of a sweep: those that its file says, else those of the architecture, as the summary has them."""
    try:
        return parse_constraints(settings.get("constraints", summary.get("constraints", {})))
    except DseError:
        return ()


def _batches(settings: Mapping[str, Any]) -> dict[str, int]:
    """Images at once of each network: as the sweep says, else as the networks' own files did where not all said 1."""
    own = settings["made"].get("batches", {})
    return {name: settings.get("batch", own.get(name, 1)) for name in settings["made"]["networks"]}


def _spent(summary: Mapping[str, Any]) -> dict[str, float]:
    """CPU seconds by part, as a summary has them."""
    split = summary.get("cpu_split_s", {})
    return {part: float(split.get(part, 0.0)) for part in PARTS}


def _certificate(summary: Mapping[str, Any]) -> Certificate | None:
    plain = summary.get("certificate")
    try:
        return Certificate.from_dict(plain) if plain else None
    except (KeyError, TypeError, ValueError):
        return None


def _read_summary(directory: Path) -> Mapping[str, Any]:
    try:
        check_file(directory / SUMMARY)
        summary = json.loads((directory / SUMMARY).read_text())
    except (OSError, ValueError, DseError):
        return {}
    kinds: dict[str, Any] = {"sampler": str, "finished": bool, "reused": int, "wall_s": (int, float)}
    if not isinstance(summary, dict) or not all(isinstance(summary.get(key), kind) for key, kind in kinds.items()):
        return {}
    return summary if all(map(_is_number, _values(summary.get("cpu_split_s", {})))) else {}


def _path_from(directory: Path, source: str, kind: Kind) -> str:
    """A file as `sweep.yaml` names it: by its bare name when it is a shipped one, else from the directory."""
    path = Path(source)
    if not path.is_file():
        return source
    if path.resolve().parent == shipped_folder(kind).resolve():
        return path.stem
    try:
        return Path(os.path.relpath(path.resolve(), directory.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


def _plain(text: str) -> dict[str, Any]:
    """Settings as they read back from their file."""
    from ruamel.yaml import YAML

    return dict(YAML(typ="safe", pure=True).load(text))


def _yaml(settings: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.width = 110
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    yaml.dump(dict(settings), text)
    return "# Run again with `dse sweep` on this file; `made` says what its records were made from.\n" + text.getvalue()
