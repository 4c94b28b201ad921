"""All that reaches into numba's private parts to make code: what makes kernels quick to compile and to call.

`machine_code` knows how such code is called, and is all that is needed where there is code.

Measured on the versions in `TESTED`. On others, the plain compiler serves: the same answers, but it takes several
times as long to compile, and kernels that are handed many arrays run slower.
"""

from __future__ import annotations

import ctypes
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.metadata import version
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from dse.mapper.shared.compilation.arguments import laid_out, letters_of
from dse.mapper.shared.compilation.machine_code import Code

TESTED = ("0.68.1",)
"""Versions of numba on which the mapper's answers and times were held against those of the plain compiler."""


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


def compile_kernel(function: FunctionType, *, is_entry: bool, counts_references: bool = True) -> Any:
    """Hand a function to numba, which compiles it at its first call.

    Parameters
    ----------
    function : function
        Whose globals name compiled functions by then.
    is_entry : bool
        Python calls it too, see `portable_code`.
    counts_references : bool
        It keeps count of who uses an array.

    Warns
    -----
    RuntimeWarning
        Once, when the installed numba is none of `TESTED`.

    Examples
    --------
    >>> from dse.mapper.shared.mapspace.factors import ceil_div
    >>> compile_kernel(ceil_div, is_entry=True).py_func is ceil_div
    True
    """
    import numba

    if not is_tested():
        _warn(installed())
        return numba.njit(cache=True, error_model="numpy")(function)
    dispatcher = numba.njit(
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True,
        _nrt=counts_references, nogil=is_entry,
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


def portable_code(dispatcher: Any, arguments: tuple[Any, ...]) -> Code:
    """An entry for arguments of some kinds in LLVM's language, see `portable.machine_code_of`.

    Examples
    --------
    >>> from dse.mapper.shared.mapspace.sizes import fastest_steps
    >>> from dse.mapper.shared.compilation.twins import twin
    >>> table = np.zeros((2, 5), dtype=np.int64)
    >>> made = portable_code(twin(fastest_steps), (np.zeros(9, dtype=np.int64), table, table, 2, 2))
    >>> made.letters, made.result
    ('ppqqpqqppqqpqqqqppqqpqqqqqq', ['d'])
    """
    import numba

    types = tuple(numba.typeof(_plain(argument)) for argument in arguments)
    with quick_compilation():
        dispatcher.compile(types)
        compiled = dispatcher.overloads[types]
        whole = _bitcode(compiled.library)
    letters = letters_of(laid_out(arguments).kind)
    return Code(compiled.fndesc.llvm_func_name, letters, _result(compiled.signature.return_type), whole)


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
    end; with shorter passes; and asking only once what is asked again.

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

    if JITCPUCodegen._library_class is late_library():  # a kernel that another one calls
        yield
        return
    meanwhile = [
        (numba.config, "OPT", type(numba.config.OPT)(1)),
        (JITCPUCodegen, "_library_class", late_library()),
        (JITCPUCodegen, "set_env", _set_env_if_compiled),
        *_shorter_passes(),
        *_fewer_looks(),
    ]
    before, collects = [(owner, name, getattr(owner, name)) for owner, name, _ in meanwhile], gc.isenabled()
    gc.disable()
    try:
        for owner, name, other in meanwhile:
            setattr(owner, name, other)
        yield
    finally:
        for owner, name, own in before:
            setattr(owner, name, own)
        if collects:
            gc.enable()


def _shorter_passes() -> list[tuple[Any, str, Any]]:
    """What stands in for numba's passes meanwhile: (class, name of a method, another one that gives the same code).

    Passes work out anew what only the last one looks at, and look for what kernels do not have.
    """
    from numba.core import ir, postproc, transforms, typed_passes, types, untyped_passes
    from numba.core.compiler_machinery import PassManager, _pass_registry

    hand_on = {"build_tuple", "getattr", "getitem", "static_getitem"}  # arrays, without arithmetic
    rewrite, inline = typed_passes.NopythonRewrites, untyped_passes.InlineClosureLikes
    post_process, rewritten, inlined = postproc.PostProcessor.run, rewrite.run_pass, inline.run_pass

    def run_pass(manager: Any, _: int, step: Any, state: Any) -> None:
        step.analysis = manager._analysis
        changed = [part(state) for part in (step.run_initialization, step.run_pass, step.run_finalizer)]
        if _pass_registry.get(type(step)).mutates_CFG:
            if any(changed):
                postproc.PostProcessor(state.func_ir).run()
            else:
                state.func_ir.blocks = transforms.canonicalize_cfg(state.func_ir.blocks)

    def post_processed(processor: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
        function = processor.func_ir
        if function.is_generator:
            post_process(processor, emit_dels, extend_lifetimes)
            return
        function.blocks = transforms.canonicalize_cfg(function.blocks)
        function.variable_lifetime = postproc.VariableLifetime(function.blocks)  # worked out when it is asked for
        function.generator_info = None
        if emit_dels:
            processor._insert_var_dels(extend_lifetimes=extend_lifetimes)

    def makes_arrays(state: Any) -> bool:
        steps = [step for block in state.func_ir.blocks.values() for step in block.find_insts(ir.Assign)]
        new = [step for step in steps if isinstance(step.value, ir.Expr) and step.value.op not in hand_on]
        return any(isinstance(state.typemap[step.target.name], types.Array) for step in new)

    def has_inner_functions(state: Any) -> bool:
        return any(isinstance(one, CodeType) for one in state.func_id.code.co_consts)

    return [
        (PassManager, "_runPass", run_pass),
        (postproc.PostProcessor, "run", post_processed),
        (rewrite, "run_pass", lambda step, state: makes_arrays(state) and rewritten(step, state)),
        (inline, "run_pass", lambda step, state: not has_inner_functions(state) or inlined(step, state)),
    ]


def _fewer_looks() -> list[tuple[Any, str, Any]]:
    """The same for messages that nobody reads, events that nobody hears, and answers that are known."""
    from numba.core import errors, event, lowering
    from numba.core.base import BaseContext
    from numba.core.targetconfig import ConfigStack
    from numba.core.types.functions import BaseFunction

    resolve, refresh, colours = BaseFunction.get_call_type, BaseContext.refresh, type(errors.termcolor())
    known: dict[Any, Any] = {}
    registered: dict[Any, int] = {}

    def resolve_once(function: Any, context: Any, arguments: Any, keywords: Any) -> Any:
        flags = ConfigStack.top_or_none()
        key = function, context, arguments, tuple(keywords.items()), flags is not None and flags.nrt
        if key not in known:
            known[key] = resolve(function, context, arguments, keywords)
        return known[key]

    def refresh_if_new(context: Any) -> None:
        if registered.get(context) != _registrations(context):
            refresh(context)
            registered[context] = _registrations(context)

    def nothing(*_: Any, **__: Any) -> Any:
        return nullcontext()

    return [
        (lowering.BaseLower, "create_cfunc_wrapper", nothing),
        (BaseFunction, "get_call_type", resolve_once),
        (BaseContext, "get_abi_sizeof", cache(BaseContext.get_abi_sizeof)),
        (BaseContext, "refresh", refresh_if_new),
        *[(colours, "_markup", lambda _, text, *__, **___: text)] * hasattr(colours, "_markup"),  # not without colorama
        *((event, name, nothing) for name in ("start_event", "end_event", "trigger_event")),
    ]


def _registrations(context: Any) -> int:
    """How many functions numba's registries know: whether there are new ones to take over."""
    registries = (*context._registries, *context.typing_context._registries)
    return sum(len(known) for one in registries for known in vars(one).values() if isinstance(known, list))


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


def _bitcode(library: Any) -> bytes:
    """A late library with all that it calls, which needs of numba nothing but functions in C.

    Raises
    ------
    NotImplementedError
        When it calls itself: numba finds its address only later.
    """
    from numba.core.codegen import RuntimeLinker

    library._ensure_finalized()
    whole = _with_all_below(library, library._final_module)
    whole.verify()
    if any(one.name.startswith(RuntimeLinker.PREFIX) for one in whole.global_variables):
        raise NotImplementedError(f"{library.name} calls itself")
    return bytes(whole.as_bitcode())


def _set_env_if_compiled(codegen: Any, name: str, environment: Any) -> None:
    """Tell machine code where its function's Python objects are, when there is machine code."""
    address = codegen._engine.get_global_value_address(name)
    if address:
        (ctypes.c_void_p * 1).from_address(address)[0] = ctypes.c_void_p(id(environment))


@cache
def _warn(version: str) -> None:
    warnings.warn(
        f"numba {version} is untested here: kernels are compiled without what makes that quick "
        f"(tested: {', '.join(TESTED)})",
        RuntimeWarning, stacklevel=2,
    )  # fmt: skip
