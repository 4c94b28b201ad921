"""PyTorch's recurrent modules and cells, as products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dse.errors import DseError
from dse.formats.graph.graph import Value
from dse.formats.graph.products import Made
from dse.formats.graph.recurrent import Recurrence, recurrent
from dse.formats.torch.ops import TorchCall
from dse.problem.shapes import spelled


def _module(op: str) -> Callable[[TorchCall], Made]:
    """Layers one upon the other, each of one or two directions; the next reads all states of the one before."""

    def make(call: TorchCall) -> Made:
        source, shape = call.tensor("input"), call.tensor("input").sizes
        if len(shape) == 2:  # no batch
            steps, batch = shape[0], 1
        else:
            steps, batch = shape[:2][::-1] if call.arguments["batch_first"] else shape[:2]
        directions, count = 2 if call.arguments["bidirectional"] else 1, int(call.arguments["num_layers"])
        params = [value for value in call.arguments["params"] if isinstance(value, Value)]
        each = 4 if call.arguments["has_biases"] else 2
        if len(params) != each * directions * count:
            raise DseError("a recurrence whose state is projected to fewer features is not supported")
        name = call.name
        for layer in range(count):
            own = [params[each * index :][:each] for index in range(layer * directions, (layer + 1) * directions)]
            inputs, state = (_joined([one[index] for one in own]) for index in (0, 1))
            sizes = Recurrence(op, steps, batch, source.sizes[-1], state.sizes[-1], directions)
            _check(sizes, (inputs, state))
            label = f"{call.name}.l{layer}" if count > 1 else call.name
            out = (*source.sizes[:-1], directions * sizes.hidden)
            biases = [bias for one in own for bias in one[2:]]
            name = recurrent(call.graph, label, sizes, (source, inputs, state), biases, _first(call), out)
            source = Value(out, name, source.bits)
        return name, source.sizes

    return make


def _cell(op: str) -> Callable[[TorchCall], Made]:
    """One step of one direction."""

    def make(call: TorchCall) -> Made:
        source, inputs, state = (call.tensor(name) for name in ("input", "w_ih", "w_hh"))
        batch = source.sizes[0] if len(source.sizes) == 2 else 1
        inputs, state = _joined([inputs]), _joined([state])
        sizes = Recurrence(op, 1, batch, source.sizes[-1], state.sizes[-1])
        _check(sizes, (inputs, state))
        biases = call.tensors("b_ih", "b_hh")
        out = (*source.sizes[:-1], sizes.hidden)
        return recurrent(call.graph, call.name, sizes, (source, inputs, state), biases, _first(call), out), out

    return make


def _joined(parts: Sequence[Value]) -> Value:
    """The weights of all directions as one tensor, as ONNX stores them."""
    names = [name for part in parts for name in part.parameters]
    total = sum(size for part in parts for size in part.parameters.values())
    return replace(parts[0], shape=(len(parts), *parts[0].sizes), parameters={names[0]: total} if names else {})


def _check(sizes: Recurrence, weights: Sequence[Value]) -> None:
    for stored, columns in zip(weights, (sizes.features, sizes.hidden), strict=True):
        if stored.sizes != (wanted := (sizes.directions, sizes.gates, columns)):
            raise DseError(f"weights {spelled(stored.sizes)} where {spelled(wanted)} are expected")


def _first(call: TorchCall) -> Value | None:
    """The first state, if it is not made of constants."""
    given = call.arguments.get("hx")
    state = given[0] if isinstance(given, list) and given else given
    return state if isinstance(state, Value) and not state.constant else None


RECURRENT: dict[str, Callable[[TorchCall], Made]] = {
    "aten::gru": _module("GRU"),
    "aten::lstm": _module("LSTM"),
    "aten::rnn_relu": _module("RNN"),
    "aten::rnn_tanh": _module("RNN"),
    "aten::gru_cell": _cell("GRU"),
    "aten::lstm_cell": _cell("LSTM"),
    "aten::rnn_relu_cell": _cell("RNN"),
    "aten::rnn_tanh_cell": _cell("RNN"),
}
"""By the operation's name."""
