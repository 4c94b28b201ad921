"""The operations of an imported model, whichever tool wrote it: what stands between ONNX or PyTorch and a workload.

Shapes here are the model's own, batch included; `dse.formats.graph.workload` makes nodes for one image of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from dse.errors import DseError
from dse.problem.shapes import MAX_BOUND, Shape, spelled

MAX_OPS = 50_000
"""The most operations of a model: more is no network, and would not fit into a workload file."""

_LONGEST_NAME = 120
_ACCUMULATOR_BITS = 32
_BY_LAYERS = -1


@dataclass(frozen=True, slots=True)
class Product:
    """`G` products of an `N` x `C` matrix (the ifmap) with a `C` x `K` one (the weights)."""

    G: int
    N: int
    K: int
    C: int

    @property
    def weight_words(self) -> int:
        return self.G * self.K * self.C


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that a filter slides along."""

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """Positions between the first and the last tap, both included."""
        return (self.kernel - 1) * self.dilation + 1


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution over any number of axes; `C` and `K` are all channels, of all groups.

    `outputs` are the sides of the output if it is `transposed`; they follow from the axes otherwise.
    """

    N: int
    C: int
    K: int
    groups: int
    axes: tuple[Axis, ...]
    transposed: bool = False
    outputs: Shape = ()

    def __post_init__(self) -> None:
        for count, what in ((self.C, "input"), (self.K, "output")):
            if self.groups < 1 or count < 1 or count % self.groups:
                raise DseError(f"{self.groups} groups do not divide the {count} {what} channels")

    @property
    def weight_words(self) -> int:
        """Of the stored tensor, whatever the layers read of it."""
        return self.K * (self.C // self.groups) * prod(axis.kernel for axis in self.axes)


@dataclass(frozen=True, slots=True)
class GraphOp:
    """One operation and the tensor that it makes.

    Parameters
    ----------
    name : str
    op : str
        The name of the operation, for people.
    reads : tuple of str
        Operations and inputs whose tensors it reads; constants are not among them.
    shape : tuple of int
        Of its output, batch included.
    macs : Product or Convolution, optional
        What it multiplies and accumulates.
    computed : bool
        Whether the weight operand is computed by the model rather than stored with it.
    bits : mapping of str to int
        Widths that the model states, by operand.
    parameters : int
        Biases, norms and tables: stored with the model, but no weights of a MAC layer.
    spec : mapping
        How a workload file says it, if one of its words fits.
    tensors : mapping of str to int
        The stored tensors that its weights are made of, with their elements.
    """

    name: str
    op: str
    reads: tuple[str, ...]
    shape: Shape
    macs: Product | Convolution | None = None
    computed: bool = False
    bits: Mapping[str, int] = field(default_factory=dict)
    parameters: int = 0
    spec: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A node of the model that could not be turned into an operation, and why."""

    name: str
    op: str
    reason: str

    def __str__(self) -> str:
        return f"node {self.name!r} ({self.op}): {self.reason}"


@dataclass(slots=True)
class Value:
    """What is known of a tensor.

    Parameters
    ----------
    shape : tuple of int, optional
        None if it is not known.
    node : str, optional
        The operation or input that makes it; None for a constant.
    bits : int, optional
        The width it is quantised to; None if it is not.
    parameters : mapping of str to int
        The stored tensors that a constant comes from, with their elements.
    copies : tuple of int
        How many neighbours in a row are the same along each axis (`dse.formats.graph.copies`); empty for none.
    """

    shape: Shape | None
    node: str | None = None
    bits: int | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    copies: Shape = ()

    @property
    def constant(self) -> bool:
        return self.node is None

    @property
    def sizes(self) -> Shape:
        """The shape.

        Raises
        ------
        DseError
            It is not known.
        """
        if self.shape is None:
            raise DseError("the shape of what it reads is not known")
        return self.shape


