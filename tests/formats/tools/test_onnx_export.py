"""Files that PyTorch's own ONNX exporters write have the layers that tracing the same module finds."""

from collections import Counter

import pytest

import dse
from dse.formats.onnx.model import extract_onnx

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
from torch import nn  # noqa: E402


class Residual(nn.Module):
    """Plain, depthwise and grouped convolutions, a kernel of 1x7, a batch norm, a residual add, pools and a linear."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.grouped = nn.Conv2d(16, 24, (1, 7), padding=(0, 3), groups=4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(24, 10)

    def forward(self, x):
        x = torch.relu(self.bn(self.stem(x)))
        x = torch.relu(x + self.depthwise(x))
        x = nn.functional.max_pool2d(self.grouped(x), 3, 2, 1)
        return self.fc(torch.flatten(self.pool(x), 1))


class Attention(nn.Module):
    """A norm, an attention of four heads with a residual add, and a linear."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.out = nn.Linear(32, 64)

    def forward(self, x):
        normed = self.norm(x)
        return self.out(x + self.attention(normed, normed, normed, need_weights=False)[0])


class Upsampling(nn.Module):
    """Transposed convolutions: one whose outputs split evenly, and a grouped one whose outputs do not."""

    def __init__(self):
        super().__init__()
        self.even = nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1)
        self.odd = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2)

    def forward(self, x):
        return self.odd(torch.relu(self.even(x)))


MODELS = [(Residual, (2, 3, 32, 32)), (Attention, (2, 7, 32)), (Upsampling, (2, 6, 8, 8))]
"""Modules and what they are called with; two images, because an exporter may bake a batch of one in."""


def exported(module, image, path, *, dynamo, dynamic):
    """The workload of the file that an exporter writes; its batch is open in the file if `dynamic`."""
    more = {}
    if dynamic and dynamo:
        more = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    elif dynamic:
        more = {"dynamic_axes": {"x": {0: "batch"}}}
    torch.onnx.export(module, (image,), str(path), input_names=["x"], dynamo=dynamo, verbose=False, **more)
    return extract_onnx(path, dims={"batch": len(image)} if dynamic else {}).workload


def drawn(kind, seed=1):
    """A module in `eval()` whose tensors are neither zero nor alike: exporters leave zero biases out (dynamo), or store
    equal tensors once (TorchScript)."""
    torch.manual_seed(seed)
    module = kind().eval()
    for tensor in (*module.parameters(), *(own for own in module.buffers() if own.is_floating_point())):
        nn.init.uniform_(tensor, 0.5, 1.5)
    return module


def layer_edges(workload):
    """Bounds of each layer, and of the layers that it reads, through whatever lies between them."""
    nodes = {node.name: node for node in workload.nodes}

    def feeding(node):
        found = []
        for name in node.inputs:
            before = nodes[name]
            found += [before.layer.bounds] if before.layer else feeding(before)
        return sorted(set(found))

    return [(node.layer.bounds, node.weights, feeding(node)) for node in workload.nodes if node.layer]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "open_batch"])
@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "torchscript"])
@pytest.mark.parametrize(("kind", "shape"), MODELS, ids=[kind.__name__.lower() for kind, _ in MODELS])
def test_exported_file_has_the_layers_of_the_module(tmp_path, kind, shape, dynamo, dynamic):
    module, image = drawn(kind), torch.rand(shape)
    ours = exported(module, image, tmp_path / "m.onnx", dynamo=dynamo, dynamic=dynamic)
    traced = dse.from_torch(module, image)
    assert ours.batch == traced.batch == 2
    assert [layer.shape_key() for layer in ours.layers] == [layer.shape_key() for layer in traced.layers]
    assert layer_edges(ours) == layer_edges(traced)
    assert (ours.macs, ours.weight_words) == (traced.macs, traced.weight_words)
    kept = ("add", "maxpool", "globalpool")
    counts = [Counter(node.op for node in found.nodes if node.op in kept) for found in (ours, traced)]
    assert counts[0] == counts[1]
    # a batch norm's scale and shift are folded into the convolution, which gets a bias in their place
    folded = module.bn.weight.numel() if kind is Residual else 0
    assert ours.parameters == traced.parameters - folded


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "shape"), [MODELS[0], MODELS[2]], ids=["residual", "upsampling"])
def test_names_of_layers_survive_the_export(tmp_path, kind, shape):
    module, image = drawn(kind), torch.rand(shape)
    ours = exported(module, image, tmp_path / "m.onnx", dynamo=True, dynamic=False)
    assert ours.layers == dse.from_torch(module, image).layers


@pytest.mark.filterwarnings("ignore")
def test_another_batch_than_the_exported_one(tmp_path):
    """A file with an open batch, exported at 2, read at 5."""
    module = drawn(Residual)
    exported(module, torch.rand(2, 3, 32, 32), tmp_path / "m.onnx", dynamo=True, dynamic=True)
    ours = extract_onnx(tmp_path / "m.onnx", dims={"batch": 5}).workload
    assert ours.layers == dse.from_torch(module, torch.rand(5, 3, 32, 32)).layers
    with pytest.raises(dse.DseError, match="leave sizes open: batch"):
        extract_onnx(tmp_path / "m.onnx")
