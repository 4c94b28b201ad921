"""What nodes without MACs read and write: whole tensors, as nothing but their shapes decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload

FUSABLE = ("activation", "batch_norm", "pool", "add", "concat")
"""Kinds of nodes that a machine may take with the layer that makes or reads the tensor; a concat, where its makers can
write into it (`laid_out`)."""

IN_PLACE = ("input", "reshape")
"""Operations that move nothing: they name a tensor, or the same words in another shape."""

KINDS = {"maxpool": "pool", "avgpool": "pool", "globalpool": "pool"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Words of a tensor, and the layers that decide their width: the widest counts.

    Parameters
    ----------
    words : int
        Of the whole batch.
    makers : tuple of Layer
        Layers that made it, or what it was made of; where it comes from outside, those that a network begins with.
    is_input : bool
        Whether it comes from outside, and so has the width of an ifmap rather than of an ofmap.
    """

    words: int
    makers: tuple[Layer, ...]
    is_input: bool = False

    def key(self) -> tuple[Any, ...]:
        return self.words, tuple(sorted({layer.shape_key() for layer in self.makers})), self.is_input


@dataclass(frozen=True, slots=True)
class Move:
    """A node without MACs: it reads tensors and writes one.

    Parameters
    ----------
    name : str
    kind : str
        One of `FUSABLE`, or what the network calls it.
    reads : tuple of Tensor
        Each tensor once, however often and by whatever names the node reads it.
    written : Tensor
    laid_out : bool
        Whether its words can be where it wants them as soon as they are made: false for a concat that cannot.
    """

    name: str
    kind: str
    reads: tuple[Tensor, ...]
    written: Tensor
    laid_out: bool = True

    def key(self) -> tuple[Any, ...]:
        """Equal for nodes that move alike."""
        own = () if self.laid_out else ("copies",)
        return "move", self.kind, tuple(tensor.key() for tensor in self.reads), self.written.key(), *own


def moves_of(workload: Workload) -> tuple[Move, ...]:
    """The nodes of a network that move tensors and make no MACs, whatever a machine takes along.

    Examples
    --------
    >>> import dse
    >>> [(move.name, move.kind) for move in moves_of(dse.load_workload("alexnet"))][:2]
    [('pool1', 'pool'), ('pool2', 'pool')]
    """
    made, placed, names = tensors_of(workload), laid_out(workload), words_of(workload)
    return tuple(
        Move(
            node.name, kind_of(node),
            tuple(made[name] for name in dict.fromkeys(names[source] for source in node.inputs)), made[node.name],
            node.op != "concat" or node.name in placed,
        )
        for node in workload.nodes
        if node.layer is None and node.op not in IN_PLACE and node.inputs
    )


def words_of(workload: Workload) -> dict[str, str]:
    """By node, the one that made its words: another one where the node only gives them a new shape.

    Examples
    --------
    >>> from dse.problem.workload import Node, Workload
    >>> nodes = Node("x", "input", (4, 2)), Node("flat", "reshape", (8,), ("x",))
    >>> words_of(Workload("one", nodes))
    {'x': 'x', 'flat': 'x'}
    """
    names: dict[str, str] = {}
    for node in workload.nodes:
        names[node.name] = names[node.inputs[0]] if node.op in IN_PLACE and node.inputs else node.name
    return names


def laid_out(workload: Workload) -> frozenset[str]:
    """The concats whose parts can be written where the joined tensor has them, so that nothing is left to move.

    Each part needs a maker, which a network's input has not, and one place: it stands in the concat once, and in no
    other one, unless the smaller of the two is a stretch of the larger, as in DenseNet.

    Examples
    --------
    >>> import dse
    >>> nets = [dse.load_workload(name) for name in ("squeezenet1_0", "densenet121")]
    >>> [(len(laid_out(net)), sum(node.op == "concat" for node in net.nodes)) for net in nets]
    [(8, 8), (62, 62)]
    """
    names = words_of(workload)
    outside: set[str] = set()
    joins: list[tuple[Node, tuple[str, ...]]] = []
    for node in workload.nodes:
        outside |= set() if node.inputs or node.layer is not None else {node.name}
        if node.op == "concat":
            joins.append((node, tuple(names[source] for source in node.inputs)))
    whole: list[tuple[Node, tuple[str, ...]]] = []
    stretches: set[str] = set()
    for node, parts in sorted(joins, key=lambda join: -len(join[1])):
        if len(set(parts)) < len(parts) or outside & set(parts):
            continue
        shared = [other for other in whole if set(parts) & set(other[1])]
        if not shared:
            whole.append((node, parts))
        elif len(shared) == 1 and shared[0][0].attributes == node.attributes and _is_stretch(parts, shared[0][1]):
            stretches.add(node.name)
    return frozenset({node.name for node, _ in whole} | stretches)


def _is_stretch(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    return any(long[at : at + len(short)] == short for at in range(len(long) - len(short) + 1))


def tensors_of(workload: Workload) -> dict[str, Tensor]:
    """The tensor that each node makes, by its name.

    Examples
    --------
    >>> import dse
    >>> tensors_of(dse.load_workload("alexnet"))["pool1"].words
    69984
    """
    first = workload.layers[:1]
    made: dict[str, Tensor] = {}
    for node in workload.nodes:
        words, read = node.words * workload.batch, [made[name] for name in dict.fromkeys(node.inputs)]
        if node.layer is not None:
            made[node.name] = Tensor(words, (node.layer,))
            continue
        makers = tuple(dict.fromkeys(layer for tensor in read for layer in tensor.makers))
        outside = not read or all(tensor.is_input for tensor in read)
        made[node.name] = Tensor(words, makers or first, outside)
    return made


def kind_of(node: Node) -> str:
    """What kind of operation a node without MACs is, in the words of `FUSABLE` where these have one.

    Examples
    --------
    >>> kind_of(Node("p", "maxpool", (4, 2, 2)))
    'pool'
    >>> kind_of(Node("s", "activation", (4,), attributes=(("activation", "softmax"),)))
    'softmax'
    """
    said = str(dict(node.attributes).get(node.op, ""))
    if node.op == "activation":
        return "softmax" if "softmax" in said else "activation"
    if node.op == "other":
        return said or "other"
    return KINDS.get(node.op, node.op)
