"""A network: a directed graph of MAC layers and of the nodes that only carry shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from dse.errors import A_LAYER, DseError, expect
from dse.problem.density import Density
from dse.problem.dims import OPERANDS, WIDTHS
from dse.problem.layer import Layer
from dse.problem.notebook import html, picture, short
from dse.problem.shapes import Shape, checked

if TYPE_CHECKING:
    import networkx
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of a network and the tensor that it makes.

    Parameters
    ----------
    name : str
    op : str
        `input`, `conv`, `fc`, `matmul`, `layer`, `maxpool`, `add`, ...: the key that says it in a workload file.
    shape : tuple of int
        Of the output for one image: (channels, height, width), (tokens, features) or (features,).
    inputs : tuple of str
        Names of the nodes whose tensors it reads; in order, repeats allowed.
    layer : Layer, optional
        What it computes, if it makes MACs; it has the node's name.
    weights : {"parameters", "activations"}
        Whether the weight operand is stored with the network or computed by it, as in attention.
    extra_parameters : int
        Biases and batch norm.
    attributes : tuple of (str, value)
        What a node without MACs needs to be written to a file again.
    tensor : str
        The stored tensor that its weights are; layers that name the same one share it. Empty for one of its own.
    tensor_words : int
        Elements of that tensor; 0 if they are the layer's weights, each once.

    Examples
    --------
    >>> node = Node("fc", "fc", (2,), layer=Layer("fc", K=2, C=3), extra_parameters=2)
    >>> node.words, node.parameters, node.batch_dim
    (2, 8, 'N')
    """

    name: str
    op: str
    shape: Shape
    inputs: tuple[str, ...] = ()
    layer: Layer | None = None
    weights: Literal["parameters", "activations"] = "parameters"
    extra_parameters: int = 0
    attributes: tuple[tuple[str, Any], ...] = ()
    tensor: str = ""
    tensor_words: int = 0

    def __post_init__(self) -> None:
        if self.layer is not None and self.layer.name != self.name:
            raise DseError(f"node {self.name}: its layer is named {self.layer.name}")
        if not self.shape or any(size < 1 for size in self.shape):
            raise DseError(f"node {self.name}: shape={self.shape} has no elements")

    @property
    def batch_dim(self) -> Literal["N", "G"]:
        """The loop bound that grows with the batch: G if each image has a weight operand of its own."""
        return "G" if self.weights == "activations" else "N"

    @property
    def words(self) -> int:
        """Elements of the output tensor for one image."""
        return prod(self.shape)

    @property
    def stored_words(self) -> int:
        """Elements of the stored tensor that its weights are, whoever else reads it."""
        if self.layer is None or self.weights != "parameters":
            return 0
        return self.tensor_words or self.layer.weight_words

    @property
    def parameters(self) -> int:
        """Weights, biases and batch norm stored with the network."""
        return self.stored_words + self.extra_parameters


