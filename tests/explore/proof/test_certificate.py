"""What a sweep certifies, as data and in words."""

import json
from dataclasses import replace
from math import inf

import pytest

from dse.explore.proof.certificate import Certificate

WHOLE = Certificate(100, 20, 60, 20, 0, 0.0, 0.01)
PART = Certificate(100, 20, 40, 20, 20, 0.25, 0.01)
NOTHING = Certificate(100, 20, 0, 0, 80, inf, 0.01)


@pytest.mark.parametrize("certificate", [WHOLE, PART, NOTHING])
def test_it_is_read_back_as_it_was_written(certificate):
    plain = json.loads(json.dumps(certificate.to_dict(), allow_nan=False))
    assert Certificate.from_dict(plain) == certificate
    assert plain["complete"] is (certificate.open == 0)


@pytest.mark.parametrize(
    ("certificate", "objectives", "sentence"),
    [
        (WHOLE, ("edp",), "no other design of the 100 is better in EDP: proven"),
        (WHOLE, ("energy", "area"), "no other design of the 100 is better in energy at no more area: proven"),
        (WHOLE, ("area",), "no other design of the 100 is better in area: proven"),
        (PART, ("energy", "latency"), "no other design of the 100 is better in both energy and latency by more than "
         "25 %: proven; 20 are open at 1 %"),
        (replace(PART, open=1), ("edp",), "no other design of the 100 is better in EDP by more than 25 %: proven; 1 is "
         "open at 1 %"),
        (replace(NOTHING, open=0), ("edp",), "none of the 100 designs is open, but how near the best their mappings "
         "are is not proven"),
        (NOTHING, ("edp",), "20 of the 100 designs are settled; 80 are open, and how much better these may be is "
         "not known yet"),
        (replace(NOTHING, open=1), ("edp",), "99 of the 100 designs are settled; 1 is open, and how much better these "
         "may be is not known yet"),
        (replace(PART, open=0), ("edp",), "no other design of the 100 is better in EDP by more than 25 %: proven; each "
         "is mapped, or ruled out within 1 %"),
        (replace(PART, gap=1.15), ("edp",), "no other design of the 100 is better in EDP by more than 115 %: proven; "
         "20 are open at 1 %"),
    ],
)  # fmt: skip
def test_it_claims_no_more_than_is_proven(certificate, objectives, sentence):
    assert certificate.sentence(objectives) == sentence
