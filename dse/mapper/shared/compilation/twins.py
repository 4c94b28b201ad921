"""Compiles kernels, once per machine, and keeps the result in the user's cache.

Kernels are plain Python, so that everything the mapper computes can also be run and tested uncompiled. A kernel's twin
is the same code whose globals name the twins of the kernels that it calls.
"""

from __future__ import annotations

import dis
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, cast

from dse.mapper.shared.compilation.arguments import laid_out
from dse.mapper.shared.compilation.cache import private_folder
from dse.mapper.shared.compilation.code_files import path_of, read, write
from dse.mapper.shared.compilation.machine_code import Code, callable_of
from dse.mapper.shared.compilation.numba_internals import compile_kernel, installed, is_tested, portable_code
from dse.mapper.shared.compilation.portable import file_of, machine_code_of, optimised, shipped
from dse.mapper.shared.compilation.sources import digest, digest_of
from dse.model.counting.kernel import Kernel, is_entry

MAKES_ARRAYS = frozenset(
    {"arange", "argsort", "array", "concatenate", "copy", "full", "ones", "searchsorted", "zeros", "zeros_like"}
)
SCALARS = frozenset(
    {"None", "bool", "int", "float", "tuple[int, int]", "tuple[int, int, int]", f"tuple[{', '.join(['float'] * 6)}]"}
)
"""Return annotations of functions that give no array back."""


def compiled(kernel: Kernel) -> Kernel:
    """A kernel's compiled twin, for Python to call: it takes and returns what the kernel does.

    Parameters
    ----------
    kernel : function
        Marked as an `entry` where it is defined.

    Raises
    ------
    TypeError
        When it is not.

    Examples
    --------
    >>> from dse.mapper.shared.mapspace.sizes import fastest_steps, quotients
    >>> compiled(fastest_steps).py_func.__name__
    'fastest_steps'
    >>> compiled(quotients)
    Traceback (most recent call last):
    TypeError: dse.mapper.shared.mapspace.sizes.quotients is no entry: mark it with dse.model.counting.kernel.entry
    """
    if not is_entry(kernel):
        name = f"{kernel.__module__}.{kernel.__qualname__}"
        raise TypeError(f"{name} is no entry: mark it with dse.model.counting.kernel.entry")
    if not is_tested():
        return twin(kernel)
    if kernel not in _ENTRIES:
        _ENTRIES[kernel] = Entry(kernel)
    return cast("Kernel", _ENTRIES[kernel])


_ENTRIES: dict[Any, Entry] = {}


def made() -> dict[str, Code]:
    """What machine code was made of in this process, in LLVM's language, by `portable.file_of`.

    Examples
    --------
    >>> sorted(made()) == sorted(file for entry in _ENTRIES.values() for file in entry.made)
    True
    """
    return {file: code for entry in _ENTRIES.values() for file, code in entry.made.items()}


class Entry:
    """A kernel's machine code, for Python to call: read from its file, or made, at the first call of each kind."""

    def __init__(self, kernel: Any) -> None:
        self.py_func = kernel
        self.made: dict[str, Code] = {}
        self._calls: dict[int, Callable[[list[Any]], Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """What the kernel gives back."""
        numbers = laid_out(arguments)
        call = self._calls.get(numbers.kind)
        if call is None:
            call = self._calls[numbers.kind] = callable_of(self._code(arguments), self.py_func.__name__)
        return call(numbers.values)

    def _code(self, arguments: tuple[Any, ...]) -> Code:
        kernel = self.py_func
        if not kernel.__module__.startswith("dse."):  # the folder's name says nothing of its source
            return machine_code_of(optimised(portable_code(twin(kernel), arguments)))
        name = f"{kernel.__module__.removeprefix('dse.')}.{kernel.__name__}"
        path = path_of(cache_folder(), name, arguments)
        code = read(path)
        if code is None:
            file = file_of(name, arguments, f"{installed()} {digest_of(kernel.__module__)}")
            self.made[file] = shipped(file) or optimised(portable_code(twin(kernel), arguments))
            code = machine_code_of(self.made[file])
            write(path, code)
        return code


def twin(kernel: Kernel) -> Kernel:
    """A compiled twin, for kernels to call.

    Examples
    --------
    >>> from dse.mapper.shared.mapspace.sizes import fastest_steps, quotients
    >>> twin(fastest_steps).py_func.__globals__["quotients"] is twin(quotients)
    True
    """
    return cast("Kernel", _twin(cast("FunctionType", kernel)))


def _twin(kernel: FunctionType) -> Any:
    twins = _twins()
    if kernel in twins:
        return twins[kernel]
    namespace = dict(kernel.__globals__)
    copy = FunctionType(kernel.__code__, namespace, kernel.__name__, kernel.__defaults__)
    copy.__qualname__, copy.__annotations__ = kernel.__qualname__, kernel.__annotations__
    twins[kernel] = compile_kernel(copy, is_entry=is_entry(kernel), counts_references=_counts_references(copy))
    for name in _names(kernel.__code__):  # after the twin is known: kernels may call each other
        if isinstance(namespace.get(name), FunctionType):
            namespace[name] = _twin(namespace[name])
    return twins[kernel]


def _counts_references(function: FunctionType) -> bool:
    """Whether a function has to keep count of who uses an array: it makes arrays, gives them back, or is given some.

    All others are compiled without. The arrays that they are passed outlive the call, and counting every array of a
    problem at each use takes up to thirty times as long as the work itself.
    """
    code = function.__code__
    named = [function.__globals__.get(name) for name in code.co_names]
    own = [function, *(one for one in named if isinstance(one, FunctionType))]
    return (
        not MAKES_ARRAYS.isdisjoint(code.co_names)
        or any(step.opname == "BUILD_LIST" for step in dis.get_instructions(code))
        or any(one.__annotations__.get("return") not in SCALARS for one in own)
    )


def _names(code: CodeType) -> set[str]:
    """Names that a function looks up outside itself, those of its comprehensions too."""
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*map(_names, inner))


@cache
def _twins() -> dict[FunctionType, Any]:
    """All twins by kernel; numba knows by then where to keep the code of those that it is left to."""
    import numba

    numba.config.CACHE_DIR = str(cache_folder())
    return {}


COMPILING = "compiling the mapper's kernels (once on this machine, 10 s to a minute)"
"""What is said before that."""


def marker(search: str) -> Path:
    """A file that is there once the kernels of a search, `flat` or `deep`, have been compiled.

    Examples
    --------
    >>> marker("deep").name
    'deep.done'
    """
    return cache_folder() / f"{search}.done"


def cache_folder() -> Path:
    """Where the machine code is kept: named after the sources and the compiler, so that neither can go stale.

    Examples
    --------
    >>> cache_folder().name.startswith("kernels-")
    True
    """
    made_by = f"{installed()} {is_tested()} {sys.version} {digest()}"
    return private_folder(f"kernels-{hashlib.sha256(made_by.encode()).hexdigest()[:16]}")
