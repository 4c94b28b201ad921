"""The problems of a flat search: one for each choice of bypasses and way to use the room, ready to be walked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import factorial, inf, prod
from typing import Any, NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.mapper.flat.array.spreads import Options, by_spread, largest_tile
from dse.mapper.flat.gather import instances_of
from dse.mapper.flat.inner.bounds import list_tiles
from dse.mapper.flat.instance import Instance, Roles
from dse.mapper.flat.outer.kept import outer_table
from dse.mapper.flat.outer.points import learn_points
from dse.mapper.flat.outer.table import OuterTable
from dse.mapper.flat.run import NO_HOLDERS, PeTiles, new_configuration
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.mapspace.factors import dim_options
from dse.mapper.shared.mapspace.rules import Rules
from dse.mapper.shared.mapspace.sizes import fastest_steps, splits
from dse.model.price import Prices
from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class Problem:
    """One bypass choice, ready to search: options per dim, PE tiles in order of their bounds.

    Its space has the mappings that other problems do not have; None for no others.
    """

    instance: Instance
    kind: int
    options: Options
    table: OuterTable
    fastest: float
    space: FlatSpace | None
    tiles: PeTiles
    best: float = inf


def prepare(
    architecture: Architecture, layer: Layer, kind: int, factors: str, *, exact: bool = False,
    prices: Prices | None = None, learn: bool = False,
) -> tuple[list[dict[int, frozenset[str]]], list[Problem]]:  # fmt: skip
    """The bypass choices of an architecture, and the problem that each of them is.

    A choice has a problem for each way in which the architecture's room may be used (`dse.model.room`). A further
    problem covers the mappings in which only finished psums come to the buffer, where that leaves more room. With
    `learn`, outer points are worked out first: many problems will have the same.
    """
    choices, instances = instances_of(architecture, layer, prices)
    roles = Roles.of(architecture)
    for instance in instances if learn else ():
        learn_points(instance)
    problems = [_prepare(architecture, roles, instance, kind, factors, exact) for instance in instances]
    # Problems after the first of each choice have mappings of these again.
    new = len(bypass_choices(architecture))
    return choices, problems[:new] + [replace(problem, space=None) for problem in problems[new:]]


def _prepare(
    architecture: Architecture, roles: Roles, instance: Instance, kind: int, factors: str, exact: bool
) -> Problem:
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else None
    assert array is None or isinstance(array, FanOut)
    flow, has_folds = architecture.dataflow.of(instance["bounds"]), bool(instance["folds"].any())
    wired = None if array is None else array.dims
    space = FlatSpace(
        instance["bounds"].tobytes(), largest_tile(instance).tobytes(),
        Rules.sets_of(flow, wired, has_pe=roles.pe >= 0, has_folds=has_folds),
        int(instance["rows"]), int(instance["cols"]), factors == "perfect", roles.buffer >= 0,
    )  # fmt: skip
    pe_ports = bool((instance["port_node"][: instance["ports"]] == roles.pe).any())
    options, fastest = _options_of(space, pe_ports)
    table = outer_table(instance, exact=exact)
    return in_order(Problem(instance, kind, options, table, fastest, space, PeTiles(None, None, None, None)))


def in_order(problem: Problem) -> Problem:
    """The problem with its PE tiles listed, best bound first."""
    choice, bound = compiled(list_tiles)(
        problem.instance, problem.options, problem.table, new_configuration(), problem.fastest
    )
    # Many tiles may be as fast as each other; of these, good mappings have the ones of little energy.
    key = bound[:, 0] if problem.kind == ENERGY else bound[:, 0] * bound[:, 1]
    order = np.argsort(key, kind="stable")
    least = bound[:, 1] if problem.kind == LATENCY else key
    best = float(least.min()) if len(least) else inf
    return replace(problem, tiles=PeTiles(choice, bound, order, NO_HOLDERS), best=best)


class FlatSpace(NamedTuple):
    """What the options of a problem depend on, and how many mappings it has.

    Parameters
    ----------
    bounds, largest : bytes
        Of the layer, and of the largest PE tile: int64 per dim.
    sets : tuple of tuple of int
        See `Rules`.
    """

    bounds: bytes
    largest: bytes
    sets: tuple[tuple[int, ...], ...]
    rows: int
    cols: int
    perfect: bool
    has_buffer: bool

    def listed(self) -> tuple[Any, Any, Any]:
        """Tiles and unrollings per dim, see `dim_options`."""
        rules = Rules(*(np.array(part, dtype=np.int64) for part in self.sets))
        largest = np.frombuffer(self.largest, dtype=np.int64).copy()
        return compiled(dim_options)(self.extents, largest, rules, self.rows, self.cols, self.perfect)

    @property
    def extents(self) -> Any:
        return np.frombuffer(self.bounds, dtype=np.int64).copy()


@lru_cache(maxsize=4096)
def _options_of(space: FlatSpace, pe_ports: bool) -> tuple[Options, float]:
    """Tiles and spreads per dim, and the fewest steps."""
    tile_start, tiles, unrollings = space.listed()
    options = by_spread(tile_start, tiles, unrollings, apart=pe_ports)
    if any(tile_start[d] == tile_start[d + 1] for d in range(8)):
        return options, inf
    return options, compiled(fastest_steps)(tile_start, tiles, unrollings, space.rows, space.cols)


def size_of(spaces: tuple[FlatSpace, ...]) -> float:
    """How many mappings some spaces have."""
    return float(sum(map(_size_of_one, spaces)))


@lru_cache(maxsize=4096)
def _size_of_one(space: FlatSpace) -> float:
    tile_start, tiles, unrollings = space.listed()
    if any(tile_start[d] == tile_start[d + 1] for d in range(8)):
        return 0.0
    extents, counts = space.extents, np.zeros(8)
    compiled(splits)(extents, tile_start, tiles, unrollings, space.perfect, space.has_buffer, counts)
    orders = float(factorial(int((extents > 1).sum()))) ** (2 if space.has_buffer else 1)
    return float(prod(counts)) * orders