@dataclass(frozen=True)
class Workload:
    """A network at some batch size.

    Parameters
    ----------
    name : str
    nodes : tuple of Node
        In an order in which every node follows those that it reads.
    batch : int
        Images computed together; the layers' bounds contain it.
    description : str
    published : tuple of (str, float)
        Figures that others state about the network, such as its accuracy; nothing is computed from them.

    Raises
    ------
    DseError
        Two nodes of one name, or a node that reads one that does not stand before it.

    Examples
    --------
    >>> net = Workload.of("two", [Layer("first", K=2, C=3), Layer("second", K=4, C=2)])
    >>> net.macs, [layer.name for layer in net.layers]
    (14, ['first', 'second'])
    >>> net.with_batch(8).layer("first").N
    8
    >>> net.node("second").layer == net.layer("second"), net.stored_words["first"], net.to_dict()["macs"]
    (True, 6, 14)
    >>> len(net.to_dataframe()), net.graph.number_of_nodes(), len(net.plot().axes) > 0
    (2, 2, True)
    >>> net
    Workload('two', layers=2, macs=14, batch=1)
    """

    name: str
    nodes: tuple[Node, ...]
    batch: int = 1
    description: str = ""
    published: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise DseError("a workload needs a name", hint="at least one letter")
        if self.batch < 1:
            raise DseError(f"workload {self.name}: batch={self.batch} < 1")
        seen: set[str] = set()
        for node in self.nodes:
            expect(node, Node, f"a node of workload {self.name}", "dse.Workload.of takes layers, one after the other")
            if node.name in seen:
                raise DseError(f"workload {self.name}: the name {node.name!r} is used twice")
            for source in node.inputs:
                if source not in seen:
                    raise DseError(f"workload {self.name}: {node.name} reads {source!r}, which is not before it")
            seen.add(node.name)
            if node.layer is not None and getattr(node.layer, node.batch_dim) % self.batch:
                bound = f"{node.batch_dim}={getattr(node.layer, node.batch_dim)}"
                raise DseError(f"workload {self.name}: {node.name} has {bound}, no multiple of batch={self.batch}")
        self._check_tensors()

    def _check_tensors(self) -> None:
        words: dict[str, int] = {}
        for node in self.nodes:
            known = words.setdefault(node.tensor, node.stored_words)
            if node.tensor and known != node.stored_words:
                here = f"{node.name} reads {node.stored_words} words of the tensor {node.tensor!r}"
                hint = "layers that read parts of a tensor state its size: tensor_words: SIZE"
                raise DseError(f"workload {self.name}: {here}, which has {known} elsewhere", hint=hint)

    def __repr__(self) -> str:
        return short("Workload", self.name, layers=len(self.layers), macs=self.macs, batch=self.batch)

    def _repr_html_(self) -> str:
        return html(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each MAC layer: see `dse.problem.summary.layer_rows`."""
        import pandas

        from dse.problem.summary import layer_rows

        return pandas.DataFrame(layer_rows(self))

    def plot(self) -> Figure:
        """The network's graph."""
        return picture(self)

    @classmethod
    def of(cls, name: str, layers: Iterable[Layer]) -> Workload:
        """A workload of bare layers with nothing between them, each as it is for one image."""
        expect(layers, Iterable, "layers", "a list of dse.Layer, even of one")
        layers = tuple(layers)
        for layer in layers:
            expect(layer, Layer, "layer", A_LAYER)
        nodes = (Node(layer.name, "layer", (layer.G * layer.K, layer.P, layer.Q), layer=layer) for layer in layers)
        return cls(name, tuple(nodes))

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The MAC layers, in the order of the nodes."""
        return tuple(node.layer for node in self.nodes if node.layer is not None)

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """The network as a frozen `networkx.DiGraph`.

        A node is a name with the attribute `node` (`Node`); an edge has the attributes `shape` (of the tensor for one
        image) and `words` (of the tensor for the batch).
        """
        import networkx  # takes 0.2 s

        graph = networkx.DiGraph(name=self.name)
        for node in self.nodes:
            graph.add_node(node.name, node=node)
            for source in node.inputs:
                tensor = graph.nodes[source]["node"]
                graph.add_edge(source, node.name, shape=tensor.shape, words=tensor.words * self.batch)
        return networkx.freeze(graph)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @cached_property
    def stored_words(self) -> dict[str, int]:
        """Stored weights by the node that they are counted with: a shared tensor counts with its first reader."""
        seen: set[str] = set()
        stored = {}
        for node in self.nodes:
            stored[node.name] = 0 if node.tensor in seen else node.stored_words
            if node.tensor:
                seen.add(node.tensor)
        return stored

    @property
    def weight_words(self) -> int:
        """Weights stored with the network, each tensor once, without biases and batch norm."""
        return sum(self.stored_words.values())

    @property
    def parameters(self) -> int:
        """Weights, biases and batch norm stored with the network, each tensor once."""
        return self.weight_words + sum(node.extra_parameters for node in self.nodes)

    def node(self, name: str) -> Node:
        """A node by name.

        Raises
        ------
        DseError
            There is none; with the names that are close.
        """
        return self._find(name, self.nodes, "node")

    def layer(self, name: str) -> Layer:
        """A MAC layer by name.

        Raises
        ------
        DseError
            There is none; with the names that are close.
        """
        found = self._find(name, [node for node in self.nodes if node.layer is not None], "layer").layer
        assert found is not None
        return found

    def distinct(self) -> tuple[tuple[Layer, tuple[str, ...]], ...]:
        """The layers that differ in `Layer.shape_key()`, in order of appearance, each with the names that share it.

        Examples
        --------
        >>> net = Workload.of("twice", [Layer("first", K=2, C=3), Layer("again", K=2, C=3)])
        >>> [names for _, names in net.distinct()]
        [('first', 'again')]
        """
        groups: dict[tuple[Any, ...], tuple[Layer, list[str]]] = {}
        for layer in self.layers:
            groups.setdefault(layer.shape_key(), (layer, []))[1].append(layer.name)
        return tuple((layer, tuple(names)) for layer, names in groups.values())

    def with_batch(self, batch: int) -> Workload:
        """The same network on `batch` images at once; a DseError for more than can be counted."""
        expect(batch, int, "batch", "images at once, e.g. 4")
        if batch < 1:
            raise DseError(f"workload {self.name}: batch={batch} < 1")
        nodes: list[Node] = []
        for node in self.nodes:
            if node.layer is not None:
                per_image = getattr(node.layer, node.batch_dim) // self.batch
                node = replace(node, layer=checked(node.layer.with_(**{node.batch_dim: per_image * batch})))
            nodes.append(node)
        return replace(self, nodes=tuple(nodes), batch=batch)

    def with_bits(self, **bits: int) -> Workload:
        """The same network with other widths, e.g. `with_bits(weight=8, psum=24)`; the other operands keep theirs.

        Parameters
        ----------
        **bits : int
            Bits of an element, by operand, and of finished outputs (`ofmap`).

        Raises
        ------
        DseError
            A name that is no operand, or fewer bits than 1.

        Examples
        --------
        >>> net = Workload.of("one", [Layer("fc", K=2, C=3)])
        >>> net.with_bits(weight=8).layer("fc").bits
        PerOperand(ifmap=16, weight=8, psum=16)
        """
        _check_operands(bits, WIDTHS)
        return self._with_layers(lambda layer: layer.stating(bits))

    def with_density(self, **density: Density) -> Workload:
        """The same network with other fractions of nonzero elements, e.g. `with_density(ifmap=0.42, weight="2:4")`.

        Parameters
        ----------
        **density : float or str
            Part of the elements that is not zero, by operand, in (0, 1]; or `N:M`, N of every M.

        Raises
        ------
        DseError
            A name that is no operand, or a density out of range.

        Examples
        --------
        >>> net = Workload.of("one", [Layer("fc", K=2, C=3)])
        >>> net.with_density(ifmap=0.5).layer("fc").density.ifmap
        0.5
        """
        _check_operands(density, OPERANDS)
        return self._with_layers(lambda layer: layer.leaving(density))

    def _with_layers(self, change: Callable[[Layer], Layer]) -> Workload:
        nodes = (node if node.layer is None else replace(node, layer=change(node.layer)) for node in self.nodes)
        return replace(self, nodes=tuple(nodes))

    def with_(self, **changes: Any) -> Workload:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the totals, and every node with its layer."""
        return {
            "workload": self.name,
            "batch": self.batch,
            "macs": self.macs,
            "weight_words": self.weight_words,
            "parameters": self.parameters,
            "nodes": [
                {
                    "name": node.name,
                    "op": node.op,
                    "inputs": list(node.inputs),
                    "shape": list(node.shape),
                    "layer": node.layer.to_dict() if node.layer is not None else None,
                }
                for node in self.nodes
            ],
        }

    def _find(self, name: str, nodes: Iterable[Node], noun: str) -> Node:
        by_name = {node.name: node for node in nodes}
        if name in by_name:
            return by_name[name]
        close = get_close_matches(str(name), by_name, n=3)
        some = ", ".join(list(by_name)[:NAMED]) + (f", ... ({len(by_name)} in all)" if len(by_name) > NAMED else "")
        hint = "did you mean " + " or ".join(map(repr, close)) + "?" if close else f"one of: {some}"
        raise DseError(f"workload {self.name} has no {noun} {name!r}", hint=hint)


NAMED = 12
"""Names that are listed where one is unknown, at most."""


def _check_operands(names: Iterable[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise DseError(f"{name!r} is no operand", hint=f"one of: {', '.join(known)}")
