"""What nodes without MACs read and write: whole tensors, as nothing but their shapes decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload

FUSABLE = ("activation", "batch_norm", "pool", "add")
"""Kinds of nodes that a machine may take with the layer that makes or reads the tensor."""

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
        Each tensor once, however often the node names it.
    written : Tensor
    """

    name: str
    kind: str
    reads: tuple[Tensor, ...]
    written: Tensor

    def key(self) -> tuple[Any, ...]:
        """Equal for nodes that move alike."""
        return "move", self.kind, tuple(tensor.key() for tensor in self.reads), self.written.key()


def moves_of(workload: Workload) -> tuple[Move, ...]:
    """The nodes of a network that move tensors and make no MACs, whatever a machine takes along.

    Examples
    --------
    >>> import dse
    >>> [(move.name, move.kind) for move in moves_of(dse.load_workload("alexnet"))][:2]
    [('pool1', 'pool'), ('pool2', 'pool')]
    """
    made = tensors_of(workload)
    return tuple(
        Move(node.name, kind_of(node), tuple(made[name] for name in dict.fromkeys(node.inputs)), made[node.name])
        for node in workload.nodes
        if node.layer is None and node.op not in IN_PLACE and node.inputs
    )


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
