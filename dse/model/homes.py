"""Tensors at home on chip: what a layer costs when an on-chip level takes the outermost one's place for some operands.

In a step of a network an operand has a home: the outermost level, or a level further in that holds the whole tensor.
A home takes the place of the outermost level for its operand: its prices and its ports count, and neither it nor the
levels outside it keep tiles of the operand. All counts stay as they are, as the loops of the outermost level repeat
transfers from whatever holds everything. So a layer with homes is an ordinary layer on another architecture
(`at_home`), which every part of the model and both searches take as it is. Where several levels may hold tensors, this
is done level by level, the innermost first: what it makes is an architecture, of which the next level is one, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.errors import DseError, InfeasibleError, MappingError
from dse.model.accesses import Accesses, Traffic
from dse.model.cost import PARTS, Cost, evaluate
from dse.model.counting.counts import count_mapping
from dse.model.counting.nest import only_finished
from dse.model.mapping import Mapping, Temporal
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class Homes:
    """The operands of a step that are at home in a level on chip, and those in levels further out.

    Parameters
    ----------
    level : str
        Where.
    operands : frozenset of str
        `psum` stands for the ofmap.
    room_bits : int
        Of the level's capacity, what whole tensors leave for tiles.
    wide : bool
        Whether unfinished psums may come to the home, which then holds the ofmap at the psum's width in this step.
    outer : Homes, optional
        The same of the next level outwards that may hold tensors; no operand has two homes.
    """

    level: str
    operands: frozenset[str]
    room_bits: int
    wide: bool = False
    outer: Homes | None = None

    @property
    def levels(self) -> tuple[Homes, ...]:
        """These and those further out, the innermost first."""
        return (self, *(() if self.outer is None else self.outer.levels))

    @property
    def everywhere(self) -> frozenset[str]:
        """Operands at home in any of the levels."""
        return self.operands if self.outer is None else self.operands | self.outer.everywhere

    def by_operand(self) -> dict[str, str]:
        """The level of each operand that is at home on chip."""
        return {operand: one.level for operand in OPERANDS for one in self.levels if operand in one.operands}


def home_levels(architecture: Architecture) -> tuple[Level, ...]:
    """The levels in which whole tensors may stay, outermost first.

    Raises
    ------
    DseError
        There is none, or one of them cannot; see `home_level`.

    Examples
    --------
    >>> import dse
    >>> [level.name for level in home_levels(dse.load_architecture("eyeriss"))]
    ['GLB']
    """
    names = [level.name for level in architecture.levels[1:] if level.on_chip] or [home_level(architecture).name]
    return tuple(home_level(architecture, name) for name in names)


def home_level(architecture: Architecture, name: str = "") -> Level:
    """The level in which whole tensors may stay: of those that say so, the outermost one or that of a name.

    Raises
    ------
    DseError
        No level does, or it cannot: it has instances, parts for single operands, or no end; or it cannot hold what
        one step writes and another reads.

    Examples
    --------
    >>> import dse
    >>> home_level(dse.load_architecture("edge_npu")).name
    'L2'
    """
    level = next((level for level in architecture.levels[1:] if level.on_chip and name in ("", level.name)), None)
    if level is None:
        names = [level.name for level in architecture.levels[1:]]
        hint = f"--set levels.{names[0]}.on_chip=auto lets tensors stay in {names[0]}" if names else ""
        raise DseError(f"{architecture.name}: no level keeps whole tensors on chip", hint=hint)
    why = ""
    outside = architecture.hierarchy[: architecture.hierarchy.index(level)]
    if any(isinstance(node, FanOut) for node in outside):
        why = "it has several instances"
    elif level.partition_bits is not None:
        why = "it has a part for each operand, and a tensor is an ofmap first and an ifmap later"
    elif level.capacity_bits is None:
        why = "it is unlimited, so nothing needs the levels outside it"
    elif level is architecture.hierarchy[-1]:
        why = "it feeds the MACs itself"
    elif not {"ifmap", "psum"} <= level.stores:
        why = "it does not store both ifmaps and psums"
    if why:
        raise DseError(f"{architecture.name}: no tensor can stay in {level.name}: {why}", hint="on_chip: never")
    return level


def at_home(architecture: Architecture, homes: Homes) -> Architecture:
    """The architecture on which a layer with homes is an ordinary layer.

    The outermost level has the home's prices for operands at home, and a port of the home for them. Such a port joins
    the same port of the home, which serves the home's other operands: their transfers take turns. Levels that keep
    nothing are left out; their power is drawn all the same.

    Raises
    ------
    InfeasibleError
        When no room is left for an operand that the home must keep tiles of.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("edge_npu")
    >>> other = at_home(chip, Homes("L2", frozenset({"ifmap"}), 8 << 16))
    >>> [(port.name, port.joins) for port in other.levels[0].ports], sorted(other.levels[1].stores)
    ([('shared', ''), ('L2 shared', 'L2 shared')], ['psum', 'weight'])
    """
    for one in homes.levels:
        architecture = _at_home_in(architecture, one)
    return architecture


def _at_home_in(architecture: Architecture, homes: Homes) -> Architecture:
    """The architecture with one level's homes; those of levels further in are part of it already."""
    hierarchy = list(architecture.hierarchy)
    place = next((i for i, node in enumerate(hierarchy) if node.name == homes.level), None)
    if place is None:  # all that it could keep is at home further in
        assert not homes.operands
        return architecture
    outer, home = hierarchy[0], hierarchy[place]
    assert isinstance(outer, Level)
    assert isinstance(home, Level)
    if not homes.operands and homes.room_bits == home.capacity_bits:
        return architecture
    stays: list[Level | FanOut] = []
    gone: list[Level] = []
    for i, node in enumerate(hierarchy[1 : place + 1], start=1):
        if isinstance(node, Level):
            left = _without(node, homes.operands, homes.room_bits if i == place else None)
            gone += [] if left else [node]
            stays += [left] if left else []
    kept = stays[-1] if stays and stays[-1].name == home.name else None
    return replace(
        architecture,
        hierarchy=(_outermost(outer, home, homes, kept), *stays, *hierarchy[place + 1 :]),
        static_power_mw=architecture.static_power_mw + sum(level.static_power_mw for level in gone),
        clock_power_mw=architecture.clock_power_mw + sum(level.clock_power_mw for level in gone),
        other_area_mm2=architecture.other_area_mm2 + sum(level.area_mm2 for level in gone),
        spec=None,
    )


