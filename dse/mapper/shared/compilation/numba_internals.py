"""All that reaches into numba's private parts to make code: what makes kernels quick to compile and to call.

`machine_code` knows how such code is called, and is all that is needed where there is code.

Measured on the versions in `TESTED`. On others, the plain compiler serves: the same answers, but it takes several
times as long to compile, and kernels that are handed many arrays run slower.
"""

from __future__ import annotations

import ctypes
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
        machine = _object_file(compiled.library)
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

    Machine code is made only of entries, each with all that it calls (`late_library`); at the first level of
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

    if JITCPUCodegen._library_class is late_library():  # a kernel that another one calls
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
    JITCPUCodegen._library_class, JITCPUCodegen.set_env = late_library(), _set_env_if_compiled
    gc.disable()
    try:
        yield
    finally:
        numba.config.OPT = level
        overloaded.get_call_type = resolve
        JITCPUCodegen._library_class, JITCPUCodegen.set_env = library, set_env
        if collects:
            gc.enable()


@cache
def late_library() -> Any:
    """numba's library of code, but with machine code only once its address is asked for: with all that it calls.

    numba optimises every function with all that it calls linked in, and makes machine code of the whole: a function
    under ten callers goes through that eleven times. Here a function that only kernels call stays in LLVM's language,
    until an entry above it is made.

    Examples
    --------
    >>> late_library().__name__
    'LateLibrary'
    """
    from numba.core.codegen import JITCodeLibrary
    from numba.core.environment import lookup_environment

    class LateLibrary(JITCodeLibrary):  # type: ignore[misc]
        _made = False
        _final_module: Any
        _linking_libraries: list[Any]

        def finalize(self) -> None:
            self._raise_if_finalized()
            for library in self._linking_libraries:
                self._reload_init.update(library._reload_init)
            self._finalize_dynamic_globals()
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            """0 when there is none of that name: kernels have none for Python to call."""
            self._ensure_finalized()
            functions = self._final_module.functions
            if not self._made and any(one.name == name and not one.is_declaration for one in functions):
                self._make()
            return int(super().get_pointer_to_function(name))

        def _get_module_for_linking(self) -> Any:
            """For a library of numba's own kind, which links in only what it calls itself: with all below it.

            Functions of numba that our kernels were the first to call are code of this kind; others may call them, too.
            """
            own = super()._get_module_for_linking()
            return own if self._made else _with_all_below(self, own)

        def _make(self) -> None:
            self._made = True
            self._final_module = _with_all_below(self, self._final_module)
            self._linking_libraries = []  # their code is here now
            self._shared_module = None
            self._optimize_final_module()
            self._final_module.verify()
            self._finalize_final_module()
            for variable in self._final_module.global_variables:
                environment = lookup_environment(variable.name)
                if environment is not None:
                    self._codegen.set_env(variable.name, environment)

    return LateLibrary


def _with_all_below(library: Any, own: Any) -> Any:
    """A copy of a library's code, with that of all libraries that it needs linked in."""
    from numba.core.codegen import JITCodeLibrary

    whole = own.clone()
    for below in _below(library):
        whole.link_in(JITCodeLibrary._get_module_for_linking(below), preserve=True)
    return whole


def _below(library: Any) -> list[Any]:
    """All libraries that one needs, each once and after those that call it: LLVM links in what is called so far."""
    seen: set[Any] = set()
    callees_first: list[Any] = []

    def visit(one: Any) -> None:
        for callee in one._linking_libraries:
            if callee not in seen:
                seen.add(callee)
                visit(callee)
                callees_first.append(callee)

    visit(library)
    return callees_first[::-1]


def _object_file(library: Any) -> bytes:
    """An object file of a late library with all that it calls, which needs of numba nothing but functions in C.

    Raises
    ------
    NotImplementedError
        When it calls itself: numba finds its address only later.
    """
    from numba.core.codegen import RuntimeLinker

    library._ensure_finalized()
    own = library._final_module
    library._final_module = _with_all_below(library, own)
    try:
        library._optimize_final_module()
        library._final_module.verify()
        if any(one.name.startswith(RuntimeLinker.PREFIX) for one in library._final_module.global_variables):
            raise NotImplementedError(f"{library.name} calls itself")
        return bytes(library._codegen._tm.emit_object(library._final_module))
    finally:
        library._final_module = own


def _set_env_if_compiled(codegen: Any, name: str, environment: Any) -> None:
    """Tell machine code where its function's Python objects are, when there is machine code."""
    address = codegen._engine.get_global_value_address(name)
    if address:
        (ctypes.c_void_p * 1).from_address(address)[0] = ctypes.c_void_p(id(environment))


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
