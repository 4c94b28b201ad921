"""A sweep shows what it knows now and then, and when it is interrupted."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dse.explore import underway
from dse.explore.candidate import Candidate
from dse.explore.ledger import Ledger
from dse.explore.limits import Limits
from dse.explore.outcomes.evaluation import Outcome
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.underway import Underway
from dse.explore.workers.runner import Task, Workers

PLAN = make_plan("eyeriss", "alexnet", Search(2), space={"levels.array.rows": [6, 12]})
FOUND = Outcome("ok", objectives={"energy_pj": 2.0, "latency_s": 3.0, "edp_js": 6e-12}, front=((2.0, 3.0),))


def made(directory, run=lambda: None):
    problem, workers = PLAN.problem(), Workers.local(0)
    explorer = SimpleNamespace(
        run=run, sampler="grid", certificate=None, is_over=False, limits=Limits(prove_s=0), problem=problem,
        workers=workers, ledger=Ledger(problem, PLAN.search, workers, {}),
    )
    return Underway(PLAN, explorer, directory, (), 0.0)


@pytest.fixture
def written(monkeypatch):
    """The results that were written."""
    results = []
    monkeypatch.setattr(underway, "write_results", lambda directory, result: results.append((directory, result)))
    return results


def test_it_is_shown_again_only_after_a_while(tmp_path, written):
    sweep = made(tmp_path)
    sweep.show()
    sweep.show()
    assert len(written) == 1
    sweep.show(always=True)
    assert len(written) == 2
    assert sweep.pause_s >= underway.SHOWN_EVERY_S
    made(None).show(always=True)  # nowhere to write
    assert len(written) == 2


def test_interrupted_it_writes_what_is_known_and_ends(tmp_path, written):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, interrupted).to_its_end()
    ((directory, result),) = written
    assert directory == tmp_path
    assert not result.finished


def test_its_result_says_what_was_searched(tmp_path):
    result = made(tmp_path).to_its_end()
    assert result.finished
    assert (result.name, result.architecture, result.workloads) == (PLAN.name, "eyeriss", ("alexnet",))
    assert result.space == PLAN.space


def test_what_is_new_is_shown_while_workers_have_something_else_to_do(tmp_path, written):
    shown = []

    def run():
        explorer = sweep.explorer
        for batches in (0, 1, 1, 2):
            explorer.ledger.batches, sweep.pause_s = batches, 0.0
            list(explorer.workers.run(abs, [Task(0, 1), Task(1, 2)]))
            shown.append(len(written))

    sweep = made(tmp_path, run)
    sweep.to_its_end()
    assert shown == [0, 1, 1, 2]
    list(sweep.explorer.workers.run(abs, [Task(0, 1)]))  # workers that others go on with
    assert len(written) == 2


def test_a_proof_that_is_to_come_is_prepared_while_workers_are_busy(tmp_path):
    def run():
        list(sweep.explorer.workers.run(abs, [Task(0, 1)]))

    sweep = made(tmp_path, run)
    sweep.explorer.limits, asked = Limits(), []
    sweep.explorer.problem = SimpleNamespace(
        space=sweep.explorer.problem.space, provable=SimpleNamespace(axes=asked.append), beside=()
    )
    sweep.to_its_end()
    assert asked == [sweep.explorer.problem.space]


def test_where_designs_take_long_each_one_is_shown_as_soon_as_it_is_there(tmp_path, written):
    sweep, seen = made(tmp_path), []
    ledger = sweep.explorer.ledger
    ledger.problem = replace(ledger.problem, singly=True, evaluate={"explore": lambda design: FOUND})

    def run():
        def shown():
            sweep.pause_s = 0.0
            show()
            seen.append([one.number for one in written[-1][1].explored])

        show, ledger.show = ledger.show, shown
        candidates = [Candidate(place, {"levels.array.rows": rows}) for place, rows in enumerate((6, 12))]
        ledger.evaluate("explore", candidates, 2)
        assert not ledger.fresh
        assert list(ledger.explored) == [0, 1]

    sweep.explorer.run = run
    sweep.to_its_end()
    assert seen == [[0], [0, 1]]
