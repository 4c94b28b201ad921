"""Run a function on workers, one argument a task, and outlive workers that die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from threading import Thread
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar

from dse.errors import DseError, InfeasibleError

Result = TypeVar("Result")

KILLED = "its evaluation killed the worker process (out of memory, or a crash), alone as well"


PRELOADED = ["dse.explore.designs.alike", "dse.explore.proof.bounding.contest", "dse.mapper.warm", "dse.mapper.network"]
"""What worker processes have imported when they start: once for all of them, while the sweep is still being planned."""

GRACE_S = 2.0
"""How long what is running is waited for when the time of workers is over."""

CLOSING_S = 5.0
"""Seconds that a pool whose workers are killed has to close at most; it takes milliseconds."""


class TimeOverError(Exception):
    """The time of workers is over, and some tasks have no result."""


def usable_cpus() -> int:
    """Processors that this process may use.

    Examples
    --------
    >>> usable_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Task:
    """One call to make; `key` tells the caller which."""

    key: int
    argument: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call has no result.

    Parameters
    ----------
    status : {"infeasible", "failed"}
        `infeasible`: the function raised `InfeasibleError`; `failed`: it crashed, or its worker died of it.
    reason : str
    cpu_s : float
        CPU time that the call took, as far as known.
    """

    status: Literal["infeasible", "failed"]
    reason: str
    cpu_s: float = 0.0


def attempt(function: Callable[[Any], Result], argument: Any) -> Result | Failure:
    """Call a function; an error becomes a result."""
    start = time.process_time()
    try:
        return function(argument)
    except InfeasibleError as error:
        return Failure("infeasible", str(error), time.process_time() - start)
    except Exception as error:  # a crash of one call is a result, not the end of the others
        return Failure("failed", f"{type(error).__name__}: {error}", time.process_time() - start)


@dataclass(frozen=True, slots=True)
class Timed(Generic[Result]):
    """A function that also tells the CPU time in s that its call took."""

    function: Callable[[Any], Result]

    def __call__(self, argument: Any) -> tuple[Result, float]:
        start = time.process_time()
        return self.function(argument), time.process_time() - start


class Inline(Executor):
    """Runs everything in this process, when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def process_pool(jobs: int) -> Executor:
    """Worker processes that start from a clean interpreter, because compiled kernels do not survive a plain fork."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_in_worker)


def prepare_processes() -> None:
    """Have what worker processes start from imported by the time that they are needed."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing import forkserver

        multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()


