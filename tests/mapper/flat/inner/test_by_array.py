"""Many arrays bounded at once: none changes what is said of another."""

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat.array.spreads import Options
from dse.mapper.flat.inner.by_array import PE_PJ, PES, STEPS, WORK_PJ, Arrays, least_of_tiles
from dse.mapper.flat.lower import bound_flat_in_bands
from dse.mapper.flat.run import new_configuration
from dse.problem.layer import Layer

CONV = Layer("conv", K=16, C=6, P=9, Q=9, R=3, S=3)


def test_a_problem_without_tiles_has_no_finite_bound():
    nothing = np.zeros((1, 6), dtype=np.int64)
    options = Options(np.zeros(9, dtype=np.int64), np.zeros((1, 5), dtype=np.int64), nothing, nothing[:, :2])
    out = np.full((1, 2, 3), np.inf)
    arrays = Arrays(np.zeros((1, 2), dtype=np.int64), np.zeros((1, 2)), np.zeros((1, 2, 4)), np.zeros(1), np.zeros(1))
    least_of_tiles(None, options, arrays, None, new_configuration(), out)
    assert np.isinf(out).all()
    assert sorted((PES, STEPS, PE_PJ, WORK_PJ)) == [0, 1, 2, 3]


def test_the_order_of_arrays_changes_nothing_and_more_pes_take_no_more_steps():
    corner = load_architecture_spec("eyeriss").resolve({"levels.GLB.capacity": "32 KiB"})
    sides = [((2, 2),), ((4, 6),), ((8, 8),)]
    found = bound_flat_in_bands([corner], CONV, 2.0, "all", sides)
    back = bound_flat_in_bands([corner], CONV, 2.0, "all", sides[::-1])
    assert back[::-1] == pytest.approx(found, rel=1e-12)
    assert found[0, 1] >= found[1, 1] >= found[2, 1] > 0
