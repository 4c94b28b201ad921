"""How many lists repeat a crossing's transfers, by what is laid down about them."""

import pytest

from dse.mapper.deep.bounds.columns import run_of
from dse.mapper.deep.lists import NO_TRIPS, Choice, kinds
from dse.problem.dims import IFMAP, PSUM, WEIGHT, P, Q

KINDS = {choice.kind: choice for choice in kinds()}


@pytest.mark.parametrize(
    ("operand", "child", "choices", "run"),
    [
        (WEIGHT, 3, (), (3, ())),  # the MACs receive everything at every step
        (WEIGHT, 2, (None, None), (0, ())),  # nothing is known, and weights slide on nothing
        (IFMAP, 2, (None, None), (0, (P, Q))),
        (WEIGHT, 2, (None, Choice(PSUM)), (2, ())),  # the inner list moves weights
        (WEIGHT, 2, (Choice(PSUM), Choice(WEIGHT)), (1, ())),  # the inner list's innermost loops do not
        (WEIGHT, 2, (Choice(PSUM), Choice(WEIGHT, passing=True)), (1, ())),  # none of its loops does: the outer one
        (WEIGHT, 2, (Choice(PSUM), Choice(NO_TRIPS)), (1, ())),
        (IFMAP, 2, (Choice(PSUM), Choice(WEIGHT, slide=Q)), (2, (Q,))),
        (PSUM, 1, (Choice(WEIGHT, slide=P), None), (1, ())),
        (WEIGHT, 2, (Choice(PSUM), KINDS[WEIGHT]), (1, ())),  # it may have none of its loops
        (WEIGHT, 2, (None, KINDS[WEIGHT]), (0, ())),
        (WEIGHT, 2, (None, KINDS[PSUM]), (2, ())),
        (IFMAP, 2, (None, KINDS[PSUM]), (2, (P, Q))),  # it may slide on either
        (IFMAP, 2, (Choice(PSUM, slide=Q), KINDS[IFMAP]), (1, (P, Q))),
    ],
)
def test_a_run_ends_at_the_innermost_list_that_moves_the_operand(operand, child, choices, run):
    assert run_of(operand, child, 3, choices) == run
