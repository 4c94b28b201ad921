"""Shrinking keeps a layer what it is."""

from hypothesis import given
from hypothesis import strategies as st

from dse.problem.layer import Layer
from dse.report.check import shrink

SIZES = st.integers(1, 64)
LAYERS = st.builds(
    Layer, st.just("any"), G=SIZES, N=SIZES, K=SIZES, C=SIZES, P=SIZES, Q=SIZES,
    R=st.integers(1, 7), S=st.integers(1, 7), stride_h=st.integers(1, 3), dilation_w=st.integers(1, 3),
)  # fmt: skip


@given(LAYERS, st.integers(1, 10**6))
def test_a_shrunken_layer_is_small_enough_and_of_the_same_kind(layer, macs):
    small = shrink(layer, macs)
    assert small.macs <= macs
    assert all(few <= many for few, many in zip(small.bounds, layer.bounds, strict=True))
    assert (small.stride_h, small.dilation_w) == (layer.stride_h, layer.dilation_w)
    assert all((few > 1) <= (many > 1) for few, many in zip(small.bounds, layer.bounds, strict=True))
    if layer.macs <= macs:
        assert small == layer
    if macs >= 49 * 64:
        assert (small.G, small.R, small.S) == (layer.G, layer.R, layer.S), "filters stay while anything else can go"
