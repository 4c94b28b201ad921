"""Sweeps on a real scheduler with two real workers on loopback; one dies in the middle."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from explore.toy import ARCH, NET

from dse.errors import DseError
from dse.explore.sweep import sweep
from dse.explore.workers.runner import KILLED, Failure, Task

distributed = pytest.importorskip("distributed", reason="needs Dask (the extra `cluster`)")

from dse.explore.workers.cluster import BATCH_S, QUEUES, ClusterWorkers, connect, queue_cluster  # noqa: E402


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def start():
    """Starts parts of a cluster, and ends what is left of them."""
    processes = []

    def start(*arguments):
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes.append(subprocess.Popen(command, env=paths, **quiet))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def scheduler(start):
    """Start a scheduler; its address."""
    address = f"tcp://127.0.0.1:{free_port()}"
    start("dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard")
    return address


@pytest.fixture(scope="module")
def cluster(start):
    """The address of a scheduler with two workers of one thread, and how to start another."""
    address = scheduler(start)

    def worker():
        return start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")

    worker(), worker()
    client, _ = connect(address)
    client.wait_for_workers(2, timeout=120)
    client.close()
    return address, worker


def slow_square(number):
    time.sleep(0.02)
    return number**2


def worker_pid(seconds):
    time.sleep(seconds)
    return os.getpid()


def deadly(number):
    """Slow enough that other calls wait behind it on the same worker when it dies."""
    time.sleep(0.2)
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_batches_take_half_a_second(cluster):
    with ClusterWorkers(cluster[0]) as workers:
        found = dict(workers.run(slow_square, [Task(n, n) for n in range(40)]))
        assert {task.argument: result for task, result in found.items()} == {n: n * n for n in range(40)}
        size = workers._batch_size(10_000, 4)
        assert BATCH_S / 0.03 < size <= BATCH_S / 0.02 + 1
        (failed,) = (result for _, result in workers.run(slow_square, [Task(0, "x")]))
        assert isinstance(failed, Failure)


@pytest.mark.slow
def test_a_sweep_on_a_cluster_finds_what_one_machine_finds_though_a_worker_dies(cluster, tmp_path):
    address, worker = cluster
    for name, text in (("toy.yaml", ARCH), ("tiny.yaml", NET)):
        (tmp_path / name).write_text(text)
    files = tmp_path / "toy.yaml", tmp_path / "tiny.yaml"
    killed = []

    def kill_one(evaluation):
        if len(killed) == 0 and evaluation.number >= 4:
            with ClusterWorkers(address) as other:
                (found,) = other.run(worker_pid, [Task(0, 0.0)])
            os.kill(found[1], signal.SIGKILL)
            killed.append(found[1])
            worker()

    there = sweep(*files, trials=30, cluster=address, callback=kill_one)
    assert killed
    here = sweep(*files, trials=30, jobs=0)
    assert [(e.id, e.outcome.objectives, e.outcome.front) for e in there.evaluations] == [
        (e.id, e.outcome.objectives, e.outcome.front) for e in here.evaluations
    ]
    assert there.front_rows() == here.front_rows()


@pytest.mark.slow
def test_a_task_that_kills_its_workers_is_the_only_one_that_fails(start):
    """All batches wait behind it on the one worker, whose nanny starts another each time; Dask gives up on them too."""
    address = scheduler(start)
    nanny = start("dask_worker", address, "--nthreads", "1", "--no-dashboard")
    with ClusterWorkers(address) as workers:
        found = {task.argument: result for task, result in workers.run(deadly, [Task(n, n) for n in range(6)])}
    assert found.pop(3) == Failure("failed", KILLED)
    assert found == {n: n for n in (0, 1, 2, 4, 5)}
    assert nanny.poll() is None


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("dse.explore.workers.cluster.CONNECT_S", 1)
    with pytest.raises(DseError, match="no scheduler answers"):
        connect(f"tcp://127.0.0.1:{free_port()}")
    file = tmp_path / "cluster.yaml"
    for text, line in (("slrm: {cores: 4}\n", 1), ("slurm: {cores: 4}\njobs: many\n", 2), ("jobs: 2\n", 1)):
        file.write_text(text)
        with pytest.raises(DseError) as error:
            queue_cluster(str(file))
        assert error.value.line == line


QUEUE = '{queue}: {{cores: 16, processes: 16, memory: 32GB, walltime: "02:00:00", queue: short}}\njobs: 4\n'


@pytest.mark.parametrize(("queue", "submit", "said"), [
    ("slurm", "sbatch", "#SBATCH -p short"), ("lsf", "bsub", "#BSUB -q short"), ("pbs", "qsub", "#PBS -q short"),
])  # fmt: skip
def test_the_documented_file_makes_a_job_of_each_queue(queue, submit, said, tmp_path, monkeypatch):
    jobqueue = pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue (the extra `cluster`)")
    file, asked = tmp_path / "queue.yaml", []
    file.write_text(QUEUE.format(queue=queue))
    monkeypatch.setattr(getattr(jobqueue, QUEUES[queue]), "scale", lambda self, n=None, jobs=0: asked.append(jobs))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DseError, match=f"{queue} needs the command {submit}, which is not on this machine"):
        queue_cluster(str(file))
    (tmp_path / submit).write_text("#!/bin/sh\n")
    (tmp_path / submit).chmod(0o755)
    asked.clear()
    with queue_cluster(str(file)) as cluster:
        script = cluster.job_script()
    assert said in script
    assert "--nworkers 16" in script
    assert 4 in asked
