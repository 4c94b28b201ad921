"""Recurrent operations of ONNX: the product with the inputs of all steps at once, and one with the state at each step.

`LSTM`, `GRU` and `RNN` have 4, 3 and 1 gates of `hidden_size` each. The gates of a step are `W x + R h`: what comes of
the inputs is one product of matrices over all steps, and what comes of the state waits for the step before. Both
directions are groups, each with a state and weights of its own; all steps read the same `R`. The definition is that of
the operators: https://onnx.ai/onnx/operators/onnx__LSTM.html. A first state of zeros is multiplied as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dse.errors import DseError
from dse.formats.graph.graph import Product, Value
from dse.formats.graph.products import Made
from dse.formats.onnx.ops import Call
from dse.problem.shapes import spelled

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "DynamicQuantizeLSTM": 4}
_QUANTIZED_BITS = 8


def _recurrent(*, quantized: bool = False) -> Callable[[Call], Made]:
    """A recurrent operation; the weights of a quantised one are stored as their transposes."""

    def make(call: Call) -> Made:
        source, weight, state = (call.operand(index) for index in range(3))
        if quantized:
            source = replace(source, bits=_QUANTIZED_BITS)
        batch_first = call.int("layout", 0) == 1
        steps, batch = source.sizes[:2][::-1] if batch_first else source.sizes[:2]
        directions, hidden, features = weight.sizes[0], call.int("hidden_size", state.sizes[-1]), source.sizes[2]
        gates = GATES[call.op] * hidden
        for stored, columns in ((weight, features), (state, hidden)):
            wanted = (directions, columns, gates) if quantized else (directions, gates, columns)
            if stored.sizes != wanted:
                raise DseError(f"weights {spelled(stored.sizes)} where {spelled(wanted)} fit its input and hidden_size")
        graph, name, biases = call.graph, call.name, [value for value in call.others(3) if value.constant]
        made = graph.product(
            f"{name}.inputs", (source, weight), Product(1, steps * batch, directions * gates, features),
            (steps, batch, directions * gates), biases, call.op,
        )  # fmt: skip
        inputs = Value((steps, batch, directions * gates), made)
        first = call.optional(5)
        now: Value = replace(first, bits=source.bits) if first is not None else Value(None, bits=source.bits)
        shape, outputs = (directions, batch, hidden), []
        for step in range(1, steps + 1):
            product = Product(directions, batch, gates, hidden)
            label = f"{name}.step{step}"
            made = graph.product(label, (now, state), product, (directions, batch, gates), op=call.op)
            reads = [Value((directions, batch, gates), made), inputs]
            now = Value(shape, graph.plain(f"{label}.gates", f"{call.op.lower()} gates", reads, shape), source.bits)
            outputs.append(now)
        out = (batch, steps, directions, hidden) if batch_first else (steps, directions, batch, hidden)
        return graph.plain(name, call.op.lower(), outputs, out), out

    return make


RECURRENT: dict[tuple[str, str], Callable[[Call], Made]] = {
    ("", "LSTM"): _recurrent(),
    ("", "GRU"): _recurrent(),
    ("", "RNN"): _recurrent(),
    ("com.microsoft", "DynamicQuantizeLSTM"): _recurrent(quantized=True),
}
