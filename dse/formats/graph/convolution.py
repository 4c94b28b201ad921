"""Convolutions over any number of axes, plain or transposed, as layers of two axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from math import gcd

from dse.errors import DseError
from dse.formats.graph.graph import Axis, Convolution
from dse.problem.layer import Layer
from dse.problem.shapes import checked

_WIDEST = 4096
_MOST_PARTS = 1024


def outputs(axis: Axis) -> int:
    """Positions of the output along an axis.

    Raises
    ------
    DseError
        The window is larger than the padded axis, or a size makes no sense.

    Examples
    --------
    >>> outputs(Axis(224, 3, 2, before=1, after=1))
    112
    """
    if min(axis.kernel, axis.stride, axis.dilation, axis.size) < 1 or min(axis.before, axis.after) < 0:
        raise DseError(
            f"kernel={axis.kernel}, stride={axis.stride}, dilation={axis.dilation} are 1 or more, "
            f"padding=({axis.before}, {axis.after}) is 0 or more"
        )
    padded = axis.size + axis.before + axis.after
    if axis.reach > padded:
        raise DseError(f"the window spans {axis.reach}, the padded input has {padded}")
    return (padded - axis.reach) // axis.stride + 1


def transposed_outputs(axis: Axis, extra: int = 0) -> int:
    """Positions of the output of a transposed convolution, `extra` of which no tap may reach.

    Examples
    --------
    >>> transposed_outputs(Axis(8, 2, 2))
    16
    """
    size = (axis.size - 1) * axis.stride + axis.reach - axis.before - axis.after + extra
    if size < 1:
        raise DseError(f"the padding ({axis.before}, {axis.after}) leaves nothing of the output")
    return size


def layers(name: str, convolution: Convolution) -> tuple[Layer, ...]:
    """The layers that a convolution is computed by: one, or some for a transposed one and for one over a volume.

    Parameters
    ----------
    name : str
        Of the layer; several are `NAME.part1`, `NAME.part2`, ...
    convolution : Convolution

    Raises
    ------
    DseError
        Groups that do not divide the channels, a window that does not fit, a transposed convolution over more than two
        axes, or more than 1,024 parts.

    Notes
    -----
    *More than two axes.* Along an axis with no padding whose stride is at least the kernel's reach no windows overlap:
    its outputs are as good as images (N) and its taps as good as channels (C), at equal MACs and distinct words.
    Along another one, such as the depth of a volume, there is a layer for each tap: its outputs are images, and the
    layers' outputs are added up. MACs and weights are those of the convolution; what one input frame gives to several
    taps is read once for each.

    *Transposed* with stride s: output p gets tap r of input h if h*s + r*dilation - before = p. So outputs of equal
    p mod s form a plain convolution of stride 1 with every s-th tap, and no product with an inserted zero is
    computed. Those that read the same inputs are one layer with so many times the filters: 2x2 at stride 2 becomes a
    1x1 convolution with four times the filters.

    *Rims.* An output near the rim of the map is reached by fewer taps. Outputs that the same taps reach are a layer
    with these taps only, so no product outside the map is computed, and every input meets every tap whose output is
    kept, once. Rims of equal shape at both ends are groups of one layer, since they share neither inputs nor weights.
    1x1 to 4x4 is a 1x1 convolution with sixteen times the filters.
    """
    C, K, groups = convolution.C, convolution.K, convolution.groups
    if convolution.transposed:
        return _transposed(name, convolution)
    (height, width), images, taps, repeats = _two_axes(convolution.axes)
    layer = checked(Layer(
        name, G=groups, N=convolution.N * images, K=K // groups, C=C // groups * taps, P=outputs(height),
        Q=outputs(width), R=height.kernel, S=width.kernel, stride_h=height.stride, stride_w=width.stride,
        dilation_h=height.dilation, dilation_w=width.dilation, pad_top=height.before, pad_bottom=height.after,
        pad_left=width.before, pad_right=width.after, H=height.size, W=width.size,
    ))  # fmt: skip
    return _numbered([layer] * _few(repeats))


def _two_axes(axes: tuple[Axis, ...]) -> tuple[tuple[Axis, Axis], int, int, int]:
    """Two of the axes; along all others the outputs, the taps that act as channels, and the taps that are layers."""
    left, images, channels, repeats = list(axes), 1, 1, 1
    while len(left) > 2:
        apart = [axis for axis in left if axis.stride >= axis.reach and axis.before == axis.after == 0]
        axis = apart[0] if apart else min(left, key=lambda axis: axis.kernel)
        images *= outputs(axis)
        if apart:
            channels *= axis.kernel
        else:
            repeats *= axis.kernel
        left.remove(axis)
    left = [Axis(1, 1)] * (2 - len(left)) + left
    return (left[0], left[1]), images, channels, repeats


def _few(parts: int) -> int:
    if parts > _MOST_PARTS:
        raise DseError(f"it falls into {parts} layers, more than {_MOST_PARTS}")
    return parts


def _numbered(made: list[Layer]) -> tuple[Layer, ...]:
    if len(made) == 1:
        return (made[0],)
    return tuple(layer.with_(name=f"{layer.name}.part{number}") for number, layer in enumerate(made, 1))


@dataclass(frozen=True, slots=True)
class _Part:
    """Outputs along an axis that the same number of taps reach, a fixed step apart; all inputs lie in the map."""

    outputs: int
    taps: int
    step: int

    @property
    def size(self) -> int:
        """Inputs from the first to the last that is read."""
        return self.outputs + (self.taps - 1) * self.step


def _transposed(name: str, convolution: Convolution) -> tuple[Layer, ...]:
    axes, sides = convolution.axes, convolution.outputs
    if len(axes) > 2:
        raise DseError(f"a transposed convolution over {len(axes)} axes; a layer has two")
    axes, sides = (Axis(1, 1),) * (2 - len(axes)) + axes, (1,) * (2 - len(sides)) + sides
    rows, columns = (_parts(axis, size) for axis, size in zip(axes, sides, strict=True))
    _few(len(rows) * len(columns))
    groups, made = convolution.groups, []
    for (height, filters_h, places_h), (width, filters_w, places_w) in product(rows, columns):
        made.append(checked(Layer(
            name, G=groups * places_h * places_w, N=convolution.N, K=convolution.K // groups * filters_h * filters_w,
            C=convolution.C // groups, P=height.outputs, Q=width.outputs, R=height.taps, S=width.taps,
            dilation_h=height.step, dilation_w=width.step, H=height.size, W=width.size,
        )))  # fmt: skip
    if not made:
        raise DseError("no tap of the transposed convolution reaches its output")
    return _numbered(made)


def _parts(axis: Axis, size: int) -> list[tuple[_Part, int, int]]:
    """The parts of a transposed axis: how many read the same inputs, and at how many places of the map."""
    outputs(Axis(axis.kernel, axis.kernel, axis.stride, axis.dilation, 0, axis.reach))  # the sizes make sense
    for value, what in ((axis.stride, "stride"), (axis.kernel, "kernel")):
        if value > _WIDEST:
            raise DseError(f"{what}={value} is more than {_WIDEST}")
    common = gcd(axis.dilation, axis.stride)
    period, step = axis.stride // common, axis.dilation // common
    reading: Counter[tuple[_Part, int]] = Counter()
    for first in range(min(axis.stride, size)):
        at = first + axis.before
        taps = [tap for tap in range(min(period, axis.kernel)) if (at - tap * axis.dilation) % axis.stride == 0]
        if taps:  # else no tap reaches these outputs
            number = (axis.kernel - 1 - taps[0]) // period + 1
            phase = _Part(-(-(size - first) // axis.stride), number, step)
            reading.update(_cut(phase, (at - taps[0] * axis.dilation) // axis.stride, axis.size))
    places = Counter((part, filters) for (part, _), filters in reading.items())
    return [(part, filters, count) for (part, filters), count in places.items()]


def _cut(phase: _Part, top: int, size: int) -> Iterator[tuple[_Part, int]]:
    """A phase cut where the taps that meet an input change, each part with the first input that it reads.

    Tap t of output p meets input `top + p - t*step`.
    """
    changes = (start + tap * phase.step - top for start in (0, size) for tap in range(phase.taps))
    cuts = sorted({0, phase.outputs, *(at for at in changes if 0 < at < phase.outputs)})
    for begin, end in pairwise(cuts):
        at = top + begin
        first, last = max(0, -(-(at - size + 1) // phase.step)), min(phase.taps - 1, at // phase.step)
        if first <= last:
            yield _Part(end - begin, last - first + 1, phase.step), at - last * phase.step
