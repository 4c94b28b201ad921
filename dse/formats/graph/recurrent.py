"""Recurrent operations as products: one over all steps with the inputs, and one at each step with the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dse.formats.graph.graph import Graph, Product, Value
from dse.problem.shapes import Shape

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "DynamicQuantizeLSTM": 4}
"""How many vectors of the size of the state an operation computes at each step."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The sizes of a recurrent operation; `directions` is 2 if it also reads its steps backwards."""

    op: str
    steps: int
    batch: int
    features: int
    hidden: int
    directions: int = 1

    @property
    def gates(self) -> int:
        """Elements of all gates, for one direction and one image."""
        return GATES[self.op] * self.hidden


def recurrent(
    graph: Graph, name: str, sizes: Recurrence, operands: tuple[Value, Value, Value], biases: Sequence[Value],
    first: Value | None, shape: Shape,
) -> str:  # fmt: skip
    """Add a recurrent operation; gives its name.

    Parameters
    ----------
    graph : Graph
    name : str
    sizes : Recurrence
    operands : three values
        The inputs, the weights that they meet, and the weights that the state meets.
    biases : sequence of Value
    first : Value, optional
        The first state; without one it is zeros, multiplied as any other.
    shape : tuple of int
        Of the states at all steps.
    """
    source, weight, state = operands
    batch, directions, gates = sizes.batch, sizes.directions, sizes.gates
    product = Product(1, sizes.steps * batch, directions * gates, sizes.features)
    table = (sizes.steps, batch, directions * gates)
    inputs = Value(table, graph.product(f"{name}.inputs", (source, weight), product, table, biases, sizes.op))
    now: Value = replace(first, bits=source.bits) if first is not None else Value(None, bits=source.bits)
    own, outputs = (directions, batch, sizes.hidden), []
    for step in range(1, sizes.steps + 1):
        label, made = f"{name}.step{step}", (directions, batch, gates)
        product = Product(directions, batch, gates, sizes.hidden)
        reads = [Value(made, graph.product(label, (now, state), product, made, op=sizes.op)), inputs]
        now = Value(own, graph.plain(f"{label}.gates", f"{sizes.op.lower()} gates", reads, own), source.bits)
        outputs.append(now)
    return graph.plain(name, sizes.op.lower(), outputs, shape)
