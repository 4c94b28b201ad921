"""What a network needs of a memory: bytes to hold, bytes to move at least, and operations for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.problem.summary import workload_totals
from dse.problem.workload import Node, Workload

IN_PLACE = frozenset(("activation", "reshape"))
"""Operations whose result takes the place of what they read, if nothing else reads that."""


def network_figures(workload: Workload) -> dict[str, Any]:
    """The figures by which networks are compared, at the workload's batch size.

    Returns
    -------
    dict
        `workload`, `batch`, `layers`, `distinct_shapes`, `weights`, `weights_conv`, `weights_fc`, `parameters` (with
        biases and batch norm), `macs`, `macs_conv`, `macs_fc`, `gflops`, `gflops_conv`, `gflops_fc`,
        `parameter_bytes`, `peak_activation_bytes`, `footprint_bytes` (their sum), `moved_bytes`, `flop_per_byte`, and
        for every published figure `published_<name>`.

    Notes
    -----
    GFLOPs are 1e-9 times two operations a MAC, of MAC layers only. The arithmetic intensity `flop_per_byte` is
    operations over `moved_bytes`: the weights, the stored ifmap and the ofmap of every layer once each, which is what
    a roofline calls compulsory traffic when layers run one after the other.

    Examples
    --------
    >>> import dse
    >>> figures = network_figures(dse.load_workload("alexnet"))
    >>> round(figures["gflops"], 3), figures["parameter_bytes"], round(figures["flop_per_byte"], 2)
    (1.449, 121930448.0, 11.68)
    """
    totals = workload_totals(workload)
    parameters, activations = parameter_bytes(workload), peak_activation_bytes(workload)
    moved = moved_bytes(workload)
    return {
        "workload": workload.name,
        "batch": workload.batch,
        "layers": totals["layers"],
        "distinct_shapes": totals["distinct_shapes"],
        "weights": totals["weight_words"],
        "weights_conv": totals["weight_words_conv"],
        "weights_fc": totals["weight_words_fc"],
        "parameters": totals["parameters"],
        "macs": totals["macs"],
        "macs_conv": totals["macs_conv"],
        "macs_fc": totals["macs_fc"],
        "gflops": gflops(totals["macs"]),
        "gflops_conv": gflops(totals["macs_conv"]),
        "gflops_fc": gflops(totals["macs_fc"]),
        "parameter_bytes": parameters,
        "peak_activation_bytes": activations,
        "footprint_bytes": parameters + activations,
        "moved_bytes": moved,
        "flop_per_byte": 2 * totals["macs"] / moved if moved else 0.0,
        **{f"published_{name}": value for name, value in workload.published},
    }


def gflops(macs: int) -> float:
    """Operations in units of 1e9: a multiplication and an addition for each MAC.

    Examples
    --------
    >>> gflops(724_406_816)
    1.448813632
    """
    return 2e-9 * macs


def activation_bits(workload: Workload) -> int:
    """Width of the elements of feature maps: that of the widest ifmap.

    Examples
    --------
    >>> from dse.problem.layer import Layer
    >>> from dse.problem.workload import Workload
    >>> two = Workload.of("two", [Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), Layer("fc", K=10, C=32)])
    >>> activation_bits(two)
    16
    """
    return max((layer.bits.ifmap for layer in workload.layers), default=16)


def parameter_bytes(workload: Workload) -> float:
    """Weights, biases and batch norm as stored; what belongs to no MAC layer has the width of the widest weight.

    Examples
    --------
    >>> from dse.problem.layer import Layer
    >>> from dse.problem.workload import Workload
    >>> two = Workload.of("two", [Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), Layer("fc", K=10, C=32)])
    >>> parameter_bytes(two) == 2 * (8 * 4 * 3 * 3 + 10 * 32)
    True
    """
    widest = max((layer.bits.weight for layer in workload.layers), default=16)
    bits = 0
    for node in workload.nodes:
        stored = workload.stored_words[node.name] + node.extra_parameters
        bits += stored * (node.layer.bits.weight if node.layer is not None else widest)
    return bits / 8


def moved_bytes(workload: Workload) -> float:
    """Bytes of the weights, the stored ifmap and the ofmap of every MAC layer, each once.

    Examples
    --------
    >>> from dse.problem.layer import Layer
    >>> from dse.problem.workload import Workload
    >>> two = Workload.of("two", [Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3), Layer("fc", K=10, C=32)])
    >>> moved_bytes(two) == 2 * (8 * 4 * 3 * 3 + 4 * 8 * 8 + 8 * 6 * 6 + 10 * 32 + 32 + 10)
    True
    """
    width = activation_bits(workload)
    bits = 0
    for layer in workload.layers:
        bits += layer.weight_words * layer.bits.weight + (layer.ifmap_footprint_words + layer.psum_words) * width
    return bits / 8


def peak_activation_bytes(workload: Workload) -> float:
    """The most bytes of feature maps alive at once, when the nodes run one after the other in the workload's order.

    Notes
    -----
    A tensor lives from the node that makes it to the last one that reads it; while a node runs, what it reads and what
    it makes are both alive. Activations and reshapes work in place.

    Examples
    --------
    >>> from dse.problem.workload import Node, Workload
    >>> nodes = Node("x", "input", (4, 8, 8)), Node("pool", "maxpool", (4, 4, 4), ("x",))
    >>> peak_activation_bytes(Workload("pooled", nodes)) == 2 * (4 * 8 * 8 + 4 * 4 * 4)
    True
    """
    last_reader = _last_readers(workload)
    alive: dict[str, int] = {}
    most = now = 0
    for position, node in enumerate(workload.nodes):
        ended = [name for name in dict.fromkeys(node.inputs) if last_reader[name] == position]
        if _in_place(node, ended):
            now -= alive.pop(ended[0])
            ended = []
        alive[node.name] = node.words
        now += node.words
        most = max(most, now)
        for name in ended:
            now -= alive.pop(name)
        if last_reader[node.name] == position and node.op != "input":  # an end of the network: nobody reads it
            now -= alive.pop(node.name)
    return most * workload.batch * activation_bits(workload) / 8


def _in_place(node: Node, ended: list[str]) -> bool:
    return node.op in IN_PLACE and len(ended) == len(node.inputs) == 1


def _last_readers(workload: Workload) -> Mapping[str, int]:
    """Name of each node to the position of the last node that reads it, or its own position if none does."""
    last = {node.name: position for position, node in enumerate(workload.nodes)}
    for position, node in enumerate(workload.nodes):
        for name in node.inputs:
            last[name] = position
    return last
