"""Kernels that look at each index before they use it, and memory that says when it is read before it is written.

`check()`, called before any kernel, lets all kernels of a process raise `IndexError`, with the line, for an index
beyond an array's end or below zero. numba checks the former alone, as it counts indices below zero from the end;
kernels mean that only where they say so, as in `x[-1]`. Besides, `np.empty` and the deep search's scratch hold numbers
that are neither a place in an array nor a price.
"""

from __future__ import annotations

import hashlib
import sys
from functools import wraps
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, lowering, types
from numba.extending import overload
from numba.np import arrayobj

from dse.mapper.deep.bounds import subproblem
from dse.mapper.shared.compilation import numba_internals, twins
from dse.mapper.shared.compilation.cache import private_folder

NOWHERE, NO_PRICE = -(2**61), np.nan
"""What memory holds that nothing was written to: no place in an array, and no price."""

_empty, _scratch, _wrapped = np.empty, subproblem._scratch, arrayobj.fix_integer_index
_passes = numba_internals._fewer_looks


def check() -> None:
    """Check all kernels of this process; their code is made anew, and kept in a folder of its own."""
    assert numba_internals.is_tested(), "the plain compiler keeps its code elsewhere"
    made_by = f"{twins.cache_folder().name} {Path(__file__).read_text()}"
    folder = private_folder(f"in-bounds-{hashlib.sha256(made_by.encode()).hexdigest()[:16]}")
    numba.config.BOUNDSCHECK = 1
    twins.cache_folder = lambda: folder
    twins.shipped = lambda *_: None
    numba_internals._fewer_looks = lambda: [
        *_passes(), (arrayobj, "fix_integer_index", _index), (cgutils, "do_boundscheck", _checked)
    ]  # fmt: skip
    np.empty = _unwritten
    subproblem._scratch = _unwritten_scratch


@wraps(_empty)
def _unwritten(*arguments: Any, **keywords: Any) -> Any:
    made = _empty(*arguments, **keywords)
    if made.dtype in (np.int32, np.int64, np.float64):
        made.fill(NO_PRICE if made.dtype == np.float64 else max(NOWHERE, np.iinfo(made.dtype).min))
    return made


@overload(_unwritten)
def _unwritten_of_kernels(shape: Any, dtype: Any = float) -> Any:
    """`np.empty`, for kernels."""
    whole = isinstance(dtype, types.NumberClass) and isinstance(dtype.dtype, types.Integer)
    number = max(NOWHERE, -(2 ** (dtype.dtype.bitwidth - 1))) if whole else NO_PRICE

    def made(shape: Any, dtype: Any = float) -> Any:
        array = _empty(shape, dtype)
        array[...] = number
        return array

    return made


def _unwritten_scratch(size: int) -> Any:
    rows, reduced = _scratch(size)
    rows.fill(NOWHERE)
    reduced.fill(NO_PRICE)
    return rows, reduced


def _index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as it is; a number in the source may count from the end."""
    if isinstance(index, ir.Constant) and index.constant < 0:
        return _wrapped(context, builder, kind, index, size)
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


def _checked(context: Any, builder: Any, index: Any, size: Any, axis: int | None = None) -> None:
    """Raise an error that names the line where an index is none of an array's."""
    for sign, other, what in ((">=", size, "beyond the end"), ("<", index.type(0), "below zero")):
        with cgutils.if_unlikely(builder, builder.icmp_signed(sign, index, other)):
            said = (f"{_line()}: index of axis {axis} {what}",)
            context.call_conv.return_user_exc(builder, IndexError, said)


def _line() -> str:
    """The line of the source that is being compiled."""
    frame: Any = sys._getframe()
    while frame is not None:
        compiler = frame.f_locals.get("self")
        if isinstance(compiler, lowering.BaseLower):
            return f"{compiler.loc.filename}:{compiler.loc.line}"
        frame = frame.f_back
    return "?"
