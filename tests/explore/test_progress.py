"""Whoever watches a sweep is told how far it is, phase by phase."""

import dse
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.progress import Progress
from dse.explore.sweep import run_plan

NET = dse.Workload.of("net", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])


def test_progress_rises_within_every_phase(tmp_path):
    told = []
    space = {"levels.GLB.capacity": ["64 KiB", "108 KiB"], "levels.array.rows": [6, 12]}
    plan = make_plan("eyeriss", [NET], Search(4, "grid", 3, gap=0.05), space=space)
    result = run_plan(plan, jobs=0, progress=told.append)
    assert all(isinstance(one, Progress) for one in told)
    phases = [one.kind for one in told]
    assert phases == sorted(phases, key="explore".__ne__)  # nothing is explored after the proof has begun
    for kind in set(phases):
        own = [one for one in told if one.kind == kind]
        assert [one.done for one in own] == sorted(one.done for one in own)
        assert all(0 <= one.evaluated <= one.total for one in own)
        assert all(one.done <= one.total for one in own)
    explored = [one for one in told if one.kind == "explore"][-1]
    assert explored.done == explored.total == 4
    assert explored.best in result.evaluations
