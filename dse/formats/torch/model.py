"""A workload of a PyTorch module: its graph is traced on tensors without contents, so nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from dse.errors import DseError
from dse.formats.graph.graph import Graph, TooManyOpsError, Unresolved, Value, check_shape
from dse.formats.graph.workload import Extracted, extracted
from dse.formats.torch import ops
from dse.formats.torch.ops import ALIASES, SAME_WIDTH, TorchCall, copies_made, is_known, spec_of
from dse.formats.torch.recurrent import RECURRENT
from dse.problem.shapes import Shape
from dse.problem.workload import Workload

MACS = ops.MACS | RECURRENT
_NOWHERE = ""


def from_torch(
    module: Any, *example_inputs: Any, name: str | None = None, allow_unresolved: bool = False
) -> Workload:
    """The workload of a PyTorch module.

    Parameters
    ----------
    module : torch.nn.Module
        On any device; one on the `meta` device costs no memory. It is traced as in `eval()`, and left as it was.
    *example_inputs : torch.Tensor
        What it is called with. Only shapes and types matter; the first side of the first one is the batch.
    name : str, optional
        Of the workload; by default the module's class.
    allow_unresolved : bool
        Leave out operations that cannot be resolved, and name them in the workload's description.

    Returns
    -------
    Workload

    Raises
    ------
    DseError
        PyTorch is not installed, the module cannot be traced, or an operation cannot be resolved: with its name.

    Examples
    --------
    >>> import dse, torch  # doctest: +SKIP
    >>> dse.from_torch(torch.nn.Linear(64, 10), torch.empty(1, 64)).macs  # doctest: +SKIP
    640
    """
    return extract_torch(module, example_inputs, name=name, allow_unresolved=allow_unresolved).workload


def extract_torch(
    module: Any, example_inputs: Sequence[Any], *, name: str | None = None, description: str = "",
    allow_unresolved: bool = False,
) -> Extracted:  # fmt: skip
    """`from_torch`, with what is left unresolved."""
    try:
        import torch
    except ImportError:
        raise DseError("reading PyTorch modules needs the package torch", hint="pip install torch") from None
    if not isinstance(module, torch.nn.Module):
        raise DseError(f"a torch.nn.Module is expected, not {type(module).__name__}")
    own = name or type(module).__name__.lower()
    with _evaluating(module):
        try:
            program = torch.export.export(module, tuple(example_inputs), strict=False)
        except Exception as error:  # tracing runs the module's own code, which may raise anything
            raise DseError(
                f"{own} cannot be traced: {type(error).__name__}: {_first_line(error)}",
                hint="its path must not depend on data, and its inputs must be what it is called with",
            ) from None
    walk = _Walk(program)
    walk.run()
    described = description or f"traced from {type(module).__name__} with PyTorch"
    return extracted(walk.graph, own, described, allow_unresolved=allow_unresolved)


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """The module as in `eval()`, attention written out, and no gradients; everything is put back afterwards."""
    import warnings

    import torch

    training = [(part, part.training) for part in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        module.eval()
        torch.backends.mha.set_fastpath_enabled(False)  # its one fused operation would hide the layers
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for part, was in training:
            part.training = was


@dataclass(slots=True)
class _TorchValue(Value):
    """A tensor; `integer` is the width of its type if that is an integer."""

    integer: int | None = None


@dataclass(slots=True)
class _Walk:
    """Visits the calls of a traced program; `values` is what each returns: a value, or a list of them."""

    program: Any
    graph: Graph = field(default_factory=Graph)
    values: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        signature = self.program.graph_signature
        stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        stored |= getattr(signature, "inputs_to_lifted_tensor_constants", {})
        parameters = signature.inputs_to_parameters
        seen: dict[int, str] = {}
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                value = _value(node.meta.get("val"))
                if node.name in stored and value is not None:
                    target = stored[node.name]
                    if node.name in parameters:
                        target = seen.setdefault(id(self.program.state_dict.get(target, node)), target)
                        value = replace(value, parameters={target: prod(value.sizes)})
                elif value is not None:
                    shape = check_shape(value.sizes, f"the input {node.name!r}")
                    value = replace(value, node=self.graph.add_input(node.name, shape or (1,)))
                self.values[node.name] = value
            elif node.op == "call_function":
                self._call(node)

    def _call(self, node: Any) -> None:
        name = getattr(getattr(node.target, "_schema", None), "name", None) or _target_name(node.target)
        results = [_value(item) for item in _listed(node.meta.get("val"))]
        arguments = self._arguments(node)
        reads = list(_tensors(arguments.values()))
        op = name.rpartition("::")[2]
        try:
            if name == "getitem":
                self.values[node.name] = self.values[node.args[0].name][node.args[1]]
            elif name in MACS and not (reads and all(value.constant for value in reads)):
                shape = check_shape(_first(results).sizes, "its output")
                call = TorchCall(self.graph, _wanted(node, reads), op, _with_widths(arguments), shape)
                made = MACS[name](call)[0]
                self._keep(node, [replace(_first(results), node=made), *self._more(node, op, made, results[1:])])
            elif is_known(name):
                self._plain(node, op, arguments, reads, results)
            else:
                raise DseError("an operation that is not known, or whose MACs cannot be written as a layer")
        except TooManyOpsError:
            raise
        except (DseError, ValueError, IndexError, TypeError, KeyError) as failure:
            reason = failure.message if isinstance(failure, DseError) else f"its arguments do not fit ({failure})"
            self._unresolved(node, name, reason, reads, results)

    def _more(
        self, node: Any, op: str, made: str, results: Sequence[_TorchValue | None]
    ) -> Iterator[_TorchValue | None]:
        """Outputs beside the first, such as the last state of a recurrence, if anything reads them."""
        for index, value in enumerate(results, 1):
            if value is not None and any(user.args[1:] == (index,) for user in node.users):
                own = self.graph.plain(_own_name(node, index), f"{op} output", [Value(None, made)], value.sizes)
                value = replace(value, node=own)
            yield value

    def _plain(
        self, node: Any, op: str, arguments: Mapping[str, Any], reads: list[_TorchValue],
        results: list[_TorchValue | None],
    ) -> None:  # fmt: skip
        if all(value.constant for value in reads):
            known = {name: size for value in reads for name, size in value.parameters.items()}
            bits = reads[0].integer if reads and op.startswith("dequantize") else reads[0].bits if reads else None
            self._keep(node, [value and replace(value, parameters=known, bits=bits) for value in results])
            return
        if op in ALIASES and reads and not reads[0].constant:
            self._keep(node, [replace(reads[0], integer=value.integer if value else None) for value in results[:1]])
            return
        if op == "batch_norm":  # without the running statistics, which nobody trains
            reads = list(_tensors(arguments.get(key) for key in ("input", "weight", "bias")))
        made: list[_TorchValue | None] = []
        for index, value in enumerate(results):
            if value is None:
                made.append(None)
                continue
            shape = check_shape(value.sizes, "its output") or (1,)
            spec = spec_of(op, arguments, reads, shape) if len(results) == 1 else {}
            own = self.graph.plain(_own_name(node, index), op.rstrip("_"), reads, shape, spec)
            bits = reads[0].integer if op.startswith("dequantize") else reads[0].bits if op in SAME_WIDTH else None
            copies = copies_made(op, arguments, reads, shape) if len(results) == 1 else ()
            made.append(replace(value, node=own, bits=bits, copies=copies))
        self._keep(node, made)

    def _unresolved(
        self, node: Any, op: str, reason: str, reads: list[_TorchValue], results: list[_TorchValue | None]
    ) -> None:
        self.graph.unresolved.append(Unresolved(_own_name(node), op, reason))
        kept: list[_TorchValue | None] = []
        for index, value in enumerate(results):
            if value is not None and value.shape and min(value.shape) > 0:
                own = self.graph.plain(_own_name(node, index), f"unresolved {op}", reads, value.shape)
                value = replace(value, node=own)
            kept.append(value and replace(value, node=value.node or _NOWHERE))
        self._keep(node, kept)

    def _keep(self, node: Any, results: list[Any]) -> None:
        several = isinstance(node.meta.get("val"), list | tuple)
        self.values[node.name] = results if several else results[0] if results else None

    def _arguments(self, node: Any) -> dict[str, Any]:
        """The arguments by name, defaults filled in, and values for the calls that made them."""
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return {str(index): self._resolved(item) for index, item in enumerate(node.args)}
        named = {item.name: item.default_value for item in schema.arguments}
        named |= {item.name: given for item, given in zip(schema.arguments, node.args, strict=False)}
        return {name: self._resolved(given) for name, given in {**named, **node.kwargs}.items()}

    def _resolved(self, given: Any) -> Any:
        if isinstance(given, list | tuple):
            return [self._resolved(item) for item in given]
        return self.values.get(given.name) if hasattr(given, "meta") and hasattr(given, "name") else given


def _value(item: Any) -> _TorchValue | None:
    import torch

    if not isinstance(item, torch.Tensor):
        return None
    known = all(isinstance(size, int) for size in item.shape)
    shape: Shape | None = tuple(int(size) for size in item.shape) if known else None
    kind = item.dtype
    integer = not kind.is_floating_point and not kind.is_complex and kind != torch.bool
    narrow = integer or (kind.is_floating_point and kind.itemsize == 1)
    return _TorchValue(shape, integer=8 * kind.itemsize if narrow else None)


def _with_widths(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors of integers have the width of their type."""

    def widened(given: Any) -> Any:
        if isinstance(given, list):
            return [widened(item) for item in given]
        is_plain = isinstance(given, _TorchValue) and given.bits is None
        return replace(given, bits=given.integer) if is_plain else given

    return {name: widened(given) for name, given in arguments.items()}


