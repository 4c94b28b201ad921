"""SCALE-Sim's topology files: one row a layer, written by people, read by its cycle simulation.

A row is `name, ifmap height, ifmap width, filter height, filter width, channels, filters, stride`, or with another
stride for the width after it; columns headed `Batch Size` and `Sparsity` (N:M of the weights) may follow. The format
knows no padding, groups or dilation, and no graph: a padded layer is written with its padded ifmap, groups are written
as so many equal rows, and other layers cannot be said. The GEMM variant has the columns `name, M, N, K`: an `M x K`
matrix times a `K x N` one.

What its loader does is done here, too: a row whose name contains `DP` is depthwise, so many layers of one channel; and
a window that sticks out of the ifmap at its lower or right edge counts, as ceil((ifmap - filter + stride) / stride)
outputs say: such an ifmap is read as if it were padded there.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from dse.errors import DseError, SpecError
from dse.formats.text.regular import check_file
from dse.problem import shapes
from dse.problem.density import Density
from dse.problem.layer import Layer
from dse.problem.shapes import Window
from dse.problem.workload import Node, Workload

HEADER = (
    "Layer name", "IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels", "Num Filter",
    "Strides",
)  # fmt: skip

NO_PADDING = (
    "a topology file has no padding, groups or dilation: ifmaps are taken as they stand, so layers whose ifmap was "
    "written without its padding have fewer rows and columns of outputs than the network they came from"
)

MAX_ROWS = 100_000


def load_topology(path: str | Path, name: str | None = None) -> Workload:
    """Read a topology file, of convolutions or of matrix products.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Of the workload; by default the file's.

    Returns
    -------
    Workload
        Bare layers with nothing between them, because the file does not say what reads what.

    Raises
    ------
    SpecError
        The file cannot be read, or a row makes no sense; with its line.
    """
    file = str(path)
    if not check_file(path):
        raise SpecError("there is no such file", file=file)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SpecError(f"cannot be read: {reason}", file=file) from None
    return parse_topology(text, name or Path(path).stem, file)


def parse_topology(text: str, name: str, file: str = "<text>") -> Workload:
    """`load_topology` of a text; `file` is named in errors."""
    rows = [
        (number, [cell.strip() for cell in cells])
        for number, cells in enumerate(csv.reader(text.splitlines()), start=1)
        if any(cell.strip() for cell in cells)
    ]
    if len(rows) > MAX_ROWS:
        raise SpecError(f"{len(rows)} rows are more than {MAX_ROWS}", file=file)
    if len(rows) < 2:
        raise SpecError("a topology file has a line of headings and a line for each layer", file=file)
    headings = [cell.lower() for cell in rows[0][1]]
    named = [cell for cell in headings if cell]
    is_gemm = named[1:4] in (["m", "n", "k"], ["m", "k", "n"])
    seen: set[str] = set()
    nodes = []
    for number, cells in rows[1:]:
        try:
            layer = _layer(_without_comment(cells), headings, is_gemm)
        except DseError as error:
            raise SpecError(error.message, file=file, line=number, hint=error.hint) from None
        layer = layer.with_(name=_unused(layer.name, seen))
        seen.add(layer.name)
        nodes.append(Node(layer.name, "layer", (layer.K, layer.P, layer.Q), layer=layer))
    return Workload(name, tuple(nodes))


def dump_topology(workload: Workload) -> tuple[str, tuple[str, ...]]:
    """The text of a topology file, and what it could not say.

    Parameters
    ----------
    workload : Workload
        Batches are written as so many equal rows, as groups are.

    Returns
    -------
    text : str
    warnings : tuple of str
        One for each way in which the file differs from the workload.

    Raises
    ------
    DseError
        A dilated layer, or a file that would have more than `MAX_ROWS` rows.
    """
    lines = [", ".join(HEADER) + ","]
    padded, repeated, oblong = [], [], []
    for layer in workload.layers:
        # the rows of a product of matrices are rows of outputs, which is what SCALE-Sim makes of a convolution
        is_product = layer.P == layer.Q == layer.R == layer.S == 1
        rows, copies = (layer.N, layer.G) if is_product else (layer.P, layer.G * layer.N)
        if (layer.dilation_h, layer.dilation_w) != (1, 1):
            raise DseError(f"layer {layer.name} is dilated, which a topology file cannot say")
        if len(lines) + copies > MAX_ROWS:
            raise DseError(f"the groups of {layer.name} and before it make more than {MAX_ROWS} rows")
        if layer.pad_top or layer.pad_bottom or layer.pad_left or layer.pad_right:
            padded.append(layer.name)
        if copies > 1:
            repeated.append(layer.name)
        height = (rows - 1) * layer.stride_h + layer.R
        numbers: tuple[int, ...] = (height, layer.box_width, layer.R, layer.S, layer.C, layer.K, layer.stride_h)
        if layer.stride_w != layer.stride_h:
            numbers = (*numbers, layer.stride_w)
            oblong.append(layer.name)
        for copy in range(copies):
            label = _label(layer.name) if copies == 1 else f"{_label(layer.name)}_{copy + 1}"
            lines.append(", ".join((label, *map(str, numbers))) + ",")
    warnings = []
    if padded:
        warnings.append(f"{_listed(padded)}: the format has no padding, so the ifmap is written with its padding")
    if repeated:
        warnings.append(f"{_listed(repeated)}: a row for each group and image, because the format has neither")
    if oblong:
        warnings.append(f"{_listed(oblong)}: a second stride for the width, which SCALE-Sim takes for a sparsity ratio")
    return "\n".join(lines) + "\n", tuple(warnings)


def _layer(cells: list[str], headings: Sequence[str], is_gemm: bool) -> Layer:
    """The layer of a row; columns for the batch and the sparsity are told by their headings."""
    special: dict[str, str] = {}
    plain, titles = [], []
    for at, cell in enumerate(cells):
        heading = headings[at] if at < len(headings) else ""
        kind = next((kind for kind in ("batch", "spars") if kind in heading), None)
        if kind is None:
            plain.append(cell)
            titles.append(heading)
        elif cell:
            special[kind] = cell
    layer = _product(plain, [title for title in titles if title]) if is_gemm else _convolution(plain)
    if "batch" in special:
        layer = layer.with_(N=layer.N * _number(special["batch"]))
    if "spars" in special:
        layer = layer.leaving({"weight": _kept(special["spars"])})
    return shapes.checked(layer)


def _kept(ratio: str) -> Density:
    """What `N:M` leaves of the weights: N of every M."""
    kept, colon, of = ratio.partition(":")
    if not colon:
        raise DseError(f"{ratio!r} is no sparsity", hint="N of every M weights, e.g. 2:4")
    if _number(kept) > _number(of):
        raise DseError(f"{ratio!r} keeps more weights than there are", hint="N of every M weights, e.g. 2:4")
    return ratio if _number(kept) < _number(of) else 1.0


def _convolution(cells: Sequence[str]) -> Layer:
    numbers = _numbers(cells, 7, 8, "name, ifmap height and width, filter height and width, channels, filters, stride")
    height, width, rows, columns, channels, filters, stride_h = numbers[:7]
    stride = stride_h, numbers[7] if len(numbers) > 7 else stride_h
    # a window that sticks out by less than a stride counts
    beyond = [(taps - side) % step if side >= taps else 0 for side, taps, step in
              ((height, rows, stride[0]), (width, columns, stride[1]))]  # fmt: skip
    window = Window((rows, columns), stride, pad=(0, beyond[0], 0, beyond[1]))
    groups = channels if "DP" in cells[0] else 1
    return shapes.convolution(cells[0], (channels, height, width), filters * groups, window, groups)


def _product(cells: Sequence[str], columns: Sequence[str]) -> Layer:
    size = dict(zip(columns[1:4], _numbers(cells, 3, 3, "name, M, N, K"), strict=True))
    return shapes.matrix_product(cells[0], size["m"], size["k"], size["n"])


def _without_comment(cells: list[str]) -> list[str]:
    """A row up to the cell that begins with # or //."""
    for at, cell in enumerate(cells):
        if at and cell.startswith(("#", "//")):
            return cells[:at]
    return cells


def _unused(name: str, seen: set[str]) -> str:
    """The name, with a number behind it where another row has it."""
    number, unused = 1, name
    while unused in seen:
        number += 1
        unused = f"{name}_{number}"
    return unused


def _numbers(cells: Sequence[str], least: int, most: int, wanted: str) -> list[int]:
    given = [cell for cell in cells[1:] if cell]
    if not cells[0] or not least <= len(given) <= most:
        raise DseError(f"{len(given)} numbers after the name {cells[0]!r}", hint=f"a row has: {wanted}")
    return [_number(cell) for cell in given]


def _number(cell: str) -> int:
    cell = cell.strip()
    if not cell.isascii() or not cell.isdigit() or len(cell) > 18 or int(cell) < 1:
        raise DseError(f"{cell[:40]!r} is no whole number above 0")
    return int(cell)


def _label(name: str) -> str:
    """A name that its loader takes for nothing else: commas end it, and DP would make the layer depthwise."""
    return "".join("_" if character in ',"\n\r' else character for character in name).replace("DP", "Dp")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
