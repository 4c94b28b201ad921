"""Calls the machine code of kernels without the compiler that made it: importing numba takes longer than most searches.

numba's functions take their arguments one number each: an array as its address, sizes and strides, a named tuple as its
parts, a record as its address. That, and the functions of numba's own in C that code calls, are known for the
versions in `numba_internals.TESTED`; on others, numba calls its own code.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from collections.abc import Callable
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

MEMORY, HELPERS = "numba.core.runtime._nrt_python", "numba._helperlib"
"""numba's libraries for arrays that kernels make and for what LLVM lacks: plain C, loaded without the rest of numba."""

LETTERS = {"p": ctypes.c_void_p, "q": ctypes.c_int64, "d": ctypes.c_double, "?": ctypes.c_bool}
"""Kinds of numbers that code takes: addresses, integers, floats, truth values."""

ROWS_FIRST, COLUMNS_FIRST, ALIGNED, WRITABLE = 0x1, 0x2, 0x100, 0x400
"""Of NumPy's flags of an array, what code is compiled for."""

BUFFER = ROWS_FIRST | WRITABLE
"""Flags of an array that `ctypes` takes as a buffer."""

NOTHING, DONE = -2, 0
"""What a function gives back when all went well, without and with a result."""


class Code(NamedTuple):
    """The machine code of a function for arguments of some kinds.

    Parameters
    ----------
    symbol : str
        Its name.
    letters : str
        Of `LETTERS`, one for each number that it takes.
    result : list
        What it gives back, see `result_words`.
    machine : bytes
        An object file, or what one is made of (`portable.machine_code_of`).
    """

    symbol: str
    letters: str
    result: list[Any]
    machine: bytes


class Numbers(NamedTuple):
    """Arguments as code takes them.

    Parameters
    ----------
    kinds : list
        Equal for two calls that the same code serves.
    letters : list of str
    values : list
        One for each letter.
    """

    kinds: list[Any]
    letters: list[str]
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
    >>> "".join(numbers.letters), numbers.values[5], numbers.values[7:]
    ('qdppqqpqqqq', 8, [3, 4, 32, 8])
    """
    numbers = Numbers([], [], [])
    _lay_out(arguments, *numbers)
    return numbers


def _lay_out(parts: tuple[Any, ...], kinds: list[Any], letters: list[str], values: list[Any]) -> None:
    for part in parts:
        if isinstance(part, np.ndarray):
            sides, flags = part.shape, part.flags.num
            known = _ARRAYS.get((id(part.dtype), len(sides), flags)) or _kind_of(part)
            kinds.append(known.kind)
            letters.append(known.letters)
            values += (None, None, part.size, part.itemsize, _address(part, flags), *sides, *part.strides)
        elif isinstance(part, tuple):
            kinds.append((type(part), len(part)))
            held = _HELD.get(id(part))
            if held is not None or type(part) in _LASTING:
                numbers = _kept_of(part) if held is None else held.numbers
                kinds += numbers.kinds
                letters += numbers.letters
                values += numbers.values
            else:
                _lay_out(part, kinds, letters, values)
        elif isinstance(part, np.void):
            kinds.append(_number_of(part.dtype))
            letters.append("p")
            values.append(np.frombuffer(part, dtype=np.uint8).ctypes.data)
        elif isinstance(part, (bool, np.bool_)):
            _append("?", bool(part), kinds, letters, values)
        elif isinstance(part, (int, np.integer)):
            _append("q", int(part), kinds, letters, values)
        elif isinstance(part, (float, np.floating)):
            _append("d", float(part), kinds, letters, values)
        else:
            raise TypeError(f"kernels take numbers, arrays, records and tuples of these, not {type(part).__name__}")


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
        _KEPT[id(record)] = record, Numbers([], [], [])
        _lay_out(record, *_KEPT[id(record)][1])
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
        self.record, self.numbers = record, Numbers([], [], [])
        _lay_out(record, *self.numbers)
        _HELD[id(record)] = self  # its place is taken for as long as it is held here


_HELD: WeakValueDictionary[int, Held] = WeakValueDictionary()
"""By where the tuple lies."""


class _Arrays(NamedTuple):
    """What arrays of one type of elements, so many axes and the same flags have in common.

    The type is kept, so that no other gets its place.
    """

    kind: tuple[int, int, int]
    letters: str
    dtype: Any


_ARRAYS: dict[tuple[int, int, int], _Arrays] = {}
"""By where the type lies, axes and flags."""


def _kind_of(array: Any) -> _Arrays:
    known = _Arrays((_number_of(array.dtype), array.ndim, _layout(array)), "ppqqp" + 2 * array.ndim * "q", array.dtype)
    return _ARRAYS.setdefault((id(array.dtype), array.ndim, array.flags.num), known)


def _layout(array: Any) -> int:
    """How an array lies in memory: contiguous by rows, else by columns, else with gaps; and what may be done to it."""
    flags = int(array.flags.num)
    order = flags & ROWS_FIRST or flags & COLUMNS_FIRST
    return order | flags & (ALIGNED | WRITABLE)


_NOTHING = ctypes.c_char * 0


def _address(array: Any, flags: int) -> int:
    """Where an array's elements lie; by way of a buffer, where there is one, in a quarter of the time."""
    return ctypes.addressof(_NOTHING.from_buffer(array)) if flags & BUFFER == BUFFER else int(array.ctypes.data)


