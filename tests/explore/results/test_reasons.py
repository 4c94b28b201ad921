"""Designs that do not work are counted by why: one line a reason, with the range of what differs."""

from dataclasses import replace

import pytest

import dse
from dse.explore.designs.design import Network, NetworkEvaluator
from dse.explore.results.reasons import OTHERS, counted_reasons, said_reasons
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.architecture.space.constraints import Constraint, parse_constraints
from dse.formats.architecture.space.readable import complaint, said_limits

CONV = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
SMALL, LARGE = (dse.Workload.of(name, [replace(CONV, K=k)]) for name, k in (("small", 4), ("large", 16)))


def test_excesses_are_not_counted_under_the_first_ones_figure():
    limit = Constraint("area_mm2", maximum=2.0)
    given = [complaint(limit, area, limit.excess(area)) for area in (5.7, 3.1, 4.4)]
    counts = counted_reasons(given)
    assert counts == {"area above the maximum of 2 mm2 (3.1 to 5.7 mm2)": 3}
    assert said_reasons(counts) == "area above the maximum of 2 mm2 (3.1 to 5.7 mm2): 3 designs"


def test_two_limits_broken_at_once_are_one_reason():
    limits = Constraint("area_mm2", maximum=2.0), Constraint("pes", maximum=192.0)
    pairs = [zip(limits, values, strict=True) for values in ((3.0, 200.0), (4.0, 256.0))]
    given = ["; ".join(complaint(limit, value, limit.excess(value)) for limit, value in pair) for pair in pairs]
    assert counted_reasons(given) == {
        "area above the maximum of 2 mm2 (3 to 4 mm2); pes above the maximum of 192 (200 to 256)": 2
    }


def test_names_with_digits_are_no_ranges_and_no_design_is_lost():
    given = ["conv1: 3 words do not fit", "conv2: 4 words do not fit", "conv2: 9 words do not fit"]
    assert counted_reasons(given) == {"conv2: 4 to 9 words do not fit": 2, "conv1: 3 words do not fit": 1}
    many = [f"reason of layer{n}" for n in range(30)]
    counts = counted_reasons(many)
    assert sum(counts.values()) == 30
    assert counts[OTHERS] == 20


@pytest.mark.parametrize(
    ("plain", "said"),
    [({"energy": {"max": "40 uJ"}}, "energy at most 40 µJ"),
     ({"latency": {"max": "16.6 ms"}}, "latency at most 16.6 ms"),
     ({"power": {"max": "1.5 W"}}, "power at most 1.5 W"), ({"peak_power": {"max": "3 W"}}, "peak power at most 3 W"),
     ({"storage": {"max": "2 MiB"}}, "storage at most 2 MiB"),
     ({"aspect_ratio": {"min": 0.25, "max": 4}}, "aspect ratio from 0.25 to 4"),
     ({"pes": {"min": 12}}, "pes at least 12")],
)  # fmt: skip
def test_limits_are_told_in_units_that_people_write(plain, said):
    assert said_limits(parse_constraints(plain)) == said


def test_a_value_is_told_from_its_limit_however_near():
    limit = Constraint("area_mm2", maximum=8.0)
    said = complaint(limit, 8.00001, limit.excess(8.00001))
    assert said == "area of 8.00001 mm2 is less than 0.1 % above the maximum of 8 mm2"


@pytest.mark.parametrize("front", [False, True])
def test_a_broken_limit_names_its_network_and_its_unit(front):
    spec = load_architecture_spec("eyeriss")
    networks = tuple(Network.of(network) for network in (SMALL, LARGE))
    limits = parse_constraints({"energy": {"max": "0.1 uJ"}})
    several = NetworkEvaluator(networks, constraints=limits, front=front)(spec.architecture)
    assert several.reason.startswith("large's energy of ")
    assert several.reason.endswith(" above the maximum of 100 nJ")
    assert "e+" not in several.reason
    alone = NetworkEvaluator(networks[:1], constraints=limits, front=front)(spec.architecture)
    assert alone.reason.startswith("energy of ")
