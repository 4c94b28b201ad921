"""A choice of tensors on chip in names, as files have it; and the check that a choice can be run as it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.errors import MappingError
from dse.mapper.network.residency.choice import OUTER, Choice, KeptInLevel, Setting
from dse.mapper.network.residency.columns import AtHome, Column, Point, level_of
from dse.mapper.network.residency.graph import Graph
from dse.model.moves import Places


@dataclass(frozen=True, slots=True)
class Stays:
    """What is where in which step of a network: in one level, and in those further in.

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
        `home`, `outside`; neither where it goes to another level that keeps tensors. A node that is not named in any
        level moves nothing.
    merged : tuple of str
        Nodes whose result takes the room of what they read.
    copied : tuple of str
        Tensors that are copied to the outermost level when they are made here.
    loaded : tuple of (str, str)
        Tensor, and the step before which it is loaded home.
    order : tuple of str
        Steps as they run; empty for the file's order.
    copied_to : tuple of (str, str)
        Tensor that is made here, and another level that keeps tensors, to which it is copied then.
    loaded_from : tuple of (str, str, str)
        Tensor, the step before which it is loaded home, and the level that keeps tensors from which it comes.
    inner : Stays, optional
        The next level inwards that keeps tensors.
    """

    level: str
    tensors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    operands: tuple[tuple[str, tuple[str, ...]], ...] = ()
    nodes: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    merged: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    loaded: tuple[tuple[str, str], ...] = ()
    order: tuple[str, ...] = ()
    copied_to: tuple[tuple[str, str], ...] = ()
    loaded_from: tuple[tuple[str, str, str], ...] = ()
    inner: Stays | None = None

    @property
    def levels(self) -> tuple[Stays, ...]:
        """This and those further in."""
        return (self, *(() if self.inner is None else self.inner.levels))


def stays_of(setting: Setting, choice: Choice) -> Stays:
    """A choice in names."""
    found: Stays | None = None
    for h in reversed(range(len(setting.levels))):
        found = _stays_in(setting, choice, h, found)
    assert found is not None
    return found


def _stays_in(setting: Setting, choice: Choice, h: int, inner: Stays | None) -> Stays:
    graph, kept, level = setting.graph, choice.levels[h], setting.levels[h]
    name = [held.name for held in graph.tensors]
    steps = [step.name for step in graph.steps]
    where = {t: tuple(steps[i] for i, home in enumerate(kept.home) if t in home) for t in range(len(name))}
    nodes = []
    for i, places in enumerate(choice.places):
        if places is not None:
            reads = tuple(name[t] for t, at in zip(graph.steps[i].reads, places.reads, strict=True) if at == level)
            home = ("home",) if level in places.writes else ()
            writes = (*home, *(("outside",) if h == 0 and "" in places.writes else ()))
            if h == 0 or reads or writes:
                nodes.append((steps[i], reads, writes))
    return Stays(
        level, tuple((name[t], own) for t, own in where.items() if own),
        tuple(
            (steps[i], tuple(sorted(column.homes[h]))) for i, column in enumerate(choice.columns)
            if column is not None and column.homes[h]
        ),
        tuple(nodes), tuple(steps[i] for i in sorted(kept.merged)),
        tuple(name[t] for t, target in sorted(kept.copied) if target == OUTER),
        tuple((name[t], steps[i]) for t, i, source in kept.loaded if source == OUTER), tuple(steps) if h == 0 else (),
        tuple((name[t], setting.levels[target]) for t, target in sorted(kept.copied) if target != OUTER),
        tuple((name[t], steps[i], setting.levels[source]) for t, i, source in kept.loaded if source != OUTER), inner,
    )  # fmt: skip


def choice_of(setting: Setting, stays: Stays, points: Mapping[str, Point]) -> Choice:
    """The choice that names stand for, with a mapping for every layer.

    Raises
    ------
    MappingError
        A name that the network does not have, or what cannot be run as it says; see `check`.
    """
    graph = setting.graph
    tensor, step, _ = _numbers_of(setting)
    every = _every(setting, stays)
    homes = operands_of(graph, every)
    columns = tuple(
        None if one.layer is None else _column(graph, i, homes[i], points[one.name])
        for i, one in enumerate(graph.steps)
    )
    places = tuple(_places(setting, every, tensor, step))
    choice = Choice(kept_of(setting, stays), columns, places, frozenset(), 0.0, 0.0)
    check(setting, choice)
    return choice


def kept_of(setting: Setting, stays: Stays) -> tuple[KeptInLevel, ...]:
    """What names say that each level keeps.

    Raises
    ------
    MappingError
        A name that the network does not have.
    """
    numbers = _numbers_of(setting)
    return tuple(_kept(setting.graph, one, numbers) for one in _every(setting, stays))


def _every(setting: Setting, stays: Stays) -> list[Stays]:
    """What is given of each level that keeps tensors, outermost first."""
    given = {one.level: one for one in stays.levels}
    _, _, level = _numbers_of(setting)
    for name in given:
        level(name)
    return [given.get(name, Stays(name)) for name in setting.levels]


def _numbers_of(setting: Setting) -> tuple[Any, Any, Any]:
    """From names to numbers: of tensors, of steps, and of levels that keep tensors."""
    return (
        _numbers([held.name for held in setting.graph.tensors], "tensor"),
        _numbers([one.name for one in setting.graph.steps], "step"),
        _numbers(list(setting.levels), "level that keeps tensors"),
    )


def operands_of(graph: Graph, every: Sequence[Stays]) -> list[AtHome]:
    """What each step has at home, by level."""
    step = _numbers([one.name for one in graph.steps], "step")
    own = [{step(name): frozenset(operands) for name, operands in one.operands} for one in every]
    return [tuple(some.get(i, frozenset()) for some in own) for i in range(len(graph.steps))]


def _kept(graph: Graph, stays: Stays, numbers: Any) -> KeptInLevel:
    tensor, step, level = numbers
    home: list[set[int]] = [set() for _ in graph.steps]
    for name, own in stays.tensors:
        for at in own:
            home[step(at)].add(tensor(name))
    copied = [*((name, OUTER) for name in stays.copied), *((name, level(to)) for name, to in stays.copied_to)]
    loaded = [(name, at, OUTER) for name, at in stays.loaded]
    loaded += [(name, at, level(source)) for name, at, source in stays.loaded_from]
    return KeptInLevel(
        tuple(map(frozenset, home)), frozenset(step(name) for name in stays.merged),
        tuple((tensor(name), to) for name, to in copied),
        tuple((tensor(name), step(at), source) for name, at, source in loaded),
    )  # fmt: skip


def _places(setting: Setting, every: Sequence[Stays], tensor: Any, step: Any) -> list[Places | None]:
    """Where nodes find and leave their tensors; None for those that no level names."""
    graph = setting.graph
    reads: list[dict[int, str]] = [{} for _ in graph.steps]
    writes: list[list[str] | None] = [None] * len(graph.steps)
    for one in every:
        for name, read, written in one.nodes:
            i = step(name)
            reads[i] |= {tensor(other): one.level for other in read}
            own = writes[i] or []
            writes[i] = [*own, *([""] if "outside" in written else []), *([one.level] if "home" in written else [])]
    for i, to in enumerate(writes):
        if to == []:
            raise MappingError(f"{graph.steps[i].name}: it writes its result nowhere; home or outside would be a place")
    return [
        None if to is None else Places(tuple(reads[i].get(t, "") for t in graph.steps[i].reads), tuple(to))
        for i, to in enumerate(writes)
    ]


def _column(graph: Graph, i: int, homes: AtHome, point: Point) -> Column:
    """The column of a mapping; where unfinished psums come to the ofmap's home, that takes their width."""
    home = level_of(homes, "psum")
    wide = home >= 0 and not point.finished
    bits = tuple(own + (graph.widening(i) if wide and h == home else 0) for h, own in enumerate(point.bits))
    return Column(homes, wide, bits, point, True)


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
    graph, levels = setting.graph, range(len(setting.levels))
    home: list[frozenset[int]] = [frozenset() for _ in levels]
    outside = {t for t, held in enumerate(graph.tensors) if held.made_in < 0}
    for i, step in enumerate(graph.steps):
        now = [kept.home[i] for kept in choice.levels]
        loaded = [dict(_loads(graph, choice, i, h, (home, outside), setting)) for h in levels]
        made = _run(setting, choice, i, now, outside)
        reached = {*made, *(to for at in made if at != OUTER for t, to in choice.levels[at].copied if t == step.writes)}
        for h in levels:
            result = {step.writes} if h in reached else set()
            _need(graph, i, now[h] - result, {*home[h], *loaded[h]}, f"kept in {setting.levels[h]}")
            if result - now[h]:
                raise MappingError(f"{step.name}: its result is written to {setting.levels[h]}, but is not there")
            if any(t == step.writes for t, _ in choice.levels[h].copied) and h not in made:
                what = f"its result is copied from {setting.levels[h]}, but is not there"
                raise MappingError(f"{step.name}: {what}")
        outside |= {step.writes} if OUTER in reached else set()
        home = now
        for h, bits in enumerate(choice.free(setting, i)):
            if bits < 0:
                raise MappingError(f"{step.name}: {-bits} bits too many for {setting.levels[h]}")
        if step.writes not in outside and graph.tensors[step.writes].must_leave:
            raise MappingError(f"{step.name}: its result leaves the network, but does not leave {setting.named}")
    for kept in choice.levels:
        for at in kept.merged:
            _check_merged(graph, kept, at)


