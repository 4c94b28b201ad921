"""Compiles kernels, once per machine, and keeps the result in the user's cache.

Kernels are plain Python, so that everything the mapper computes can also be run and tested uncompiled. A kernel's twin
is the same code whose globals name the twins of the kernels that it calls.
"""

from __future__ import annotations

import dis
import hashlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, cast

from dse.mapper.shared.compilation.cache import private_folder
from dse.mapper.shared.compilation.machine_code import Code, callable_of, laid_out, path_of, read, write
from dse.mapper.shared.compilation.numba_internals import compile_kernel, installed, is_tested, object_code
from dse.model.counting.kernel import Kernel, is_entry

PACKAGE = Path(__file__).resolve().parents[3]

IMPORTS = re.compile(r"^\s*(?:from|import)\s+(dse(?:\.\w+)*)", re.MULTILINE)
MARKED = re.compile(r"^from dse\.model\.counting\.kernel import .*\bentry\b", re.MULTILINE)


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
    >>> from dse.mapper.shared.space import fastest_steps, quotients
    >>> compiled(fastest_steps).py_func.__name__
    'fastest_steps'
    >>> compiled(quotients)
    Traceback (most recent call last):
    TypeError: dse.mapper.shared.space.quotients is no entry: mark it with dse.model.counting.kernel.entry
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


class Entry:
    """A kernel's machine code, for Python to call: read from its file, or made, at the first call of each kind."""

    def __init__(self, kernel: Any) -> None:
        self.py_func = kernel
        self._calls: dict[Any, Callable[[list[Any]], Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """What the kernel gives back."""
        numbers = laid_out(arguments)
        kinds = tuple(numbers.kinds)
        call = self._calls.get(kinds)
        if call is None:
            call = self._calls[kinds] = callable_of(self._code(arguments), self.py_func.__name__)
        return call(numbers.values)

    def _code(self, arguments: tuple[Any, ...]) -> Code:
        kernel = self.py_func
        if not kernel.__module__.startswith("dse."):  # the folder's name says nothing of its source
            return object_code(twin(kernel), arguments)
        name = f"{kernel.__module__.removeprefix('dse.')}.{kernel.__name__}"
        path = path_of(cache_folder(), name, arguments)
        code = read(path)
        if code is None:
            code = object_code(twin(kernel), arguments)
            write(path, code)
        return code


def twin(kernel: Kernel) -> Kernel:
    """A compiled twin, for kernels to call.

    Examples
    --------
    >>> from dse.mapper.shared.space import fastest_steps, quotients
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


COMPILING = "compiling the mapper's kernels (once on this machine, about a minute)"
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
    return private_folder(f"kernels-{_digest()}")


@cache
def _digest() -> str:
    digest = hashlib.sha256(f"{installed()} {is_tested()} {sys.version}".encode())
    for path in sources(_kernel_modules()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def sources(modules: list[Path]) -> list[Path]:
    """The files of some modules and of all that they import of this package, directly or not.

    Compiled code has the constants and records of imported modules frozen into it, so it depends on all of them.

    Examples
    --------
    >>> [path.name for path in sources([PACKAGE / "mapper" / "shared" / "words.py"])]
    ['words.py', 'dims.py']
    """
    seen: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += [file for name in IMPORTS.findall(path.read_text()) for file in _files(name)]
    return sorted(seen)


def _kernel_modules() -> list[Path]:
    """The modules that define entries, and those that compile."""
    own = Path(__file__).resolve()
    floors = (PACKAGE / "model", PACKAGE / "mapper")
    marked = [path for floor in floors for path in floor.rglob("*.py") if MARKED.search(path.read_text())]
    return [own, *marked]


def _files(name: str) -> list[Path]:
    """The file of a module; of a package, its modules, since any of them may be what is imported from it."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    if path.is_dir():
        return [] if path == PACKAGE else sorted(path.glob("*.py"))
    return [path.with_suffix(".py")]
