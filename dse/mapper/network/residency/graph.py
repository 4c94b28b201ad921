"""The steps of a network on a machine, and the tensors between them with their sizes and lifetimes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dse.architecture.architecture import Architecture
from dse.model.moves import is_taken, tensor_bits
from dse.problem.layer import Layer
from dse.problem.moves import IN_PLACE, Move, Tensor, kind_of, moves_of, tensors_of, words_of
from dse.problem.workload import Node, Workload

ELEMENTWISE = frozenset(("add", "mul", "activation", "batch_norm"))
"""Kinds of nodes that make each element from the same one of their operands, so that they may write over one."""

NAMES_ONLY = frozenset(("activation", "batch_norm"))
"""Fusable kinds whose result takes the place of what they read, where nothing else reads that."""


@dataclass(frozen=True, slots=True)
class HeldTensor:
    """A tensor between steps.

    Parameters
    ----------
    name : str
        Of the node that makes it.
    names : tuple of str
        Of all nodes that make these words, in the same or another shape.
    bits : int
        Room that it takes at home.
    made_in : int
        Step; -1 for one that comes from outside, and lies in the outermost level.
    read_in : tuple of int
        Steps, rising. A tensor that nothing reads is an end of the network: it leaves to the outermost level.
    tensor : Tensor
    """

    name: str
    names: tuple[str, ...]
    bits: int
    made_in: int
    read_in: tuple[int, ...]
    tensor: Tensor

    @property
    def steps(self) -> range:
        """Those in which it may be at home; none for an input that nothing reads."""
        if not self.read_in:
            return range(max(0, self.made_in), self.made_in + 1)
        return range(self.made_in if self.made_in >= 0 else self.read_in[0], self.read_in[-1] + 1)

    @property
    def must_leave(self) -> bool:
        return not self.read_in


@dataclass(frozen=True, slots=True)
class Step:
    """A MAC layer, or a node without MACs.

    Parameters
    ----------
    name : str
    layer : Layer, optional
        As the machine runs it.
    operands : tuple of (str, tuple of int)
        Of a layer: `ifmap`, and `weight` where it is computed by the network, each with the tensors that it is.
    reads : tuple of int
        Tensors, each once, in the order of `move.reads`.
    writes : int
        Tensor.
    move : Move, optional
        Of a node without MACs.
    taken : bool
        Whether the machine takes the node along with a layer: it moves nothing where all its tensors have one home.
    """

    name: str
    layer: Layer | None
    operands: tuple[tuple[str, tuple[int, ...]], ...]
    reads: tuple[int, ...]
    writes: int
    move: Move | None = None
    taken: bool = False


@dataclass(frozen=True)
class Graph:
    """Steps in the order in which they run, and tensors in the order in which they are made.

    Examples
    --------
    >>> import dse
    >>> graph = graph_of(dse.load_architecture("edge_npu"), dse.load_workload("mobilenet_v1"))
    >>> len(graph.steps), len(graph.tensors), graph.steps[1].name, graph.tensors[2].names
    (29, 30, '1.0', ('1.0', '1.1', '1.2'))
    >>> graph.tensors[2].bits, graph.tensors[2].made_in, graph.tensors[2].read_in
    (3211264, 1, (2,))
    """

    steps: tuple[Step, ...]
    tensors: tuple[HeldTensor, ...]

    def alive(self, step: int) -> list[int]:
        """Tensors that may be at home in a step."""
        return [t for t, held in enumerate(self.tensors) if step in held.steps]

    def widening(self, step: int) -> int:
        """Bits that a layer's result takes beyond its own while it consists of unfinished psums."""
        layer, out = self.steps[step].layer, self.tensors[self.steps[step].writes]
        if layer is None or not layer.finishes_narrower:
            return 0
        return max(0, out.tensor.words * layer.bits["psum"] - out.bits)

    def overwritten(self, step: int) -> list[int]:
        """Tensors that a step without MACs may write its result over: they end in it, and have the room."""
        one = self.steps[step]
        if one.move is None or one.move.kind not in ELEMENTWISE:
            return []
        size, shared = self.tensors[one.writes].bits, self.shared
        return [
            t for t in one.reads
            if self.tensors[t].read_in[-1] == step and self.tensors[t].bits >= size and t not in shared
        ]  # fmt: skip

    @cached_property
    def shared(self) -> frozenset[int]:
        """Tensors whose words may be those of another one, too, once a concat joins them: nothing writes over these."""
        found: set[int] = set()
        for step in range(len(self.steps)):
            lasting = [t for t in self.parts(step) if self.tensors[t].read_in[-1] > step]
            found |= {*lasting, self.steps[step].writes} if lasting else set()
        return frozenset(found)

    def parts(self, step: int) -> tuple[int, ...]:
        """The tensors whose words a concat's result consists of, if it is one that need not move them."""
        one = self.steps[step]
        if one.move is None or one.move.kind != "concat":
            return ()
        size = sum(self.tensors[t].bits for t in one.reads)
        ends = [self.tensors[t].read_in[-1] for t in one.reads]
        last = self.tensors[one.writes].steps[-1]
        fits = size == self.tensors[one.writes].bits and all(end == step or end >= last for end in ends)
        return one.reads if fits else ()


