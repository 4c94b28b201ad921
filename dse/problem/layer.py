"""A MAC layer: eight loop bounds, strides, dilations, padding, and bits and density per operand."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any

from dse.errors import DseError
from dse.problem.dims import DIMS, OPERANDS, RELEVANT, PerOperand

SIXTEEN_BITS = PerOperand(16, 16, 16)
DENSE = PerOperand(1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution, fully connected layer or matrix product as one loop nest.

    `psum[n,g,k,p,q] += ifmap[n,g,c, p*stride_h + r*dilation_h, q*stride_w + s*dilation_w] * weight[g,k,c,r,s]`

    Parameters
    ----------
    name : str
    G, N, K, C, P, Q, R, S : int
        Groups, batch, output and input channels *per group*, ofmap height and width, filter height and width.
    stride_h, stride_w, dilation_h, dilation_w : int
    pad_top, pad_bottom, pad_left, pad_right : int
        Rows and columns of zeros that surround the stored ifmap.
    H, W : int
        Height and width of the stored ifmap; 0 (the default) is the box less the padding. They differ when the last
        rows are out of every window's reach.
    bits : PerOperand[int]
        Width of one element of each operand.
    density : PerOperand[float]
        Fraction of nonzero elements, in (0, 1].

    Raises
    ------
    DseError
        A bound, stride or dilation below 1, padding below 0, bits below 1, or a density outside (0, 1].

    Examples
    --------
    >>> from dse.problem.layer import Layer
    >>> line = Layer("line", K=2, P=4, R=3)
    >>> line.macs, line.ifmap_words, line.weight_words, line.psum_words
    (24, 6, 6, 8)
    """

    name: str
    G: int = 1
    N: int = 1
    K: int = 1
    C: int = 1
    P: int = 1
    Q: int = 1
    R: int = 1
    S: int = 1
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    pad_top: int = 0
    pad_bottom: int = 0
    pad_left: int = 0
    pad_right: int = 0
    H: int = 0
    W: int = 0
    bits: PerOperand[int] = field(default=SIXTEEN_BITS)
    density: PerOperand[float] = field(default=DENSE)

    def __post_init__(self) -> None:
        for name in (*DIMS, "stride_h", "stride_w", "dilation_h", "dilation_w"):
            if getattr(self, name) < 1:
                raise DseError(f"layer {self.name}: {name}={getattr(self, name)} < 1")
        for name in ("pad_top", "pad_bottom", "pad_left", "pad_right", "H", "W"):
            if getattr(self, name) < 0:
                raise DseError(f"layer {self.name}: {name}={getattr(self, name)} < 0")
        for operand in OPERANDS:
            if self.bits[operand] < 1:
                raise DseError(f"layer {self.name}: {operand} bits={self.bits[operand]} < 1")
            if not 0 < self.density[operand] <= 1:
                raise DseError(f"layer {self.name}: {operand} density={self.density[operand]} outside (0, 1]")

    @property
    def bounds(self) -> tuple[int, ...]:
        """The loop bounds in the order of `DIMS`."""
        return tuple(getattr(self, dim) for dim in DIMS)

    @property
    def macs(self) -> int:
        return prod(self.bounds)

    @property
    def box_height(self) -> int:
        """Rows of ifmap between the first and the last one read, padding included."""
        return (self.P - 1) * self.stride_h + (self.R - 1) * self.dilation_h + 1

    @property
    def box_width(self) -> int:
        """Columns of ifmap between the first and the last one read, padding included."""
        return (self.Q - 1) * self.stride_w + (self.S - 1) * self.dilation_w + 1

    @property
    def ifmap_words(self) -> int:
        """Words of the ifmap's bounding box, padding included: what traffic counts."""
        return self.N * self.G * self.C * self.box_height * self.box_width

    @property
    def ifmap_footprint_words(self) -> int:
        """Words of the stored ifmap tensor, H*W without padding: what memory it takes."""
        height = self.H or max(1, self.box_height - self.pad_top - self.pad_bottom)
        width = self.W or max(1, self.box_width - self.pad_left - self.pad_right)
        return self.N * self.G * self.C * height * width

    @property
    def weight_words(self) -> int:
        return self.G * self.K * self.C * self.R * self.S

    @property
    def psum_words(self) -> int:
        return self.N * self.G * self.K * self.P * self.Q

    def words(self, operand: str) -> int:
        """Words of an operand as traffic counts them (the ifmap as its box)."""
        return int(getattr(self, f"{operand}_words"))

    def touched_words(self, operand: str) -> int:
        """Distinct words that some MAC uses: fewer than the box when the stride is larger than the window.

        Parameters
        ----------
        operand : {"ifmap", "weight", "psum"}

        Returns
        -------
        int

        Examples
        --------
        >>> wide = Layer("wide", P=4, R=2, stride_h=3)
        >>> wide.words("ifmap"), wide.touched_words("ifmap")
        (11, 8)
        """
        if operand != "ifmap":
            return self.words(operand)
        rows = _touched(self.P, self.stride_h, self.R, self.dilation_h)
        columns = _touched(self.Q, self.stride_w, self.S, self.dilation_w)
        return self.N * self.G * self.C * rows * columns

    def reuse_maxima(self) -> dict[str, dict[str, float]]:
        """How often a word of each operand could be used at most, by kind of reuse.

        Returns
        -------
        dict
            `{"weight": {"filter": N, "convolutional": P*Q}, "ifmap": {"image": K, "convolutional": ...},
            "psum": {"accumulation": C*R*S}}`; the product over an operand's kinds is MACs / its words.

        Examples
        --------
        >>> Layer("line", K=2, P=4, R=3).reuse_maxima()["ifmap"]
        {'image': 2.0, 'convolutional': 2.0}
        """
        return {
            "weight": {"filter": float(self.N), "convolutional": float(self.P * self.Q)},
            "ifmap": {"image": float(self.K), "convolutional": self.macs / (self.K * self.ifmap_words)},
            "psum": {"accumulation": float(self.C * self.R * self.S)},
        }

    def shape_key(self) -> tuple[Any, ...]:
        """Everything that decides how the layer maps and what it costs; equal keys are mapped once.
        Padding is left out: traffic counts the padded box, whatever part of it is zeros."""
        return (
            *self.bounds, self.stride_h, self.stride_w, self.dilation_h, self.dilation_w,
            tuple(self.bits), tuple(self.density),
        )  # fmt: skip

    def as_matmul(self) -> Layer:
        """The layer as one product of matrices per group, (N*P*Q x C*R*S) times (C*R*S x K): im2col.

        The ifmap becomes the matrix whose rows are the windows, so words that windows share are there once for each.

        Examples
        --------
        >>> Layer("line", K=2, P=4, R=3).as_matmul().bounds
        (1, 4, 2, 3, 1, 1, 1, 1)
        """
        return Layer(
            self.name, G=self.G, N=self.N * self.P * self.Q, K=self.K, C=self.C * self.R * self.S, H=1, W=1,
            bits=self.bits, density=self.density,
        )  # fmt: skip

    def with_(self, **changes: Any) -> Layer:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def is_relevant(dim: str, operand: str) -> bool:
    """Whether a dim indexes an operand; steps over other dims reuse its words.

    Examples
    --------
    >>> is_relevant("K", "ifmap"), is_relevant("K", "weight")
    (False, True)
    """
    return dim in RELEVANT[operand]


def _touched(outputs: int, stride: int, taps: int, dilation: int) -> int:
    return len({p * stride + r * dilation for p in range(outputs) for r in range(taps)})
