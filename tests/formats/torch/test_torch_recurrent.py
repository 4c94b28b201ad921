"""Recurrent modules of PyTorch are the products that their equations have."""

import pytest

from dse.errors import DseError
from dse.formats.torch.model import extract_torch
from dse.formats.torch.recurrent import RECURRENT

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

GATES = {"gru": 3, "lstm": 4, "rnn_relu": 1, "rnn_tanh": 1}
MODULES = {
    "gru": nn.GRU, "lstm": nn.LSTM, "rnn_tanh": nn.RNN,
    "rnn_relu": lambda *sizes, **more: nn.RNN(*sizes, nonlinearity="relu", **more),
}  # fmt: skip
CELLS = {
    "gru_cell": nn.GRUCell, "lstm_cell": nn.LSTMCell, "rnn_tanh_cell": nn.RNNCell,
    "rnn_relu_cell": lambda *sizes: nn.RNNCell(*sizes, nonlinearity="relu"),
}  # fmt: skip


def macs_of(module, *inputs):
    return extract_torch(module, inputs).workload.macs


def test_every_recurrence_that_is_read_is_tested():
    assert {f"aten::{name}" for name in (*MODULES, *CELLS)} == set(RECURRENT)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (2, 2)])
def test_macs_of_a_module(name, layers, directions):
    """Per step, direction and gate: hidden times features and hidden; later layers read all directions."""
    steps, batch, features, hidden = 5, 2, 6, 8
    module = MODULES[name](features, hidden, num_layers=layers, bidirectional=directions == 2)
    wanted = sum(
        steps * batch * directions * GATES[name] * hidden * ((features if layer == 0 else directions * hidden) + hidden)
        for layer in range(layers)
    )
    assert macs_of(module, torch.empty(steps, batch, features)) == wanted


@pytest.mark.parametrize("name", CELLS)
def test_macs_of_a_cell(name):
    assert macs_of(CELLS[name](6, 8), torch.empty(2, 6)) == 2 * GATES[name.removesuffix("_cell")] * 8 * (6 + 8)


def test_a_projected_state_is_refused():
    with pytest.raises(DseError, match="projected to fewer features"):
        macs_of(nn.LSTM(6, 8, proj_size=4), torch.empty(5, 2, 6))
