"""A finished sweep for other tools: a study for Optuna's dashboard, and a Parquet file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.results.tables import best_known, evaluations_frame, number_of
from dse.formats.text.replace import write_bytes

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult


def write_parquet(result: SweepResult, file: str | Path) -> None:
    """Write all evaluations as `SweepResult.to_dataframe` has them.

    Raises
    ------
    DseError
        Without pyarrow, or when the file cannot be written.
    """
    try:
        import pyarrow  # type: ignore[import-untyped,import-not-found,unused-ignore] # noqa: F401
    except ImportError:
        raise DseError("Parquet files need pyarrow", hint="pip install pyarrow") from None
    with _replaced(Path(file)) as fresh:
        evaluations_frame(result).to_parquet(fresh, index=False)


def write_study(result: SweepResult, file: str | Path) -> None:
    """Write a sweep as an Optuna study in an SQLite file, which `optuna-dashboard sqlite:///FILE` shows.

    Every design is a trial under its number: complete with its objectives, pruned when it is infeasible, or failed.
    Settings are numbers where they are ordered; reason, proof and identity are user attributes.

    Raises
    ------
    DseError
        When the file cannot be written.
    """
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with _replaced(Path(file)) as fresh, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metric names, which are experimental
            storage = optuna.storages.RDBStorage(f"sqlite:///{fresh}")
            directions = ["minimize"] * len(result.search.objectives)
            study = optuna.create_study(storage=storage, study_name=result.name[:500], directions=directions)
            study.set_metric_names(list(result.search.keys))
            study.add_trials(_trials(result))
            storage.engine.dispose()
    finally:
        optuna.logging.set_verbosity(level)


def _trials(result: SweepResult) -> list[Any]:
    from optuna.trial import TrialState, create_trial

    states = {"ok": TrialState.COMPLETE, "infeasible": TrialState.PRUNED, "failed": TrialState.FAIL}
    designs = best_known(result)
    distributions = _distributions(result, [e.parameters for e in designs])
    trials = []
    for e in designs:
        own = {path: value for path in distributions if (value := e.parameters.get(path)) is not None}
        said = {"design": e.number, "reason": e.outcome.reason, "id": e.id, **e.outcome.objectives}
        trials.append(
            create_trial(
                state=states[e.outcome.status],
                values=[e.outcome.objectives[key] for key in result.search.keys] if e.ok else None,
                params={path: _plain(distributions[path], value) for path, value in own.items()},
                distributions={path: distributions[path] for path in own},
                user_attrs={**said, "proven": "exact" if e.kind == "exact" else f"within {result.search.gap:g}"},
            )
        )
    return trials


def _distributions(result: SweepResult, designs: list[Any]) -> dict[str, Any]:
    """Each setting's: a range of numbers where all its values count the same, else its values."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found: dict[str, Any] = {}
    for path in result.paths:
        seen = [design[path] for design in designs if design.get(path) is not None]
        values = list(dict.fromkeys([*result.space.get(path, ()), *seen]))
        numbers = [number_of(value) for value in values]
        units = {number[1] if number else None for number in numbers}
        if len(units) == 1 and None not in units:
            sizes = [float(number[0]) for number in numbers if number]
            found[path] = FloatDistribution(min(sizes), max(sizes))
        elif values:
            found[path] = CategoricalDistribution(tuple(values))
    return found


def _plain(distribution: Any, value: Any) -> Any:
    number = number_of(value)
    return float(number[0]) if number is not None and hasattr(distribution, "low") else value


@contextmanager
def _replaced(file: Path) -> Iterator[Path]:
    """A file to write to in a folder of its own beside `file`, which has its content when the block ends well.

    What is no file, such as `/dev/null`, is written to and never replaced; a link stays one.
    """
    folder: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=".dse-", dir=file.parent))
        yield folder / "fresh"
        write_bytes(file, (folder / "fresh").read_bytes())
    except OSError as error:
        raise DseError(f"cannot write {file}: {error.strerror}") from None
    finally:
        if folder is not None:
            with suppress(OSError):
                (folder / "fresh").unlink(missing_ok=True)
                folder.rmdir()
