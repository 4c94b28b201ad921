"""What comes with an answer: its proof in plain data, and the loops of a list."""

import json
from math import inf

from dse.mapper.shared.result import ANY_ORDER, Certificate, NetworkCertificate, loops_of
from dse.problem.dims import DIMS


def test_loops_stand_outermost_first_and_without_those_of_one_trip():
    trips = (2, 1, 3, 1, 4, 1, 1, 5)
    order = (7, 2, 0, 4, 1, 3, 5, 6)  # innermost first
    assert [(loop.dim, loop.trips) for loop in loops_of(trips, order)] == [("P", 4), ("G", 2), ("K", 3), ("S", 5)]
    assert [loop.dim for loop in loops_of((2,) * 8, ANY_ORDER)] == list(DIMS)


def test_a_certificate_is_plain_data_and_adds_up_what_was_visited():
    proof = Certificate("edp", 11.0, 10.0, 0.1, 1e6, {"pe_tiles": 1, "unrollings": 2, "outer_tiles": 3, "priced": 4})
    plain = json.loads(json.dumps(proof.to_dict()))
    assert plain["nodes"] == proof.nodes == 10
    assert plain["visited"]["priced"] == proof.priced == 4
    assert {name: plain[name] for name in ("objective", "value", "lower_bound", "gap", "factors")} == {
        "objective": "edp", "value": 11.0, "lower_bound": 10.0, "gap": 0.1, "factors": "all",
    }  # fmt: skip


def test_a_limit_that_was_not_set_is_none_in_plain_data():
    free = NetworkCertificate("energy", 2.0, 2.0, 0.0, 0.0, layers=3, distinct=2, points=9)
    assert free.max_cycles == inf
    assert free.to_dict()["max_energy_pj"] is free.to_dict()["max_cycles"] is None
    limited = NetworkCertificate("energy", 2.0, 2.0, 0.0, 0.0, layers=3, distinct=2, points=9, max_cycles=100.0)
    assert json.loads(json.dumps(limited.to_dict()))["max_cycles"] == 100.0
