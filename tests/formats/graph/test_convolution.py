"""Convolutions of any kind as layers: every product of a tap and an input inside the map, and no other, is computed."""

from itertools import product

import pytest

from dse.errors import DseError
from dse.formats.graph.convolution import layers, outputs, transposed_outputs
from dse.formats.graph.graph import Axis, Convolution


def positions(axis):
    """Where a window fits on the padded axis, by trying."""
    padded = axis.size + axis.before + axis.after
    return [at for at in range(0, padded, axis.stride) if at + (axis.kernel - 1) * axis.dilation < padded]


@pytest.mark.parametrize(
    "axis",
    [Axis(size, kernel, stride, dilation, before, after)
     for size, kernel, stride, dilation, before, after in product((5, 8), (1, 3), (1, 2), (1, 2), (0, 1), (0, 2))],
)  # fmt: skip
def test_outputs_are_the_places_where_the_window_fits(axis):
    assert outputs(axis) == len(positions(axis))


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(DseError, match="spans 5, the padded input has 4"):
        outputs(Axis(4, 3, dilation=2))
    with pytest.raises(DseError, match="leaves nothing"):
        transposed_outputs(Axis(1, 1, before=1, after=1))


def taps_inside(axis, size):
    """Products of a transposed convolution along one axis whose input lies inside the map."""
    found = 0
    for out, tap in product(range(size), range(axis.kernel)):
        reach = out + axis.before - tap * axis.dilation
        found += reach % axis.stride == 0 and 0 <= reach // axis.stride < axis.size
    return found


CROPPED = [
    (size, kernel, stride, dilation, before, after)
    for size, kernel, stride, dilation in product((1, 2, 5), (1, 2, 3, 4, 5), (1, 2, 3), (1, 2, 3))
    for before, after in ((0, 0), (1, 1), (0, 2), (3, 1))
    if (size - 1) * stride + (kernel - 1) * dilation + 1 > before + after
]


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "before", "after"), CROPPED)
def test_a_transposed_convolution_computes_no_product_outside_the_map(size, kernel, stride, dilation, before, after):
    """Whether the rim is cropped or not."""
    axis = Axis(size, kernel, stride, dilation, before, after)
    side = transposed_outputs(axis)
    inside = taps_inside(axis, side)
    if not inside:
        with pytest.raises(DseError, match="no tap"):
            layers("up", Convolution(2, 3, 5, 1, (axis, axis), True, (side, side)))
        return
    made = layers("up", Convolution(2, 3, 5, 1, (axis, axis), True, (side, side)))
    assert sum(layer.macs for layer in made) == 2 * 3 * 5 * inside**2
    assert not any(layer.pad_top or layer.pad_left for layer in made)
    assert max(max(layer.H, layer.W) for layer in made) <= size


def test_rims_at_both_ends_are_groups_and_a_rim_of_equal_inputs_is_filters():
    """8x8 to 16x16 by 4x4 at stride 2, padding 1: per axis 2 outputs of one tap and 14 of two."""
    axis = Axis(8, 4, 2, 1, 1, 1)
    made = layers("up", Convolution(1, 21, 21, 21, (axis, axis), True, (16, 16)))
    assert [(layer.G, layer.K, layer.P, layer.Q, layer.R, layer.S) for layer in made] == [
        (84, 1, 1, 1, 1, 1), (42, 2, 1, 7, 1, 2), (42, 2, 7, 1, 2, 1), (21, 4, 7, 7, 2, 2),
    ]  # fmt: skip
    assert sum(layer.macs for layer in made) == 21 * taps_inside(axis, 16) ** 2 == 21 * 30**2 == 18_900
    assert sum(layer.psum_words for layer in made) == 21 * 16 * 16


def test_too_many_parts_are_refused():
    axis = Axis(64, 64)
    with pytest.raises(DseError, match="falls into 4096 layers"):
        layers("up", Convolution(1, 1, 1, 1, (axis, axis), True, (127, 127)))
    huge = Axis(64, 1 << 20)
    with pytest.raises(DseError, match="kernel=1048576"):
        layers("up", Convolution(1, 1, 1, 1, (huge, huge), True, (64, 64)))


def test_axes_without_overlap_become_images_and_channels():
    apart, near = Axis(8, 2, 2), Axis(6, 3, 1, 1, 1, 1)
    (layer,) = layers("conv3d", Convolution(1, 3, 4, 1, (apart, near, near)))
    assert (layer.N, layer.C, layer.P, layer.Q, layer.R) == (4, 6, 6, 6, 3)


@pytest.mark.parametrize(("stride", "dilation", "pad"), [(1, 1, 1), (2, 1, 1), (1, 2, 2), (2, 2, 0)])
def test_a_volume_has_a_layer_for_each_tap_of_its_depth(stride, dilation, pad):
    """MACs by a literal walk over outputs and taps in three dimensions."""
    depth, near = Axis(7, 2, stride, dilation, pad, pad), Axis(6, 3, 1, 1, 1, 1)
    made = layers("conv3d", Convolution(1, 3, 4, 1, (depth, near, near)))
    walked = sum(1 for _ in product(positions(depth), positions(near), positions(near), range(2), range(3), range(3)))
    assert sum(layer.macs for layer in made) == 3 * 4 * walked
    assert [layer.name for layer in made] == ["conv3d.part1", "conv3d.part2"]
    assert {(layer.N, layer.C, layer.R, layer.S) for layer in made} == {(len(positions(depth)), 3, 3, 3)}
    assert sum(layer.weight_words for layer in made) == 4 * 3 * 2 * 9


def test_groups_divide_the_channels():
    axis = Axis(4, 1)
    (layer,) = layers("grouped", Convolution(1, 6, 4, 2, (axis, axis)))
    assert (layer.G, layer.C, layer.K) == (2, 3, 2)
    with pytest.raises(DseError, match="4 groups do not divide the 6 input channels"):
        layers("grouped", Convolution(1, 6, 4, 4, (axis, axis)))
    with pytest.raises(DseError, match="0 groups do not divide the 6 input channels"):
        Convolution(1, 6, 0, 0, (axis, axis), transposed=True, outputs=(4, 4))
