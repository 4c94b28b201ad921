"""ZigZag's ports as rates: one port for everything, one for each direction, or ports of each operand's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.formats.text.source import DataPath, Source
from dse.formats.tools.zigzag.typed import check_kinds

KEYS = ("name", "type", "bandwidth_min", "bandwidth_max", "allocation")
WAYS = {"tl": "read", "th": "read", "fh": "write", "fl": "write"}


@dataclass(frozen=True, slots=True)
class Rates:
    """Bits a cycle of a memory.

    Parameters
    ----------
    shared : int or None
        Of the one port that all reads and writes share.
    read, write : mapping from operand to bits a cycle, or int
        Of ports of each operand's own; or of one port for all operands.
    widths : mapping from operand to (read, write)
        Bits of the access that ZigZag prices.
    is_sum : bool
        Whether an operand has two ports of one direction, here one with the rate of both.
    """

    shared: int | None
    read: Mapping[str, int] | int
    write: Mapping[str, int] | int
    widths: Mapping[str, tuple[int, int]]
    is_sum: bool = False

    @property
    def is_apart(self) -> bool:
        """Whether reads and writes have ports of their own."""
        return self.shared is None

    def written(self, *, alone: bool) -> dict[str, Any]:
        """As fields of a level; `alone` if no other memory is part of it."""
        if self.shared is not None:
            return {"bandwidth": f"{self.shared} bit/cycle"}
        fields: dict[str, Any] = {}
        for field, given in (("read_bandwidth", self.read), ("write_bandwidth", self.write)):
            if isinstance(given, int):
                (only, *more) = self.widths
                fields[field] = f"{given} bit/cycle" if alone or more else {only: f"{given} bit/cycle"}
            elif given:
                fields[field] = {operand: f"{rate} bit/cycle" for operand, rate in given.items()}
        return fields


def rates_of(source: Source, path: DataPath, ports: Any, operands: Mapping[str, str]) -> Rates:
    """The rates of a memory.

    Parameters
    ----------
    source : Source
    path : tuple
        Of the memory.
    ports : list of mapping
        As the file has them.
    operands : mapping from ZigZag's memory operand to ours

    Raises
    ------
    SpecError
        For ports that are shared in another way.
    """
    here = (*path, "ports")
    if not isinstance(ports, list) or not ports:
        raise source.error(here, "a memory has a list of ports")
    serves = [_serves(source, (*here, at), port, operands) for at, port in enumerate(ports)]
    bits = [port["bandwidth_max"] for port in ports]
    ways = {way: {operand: [at for at, pairs in enumerate(serves) if (operand, way) in pairs]
                  for operand in operands.values()} for way in ("read", "write")}  # fmt: skip
    for operand in operands.values():
        if not ways["read"][operand]:
            raise source.error(here, f"no port reads the memory's {operand}", key=True)
    widths = {}
    for operand in operands.values():
        read = bits[ways["read"][operand][0]]
        widths[operand] = read, bits[ways["write"][operand][0]] if ways["write"][operand] else read
    if len(ports) == 1:
        return Rates(bits[0], {}, {}, widths)
    for at, pairs in enumerate(serves):
        of_one_way = {way for _, way in pairs}
        of_all = all(any(way == w and o == operand for o, w in pairs) or not ways[way][operand]
                     for way in of_one_way for operand in operands.values())  # fmt: skip
        is_alone = sum(bool(other & pairs) for other in serves) == 1
        if len(of_one_way) > 1 or not ((of_all and is_alone) or len({operand for operand, _ in pairs}) == 1):
            name = ports[at].get("name", at)
            raise source.error((*here, at), f"what {name} serves has no words here", "one port for everything, one "
                               "for all reads and one for all writes, or ports of each operand's own")  # fmt: skip
    summed = any(len(found) > 1 for by in ways.values() for found in by.values())
    sides = {way: _side(by, bits) for way, by in ways.items()}
    return Rates(None, sides["read"], sides["write"], widths, summed)


def _side(by: Mapping[str, Sequence[int]], bits: Sequence[int]) -> Mapping[str, int] | int:
    used = {tuple(found) for found in by.values() if found}
    if len(used) == 1 and len(next(iter(used))) == 1:
        return bits[next(iter(used))[0]]
    return {operand: sum(bits[at] for at in found) for operand, found in by.items() if found}


def _serves(source: Source, path: DataPath, port: Any, operands: Mapping[str, str]) -> set[tuple[str, str]]:
    """Pairs of operand and direction."""
    if not isinstance(port, dict) or not isinstance(port.get("bandwidth_max"), int) or port["bandwidth_max"] < 1:
        raise source.error(path, "a port has a bandwidth_max in bits a cycle")
    for key in port:
        if key not in KEYS:
            raise source.error((*path, key), f"{key} has no words here", f"one of: {', '.join(KEYS)}", key=True)
    check_kinds(source, path, port, lists=["allocation"])
    pairs = set()
    for item in port.get("allocation") or []:
        operand, _, way = (part.strip() for part in str(item).partition(","))
        if operand not in operands or way not in WAYS:
            raise source.error((*path, "allocation"), f"{item} is no operand and direction", "e.g. I1, tl")
        pairs.add((operands[operand], WAYS[way]))
    return pairs
