"""Which branch of an `If` stands for it: the one that is taken, or either one if both do the same work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from dse.formats.graph.graph import GraphOp
from dse.formats.onnx.order import subgraphs
from dse.formats.onnx.values import OnnxValue
from dse.problem.shapes import Shape

Visited = tuple[Sequence[GraphOp], Sequence[Shape | None]]
"""What a branch does, and the shapes of its outputs."""


def taken(node: Any, inputs: Sequence[OnnxValue | None]) -> Any:
    """The branch of an `If` that its condition decides; None if that is not known."""
    if node.op_type != "If" or not inputs or inputs[0] is None or inputs[0].data is None:
        return None
    wanted = "then_branch" if inputs[0].data.all() else "else_branch"
    return next((item.g for item in node.attribute if item.name == wanted), None)


def alike(node: Any, visit: Callable[[Any], Visited | None]) -> Any:
    """The first branch, if every branch computes the same layers and makes tensors of the same shapes; None if not.

    Parameters
    ----------
    node : NodeProto
        An `If`.
    visit : callable
        What a branch does, on trial; None if that cannot be told.
    """
    branches = list(subgraphs(node))
    works = []
    for branch in branches:
        found = visit(branch)
        if found is None or None in found[1]:
            return None
        ops, outputs = found
        work = Counter((op.macs, op.computed, tuple(op.tensors.values()), op.parameters, op.shape) for op in ops)
        works.append((work, tuple(outputs)))
    return branches[0] if works and all(work == works[0] for work in works) else None
