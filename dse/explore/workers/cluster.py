"""Workers on a cluster, through Dask distributed: the extra `cluster`.

Tasks go out in batches that take at least half a second, so that what a batch costs on the way does not count. Dask
gives the batch of a lost worker to another one. A batch that has lost several runs again at the end, each of its tasks
with nothing else beside it: Dask blames a lost worker on all batches that were queued there.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from shutil import which
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from dse.errors import DseError
from dse.explore.outcomes.identity import MODEL_VERSION
from dse.explore.workers.runner import KILLED, Failure, Task, TimeOverError, Workers, attempt, nothing

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture

Result = TypeVar("Result")

BATCH_S = 0.5
"""The least that a batch is meant to take; it costs some milliseconds on the way."""

AHEAD = 2
"""Batches submitted for each thread of the workers, so that none waits for the next."""

LOST_WORKERS = 2
"""How many workers a batch may lose before its tasks run again, each alone."""

CONNECT_S = 30
"""How long to wait for the scheduler, and for its first worker."""

QUEUES = {"slurm": "SLURMCluster", "lsf": "LSFCluster", "pbs": "PBSCluster"}
"""Queueing systems to the classes of dask-jobqueue."""


def run_batch(shared: bytes, arguments: bytes) -> tuple[list[Any], float]:
    """What a worker does: each call by itself, and the seconds that they took in all.

    Parameters
    ----------
    shared : bytes
        The function to call, and an architecture whose kernels to compile first, or None. The same for many batches.
    arguments : bytes
        Those of its calls, as a list. Bytes, because Dask takes longer to pack objects, one by one, and to unpack them.
    """
    from distributed.protocol.pickle import loads

    function, architecture = _unpacked(shared)
    if architecture is not None:
        compile_on_node(architecture)
    start = time.monotonic()
    return [attempt(function, argument) for argument in loads(arguments)], time.monotonic() - start


@lru_cache(maxsize=4)
def _unpacked(shared: bytes) -> Any:
    from distributed.protocol.pickle import loads

    return loads(shared)


_READY: set[str] = set()


def compile_on_node(architecture: Architecture) -> None:
    """Compile the mapper's kernels once on this machine: the first process does it, the others wait and load them."""
    from dse.mapper import compile_kernels
    from dse.mapper.shared.compilation.twins import cache_folder
    from dse.mapper.warm import searches

    wanted = ",".join(searches([architecture]))
    if wanted in _READY:
        return
    with suppress(ImportError):
        import fcntl

        with (Path(cache_folder()) / "compiling.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            compile_kernels(None, [architecture])
    compile_kernels(None, [architecture])
    _READY.add(wanted)


def version() -> int:
    """The version of the model on a worker."""
    return MODEL_VERSION


class ClusterWorkers(Workers):
    """Workers behind a Dask scheduler.

    Parameters
    ----------
    where : str
        `tcp://host:8786`, or a YAML file that describes the jobs of a queue (`docs/scaling.md`).
    architecture : Architecture, optional
        Whose kernels the workers compile, once on every machine; without it they do not prepare.

    Raises
    ------
    DseError
        Without the extra `cluster`, when no scheduler or no worker answers, or when workers have another version.
    """

    def __init__(self, where: str, architecture: Architecture | None = None) -> None:
        super().__init__(_nothing, 1)
        self._architecture = architecture
        self._client, self._cluster = connect(where)
        self._task_s = 0.0
        found = set(self._client.run(version).values())
        if found != {MODEL_VERSION}:
            self.stop()
            raise DseError(
                f"workers have version {', '.join(map(str, sorted(found)))} of the model, not {MODEL_VERSION}",
                hint="install the same version of dse on every machine",
            )

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop(kill=kind is not None)

    @property
    def width(self) -> int:
        """`AHEAD` batches of `BATCH_S` for every thread."""
        threads: int = max(1, sum(self._client.nthreads().values()))
        return AHEAD * threads * (int(BATCH_S / self._task_s) + 1 if self._task_s else 1)

    def stop(self, *, kill: bool = False) -> None:
        """Let go of the scheduler; what a queue was asked for ends, a scheduler that was there before goes on."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def run(self, function: Callable[[Any], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Failure]]:
        """As `Workers.run`: each result as soon as its batch is there, in any order."""
        from distributed.protocol.pickle import dumps

        shared: bytes = dumps((function, self._architecture))
        waiting, running, suspects = deque(tasks), dict[Any, list[Task]](), list[Task]()
        meanwhile = self.meanwhile
        while waiting or running:
            if not running and self._is_over():
                raise TimeOverError
            width = AHEAD * max(1, sum(self._client.nthreads().values()))
            while waiting and len(running) < width and not (running and self._is_over()):
                batch = [waiting.popleft() for _ in range(self._batch_size(len(waiting), width))]
                running[self._submit(shared, batch)] = batch
            meanwhile()
            meanwhile = nothing
            for future in self._first_done(running):
                batch = running.pop(future)
                results = self._results(future, batch)
                if results is None:
                    suspects += batch
                else:
                    yield from zip(batch, results, strict=True)
        for task in suspects:  # by now nothing else runs that could be what killed their workers
            if self._is_over():
                raise TimeOverError
            (future,) = self._first_done([self._submit(shared, [task])])
            results = self._results(future, [task])
            yield task, Failure("failed", KILLED) if results is None else results[0]

    def _first_done(self, futures: Iterable[Any]) -> list[Any]:
        """Those that are done, at least one; all are cancelled when the time is over first."""
        from distributed import wait

        waiting = list(futures)
        try:
            with self._client.as_current():
                wait(waiting, self._patience_s(), return_when="FIRST_COMPLETED")
        except TimeoutError:
            self._client.cancel(waiting, force=True)
            raise TimeOverError from None
        return [future for future in waiting if future.done()]

    def _batch_size(self, waiting: int, width: int) -> int:
        """Enough for `BATCH_S`, but no more than leaves every thread its share; one until a task has been timed."""
        wanted = int(BATCH_S / self._task_s) + 1 if self._task_s else 1
        return max(1, min(wanted, waiting, -(-waiting // (width // AHEAD))))

    def _submit(self, shared: bytes, batch: Sequence[Task]) -> Any:
        from distributed.protocol.pickle import dumps

        return self._client.submit(run_batch, shared, dumps([task.argument for task in batch]), pure=False)

    def _results(self, future: Any, batch: Sequence[Task]) -> list[Any] | None:
        """The results of a batch; None if it lost too many workers, which another batch beside it may have killed."""
        from distributed.scheduler import KilledWorker

        try:
            results, seconds = future.result()
        except KilledWorker:
            return None
        except Exception as error:  # such as a scheduler that is gone for good
            raise DseError(f"the cluster failed: {type(error).__name__}: {error}", hint="go on by --resume") from None
        self._has_result = True
        self._task_s = max(seconds / len(batch), 1e-6)
        found: list[Any] = results
        return found


def connect(where: str) -> tuple[Any, Any]:
    """A client of the scheduler at an address, or of one that a file asks a queue for; and that cluster, if any.

    Raises
    ------
    DseError
    """
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise DseError("a cluster needs Dask", hint="pip install 'dask[distributed]'") from None
    if "://" in where and not re.fullmatch(r"(tcp|tls|ws|wss|ucx|ucxx)://[^\s/:][^\s/]*/?", where):
        raise DseError(f"{where} is no address of a scheduler", hint="e.g. tcp://host:8786")
    dask.config.set({"distributed.scheduler.allowed-failures": LOST_WORKERS})
    cluster = None if "://" in where else queue_cluster(where)
    try:
        client = Client(where if cluster is None else cluster, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        raise DseError(f"no scheduler answers at {where}", hint="start one: dask scheduler --port 8786") from None
    try:
        client.wait_for_workers(1, timeout=CONNECT_S if cluster is None else None)
    except TimeoutError:
        client.close()
        raise DseError(f"the scheduler at {where} has no workers", hint=f"start some: dask worker {where}") from None
    return client, cluster


def queue_cluster(file: str) -> Any:
    """The cluster of a queueing system that a file describes: `slurm: {cores: 16, memory: 32GB}` and `jobs: 4`.

    Raises
    ------
    DseError
        For another file, without dask-jobqueue, or where jobs cannot be submitted.
    """
    from dse.formats.text.source import load_source

    source = load_source(file)
    given = source.data if isinstance(source.data, dict) else {}
    names = [name for name in given if name in QUEUES]
    stray = [name for name in given if name not in QUEUES and name != "jobs"]
    if stray or len(names) != 1 or not isinstance(given[names[0]], dict):
        raise source.error((stray[0],) if stray else (), "a cluster is one of slurm, lsf and pbs with its settings",
                           "e.g. slurm: {cores: 16, memory: 32GB}, jobs: 4", key=bool(stray))  # fmt: skip
    jobs = given.get("jobs", 1)
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise source.error(("jobs",), f"{jobs!r} is no number of jobs", "e.g. jobs: 4")
    try:
        import dask_jobqueue
    except ImportError:
        raise DseError(f"{names[0]} needs dask-jobqueue", hint="pip install dask-jobqueue") from None
    try:
        cluster = getattr(dask_jobqueue, QUEUES[names[0]])(**given[names[0]])
    except (TypeError, ValueError) as error:
        raise source.error((names[0],), str(error), "the settings are those of dask-jobqueue") from None
    submit = cluster.job_cls.submit_command
    if which(submit) is None:  # dask-jobqueue would log a traceback, and the sweep wait for workers for ever
        cluster.close()
        raise DseError(f"{names[0]} needs the command {submit}, which is not on this machine",
                       hint="run the sweep where jobs are submitted")  # fmt: skip
    cluster.scale(jobs=jobs)
    return cluster


def _nothing() -> Any:
    raise DseError("a cluster has no executor of its own")
