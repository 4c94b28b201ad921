"""The nodes of an ONNX graph, each after those that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dse.errors import DseError

_SHOWN = 6


def subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.g.node or attribute.g.output:
            yield attribute.g
        yield from attribute.graphs


def in_order(nodes: Iterable[Any], known: Iterable[str]) -> list[Any]:
    """The nodes with everything that is read before what reads it; otherwise as they stand.

    Parameters
    ----------
    nodes : sequence of NodeProto
    known : iterable of str
        Tensors that are there before: inputs, initializers, and those of outer graphs.

    Raises
    ------
    DseError
        A tensor that nothing makes or that two nodes make, or nodes that read each other in a circle.
    """
    waiting = list(nodes)
    outside, makers = set(known), {}
    for index, node in enumerate(waiting):
        for name in node.output:
            if name and name in makers:
                raise DseError(f"{label(node)}: the tensor {name!r} is made by two nodes")
            makers[name] = index
    ordered: list[Any] = []
    done: dict[int, bool] = {}  # False while what a node reads is being placed
    for start in range(len(waiting)):
        stack = [] if start in done else [(start, _read(waiting[start]))]
        done.setdefault(start, False)
        while stack:
            index, names = stack[-1]
            following = None
            for name in names:
                if name in makers and name not in outside and not done.get(makers[name], False):
                    following = makers[name]
                    break
                if name not in makers and name not in outside:
                    raise DseError(f"{label(waiting[index])}: it reads {name!r}, which nothing makes")
            if following is None:
                stack.pop()
                done[index] = True
                ordered.append(waiting[index])
            elif following in done:
                circle = [waiting[at] for at, _ in stack][[at for at, _ in stack].index(following) :]
                said = " -> ".join(label(node) for node in reversed(circle[-_SHOWN:]))
                raise DseError(f"nodes read each other in a circle: {said}")
            else:
                done[following] = False
                stack.append((following, _read(waiting[following])))
    return ordered


def label(node: Any) -> str:
    """A node as an error names it."""
    name = node.name or next(iter(node.output), "") or "(no name)"
    return f"node {name[:120]!r} ({node.op_type[:60]})"


def _read(node: Any) -> Iterator[str]:
    """What a node reads, by itself or through the graphs that it holds."""
    yield from (name for name in node.input if name)
    none: frozenset[str] = frozenset()
    inner = [(graph, none) for graph in subgraphs(node)]
    while inner:
        graph, above = inner.pop()
        # a graph sees what the graphs around it make, and reads none of that from outside
        own = above.union(item.name for item in (*graph.input, *graph.initializer))
        own = own.union(name for other in graph.node for name in other.output)
        for other in graph.node:
            yield from (name for name in other.input if name and name not in own)
            inner += [(deeper, own) for deeper in subgraphs(other)]
