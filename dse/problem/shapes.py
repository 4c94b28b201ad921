"""Shape inference: the MAC layer or the output shape that an operation makes of its input shapes.

A shape is what one image has, without the batch: `(channels, height, width)`, `(tokens, features)` or `(features,)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from dse.errors import DseError
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

Shape = tuple[int, ...]
Pads = tuple[int, int, int, int]

MAX_BOUND = 1 << 24
"""The largest loop bound or tensor side: more is a slip of the pen, and would overflow the counts."""

MAX_MACS = 1 << 53
"""The most MACs of one layer: counts up to here are exact as floating point, too."""


@dataclass(frozen=True, slots=True)
class Window:
    """What slides over an ifmap: a filter or a pooling window. Pairs are (height, width).

    Parameters
    ----------
    kernel, stride, dilation : tuple of int
    pad : (top, bottom, left, right) or "same"
        `same` pads so that there is one output for every stride, the odd row or column at the bottom or right.

    Examples
    --------
    >>> Window((3, 3), stride=(2, 2), pad=(1, 1, 1, 1)).outputs(8, 8)
    (4, 4)
    >>> Window((3, 3), pad="same").pads(8, 8)
    (1, 1, 1, 1)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: Pads | Literal["same"] = (0, 0, 0, 0)

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns between the first and the last tap, both included."""
        height, width = ((size - 1) * step + 1 for size, step in zip(self.kernel, self.dilation, strict=True))
        return height, width

    def pads(self, height: int, width: int) -> Pads:
        """Padding of an ifmap of this size."""
        if self.pad != "same":
            return self.pad
        sides: list[int] = []
        for size, stride, reach in zip((height, width), self.stride, self.reach, strict=True):
            total = max(0, (-(-size // stride) - 1) * stride + reach - size)
            sides += [total // 2, total - total // 2]
        return sides[0], sides[1], sides[2], sides[3]

    def outputs(self, height: int, width: int, *, ceil: bool = False) -> tuple[int, int]:
        """Rows and columns of outputs over an ifmap.

        Parameters
        ----------
        height, width : int
        ceil : bool
            Also count a last window that hangs over the far edge, if it starts inside the ifmap or its near padding.

        Raises
        ------
        DseError
            The window is larger than the padded ifmap.
        """
        top, bottom, left, right = self.pads(height, width)
        axes = (("rows", height, top, bottom), ("columns", width, left, right))
        counts = []
        for (axis, size, before, after), stride, reach in zip(axes, self.stride, self.reach, strict=True):
            spare = size + before + after - reach
            if spare < 0:
                raise DseError(f"the window spans {reach} {axis}, the padded input has {size + before + after}")
            steps = spare // stride
            if ceil and spare % stride and (steps + 1) * stride < size + before:
                steps += 1
            counts.append(steps + 1)
        return counts[0], counts[1]


def convolution(name: str, shape: Shape, channels: int, window: Window, groups: int = 1) -> Layer:
    """The layer of a convolution of an input `(C, H, W)` with `channels` filters.

    Parameters
    ----------
    name : str
    shape : tuple of int
        (channels, height, width) of the input for one image.
    channels : int
        Output channels, of all groups together.
    window : Window
    groups : int

    Returns
    -------
    Layer

    Raises
    ------
    DseError
        The input is no image, the groups do not divide the channels, or the window does not fit.

    Examples
    --------
    >>> layer = convolution("conv", (3, 8, 8), 16, Window((3, 3), stride=(2, 2)))
    >>> layer.K, layer.C, layer.P, layer.R, layer.macs
    (16, 3, 3, 3, 3888)
    """
    in_channels, height, width = image(shape)
    for count, what in ((in_channels, "input"), (channels, "output")):
        if count % groups:
            raise DseError(f"{groups} groups do not divide the {count} {what} channels")
    rows, columns = window.outputs(height, width)
    top, bottom, left, right = window.pads(height, width)
    return checked(Layer(
        name, G=groups, K=channels // groups, C=in_channels // groups, P=rows, Q=columns,
        R=window.kernel[0], S=window.kernel[1], stride_h=window.stride[0], stride_w=window.stride[1],
        dilation_h=window.dilation[0], dilation_w=window.dilation[1],
        pad_top=top, pad_bottom=bottom, pad_left=left, pad_right=right, H=height, W=width,
    ))  # fmt: skip


def fully_connected(name: str, shape: Shape, features: int) -> Layer:
    """The layer of a matrix of weights applied to a vector, to each token of a sequence, or to an image laid flat.

    Tokens are in N: each uses the same weights, as the images of a batch do.

    Parameters
    ----------
    shape : tuple of int
        Of the input for one image.
    features : int
        Of the output.

    Returns
    -------
    Layer

    Raises
    ------
    DseError
        Bounds too large to count.

    Examples
    --------
    >>> fully_connected("fc", (256, 6, 6), 4096).bounds
    (1, 1, 4096, 9216, 1, 1, 1, 1)
    >>> fully_connected("token by token", (128, 768), 3072).bounds
    (1, 128, 3072, 768, 1, 1, 1, 1)
    """
    tokens, inputs = (shape[0], shape[1]) if len(shape) == 2 else (1, prod(shape))
    return checked(Layer(name, N=tokens, K=features, C=inputs, H=1, W=1))


def matrix_product(name: str, m: int, k: int, n: int, heads: int = 1) -> Layer:
    """The layer of `heads` products of an `m` x `k` matrix (the ifmap) with a `k` x `n` one (the weights).

    Parameters
    ----------
    name : str
    m, k, n : int
        Rows of the first matrix, its columns (the rows of the second), columns of the second.
    heads : int

    Returns
    -------
    Layer

    Raises
    ------
    DseError
        Bounds too large to count.

    Examples
    --------
    >>> matrix_product("scores", 128, 64, 128, heads=12).bounds
    (12, 128, 128, 64, 1, 1, 1, 1)
    """
    return checked(Layer(name, G=heads, N=m, K=n, C=k, H=1, W=1))


def checked(layer: Layer) -> Layer:
    """The layer, if its bounds and its MACs can be counted.

    Raises
    ------
    DseError
        A bound, stride or dilation above `MAX_BOUND`, or more than `MAX_MACS` MACs or words of an operand.

    Examples
    --------
    >>> checked(Layer("fc", K=2, C=3)).macs
    6
    """
    for name in (*DIMS, "stride_h", "stride_w", "dilation_h", "dilation_w"):
        if getattr(layer, name) > MAX_BOUND:
            raise DseError(f"{name}={getattr(layer, name)} is more than {MAX_BOUND}")
    if layer.macs > MAX_MACS:
        raise DseError(f"{layer.macs} MACs are more than {MAX_MACS}")
    for operand in OPERANDS:
        if layer.words(operand) > MAX_MACS:
            raise DseError(f"{layer.words(operand)} words of {operand} are more than {MAX_MACS}")
    return layer


def check_sides(shape: Shape) -> None:
    """Raise a DseError if a side of a tensor is longer than `MAX_BOUND`.

    Examples
    --------
    >>> check_sides((64, 224, 224))
    >>> check_sides((1 << 40,))
    Traceback (most recent call last):
    dse.errors.DseError: its output 1099511627776 has a side of more than 16777216
    """
    if max(shape) > MAX_BOUND:
        raise DseError(f"its output {spelled(shape)} has a side of more than {MAX_BOUND}")


def pooled(shape: Shape, window: Window, *, ceil: bool = False) -> Shape:
    """The output of pooling an image.

    Parameters
    ----------
    shape : tuple of int
        Of the input for one image.
    window : Window
    ceil : bool
        As for `Window.outputs`.

    Returns
    -------
    tuple of int

    Raises
    ------
    DseError
        The input is no image, or the window does not fit.

    Examples
    --------
    >>> pooled((96, 55, 55), Window((3, 3), stride=(2, 2)))
    (96, 27, 27)
    """
    channels, height, width = image(shape)
    return (channels, *window.outputs(height, width, ceil=ceil))


def added(shapes: Sequence[Shape]) -> Shape:
    """The sum, element by element, of tensors of one shape.

    Raises
    ------
    DseError
        The shapes differ.

    Examples
    --------
    >>> added([(64, 56, 56), (64, 56, 56)])
    (64, 56, 56)
    """
    if len(set(shapes)) != 1:
        raise DseError(f"the inputs differ in shape: {listed(shapes)}")
    return shapes[0]


def multiplied(shapes: Sequence[Shape]) -> Shape:
    """The product, element by element; a side of 1 is spread over the other's, as in squeeze-and-excitation.

    Raises
    ------
    DseError
        The ranks differ, or sides that are not 1.

    Examples
    --------
    >>> multiplied([(64, 56, 56), (64, 1, 1)])
    (64, 56, 56)
    """
    if len({len(shape) for shape in shapes}) != 1:
        raise DseError(f"the inputs differ in rank: {listed(shapes)}")
    sides = [max(sizes) for sizes in zip(*shapes, strict=True)]
    if any(size not in (1, side) for shape in shapes for size, side in zip(shape, sides, strict=True)):
        raise DseError(f"the inputs differ in shape: {listed(shapes)}")
    return tuple(sides)


def concatenated(shapes: Sequence[Shape], axis: int = 0) -> Shape:
    """Tensors one after the other along an axis, by default the first (channels of images).

    Raises
    ------
    DseError
        The ranks differ, there is no such axis, or other sides differ.

    Examples
    --------
    >>> concatenated([(64, 28, 28), (32, 28, 28)])
    (96, 28, 28)
    """
    if len({len(shape) for shape in shapes}) != 1:
        raise DseError(f"the inputs differ in rank: {listed(shapes)}")
    if not 0 <= axis < len(shapes[0]):
        raise DseError(f"axis {axis} of inputs with {len(shapes[0])} axes")
    if len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) != 1:
        raise DseError(f"the inputs differ in more than axis {axis}: {listed(shapes)}")
    joined = sum(shape[axis] for shape in shapes)
    return (*shapes[0][:axis], joined, *shapes[0][axis + 1 :])


def reshaped(shape: Shape, target: Shape) -> Shape:
    """The same elements in another shape.

    Raises
    ------
    DseError
        The numbers of elements differ.

    Examples
    --------
    >>> reshaped((256, 6, 6), (9216,))
    (9216,)
    """
    if prod(shape) != prod(target):
        raise DseError(f"{spelled(shape)} has {prod(shape)} elements, {spelled(target)} has {prod(target)}")
    return target


def image(shape: Shape) -> tuple[int, int, int]:
    """A shape, if it is an image's: channels, height, width.

    Raises
    ------
    DseError
        It has not three sides.

    Examples
    --------
    >>> image((3, 224, 224))
    (3, 224, 224)
    """
    if len(shape) != 3:
        raise DseError(f"the input {spelled(shape)} is no image: it needs channels, height and width")
    return shape[0], shape[1], shape[2]


def spelled(shape: Shape) -> str:
    """`3x224x224`.

    Examples
    --------
    >>> spelled((3, 224, 224))
    '3x224x224'
    """
    return "x".join(str(size) for size in shape)


def listed(shapes: Sequence[Shape]) -> str:
    """Shapes with commas between them.

    Examples
    --------
    >>> listed([(3, 8, 8), (4,)])
    '3x8x8, 4'
    """
    return ", ".join(spelled(shape) for shape in shapes)
