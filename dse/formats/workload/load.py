"""Read a workload file: infer every layer from the human YAML, and check what the file expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dse.errors import DseError, SpecError
from dse.formats.text.shipped import check_kind
from dse.formats.text.source import Source, did_you_mean, find_shipped, load_source, parse_source, raise_all, validate
from dse.formats.workload import models
from dse.formats.workload.ops import MAKERS, Entry
from dse.formats.workload.parameters import declared, unknown_parameter, with_parameters
from dse.formats.workload.write import dump_workload, save_workload
from dse.problem import shapes
from dse.problem.density import Density
from dse.problem.shapes import Shape
from dse.problem.workload import Node, Workload

__all__ = ["build_workload", "dump_workload", "load_workload", "load_workloads", "parse_workload", "save_workload"]

INPUT = "input"

_INPUTS: dict[str, tuple[int, int | None]] = {
    "add": (2, None), "multiply": (2, None), "concat": (1, None), "matmul": (1, 2), "layer": (1, None),
    "other": (1, None),
}  # fmt: skip
"""The fewest and the most tensors that an operation reads; the others read one."""


def load_workload(path: str | Path, parameters: Mapping[str, int] | None = None) -> Workload:
    """Read a workload file.

    Parameters
    ----------
    path : str or Path
        Of a file, or the bare name of a shipped workload such as `vgg16`.
    parameters : mapping, optional
        Values for parameters that the file declares, such as `{"seq": 384}` for `bert_base`, instead of its own. They
        become part of the workload's name, and the file's `expect` is not checked.

    Returns
    -------
    Workload

    Raises
    ------
    SpecError
        Everything that is wrong with the file, each with its line: keys, shapes that do not fit, unknown or circular
        `from`, totals other than `expect`, or a parameter that it does not declare.

    Examples
    --------
    >>> load_workload("bert_base").macs
    11173625856
    >>> load_workload("bert_base", {"seq": 384}).name
    'bert_base-seq384'
    """
    return build_workload(load_source(find_shipped("workloads", path)), parameters or {})


def load_workloads(
    given: Sequence[str | Path | Workload], parameters: Mapping[str, int] | None = None, *, batch: int | None = None,
    bits: Mapping[str, int] | None = None, density: Mapping[str, Density] | None = None,
) -> list[Workload]:  # fmt: skip
    """Several workloads, files read and objects as they are; a file gets those of the parameters that it declares.

    All of them get the batch size, and the widths and densities of operands, that are given.

    Raises
    ------
    SpecError
        As `load_workload`; and for a parameter that none of the files declares.
    """
    sources = [load_source(find_shipped("workloads", one)) if isinstance(one, str | Path) else one for one in given]
    names = {one.file: declared(one) for one in sources if isinstance(one, Source)}
    for name in parameters or {}:
        if not any(name in own for own in names.values()):
            raise unknown_parameter(name, names or {"the workload": ()})
    read = [
        build_workload(one, {name: value for name, value in (parameters or {}).items() if name in names[one.file]})
        if isinstance(one, Source) else one
        for one in sources
    ]  # fmt: skip
    if batch is not None:
        read = [workload.with_batch(batch) for workload in read]
    return [workload.with_bits(**(bits or {})).with_density(**(density or {})) for workload in read]


def parse_workload(text: str, file: str = "<text>", parameters: Mapping[str, int] | None = None) -> Workload:
    """`load_workload` of a text; `file` is named in errors.

    Examples
    --------
    >>> parse_workload("workload: net\\ninput: [3, 8, 8]\\nlayers: {a: {conv: 4, kernel: 3}}").macs
    3888
    """
    return build_workload(parse_source(text, file), parameters or {})


def build_workload(source: Source, parameters: Mapping[str, int]) -> Workload:
    """The workload that a parsed file describes, at some values of its parameters."""
    check_kind(source, "workloads")
    source, changed = with_parameters(source, parameters)
    spec = validate(models.WorkloadSpec, source)
    entries = _entries(source, spec)
    ordered = _in_order(source, entries)
    workload = Workload(
        spec.workload, _infer(source, spec, ordered), 1, spec.description, tuple(spec.published.items())
    )
    if changed:
        variant = "-".join(f"{name}{value}" for name, value in changed.items())
        workload = replace(workload, name=f"{workload.name}-{variant}")
    else:
        _check_expected(source, spec, workload)
    return workload.with_batch(spec.batch) if spec.batch > 1 else workload


def _entries(source: Source, spec: models.WorkloadSpec) -> dict[str, Entry]:
    """All entries in the order of the file, each checked by itself, and `from` resolved to names that exist."""
    errors: list[SpecError] = []
    inputs = _input_shapes(spec)
    entries: dict[str, Entry] = {}
    for name in spec.layers:
        try:
            if name in inputs:
                raise source.error(("layers", name), f"{name!r} is an input already", "choose another name", key=True)
            entries[name] = _entry(source, name)
        except SpecError as error:
            errors.extend(getattr(error, "errors", (error,)))
    known = {*inputs, *spec.layers}
    previous = next(iter(inputs), None) if len(inputs) == 1 else None
    for name in spec.layers:
        if name in entries:
            try:
                entries[name].reads = _reads(source, entries[name], previous, known)
            except SpecError as error:
                errors.append(error)
        previous = name
    raise_all(errors)
    return entries


def _input_shapes(spec: models.WorkloadSpec) -> dict[str, Shape]:
    if spec.input is None:
        return {}
    named = spec.input if isinstance(spec.input, dict) else {INPUT: spec.input}
    return {name: tuple(shape) for name, shape in named.items()}


def _entry(source: Source, name: str) -> Entry:
    path = ("layers", name)
    given = source.get(path)
    if not isinstance(given, dict):
        raise source.error(path, f"{name} is a mapping such as {{conv: 64, kernel: 3, pad: 1}}, not {given!r}")
    ops = [op for op in models.OPS if op in given]
    if not ops:
        raise source.error(path, f"{name} has no operation", _meant(given), key=True)
    if len(ops) > 1:
        raise source.error((*path, ops[1]), f"{name} has two operations, {ops[0]} and {ops[1]}", key=True)
    return Entry(name, ops[0], validate(models.OPS[ops[0]], source, path))


_CALLED = {
    "linear": "fc", "dense": "fc", "gemm": "matmul", "relu": "activation", "softmax": "activation", "sum": "add",
    "pool": "maxpool", "pooling": "maxpool", "mul": "multiply", "flatten": "reshape",
}  # fmt: skip
"""What others call an operation."""


def _meant(given: Mapping[str, Any]) -> str:
    """What an entry without an operation may mean, by those of its keys that no operation has."""
    known = {field.alias or key for op in models.OPS.values() for key, field in op.model_fields.items()}
    for key in (str(key) for key in given if key not in known - set(models.OPS)):
        begun = next((op for op in models.OPS if key.lower().startswith(op)), None)
        if (op := begun or _CALLED.get(key.lower())) is not None:
            return f"did you mean {op!r}?"
        if len(key) > 1 and "did" in (hint := did_you_mean(key, models.OPS) or ""):  # C is not much of fc
            return hint
    return f"one of: {', '.join(models.OPS)}"


def _reads(source: Source, entry: Entry, previous: str | None, known: set[str]) -> tuple[str, ...]:
    """The names that an entry reads: what it says, or else what stands before it."""
    path: tuple[str, ...] = ("layers", entry.name, entry.op)
    said = getattr(entry.spec, entry.op) if entry.op in ("add", "multiply", "concat") else None
    if said is None:
        path = ("layers", entry.name, "from")
        said = getattr(entry.spec, "from_", None)
    if said is None:
        if entry.op in ("layer", "matmul"):
            return ()
        if previous is None:
            hint = "give the file an input, e.g. input: [3, 224, 224]"
            raise source.error(("layers", entry.name), f"{entry.name} has nothing to read", hint, key=True)
        return (previous,)
    for position, name in enumerate(said):
        if name not in known:
            raise source.error((*path, position), f"{entry.name} reads {name!r}, which does not exist",
                               did_you_mean(name, known))  # fmt: skip
    fewest, most = _INPUTS.get(entry.op, (1, 1))
    if len(said) < fewest or (most is not None and len(said) > most):
        expected = f"{fewest}" if fewest == most else f"{fewest} or more" if most is None else f"{fewest} or {most}"
        raise source.error(path, f"{entry.op} reads {expected} tensors, not {len(said)}")
    return tuple(said)


def _in_order(source: Source, entries: dict[str, Entry]) -> list[Entry]:
    """The entries with everything that is read before what reads it; otherwise in the order of the file."""
    ordered: list[Entry] = []
    done: dict[str, bool] = {}  # False while what an entry reads is being placed
    for start in entries:
        if start in done:
            continue
        done[start] = False
        stack = [(start, iter(entries[start].reads))]
        while stack:
            name, waiting = stack[-1]
            following = next((other for other in waiting if other in entries and not done.get(other, False)), None)
            if following is None:
                stack.pop()
                done[name] = True
                ordered.append(entries[name])
            elif following in done:
                names = [waiter for waiter, _ in stack]
                circle = names[names.index(following) :]
                said = " -> ".join(reversed((*circle[:6], *([] if len(circle) < 7 else ["..."]), following)))
                raise source.error(("layers", name), f"the layers read each other in a circle: {said}", key=True)
            else:
                done[following] = False
                stack.append((following, iter(entries[following].reads)))
    return ordered


def _infer(source: Source, spec: models.WorkloadSpec, ordered: list[Entry]) -> tuple[Node, ...]:
    """Nodes with their shapes; what reads a node that has failed is passed over, so that each mistake counts once."""
    nodes = [Node(name, INPUT, shape) for name, shape in _input_shapes(spec).items()]
    made = {node.name: node for node in nodes}
    errors: list[SpecError] = []
    for entry in ordered:
        if any(name not in made for name in entry.reads):
            continue
        inputs = [made[name] for name in entry.reads]
        entry.reads = tuple(node.name for node in inputs)
        try:
            new = MAKERS[entry.op](entry, inputs, spec)
            shapes.check_sides(new[-1].shape)
        except DseError as failure:
            of = f" ({entry.op} of {shapes.listed([node.shape for node in inputs])})" if inputs else ""
            message = f"{entry.name}{of}: {failure.message}"
            errors.append(source.error(("layers", entry.name), message, failure.hint, key=True))
            continue
        nodes += new
        made[entry.name] = new[-1]
    raise_all(errors)
    _check_names(source, nodes)
    return tuple(nodes)


def _check_names(source: Source, nodes: list[Node]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            message = f"{node.name!r} is also the name of a part of a separable convolution"
            raise source.error(("layers", node.name), message, key=True)
        seen.add(node.name)


def _check_expected(source: Source, spec: models.WorkloadSpec, workload: Workload) -> None:
    found = {"macs": workload.macs, "weights": workload.weight_words, "parameters": workload.parameters}
    raise_all(
        source.error(("expect", key), f"the layers have {found[key]:,} {key}, not {expected:,}")
        for key in found
        if (expected := getattr(spec.expect, key)) is not None and expected != found[key]
    )
