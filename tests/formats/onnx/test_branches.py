"""Which branch of an `If` stands for it."""

from types import SimpleNamespace

import pytest

from dse.formats.graph.graph import Graph, Value
from dse.formats.onnx.branches import alike, taken
from dse.formats.onnx.values import OnnxValue

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
from onnx import helper  # noqa: E402

BRANCHES = [helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], name, [], []) for name in ("yes", "no")]
IF = helper.make_node("If", ["c"], ["y"], then_branch=BRANCHES[0], else_branch=BRANCHES[1])


@pytest.mark.parametrize(("condition", "name"), [(True, "yes"), (False, "no")])
def test_a_known_condition_decides(condition, name):
    assert taken(IF, [OnnxValue((), data=np.array(condition))]).name == name


def test_nothing_is_decided_of_what_is_not_known():
    assert taken(IF, [OnnxValue(())]) is None
    assert taken(IF, [None]) is None
    assert taken(helper.make_node("Relu", ["c"], ["y"]), [OnnxValue((), data=np.array(True))]) is None


def work(outputs, *shapes):
    """Products of these shapes, as a branch visited on trial."""
    graph = Graph()
    for at, (rows, columns) in enumerate(shapes):
        weight = Value((columns, 4), parameters={f"w{at}": columns * 4})
        graph.product(f"p{at}", *_operands(graph, Value((rows, columns)), weight), (rows, 4), [])
    return graph.ops, outputs


def _operands(graph, ifmap, weight):
    from dse.formats.graph.graph import matrix_product

    product, operands = matrix_product(ifmap, weight)
    return operands, product


def chosen(first, second):
    return alike(IF, lambda branch: {"yes": first, "no": second}[branch.name])


def test_branches_of_equal_work_and_shapes_are_one():
    one, other = work([(2, 4)], (2, 3), (5, 3)), work([(2, 4)], (5, 3), (2, 3))
    assert chosen(one, one).name in ("yes", "no")
    assert chosen(work([(2, 4)], (2, 3)), work([(2, 4)], (2, 6))) is None
    assert chosen(one, (one[0], [(4, 2)])) is None
    assert chosen(one, None) is None
    assert chosen((one[0], [None]), (one[0], [None])) is None
    assert len(one[0]) == len(other[0])


def test_a_node_without_branches_stands_for_itself():
    assert alike(SimpleNamespace(attribute=[]), lambda branch: None) is None
