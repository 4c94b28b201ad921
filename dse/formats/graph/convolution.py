"""Convolutions over any number of axes, plain or transposed, as layers of two axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product
from math import gcd, prod

from dse.errors import DseError
from dse.formats.graph.graph import Axis, Convolution
from dse.problem.layer import Layer
from dse.problem.shapes import checked

_WIDEST_STRIDE = 4096


def outputs(axis: Axis) -> int:
    """Positions of the output along an axis.

    Raises
    ------
    DseError
        The window is larger than the padded axis, or a size makes no sense.
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
    """Positions of the output of a transposed convolution, `extra` of which no tap may reach."""
    size = (axis.size - 1) * axis.stride + axis.reach - axis.before - axis.after + extra
    if size < 1:
        raise DseError(f"the padding ({axis.before}, {axis.after}) leaves nothing of the output")
    return size


def layers(name: str, convolution: Convolution) -> tuple[Layer, ...]:
    """The layers that a convolution is computed by: one, or some for a transposed one.

    Parameters
    ----------
    name : str
        Of the layer; several are `NAME.part1`, `NAME.part2`, ...
    convolution : Convolution

    Raises
    ------
    DseError
        Groups that do not divide the channels, a window that does not fit, or more than two axes along which windows
        overlap.

    Notes
    -----
    *More than two axes.* Along an axis with no padding whose stride is at least the kernel's reach no windows overlap:
    its outputs are as good as images (N) and its taps as good as channels (C), at equal MACs and distinct words.

    *Transposed* with stride s: output p gets tap r of input h if h*s + r*dilation - before = p. So outputs of equal
    p mod s form a plain convolution of stride 1 with every s-th tap, and no product with an inserted zero is
    computed. Those of equal size are one layer with so many times the filters: 2x2 at stride 2 becomes a 1x1
    convolution with four times the filters.

    *Rims.* If such a convolution has no more outputs than inputs along an axis, its padding counts as that of any
    convolution does. If it has more, its rim is work of its own: outputs that the same taps reach are a layer with
    these taps only, and no product outside the map is computed. 1x1 to 4x4 is a 1x1 convolution with sixteen times
    the filters.
    """
    C, K, groups = convolution.C, convolution.K, convolution.groups
    for count, what in ((C, "input"), (K, "output")):
        if groups < 1 or count < 1 or count % groups:
            raise DseError(f"{groups} groups do not divide the {count} {what} channels")
    if convolution.transposed:
        return _transposed(name, convolution)
    axes, images, taps = _two_axes(convolution.axes)
    height, width = axes
    return (checked(Layer(
        name, G=groups, N=convolution.N * images, K=K // groups, C=C // groups * taps, P=outputs(height),
        Q=outputs(width), R=height.kernel, S=width.kernel, stride_h=height.stride, stride_w=width.stride,
        dilation_h=height.dilation, dilation_w=width.dilation, pad_top=height.before, pad_bottom=height.after,
        pad_left=width.before, pad_right=width.after, H=height.size, W=width.size,
    )),)  # fmt: skip


def _two_axes(axes: tuple[Axis, ...]) -> tuple[tuple[Axis, Axis], int, int]:
    """Two of the axes, and the outputs and the taps along all others."""
    left, images, taps = list(axes), 1, 1
    while len(left) > 2:
        apart = [axis for axis in left if axis.stride >= axis.reach and axis.before == axis.after == 0]
        if not apart:
            raise DseError(f"its windows overlap along {len(left)} axes; a layer has two", hint="split it by hand")
        images *= outputs(apart[0])
        taps *= apart[0].kernel
        left.remove(apart[0])
    left = [Axis(1, 1)] * (2 - len(left)) + left
    return (left[0], left[1]), images, taps


@dataclass(frozen=True, slots=True)
class _Phase:
    """Outputs along an axis that use the same number of taps, a fixed step apart."""

    outputs: int
    taps: int
    step: int


def _transposed(name: str, convolution: Convolution) -> tuple[Layer, ...]:
    axes, sides = convolution.axes, convolution.outputs
    if len(axes) > 2:
        raise DseError(f"a transposed convolution over {len(axes)} axes; a layer has two")
    axes, sides = (Axis(1, 1),) * (2 - len(axes)) + axes, (1,) * (2 - len(sides)) + sides
    phases = [_phases(axis, size) for axis, size in zip(axes, sides, strict=True)]
    groups, made = convolution.groups, []
    for height, width in product(*phases):
        pads = [phases[axis][phase][1] for axis, phase in enumerate((height, width))]
        filters = prod(phases[axis][phase][0] for axis, phase in enumerate((height, width)))
        made.append(Layer(
            name, G=groups, N=convolution.N, K=convolution.K // groups * filters, C=convolution.C // groups,
            P=height.outputs, Q=width.outputs, R=height.taps, S=width.taps, dilation_h=height.step,
            dilation_w=width.step, pad_top=pads[0][0], pad_bottom=pads[0][1], pad_left=pads[1][0],
            pad_right=pads[1][1], H=axes[0].size, W=axes[1].size,
        ))  # fmt: skip
    if not made:
        raise DseError("no tap of the transposed convolution reaches its output")
    if len(made) > 1:
        made = [layer.with_(name=f"{name}.part{number}") for number, layer in enumerate(made, 1)]
    return tuple(checked(layer) for layer in made)


def _phases(axis: Axis, size: int) -> dict[_Phase, tuple[int, tuple[int, int]]]:
    """How many phases of each kind a transposed axis has, and the padding that covers all of a kind."""
    outputs(Axis(axis.kernel, axis.kernel, axis.stride, axis.dilation, 0, axis.reach))  # the sizes make sense
    if axis.stride > _WIDEST_STRIDE:
        raise DseError(f"stride={axis.stride} is more than {_WIDEST_STRIDE}")
    common = gcd(axis.dilation, axis.stride)
    period, step = axis.stride // common, axis.dilation // common
    count: Counter[_Phase] = Counter()
    pads: dict[_Phase, tuple[int, int]] = {}
    for first in range(min(axis.stride, size)):
        at = first + axis.before
        taps = [tap for tap in range(min(period, axis.kernel)) if (at - tap * axis.dilation) % axis.stride == 0]
        if not taps:
            continue  # outputs that no tap reaches
        number = (axis.kernel - 1 - taps[0]) // period + 1
        phase = _Phase(-(-(size - first) // axis.stride), number, step)
        top = (at - taps[0] * axis.dilation) // axis.stride
        if phase.outputs > axis.size:
            for part in _rims(phase, top, axis.size):
                count[part] += 1
                pads.setdefault(part, (0, 0))
            continue
        before, after = max(0, (number - 1) * step - top), max(0, top + phase.outputs - axis.size)
        known = pads.get(phase, (0, 0))
        count[phase] += 1
        pads[phase] = (max(before, known[0]), max(after, known[1]))
    return {phase: (count[phase], pads[phase]) for phase in count}


def _rims(phase: _Phase, top: int, size: int) -> Iterator[_Phase]:
    """A phase cut where the taps that meet an input change; tap t of output p meets input `top + p - t*step`."""
    reached = []
    for output in range(phase.outputs):
        at = top + output
        first, last = max(0, -(-(at - size + 1) // phase.step)), min(phase.taps - 1, at // phase.step)
        reached.append((first, last))
    for (first, last), outputs_alike in groupby(reached):
        if first <= last:
            yield _Phase(len(list(outputs_alike)), last - first + 1, phase.step)
