"""Workloads as a sweep or a comparison takes them: read, and changed as it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError

if TYPE_CHECKING:
    from dse.problem.density import Density
    from dse.problem.workload import Workload


@dataclass(frozen=True, slots=True)
class WorkloadChanges:
    """What is changed about workloads as they are read; what is not said stays their own.

    Parameters
    ----------
    batch : int, optional
        Images at once.
    parameters : mapping
        Values for parameters that workload files declare, such as `{"seq": 384}`.
    bits, density : mapping
        Widths in bits, and nonzero parts from 0 to 1 or `N:M`, by operand.
    layers : tuple of str
        Map only these layers; each network maps those of them that it has. None named: all of them.
    """

    batch: int | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    bits: Mapping[str, int] = field(default_factory=dict)
    density: Mapping[str, Density] = field(default_factory=dict)
    layers: tuple[str, ...] = ()

    def over(self, other: WorkloadChanges) -> WorkloadChanges:
        """These changes, and those of `other` where these say nothing; names of a mapping one by one."""
        return WorkloadChanges(
            other.batch if self.batch is None else self.batch,
            {**other.parameters, **self.parameters},
            {**other.bits, **self.bits},
            {**other.density, **self.density},
            self.layers or other.layers,
        )

    def read(self, given: Sequence[str | Path | Workload]) -> tuple[Workload, ...]:
        """Several workloads with these changes: objects, files, or bare names of shipped ones.

        Raises
        ------
        DseError
            For a file that does not say what it should, and for two workloads of one name.
        """
        from dse.formats.workload.load import load_workloads

        read = load_workloads(given, self.parameters, batch=self.batch, bits=self.bits, density=self.density)
        names = [workload.name for workload in read]
        if len(set(names)) < len(names):
            raise DseError(f"workload {max(names, key=names.count)} is given twice")
        return _only(read, self.layers) if self.layers else tuple(read)


def _only(workloads: Sequence[Workload], layers: Sequence[str]) -> tuple[Workload, ...]:
    """Each workload with those of the layers that it has, in the order asked for.

    Raises
    ------
    DseError
        For a layer that no workload has, and for a workload that has none of them.
    """
    if len(workloads) == 1:
        return (only(workloads[0], layers),)
    known = {workload.name: {layer.name for layer in workload.layers} for workload in workloads}
    for name in layers:
        if not any(name in own for own in known.values()):
            every = sorted(set().union(*known.values()))
            near = get_close_matches(name, every, 1)
            raise DseError(f"none of {', '.join(known)} has a layer {name!r}",
                           hint=f"did you mean {near[0]!r}?" if near else None)  # fmt: skip
    for name, own in known.items():
        if not own & set(layers):
            raise DseError(f"{name} has none of the layers {', '.join(layers)}", hint="leave that network out")
    return tuple(only(one, [name for name in layers if name in known[one.name]]) for one in workloads)


def only(workload: Workload, layers: Sequence[str]) -> Workload:
    """Some layers of a workload, in the order asked for; it keeps its batch, and which weights are activations, of
    which each image has its own.

    Examples
    --------
    >>> from dse.problem.layer import Layer
    >>> from dse.problem.workload import Workload
    >>> [layer.name for layer in only(Workload.of("net", [Layer("a", K=2), Layer("b", K=3)]), ["b"]).layers]
    ['b']
    """
    from dse.problem.workload import Workload

    chosen = [workload.layer(layer) for layer in dict.fromkeys(layers)]
    nodes = {node.name: node for node in workload.nodes}
    bare = Workload.of(workload.name, chosen)
    kept = (replace(node, weights=nodes[node.name].weights) for node in bare.nodes)
    return replace(bare, nodes=tuple(kept), batch=workload.batch)


UNCHANGED = WorkloadChanges()
