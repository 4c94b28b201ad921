"""`sweep`: search an architecture's design space for the best hardware for some networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, expect
from dse.explore.designs.together import How, Together
from dse.explore.explorer import Explorer
from dse.explore.ledger import Ledger
from dse.explore.limits import DEFAULT, Limits
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.log import FILE_NAME, LogWriter, Records, read_log
from dse.explore.plan.hardware import HardwareChanges
from dse.explore.plan.plan import Given, Plan, make_plan
from dse.explore.plan.search import DEFAULT_OBJECTIVES, Search
from dse.explore.plan.workloads import WorkloadChanges
from dse.explore.progress import Progress
from dse.explore.results.record import Before, check_directory, read_before, write_results, write_settings
from dse.explore.results.result import SweepResult
from dse.explore.spending import Spending
from dse.explore.underway import Underway
from dse.explore.workers.runner import Workers, usable_cpus
from dse.formats.architecture.space.constraints import parse_constraints

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.problem.density import Density
    from dse.problem.workload import Workload

EXAMPLES = {
    "parameters": '"seq": 384', "bits": '"weight": 8', "density": '"ifmap": 0.5', "weights": '"vgg16": 2.0',
    "settings": '"levels.array.rows": 12', "space": '"levels.array.rows": [12, 14]',
}  # fmt: skip
"""What mappings hold that a caller gives, by argument."""

TRIALS = 96
GAP = 0.01


def sweep(
    architecture: Architecture | ArchitectureSpec | Given,
    workloads: Workload | Given | Sequence[Workload | Given],
    *,
    trials: int = TRIALS,
    sampler: str = "auto",
    seed: int = 0,
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    gap: float = GAP,
    resident: bool = False,
    space: Mapping[str, Sequence[Any] | Mapping[str, Any]] | None = None,
    name: str | None = None,
    batch: int | None = None,
    parameters: Mapping[str, int] | None = None,
    bits: Mapping[str, int] | None = None,
    density: Mapping[str, Density] | None = None,
    layers: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    constraints: Mapping[str, Mapping[str, Any]] | None = None,
    combine: How = "sum",
    weights: Mapping[str, float] | None = None,
    jobs: int | None = None,
    resume: bool = False,
    output: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
    callback: Callable[[Evaluation], None] | None = None,
    cluster: str | None = None,
    prove_s: float | None = None,
    time_limit_s: float | None = None,
    design_limit_s: float | None = None,
) -> SweepResult:
    """Search a design space for the designs that no other design beats.

    Parameters
    ----------
    architecture : Architecture, ArchitectureSpec, or path
        One that was read from a file; its space says what may change.
    workloads : Workload, path, or several
        Energies and latencies of several networks add up unless `combine` says otherwise.
    trials : int
        Designs to map. The architecture's own comes first, then the same with each other dataflow of the space. What
        its area alone rules out is recorded, and costs no trial.
    sampler : {"auto", "grid", "nsga2", "tpe", "qmc", "random"}
        `auto` is `grid` when `trials` covers the space, else `nsga2`.
    seed : int
        The same seed finds the same designs whatever `jobs` is, and wherever a sweep was stopped and resumed, where
        nothing goes by the clock: without time limits, and not on hierarchies that the deep search maps.
    objectives : sequence of {"energy", "latency", "edp", "area"}
    gap : float
        Mappings are proven to be within this fraction of the best while exploring. Designs that may be on the front
        are then solved with no gap, and their whole energy-latency fronts are found.
    resident : bool
        Tensors may stay on chip from layer to layer, on designs with a level that may keep them (`on_chip: auto`). Of a
        design's front the points of least energy, latency and energy-delay product are then found.
    space : mapping, optional
        Path to choices, instead of the architecture's own space: a list, or what a file may say, such as `{"from": 4,
        "to": 32, "step": 4}`, `{"pes": 168}`, `{"of": "levels.array.rows", "ratio": 2}` or `{"equal_area": "16 mm2"}`.
        With `batch` among the paths, energies and latencies are per image.
    name : str, optional
    batch : int, optional
        Images at once, instead of the workloads' own.
    parameters : mapping, optional
        Values for parameters that the workload files declare, such as `{"seq": 384}`.
    bits, density : mapping, optional
        Widths in bits and fractions of nonzero elements by operand, such as `{"weight": 8}`, instead of the workloads'.
    layers : sequence of str
        Only these layers; of several networks, each those that it has.
    settings : mapping, optional
        Path to value, instead of the architecture's own, for every design and the reference.
    constraints : mapping, optional
        Limits instead of the architecture's own, as a file says them: `{"area": {"max": "16 mm2"}}`.
    combine : {"sum", "worst", "geomean"}
        How several networks count: `dse.explore.designs.together.Together`.
    weights : mapping, optional
        Of networks by name, 1 each by default.
    jobs : int, optional
        Worker processes; as many as there are processors by default. 0 evaluates in this process.
    resume : bool
        Go on with the log in `output`; no evaluation in it is made again.
    output : path, optional
        Directory for `evaluations.jsonl`, `front.csv`, `summary.json` and `sweep.yaml`. Nothing is written by default.
    executor : concurrent.futures.Executor, optional
        Instead of worker processes; it is not shut down.
    progress : callable, optional
        Called with a `Progress` after every evaluation.
    callback : callable, optional
        Called with each `Evaluation` as soon as it is recorded; those that the log had already are not told.
    cluster : str, optional
        A Dask scheduler such as `tcp://host:8786`, or a file for a queue, instead of worker processes; see
        `dse.explore.workers.cluster`.
    prove_s : float, optional
        Seconds for the proof over the whole space, which rules designs that were not tried out by lower bounds, and
        maps those for which bounds are not enough; 0 leaves it out. By default it has a fixed amount of work for every
        trial, so that equal sweeps find the same on every machine; on hierarchies of the deep search a minute at most.
        See `SweepResult.certificate`.
    time_limit_s : float, optional
        Seconds for the whole sweep: after it nothing more is begun, and what is known is the result.
    design_limit_s : float, optional
        Seconds for each design: its searches then end with what they have, and its rows say how far that is proven.

    Returns
    -------
    SweepResult

    Raises
    ------
    DseError
        Bad settings, files or directories. A design that does not work is a result, not an error.

    Examples
    --------
    >>> import dse
    >>> network = dse.Workload.of("tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    >>> space = {"levels.GLB.capacity": ["54 KiB", "108 KiB"]}
    >>> result = dse.sweep("eyeriss", network, trials=2, space=space, jobs=0)
    >>> result.front[["levels.GLB.capacity_bits", "proven"]].drop_duplicates().values.tolist()
    [[442368, 'exact']]
    """
    if isinstance(objectives, str):
        raise DseError(f"objectives: {objectives!r} is one word", hint=f"a list of them, e.g. [{objectives!r}]")
    expect(objectives, Iterable, "objectives", "a list, e.g. ['energy', 'area']")
    named = {"parameters": parameters, "bits": bits, "density": density, "settings": settings, "space": space,
             "weights": weights}  # fmt: skip
    for argument, given in named.items():
        if given is not None:
            expect(given, Mapping, argument, f"a mapping, e.g. {{{EXAMPLES[argument]}}}")
    if name is not None:
        expect(name, str, "name", "what the sweep is called, e.g. 'mine'")
    search = Search(trials, sampler, seed, tuple(objectives), gap, resident)
    changes = WorkloadChanges(batch, parameters or {}, bits or {}, density or {}, tuple(layers))
    limits = None if constraints is None else parse_constraints(constraints)
    plan = make_plan(
        architecture, workloads, search, space=space, name=name, changes=changes,
        hardware=HardwareChanges(settings or {}, limits), together=Together(combine, weights or {}),
    )  # fmt: skip
    return run_plan(
        plan, jobs=jobs, resume=resume, output=output, executor=executor, progress=progress, callback=callback,
        cluster=cluster,
        limits=Limits(
            prove_s, inf if time_limit_s is None else time_limit_s, inf if design_limit_s is None else design_limit_s
        ),
    )  # fmt: skip


def run_plan(
    plan: Plan,
    *,
    jobs: int | None = None,
    resume: bool = False,
    output: str | Path | None = None,
    executor: Executor | Workers | None = None,
    progress: Callable[[Progress], None] | None = None,
    callback: Callable[[Evaluation], None] | None = None,
    cluster: str | None = None,
    limits: Limits = DEFAULT,
) -> SweepResult:
    """Carry a plan out; see `sweep` for the parameters. Workers that are given are left at work."""
    start = monotonic()
    _check_how(jobs, output, executor, cluster, {"progress": progress, "callback": callback})
    problem = plan.problem(limits)
    directory = None if output is None else Path(output)
    records, spending, before = Records({}), Spending(), Before()
    if directory is not None:
        check_directory(directory, plan, problem.sweep_id, resume)
        with spending.on("log"):
            records = read_log(directory / FILE_NAME)
            before = read_before(directory, records) if records.by_id else before
        for part, seconds in before.spent.items():
            spending.add(part, seconds)
    sampler = before.sampler or problem.sampler(plan.search, limits)
    with nullcontext() if directory is None else LogWriter(directory / FILE_NAME) as log:
        if directory is not None:
            write_settings(directory, plan, problem, sampler)
        with _workers(jobs, executor, plan.architecture, cluster) as workers:
            workers.until = start + limits.time_s
            # what crashed, or took its worker along, may have lacked memory or met a fault: it is made again
            times = {"explore": problem.trial_s}
            known = {
                key: one for key, one in records.by_id.items()
                if is_kept(one.outcome, times.get(one.kind, limits.design_s))
            }  # fmt: skip
            held = records.of_sweep(problem.sweep_id)
            ledger = Ledger(problem, plan.search, workers, known, log, progress, spending, held=held)
            ledger.watch = callback or ledger.watch
            replay = _replay([one for one in held if one.id in known]) if resume else {}
            explorer = Explorer(ledger, replay, limits, records.boxes, sampler)
            underway = Underway(plan, explorer, directory, records.damaged, start, before.certificate)
            result = underway.to_its_end()
    if directory is not None:
        write_results(directory, result)
    return result


def _check_how(
    jobs: int | None, output: str | Path | None, executor: Any, cluster: str | None, told: Mapping[str, Any]
) -> None:
    """Refuse what cannot be worked with before anything is begun."""
    if jobs is not None:
        expect(jobs, int, "jobs", "worker processes, e.g. 2; 0 for this process")
        if jobs < 0:
            raise DseError(f"jobs={jobs} < 0", hint="worker processes, e.g. 2; 0 for this process")
    if output is not None:
        expect(output, (str, Path), "output", "a folder, e.g. 'results/mine'")
    if cluster is not None:
        expect(cluster, str, "cluster", "a scheduler, e.g. 'tcp://host:8786'")
    if executor is not None and not isinstance(executor, Workers):
        expect(executor, Executor, "executor", "one of concurrent.futures")
    for name, function in told.items():
        if function is not None and not callable(function):
            raise DseError(f"{name}: {type(function).__name__} cannot be called", hint="a function of one argument")


def is_kept(outcome: Outcome, limit_s: float) -> bool:
    """Whether an outcome in the log is not made again; one that was stopped is, when its like has more time now.

    Examples
    --------
    >>> [is_kept(one, inf) for one in (Outcome("ok"), Outcome("ok", limit_s=10.0), Outcome("failed"))]
    [True, False, False]
    """
    return outcome.status != "failed" and (not outcome.limit_s or outcome.limit_s >= limit_s)


def _replay(held: Iterable[Evaluation]) -> dict[int, Evaluation]:
    """The explored designs of a sweep by number; none where two share one, as in logs of several seeds joined."""
    found: dict[int, Evaluation] = {}
    for evaluation in held:
        if evaluation.kind == "explore":
            if evaluation.number in found:
                return {}
            found[evaluation.number] = evaluation
    return found


def _workers(
    jobs: int | None, executor: Executor | Workers | None, architecture: Architecture, cluster: str | None
) -> AbstractContextManager[Workers]:
    if isinstance(executor, Workers):
        return nullcontext(executor)
    if cluster is not None:
        from dse.explore.workers.cluster import ClusterWorkers

        return ClusterWorkers(cluster, architecture)
    if executor is not None:
        return Workers(lambda: executor, jobs or usable_cpus(), lent=True)
    from dse.mapper import compile_kernels

    compile_kernels(None, [architecture])  # once, before several workers would each do it
    return Workers.local(usable_cpus() if jobs is None else jobs)