@dataclass(slots=True)
class Graph:
    """The operations found so far; names are made unique and parameters counted once."""

    ops: list[GraphOp] = field(default_factory=list)
    inputs: dict[str, Shape] = field(default_factory=dict)
    unresolved: list[Unresolved] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)
    _counted: dict[str, int] = field(default_factory=dict)

    def on_trial(self) -> Graph:
        """A copy to go on with that leaves this graph as it is; nothing of it is unresolved yet."""
        return Graph(list(self.ops), dict(self.inputs), [], dict(self._names), dict(self._counted))

    def unique(self, wanted: str) -> str:
        """A name that no other node has, as close to the wanted one as can be."""
        name = "".join(char for char in wanted.strip("/ ") if char.isprintable())[:_LONGEST_NAME] or "node"
        while name in self._names:
            self._names[name] += 1
            name = f"{name}_{self._names[name]}"
        self._names[name] = 1
        return name

    def add_input(self, name: str, shape: Shape) -> str:
        unique = self.unique(name)
        self.inputs[unique] = shape
        return unique

    def plain(self, name: str, op: str, reads: Sequence[Value], shape: Shape, spec: Mapping[str, Any] = {}) -> str:
        """Add an operation without MACs; gives its name."""
        count = self._count(reads)
        return self._add(GraphOp(self.unique(name), op, sources(reads), shape, parameters=count, spec=spec))

    def product(
        self, name: str, operands: tuple[Value, Value], product: Product, shape: Shape,
        more: Sequence[Value] = (), op: str = "matmul",
    ) -> str:  # fmt: skip
        """Add products of matrices: the ifmap, the weights, and biases; gives its name."""
        return self._macs(name, op, operands, product, shape, more)

    def convolution(
        self, name: str, operands: tuple[Value, Value], convolution: Convolution, shape: Shape,
        more: Sequence[Value] = (), op: str = "conv",
    ) -> str:  # fmt: skip
        """Add a convolution: the ifmap, the weights, and biases or whatever it adds; gives its name."""
        return self._macs(name, op, operands, convolution, shape, more)

    def _macs(
        self, name: str, op: str, operands: tuple[Value, Value], macs: Product | Convolution, shape: Shape,
        more: Sequence[Value],
    ) -> str:  # fmt: skip
        weight, added = operands[1], [value for value in more if not value.constant]
        self._weights(weight)
        biases = self._count([value for value in more if value.constant])
        made = self._add(GraphOp(
            self.unique(f"{name}.{op}" if added else name), op, sources(operands), shape, macs, not weight.constant,
            _widths(*operands), biases, tensors=weight.parameters if weight.constant else {},
        ))  # fmt: skip
        if added:  # what is added is computed, too: a node of its own keeps its edge
            return self.plain(name, "add", [Value(shape, made), *added], shape, {"add": None})
        return made

    def _add(self, op: GraphOp) -> str:
        if len(self.ops) >= MAX_OPS:
            raise TooManyOpsError()
        self.ops.append(op)
        return op.name

    def _count(self, values: Sequence[Value]) -> int:
        """Elements of stored tensors that were not counted before."""
        new = {name: size for value in values for name, size in value.parameters.items() if name not in self._counted}
        self._counted.update(dict.fromkeys(new, len(self.ops)))
        return sum(new.values())

    def _weights(self, weight: Value) -> None:
        """Weights count with the layers that read them: an operation before that looks things up in them gives way."""
        for name, size in weight.parameters.items():
            at = self._counted.setdefault(name, _BY_LAYERS)
            if at != _BY_LAYERS:
                self.ops[at] = replace(self.ops[at], parameters=self.ops[at].parameters - size)
                self._counted[name] = _BY_LAYERS


class TooManyOpsError(DseError):
    """A model with more operations than any network has."""

    def __init__(self) -> None:
        super().__init__(f"the model has more than {MAX_OPS} operations")


def sources(values: Sequence[Value]) -> tuple[str, ...]:
    return tuple(value.node for value in values if value.node is not None)


def matrix_product(first: Value, second: Value) -> tuple[Product, tuple[Value, Value]]:
    """What `first @ second` multiplies, by the rules of numpy, and which operand is the ifmap and which the weights."""
    left, right = first.sizes, second.sizes
    if not left or not right:
        raise DseError("a product of matrices reads vectors or matrices, not scalars")
    batch = max(len(left), len(right)) - 2
    outer = [f"b{axis}" for axis in range(batch)]
    names = (
        [*outer[batch - (len(left) - 2) :], "m", "k"] if len(left) > 1 else ["k"],
        [*outer[batch - (len(right) - 2) :], "k", "n"] if len(right) > 1 else ["k"],
    )
    return contraction((first, second), names, {*outer, "m", "n"})


