"""Einstein sums become products of matrices with the shapes that numpy gives and the MACs of their cheapest pairing."""

import numpy as np
import pytest

from dse.errors import DseError
from dse.formats.graph.graph import Graph, Value
from dse.formats.graph.products import MOST_OPERANDS, einsum


def made(equation, *shapes):
    graph = Graph()
    values = [Value(shape, f"in{i}") for i, shape in enumerate(shapes)]
    name, shape = einsum(graph, "sum", equation, values)
    assert graph.ops[-1].name == name
    macs = sum(op.macs.G * op.macs.N * op.macs.K * op.macs.C for op in graph.ops if op.macs is not None)
    return shape, macs, [op.op for op in graph.ops]


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("ij,jk->ik", [(2, 3), (3, 5)], 30),
        ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)], 120),
        ("...ij,...jk", [(7, 2, 3), (7, 3, 5)], 210),
        ("bqhd,bkhd->bhqk", [(2, 3, 4, 5), (2, 6, 4, 5)], 720),
        ("ij,ij->", [(3, 4), (3, 4)], 12),
    ],
)
def test_two_operands(equation, shapes, macs):
    shape, counted, _ = made(equation, *shapes)
    assert shape == np.einsum(equation, *map(np.ones, shapes)).shape
    assert counted == macs


def test_several_operands_are_paired_at_the_fewest_multiplications():
    shapes = [(2, 100), (100, 3), (3, 50)]
    shape, macs, _ = made("ab,bc,cd->ad", *shapes)
    assert shape == (2, 50)
    assert macs == 2 * 100 * 3 + 2 * 3 * 50


def test_nothing_is_multiplied_and_accumulated_without_an_index_that_is_summed_over():
    assert made("i,j->ij", (3,), (4,)) == ((3, 4), 0, ["einsum"])
    assert made("ij->ji", (3, 4)) == ((4, 3), 0, ["einsum"])


@pytest.mark.parametrize(
    ("equation", "shapes", "said"),
    [
        ("ij->ij", [(2, 2), (2, 2)], "names 1 operands, there are 2"),
        ("ijk,jk->i", [(2, 3), (2, 3)], "does not name the axes"),
        ("ij,jk->ix", [(2, 3), (3, 4)], "keeps an index that no operand has"),
        (",".join("ab" for _ in range(MOST_OPERANDS + 1)), [(2, 2)] * (MOST_OPERANDS + 1), "at most 8 are paired"),
    ],
)
def test_an_equation_that_does_not_fit_is_refused(equation, shapes, said):
    with pytest.raises(DseError, match=said):
        made(equation, *shapes)
