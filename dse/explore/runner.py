"""Evaluate designs on workers, and outlive workers that die."""

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
from dataclasses import dataclass
from threading import Thread
from types import TracebackType
from typing import Any

from dse.errors import DseError, InfeasibleError
from dse.explore.evaluation import Outcome

Evaluate = Callable[[Any], Outcome]
"""Evaluates one design, given as an architecture. Picklable; it may run in another process."""

KILLED = "its evaluation killed the worker process (out of memory, or a crash), alone as well"


def usable_cpus() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def attempt(evaluate: Evaluate, design: Any) -> Outcome:
    """Evaluate a design; what goes wrong with it becomes its outcome."""
    start = time.process_time()
    try:
        return evaluate(design)
    except InfeasibleError as error:
        return Outcome("infeasible", str(error), violation=1.0, cpu_s=time.process_time() - start)
    except Exception as error:  # a crash of one design is a result of the sweep, not its end
        reason = f"{type(error).__name__}: {error}"
        return Outcome("failed", reason, violation=1.0, cpu_s=time.process_time() - start)


@dataclass(frozen=True, slots=True)
class Task:
    """A design to evaluate; `key` tells the caller which."""

    key: int
    design: Any


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
        context.set_forkserver_preload(["dse.explore.design"])
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_in_worker)


class Workers:
    """An executor that is replaced when it breaks.

    Parameters
    ----------
    make : callable
        Makes the executor, at first and again when a worker has died.
    width : int
        How many designs to keep submitted. It decides how much is lost with a worker and nothing else.
    lent : bool
        The executor belongs to the caller: it is neither shut down nor replaced.
    """

    def __init__(self, make: Callable[[], Executor], width: int, *, lent: bool = False) -> None:
        self._make = make
        self._width = max(1, width)
        self._lent = lent
        self._executor: Executor | None = None

    @classmethod
    def local(cls, jobs: int) -> Workers:
        """`jobs` worker processes; with 0, this process."""
        return cls(Inline, 1) if jobs == 0 else cls(lambda: process_pool(jobs), jobs)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop(kill=kind is not None)

    def stop(self, *, kill: bool = False) -> None:
        """Let go of the executor; with `kill`, without waiting for what is running."""
        executor, self._executor = self._executor, None
        if executor is None or self._lent:
            return
        processes = list((getattr(executor, "_processes", None) or {}).values())
        executor.shutdown(wait=not kill, cancel_futures=True)
        if kill:
            for process in processes:
                process.kill()

    def run(self, evaluate: Evaluate, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Evaluate designs and yield each result as soon as it is there, in any order.

        When a worker dies, all designs that were submitted then are suspects. Each runs again with nothing beside it;
        one that kills its worker once more is the culprit and gets the status `failed`.
        """
        waiting = deque(tasks)
        running: dict[Future[Outcome], Task] = {}
        while waiting or running:
            broken = not self._fill(evaluate, waiting, running)
            wait(running, return_when=ALL_COMPLETED if broken else FIRST_COMPLETED)
            results = _collect(running)
            if broken or any(outcome is None for _, outcome in results):
                wait(running)  # a broken executor ends all it holds at once
                results += _collect(running)
                self._replace()
            yield from ((task, outcome) for task, outcome in results if outcome is not None)
            for task in sorted((task for task, outcome in results if outcome is None), key=lambda task: task.key):
                yield task, self._alone(evaluate, task)

    def _fill(self, evaluate: Evaluate, waiting: deque[Task], running: dict[Future[Outcome], Task]) -> bool:
        """Submit as many tasks as the width allows; False when the executor turns out to be broken."""
        while waiting and len(running) < self._width:
            try:
                future = self._ready().submit(attempt, evaluate, waiting[0].design)
            except BrokenExecutor:
                return False
            running[future] = waiting.popleft()
        return True

    def _alone(self, evaluate: Evaluate, task: Task) -> Outcome:
        try:
            return _outcome(self._ready().submit(attempt, evaluate, task.design))
        except BrokenExecutor:
            self._replace()
            return Outcome("failed", KILLED, violation=1.0)

    def _replace(self) -> None:
        if self._lent:
            raise DseError("the executor broke: its workers died", hint="give dse.sweep a fresh one and resume=True")
        self.stop(kill=True)

    def _ready(self) -> Executor:
        """The executor; a new one first proves that its workers can start."""
        if self._executor is None:
            self._executor = self._make()
            try:
                self._executor.submit(os.getpid).result()
            except BrokenExecutor:
                self.stop(kill=True)
                raise DseError(
                    "worker processes cannot start",
                    hint='in a script, call dse.sweep below `if __name__ == "__main__":`, or pass jobs=0',
                ) from None
        return self._executor


def _collect(running: dict[Future[Outcome], Task]) -> list[tuple[Task, Outcome | None]]:
    """Take what is done out of `running`; None stands for the outcome of a task whose executor broke."""
    results: list[tuple[Task, Outcome | None]] = []
    for future in [future for future in running if future.done()]:
        task = running.pop(future)
        try:
            results.append((task, _outcome(future)))
        except BrokenExecutor:
            results.append((task, None))
    return results


def _outcome(future: Future[Outcome]) -> Outcome:
    """The future's outcome; what an executor itself raises, such as a lost node, is a failure of that design.

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
        return Outcome("failed", f"{type(error).__name__}: {error}", violation=1.0)


def _in_worker() -> None:
    """Die at once on Ctrl-C, and with the parent, whose death nobody else would report."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
