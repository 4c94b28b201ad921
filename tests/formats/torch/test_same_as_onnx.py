"""A module traced by PyTorch and the ONNX file that it exports of it are the same layers, with the same weights."""

import warnings

import pytest

import dse
from dse.formats.onnx.model import extract_onnx

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
from torch import nn  # noqa: E402


class Unrolled(nn.Module):
    """One matrix at each of ten steps: 4,096 weights, 40,960 MACs."""

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(64, 64, bias=False)

    def forward(self, x):
        for _ in range(10):
            x = torch.tanh(self.step(x))
        return x


class Tied(nn.Module):
    """Words are looked up in the matrix that the end multiplies with: 320,000 parameters."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5000, 64)

    def forward(self, ids):
        return torch.nn.functional.linear(torch.tanh(self.table(ids)), self.table.weight)


class Folded(nn.Module):
    """A product of constants, 8 x 100 with 100 x 8, which is worked out once: 256 MACs are left."""

    def __init__(self):
        super().__init__()
        self.register_buffer("a", torch.ones(8, 100))
        self.register_buffer("b", torch.ones(100, 8))

    def forward(self, x):
        return x @ (self.a @ self.b)


class Cached(nn.Module):
    """One new position of 4 heads attends to 9 earlier ones and itself."""

    def forward(self, q, k, v, past_k, past_v):
        k, v = torch.cat([past_k, k], 2), torch.cat([past_v, v], 2)
        return torch.softmax(q @ k.transpose(2, 3), -1) @ v


class Three(nn.Module):
    """An Einstein sum of three operands, two of them weights."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Parameter(torch.ones(64, 4)), nn.Parameter(torch.ones(4, 32))

    def forward(self, x):
        return torch.einsum("bi,ir,ro->bo", x, self.down, self.up)


CASES = {
    "conv1d": (nn.Conv1d(3, 8, 5, 2, 2), [(1, 3, 40)], None),
    "conv2d": (nn.Conv2d(4, 8, (3, 1), padding="same", groups=2, dilation=2), [(2, 4, 12, 12)], None),
    "conv3d": (nn.Conv3d(3, 4, 3, padding=1), [(1, 3, 8, 6, 6)], 4 * 3 * 27 * 8 * 36),
    "conv3d_patch": (nn.Conv3d(3, 4, (2, 4, 4), (2, 4, 4)), [(1, 3, 4, 8, 8)], 4 * 3 * 4 * 64),
    "first_of_a_generator": (nn.ConvTranspose2d(100, 64, 4), [(1, 100, 1, 1)], 102_400),
    "cropped": (nn.ConvTranspose2d(21, 21, 4, 2, 1, groups=21), [(1, 21, 8, 8)], 18_900),
    "grown": (nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1), [(1, 6, 5, 5)], None),
    "unrolled": (Unrolled(), [(1, 64)], 40_960),
    "tied": (Tied(), [7], 7 * 5000 * 64),
    "folded": (Folded(), [(4, 8)], 256),
    "cached": (Cached(), [(1, 4, 1, 16)] * 3 + [(1, 4, 9, 16)] * 2, 4 * 10 * 16 * 2),
    "einsum": (Three(), [(1, 64)], 64 * 4 + 4 * 32),
    "lstm": (nn.LSTM(8, 16), [(5, 1, 8)], 4 * 16 * 5 * (8 + 16)),
    "lstm_of_two_layers": (nn.LSTM(8, 16, 2, bidirectional=True), [(5, 1, 8)], 4 * 2 * 16 * 5 * (24 + 48)),
    "gru": (nn.GRU(8, 16, bidirectional=True), [(5, 1, 8)], 3 * 2 * 16 * 5 * (8 + 16)),
    "rnn": (nn.RNN(8, 16, bias=False), [(5, 1, 8)], 16 * 5 * (8 + 16)),
}
"""A module, the shapes of its inputs (or how many words it reads), and its MACs where they are counted by hand."""


@pytest.mark.parametrize("case", CASES)
def test_both_have_the_same_layers_and_weights(case, tmp_path):
    module, shapes, macs = CASES[case]
    module.eval()
    inputs = tuple(torch.zeros(1, s, dtype=torch.int64) if isinstance(s, int) else torch.zeros(s) for s in shapes)
    traced = dse.from_torch(module, *inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # only the older exporter keeps a recurrence as one operation
        how = {"dynamo": False, "do_constant_folding": False, "opset_version": 17}
        torch.onnx.export(module, inputs, tmp_path / "m.onnx", **how)
    exported = extract_onnx(tmp_path / "m.onnx").workload

    def sizes(workload):
        return sorted(str(layer.shape_key()) for layer in workload.layers)

    assert sizes(traced) == sizes(exported)
    assert (traced.macs, traced.weight_words) == (exported.macs, exported.weight_words)
    assert macs in (None, traced.macs)
    trained = sum(weight.numel() for weight in module.parameters())
    assert traced.parameters == exported.parameters == trained or case == "folded"


@pytest.mark.parametrize(("cell", "gates"), [(nn.LSTMCell, 4), (nn.GRUCell, 3), (nn.RNNCell, 1)])
def test_a_cell_is_one_step(cell, gates):
    found = dse.from_torch(cell(8, 16), torch.zeros(2, 8))
    assert [layer.bounds[:4] for layer in found.layers] == [(1, 2, gates * 16, 8), (1, 2, gates * 16, 16)]
    assert found.parameters == gates * 16 * (8 + 16 + 2)


def test_the_last_state_of_a_recurrence_may_be_all_that_is_read():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.head = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 3)

        def forward(self, x):
            return self.head(self.gru(x)[1][-1])

    found = dse.from_torch(Last(), torch.zeros(1, 5, 8))
    assert found.layers[-1].name == "head"
    assert found.macs == 3 * 16 * 5 * 24 + 48
