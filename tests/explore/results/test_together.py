"""The page's figure and its cards ask a result at the same time, from two threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import dse
from dse.explore.results.result import SweepResult

NET = dse.Workload.of("net", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])


def test_threads_that_ask_at_a_time_get_the_same_rows(monkeypatch):
    space = {"levels.GLB.capacity": ["54 KiB", "108 KiB"]}
    result = dse.sweep("eyeriss", NET, trials=2, space=space, jobs=0, prove_s=0)
    both, find = Barrier(2, timeout=60), SweepResult._find_best_points

    def find_beside_another(self):
        both.wait()
        return find(self)

    with monkeypatch.context() as patched, ThreadPoolExecutor(2) as threads:
        patched.setattr(SweepResult, "_find_best_points", find_beside_another)
        asked = [threads.submit(ask) for ask in (result.mapping_rows, result.front_rows)]
        mappings, designs = (one.result() for one in asked)
    assert len({tuple(row.items()) for row in mappings}) == len(mappings) == sum(row["mappings"] for row in designs)
    assert result.mapping_rows() == mappings
    assert result.front_rows() == designs
