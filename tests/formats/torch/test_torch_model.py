"""PyTorch modules as workloads, and that ONNX makes the same layers of the same model."""

from importlib.util import find_spec

import pytest

import dse
from dse.formats.workload.load import dump_workload, load_workload, parse_workload

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


class Mixed(nn.Module):
    """A convolution of each kind, a residual add, a pool, and products of matrices."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, (3, 5), stride=2, padding=(1, 2), bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.dw = nn.Conv2d(8, 8, 3, padding="same", groups=8, dilation=2)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.fc = nn.Linear(4 * 16 * 16, 10)
        self.dropout = nn.Dropout()

    def forward(self, x):
        x = torch.relu(self.bn(self.stem(x)))
        x = nn.functional.max_pool2d(x + self.dw(x), 2)
        x = self.up(x)
        scores = x.flatten(2) @ x.flatten(2).transpose(1, 2)
        return self.fc(self.dropout(x.flatten(1))), scores


def test_layers_of_a_module():
    module = Mixed()
    found = dse.from_torch(module, torch.empty(1, 3, 32, 32))
    bounds = {layer.name: layer.bounds for layer in found.layers}
    assert bounds == {
        "stem": (1, 1, 8, 3, 16, 16, 3, 5),
        "dw": (8, 1, 1, 1, 16, 16, 3, 3),
        "up": (1, 1, 16, 8, 8, 8, 1, 1),
        "matmul": (1, 4, 4, 256, 1, 1, 1, 1),
        "fc": (1, 1, 10, 1024, 1, 1, 1, 1),
    }
    assert found.parameters == sum(weight.numel() for weight in module.parameters())
    assert module.training
    assert found.node("matmul").weights == "activations"
    assert [node.op for node in found.nodes].count("add") == 1
    assert parse_workload(dump_workload(found)).layers == found.layers


def test_nothing_is_computed_on_the_meta_device():
    with torch.device("meta"):
        found = dse.from_torch(nn.Linear(1 << 18, 1 << 18), torch.empty(2, 1 << 18))
    assert found.batch == 2
    assert found.weight_words == 1 << 36


def test_a_transformer_layer_has_its_six_products():
    with torch.device("meta"):
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
        found = dse.from_torch(layer, torch.empty(1, 7, 64))
    assert [layer.bounds[:4] for layer in found.layers] == [
        (1, 7, 192, 64), (4, 7, 7, 16), (4, 7, 16, 7), (1, 7, 64, 64), (1, 7, 128, 64), (1, 7, 64, 128),
    ]  # fmt: skip


def test_an_operation_without_a_layer_is_an_error_that_names_it():
    class Distances(nn.Module):
        def forward(self, x):
            return torch.cdist(x, x)

    with pytest.raises(dse.DseError, match=r"\(aten::cdist\)"):
        dse.from_torch(Distances(), torch.empty(5, 8))
    with pytest.raises(dse.DseError, match="projected to fewer features"):
        dse.from_torch(nn.LSTM(8, 4, proj_size=2), torch.empty(5, 1, 8))


def test_a_path_that_depends_on_data_is_an_error():
    class Choice(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(dse.DseError, match="choice cannot be traced"):
        dse.from_torch(Choice(), torch.empty(1, 2))


def test_onnx_has_the_same_layers(tmp_path):
    """The model written as ONNX by hand, as an exporter would."""
    onnx = pytest.importorskip("onnx")
    from formats.onnx.test_onnx_model import weights, write

    from dse.formats.onnx.model import extract_onnx

    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["x", "stem.weight"], ["c"], strides=[2, 2], pads=[1, 2, 1, 2]),
        make("Relu", ["c"], ["r"]),
        make("Conv", ["r", "dw.weight"], ["d"], group=8, dilations=[2, 2], auto_pad="SAME_UPPER"),
        make("Add", ["r", "d"], ["a"]),
        make("MaxPool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        make("ConvTranspose", ["p", "up.weight"], ["u"], strides=[2, 2]),
        make("Flatten", ["u"], ["f"]),
        make("Gemm", ["f", "fc.weight"], ["y"], transB=1),
    ]
    stored = [weights("stem.weight", 8, 3, 3, 5), weights("dw.weight", 8, 1, 3, 3), weights("up.weight", 8, 4, 2, 2),
              weights("fc.weight", 10, 1024)]  # fmt: skip
    ours = extract_onnx(write(tmp_path / "m.onnx", nodes, {"x": [1, 3, 32, 32]}, stored)).workload
    theirs = dse.from_torch(Mixed(), torch.empty(1, 3, 32, 32))
    assert ours.layers == tuple(layer for layer in theirs.layers if layer.name != "matmul")


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_torchvision_by_name(depth):
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    from dse.formats.torch.torchvision import extract_torchvision

    found = extract_torchvision(f"resnet{depth}").workload
    own = load_workload(f"resnet{depth}_v1p5")
    assert sorted(layer.shape_key() for layer in found.layers) == sorted(layer.shape_key() for layer in own.layers)
    assert found.parameters == own.parameters
    with pytest.raises(dse.DseError, match="no model 'resnet5'"):
        extract_torchvision("resnet5")




@pytest.mark.parametrize("how", ["repeat_interleave", "expand", "sdpa", "gqa"])
def test_repeated_heads_of_keys_and_values_are_shared(how):
    """However a model repeats each of 2 K/V heads for 4 query heads, K and V are counted once."""

    class Grouped(nn.Module):
        def forward(self, q, k, v):
            if how == "gqa":
                return nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
            if how == "expand":
                k, v = (x[:, :, None].expand(1, 2, 4, 9, 16).reshape(1, 8, 9, 16) for x in (k, v))
            else:
                k, v = (x.repeat_interleave(4, 1) for x in (k, v))
            if how == "sdpa":
                return nn.functional.scaled_dot_product_attention(q, k, v)
            return torch.softmax(q @ k.transpose(2, 3) * 0.25, -1) @ v

    found = dse.from_torch(Grouped(), torch.empty(1, 8, 5, 16), torch.empty(1, 2, 9, 16), torch.empty(1, 2, 9, 16))
    assert [layer.bounds[:4] for layer in found.layers] == [(2, 20, 9, 16), (2, 20, 16, 9)]
