"""Compiles the numerical modules, once per machine, and keeps the result in the user's cache.

The modules are plain Python, so that everything the mapper computes can also be run and tested uncompiled. Each is
loaded a second time here, with every function compiled in place.
"""

from __future__ import annotations

import dis
import gc
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from dse.mapper.shared.cache import private_folder
from dse.model.kernel import is_entry

MODULES = (
    "dse.model.records", "dse.model.axes", "dse.model.nest", "dse.model.time", "dse.mapper.shared.factors",
    "dse.mapper.flat.space",
    "dse.mapper.shared.orders", "dse.mapper.shared.incumbent", "dse.mapper.flat.outer", "dse.mapper.flat.outer_table",
    "dse.mapper.flat.least_time", "dse.mapper.flat.bounds", "dse.mapper.flat.halo", "dse.mapper.flat.inner",
    "dse.mapper.flat.spreads", "dse.mapper.flat.pricing", "dse.mapper.flat.placing", "dse.mapper.flat.search",
    "dse.mapper.deep.chains", "dse.mapper.deep.halo", "dse.mapper.deep.sift", "dse.mapper.deep.dual",
    "dse.mapper.deep.nest", "dse.mapper.deep.search",
)  # fmt: skip
"""In the order of their imports: a module sees the compiled functions of those before it."""

MAKES_ARRAYS = frozenset(
    {"arange", "argsort", "array", "concatenate", "copy", "full", "ones", "searchsorted", "zeros", "zeros_like"}
)
SCALARS = frozenset(
    {"None", "bool", "int", "float", "tuple[int, int]", "tuple[int, int, int]", f"tuple[{', '.join(['float'] * 6)}]"}
)
"""Return annotations of functions that give no array back."""


@cache
def compiled(name: str) -> Any:
    """The module with all of its functions compiled; Python can call those that are marked as an `entry`."""
    return _all_compiled()[name]


def cache_folder() -> Path:
    """Where the machine code is kept: named after the sources and the compiler, so that neither can go stale."""
    import numba

    digest = hashlib.sha256(numba.__version__.encode() + sys.version.encode())
    for name in (*MODULES, __name__):
        digest.update(_source(name).read_bytes())
    return private_folder(f"kernels-{digest.hexdigest()[:16]}")


@contextmanager
def quick_compilation() -> Iterator[None]:
    """Compile in less time, to kernels that were measured to run no slower.

    At the first level of optimisation; without looks for garbage, of which there is little among the millions of
    objects that live until the end; and asking only once which function an operator stands for on given types.
    """
    import numba
    from numba.core.targetconfig import ConfigStack
    from numba.core.types.functions import BaseFunction

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
    gc.disable()
    try:
        yield
    finally:
        numba.config.OPT = level
        overloaded.get_call_type = resolve
        if collects:
            gc.enable()


def _source(name: str) -> Path:
    return Path(__file__).resolve().parents[2].joinpath(*name.split(".")[1:]).with_suffix(".py")


def _counts_references(function: FunctionType) -> bool:
    """Whether a function has to keep count of who uses an array: it makes arrays, gives them back, or is given some.

    All others are compiled without. The arrays that they are passed outlive the call, and counting every array of a
    problem at each use takes up to thirty times as long as the work itself.
    """
    code = function.__code__
    named = [function.__globals__.get(name) for name in code.co_names]
    called = [getattr(one, "py_func", one) for one in named]
    own = [function, *(one for one in called if isinstance(one, FunctionType))]
    return (
        not MAKES_ARRAYS.isdisjoint(code.co_names)
        or any(step.opname == "BUILD_LIST" for step in dis.get_instructions(code))
        or any(one.__annotations__.get("return") not in SCALARS for one in own)
    )


def _compile(function: FunctionType) -> Any:
    import numba

    inner = not is_entry(function)
    dispatcher = numba.njit(
        cache=True, error_model="numpy", no_cpython_wrapper=inner, no_cfunc_wrapper=True,
        _nrt=_counts_references(function), nogil=not inner,
    )(function)  # fmt: skip
    template = dispatcher.get_call_template

    def without_literals(arguments: Any, keywords: Any) -> Any:
        """Types of a call with constants as plain integers; else every constant argument compiles anew."""
        plain = tuple(numba.types.unliteral(argument) for argument in arguments)
        return template(plain, {key: numba.types.unliteral(value) for key, value in keywords.items()})

    dispatcher.get_call_template = without_literals
    return dispatcher


@cache
def _all_compiled() -> dict[str, ModuleType]:
    import numba

    numba.config.CACHE_DIR = str(cache_folder())
    done: dict[str, ModuleType] = {}
    functions: dict[FunctionType, Any] = {}
    for name in MODULES:
        spec = importlib.util.spec_from_file_location(f"{name}.compiled", _source(name))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # so that pickled references and numba's cache find it
        spec.loader.exec_module(module)
        original = importlib.import_module(name)
        for key, value in list(vars(module).items()):
            if not isinstance(value, FunctionType):
                continue
            if value.__module__ == spec.name:
                setattr(module, key, _compile(value))
                functions[getattr(original, key)] = getattr(module, key)
            elif value in functions:
                setattr(module, key, functions[value])
        done[name] = module
    return done
