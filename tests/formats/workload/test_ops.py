"""Each operation of a workload file: the shape that it makes, and the layer that computes it."""

import pytest

from dse.errors import DseError
from dse.formats.workload.load import parse_workload
from dse.formats.workload.ops import MAKERS

HEAD = "workload: one\ninput: [4, 8, 6]\nlayers:\n  a: {activation: relu}\n  "

SHAPES = {
    "conv": ("{conv: 5, kernel: 3, stride: 2, pad: 1}", (5, 4, 3)),
    "depthwise": ("{depthwise: 3, pad: 1}", (4, 8, 6)),
    "separable": ("{separable: 7, kernel: 3, pad: 1}", (7, 8, 6)),
    "fc": ("{fc: 10}", (10,)),
    "matmul": ("{matmul: {m: 4, k: 48, n: 4}, from: [a, a]}", (4, 4)),
    "layer": ("{layer: {K: 2, C: 4, P: 8, Q: 6}}", (2, 8, 6)),
    "maxpool": ("{maxpool: 2}", (4, 4, 3)),
    "avgpool": ("{avgpool: 3, stride: 2, ceil: true}", (4, 4, 3)),
    "globalpool": ("{globalpool: avg}", (4, 1, 1)),
    "add": ("{add: [a, a]}", (4, 8, 6)),
    "multiply": ("{multiply: [a, a]}", (4, 8, 6)),
    "concat": ("{concat: [a, a]}", (8, 8, 6)),
    "activation": ("{activation: relu}", (4, 8, 6)),
    "reshape": ("{reshape: [24, 8]}", (24, 8)),
    "upsample": ("{upsample: 2}", (4, 16, 12)),
    "other": ("{other: fold, shape: [9, 9]}", (9, 9)),
}


def test_every_operation_has_a_case():
    assert set(SHAPES) == set(MAKERS)


@pytest.mark.parametrize("op", MAKERS)
def test_the_shape_that_an_operation_makes(op):
    spec, shape = SHAPES[op]
    workload = parse_workload(f"{HEAD}b: {spec}", "one.yaml")
    made = workload.nodes[-1]
    assert made.shape == shape
    if made.layer is not None:
        assert made.words == made.layer.psum_words


def test_a_separable_convolution_is_two_layers_in_a_row():
    workload = parse_workload(f"{HEAD}b: {SHAPES['separable'][0]}", "one.yaml")
    first, second = workload.nodes[-2:]
    assert [first.name, second.name] == ["b_dw", "b_pw"]
    assert second.inputs == ("b_dw",)
    assert (first.layer.G, second.layer.R) == (4, 1)


def test_matrices_of_other_sizes_than_what_they_are_read_from_are_refused():
    with pytest.raises(DseError, match=r"the first matrix has 200 elements, a .* has 192"):
        parse_workload(f"{HEAD}b: {{matmul: {{m: 4, k: 50, n: 4}}, from: [a, a]}}", "one.yaml")
