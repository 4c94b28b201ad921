"""Cards of a sweep's designs are made once, kept, and left out when that is interrupted."""

import pytest

import dse
from dse.cli.cards import collect_cards
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.sweep import run_plan
from dse.explore.workers.runner import Workers
from dse.report.cards import book as book_module

NET = dse.Workload.of("net", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])


@pytest.fixture(scope="module")
def swept():
    space = {"levels.GLB.capacity": ["64 KiB", "108 KiB"]}
    plan = make_plan("eyeriss", [NET], Search(2, "grid", 3, gap=0.05), space=space)
    return run_plan(plan, jobs=0), plan


def test_cards_are_made_once(swept, tmp_path, monkeypatch):
    result, plan = swept
    made = collect_cards(result, plan, tmp_path, Workers.local(0))
    assert made.cards
    monkeypatch.setattr(book_module, "make_book", lambda *_: pytest.fail("they are known"))
    assert collect_cards(result, plan, tmp_path, Workers.local(0)).cards == made.cards


def test_interrupted_it_keeps_what_was_known(swept, tmp_path, monkeypatch, capsys):
    result, plan = swept

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(book_module, "make_book", interrupted)
    assert not collect_cards(result, plan, tmp_path, Workers.local(0)).cards
    assert "the page has no cards of designs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
