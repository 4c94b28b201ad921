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
from dse.formats.graph.products import Made
from dse.formats.graph.recurrent import Recurrence, recurrent
from dse.formats.onnx.ops import Call
from dse.problem.shapes import spelled

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
        sizes = Recurrence(call.op, steps, batch, features, hidden, directions)
        for stored, columns in ((weight, features), (state, hidden)):
            wanted = (directions, columns, sizes.gates) if quantized else (directions, sizes.gates, columns)
            if stored.sizes != wanted:
                raise DseError(f"weights {spelled(stored.sizes)} where {spelled(wanted)} fit its input and hidden_size")
        biases = [value for value in call.others(3) if value.constant]
        out = (batch, steps, directions, hidden) if batch_first else (steps, directions, batch, hidden)
        last = (batch, directions, hidden) if batch_first else (directions, batch, hidden)
        call.more.update({1: last, 2: last})
        operands = source, weight, state
        return recurrent(call.graph, call.name, sizes, operands, biases, call.optional(5), out), out

    return make


RECURRENT: dict[tuple[str, str], Callable[[Call], Made]] = {
    ("", "LSTM"): _recurrent(),
    ("", "GRU"): _recurrent(),
    ("", "RNN"): _recurrent(),
    ("com.microsoft", "DynamicQuantizeLSTM"): _recurrent(quantized=True),
}