def _tensors(items: Any) -> Iterator[_TorchValue]:
    for item in items:
        if isinstance(item, _TorchValue):
            yield item
        elif isinstance(item, list):
            yield from _tensors(item)


def _listed(item: Any) -> list[Any]:
    return list(item) if isinstance(item, list | tuple) else [item]


def _first(results: list[_TorchValue | None]) -> _TorchValue:
    if not results or results[0] is None:
        raise DseError("it makes no tensor")
    return results[0]


def _target_name(target: Any) -> str:
    return "getitem" if getattr(target, "__name__", "") == "getitem" else str(getattr(target, "__name__", target))


def _own_name(node: Any, index: int = 0) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    module = str(stack[-1][0]) if stack else ""
    kind = str(stack[-1][1]) if module else ""
    leaf = kind.startswith("torch.nn.modules.") and not kind.endswith(".MultiheadAttention")
    name = module if leaf else f"{module}.{node.name}" if module else str(node.name)
    return f"{name}.{index}" if index else name


def _wanted(node: Any, reads: Sequence[Value]) -> str:
    """The name of the module whose weights a call reads, or else of the call in its module."""
    for value in reads:
        if value.constant and len(value.parameters) == 1:
            module, dot, last = next(iter(value.parameters)).rpartition(".")
            return module if dot and last == "weight" else _own_name(node)
    return _own_name(node)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]
