"""Convolutions of any kind as layers: every product of a tap and an input inside the map, and no other, is computed."""

from itertools import product
from math import prod

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


@pytest.mark.parametrize(("size", "kernel", "stride"), [(4, 2, 2), (4, 4, 4), (1, 4, 1), (3, 1, 2)])
def test_a_transposed_convolution_without_overlap_computes_no_product_outside_the_map(size, kernel, stride):
    axis = Axis(size, kernel, stride)
    side = transposed_outputs(axis)
    made = layers("up", Convolution(2, 3, 5, 1, (axis, axis), True, (side, side)))
    assert sum(layer.macs for layer in made) == 2 * 3 * 5 * taps_inside(axis, side) ** 2


@pytest.mark.parametrize(("size", "kernel", "stride", "pad"), [(4, 3, 2, 1), (5, 4, 2, 1), (6, 3, 1, 1)])
def test_one_with_overlap_counts_padding_as_any_convolution_does(size, kernel, stride, pad):
    axis = Axis(size, kernel, stride, 1, pad, pad)
    side = transposed_outputs(axis)
    made = layers("up", Convolution(1, 2, 2, 1, (axis, axis), True, (side, side)))
    inside = 4 * taps_inside(axis, side) ** 2
    padded = 4 * (sum(len(range((at + pad) % stride, kernel, stride)) for at in range(side))) ** 2
    assert inside <= sum(layer.macs for layer in made) <= padded
    assert prod((side, side)) * 2 == sum(layer.psum_words for layer in made)


def test_axes_without_overlap_become_images_and_channels():
    apart, near = Axis(8, 2, 2), Axis(6, 3, 1, 1, 1, 1)
    (layer,) = layers("conv3d", Convolution(1, 3, 4, 1, (apart, near, near)))
    assert (layer.N, layer.C, layer.P, layer.Q, layer.R) == (4, 6, 6, 6, 3)
    with pytest.raises(DseError, match="overlap along 3 axes"):
        layers("conv3d", Convolution(1, 3, 4, 1, (near, near, near)))


def test_groups_divide_the_channels():
    axis = Axis(4, 1)
    (layer,) = layers("grouped", Convolution(1, 6, 4, 2, (axis, axis)))
    assert (layer.G, layer.C, layer.K) == (2, 3, 2)
    with pytest.raises(DseError, match="4 groups do not divide the 6 input channels"):
        layers("grouped", Convolution(1, 6, 4, 4, (axis, axis)))
