"""`Layer`: its words and reuse maxima against the definition."""

from fractions import Fraction
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import DseError
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer, is_relevant

small = st.integers(1, 4)
layers = st.builds(
    Layer, name=st.just("x"), **dict.fromkeys(DIMS, small),
    **dict.fromkeys(("stride_h", "stride_w", "dilation_h", "dilation_w"), small),
)  # fmt: skip


@given(layers)
def test_words_are_the_distinct_indices(layer):
    rows = {p * layer.stride_h + r * layer.dilation_h for p in range(layer.P) for r in range(layer.R)}
    columns = {q * layer.stride_w + s * layer.dilation_w for q in range(layer.Q) for s in range(layer.S)}
    assert layer.touched_words("ifmap") == layer.N * layer.G * layer.C * len(rows) * len(columns)
    box = (max(rows) + 1) * (max(columns) + 1)
    assert layer.words("ifmap") == layer.N * layer.G * layer.C * box
    for operand in ("weight", "psum"):
        bounds = [getattr(layer, dim) for dim in DIMS if is_relevant(dim, operand)]
        assert layer.words(operand) == layer.touched_words(operand) == prod(bounds)


@given(layers)
def test_reuse_maxima_multiply_to_macs_per_word(layer):
    for operand, kinds in layer.reuse_maxima().items():
        assert prod(kinds.values()) == pytest.approx(Fraction(layer.macs, layer.words(operand)))


def test_fully_connected_has_no_convolutional_reuse():
    maxima = Layer("fc", K=4096, C=9216, N=4).reuse_maxima()
    assert maxima["weight"] == {"filter": 4, "convolutional": 1}
    assert maxima["ifmap"] == {"image": 4096, "convolutional": 1}


@given(layers)
def test_shape_key_ignores_name_and_padding(layer):
    assert layer.with_(name="y", pad_top=3, H=7).shape_key() == layer.shape_key()
    for field in (*DIMS, "stride_h", "dilation_w"):
        assert layer.with_(**{field: getattr(layer, field) + 1}).shape_key() != layer.shape_key()
    assert layer.with_(bits=PerOperand(16, 8, 16)).shape_key() != layer.shape_key()
    assert layer.with_(density=PerOperand(0.5, 1.0, 1.0)).shape_key() != layer.shape_key()


@pytest.mark.parametrize(
    "changes",
    [
        {"K": 0}, {"P": -1}, {"stride_h": 0}, {"dilation_w": 0}, {"pad_left": -1}, {"H": -1},
        {"bits": PerOperand(16, 0, 16)}, {"density": PerOperand(0.0, 1.0, 1.0)}, {"density": PerOperand(1.0, 1.5, 1.0)},
    ],
)  # fmt: skip
def test_a_layer_checks_itself(changes):
    with pytest.raises(DseError, match="layer x"):
        Layer("x", **changes)


def test_per_operand():
    values = PerOperand.of({"ifmap": 1, "weight": 2, "psum": 3})
    assert [values[operand] for operand in OPERANDS] == list(values) == [1, 2, 3]
    assert values.to_dict() == {"ifmap": 1, "weight": 2, "psum": 3}
    assert PerOperand.same(4) == PerOperand(4, 4, 4)
    with pytest.raises(KeyError):
        values["ofmap"]
