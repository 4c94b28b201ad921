"""Shape inference against windows that are laid down one by one."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dse.errors import DseError
from dse.problem import shapes
from dse.problem.layer import Layer
from dse.problem.shapes import MAX_BOUND, Window


def placements(size, before, after, kernel, stride, dilation, *, ceil):
    """Start positions of the windows on one axis, by trying each in turn."""
    reach = (kernel - 1) * dilation + 1
    starts = [start for start in range(-before, size + after, stride) if start + reach <= size + after]
    if ceil and starts:
        uncovered = starts[-1] + reach < size + after
        following = starts[-1] + stride
        if uncovered and following < size:
            starts.append(following)
    return starts


HUGE = (1 << 20, 1 << 20, 1 << 20)
small = st.integers(1, 5)
sides = st.integers(1, 24)


@given(sides, sides, small, small, small, small, small, small, st.integers(0, 3), st.integers(0, 3), st.booleans())
@example(4, 4, 2, 2, 2, 2, 1, 1, 0, 1, True)  # a further window would start in the padding of the far edge
@example(5, 5, 2, 2, 2, 2, 1, 1, 0, 0, True)
def test_outputs_are_the_windows_that_can_be_laid(h, w, r, s, sh, sw, dh, dw, near, far, ceil):
    near, far = min(near, r, s), min(far, r, s)
    window = Window((r, s), (sh, sw), (dh, dw), (near, far, far, near))
    rows = placements(h, near, far, r, sh, dh, ceil=ceil)
    columns = placements(w, far, near, s, sw, dw, ceil=ceil)
    if rows and columns:
        assert window.outputs(h, w, ceil=ceil) == (len(rows), len(columns))
    else:
        with pytest.raises(DseError, match="the window spans"):
            window.outputs(h, w, ceil=ceil)


@given(sides, sides, small, small, small, small)
def test_same_padding_gives_one_output_for_every_stride(h, w, r, s, sh, sw):
    window = Window((r, s), (sh, sw), pad="same")
    assert window.outputs(h, w) == (-(-h // sh), -(-w // sw))
    top, bottom, left, right = window.pads(h, w)
    assert 0 <= bottom - top <= 1
    assert 0 <= right - left <= 1


@given(st.integers(1, 4), small, small, sides, sides, small, small, st.integers(0, 2))
def test_convolution_stores_what_it_reads(groups, k, c, h, w, kernel, stride, pad):
    assume(min(h, w) + 2 * pad >= kernel)
    window = Window((kernel, kernel), (stride, stride), pad=(pad, pad, pad, pad))
    layer = shapes.convolution("x", (groups * c, h, w), groups * k, window, groups)
    for dim, bound in {"G": groups, "K": k, "C": c, "H": h, "W": w}.items():
        assert getattr(layer, dim) == bound
    assert layer.ifmap_footprint_words == groups * c * h * w
    assert layer.box_height <= h + 2 * pad < layer.box_height + stride
    assert layer.box_width <= w + 2 * pad < layer.box_width + stride


def test_fully_connected_lays_an_image_flat_and_keeps_tokens():
    flat = shapes.fully_connected("x", (256, 6, 6), 4096)
    assert (flat.N, flat.C, flat.K) == (1, 9216, 4096)
    tokens = shapes.fully_connected("x", (197, 768), 3072)
    assert (tokens.N, tokens.C, tokens.K) == (197, 768, 3072)


def test_matrix_product():
    layer = shapes.matrix_product("scores", 384, 64, 100, heads=12)
    assert (layer.G, layer.N, layer.C, layer.K) == (12, 384, 64, 100)
    assert layer.macs == 12 * 384 * 64 * 100


def test_joins():
    assert shapes.concatenated([(3, 4, 4), (5, 4, 4)]) == (8, 4, 4)
    assert shapes.concatenated([(3, 4), (3, 1)], 1) == (3, 5)
    assert shapes.added([(3, 4, 4), (3, 4, 4)]) == (3, 4, 4)
    assert shapes.multiplied([(3, 4, 4), (3, 1, 1)]) == (3, 4, 4)
    assert shapes.reshaped((3, 4, 4), (48,)) == (48,)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: shapes.added([(3, 4, 4), (3, 4, 5)]), "differ in shape: 3x4x4, 3x4x5"),
        (lambda: shapes.concatenated([(3, 4, 4), (3, 4, 5)]), "more than axis 0"),
        (lambda: shapes.concatenated([(3, 4, 4), (3,)]), "differ in rank"),
        (lambda: shapes.concatenated([(3,), (3,)], 1), "axis 1"),
        (lambda: shapes.multiplied([(3, 4, 4), (3, 2, 1)]), "differ in shape"),
        (lambda: shapes.reshaped((3, 4), (13,)), "3x4 has 12 elements, 13 has 13"),
        (lambda: shapes.convolution("x", (10,), 4, Window((1, 1))), "no image"),
        (lambda: shapes.convolution("x", (3, 8, 8), 4, Window((1, 1)), 2), "2 groups do not divide the 3 input"),
        (lambda: shapes.convolution("x", (4, 8, 8), 3, Window((1, 1)), 2), "2 groups do not divide the 3 output"),
        (lambda: shapes.convolution("x", (4, 8, 8), 3, Window((11, 1))), "spans 11 rows, the padded input has 8"),
        (lambda: shapes.convolution("x", (4, 8, 8), 3, Window((1, 5), dilation=(1, 3))), "spans 13 columns"),
        (lambda: shapes.fully_connected("x", (MAX_BOUND + 1,), 3), "C=16777217 is more than"),
        (lambda: shapes.checked(Layer("x", stride_w=MAX_BOUND + 1)), "stride_w=16777217 is more than"),
        (lambda: shapes.matrix_product("x", MAX_BOUND, MAX_BOUND, MAX_BOUND), "MACs are more than"),
        (lambda: shapes.convolution("x", HUGE, 1, Window((1, 1), (1 << 16, 1 << 16))), "words of ifmap"),
        (lambda: shapes.check_sides((1, MAX_BOUND * 2)), "a side of more than"),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_why(attempt, message):
    with pytest.raises(DseError, match=message):
        attempt()
