"""A choice of tensors on chip in names, as files have it; and the check that a choice can be run as it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dse.errors import MappingError
from dse.mapper.network.residency.choose import Choice, Setting
from dse.mapper.network.residency.columns import Column, Point
from dse.mapper.network.residency.graph import Graph
from dse.model.moves import Places


@dataclass(frozen=True, slots=True)
class Stays:
    """What is where in which step of a network.

    Parameters
    ----------
    level : str
        That keeps tensors.
    tensors : tuple of (str, tuple of str)
        Tensors that are at home, each with the steps in which they are.
    operands : tuple of (str, tuple of str)
        Layers with the operands that they find or leave at home.
    nodes : tuple of (str, tuple of str, tuple of str)
        Nodes without MACs that move something, with the tensors that they read at home and where the result goes:
        `home`, `outside`. A node that is not named moves nothing.
    merged : tuple of str
        Nodes whose result takes the room of what they read.
    copied : tuple of str
        Tensors that are copied to the outermost level when they are made.
    loaded : tuple of (str, str)
        Tensor, and the step before which it is loaded home.
    order : tuple of str
        Steps as they run; empty for the file's order.
    """

    level: str
    tensors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    operands: tuple[tuple[str, tuple[str, ...]], ...] = ()
    nodes: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    merged: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    loaded: tuple[tuple[str, str], ...] = ()
    order: tuple[str, ...] = ()


def stays_of(setting: Setting, choice: Choice) -> Stays:
    """A choice in names."""
    graph = setting.graph
    name = [held.name for held in graph.tensors]
    steps = [step.name for step in graph.steps]
    kept = {t: tuple(steps[i] for i, home in enumerate(choice.home) if t in home) for t in range(len(name))}
    return Stays(
        setting.level,
        tuple((name[t], own) for t, own in kept.items() if own),
        tuple(
            (steps[i], tuple(sorted(column.homes))) for i, column in enumerate(choice.columns)
            if column is not None and column.homes
        ),
        tuple(
            (steps[i], tuple(name[t] for t, at_home in zip(graph.steps[i].reads, places.reads, strict=True) if at_home),
             (*(["home"] if places.inside else []), *(["outside"] if places.outside else [])))
            for i, places in enumerate(choice.places) if places is not None
        ),
        tuple(steps[i] for i in sorted(choice.merged)),
        tuple(name[t] for t in sorted(choice.copied)),
        tuple((name[t], steps[i]) for t, i in choice.loaded), tuple(steps),
    )  # fmt: skip


def choice_of(setting: Setting, stays: Stays, points: Mapping[str, Point]) -> Choice:
    """The choice that names stand for, with a mapping for every layer.

    Raises
    ------
    MappingError
        A name that the network does not have, or what cannot be run as it says; see `check`.
    """
    graph = setting.graph
    tensor = _numbers([held.name for held in graph.tensors], "tensor")
    step = _numbers([one.name for one in graph.steps], "step")
    home: list[set[int]] = [set() for _ in graph.steps]
    for name, own in stays.tensors:
        for at in own:
            home[step(at)].add(tensor(name))
    operands = {step(name): frozenset(own) for name, own in stays.operands}
    columns = tuple(
        None if one.layer is None else _column(graph, i, operands.get(i, frozenset()), points[one.name])
        for i, one in enumerate(graph.steps)
    )
    places: list[Places | None] = [None] * len(graph.steps)
    for name, reads, written in stays.nodes:
        i, inside = step(name), {tensor(read) for read in reads}
        at_home = tuple(t in inside for t in graph.steps[i].reads)
        places[i] = Places(setting.level, at_home, "outside" in written, "home" in written)
    copied = frozenset(tensor(name) for name in stays.copied)
    choice = Choice(
        tuple(map(frozenset, home)), columns, tuple(places), frozenset(step(name) for name in stays.merged), copied,
        tuple((tensor(name), step(at)) for name, at in stays.loaded), frozenset(), 0.0, 0.0,
    )  # fmt: skip
    check(setting, choice)
    return choice


def _column(graph: Graph, i: int, homes: frozenset[str], point: Point) -> Column:
    """The column of a mapping; where unfinished psums come to the ofmap's home, that takes their width."""
    wide = "psum" in homes and not point.finished
    return Column(homes, wide, point.bits + (graph.widening(i) if wide else 0), point, True)


