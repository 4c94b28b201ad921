"""Machine code only for functions whose address is asked for, each together with all that it calls.

numba optimises every function with all that it calls linked in, and makes machine code of the whole: a function under
ten callers goes through that eleven times. Here a function that only kernels call stays in LLVM's language, until an
entry above it is made. Only `numba_internals` imports this module, and only for versions of numba that it knows.
"""

from __future__ import annotations

import ctypes
from typing import Any

from numba.core.codegen import JITCodeLibrary, JITCPUCodegen, RuntimeLinker
from numba.core.environment import lookup_environment


class LateLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of one function: machine code once its address is asked for."""

    _made = False
    _final_module: Any
    _linking_libraries: list[Any]

    def finalize(self) -> None:
        """Note that the code is complete."""
        self._raise_if_finalized()
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Address of a function, 0 when there is none of that name: kernels have none for Python to call."""
        self._ensure_finalized()
        if not self._made and any(one.name == name and not one.is_declaration for one in self._final_module.functions):
            self._make()
        return int(super().get_pointer_to_function(name))

    def _get_module_for_linking(self) -> Any:
        """The code for a library of numba's own kind, which links in only what it calls itself: with all below it.

        Functions of numba that our kernels were the first to call are code of this kind, and others may call them, too.
        """
        own = super()._get_module_for_linking()
        if self._made:
            return own
        whole = own.clone()
        for library in _below(self):
            whole.link_in(_own_code(library), preserve=True)
        return whole

    def object_code(self) -> bytes:
        """An object file of the code with all that it calls, which needs of numba nothing but functions in C.

        Raises
        ------
        NotImplementedError
            When it calls itself.
        """
        self._ensure_finalized()
        own = self._final_module
        self._final_module = own.clone()
        try:
            for library in _below(self):
                self._final_module.link_in(_own_code(library), preserve=True)
            self._optimize_final_module()
            self._final_module.verify()
            if any(one.name.startswith(RuntimeLinker.PREFIX) for one in self._final_module.global_variables):
                raise NotImplementedError(f"{self.name} calls itself")  # numba finds its address only later
            return bytes(self._codegen._tm.emit_object(self._final_module))
        finally:
            self._final_module = own

    def _make(self) -> None:
        self._made = True
        for library in _below(self):
            self._final_module.link_in(_own_code(library), preserve=True)
        self._linking_libraries = []  # their code is here now
        self._shared_module = None
        self._optimize_final_module()
        self._final_module.verify()
        self._finalize_final_module()
        for variable in self._final_module.global_variables:
            environment = lookup_environment(variable.name)
            if environment is not None:
                self._codegen.set_env(variable.name, environment)


def set_env_if_compiled(codegen: JITCPUCodegen, name: str, environment: Any) -> None:
    """Tell machine code where its function's Python objects are, when there is machine code.

    Examples
    --------
    A function that nothing calls from Python has none, and nothing is told:

    >>> from numba.core.registry import cpu_target
    >>> set_env_if_compiled(cpu_target.target_context.codegen(), "environment of no function", None)
    """
    address = codegen._engine.get_global_value_address(name)
    if address:
        (ctypes.c_void_p * 1).from_address(address)[0] = ctypes.c_void_p(id(environment))


def _own_code(library: Any) -> Any:
    """A module of what is in a library itself, for others to link in."""
    return JITCodeLibrary._get_module_for_linking(library)


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