class Workers:
    """An executor that is replaced when it breaks.

    Parameters
    ----------
    make : callable
        Makes the executor, at first and again when a worker has died.
    width : int
        How many tasks to keep submitted. It decides how much is lost with a worker and nothing else.
    lent : bool
        The executor belongs to the caller: it is neither shut down nor replaced.

    Attributes
    ----------
    until : float
        Of the monotonic clock, s: nothing is begun after it, and what runs has `GRACE_S` to end, unless nothing has
        ended yet: the first result is waited for.
    meanwhile : callable
        Called whenever workers have been given what there is to do at first: time to work beside them.
    """

    def __init__(self, make: Callable[[], Executor], width: int, *, lent: bool = False) -> None:
        self._make = make
        self._width = max(1, width)
        self._lent = lent
        self._executor: Executor | None = None
        self._started: list[Future[int]] = []
        self.until = inf
        self.meanwhile: Callable[[], None] = nothing
        self.interrupted = False  # by someone who wants nothing more to be begun
        self._has_result = False

    @classmethod
    def local(cls, jobs: int) -> Workers:
        """`jobs` worker processes; with 0, this process."""
        return cls(Inline, 1) if jobs == 0 else cls(lambda: process_pool(jobs), jobs)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop(kill=kind is not None)

    @property
    def width(self) -> int:
        """How many tasks it takes to keep all workers busy."""
        return self._width

    @property
    def is_here(self) -> bool:
        """Whether tasks run in this process."""
        return isinstance(self._executor, Inline)

    def begin(self) -> None:
        """Start the executor's workers without waiting for them."""
        if self._executor is None:
            self._executor = self._make()
            with suppress(BrokenExecutor):  # which the first of them tells whoever waits for it
                for _ in range(self._width):
                    self._started.append(self._executor.submit(os.getpid))

    def stop(self, *, kill: bool = False) -> None:
        """Let go of the executor; with `kill`, without waiting for what is running."""
        executor, self._executor, self._started = self._executor, None, []
        if executor is None or self._lent:
            return
        processes = list((getattr(executor, "_processes", None) or {}).values())
        manager = getattr(executor, "_executor_manager_thread", None)
        executor.shutdown(wait=not kill, cancel_futures=True)
        if kill:
            for process in processes:
                process.kill()
            if manager is not None:  # the interpreter wakes it when it ends, and must not find it closing its pipe
                manager.join(CLOSING_S)

    def run(self, function: Callable[[Any], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Failure]]:
        """Call a function with the argument of each task and yield each result as soon as it is there, in any order.

        The function and the arguments are picklable, and calls may be made twice, so they change nothing outside.
        When a worker dies, all tasks that were submitted then are suspects. Each runs again with nothing beside it;
        one that kills its worker once more is the culprit and has failed.

        Raises
        ------
        TimeOverError
            When some tasks have no result after `until`.
        """
        waiting = deque(tasks)
        running: dict[Future[Result | Failure], Task] = {}
        meanwhile = self.meanwhile
        while waiting or running:
            if not running and self._is_over():
                raise TimeOverError
            broken = not self._fill(function, waiting, running)
            meanwhile()
            meanwhile = nothing
            wait(running, self._patience_s(), return_when=ALL_COMPLETED if broken else FIRST_COMPLETED)
            results, suspects = _collect(running)
            if not results and not suspects:
                raise self._abandoned()
            self._has_result |= bool(results)
            if broken or suspects:
                wait(running)  # a broken executor ends all it holds at once
                more, others = _collect(running)
                results, suspects = results + more, suspects + others
                self._replace()
            yield from results
            for task in sorted(suspects, key=lambda task: task.key):
                yield task, self._alone(function, task)

    def _fill(
        self, function: Callable[[Any], Result], waiting: deque[Task], running: dict[Future[Result | Failure], Task]
    ) -> bool:
        """Submit as many tasks as the width allows; False when the executor turns out to be broken."""
        while waiting and len(running) < self._width and not (running and self._is_over()):
            try:
                future = self._ready().submit(attempt, function, waiting[0].argument)
            except BrokenExecutor:
                return False
            running[future] = waiting.popleft()
        return True

    def _is_over(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._has_result and time.monotonic() >= self.until

    def _patience_s(self) -> float | None:
        """How long to wait for what is running."""
        if self.until == inf or not self._has_result:
            return None
        return max(0.0, self.until + GRACE_S - time.monotonic())

    def _abandoned(self) -> TimeOverError:
        """Leave what is running alone; workers of our own end."""
        if not self._lent:
            self.stop(kill=True)
        return TimeOverError()

    def _alone(self, function: Callable[[Any], Result], task: Task) -> Result | Failure:
        try:
            return _result(self._ready().submit(attempt, function, task.argument))
        except BrokenExecutor:
            self._replace()
            return Failure("failed", KILLED)

    def _replace(self) -> None:
        if self._lent:
            raise DseError("the executor broke: its workers died", hint="give dse.sweep a fresh one and resume=True")
        self.stop(kill=True)

    def _ready(self) -> Executor:
        """The executor; a new one first proves that its workers can start."""
        self.begin()
        if self._started:
            try:
                self._started[0].result()
                self._started = []
            except BrokenExecutor:
                self.stop(kill=True)
                raise DseError(
                    "worker processes cannot start",
                    hint='in a script, call dse.sweep below `if __name__ == "__main__":`, or pass jobs=0',
                ) from None
        assert self._executor is not None
        return self._executor


def nothing() -> None:
    """What there is to do beside workers that were given some already."""


def _collect(
    running: dict[Future[Result | Failure], Task],
) -> tuple[list[tuple[Task, Result | Failure]], list[Task]]:
    """Take what is done out of `running`: results, and the tasks whose executor broke."""
    results: list[tuple[Task, Result | Failure]] = []
    lost: list[Task] = []
    for future in [future for future in running if future.done()]:
        task = running.pop(future)
        try:
            results.append((task, _result(future)))
        except BrokenExecutor:
            lost.append(task)
    return results, lost


def _result(future: Future[Result | Failure]) -> Result | Failure:
    """The future's result; what an executor itself raises, such as a lost node, is a failure of that task.

    Raises
    ------
    BrokenExecutor
        When the worker died.
    """
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except Exception as error:
        return Failure("failed", f"{type(error).__name__}: {error}")


def _in_worker() -> None:
    """Die at once on Ctrl-C, and with the parent, whose death nobody else would report."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
