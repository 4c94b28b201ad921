"""Our hierarchy for a machine of Timeloop's: which stores are one level, and who keeps what.

Timeloop stacks memories that each hold one tensor; here they are partitions of one level. That changes no count as long
as no loop stands between them that indexes a tensor further in. Loops that index none of the tensors so far may instead
be put into the list of the next level outwards. Both are checked on what constraints allow, and on the mapping, if one
is given; otherwise the stores stay levels of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from dse.formats.text.located import did_you_mean
from dse.formats.tools.timeloop.reading.directives import Directive
from dse.formats.tools.timeloop.reading.machine import Machine, Mesh, Store
from dse.problem.dims import OPERANDS, RELEVANT


@dataclass(frozen=True, slots=True)
class Keep:
    """Operands that a store always keeps, and those that a mapping may leave out."""

    fixed: frozenset[str]
    free: frozenset[str]

    @property
    def stores(self) -> frozenset[str]:
        return self.fixed | self.free


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """One level of ours.

    Parameters
    ----------
    name : str
    stores : tuple of Store
        Outermost first; several are partitions of one operand each.
    keeps : tuple of Keep
        One for each store.
    hoisted : int
        Of the first so many stores, the loops stand in the list of the next level outwards.
    """

    name: str
    stores: tuple[Store, ...]
    keeps: tuple[Keep, ...]
    hoisted: int = 0


@dataclass(frozen=True, slots=True)
class FanPlan:
    """One fan-out of ours: Timeloop counts what each of its meshes shares by itself, and so do fan-outs in a row."""

    name: str
    mesh: Mesh


@dataclass(frozen=True, slots=True)
class Plan:
    """Levels and fan-outs, outermost first, and the level in which the loops of a store that keeps nothing stand."""

    entries: tuple[LevelPlan | FanPlan, ...]
    passed: Mapping[str, str]

    @property
    def levels(self) -> tuple[LevelPlan, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, LevelPlan))

    @property
    def fan_outs(self) -> tuple[FanPlan, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, FanPlan))


Loops = Mapping[str, frozenset[str]]
"""Dims that may have more than one trip in the list of each store."""


def check_targets(machine: Machine, directives: Iterable[Directive]) -> None:
    """Raises `SpecError` for a directive whose target is no part of the machine, or one that cannot do what it asks."""
    stores = {store.name for store in machine.stores}
    meshes = {target for part in machine.parts if isinstance(part, Mesh) for target in part.targets}
    for said in directives:
        known = meshes if said.kind == "spatial" else stores | meshes
        if said.target not in known and not (said.kind == "spatial" and said.target in stores and is_idle(said)):
            what = "fan-out below it" if said.target in stores else "part of the architecture"
            raise said.where.error(f"{said.target}: there is no {what}", did_you_mean(said.target, known), "target")
        if said.target in meshes - stores and said.kind != "spatial" and (said.keep or not is_idle(said)):
            what = "keeps nothing" if said.keep else "has no loops in time"
            raise said.where.error(f"{said.target} is a fan-out, which {what}", "a level's name", "target")


def is_idle(said: Directive) -> bool:
    """Whether a directive asks for no more than one trip of each dim."""
    return all(trips == 1 for trips in said.exact.values())


def keeping(machine: Machine, directives: Sequence[Directive]) -> dict[str, Keep]:
    """What every store keeps, by the constraints on it and on those beside it.

    Raises
    ------
    SpecError
        A tensor is kept and bypassed, or the outermost store leaves one out.
    """
    said: dict[str, tuple[set[str], set[str]]] = {store.name: (set(), set()) for store in machine.stores}
    for one in directives:
        if one.kind == "dataspace" and one.target in said:
            keep, bypass = said[one.target]
            keep |= set(one.keep)
            bypass |= set(one.bypass)
            if keep & bypass:
                operand = min(keep & bypass)
                raise one.where.error(f"{one.target} keeps the {operand} and bypasses it")
    for store in machine.stores:
        if store.group is not None:
            beside = [said[other.name][0] for other in machine.stores if other.group == store.group and other != store]
            said[store.name][1].update(set().union(*beside) - said[store.name][0])
    outermost = machine.stores[0]
    if said[outermost.name][1]:
        operand = min(said[outermost.name][1])
        raise outermost.where.error(f"{outermost.name} is the outermost level, and holds the {operand}, too")
    everything = frozenset(OPERANDS)
    keeps = {name: Keep(frozenset(keep), everything - keep - bypass) for name, (keep, bypass) in said.items()}
    return {**keeps, outermost.name: Keep(everything, frozenset())}


def plan(machine: Machine, keeps: Mapping[str, Keep], chances: Sequence[Loops]) -> Plan:
    """Levels and fan-outs of ours.

    Parameters
    ----------
    machine : Machine
    keeps : mapping
        By store.
    chances : sequence
        Loops that may stand at each store, by the constraints and by the mapping: stores are joined only if that
        changes nothing in any of these cases.
    """
    parts: list[Store | Mesh] = []
    passed: dict[str, str] = {}
    for part in machine.parts:
        if isinstance(part, Mesh):
            parts += [part] if part.x * part.y > 1 else []
        elif keeps[part.name].stores and part.words != 0:
            parts.append(part)
        else:
            passed[part.name] = next(other.name for other in reversed(parts) if isinstance(other, Store))
    entries: list[LevelPlan | FanPlan] = []
    at = 0
    while at < len(parts):
        part = parts[at]
        if isinstance(part, Mesh):
            entries.append(FanPlan(part.name, part))
            at += 1
        else:
            follows_level = bool(entries) and isinstance(entries[-1], LevelPlan)
            level = _level(_run(parts[at:], keeps), keeps, chances, follows_level)
            entries.append(level)
            at += len(level.stores)
    return Plan(_with_unique_names(entries), passed)


def _run(parts: Sequence[Store | Mesh], keeps: Mapping[str, Keep]) -> list[Store]:
    """The first store, with those right inside it that each keep one operand more, and alike otherwise."""
    first = parts[0]
    assert isinstance(first, Store)
    run, seen = [first], set(keeps[first.name].stores)
    for part in parts[1:]:
        alike = isinstance(part, Store) and part.is_double == first.is_double and "shared" not in part.rates
        if not alike or "shared" in first.rates or first.words is None or len(seen) != len(run):
            break
        assert isinstance(part, Store)
        keep = keeps[part.name]
        if keep.free or len(keep.fixed) != 1 or keep.fixed & seen or keeps[first.name].free or part.words is None:
            break
        run.append(part)
        seen |= keep.fixed
    return run


def _level(
    run: Sequence[Store], keeps: Mapping[str, Keep], chances: Sequence[Loops], follows_level: bool
) -> LevelPlan:
    """As many stores of a run as can be one level."""
    for count in range(len(run), 1, -1):
        stores = run[:count]
        hoists = [hoisted_of(stores, keeps, loops, follows_level) for loops in chances]
        if None not in hoists:
            most = max(hoist or 0 for hoist in hoists)
            name = joined_name([store.name for store in stores])
            return LevelPlan(name, tuple(stores), tuple(keeps[store.name] for store in stores), most)
    return LevelPlan(run[0].name, (run[0],), (keeps[run[0].name],))


def hoisted_of(stores: Sequence[Store], keeps: Mapping[str, Keep], loops: Loops, follows_level: bool) -> int | None:
    """Of how many stores, from the outside, the loops go to the next level outwards; None if they are no one level."""
    operands = [next(iter(keeps[store.name].fixed)) for store in stores]
    possible = [room_for(stores[: i + 1], operands, loops[store.name]) for i, store in enumerate(stores)]
    for hoisted in range(len(stores) if follows_level else 1):
        outwards = all(not possible[i] & RELEVANT[operands[j]] for i in range(hoisted) for j in range(i + 1))
        inside = all(
            not possible[i] & RELEVANT[operands[j]]
            for i in range(hoisted, len(stores)) for j in range(i + 1, len(stores))
        )  # fmt: skip
        if outwards and inside:
            return hoisted
    return None


def room_for(stores: Sequence[Store], operands: Sequence[str], dims: frozenset[str]) -> frozenset[str]:
    """Of these dims, those that can have two trips below stores of which some have room for one word."""
    single = [operand for store, operand in zip(stores, operands, strict=False) if store.words == 1]
    return frozenset(dim for dim in dims if not any(dim in RELEVANT[operand] for operand in single))


def joined_name(names: Sequence[str]) -> str:
    """What several names have in common, at their start or their end, or else all of them.

    Examples
    --------
    >>> joined_name(["ifmap_spad", "weights_spad", "psum_spad"]), joined_name(["PE_ifmap", "PE_weight"])
    ('spad', 'PE')
    >>> joined_name(["a", "b"])
    'a-b'
    """
    if len(names) == 1:
        return names[0]
    start = _start(names).rstrip("_-0123456789")
    end = _start([name[::-1] for name in names])[::-1].lstrip("_-0123456789")
    best = max((start, end), key=len)
    return best if len(best) > 1 else "-".join(names)


def _start(names: Sequence[str]) -> str:
    """What all names start with."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)


def _with_unique_names(entries: Sequence[LevelPlan | FanPlan]) -> tuple[LevelPlan | FanPlan, ...]:
    """The entries; a level with the name of another entry has those of all its stores, a fan-out `_array` behind it."""
    made: list[LevelPlan | FanPlan] = []
    for entry in entries:
        taken = {other.name for other in entries if other is not entry} | {other.name for other in made}
        name = entry.name
        if isinstance(entry, LevelPlan):
            name = "-".join(store.name for store in entry.stores) if name in taken else name
            made.append(LevelPlan(name, entry.stores, entry.keeps, entry.hoisted))
        else:
            made.append(FanPlan(f"{name}_array" if name in taken else name, entry.mesh))
    assert all(first.name != second.name for first, second in pairwise(made))
    return tuple(made)
