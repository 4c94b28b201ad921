"""The bound of a band of arrays is below every mapping on every array of it."""

import numpy as np
import pytest
from mapper.test_lower import CONV, FLOWS, _larger, _sides, assert_below
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL
from mapper.walks.mapper_cases import random_problem
from thinned import parts, thinned

from dse.errors import DseError
from dse.formats.architecture.load import load_architecture, load_architecture_spec
from dse.mapper import LowerBound, has_flat_shape, lower_bounds
from dse.problem.layer import Layer

LAYERS = (CONV, Layer("fc", K=96, C=40), Layer("strided", K=6, C=5, P=7, Q=5, R=3, S=2, stride_h=2))
BANDS = [((3, 4), (4, 3), (2, 7), (13, 1)), ((5, 5),), ((6, 5), (5, 6), (7, 4))]


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("numbers", thinned(parts(24, 8), 3))
def test_a_band_is_bounded_below_every_mapping_on_its_arrays(flow, numbers):
    for number in numbers:
        own = random_problem(f"band {number}", flow, "all")
        if not has_flat_shape(own.architecture):
            continue
        walked = walk_all(own.architecture, own.layer, "all")
        (rows, cols), larger = _sides(own.architecture), tuple(_larger(x, 1) for x in own.architecture.hierarchy)
        largest = own.architecture.with_(hierarchy=larger)
        bands = [((rows, cols), (cols, rows + 1), (1, rows * cols)), ((rows, cols),), ((rows + 1, cols),)]
        for others in ([], [largest]):
            found = lower_bounds(own.architecture, own.layer, bands, others=others, cycle_pj=3.0)
            assert (found[0] <= found[1]).all()
            for bound in found[:2] if walked.mappings else ():
                assert_below(LowerBound(*bound.tolist()), walked.front, 3.0, f"{number} {flow}")


@pytest.mark.parametrize("flow", ["weight-stationary", "output-stationary", "row-stationary", "flexible"])
def test_a_band_is_bounded_by_each_of_its_arrays_and_one_array_as_by_itself(flow):
    own = load_architecture_spec("eyeriss").resolve({"dataflow": flow})
    for layer in LAYERS:
        found = lower_bounds(own, layer, BANDS, cycle_pj=1700.0)
        for band, bound in zip(BANDS, found, strict=True):
            each = lower_bounds(own, layer, [(one,) for one in band], cycle_pj=1700.0)
            assert (bound <= each.min(axis=0) * (1 + EQUAL)).all()
            if len(band) == 1:
                assert bound.tolist() == each[0].tolist()
        alone = np.array([lower_bounds(own, layer, [band], cycle_pj=1700.0)[0] for band in BANDS])
        assert (alone <= found * (1 + EQUAL)).all()  # one band by itself is bounded as a box


def test_arrays_of_as_many_pes_are_bounded_closely():
    """Power of PEs counts for all of the time, so that a band is above the box of its least and its most."""
    own, layer = load_architecture_spec("eyeriss").resolve({}), LAYERS[1]
    box, band = lower_bounds(own, layer, [((4, 4), (12, 14), (32, 32)), ((12, 14), (14, 12), (8, 21))])
    least = lower_bounds(own, layer, [((12, 14),), ((14, 12),), ((8, 21),)])[:, 0].min()
    assert box[0] < 0.95 * least
    assert band[0] > 0.99 * least


def test_a_hierarchy_of_the_deep_search_has_no_bands():
    with pytest.raises(DseError, match="no bound of several designs"):
        lower_bounds(load_architecture("edge_npu"), CONV, BANDS)
