"""Write a workload as a file for people, that reads back as the same network."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dse.errors import DseError
from dse.formats.text.replace import write_text
from dse.formats.text.yaml_text import scalar
from dse.formats.text.yaml_tree import MAX_CHARACTERS
from dse.formats.workload.models import OPS, WorkloadSpec
from dse.formats.workload.ops import MAKERS, Entry
from dse.problem.density import Density
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import DENSE, NO_BLOCKS, SIXTEEN_BITS, Layer
from dse.problem.workload import Node, Workload

_PAIRS = frozenset(("kernel", "stride", "pad", "dilation", "depthwise", "maxpool", "avgpool", "upsample"))
_JOINS = ("add", "multiply", "concat")


def save_workload(workload: Workload, path: str | Path) -> None:
    """Write a workload file.

    Parameters
    ----------
    workload : Workload
    path : str or Path

    Raises
    ------
    DseError
        The file cannot be written.
    """
    write_text(path, dump_workload(workload))


def dump_workload(workload: Workload) -> str:
    """The text of a workload file.

    Each layer is written as people would write it if shape inference makes the same layer of that, and by its loop
    bounds otherwise. The file reads back as equal layers between the same nodes.

    Raises
    ------
    DseError
        The text would be longer than a spec file may be.

    Examples
    --------
    >>> from dse.formats.workload.load import load_workload, parse_workload
    >>> net = load_workload("alexnet")
    >>> parse_workload(dump_workload(net)).layers == net.layers
    True
    """
    single = workload.with_batch(1)
    common: dict[str, dict[str, Any]] = {
        "bits": _common_bits([layer.stated_bits for layer in single.layers]),
        "density": _most_common([layer.densities for layer in single.layers]),
    }
    inputs = [node for node in single.nodes if node.op == "input"]
    lines = [f"workload: {scalar(workload.name)}"]
    if workload.description:
        lines.append(f"description: {scalar(workload.description)}")
    if len(inputs) == 1 and inputs[0].name == "input":
        lines.append(f"input: {_flow(inputs[0].shape)}")
    elif inputs:
        lines.append(f"input: {_flow({node.name: node.shape for node in inputs})}")
    if workload.batch > 1:
        lines.append(f"batch: {workload.batch}")
    for field, default in (("bits", {}), ("density", DENSE.to_dict())):
        if common[field] != default:
            lines.append(f"{field}: {_flow(_brief(common[field]))}")
    lines += ["layers:", *_entries(single, common)]
    totals = {"macs": single.macs, "weights": single.weight_words, "parameters": single.parameters}
    lines.append(f"expect: {_flow(totals)}")
    if workload.published:
        lines.append(f"published: {_flow(dict(workload.published))}")
    text = "\n".join(lines) + "\n"
    if len(text) > MAX_CHARACTERS:
        raise DseError(f"workload {workload.name}: its file would have {len(text)} characters, more than can be read")
    return text


def _entries(workload: Workload, common: dict[str, dict[str, Any]]) -> list[str]:
    made = {node.name: node for node in workload.nodes}
    inputs = [node.name for node in workload.nodes if node.op == "input"]
    previous = inputs[0] if len(inputs) == 1 else None
    lines = []
    for node in workload.nodes:
        if node.op == "input":
            continue
        sources = [made[name] for name in node.inputs]
        spec = _without_macs(node) if node.layer is None else _with_macs(node, node.layer, sources)
        stands_alone = "layer" in spec or "matmul" in spec
        if not any(op in spec for op in _JOINS) and (node.inputs != (previous,) or stands_alone) and node.inputs:
            spec["from"] = node.inputs[0] if len(node.inputs) == 1 else node.inputs
        if node.layer is not None:
            for field, values in (("bits", node.layer.stated_bits), ("density", node.layer.densities)):
                if values != common[field]:
                    spec[field] = _brief(values)
        if node.tensor:
            spec |= {"tensor": node.tensor, **({"tensor_words": node.tensor_words} if node.tensor_words else {})}
        lines.append(f"  {scalar(node.name)}: {_flow(spec)}")
        previous = node.name
    return lines


def _without_macs(node: Node) -> dict[str, Any]:
    if node.op in _JOINS:
        return {node.op: node.inputs, **dict(node.attributes)}
    is_known = node.op in OPS and node.op in dict(node.attributes)
    spec = dict(node.attributes) if is_known else {"other": node.op, "shape": node.shape}
    return {**spec, "parameters": node.extra_parameters} if node.extra_parameters else spec


def _with_macs(node: Node, layer: Layer, sources: list[Node]) -> dict[str, Any]:
    """The first way of writing a layer that makes the same layer again."""
    bare = replace(layer, bits=SIXTEEN_BITS, density=DENSE, blocks=NO_BLOCKS, ofmap_bits=0, assumed=None)
    wanted = replace(node, layer=bare, attributes=(), tensor="", tensor_words=0)
    for spec in _proposals(node, layer):
        op = next(iter(spec))
        try:
            entry = Entry(node.name, op, OPS[op].model_validate(spec), node.inputs)
            made = MAKERS[op](entry, sources, WorkloadSpec(workload="one", layers={node.name: spec}))
        except (DseError, ValidationError, IndexError):
            continue
        if [replace(one, op=node.op) for one in made] == [wanted]:
            return spec
    return _bounds(node, layer)


def _proposals(node: Node, layer: Layer) -> list[dict[str, Any]]:
    channels = layer.G * layer.K
    each, rest = divmod(node.extra_parameters, channels)
    if rest:
        return []
    extra: dict[str, Any] = {} if not each else {"bias": True} if each == 1 else {"norm": each}
    kernel, window = (layer.R, layer.S), _window(layer)
    grouped = {"groups": layer.G} if layer.G > 1 else {}
    proposals: list[dict[str, Any]] = [
        {"fc": channels, **extra},
        {"matmul": {"heads": layer.G, "m": layer.N, "k": layer.C, "n": layer.K}, **extra},
        {"depthwise": kernel, **({"multiplier": layer.K} if layer.K > 1 else {}), **window, **extra},
        {"conv": channels, "kernel": kernel, **window, **grouped, **extra},
    ]
    return sorted(proposals, key=lambda spec: node.op not in spec)


def _window(layer: Layer) -> dict[str, Any]:
    parts = {
        "stride": ((layer.stride_h, layer.stride_w), (1, 1)),
        "pad": ((layer.pad_top, layer.pad_bottom, layer.pad_left, layer.pad_right), (0, 0, 0, 0)),
        "dilation": ((layer.dilation_h, layer.dilation_w), (1, 1)),
    }
    return {key: value for key, (value, default) in parts.items() if value != default}


def _bounds(node: Node, layer: Layer) -> dict[str, Any]:
    """The layer by its loop bounds: possible for every layer."""
    sizes = {dim: getattr(layer, dim) for dim in DIMS if getattr(layer, dim) > 1}
    stored = {side: getattr(layer, side) for side in ("H", "W") if getattr(layer, side)}
    spec: dict[str, Any] = {"layer": {**sizes, **stored, **_window(layer)}}
    if node.shape != (layer.G * layer.K, layer.P, layer.Q):
        spec["shape"] = node.shape
    if node.weights == "activations":
        spec["weights"] = node.weights
    if node.extra_parameters:
        spec["extra_parameters"] = node.extra_parameters
    return spec


def _most_common(values: list[dict[str, Density]]) -> dict[str, Any]:
    return dict(Counter(tuple(value.items()) for value in values).most_common(1)[0][0]) if values else DENSE.to_dict()


def _common_bits(stated: list[dict[str, int]]) -> dict[str, int]:
    """The widths that most layers state, if every layer states these operands: no layer can take a width back."""
    if not stated:
        return {}
    common = dict(Counter(tuple(widths.items()) for widths in stated).most_common(1)[0][0])
    return common if all(set(common) <= set(widths) for widths in stated) else {}


def _brief(values: dict[str, Any]) -> Any:
    """One number where all operands have it."""
    alike = tuple(values) == OPERANDS and len(set(values.values())) == 1
    return values["ifmap"] if alike else values


def _flow(value: Any) -> str:
    """A value in one line of YAML; a pair of equal numbers as one number where either may stand."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(_side(key, inner))}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return scalar(value)


def _side(key: str, value: Any) -> Any:
    """What may be given as one number for both axes, or for both ends of each axis, if it is."""
    if key == "pad" and isinstance(value, tuple) and len(value) == 4 and value[0] == value[1] and value[2] == value[3]:
        value = (value[0], value[2])
    is_pair = key in _PAIRS and isinstance(value, tuple) and len(value) == 2
    return value[0] if is_pair and value[0] == value[1] else value
