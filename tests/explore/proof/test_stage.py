"""What a proof writes into the log of its sweep."""

import json
from math import inf

from dse.explore.designs.space import DesignSpace
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.boxes.box import Box
from dse.explore.proof.settled import EVALUATED, INFEASIBLE, OPEN, RULED_OUT, Settled
from dse.explore.proof.stage import Stage
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Workers

SPACE = DesignSpace.of({"rows": [4, 8, 16], "flow": ["ws", "os"]})


def lines_of(*settled):
    lines = []
    stage = Stage(SPACE, ("edp",), 0.01, Workers.local(0), lambda places: [], lines.append, str, "abc", str)
    for one in settled:
        stage._note(Staircase(("edp",), 0.5))(one)
    assert all(line.endswith(b"\n") for line in lines)
    return [json.loads(line) for line in lines]


def test_a_box_is_written_with_its_settings_its_bound_and_why_it_is_settled():
    box = Box((0, 1), (2, 1))
    (line,) = lines_of(Settled(box, RULED_OUT, DesignBound(5.0, 2.0, 5.5, 1.0)))
    assert line["box"] == {"rows": [4, 16], "flow": ["os", "os"]}
    assert (line["designs"], line["state"], line["sweep"], line["gap"]) == (3, RULED_OUT, "abc", 0.0)
    figures = {"energy_pj": 5.0, "latency_s": 2.0, "weighted_pj": 5.5, "area_mm2": 1.0, "pj_per_s": 0.5}
    assert line["bound"] == figures


def test_what_bounds_a_design_that_is_mapped_is_written_beside_its_evaluation():
    (line,) = lines_of(Settled(Box((0, 0), (0, 0)), EVALUATED, DesignBound(5.0, 2.0), 0.02))
    assert (line["state"], line["gap"], line["bound"]["energy_pj"]) == (EVALUATED, 0.02, 5.0)


def test_what_is_impossible_has_a_reason_and_what_is_unknown_no_gap():
    box = Box((1, 0), (1, 0))
    impossible, unknown = lines_of(
        Settled(box, INFEASIBLE, DesignBound(infeasible="no room")), Settled(box, OPEN, DesignBound(), inf)
    )
    assert impossible["bound"] == {"reason": "no room"}
    assert unknown["gap"] is None