def _numbers(names: list[str], what: str) -> Any:
    known = {name: number for number, name in enumerate(names)}

    def number(name: str) -> int:
        if name not in known:
            raise MappingError(f"the network has no {what} {name!r}")
        return known[name]

    return number


def check(setting: Setting, choice: Choice) -> None:
    """Walk the network's steps and raise `MappingError` where a choice cannot be run as it says.

    What is read at home was made or loaded there and has stayed since; what is read outside is there; what ends the
    network leaves; a result that shares room does so with words that stay as long as it; and everything fits.
    """
    graph = setting.graph
    home: frozenset[int] = frozenset()
    outside = {t for t, held in enumerate(graph.tensors) if held.made_in < 0}
    for i, step in enumerate(graph.steps):
        loaded = frozenset(t for t, at in choice.loaded if at == i)
        _need(graph, i, loaded, outside, "loaded from the outermost level")
        made_home, made_outside = _run(setting, choice, i, choice.home[i], outside)
        _need(graph, i, choice.home[i] - made_home, home | loaded, f"kept in {setting.level}")
        if made_home - choice.home[i]:
            raise MappingError(f"{step.name}: its result is written to {setting.level}, but is not there")
        outside |= made_outside
        home = choice.home[i]
        column = choice.columns[i]
        free = choice.room(graph, i, setting.capacity) - (0 if column is None else column.bits)
        if free < 0:
            raise MappingError(f"{step.name}: {-free} bits too many for {setting.level}")
        if step.writes not in outside and graph.tensors[step.writes].must_leave:
            raise MappingError(f"{step.name}: its result leaves the network, but does not leave {setting.level}")
    for at in choice.merged:
        _check_merged(graph, choice, at)


def _run(
    setting: Setting, choice: Choice, i: int, home: frozenset[int], outside: set[int]
) -> tuple[frozenset[int], set[int]]:
    """What a step makes at home and outside; raises if it does not find what it reads."""
    graph, step, column, places = setting.graph, setting.graph.steps[i], choice.columns[i], choice.places[i]
    copied = {step.writes} & choice.copied
    result = frozenset((step.writes,))
    if column is not None:
        for operand, tensors in step.operands:
            at_home = operand in column.homes
            _need(graph, i, tensors, home if at_home else outside, "read at home" if at_home else "read outside")
        inside = result if "psum" in column.homes else frozenset[int]()
        written = set() if inside else set(result)
    elif places is not None:
        for t, at_home in zip(step.reads, places.reads, strict=True):
            _need(graph, i, (t,), home if at_home else outside, "read at home" if at_home else "read outside")
        inside = result if places.inside else frozenset()
        written = set(result) if places.outside else set()
    else:
        inside = result if step.writes in choice.home[i] else frozenset()
        if not step.taken and not (graph.parts(i) and i in choice.merged):
            raise MappingError(f"{step.name}: it moves its tensors, but nothing says from where to where")
        _need(graph, i, step.reads, home if inside else outside, "where the result is")
        written = set() if inside else set(result)
    if copied and not inside:
        raise MappingError(f"{step.name}: its result is copied from {setting.level}, but is not there")
    return inside, written | copied


def _need(graph: Graph, i: int, tensors: Iterable[int], where: Iterable[int], what: str) -> None:
    there = set(where)
    for t in sorted(tensors):
        if t not in there:
            raise MappingError(f"{graph.steps[i].name}: {graph.tensors[t].name} cannot be {what}: it is not there")


def _check_merged(graph: Graph, choice: Choice, at: int) -> None:
    out, parts = graph.steps[at].writes, graph.parts(at)
    name = graph.steps[at].name
    if not parts:
        if out not in choice.home[at] or not any(t in choice.home[at] for t in graph.overwritten(at)):
            raise MappingError(f"{name}: there is nothing at home that its result may be written over")
        return
    for j in graph.tensors[out].steps:
        for t in (out, *(part for part in parts if j in graph.tensors[part].steps)):
            if t not in choice.home[j]:
                raise MappingError(f"{name}: {graph.tensors[t].name} shares room with others, and leaves before these")
