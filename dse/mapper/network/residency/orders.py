"""Orders of the branches of a network between two points where a single tensor is alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, permutations

from dse.errors import MappingError
from dse.mapper.network.residency.graph import Graph
from dse.problem.workload import Node, Workload


@dataclass(frozen=True, slots=True)
class Module:
    """Nodes behind one point where a single tensor is alive, up to the next: branches, and what joins them.

    Parameters
    ----------
    first, last : int
        Places of the first node and of the one that joins, in the network.
    branches : tuple of tuple of int
        Places of the nodes of each branch, in their own order.
    """

    first: int
    last: int
    branches: tuple[tuple[int, ...], ...]


def modules_of(workload: Workload) -> list[Module]:
    """The modules of a network that have several branches.

    Examples
    --------
    >>> import dse
    >>> [len(module.branches) for module in modules_of(dse.load_workload("googlenet"))]
    [4, 4, 4, 4, 4, 4, 4, 4, 4]
    >>> len(modules_of(dse.load_workload("resnet50"))), len(modules_of(dse.load_workload("vgg16")))
    (4, 0)
    """
    place = {node.name: at for at, node in enumerate(workload.nodes)}
    last_use = list(range(len(workload.nodes)))
    for at, node in enumerate(workload.nodes):
        for name in node.inputs:
            last_use[place[name]] = at
    alive: set[int] = set()
    found, first = [], 0
    for at in range(len(workload.nodes)):
        alive = {t for t in (*alive, at) if last_use[t] > at}
        if len(alive) > 1:
            continue
        branches = _branches(workload, range(first, at), place)
        if len(branches) > 1:
            found.append(Module(first, at, branches))
        first = at + 1
    return found


def inside_modules(graph: Graph, workload: Workload) -> frozenset[int] | None:
    """Steps in the branches of modules; None if tensors may live otherwise in other orders than these steps' lifetimes
    say: a network of several inputs or outputs, or a part of a concat that something else reads, too.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.network.residency.graph import graph_of
    >>> chip, network = dse.load_architecture("eyeriss"), dse.load_workload("squeezenet1_0")
    >>> graph = graph_of(chip, network)
    >>> [graph.steps[i].name for i in sorted(inside_modules(graph, network))][:2]
    ['features.3.expand1x1', 'features.3.expand3x3']
    """
    ends = sum(held.must_leave for held in graph.tensors)
    starts = sum(held.made_in < 0 for held in graph.tensors)
    concats = [graph.parts(i) for i in range(len(graph.steps))]
    if ends != 1 or starts != 1 or any(len(graph.tensors[t].read_in) > 1 for parts in concats for t in parts):
        return None
    nodes = workload.nodes
    names = {nodes[at].name for one in modules_of(workload) for at in range(one.first, one.last)}
    return frozenset(i for i, step in enumerate(graph.steps) if step.name in names)


def _branches(workload: Workload, nodes: range, place: dict[str, int]) -> tuple[tuple[int, ...], ...]:
    """Nodes that hang together, by what they read of each other."""
    group: dict[int, list[int]] = {}
    for at in nodes:
        read = [group[p] for name in workload.nodes[at].inputs if (p := place[name]) in group]
        own = sorted({at, *(other for one in read for other in one)})
        for one in own:
            group[one] = own
    return tuple(sorted({id(one): tuple(one) for one in group.values()}.values()))


def other_orders(workload: Workload, module: Module, most: int) -> Iterator[Workload]:
    """The network with the branches of a module in other orders, each branch whole behind the one before it.

    Examples
    --------
    >>> import dse
    >>> network = dse.load_workload("resnet50")
    >>> module = modules_of(network)[0]
    >>> (other,) = other_orders(network, module, 24)
    >>> [node.name for node in network.nodes[module.first : module.last]] == [
    ...     node.name for node in other.nodes[module.first : module.last]]
    False
    """
    nodes = workload.nodes
    for order in islice(permutations(module.branches), 1, 1 + most):
        inner = [nodes[at] for branch in order for at in branch]
        if inner != list(nodes[module.first : module.last]):
            yield replace(workload, nodes=(*nodes[: module.first], *inner, *nodes[module.last :]))


def in_order(workload: Workload, names: Iterable[str]) -> Workload:
    """The network with some nodes in an order that is given; those between come as soon as they are read.

    Raises
    ------
    MappingError
        When the network has no such node, or one would run before what it reads.

    Examples
    --------
    >>> import dse
    >>> net = dse.load_workload("googlenet")
    >>> [node.name for node in net.nodes[6:9]]
    ['inc3a.b1x1', 'inc3a.b3x3_reduce', 'inc3a.b3x3']
    >>> [node.name for node in in_order(net, ["inc3a.b3x3"]).nodes[6:9]]
    ['inc3a.b3x3_reduce', 'inc3a.b3x3', 'inc3a.b1x1']
    """
    nodes = {node.name: node for node in workload.nodes}
    wanted = list(names)
    waiting, done = set(wanted), dict[str, Node]()

    def run(name: str, reader: str) -> None:
        if name in done:
            return
        if name in waiting and name != reader:
            raise MappingError(f"order: {reader} runs before {name}, which it reads")
        for source in nodes[name].inputs:
            run(source, reader)
        done[name] = nodes[name]

    for name in wanted:
        if name not in nodes:
            raise MappingError(f"order: the network has no step {name!r}")
        run(name, name)
        waiting.discard(name)
    for name in nodes:
        run(name, name)
    return replace(workload, nodes=tuple(done.values()))
