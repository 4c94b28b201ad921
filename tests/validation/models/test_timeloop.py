"""Our counts under Timeloop's rules against Timeloop's own, as integers.

Source of `tests/reference/timeloop_counts.jsonl`: Timeloop's model (2025 release), temporal extrapolation and link
transfers off, run on cases of our own making; counts are per instance. `pytest tests/validation/models/test_timeloop.py
--timeloop-cases FILE` runs any other file of that form.
"""

import json

import pytest
from validation.models.timeloop_case import WAYS, energy_pj, has_network_energy, ours, read_case, theirs

from dse.formats.mapping import dump_mappings, read_mappings
from dse.formats.text.source import parse_source
from dse.model.cost import evaluate
from dse.model.counting.timeloop import count_timeloop


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        with metafunc.config.getoption("timeloop_cases").open() as lines:
            cases = [read_case(json.loads(line)) for line in lines if line.strip()]
        metafunc.parametrize("case", cases, ids=lambda case: case.name)


def test_there_are_cases(pytestconfig):
    assert pytestconfig.getoption("timeloop_cases").read_text().strip()


def test_every_count_is_timeloops(case):
    counted = count_timeloop(case.layer, case.architecture, case.mapping)
    assert counted.macs == case.expected["macs"]
    assert ours(counted) == theirs(case)


def test_cycles_are_timeloops(case):
    cost = evaluate(case.architecture, case.layer, case.mapping, counting="timeloop")
    assert cost.cycles == case.expected["cycles"]
    by = cost.cycles_by
    for level, row in case.expected["levels"].items():
        assert max(by["compute"], *(by.get(f"{level} {port}", 0) for port in WAYS)) == row["cycles"]
    assert round(100 * cost.utilization, 2) == pytest.approx(case.expected["utilization_pct"], abs=0.011)


def test_a_shared_bandwidth_is_one_rate_for_all_words(pytestconfig):
    """Reads, fills and updates of all tensors together over the rate, of each instance."""
    lines = pytestconfig.getoption("timeloop_cases").read_text().splitlines()
    checked = 0
    for plain in (json.loads(line) for line in lines if line.strip()):
        for level in plain["arch"]["levels_inner_to_outer"]:
            for way in WAYS:
                level.pop(f"{way}_bandwidth", None)
            level["shared_bandwidth"] = 0.25
        case = read_case(plain)
        cost = evaluate(case.architecture, case.layer, case.mapping, counting="timeloop")
        words = {
            name: sum(
                row[tensor][what] for tensor in row if tensor != "cycles" for what in ("reads", "fills", "updates")
            )
            for name, row in case.expected["levels"].items()
        }
        assert {name: cost.cycles_by[f"{name} shared"] for name in words} == {n: 4 * w for n, w in words.items()}
        assert cost.cycles == 4 * max(words.values())
        checked += 1
    assert checked > 0


def test_energy_is_timeloops(case):
    """With Timeloop's three prices per level and its access blocks, which our levels do not tell apart."""
    if has_network_energy(case):
        pytest.skip("this case's energy has a network term that the file does not give")
    assert energy_pj(case, count_timeloop(case.layer, case.architecture, case.mapping)) == pytest.approx(
        case.expected["energy_pJ"], rel=1e-9
    )


def test_the_mapping_survives_a_file(case):
    text = dump_mappings(case.name, case.architecture, {case.name: case.mapping}, counting="timeloop")
    file = read_mappings(parse_source(text))
    assert file.counting == "timeloop"
    assert file.mappings(case.architecture, [case.layer], any_mapping=True) == {case.name: case.mapping}
