"""A MAC layer: eight loop bounds, strides, dilations, padding, and bits and density per operand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from math import gcd, lcm, prod
from numbers import Integral, Real
from typing import Any

from dse.errors import DseError
from dse.problem.density import Density, packed_bits, split, written
from dse.problem.dims import DIMS, OPERANDS, RELEVANT, WIDTHS, PerOperand
from dse.problem.notebook import short

_ONES = frozenset((*DIMS, "stride_h", "stride_w", "dilation_h", "dilation_w"))
"""Fields that are 1 unless stated; the other sizes are 0."""

SIXTEEN_BITS = PerOperand(16, 16, 16)
DENSE = PerOperand(1.0, 1.0, 1.0)
NO_BLOCKS = PerOperand(0, 0, 0)


_WHOLE = (
    *DIMS, "stride_h", "stride_w", "dilation_h", "dilation_w", "pad_top", "pad_bottom", "pad_left", "pad_right",
    "H", "W", "ofmap_bits",
)  # fmt: skip


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
        Width of one element of each operand, psums while unfinished.
    ofmap_bits : int
        Width of a finished output, at most that of a psum; 0 (the default) is the ifmap's where psums are wider, else
        the psum's (see `finished_bits`).
    assumed : frozenset of str, optional
        Operands whose width nobody has stated: 16 bits are assumed, and a machine's own precision takes their place
        (see `assuming`). By default all of them if `bits` is not given, else none.
    density : PerOperand[float]
        Fraction of nonzero elements, in (0, 1].
    blocks : PerOperand[int]
        Elements of the blocks of which each keeps exactly that fraction; 0 (the default) where zeros lie at random.
    packed : frozenset of str
        Operands with blocks of which the machine stores the nonzero elements alone, each with its place in the block
        (`Architecture.lowered` says which).

    Raises
    ------
    DseError
        A bound, stride or dilation below 1, padding below 0, bits below 1, finished outputs wider than psums, or a
        density outside (0, 1].

    Examples
    --------
    >>> from dse.problem.layer import Layer
    >>> line = Layer("line", K=2, P=4, R=3)
    >>> line.macs, line.ifmap_words, line.weight_words, line.psum_words
    (24, 6, 6, 8)
    >>> line.with_(P=8).words("psum"), line.leaving({"weight": 0.5}).density.weight, line.to_dict()["K"]
    (16, 0.5, 2)
    >>> line.shape_key() == line.with_(name="other").shape_key()
    True
    >>> line
    Layer('line', K=2, P=4, R=3)
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
    ofmap_bits: int = 0
    assumed: frozenset[str] | None = field(default=None, compare=False)
    blocks: PerOperand[int] = field(default=NO_BLOCKS)
    packed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._check_types()
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
            if self.blocks[operand] and operand == "psum":
                raise DseError(f"layer {self.name}: zeros of psums lie at random, not in blocks")
        if not 0 <= self.ofmap_bits <= self.bits.psum:
            raise DseError(
                f"layer {self.name}: ofmap bits={self.ofmap_bits}, psum bits={self.bits.psum}",
                hint="a finished output is no wider than the partial sum that it was",
            )
        if self.assumed is None:
            all_assumed = self.bits is SIXTEEN_BITS
            object.__setattr__(self, "assumed", frozenset(OPERANDS) if all_assumed else frozenset())

    def _check_types(self) -> None:
        """Refuse what would only fail somewhere else, or count wrongly: texts and fractions for whole numbers."""
        for name in _WHOLE:
            value = getattr(self, name)
            if type(value) is not int and (isinstance(value, bool) or not isinstance(value, Integral)):
                raise DseError(f"layer {self.name}: {name}={value!r} is not a whole number")
        for name, how in (("bits", "layer.stating({'weight': 8})"), ("density", "workload.with_density(ifmap=0.5)")):
            if not isinstance(getattr(self, name), PerOperand):
                what = f"{name}={getattr(self, name)!r}"
                raise DseError(f"layer {self.name}: {what} does not say whose, of ifmap, weight, psum", hint=how)
        for operand in OPERANDS:
            if isinstance(self.bits[operand], bool) or not isinstance(self.bits[operand], Integral):
                raise DseError(f"layer {self.name}: {operand} bits={self.bits[operand]!r} is not a whole number")
            if not isinstance(self.density[operand], Real):
                raise DseError(f"layer {self.name}: {operand} density={self.density[operand]!r} is not a number")

    def __repr__(self) -> str:
        sizes = {f.name: getattr(self, f.name) for f in fields(self) if f.type in ("int", int)}
        told = {name: value for name, value in sizes.items() if value != (1 if name in _ONES else 0)}
        widths = "/".join(map(str, self.bits))
        return short("Layer", self.name, **told, **({"bits": widths} if self.stated_bits else {}))

    @property
    def bounds(self) -> tuple[int, ...]:
        """The loop bounds in the order of `DIMS`."""
        return tuple(getattr(self, dim) for dim in DIMS)

    @property
    def macs(self) -> int:
        return prod(self.bounds)

    @property
    def finished_bits(self) -> int:
        """Width of a finished output.

        Examples
        --------
        >>> Layer("fc", bits=PerOperand(8, 8, 32)).finished_bits, Layer("fc", bits=PerOperand(16, 8, 8)).finished_bits
        (8, 8)
        """
        return self.ofmap_bits or min(self.bits.ifmap, self.bits.psum)

    @property
    def stated_bits(self) -> dict[str, int]:
        """The widths that somebody stated, by operand or `ofmap`."""
        stated = {operand: width for operand, width in self.bits.items() if operand not in (self.assumed or ())}
        return {**stated, **({"ofmap": self.ofmap_bits} if self.ofmap_bits else {})}

    @property
    def finishes_narrower(self) -> bool:
        """Whether unfinished psums are wider than finished outputs; a sum of one product is finished at once.

        Examples
        --------
        >>> layer = Layer("fc", K=2, C=3, bits=PerOperand(8, 8, 32))
        >>> layer.finishes_narrower, layer.with_(C=1).finishes_narrower
        (True, False)
        """
        return self.finished_bits < self.bits.psum and self.macs > self.psum_words

    @property
    def widths(self) -> dict[str, int]:
        """Bits of an element of each operand, and of the `ofmap`."""
        return {**self.bits.to_dict(), "ofmap": self.finished_bits}

    def stating(self, widths: Mapping[str, int]) -> Layer:
        """The layer with some widths stated, by operand or `ofmap`; it keeps the others.

        Examples
        --------
        >>> Layer("fc").stating({"weight": 8}).stated_bits
        {'weight': 8}
        """
        bits = PerOperand.of({**self.bits.to_dict(), **{o: width for o, width in widths.items() if o in OPERANDS}})
        left = (self.assumed or frozenset()) - set(widths)
        return replace(self, bits=bits, ofmap_bits=widths.get("ofmap", self.ofmap_bits), assumed=left)

    def assuming(self, widths: Mapping[str, int]) -> Layer:
        """The layer with a machine's widths, by operand or `ofmap`, where nobody has stated any.

        Examples
        --------
        >>> Layer("fc").stating({"weight": 4}).assuming({"ifmap": 8, "weight": 8, "psum": 32}).widths
        {'ifmap': 8, 'weight': 4, 'psum': 32, 'ofmap': 8}
        """
        taken = {operand: width for operand, width in widths.items() if operand not in self.stated_bits}
        return self.stating(taken) if taken else self

    @property
    def densities(self) -> dict[str, Density]:
        """The part of each operand that is not zero, or `N:M`.

        Examples
        --------
        >>> Layer("fc").leaving({"weight": "2:4", "ifmap": 0.5}).densities
        {'ifmap': 0.5, 'weight': '2:4', 'psum': 1.0}
        """
        return {operand: written(part, self.blocks[operand]) for operand, part in self.density.items()}

    def leaving(self, densities: Mapping[str, Density]) -> Layer:
        """The layer with other densities of some operands: a part of the elements, or `N:M`."""
        parts, blocks = split(densities)
        return replace(
            self, density=PerOperand.of({**self.density.to_dict(), **parts}),
            blocks=PerOperand.of({**self.blocks.to_dict(), **blocks}),
        )  # fmt: skip

    @property
    def held_bits(self) -> PerOperand[int | Fraction]:
        """Bits that an element of each operand takes where it is stored or moved, a psum as unfinished.

        Examples
        --------
        >>> layer = Layer("fc", bits=PerOperand(8, 8, 32)).leaving({"weight": "2:4"})
        >>> layer.held_bits.weight, layer.with_(packed=frozenset({"weight"})).held_bits.weight
        (8, 5)
        """
        widths = {operand: packed_bits(width, self.density[operand], self.blocks[operand] * (operand in self.packed))
                  for operand, width in self.bits.items()}  # fmt: skip
        return PerOperand.of(widths)

    @property
    def grain(self) -> int:
        """Common denominator of `held_bits`, packed or not, so that capacities can be compared in whole numbers."""
        return lcm(*(block for block in self.blocks if block))

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
        rows = touched_rows(self.P, self.stride_h, self.R, self.dilation_h)
        columns = touched_rows(self.Q, self.stride_w, self.S, self.dilation_w)
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
            tuple(self.bits), tuple(self.density), self.finished_bits, tuple(sorted(self.stated_bits)),
            *((tuple(self.blocks),) if any(self.blocks) else ()),
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
            bits=self.bits, density=self.density, ofmap_bits=self.ofmap_bits, assumed=self.assumed,
            blocks=self.blocks, packed=self.packed,
        )  # fmt: skip

    def with_(self, **changes: Any) -> Layer:
        """A copy with some fields replaced; `bits` given here are stated, and zeros of a `density` lie at random."""
        if "bits" in changes:
            changes = {"assumed": frozenset(), **changes}
        if "density" in changes:
            changes = {"blocks": NO_BLOCKS, **changes}
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the fields, the widths with that of the `ofmap`, and those that nobody stated."""
        plain = asdict(self)
        del plain["ofmap_bits"], plain["packed"], plain["blocks"]
        if any(self.blocks):
            plain["density"] = self.densities
        return plain | {"bits": self.widths, "assumed": sorted(set(WIDTHS) - set(self.stated_bits))}


def is_relevant(dim: str, operand: str) -> bool:
    """Whether a dim indexes an operand; steps over other dims reuse its words.

    Examples
    --------
    >>> is_relevant("K", "ifmap"), is_relevant("K", "weight")
    (False, True)
    """
    return dim in RELEVANT[operand]


def touched_rows(outputs: int, stride: int, taps: int, dilation: int) -> int:
    """Rows (columns) of the ifmap that some output needs; outputs and taps are the bounds of P and R (Q and S).

    Examples
    --------
    >>> touched_rows(3, 2, 1, 1)  # of five rows, every other one
    3
    """
    # So many outputs on and so many taps back lead to the same row: of each such chain the first counts.
    common = gcd(stride, dilation)
    return outputs * taps - max(0, outputs - dilation // common) * max(0, taps - stride // common)