def _append(letter: str, value: Any, kinds: list[Any], letters: list[str], values: list[Any]) -> None:
    kinds.append(letter)
    letters.append(letter)
    values.append(value)


_DTYPES: dict[int, tuple[Any, int]] = {}


def _number_of(dtype: Any) -> int:
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
    return str(part.dtype) if isinstance(part, np.void) else laid_out((part,)).letters[0]


def result_words(result: list[Any]) -> int:
    """Words of eight bytes that a result takes.

    Parameters
    ----------
    result : list
        `["nothing"]`, `["?"]`, `["q"]` or `["d"]`; `["array", dtype, axes]`; or `["tuple", result, ...]`.

    Examples
    --------
    >>> result_words(["tuple", ["q"], ["array", "<f8", 2]])
    10
    """
    if result[0] == "array":
        return 5 + 2 * int(result[2])
    return sum(map(result_words, result[1:])) if result[0] == "tuple" else 1


def _read(result: list[Any], words: Any, at: int) -> Any:
    """A result as Python has it; arrays are copies."""
    if result[0] == "tuple":
        parts = []
        for one in result[1:]:
            parts.append(_read(one, words, at))
            at += result_words(one)
        return tuple(parts)
    if result[0] != "array":
        letter: Any = LETTERS[result[0]] if result[0] != "nothing" else None
        return letter and letter.from_buffer(words, 8 * at).value
    owner, data, axes = words[at], words[at + 4], int(result[2])
    shape, strides = words[at + 5 : at + 5 + axes], words[at + 5 + axes : at + 5 + 2 * axes]
    dtype = np.dtype(result[1])
    if words[at + 2]:
        extent = sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True)) + dtype.itemsize
        array = np.ndarray(shape, dtype, (ctypes.c_char * extent).from_address(data), 0, strides).copy()
    else:
        array = np.empty(shape, dtype)
    if owner:
        _release()(owner)
    return array


def callable_of(code: Code, name: str) -> Callable[[list[Any]], Any]:
    """Load code, for `Numbers.values` of the kinds that it was made for.

    Raises
    ------
    Exception
        From a call: what the kernel has raised, for instance for want of memory.

    Examples
    --------
    >>> from dse.mapper.shared.compilation.numba_internals import portable_code
    >>> from dse.mapper.shared.compilation.portable import machine_code_of
    >>> from dse.mapper.shared.compilation.twins import twin
    >>> from dse.model.counting.kernel import entry
    >>> @entry
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> call = callable_of(machine_code_of(portable_code(twin(double), (4,))), "double")
    >>> call(laid_out((21,)).values)
    42
    """
    function = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 2, *[LETTERS[one] for one in code.letters])(
        _loaded(code)
    )
    result, words = code.result, ctypes.c_int64 * result_words(code.result)

    def call(values: list[Any]) -> Any:
        found, failure = words(), ctypes.c_void_p()
        status = function(ctypes.addressof(found), ctypes.addressof(failure), *values)
        if status not in (DONE, NOTHING):
            raise _failure(failure, name)
        return None if status == NOTHING else _read(result, found, 0)

    return call


def _failure(info: ctypes.c_void_p, name: str) -> Exception:
    """What a kernel has raised: numba keeps its class and arguments pickled, in the code."""
    try:
        words = (ctypes.c_int64 * 2).from_address(info.value or 0)
        made, arguments, *_ = pickle.loads(ctypes.string_at(words[0], words[1] & 0x7FFFFFFF))
        raised = made(*arguments)
        assert isinstance(raised, Exception)
        return raised
    except Exception:
        return RuntimeError(f"{name} failed")


_ENGINES: list[Any] = []
"""What holds loaded code in memory."""


def _loaded(code: Code) -> int:
    """The address of a function."""
    import llvmlite.binding as llvm

    _name_helpers()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code.machine))
    engine.finalize_object()
    _ENGINES.append(engine)
    return int(engine.get_function_address(code.symbol))


@cache
def _name_helpers() -> None:
    """Let LLVM find the functions of numba's libraries that code calls."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name, address in _library(MEMORY).c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    for name, address in _library(HELPERS).c_helpers.items():
        llvm.add_symbol(f"numba_{name}", address)


@cache
def _library(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec("numba")  # without importing it
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0], *name.split(".")[1:-1])
    files = [folder / f"{name.rpartition('.')[2]}{suffix}" for suffix in EXTENSION_SUFFIXES]
    loader = ExtensionFileLoader(name, str(next(path for path in files if path.exists())))
    found = spec_from_loader(name, loader)
    assert found is not None
    module = module_from_spec(found)
    loader.exec_module(module)
    return module


@cache
def _release() -> Any:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_library(MEMORY).c_helpers["MemInfo_release"])
