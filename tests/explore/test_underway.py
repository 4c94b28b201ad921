"""A sweep shows what it knows now and then, and when it is interrupted."""

from types import SimpleNamespace

import pytest

from dse.explore import underway
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.underway import Underway

PLAN = make_plan("eyeriss", "alexnet", Search(2), space={"levels.array.rows": [6, 12]})


def made(directory, run=lambda: None):
    explorer = SimpleNamespace(
        run=run, sampler="grid", explored={}, exact={}, parts=({}, {}, {}), reused=0, certificate=None, spending=None,
        is_over=False,
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
