"""Writes `keywords.onnx`, the network of the tutorial: a small depthwise-separable network for keywords in speech.

    python docs/examples/keywords.py

Its shape is that of DS-CNN (Zhang et al., Hello Edge, 2017): an image of 49 x 10 coefficients, a convolution, four
depthwise and pointwise pairs of 64 channels, and 12 words. It states weights without holding them: shapes are enough.
"""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper

CHANNELS, WORDS, PAIRS = 64, 12, 4
TARGET = Path(__file__).with_name("keywords.onnx")


def _weight(name: str, *sides: int) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=sides, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="keywords.bin")
    return tensor


def model() -> bytes:
    """The file."""
    nodes, weights, last = [], [], "coefficients"

    def conv(name: str, sides: tuple[int, ...], **attributes: object) -> None:
        nonlocal last
        weights.append(_weight(f"{name}.weight", *sides))
        nodes.append(helper.make_node("Conv", [last, f"{name}.weight"], [name], name, **attributes))
        nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"], f"{name}.relu"))
        last = f"{name}.relu"

    conv("conv", (CHANNELS, 1, 10, 4), strides=[2, 2], pads=[4, 1, 5, 1])
    for i in range(1, PAIRS + 1):
        conv(f"dw{i}", (CHANNELS, 1, 3, 3), pads=[1, 1, 1, 1], group=CHANNELS)
        conv(f"pw{i}", (CHANNELS, CHANNELS, 1, 1))
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["pool"], "pool"))
    nodes.append(helper.make_node("Flatten", ["pool"], ["flat"], "flat"))
    weights.append(_weight("fc.weight", WORDS, CHANNELS))
    nodes.append(helper.make_node("Gemm", ["flat", "fc.weight"], ["words"], "fc", transB=1))
    given = [helper.make_tensor_value_info("coefficients", TensorProto.FLOAT, [1, 1, 49, 10])]
    made = [helper.make_tensor_value_info("words", TensorProto.FLOAT, [1, WORDS])]
    return helper.make_model(helper.make_graph(nodes, "keywords", given, made, weights)).SerializeToString()


if __name__ == "__main__":
    TARGET.write_bytes(model())
