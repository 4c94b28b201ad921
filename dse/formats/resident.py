"""The part of a mapping file that says which tensors stay on chip, and when.

resident:
  level: L2
  tensors: {conv1: [conv1, conv2]}              # steps in which each is at home
  operands: {conv1: [psum], conv2: [ifmap]}     # of layers, that are read or written there
  nodes: {pool: {reads: [conv2], writes: [home, outside]}}
  merged: [sum]                                 # results in the room of what they are made of
  copied: [conv1]
  loaded: {conv1: [conv4]}
  order: [conv1, conv2, pool, sum]              # steps as they run, where that is not the file's order
  copied_to: {conv1: L1}                        # to other levels that keep tensors
  loaded_from: {conv1: {conv4: L1}}
  inner: {level: L1, tensors: ...}              # the same of the next level inwards that keeps tensors
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dse.formats.text.source import SpecModel
from dse.formats.text.yaml_text import flow, scalar
from dse.mapper.network.residency.outcome.stays import Stays


class NodeModel(SpecModel):
    """A node without MACs that moves its tensors."""

    reads: list[str] = Field(default=[], description="tensors that it reads at home")
    writes: list[Literal["home", "outside"]] = Field(
        default=[], description="where its result goes, other levels that keep tensors apart"
    )


class ResidentModel(SpecModel):
    """Tensors that stay on chip."""

    level: str = Field(description="that keeps them")
    tensors: dict[str, list[str]] = Field(default={}, description="tensor to the steps in which it is at home")
    operands: dict[str, list[Literal["ifmap", "weight", "psum"]]] = Field(
        default={}, description="layer to its operands that are at home"
    )
    nodes: dict[str, NodeModel] = Field(default={}, description="nodes without MACs that move something")
    merged: list[str] = Field(default=[], description="nodes whose result takes the room of what they read")
    copied: list[str] = Field(default=[], description="tensors copied to the outermost level when they are made")
    loaded: dict[str, list[str]] = Field(default={}, description="tensor to the steps before which it is loaded home")

    order: list[str] = Field(default=[], description="steps as they run, where that is not the file's order")
    copied_to: dict[str, str] = Field(
        default={}, description="tensor made here to another level that keeps tensors, to which it is copied then"
    )
    loaded_from: dict[str, dict[str, str]] = Field(
        default={}, description="tensor to steps before which it is loaded home, each with the level it comes from"
    )
    inner: ResidentModel | None = Field(default=None, description="the same of the next level inwards")

    def stays(self) -> Stays:
        """The same as a value."""
        return Stays(
            self.level,
            tuple((name, tuple(steps)) for name, steps in self.tensors.items()),
            tuple((name, tuple(operands)) for name, operands in self.operands.items()),
            tuple((name, tuple(node.reads), tuple(node.writes)) for name, node in self.nodes.items()),
            tuple(self.merged), tuple(self.copied),
            tuple((name, step) for name, steps in self.loaded.items() for step in steps), tuple(self.order),
            tuple(self.copied_to.items()),
            tuple((name, step, level) for name, steps in self.loaded_from.items() for step, level in steps.items()),
            None if self.inner is None else self.inner.stays(),
        )  # fmt: skip


def resident_lines(stays: Stays) -> list[str]:
    """The lines of a file that say so."""
    return ["resident:", *_lines(stays)]


def _lines(stays: Stays) -> list[str]:
    lines = [f"  level: {scalar(stays.level)}"]
    loaded: dict[str, list[str]] = {}
    for name, step in stays.loaded:
        loaded.setdefault(name, []).append(step)
    loaded_from: dict[str, dict[str, str]] = {}
    for name, step, level in stays.loaded_from:
        loaded_from.setdefault(name, {})[step] = level
    tables: dict[str, dict[str, Any]] = {
        "tensors": {name: list(steps) for name, steps in stays.tensors},
        "operands": {name: list(operands) for name, operands in stays.operands},
        "nodes": {name: {"reads": list(reads), "writes": list(writes)} for name, reads, writes in stays.nodes},
        "loaded": loaded, "copied_to": dict(stays.copied_to), "loaded_from": loaded_from,
    }  # fmt: skip
    for key, table in tables.items():
        if table:
            lines += [f"  {key}:", *(f"    {scalar(name)}: {flow(value)}" for name, value in table.items())]
    for key, names in (("merged", stays.merged), ("copied", stays.copied), ("order", stays.order)):
        if names:
            lines.append(f"  {key}: {flow(list(names))}")
    if stays.inner is not None:
        lines += ["  inner:", *(f"  {line}" for line in _lines(stays.inner))]
    return lines
