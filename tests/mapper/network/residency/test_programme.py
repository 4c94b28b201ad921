"""Integer programmes against all choices of their variables."""

from itertools import product
from random import Random

import pytest

from dse.errors import InfeasibleError
from dse.mapper.network.residency.choosing.programme import Programme


@pytest.mark.parametrize("seed", range(10))
def test_the_solution_is_the_best_of_all_choices(seed):
    rng = Random(seed)
    costs = [rng.randint(-5, 5) for _ in range(6)]
    rows = [([rng.randint(0, 4) for _ in costs], rng.randint(3, 9)) for _ in range(3)]
    programme = Programme()
    variables = [programme.variable(cost) for cost in costs]
    for sizes, room in rows:
        programme.row(zip(variables, map(float, sizes), strict=True), high=room)
    programme.at_most(variables[:1], variables[1:3])
    values, cost, bound = programme.solve()
    best = min(
        sum(cost * x for cost, x in zip(costs, chosen, strict=True))
        for chosen in product((0, 1), repeat=len(costs))
        if chosen[0] <= chosen[1] + chosen[2]
        and all(sum(size * x for size, x in zip(sizes, chosen, strict=True)) <= room for sizes, room in rows)
    )
    assert cost == pytest.approx(best)
    assert bound <= best + 1e-9
    assert all(value == pytest.approx(round(value), abs=1e-6) for value in values)


def test_what_has_no_solution_is_said():
    programme = Programme()
    only = programme.variable()
    programme.row([(only, 1.0)], low=2.0)
    with pytest.raises(InfeasibleError, match="no choice of tensors"):
        programme.solve()
