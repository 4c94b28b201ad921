"""What a sweep found is the same whether it comes from the search or from its log."""

from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.results.result import in_order


def made(kind: str, number: int) -> Evaluation:
    return Evaluation(f"{kind}{number}", "s", kind, number, {}, Outcome("ok"))


def test_a_design_that_was_solved_after_all_counts_once():
    logged = [made("explore", 1), made("exact", 7), made("repriced", 7), made("repriced", 9), made("explore", 0)]
    for order in (logged, logged[::-1]):
        assert [(e.kind, e.number) for e in in_order(order)] == [
            ("explore", 0), ("explore", 1), ("repriced", 9), ("exact", 7)
        ]  # fmt: skip
