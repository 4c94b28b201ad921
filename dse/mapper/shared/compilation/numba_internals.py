"""All that reaches into numba's private parts: what makes kernels quick to compile and to call.

`late_code` and `machine_code` beside it hold what of this is about making code and about calling it.

Measured on the versions in `TESTED`. On others, the plain compiler serves: the same answers, but it takes several
times as long to compile, and kernels that are handed many arrays run slower.
"""

from __future__ import annotations

import dis
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from types import FunctionType
from typing import Any

import numpy as np

from dse.mapper.shared.compilation.machine_code import Code, laid_out

TESTED = ("0.68.1",)
"""Versions of numba on which the mapper's answers and times were held against those of the plain compiler."""

MAKES_ARRAYS = frozenset(
    {"arange", "argsort", "array", "concatenate", "copy", "full", "ones", "searchsorted", "zeros", "zeros_like"}
)
SCALARS = frozenset(
    {"None", "bool", "int", "float", "tuple[int, int]", "tuple[int, int, int]", f"tuple[{', '.join(['float'] * 6)}]"}
)
"""Return annotations of functions that give no array back."""


def is_tested() -> bool:
    """Whether the installed numba is one whose private parts are known.

    Examples
    --------
    >>> import numba
    >>> is_tested() == (numba.__version__ in TESTED)
    True
    """
    return installed() in TESTED


@cache
def installed() -> str:
    """The version of numba, which is not imported for that.

    Examples
    --------
    >>> import numba
    >>> installed() == numba.__version__
    True
    """
    return version("numba")


def compile_kernel(function: FunctionType, *, is_entry: bool) -> Any:
    """Hand a function to numba, which compiles it at its first call.

    Parameters
    ----------
    function : function
        Whose globals name compiled functions by then.
    is_entry : bool
        Python calls it too, see `object_code`.

    Warns
    -----
    RuntimeWarning
        Once, when the installed numba is none of `TESTED`.

    Examples
    --------
    >>> from dse.mapper.shared.factors import ceil_div
    >>> compile_kernel(ceil_div, is_entry=True).py_func is ceil_div
    True
    """
    import numba

    if not is_tested():
        _warn(installed())
        return numba.njit(cache=True, error_model="numpy")(function)
    dispatcher = numba.njit(
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True,
        _nrt=_counts_references(function), nogil=is_entry,
    )(function)  # fmt: skip
    if is_entry:
        dispatcher.compile = quick_compilation()(dispatcher.compile)
    template = dispatcher.get_call_template

    def without_literals(arguments: Any, keywords: Any) -> Any:
        """Types of a call with constants as plain integers; else every constant argument compiles anew."""
        plain = tuple(numba.types.unliteral(argument) for argument in arguments)
        return template(plain, {key: numba.types.unliteral(value) for key, value in keywords.items()})

    dispatcher.get_call_template = without_literals
    return dispatcher


def object_code(dispatcher: Any, arguments: tuple[Any, ...]) -> Code:
    """The machine code of an entry for arguments of some kinds.

    Examples
    --------
    >>> from dse.mapper.shared.space import fastest_steps
    >>> from dse.mapper.shared.compilation.twins import twin
    >>> table = np.zeros((2, 5), dtype=np.int64)
    >>> made = object_code(twin(fastest_steps), (np.zeros(9, dtype=np.int64), table, table, 2, 2))
    >>> made.letters, made.result
    ('ppqqpqqppqqpqqqqppqqpqqqqqq', ['d'])
    """
    import numba

    types = tuple(numba.typeof(_plain(argument)) for argument in arguments)
    with quick_compilation():
        dispatcher.compile(types)
        compiled = dispatcher.overloads[types]
        machine = compiled.library.object_code()
    letters = "".join(laid_out(arguments).letters)
    return Code(compiled.fndesc.llvm_func_name, letters, _result(compiled.signature.return_type), machine)


def _plain(argument: Any) -> Any:
    """Python's own numbers in place of NumPy's: code takes them alike."""
    if isinstance(argument, tuple):
        parts = [_plain(part) for part in argument]
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument.item() if isinstance(argument, np.generic) and not isinstance(argument, np.void) else argument


def _result(given_back: Any) -> list[Any]:
    """What a function gives back, see `machine_code.result_words`."""
    import numba
    from numba.np.numpy_support import as_dtype

    types: Any = numba.types
    if isinstance(given_back, types.BaseTuple):
        return ["tuple", *map(_result, given_back)]
    if isinstance(given_back, types.Array):
        return ["array", as_dtype(given_back.dtype).str, given_back.ndim]
    return {types.none: ["nothing"], types.boolean: ["?"], types.int64: ["q"], types.float64: ["d"]}[given_back]


@contextmanager
def quick_compilation() -> Iterator[None]:
    """Compile in less time, to kernels that were measured to run no slower.

    Machine code is made only of entries, each with all that it calls (`late_code.LateLibrary`); at the first level of
    optimisation; without looks for garbage, of which there is little among the millions of objects that live until the
    end; and asking only once which function an operator stands for on given types.

    Examples
    --------
    >>> with quick_compilation():
    ...     while_compiling = gc.isenabled()
    >>> while_compiling == is_tested(), gc.isenabled()
    (False, True)
    """
    import numba

    if not is_tested():
        yield
        return
    from numba.core.codegen import JITCPUCodegen
    from numba.core.targetconfig import ConfigStack
    from numba.core.types.functions import BaseFunction

    from dse.mapper.shared.compilation.late_code import LateLibrary, set_env_if_compiled

    if JITCPUCodegen._library_class is LateLibrary:  # a kernel that another one calls
        yield
        return
    library, set_env = JITCPUCodegen._library_class, JITCPUCodegen.set_env
    overloaded: Any = BaseFunction
    resolve = overloaded.get_call_type
    known: dict[Any, Any] = {}

    def resolve_once(function: Any, context: Any, arguments: Any, keywords: Any) -> Any:
        flags = ConfigStack.top_or_none()
        key = function, context, arguments, tuple(keywords.items()), flags is not None and flags.nrt
        if key not in known:
            known[key] = resolve(function, context, arguments, keywords)
        return known[key]

    level, collects = numba.config.OPT, gc.isenabled()
    numba.config.OPT = type(level)(1)
    overloaded.get_call_type = resolve_once
    JITCPUCodegen._library_class, JITCPUCodegen.set_env = LateLibrary, set_env_if_compiled
    gc.disable()
    try:
        yield
    finally:
        numba.config.OPT = level
        overloaded.get_call_type = resolve
        JITCPUCodegen._library_class, JITCPUCodegen.set_env = library, set_env
        if collects:
            gc.enable()


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


@cache
def _warn(version: str) -> None:
    warnings.warn(
        f"numba {version} is untested here: kernels are compiled without what makes that quick "
        f"(tested: {', '.join(TESTED)})",
        RuntimeWarning, stacklevel=2,
    )  # fmt: skip