def contraction(
    operands: tuple[Value, Value], names: tuple[Sequence[str], Sequence[str]], kept: set[str]
) -> tuple[Product, tuple[Value, Value]]:
    """A sum of products over the indices that are not kept, as products of matrices.

    Parameters
    ----------
    operands : two values
    names : two sequences of str
        An index for each axis of each; an axis of size 1 is spread over the other's.
    kept : set of str
        The indices of the output.

    Returns
    -------
    Product, (ifmap, weights)
        The weights are the second operand unless only the first is constant.

    Notes
    -----
    Where the matrices of one operand are copies along an index of both (keys and values repeated for the query heads
    that share them), the other operand's matrices of these copies are rows, or columns, of one product: the shared
    matrix is there once.
    """
    if operands[0].constant and not operands[1].constant:
        operands, names = (operands[1], operands[0]), (names[1], names[0])
    sides: list[dict[str, int]] = []
    for value, own in zip(operands, names, strict=True):
        if len(own) != len(value.sizes) or len(set(own)) != len(own):
            raise DseError(f"its indices {' '.join(own)} do not name the axes of {spelled(value.sizes)} once each")
        sides.append(dict(zip(own, value.sizes, strict=True)))
    for here, there in (sides, sides[::-1]):
        for index in [index for index, size in here.items() if size == 1 and there.get(index, 1) > 1]:
            del here[index]
    ifmap, weight = sides
    both = set(ifmap) & set(weight)
    for index in both:
        if ifmap[index] != weight[index]:
            raise DseError(f"its operands differ in size: {ifmap[index]} and {weight[index]}")
    if any(size > 1 and index not in kept and index not in both for side in sides for index, size in side.items()):
        raise DseError("it also sums an operand by itself, which is no product of matrices")
    rows, columns = _shared(operands, names, both & kept)
    return Product(
        G=prod(ifmap[index] for index in both if index in kept) // (rows * columns),
        N=prod(size for index, size in ifmap.items() if index not in both) * rows,
        K=prod(size for index, size in weight.items() if index not in both) * columns,
        C=prod(ifmap[index] for index in both if index not in kept),
    ), operands


def _shared(
    operands: tuple[Value, Value], names: tuple[Sequence[str], Sequence[str]], groups: set[str]
) -> tuple[int, int]:
    """Over how many groups in all the weights are the same, and the ifmap."""
    ifmap, weight = (
        dict(zip(own, value.copies or (1,) * len(own), strict=True)) for value, own in zip(operands, names, strict=True)
    )
    rows = prod(weight[index] for index in groups if ifmap[index] == 1)
    return rows, prod(ifmap[index] for index in groups if weight[index] == 1)


@dataclass(frozen=True, slots=True)
class Heads:
    """The sizes of an attention: query heads, the key and value heads that they share, positions and features."""

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    features: int
    value_features: int


def attention(graph: Graph, name: str, reads: Sequence[Value], sizes: Heads, shape: Shape) -> str:
    """Add an attention: scores = Q K^T, their softmax, and the weighted sum of V.

    Query heads that share key and value heads are rows of one product, so that the shared matrix is counted once.

    Parameters
    ----------
    graph : Graph
    name : str
    reads : sequence of Value
        Query, key and value; then what else it reads, such as a mask.
    sizes : Heads
    shape : tuple of int
        Of the output.
    """
    if min(sizes.heads, sizes.kv_heads) < 1 or sizes.heads % sizes.kv_heads:
        raise DseError(f"{sizes.kv_heads} key and value heads do not divide the {sizes.heads} query heads")
    query, key, value, *more = reads
    G, N = sizes.batch * sizes.kv_heads, sizes.heads // sizes.kv_heads * sizes.queries
    table = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    scores = graph.product(f"{name}.scores", (query, key), Product(G, N, sizes.keys, sizes.features), table)
    masked = [Value(table, scores), *more]
    weights = graph.plain(f"{name}.softmax", "softmax", masked, table, {"activation": "softmax"})
    product = Product(G, N, sizes.value_features, sizes.keys)
    return graph.product(name, (Value(table, weights), value), product, shape)


def check_shape(shape: Sequence[int], what: str) -> Shape:
    """The shape, if each side is at least 1 and none is absurd."""
    for size in shape:
        if size < 1:
            raise DseError(f"{what} has a side of {size}: {spelled(tuple(shape))}", hint="each side is 1 or more")
        if size > MAX_BOUND:
            raise DseError(f"{what} has a side of {size}, more than {MAX_BOUND}: {spelled(tuple(shape))}")
    return tuple(shape)


def _widths(ifmap: Value, weight: Value) -> dict[str, int]:
    """Widths of the operands that are quantised; two such accumulate in 32 bits."""
    stated = {"ifmap": ifmap.bits, "weight": weight.bits}
    widths = {operand: bits for operand, bits in stated.items() if bits is not None}
    return {**widths, "psum": _ACCUMULATOR_BITS} if len(widths) == 2 else widths
