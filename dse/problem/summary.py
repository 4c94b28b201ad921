"""A workload as rows of a table, and its totals: plain data for whoever draws it."""

from __future__ import annotations

from typing import Any

from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload


def layer_kind(node: Node, layer: Layer) -> str:
    """What people call a node's layer: `fc`, `matmul`, `depthwise`, `grouped`, `pointwise` or `conv`.

    A bare layer is named by its bounds: `fc` or, with groups, `matmul` if it has one output row and column and a
    1x1 filter.

    Parameters
    ----------
    node : Node
    layer : Layer
        The node's.

    Returns
    -------
    str

    Examples
    --------
    >>> import dse
    >>> net = dse.load_workload("alexnet")
    >>> [layer_kind(net.node(name), net.layer(name)) for name in ("conv1", "conv2", "fc6")]
    ['conv', 'grouped', 'fc']
    """
    if node.weights == "activations" or node.op == "matmul":
        return "matmul"
    is_product = layer.P == layer.Q == layer.R == layer.S == 1 and layer.H <= 1 and layer.W <= 1
    if node.op == "fc" or (node.op == "layer" and is_product):
        return "fc" if layer.G == 1 else "matmul"
    if layer.G > 1:
        return "depthwise" if layer.C == 1 else "grouped"
    return "pointwise" if layer.R == layer.S == 1 else "conv"


def layer_rows(workload: Workload) -> list[dict[str, Any]]:
    """One row for each MAC layer.

    Parameters
    ----------
    workload : Workload

    Returns
    -------
    list of dict
        `layer`, `kind`, `shape_index` (equal for layers that are mapped once, from 1), the bounds `G` to `S`, `stride`
        (height, width), `macs`, `weight_words`, `ifmap_words` (the padded box that traffic counts), `psum_words`, and
        the reuse maxima `reuse_<operand>_<kind>`: how often a word can be used at most, and for which reason.

    Examples
    --------
    >>> import dse
    >>> row = layer_rows(dse.load_workload("alexnet"))[0]
    >>> row["layer"], row["kind"], row["macs"], row["stride"]
    ('conv1', 'conv', 105415200, (4, 4))
    """
    index = {name: number for number, (_, names) in enumerate(workload.distinct(), 1) for name in names}
    rows = []
    for node in workload.nodes:
        if node.layer is None:
            continue
        layer = node.layer
        rows.append({
            "layer": layer.name,
            "kind": layer_kind(node, layer),
            "shape_index": index[layer.name],
            **dict(zip("GNKCPQRS", layer.bounds, strict=True)),
            "stride": (layer.stride_h, layer.stride_w),
            "macs": layer.macs,
            "weight_words": layer.weight_words,
            "ifmap_words": layer.ifmap_words,
            "psum_words": layer.psum_words,
            **{
                f"reuse_{operand}_{kind}": most
                for operand, kinds in layer.reuse_maxima().items()
                for kind, most in kinds.items()
            },
        })  # fmt: skip
    return rows


def workload_totals(workload: Workload) -> dict[str, Any]:
    """Totals of a workload at its batch size.

    Returns
    -------
    dict
        `workload`, `description`, `batch`, `layers`, `distinct_shapes`, `macs`, `macs_conv`, `macs_fc` (fully
        connected layers and matrix products), `weight_words` and its two parts `weight_words_conv` and
        `weight_words_fc`, `parameters` (with biases and batch norm), and `largest_ifmap_words`,
        `largest_psum_words` of one layer.

    Examples
    --------
    >>> import dse
    >>> totals = workload_totals(dse.load_workload("alexnet"))
    >>> totals["layers"], totals["macs"], totals["weight_words"]
    (8, 724406816, 60954656)
    """
    nodes = [node for node in workload.nodes if node.layer is not None]
    parts: dict[str, dict[str, int]] = {part: {"macs": 0, "weight_words": 0} for part in ("conv", "fc")}
    for node in nodes:
        assert node.layer is not None
        part = parts["fc" if layer_kind(node, node.layer) in ("fc", "matmul") else "conv"]
        part["macs"] += node.layer.macs
        part["weight_words"] += workload.stored_words[node.name]
    layers = workload.layers
    return {
        "workload": workload.name,
        "description": workload.description,
        "batch": workload.batch,
        "layers": len(layers),
        "distinct_shapes": len(workload.distinct()),
        **{
            key: value
            for what in ("macs", "weight_words")
            for key, value in (
                (what, parts["conv"][what] + parts["fc"][what]),
                (f"{what}_conv", parts["conv"][what]),
                (f"{what}_fc", parts["fc"][what]),
            )
        },
        "parameters": workload.parameters,
        "largest_ifmap_words": max((layer.ifmap_words for layer in layers), default=0),
        "largest_psum_words": max((layer.psum_words for layer in layers), default=0),
    }
