"""The graph of an ONNX file without its weights: the file is walked field by field, and large tensors are passed over.

Only what is kept is ever held in memory, so that a model of gigabytes costs as little as its graph.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from dse.errors import DseError
from dse.formats.text.regular import check_file

MAX_KEPT_BYTES = 64 << 20
"""The most that a graph without weights may take."""

_MAX_FIELDS = 4_000_000
_SMALL_BYTES = 2048
_MAX_DEPTH = 40
_VARINT, _FIXED64, _MESSAGE, _FIXED32 = 0, 1, 2, 5

_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Fields of each message of onnx.proto that hold tensors, by number, and what is in them."""

_TENSOR_DATA = frozenset((4, 5, 6, 7, 9, 10, 11))
"""float, int32, string, int64, raw, double and uint64 data of a tensor."""

_DROPPED = {"model": frozenset((14, 20, 26)), "graph": frozenset((10, 14, 16)), "node": frozenset((6, 9, 10)),
            "tensor": frozenset((12, 13, 16))}  # fmt: skip
"""Metadata, training, devices, documentation, and where external data lies, which nobody will read."""


def stripped_model(path: str | Path) -> bytes:
    """The serialized model with the data of every large tensor taken out.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bytes
        A `ModelProto`; its tensors keep their names, types and shapes.

    Raises
    ------
    DseError
        The file cannot be read, is damaged, or has a graph that is too large.
    """
    file = str(path)
    try:
        if not check_file(path):
            raise DseError("there is no such file", file=file)
        with Path(path).open("rb") as stream:
            if not stream.seek(0, 2):
                raise DseError("the file is empty", file=file, hint="an ONNX model is expected")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                return b"".join(_Walk(view, file).message("model", 0, len(view), 0))
    except (OSError, ValueError) as error:
        raise DseError(f"cannot be read: {error}", file=file) from None


class _Walk:
    """Walks the wire format: each field is a key, (number << 3) | type, and its value."""

    def __init__(self, data: memoryview, file: str) -> None:
        self._data, self._file, self._kept, self._fields = data, file, 0, 0

    def message(self, kind: str, at: int, end: int, depth: int) -> list[bytes]:
        """The fields of a message that are kept, those that hold tensors walked in turn."""
        if depth > _MAX_DEPTH:
            raise self._damaged(at, f"graphs nested more than {_MAX_DEPTH} deep")
        kept: list[bytes] = []
        children, dropped = _CHILDREN[kind], _DROPPED.get(kind, frozenset())
        while at < end:
            start = at
            self._fields += 1
            if self._fields > _MAX_FIELDS:
                raise DseError(f"the graph has more than {_MAX_FIELDS} fields: that is no network", file=self._file)
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            value = at
            if wire == _MESSAGE:
                size, value = self._varint(at, end)
                at = value + size
            elif wire == _VARINT:
                _, at = self._varint(at, end)
            elif wire in (_FIXED64, _FIXED32):
                at += 8 if wire == _FIXED64 else 4
            else:
                raise self._damaged(start, f"a field of unknown type {wire}")
            if at > end:
                raise self._damaged(start, "the file ends within a field: it is truncated")
            if number in dropped or (kind == "tensor" and number in _TENSOR_DATA and at - value > _SMALL_BYTES):
                continue
            if wire == _MESSAGE and number in children:
                inner = self.message(children[number], value, at, depth + 1)
                kept += [_varint(key), _varint(sum(map(len, inner))), *inner]
            else:
                self._keep(start, at)
                kept.append(bytes(self._data[start:at]))
        return [b"".join(kept)]

    def _keep(self, start: int, at: int) -> None:
        self._kept += at - start + 64  # and what the objects around it take
        if self._kept > MAX_KEPT_BYTES:
            raise DseError(f"the graph without weights takes more than {MAX_KEPT_BYTES >> 20} MiB", file=self._file)

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        start = at
        while at < end and shift < 70:
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise self._damaged(start, "a number without an end: it is truncated, or no ONNX model")

    def _damaged(self, at: int, what: str) -> DseError:
        return DseError(f"no readable ONNX model: byte {at}: {what}", file=self._file)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