def graph_of(architecture: Architecture, workload: Workload) -> Graph:
    """The steps of a network on a machine, and the tensors between them.

    Examples
    --------
    >>> import dse
    >>> graph = graph_of(dse.load_architecture("edge_npu"), dse.load_workload("alexnet"))
    >>> [step.name for step in graph.steps[:3]], [held.names for held in graph.tensors[:3]]
    (['conv1', 'pool1', 'conv2'], [('input',), ('conv1',), ('pool1',)])
    """
    made, moves = tensors_of(workload), {move.name: move for move in moves_of(workload)}
    readers = _readers(workload)
    alias: dict[str, int] = {}
    names: list[list[str]] = []
    made_in: list[int] = []
    steps: list[Step] = []
    for node in workload.nodes:
        if _is_alias(architecture, node, readers):
            alias[node.name] = alias[node.inputs[0]]
            names[alias[node.name]].append(node.name)
            continue
        reads = tuple(dict.fromkeys(alias[source] for source in node.inputs))
        alias[node.name] = len(names)
        names.append([node.name])
        made_in.append(len(steps) if node.layer is not None or node.inputs else -1)
        if made_in[-1] >= 0:
            steps.append(_step(architecture, node, reads, alias, moves.get(node.name)))
    read_in: list[list[int]] = [[] for _ in names]
    for at, step in enumerate(steps):
        for t in step.reads:
            read_in[t].append(at)
    return Graph(tuple(steps), tuple(
        HeldTensor(own[0], tuple(own), _bits(architecture, steps, made[own[0]], read), at, tuple(read), made[own[0]])
        for own, at, read in zip(names, made_in, read_in, strict=True)
    ))  # fmt: skip


def _readers(workload: Workload) -> dict[str, int]:
    """By name of a tensor, how many nodes read its words under any of their names. To leave the network under another
    name counts as one."""
    names = words_of(workload)
    read = {source for node in workload.nodes for source in node.inputs}
    readers: dict[str, set[str]] = {}
    for node in workload.nodes:
        if node.op not in IN_PLACE or node.name not in read:
            for source in node.inputs:
                readers.setdefault(names[source], set()).add(node.name)
    return {name: len(readers.get(words, ())) for name, words in names.items()}


def _is_alias(architecture: Architecture, node: Node, readers: dict[str, int]) -> bool:
    """Whether a node only names words that are there already."""
    if node.layer is not None or not node.inputs:
        return False
    if node.op in IN_PLACE:
        return True
    kind = kind_of(node)
    return kind in NAMES_ONLY and kind in architecture.fuses and readers[node.inputs[0]] == 1


def _step(
    architecture: Architecture, node: Node, reads: tuple[int, ...], alias: dict[str, int], move: Move | None
) -> Step:
    if node.layer is None:
        assert move is not None
        return Step(node.name, None, (), reads, alias[node.name], move, is_taken(architecture, move))
    layer = architecture.lowered(node.layer)
    operands: tuple[tuple[str, tuple[int, ...]], ...] = (("ifmap", reads),)
    if node.weights == "activations":
        if len(node.inputs) == 2:
            first, second = (alias[source] for source in node.inputs)
            operands = (("ifmap", (first,)), ("weight", (second,)))
        else:
            operands = (("ifmap", reads), ("weight", reads))
    return Step(node.name, layer, operands if reads else (), reads, alias[node.name])


def _bits(architecture: Architecture, steps: list[Step], tensor: Tensor, read_in: list[int]) -> int:
    """Room for all words of a tensor at the width in which it is made or read, the wider of them."""
    widths = [tensor_bits(architecture, tensor)]
    for at in read_in:
        layer = steps[at].layer
        if layer is not None:
            widths += [layer.bits[operand] for operand, _ in steps[at].operands]
    return tensor.words * max(widths)
