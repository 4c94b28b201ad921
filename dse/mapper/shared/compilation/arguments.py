"""Arguments of kernels as their machine code takes them: one number after another.

numba's functions take an array as its address, sizes and strides, a named tuple as its parts, a record as its address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Hashable
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

ROWS_FIRST, COLUMNS_FIRST, ALIGNED, WRITABLE = 0x1, 0x2, 0x100, 0x400
"""Of NumPy's flags of an array, what code is compiled for."""

BUFFER = ROWS_FIRST | WRITABLE
"""Flags of an array that `ctypes` takes as a buffer."""

NOTHING = 0
"""In place of an address that no kernel looks at."""


class Numbers(NamedTuple):
    """Arguments as code takes them.

    Parameters
    ----------
    kind : int
        The same for two calls that the same code serves, see `letters_of`.
    values : list
    """

    kind: int
    values: list[Any]


def laid_out(arguments: tuple[Any, ...]) -> Numbers:
    """The numbers that stand for arguments.

    Raises
    ------
    TypeError
        For an argument that is no number, array, record or tuple of these.

    Examples
    --------
    >>> numbers = laid_out((2, 0.5, np.zeros((3, 4))))
    >>> letters_of(numbers.kind), numbers.values[5], numbers.values[7:]
    ('qdppqqpqqqq', 8, [3, 4, 32, 8])
    """
    values: list[Any] = []
    return Numbers(_lay_out(arguments, values), values)


def letters_of(kind: int) -> str:
    """One of `machine_code.LETTERS` for each number of arguments of a kind.

    Examples
    --------
    >>> letters_of(laid_out((True, (1, 2.0))).kind)
    '?qd'
    """
    return _LETTERS[kind]


def _lay_out(parts: tuple[Any, ...], values: list[Any]) -> int:
    """Append the numbers that stand for the parts of a tuple; returns its kind."""
    kinds: list[Any] = [type(parts)]
    for part in parts:
        if isinstance(part, np.ndarray):
            sides, flags = part.shape, part.flags.num
            known = _ARRAYS.get((id(part.dtype), len(sides), flags))
            kinds.append(_kind_of(part) if known is None else known)
            values += (NOTHING, NOTHING, part.size, part.itemsize, _address(part, flags), *sides, *part.strides)
        elif isinstance(part, tuple):
            held = _HELD.get(id(part))
            if held is not None or type(part) in _LASTING:
                numbers = _kept_of(part) if held is None else held.numbers
                kinds.append(numbers.kind)
                values += numbers.values
            else:
                kinds.append(_lay_out(part, values))
        elif isinstance(part, np.void):
            kinds.append(_number_of((_number_of_dtype(part.dtype), "record"), "p"))
            values.append(np.frombuffer(part, dtype=np.uint8).ctypes.data)
        elif isinstance(part, (bool, np.bool_)):
            kinds.append(TRUTH)
            values.append(bool(part))
        elif isinstance(part, (int, np.integer)):
            kinds.append(INTEGER)
            values.append(int(part))
        elif isinstance(part, (float, np.floating)):
            kinds.append(FLOAT)
            values.append(float(part))
        else:
            raise TypeError(f"kernels take numbers, arrays, records and tuples of these, not {type(part).__name__}")
    key = tuple(kinds)
    known = _NUMBERS.get(key)
    return _number_of(key, "".join(map(letters_of, kinds[1:]))) if known is None else known


_NUMBERS: dict[Hashable, int] = {}
_LETTERS: dict[int, str] = {}
"""Kinds by what they are, and the letters of each."""

_NEXT = count()


def _number_of(key: Hashable, letters: str) -> int:
    number = _NUMBERS.setdefault(key, next(_NEXT))
    _LETTERS[number] = letters
    return number


INTEGER, FLOAT, TRUTH = (_number_of(letter, letter) for letter in "qd?")

_LASTING: set[type] = set()
_KEPT: dict[int, tuple[tuple[Any, ...], Numbers]] = {}
"""The last records that last, by where they lie (they keep their place here), and the numbers that stand for them."""


def lasting(kind: Any) -> Any:
    """Mark a type of records that kernels are called with again and again: each is laid out once.

    Examples
    --------
    >>> @lasting
    ... class Sizes(NamedTuple):
    ...     rows: int
    >>> laid_out((Sizes(4),)).values
    [4]
    """
    _LASTING.add(kind)
    return kind


def _kept_of(record: tuple[Any, ...]) -> Numbers:
    if id(record) not in _KEPT:
        values: list[Any] = []
        _KEPT[id(record)] = record, Numbers(_lay_out(record, values), values)
    if len(_KEPT) > 32:
        del _KEPT[next(iter(_KEPT))]
    return _KEPT[id(record)][1]


class Held:
    """A tuple that kernels are called with again and again, with the numbers that stand for it while this lives.

    Examples
    --------
    >>> held = Held((1, 0.5))
    >>> laid_out((held.record, 3)).values
    [1, 0.5, 3]
    """

    def __init__(self, record: tuple[Any, ...]) -> None:
        values: list[Any] = []
        self.record, self.numbers = record, Numbers(_lay_out(record, values), values)
        _HELD[id(record)] = self  # its place is taken for as long as it is held here


_HELD: WeakValueDictionary[int, Held] = WeakValueDictionary()
"""By where the tuple lies."""

_ARRAYS: dict[tuple[int, int, int], int] = {}
"""Kinds of arrays by where the type of their elements lies, axes and flags."""


def _kind_of(array: Any) -> int:
    what = _number_of_dtype(array.dtype), array.ndim, _layout(array)
    kind = _number_of(what, "ppqqp" + 2 * array.ndim * "q")
    return _ARRAYS.setdefault((id(array.dtype), array.ndim, array.flags.num), kind)


def _layout(array: Any) -> int:
    """How an array lies in memory: contiguous by rows, else by columns, else with gaps; and what may be done to it."""
    flags = int(array.flags.num)
    order = flags & ROWS_FIRST or flags & COLUMNS_FIRST
    return order | flags & (ALIGNED | WRITABLE)


_NO_BYTES = ctypes.c_char * 0


def _address(array: Any, flags: int) -> int:
    """Where an array's elements lie; by way of a buffer, where there is one, in a quarter of the time."""
    return ctypes.addressof(_NO_BYTES.from_buffer(array)) if flags & BUFFER == BUFFER else int(array.ctypes.data)


_DTYPES: dict[int, tuple[Any, int]] = {}


def _number_of_dtype(dtype: Any) -> int:
    """A number for a type of elements: comparing types of many fields takes long."""
    if id(dtype) not in _DTYPES:
        number = next((number for known, number in _DTYPES.values() if known == dtype), len(_DTYPES))
        _DTYPES[id(dtype)] = dtype, number  # kept, so that no other type gets its id
    return _DTYPES[id(dtype)][1]


def described(arguments: tuple[Any, ...]) -> str:
    """What code is compiled for, in words that mean the same in every process.

    Examples
    --------
    >>> described((2, (0.5, np.zeros((3, 4)))))
    'q tuple(d <f8[2, 1281])'
    """
    return " ".join(map(_described, arguments))


def _described(part: Any) -> str:
    if isinstance(part, np.ndarray):
        elements = part.dtype if part.dtype.names else part.dtype.str
        return f"{elements}[{part.ndim}, {_layout(part)}]"
    if isinstance(part, tuple):
        names = getattr(part, "_fields", ())
        return f"{type(part).__qualname__}({' '.join((*names, described(part)))})"
    return str(part.dtype) if isinstance(part, np.void) else letters_of(laid_out((part,)).kind)
