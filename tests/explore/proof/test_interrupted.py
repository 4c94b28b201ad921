"""Wherever a proof is interrupted, its certificate counts every design of the space once."""

import json
from contextlib import suppress
from math import inf

import pytest
from explore.proof.test_prove import SPACES, counts, files  # noqa: F401

from dse.explore.limits import Limits
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search, SearchChanges
from dse.explore.plan.workloads import WorkloadChanges
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.prove import Prover
from dse.explore.results.record import read_results
from dse.explore.sweep import run_plan, sweep
from dse.explore.sweep_file import load_plan
from dse.explore.workers.runner import TimeOverError, Workers
from dse.formats.workload.load import parse_workload

SHIPPED = ("area_budget", "array_shapes", "edge_multi_network", "eyeriss_buffers", "voltage")


def interrupted(monkeypatch, at, error, run):
    """What `run` gives when workers raise an error after the first result of their call number `at`."""
    calls, whole = [], Workers.run

    def stopping(self, function, tasks):
        calls.append(at)
        for result in whole(self, function, tasks):
            yield result
            if len(calls) == at:
                raise error

    with monkeypatch.context() as patched:
        patched.setattr(Workers, "run", stopping)
        return run(), len(calls)


@pytest.mark.parametrize("error", [TimeOverError, KeyboardInterrupt])
def test_what_a_proof_has_in_hand_is_open(files, monkeypatch, tmp_path, error):  # noqa: F811
    space, objectives = SPACES["memories"]
    seen = set()

    def run():
        output = tmp_path / f"{error.__name__}-{at}"
        with suppress(KeyboardInterrupt):
            sweep(*files, trials=4, space=space, objectives=objectives, jobs=0, prove_s=60.0, output=output)
        return json.loads((output / "summary.json").read_text()).get("certificate")

    at = calls = 2
    while at <= calls:  # beyond the last call nothing is interrupted
        found, calls = interrupted(monkeypatch, at, error, run)
        if found is not None:
            certificate = Certificate.from_dict(found)
            assert counts(certificate) == certificate.space
            assert min(certificate.open, certificate.ruled_out, certificate.infeasible) >= 0
            seen.add(certificate.complete)
        at, calls = at + 4, calls + 4 if calls >= at else 0
    assert seen == {False, True}


def rows_of(result):
    return [(row["area_mm2"], row["energy_pj"], row["latency_s"]) for row in result.mapping_rows()]


@pytest.mark.parametrize("what", ["_push", "_settle", "_short"])
def test_a_proof_that_is_stopped_anywhere_states_no_gap_that_is_not_proven(files, monkeypatch, tmp_path, what):  # noqa: F811
    space, objectives = SPACES["memories"]
    how = {"trials": 4, "space": space, "objectives": objectives, "jobs": 0, "prove_s": 60.0}
    whole, calls, at = getattr(Prover, what), [0], 1
    points = rows_of(sweep(*files, gap=0.0, **how))
    while at == 1 or calls[0] >= at // 2:  # beyond the last call nothing is interrupted
        calls[0] = 0

        def stopped(self, *given, at=at, **named):
            calls[0] += 1
            if calls[0] == at:
                raise KeyboardInterrupt
            return whole(self, *given, **named)

        output = tmp_path / f"{at}"
        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            patched.setattr(Prover, what, stopped)
            sweep(*files, gap=0.0, output=output, **how)
        result = read_results(output)
        if result.certificate is not None:
            assert counts(result.certificate) == result.certificate.space
            assert min(result.certificate.open, result.certificate.ruled_out, result.certificate.infeasible) >= 0
            for area, *point in points:
                near = [other for size, *other in rows_of(result) if size <= area * (1 + 1e-9)]
                short = min((max(a / b for a, b in zip(one, point, strict=True)) for one in near), default=inf)
                assert short - 1 <= result.certificate.gap + 1e-9
        at *= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_spaces_are_counted_once(name, tmp_path):
    small = parse_workload("workload: small\ninput: [3, 8, 8]\nlayers:\n  one: {conv: 4, kernel: 3}\n")
    plan = load_plan(name, SearchChanges(trials=4), WorkloadChanges())
    space = {path: list(choices) for path, choices in plan.space.items()}
    space |= {one.path: one.to_dict() for one in plan.derived}
    search = Search(4, objectives=plan.search.objectives)
    fewer = make_plan(plan.spec, small, search, space=space, name=name, hardware=plan.hardware)
    certificate = run_plan(fewer, jobs=0, limits=Limits(prove_s=5.0)).certificate
    assert counts(certificate) == certificate.space
