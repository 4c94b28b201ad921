"""Problems go to the search that is faster; where the flat one gives up, the deep one finds the same."""

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.formats.workload.load import load_workload
from dse.mapper.flat.run import RECORD
from dse.mapper.flat.solve import solve_flat
from dse.mapper.layer import LONGEST_FRONT, OBJECTIVES, map_layer, solve


@pytest.fixture(scope="module")
def flexible():
    spec = load_architecture_spec("eyeriss_isca16")
    return spec.resolve({"dataflow": spec.parse_setting("dataflow", "flexible")})


def by_flat(architecture, layer, objective, **how):
    kind, stop = OBJECTIVES[objective], np.zeros(1, dtype=np.int64)
    return solve_flat(architecture, architecture.lowered(layer), kind, 0.0, "all", LONGEST_FRONT, stop=stop, **how)


def test_a_long_search_for_the_fastest_mapping_of_a_matmul_goes_on_in_the_deep_one(flexible):
    layer = load_workload("mobilenet_v1").layer("20.0")
    given_up, whole = (by_flat(flexible, layer, "latency", gives_up=gives_up) for gives_up in (True, False))
    assert given_up.gap == np.inf
    assert whole.gap == 0.0
    found = solve(flexible, layer, "latency", 0.0, "all")
    assert len(found.records[0]) != RECORD
    assert found.values == pytest.approx(whole.values, rel=1e-12)
    mapped = map_layer(flexible, layer, "latency")
    assert (mapped.cost.energy_pj, mapped.cost.cycles) == pytest.approx(tuple(whole.values[0]), rel=1e-12)
    assert mapped.certificate.gap == 0.0


def test_a_short_search_ends_in_the_flat_one(flexible):
    layer = load_workload("alexnet").layer("fc8")
    found, whole = solve(flexible, layer, "latency", 0.0, "all"), by_flat(flexible, layer, "latency")
    assert len(found.records[0]) == RECORD
    assert found.records.tolist() == whole.records.tolist()
