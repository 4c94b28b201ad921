"""The flat search prices the mapping that it reports, to the last digit that the model gives."""

import numpy as np
import pytest
from mapper.walks.mapper_cases import random_problem

from dse.errors import InfeasibleError
from dse.mapper.flat.inner.costs import again, passes_through
from dse.mapper.flat.pricing import price_nest
from dse.mapper.flat.problems import prepare
from dse.mapper.flat.run import (
    BUFFER_ORDER,
    BUFFER_TRIPS,
    ON_COLS,
    ON_ROWS,
    OUTER_ORDER,
    OUTER_TRIPS,
    PE_TILE,
    new_work,
)
from dse.mapper.layer import mapping_of, solve
from dse.mapper.shared.incumbent import ENERGY
from dse.model.cost import evaluate
from dse.model.price import price
from dse.problem.dims import IFMAP, PSUM, WEIGHT


def solved(seed, flow):
    """A problem, its answer for energy, and the instance of the answer's bypass choice; None where nothing fits."""
    problem = random_problem(f"pricing {seed}", flow, "all")
    try:
        found = solve(problem.architecture, problem.layer, "energy", 0.0, "all")
    except InfeasibleError:
        return None
    record = found.records[0]
    prices = price(problem.architecture, problem.layer)
    _, problems = prepare(problem.architecture, problem.layer, ENERGY, "all")
    return problem, found, problems[int(record[-1])].instance, prices


@pytest.mark.parametrize("flow", ["flexible", "row-stationary", "weight-stationary"])
def test_the_kernel_prices_a_record_as_the_model_does_its_mapping(flow):
    priced = 0
    for seed in range(8):
        if (case := solved(seed, flow)) is None:
            continue
        problem, found, instance, prices = case
        record, work, point = found.records[0], new_work(), np.zeros(2)
        for name, start in (("sy", ON_ROWS), ("sx", ON_COLS), ("m", BUFFER_TRIPS), ("n", OUTER_TRIPS)):
            work[name][:] = record[start : start + 8]
        bounds = problem.layer.bounds
        span = np.zeros((2, max(bounds[4:]) + 1, 3), dtype=np.int64)
        offset = np.zeros((4, problem.architecture.mac_units + 1), dtype=np.int64)
        assert price_nest(
            instance, work, record[PE_TILE : PE_TILE + 8], span, offset, record[OUTER_ORDER : OUTER_ORDER + 8],
            record[BUFFER_ORDER : BUFFER_ORDER + 8], point,
        )  # fmt: skip
        mapping = mapping_of(problem.architecture, record, found.kept[int(record[-1])])
        cost = evaluate(problem.architecture, problem.layer, mapping)
        expected = (cost.energy_pj, cost.cycles)
        assert (point[0], point[1] * prices.cycles_per_step) == pytest.approx(expected, rel=1e-9), (flow, seed)
        assert found.values[0] == pytest.approx(expected, rel=1e-9), (flow, seed)
        priced += 1
    assert priced > 3


def test_an_operand_stays_through_the_outer_list_where_the_buffer_holds_one_tile_of_it():
    _, _, instance, _ = solved(0, "flexible")
    ones = np.ones(8, dtype=np.int64)
    over_k = ones.copy()
    over_k[2] = 3
    assert [passes_through(instance, o, over_k) for o in (IFMAP, WEIGHT, PSUM)] == [True, False, False]
    assert all(passes_through(instance, o, ones) for o in range(3))
    assert all(again(instance, o, ones) == 0 for o in range(3))
