"""State the problem that a proof is about, and compare a file's statement with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import Any

from dse.architecture.architecture import Architecture
from dse.architecture.parts import in_parts
from dse.errors import DseError
from dse.mapper.proof import check
from dse.mapper.proof.parts import Part, parts_of_space, problem_of
from dse.mapper.proof.rows import OBJECTIVES, Rows
from dse.mapper.shared.outermost import with_room
from dse.model.price import Prices, price
from dse.model.room import ways
from dse.problem.layer import Layer

UNITS = {"energy": "pJ", "latency": "steps", "edp": "pJ x steps"}

ROUNDING = 1e-12
"""Prices that differ by no more than this fraction count as equal, as another machine may round otherwise."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a proof is about.

    Parameters
    ----------
    layer : Layer
        As the architecture computes it.
    prices : Prices
    parts : list of Part
        The parts of the mapspace.
    rows : dict
        The bounds of each, by its name.
    plain : dict
        All of it in the form of the file.
    """

    layer: Layer
    prices: Prices
    parts: list[Part]
    rows: dict[str, Rows]
    plain: dict[str, Any]


def stated(architecture: Architecture, layer: Layer, objective: str = "energy", factors: str = "all") -> Statement:
    """The problem of finding a layer's best mapping, with the terms of all costs.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    objective : {"energy", "latency", "edp"}
    factors : {"all", "perfect"}

    Raises
    ------
    DseError
        Where it follows from the tiles what overlaps (`buffering: room`), or which part a tile has (`placement: own`),
        and for `factors` "any".

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> plain = stated(dse.load_architecture("eyeriss"), layer).plain
    >>> plain["problem"]["bounds"]["K"], plain["objective"]
    (8, ['energy'])
    """
    for several, what, hint in (
        (ways(architecture), "`buffering: room`", "state `single`, `double` or `streaming`, or one for each operand"),
        (in_parts(architecture), "`placement: own`", "state `together`, or the level as several, one for each operand"),
    ):
        if len(several) > 1:
            raise DseError(f"{architecture.name}: a proof in a file says nothing of levels with {what}", hint=hint)
    if factors == "any":
        message = "a proof in a file says nothing of tile sizes that could shrink"
        raise DseError(message, hint="leave out `--factors any`")
    layer = architecture.lowered(layer)
    architecture = with_room(architecture, layer)
    prices = price(architecture, layer)
    parts = list(parts_of_space(architecture, layer, prices, factors))
    rows = {part.name: Rows(part.space, objective, part.spread) for part in parts}
    spaces = {name: some.to_dict() for name, some in rows.items()}
    plain = {
        "format": check.FORMAT, "layer": layer.name, "architecture": architecture.name,
        "objective": OBJECTIVES[objective], "unit": UNITS[objective], "cycles_per_step": prices.cycles_per_step,
        "problem": {**problem_of(architecture, parts), "spaces": spaces},
    }  # fmt: skip
    return Statement(layer, prices, parts, rows, plain)


def checked(proof: Any, statement: Statement, gap: float = 0.0) -> str:
    """What a proof says of a problem, once it is followed; ValueError if it does not hold, or is about another one.

    Names do not matter: two layers of one shape have the same problem.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.proof.write import prove
    >>> eyeriss, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=8, C=4)
    >>> proof = prove(eyeriss, layer)
    >>> checked(proof, stated(eyeriss, layer)).startswith("fc on eyeriss: no mapping has less energy than")
    True
    >>> try:
    ...     checked(proof, stated(eyeriss, dse.Layer("fc", K=8, C=5)))
    ... except ValueError as error:
    ...     print(str(error).split(";")[0])
    it is about another problem: problem, bounds, C is 4 in the file and 5 here
    """
    mine = json.loads(json.dumps(statement.plain))
    check.need(isinstance(proof, dict), "it is no proof: no object of JSON")
    check.need(proof.get("format") == check.FORMAT, f"not in format {check.FORMAT}, so `--proof` has to write it anew")
    named = {key: mine[key] for key in ("layer", "architecture")}
    theirs = {key: value for key, value in proof.items() if key != "trees"} | {"problem": proof.get("problem", {})}
    found = [*differences(json.loads(json.dumps({**theirs, **named})), mine)]
    more = f"; {len(found) - 1} more differ" if len(found) > 1 else ""
    check.need(not found, f"it is about another problem: {found[0]}{more}" if found else "")
    check.need(proof.get("gap", 0.0) <= gap, f"it proves the value within {proof.get('gap')}, and --gap is {gap:g}")
    return check.check({**proof, **mine})


def differences(theirs: Any, mine: Any, *where: str) -> Iterator[str]:
    """What a file's data say otherwise, or do not say, each in words."""
    place = ", ".join(where)
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key, value in mine.items():
            if key in theirs:
                yield from differences(theirs[key], value, *where, key)
            else:
                yield f"{', '.join((*where, key))} is missing in the file"
        if where:
            yield from (f"{place} has {key} in the file and not here" for key in theirs if key not in mine)
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for at, (one, other) in enumerate(zip(theirs, mine, strict=True), start=1):
            yield from differences(one, other, *where, f"number {at}")
    elif isinstance(mine, list) and isinstance(theirs, list):
        yield f"{place} has {len(theirs)} entries in the file and {len(mine)} here"
    elif not _same(theirs, mine):
        yield f"{place} is {_shown(theirs)} in the file and {_shown(mine)} here"


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values are one, but for rounding."""
    if isinstance(one, float) or isinstance(other, float):
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other))
        return numbers and isclose(one, other, rel_tol=ROUNDING)
    return type(one) is type(other) and bool(one == other)


def _shown(value: Any) -> str:
    """A value in a few letters."""
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