def _without(level: Level, operands: frozenset[str], room_bits: int | None) -> Level | None:
    """A level that keeps no tiles of some operands, within a smaller capacity; None if nothing is left to keep."""
    stores = level.stores - operands
    if room_bits is None:
        return replace(level, stores=stores, may_bypass=level.may_bypass & stores) if stores else None
    if room_bits < level.tile_share:
        stores -= level.may_bypass
        if stores:
            raise InfeasibleError(f"{level.name} has no room left for tiles of {', '.join(sorted(stores))}")
    if not stores:
        return None
    ports = (replace(port, serves=frozenset(x for x in port.serves if x[0] in stores)) for port in level.ports)
    return replace(
        level, stores=stores, may_bypass=level.may_bypass & stores, capacity_bits=room_bits,
        ports=tuple(port for port in ports if port.serves),
    )  # fmt: skip


def _outermost(outer: Level, home: Level, homes: Homes, kept: Level | FanOut | None) -> Level:
    """The outermost level with a home in its place for some operands."""
    away, width = homes.operands, outer.word_bits / home.word_bits
    ports = [replace(port, serves=frozenset(x for x in port.serves if x[0] not in away)) for port in outer.ports]
    for port in home.ports:
        serves = frozenset(x for x in port.serves if x[0] in away)
        shares = isinstance(kept, Level) and port.name in {other.name for other in kept.ports}
        name = f"{home.name} {port.name}"
        ports.append(Port(name, serves, port.words_per_cycle / width, name if shares else ""))
    return replace(
        outer,
        read_energy_pj=_taken(outer.read_energy_pj, home.read_energy_pj, away, width),
        write_energy_pj=_taken(outer.write_energy_pj, home.write_energy_pj, away, width),
        ports=tuple(port for port in ports if port.serves),
        compression=PerOperand.of({o: None if o in away else coding for o, coding in outer.compression.items()}),
        only_finished=outer.only_finished or ("psum" in away and not homes.wide),
    )


def _taken(outer: PerOperand[float], home: PerOperand[float], away: frozenset[str], width: float) -> PerOperand[float]:
    return PerOperand.of({o: home[o] * width if o in away else outer[o] for o in OPERANDS})


def inner_mapping(architecture: Architecture, homes: Homes, mapping: Mapping) -> Mapping:
    """A mapping of the architecture itself, as one of the architecture that `at_home` makes.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> homes = Homes("GLB", frozenset({"ifmap", "psum"}), room_bits=1000)
    >>> best = dse.map_layer(at_home(chip, homes), layer).mapping
    >>> inner_mapping(chip, homes, outer_mapping(chip, homes, best)) == best
    True
    """
    architecture = mapping.machine(architecture)
    names = {node.name for node in at_home(architecture, homes).hierarchy}
    return Mapping(tuple(
        node for node, place in zip(mapping.nodes, architecture.hierarchy, strict=True) if place.name in names
    ))  # fmt: skip


