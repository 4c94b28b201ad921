"""Workers may raise, die or never start; every task gets exactly one result."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dse.errors import DseError, InfeasibleError
from dse.explore.workers.runner import KILLED, Failure, Task, Timed, TimeOverError, Workers


def judge(design):
    """A stand-in for the cost model; it must live at module level to reach another process."""
    if design == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(design, tuple) and design[0] == "kill once":
        mark = Path(design[1])
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 7.0
    if design == "infeasible":
        raise InfeasibleError("scratchpad too small")
    if design == "bug":
        raise ZeroDivisionError("of nothing")
    return float(design)


def outcomes(workers, designs):
    tasks = [Task(key, design) for key, design in enumerate(designs)]
    with workers:
        pairs = list(workers.run(judge, tasks))
    assert sorted(task.key for task, _ in pairs) == list(range(len(designs)))
    return [outcome for _, outcome in sorted(pairs, key=lambda pair: pair[0].key)]


def statuses(results):
    return [result.status if isinstance(result, Failure) else "ok" for result in results]


@pytest.mark.parametrize("jobs", [0, 1, 2])
def test_every_design_gets_its_outcome(jobs):
    results = outcomes(Workers.local(jobs), [3, "infeasible", "bug", 4])
    assert statuses(results) == ["ok", "infeasible", "failed", "ok"]
    assert results[0] == 3.0
    assert results[1].reason == "scratchpad too small"
    assert results[2].reason == "ZeroDivisionError: of nothing"


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_design_that_kills_its_worker_is_isolated(jobs):
    results = outcomes(Workers.local(jobs), [1, 2, "kill", 3, 4, "kill", 5])
    assert statuses(results) == ["ok", "ok", "failed", "ok", "ok", "failed", "ok"]
    assert results[2].reason == KILLED


def test_a_worker_that_dies_once_costs_a_retry_only(tmp_path):
    results = outcomes(Workers.local(2), [1, ("kill once", str(tmp_path / "mark")), 2])
    assert statuses(results) == ["ok", "ok", "ok"]


def test_any_executor_will_do():
    with ThreadPoolExecutor(2) as executor:
        results = outcomes(Workers(lambda: executor, 2, lent=True), [1, "bug", 2])
        assert statuses(results) == ["ok", "failed", "ok"]
        assert executor.submit(int, "3").result() == 3, "a lent executor is not shut down"


def refuse():
    os._exit(1)


def test_workers_that_cannot_start_are_one_error(monkeypatch):
    monkeypatch.setattr("dse.explore.workers.runner._in_worker", refuse)
    with pytest.raises(DseError, match="worker processes cannot start"):
        outcomes(Workers.local(1), [1, 2])


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from dse.explore.workers.runner import TimeOverError, Task, Workers\n"
        "from dse.errors import DseError\n"
        "try:\n    list(Workers.local(1).run(abs, [Task(0, 1)]))\n"
        "except DseError as error:\n    print(error)\n"
    )
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert 'if __name__ == "__main__"' in result.stdout


@pytest.mark.skipif(multiprocessing.get_start_method() == "spawn", reason="needs POSIX signals")
def test_workers_die_with_their_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, pathlib, signal, time\n"
        "from dse.explore.workers.runner import TimeOverError, Task, Workers\n"
        "def linger(path):\n"
        "    pathlib.Path(path).write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        f"    list(Workers.local(1).run(linger, [Task(0, {str(tmp_path / 'pid')!r})]))\n"
    )
    parent = subprocess.Popen([sys.executable, script])
    pid_file = tmp_path / "pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    worker = int(pid_file.read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(worker))


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def alive(pid):
    """Whether a process runs; one that has ended but was not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_timed_call_tells_its_cpu_time():
    def busy(seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return "done"

    found, cpu_s = Timed(busy)(0.05)
    assert found == "done"
    assert 0.05 <= cpu_s < 0.2


def sleepy(seconds):
    time.sleep(seconds)
    return seconds


@pytest.mark.parametrize("jobs", [0, 1])
def test_workers_stop_when_their_time_is_over_but_have_a_first_result(jobs):
    with Workers.local(jobs) as workers:
        workers.until = time.monotonic()
        results = workers.run(sleepy, [Task(n, 0.01) for n in range(5)])
        assert next(results) == (Task(0, 0.01), 0.01)
        with pytest.raises(TimeOverError):
            next(results)


def test_what_runs_too_long_is_left_alone(monkeypatch):
    monkeypatch.setattr("dse.explore.workers.runner.GRACE_S", 0.1)
    began = time.monotonic()
    with Workers.local(1) as workers:
        results = workers.run(sleepy, [Task(0, 0.01), Task(1, 60.0)])
        assert next(results)[0].key == 0
        workers.until = time.monotonic() + 0.1
        with pytest.raises(TimeOverError):
            next(results)
        assert list(workers.run(sleepy, [])) == []
    assert time.monotonic() - began < 50


@pytest.mark.parametrize("jobs", [0, 2])
def test_there_is_time_beside_workers_once_for_every_run(jobs):
    calls = []
    with Workers.local(jobs) as workers:
        workers.begin()
        workers.meanwhile = lambda: calls.append(len(calls))
        for count in (5, 1):
            assert len(list(workers.run(abs, [Task(key, -key) for key in range(count)]))) == count
    assert calls == [0, 1]


def test_a_pool_whose_workers_are_killed_has_closed():
    """Else the interpreter, at its end, may write to the pipe that the pool's thread is closing: a traceback."""
    workers = Workers.local(1)
    workers.begin()
    pool = workers._executor._executor_manager_thread
    assert pool.is_alive()
    workers.stop(kill=True)
    assert not pool.is_alive()
