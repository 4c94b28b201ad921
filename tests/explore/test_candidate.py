"""A design on its way from a proposal to its evaluation."""

from dse.explore.candidate import ALONE, Candidate


def test_a_candidate_has_nothing_found_and_nobody_beside_it_at_first():
    candidate = Candidate(3, {"levels.array.rows": 2})
    assert candidate.found is None
    assert list(ALONE.get(candidate.number, ())) == []
