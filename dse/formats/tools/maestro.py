"""MAESTRO's network files: layers by their dimensions, `Dimensions { K: 64, C: 3, R: 3, S: 3, Y: 224, X: 224 }`.

Y and X are rows and columns of the input, as it stands: the format has no padding. `Y'` and `X'` are those of the
output. Only windows that lie inside the input count. K and C are those of one group. A layer's dataflow and the
accelerator are other things that such a file may hold: how the loops are run is for the mapper here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dse.errors import DseError, SpecError
from dse.formats.text.located import did_you_mean
from dse.formats.text.source import read_text
from dse.formats.tools.imported import Imported, Word
from dse.formats.workload.write import dump_workload
from dse.problem import shapes
from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload

DIMS = {
    "CONV": ("N", "K", "C", "R", "S", "Y", "X", "Y'", "X'"),
    "DSCONV": ("N", "K", "C", "R", "S", "Y", "X", "Y'", "X'"),
    "NGCONV": ("N", "G", "K", "C", "R", "S", "Y", "X", "Y'", "X'"),
    "GEMM": ("M", "N", "K"),
}
"""The types of layers that are read, and their dimensions."""

UNSAID = {
    "TRCONV": "the file does not say by how much it enlarges its input; MAESTRO counts it as an ordinary convolution",
    "FC": "MAESTRO does not count it: write it as a CONV with Y: 1, X: 1, or as a GEMM",
    "LSTM": "MAESTRO does not count it",
    "POOL": "it has no MACs",
}

_TOKEN = re.compile(r"//.*|[{}]|[^\s{}:,;()]+")


@dataclass(slots=True)
class _Reader:
    """The words of a file, one after the other; separators, which MAESTRO skips anywhere, are left out."""

    file: str
    lines: Sequence[str]
    tokens: Sequence[Word]
    at: int = 0
    constants: dict[str, int] = field(default_factory=dict)

    def next(self, wanted: str) -> Word:
        if self.at >= len(self.tokens):
            raise SpecError(f"the file ends where {wanted} is due", file=self.file, line=len(self.lines))
        self.at += 1
        return self.tokens[self.at - 1]

    def brace(self, brace: str, what: str) -> None:
        token = self.next(brace)
        if token.text != brace:
            raise self.error(token, f"{token.text!r} where {brace!r} {what} is due")

    def number(self, of: str) -> int:
        token = self.next(f"the size of {of}")
        size = self.constants.get(token.text, int(token.text) if token.text.isdecimal() else 0)
        if size < 1:
            hint = None if token.text.isdecimal() else did_you_mean(token.text, self.constants)
            raise self.error(token, f"{token.text} is no whole number above 0, and no Constant", hint)
        return size

    def skip_block(self) -> None:
        self.brace("{", "that opens a block")
        depth = 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.next("a closing brace").text, 0)

    def error(self, token: Word, message: str, hint: str | None = None) -> SpecError:
        return token.error(message, self.file, self.lines, hint)


def import_maestro(paths: Sequence[str | Path]) -> Imported:
    """The layers of network files as one workload.

    Parameters
    ----------
    paths : sequence of str or Path

    Returns
    -------
    Imported
        `workload.yaml`; a note where dataflows were left out.

    Raises
    ------
    SpecError
        A file cannot be read, or says what a layer here cannot; with its place.
    """
    nodes: list[Node] = []
    names, with_dataflow = [], 0
    for path in paths:
        workload, dataflows = parse_network(read_text(path), str(path))
        names.append(workload.name)
        with_dataflow += dataflows
        nodes += workload.nodes
    nodes = list(_apart(nodes))
    note = f"the dataflows of {with_dataflow} layers are not read: name one with --dataflow, or let the mapper choose"
    text = dump_workload(Workload("_".join(dict.fromkeys(names)), tuple(nodes)))
    return Imported({"workload.yaml": text}, (note,) if with_dataflow else ())


def parse_network(text: str, file: str = "<text>") -> tuple[Workload, int]:
    """The layers of a network file, and how many of them have a dataflow, which is not read.

    Raises
    ------
    SpecError
        With the place of what has no words here.

    Examples
    --------
    >>> text = "Network net { Layer a { Type: CONV Dimensions { K: 2, C: 4, R: 3, S: 3, Y: 9, X: 8 } } }"
    >>> (layer,) = parse_network(text)[0].layers
    >>> layer.P, layer.Q, layer.macs
    (7, 6, 3024)
    """
    lines = text.splitlines() or [""]
    found = ((match, number) for number, line in enumerate(lines, start=1) for match in _TOKEN.finditer(line))
    tokens = [Word(match.group(), number, match.start() + 1) for match, number in found
              if not match.group().startswith("//")]
    reader = _Reader(file, lines, tokens)
    name, nodes, dataflows = "maestro", [], 0
    while reader.at < len(reader.tokens):
        token = reader.next("Network")
        if token.text == "Constant":
            constant = reader.next("a name").text
            reader.constants[constant] = reader.number(constant)
        elif token.text == "Network":
            if reader.tokens[reader.at : reader.at + 1] and reader.tokens[reader.at].text != "{":
                name = reader.next("a name").text
            for layer, has_dataflow in _layers(reader):
                nodes.append(Node(layer.name, "layer", (layer.G * layer.K, layer.P, layer.Q), layer=layer))
                dataflows += has_dataflow
        else:
            raise reader.error(token, f"{token.text} is not read", "a file with Constants and a Network of Layers")
    if not nodes:
        raise SpecError("there is no Network with a Layer in it", file=file)
    return Workload(name, tuple(_apart(nodes))), dataflows


def _layers(reader: _Reader) -> Iterator[tuple[Layer, bool]]:
    reader.brace("{", "after Network")
    while (token := reader.next("a Layer")).text != "}":
        if token.text != "Layer":
            raise reader.error(token, f"{token.text} is not read", "a Network is a list of Layers")
        yield _layer(reader)


def _layer(reader: _Reader) -> tuple[Layer, bool]:
    name = reader.next("a name")
    kind: Word | None = None
    strides: dict[str, int] = {}
    sizes: dict[str, int] = {}
    has_dataflow = False
    reader.brace("{", f"after {name.text}")
    while (token := reader.next("a closing brace")).text != "}":
        if token.text == "Type":
            kind = reader.next("a type")
        elif token.text == "Stride":
            strides = dict(_sizes(reader, ("X", "Y", "X'", "Y'")))
        elif token.text == "Dimensions":
            if kind is None or kind.text not in DIMS:
                at = kind or token
                what = f"a layer of type {kind.text} is not read" if kind else "the Type stands before the Dimensions"
                raise reader.error(at, what, UNSAID.get(at.text) or f"types: {', '.join(DIMS)}")
            sizes = dict(_sizes(reader, DIMS[kind.text]))
        elif token.text == "Dataflow":
            has_dataflow = True
            reader.skip_block()
        else:
            raise reader.error(token, f"{token.text} has no words here", "Type, Stride, Dimensions and Dataflow")
    if kind is None or not sizes:
        raise reader.error(name, f"layer {name.text} has no Type or no Dimensions")
    try:
        return shapes.checked(_made(name.text, kind.text, sizes, strides)), has_dataflow
    except DseError as error:
        raise reader.error(name, error.message, error.hint) from None


def _sizes(reader: _Reader, known: Sequence[str]) -> Iterator[tuple[str, int]]:
    reader.brace("{", "that opens a block")
    seen = set()
    while (token := reader.next("a closing brace")).text != "}":
        if token.text not in known:
            raise reader.error(token, f"{token.text} is no dimension of this layer", f"one of: {', '.join(known)}")
        if token.text in seen:
            raise reader.error(token, f"{token.text} is given twice")
        seen.add(token.text)
        yield token.text, reader.number(token.text)


def _made(name: str, kind: str, sizes: Mapping[str, int], strides: Mapping[str, int]) -> Layer:
    """The layer; raises `DseError` for dimensions that make none."""
    missing = [dim for dim in (DIMS["GEMM"] if kind == "GEMM" else ("C", "R", "S")) if dim not in sizes]
    if missing or (kind in ("CONV", "NGCONV") and "K" not in sizes):
        raise DseError(f"layer {name} has no {missing[0] if missing else 'K'}")
    if kind == "GEMM":
        return shapes.matrix_product(name, sizes["M"], sizes["K"], sizes["N"])
    fields = {"N": sizes.get("N", 1), "R": sizes["R"], "S": sizes["S"]}
    if kind == "DSCONV":
        if sizes.get("K", 1) != 1:
            raise DseError(f"layer {name}: a DSCONV has one filter a channel, K: 1, not {sizes['K']}")
        fields |= {"G": sizes["C"]}
    else:
        fields |= {"G": sizes.get("G", 1), "K": sizes["K"], "C": sizes["C"]}
    for side, taps, bound, step in (("Y", "R", "P", "stride_h"), ("X", "S", "Q", "stride_w")):
        fields[step] = strides.get(side, strides.get(f"{side}'", 1))
        if f"{side}'" in sizes:
            fields[bound] = sizes[f"{side}'"]
        elif side not in sizes:
            raise DseError(f"layer {name} has neither {side} nor {side}'")
        elif sizes[side] < sizes[taps]:
            raise DseError(f"layer {name}: a window of {sizes[taps]} sticks out of an input of {sizes[side]}")
        else:
            fields[bound] = (sizes[side] - sizes[taps]) // fields[step] + 1
            fields["H" if side == "Y" else "W"] = sizes[side]
    return Layer(name).with_(**fields)


def _apart(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes, with a number behind a name that an earlier one has."""
    seen: set[str] = set()
    for node in nodes:
        number, name = 1, node.name
        while name in seen:
            number += 1
            name = f"{node.name}_{number}"
        seen.add(name)
        assert node.layer is not None
        yield Node(name, node.op, node.shape, layer=node.layer.with_(name=name, assumed=node.layer.assumed))