def outer_mapping(architecture: Architecture, homes: Homes, mapping: Mapping) -> Mapping:
    """The other way round: levels that keep nothing have no loops. The outermost level stores what is not at home.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> homes = Homes("GLB", frozenset({"psum"}), room_bits=1000)
    >>> best = dse.map_layer(at_home(chip, homes), layer).mapping
    >>> len(outer_mapping(chip, homes, best).nodes) == len(chip.hierarchy)
    True
    """
    nodes = {node.level if isinstance(node, Temporal) else node.fan_out: node for node in mapping.nodes}
    return Mapping(tuple(
        nodes.get(place.name, Temporal(place.name, (), frozenset()))
        for place in mapping.machine(architecture).hierarchy
    ))  # fmt: skip


def evaluate_at_home(architecture: Architecture, layer: Layer, mapping: Mapping, homes: Homes) -> Cost:
    """Price a mapping of a layer some of whose operands are at home on chip.

    Parameters
    ----------
    architecture : Architecture
        With all its levels.
    layer : Layer
    mapping : Mapping
        One loop list per level of it; neither the home nor levels outside it, but the outermost, keep operands at home.
    homes : Homes

    Returns
    -------
    Cost
        Accesses and energies of operands at home are those of their home.

    Raises
    ------
    MappingError
        As `evaluate`; also when unfinished psums come to a home that has room for finished ones only.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": [], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> cost = evaluate_at_home(chip, layer, mapping, Homes("GLB", frozenset({"ifmap", "psum"}), 0))
    >>> cost.accesses.levels["DRAM"]["weight"].reads, cost.accesses.levels["GLB"]["ifmap"].reads
    (6, 6)
    """
    other, layer = at_home(architecture, homes), architecture.lowered(layer)
    mapping = inner_mapping(architecture, homes, mapping)
    cost = evaluate(other, layer, mapping)
    must_be_finished = other.levels[0].only_finished and layer.finishes_narrower
    if must_be_finished and not only_finished(0, count_mapping(layer, other, mapping).words):
        level = homes.by_operand()["psum"]
        raise MappingError(f"{level}: unfinished psums come to an ofmap that has room for finished ones only")
    return _named(architecture, other, cost, homes)


def _named(architecture: Architecture, other: Architecture, cost: Cost, homes: Homes) -> Cost:
    """The cost with everything of operands at home under their home's name."""
    outer, where = architecture.levels[0].name, homes.by_operand()
    nothing = {node.name: dict.fromkeys(PARTS, 0.0) for node in architecture.hierarchy}
    energies = nothing | {place: dict(parts) for place, parts in cost.energy_by_level_and_operand_pj.items()}
    for operand, home in where.items():
        for part in ("psum", "ofmap") if operand == "psum" else (operand,):
            energies[home][part] += energies[outer][part]
            energies[outer][part] = 0.0
    prefixes = tuple(f"{outer} {one.level} " for one in homes.levels)
    bound_by = cost.bound_by.removeprefix(f"{outer} ") if cost.bound_by.startswith(prefixes) else cost.bound_by
    return replace(
        cost,
        energy_by_level_and_operand_pj=energies,
        accesses=_accesses_at_home(architecture, cost.accesses, where),
        cycles_by=_port_names(other, cost.cycles_by, outer, prefixes),
        bound_by=bound_by,
        outermost_bits=_outermost_bits(cost.outermost_bits, homes.everywhere),
    )


def _accesses_at_home(architecture: Architecture, accesses: Accesses, where: dict[str, str]) -> Accesses:
    outer, none = architecture.levels[0].name, Traffic(0, 0)
    levels = {level.name: dict(accesses.levels.get(level.name, dict.fromkeys(OPERANDS, none)))
              for level in architecture.levels}  # fmt: skip
    finished = dict.fromkeys(levels, none) | accesses.finished
    for operand, home in where.items():
        levels[home][operand], levels[outer][operand] = levels[outer][operand], none
    if "psum" in where:
        finished[where["psum"]], finished[outer] = finished[outer], none
    return replace(accesses, levels=levels, finished=finished)


def _port_names(
    other: Architecture, cycles_by: dict[str, float], outer: str, prefixes: tuple[str, ...]
) -> dict[str, float]:
    """Times under the names of their ports; what joins a port is in its time already."""
    joining = {f"{outer} {port.name}" for port in other.levels[0].ports if port.joins}
    return {
        part.removeprefix(f"{outer} ") if part.startswith(prefixes) else part: cycles
        for part, cycles in cycles_by.items() if part not in joining
    }  # fmt: skip


def _outermost_bits(bits: dict[str, dict[str, float]], operands: frozenset[str]) -> dict[str, dict[str, float]]:
    away = {"ifmap", "weight"} & operands | ({"psum", "ofmap"} if "psum" in operands else set())
    return {part: dict.fromkeys(moved, 0.0) if part in away else moved for part, moved in bits.items()}