def _loads(
    graph: Graph, choice: Choice, i: int, h: int, there: tuple[list[frozenset[int]], set[int]], setting: Setting
) -> Iterator[tuple[int, int]]:
    """Tensors that come to a level before a step, with where they come from; raises if they are not there."""
    home, outside = there
    for t, at, source in choice.levels[h].loaded:
        if at == i:
            where = outside if source == OUTER else home[source]
            what = "the outermost level" if source == OUTER else setting.levels[source]
            _need(graph, i, (t,), where, f"loaded from {what}")
            yield t, source


def _run(setting: Setting, choice: Choice, i: int, home: Sequence[frozenset[int]], outside: set[int]) -> frozenset[int]:
    """The levels in which a step makes its result; raises if it does not find what it reads."""
    graph, step, column, places = setting.graph, setting.graph.steps[i], choice.columns[i], choice.places[i]

    def read(tensors: Iterable[int], level: int) -> None:
        there = outside if level == OUTER else home[level]
        _need(graph, i, tensors, there, "read outside" if level == OUTER else "read at home")

    number = {"": OUTER, **{name: h for h, name in enumerate(setting.levels)}}
    if column is not None:
        for operand, tensors in step.operands:
            read(tensors, level_of(column.homes, operand))
        return frozenset((level_of(column.homes, "psum"),))
    if places is not None:
        for t, level in zip(step.reads, places.reads, strict=True):
            read((t,), number[level])
        return frozenset(number[level] for level in places.writes)
    here = [h for h, now in enumerate(home) if step.writes in now]
    parts = graph.parts(i)
    whole = [h for h in here if set(step.reads) <= home[h] and (step.taken or (parts and i in choice.levels[h].merged))]
    if not step.taken and not any(parts and i in kept.merged for kept in choice.levels):
        raise MappingError(f"{step.name}: it moves its tensors, but nothing says from where to where")
    if here and not whole:
        _need(graph, i, step.reads, home[here[0]], "where the result is")
    if not here:
        _need(graph, i, step.reads, outside, "where the result is")
        return frozenset((OUTER,))
    copies = {to for h in whole for t, to in choice.levels[h].copied if t == step.writes}
    return frozenset([next((h for h in whole if h not in copies), whole[0])])


def _need(graph: Graph, i: int, tensors: Iterable[int], where: Iterable[int], what: str) -> None:
    there = set(where)
    for t in sorted(tensors):
        if t not in there:
            raise MappingError(f"{graph.steps[i].name}: {graph.tensors[t].name} cannot be {what}: it is not there")


def _check_merged(graph: Graph, kept: KeptInLevel, at: int) -> None:
    out, parts = graph.steps[at].writes, graph.parts(at)
    name = graph.steps[at].name
    if not parts:
        if out not in kept.home[at] or not any(t in kept.home[at] for t in graph.overwritten(at)):
            raise MappingError(f"{name}: there is nothing at home that its result may be written over")
        return
    for j in graph.tensors[out].steps:
        for t in (out, *(part for part in parts if j in graph.tensors[part].steps)):
            if t not in kept.home[j]:
                raise MappingError(f"{name}: {graph.tensors[t].name} shares room with others, and leaves before these")
