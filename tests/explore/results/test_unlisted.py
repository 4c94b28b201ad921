"""What records leave out of long fronts is in the gap of the certificate, but for designs that are on the front."""

import json
from dataclasses import replace

import pytest
from explore.proof.test_prove import GENEROUS_S
from explore.toy import ARCH, NET

from dse.explore.designs import design
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.results.record import read_results
from dse.explore.results.unlisted import unlisted_gap
from dse.explore.sweep import sweep

SPACE = {"levels.array.rows": [2, 3, 4], "levels.array.cols": [2, 4], "dataflow": ["weight-stationary", "flexible"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlisted")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    return folder / "toy.yaml", folder / "tiny.yaml"


@pytest.mark.parametrize("most", [3, 5, 64])
def test_no_point_of_a_design_that_is_not_on_the_front_is_better_than_it_by_more_than_the_gap(files, most, monkeypatch):
    objectives = ("energy", "latency")
    problem = make_plan(*files, Search(1, objectives=objectives), space=SPACE).problem()
    with monkeypatch.context() as patch:
        patch.setattr(design, "FRONT_POINTS", 10_000)
        whole = [problem.evaluate["exact"](problem.resolve(problem.space.settings(i))) for i in range(12)]
        assert all(one.thinned == 0 for one in whole)
    monkeypatch.setattr(design, "FRONT_POINTS", most)
    result = sweep(*files, trials=12, space=SPACE, objectives=objectives, gap=0.0, jobs=0, prove_s=GENEROUS_S)
    assert any(one.outcome.thinned for one in result.evaluations) or most == 64
    on_front = {row["number"] for row in result.front_rows()}
    found = [(e.number, problem.space.find(e.parameters)) for e in result.evaluations if e.kind == "exact"]
    apart = [place for number, place in found if number not in on_front and place is not None]
    assert apart or most == 64
    known = [(row["energy_pj"], row["latency_s"]) for row in result.mapping_rows()]
    for place in apart:
        for energy, latency in whole[place].front:
            short = min(max(x / energy, y / latency) for x, y in known) - 1
            assert short <= result.certificate.gap + 1e-9


def test_what_is_left_out_counts_as_far_as_the_front_does_not_match_it(files):
    result = sweep(*files, trials=2, space=SPACE, objectives=("energy", "latency"), jobs=0, prove_s=0)
    row = result.front_rows()[0]
    point = row["energy_pj"] * 1.001, row["latency_s"] * 1.001
    outcome = Outcome("ok", "", {"area_mm2": row["area_mm2"]}, (point,), thinned=0.01)
    settings = result.evaluations[-1].parameters
    other = replace(result, evaluations=(*result.evaluations, Evaluation("x", "", "exact", 99, settings, outcome)))
    assert unlisted_gap(result) == 0
    assert unlisted_gap(other) == pytest.approx(1.01 / 1.001 - 1)
    assert Evaluation.from_dict(json.loads(other.evaluations[-1].line())).outcome.thinned == 0.01


def test_a_design_that_the_proof_mapped_before_a_trial_did_is_read_as_one(files, tmp_path):
    how = {"space": SPACE, "objectives": ("energy", "latency"), "jobs": 0, "output": tmp_path, "prove_s": GENEROUS_S}
    sweep(*files, trials=2, **how)
    more = sweep(*files, trials=12, resume=True, **how)
    read = read_results(tmp_path)
    assert read.front_rows() == more.front_rows()
    assert len(read.designs) == len(more.designs)
