"""Calls the machine code of kernels without the compiler that made it: importing numba takes longer than most searches.

Which numbers its functions take (`arguments`), and the functions of numba's own in C that code calls, are known for the
versions in `numba_internals.TESTED`; on others, numba calls its own code.
"""

from __future__ import annotations

import ctypes
import pickle
import struct
import sys
from collections.abc import Callable
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MEMORY, HELPERS = "numba.core.runtime._nrt_python", "numba._helperlib"
"""numba's libraries for arrays that kernels make and for what LLVM lacks: plain C, loaded without the rest of numba."""

LETTERS = {"p": ctypes.c_void_p, "q": ctypes.c_int64, "d": ctypes.c_double, "?": ctypes.c_bool}
"""Kinds of numbers that code takes: addresses, integers, floats, truth values."""

IN_WORDS = str.maketrans("p?", "qq")
"""All of them take eight bytes where they stand one after another."""

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
    """Load code, for `arguments.Numbers.values` of the kind that it was made for.

    Raises
    ------
    Exception
        From a call: what the kernel has raised, for instance for want of memory.

    Examples
    --------
    >>> from dse.mapper.shared.compilation.arguments import laid_out
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
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(_loaded(code))
    result, words = code.result, ctypes.c_int64 * result_words(code.result)
    packed = struct.Struct("@" + code.letters.translate(IN_WORDS)).pack

    def call(values: list[Any]) -> Any:
        found, failure = words(), ctypes.c_void_p()
        status = function(ctypes.addressof(found), ctypes.addressof(failure), packed(*values))
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
