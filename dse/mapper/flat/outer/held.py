"""Whether one of the outer tiles that may improve has room for what all PEs hold at a time. Compilable.

See "Outer tiles that may improve" in docs/mapper/flat.md; `dse.mapper.flat.outer.holders` lists them.
"""

from __future__ import annotations

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.words import fits
from dse.mapper.flat.run import TOGETHER
from dse.mapper.shared.mapspace.factors import ceil_div
from dse.model.counting.kernel import Floats, Ints, Record
from dse.problem.dims import G, N, S

UNKNOWN = -1
"""In place of how many holders there are: they would rule out few outer tiles, or nothing is known of them."""


def is_held(inst: Instance, config: Record, trips: Ints, times: Floats, most: Ints, latest: float) -> bool:
    """Whether an outer tile with which something may improve has room for what all PEs hold at a time.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Dims with open spreads have one PE's tile. Its `holder`, the one that was found last, is asked first.
    trips, times, most
        Of `Holders`, all of those that take less time than the latest.
    latest : float
        Time, times 1 + gap + SLACK, from which on nothing improves.
    """
    last = config.holder
    if last < len(times) and times[last] < latest and _holds(inst, config, trips, last):
        return True
    for i in range(len(most)):
        first = i * TOGETHER
        if times[first] >= latest:
            return False
        if _holds(inst, config, most, i):
            for at in range(first, min(first + TOGETHER, len(times))):
                if times[at] < latest and _holds(inst, config, trips, at):
                    config.holder = at
                    return True
    return False


def list_held(
    inst: Instance, config: Record, trips: Ints, times: Floats, latest: float, held: Ints
) -> None:  # fmt: skip
    """List the holders of an array configuration with no spread open.

    Parameters
    ----------
    held : (1 + *, 8) int64
        Filled: the trips of each after the first row, which begins with how many there are; or with `UNKNOWN`, also
        where all that are asked hold it.
    """
    asked = count = 0
    while asked < len(times) and times[asked] < latest:
        if _holds(inst, config, trips, asked):
            count += 1
            for d in range(8):
                held[count, d] = trips[asked, d]
        asked += 1
    held[0, 0] = count if count < asked else UNKNOWN


def is_held_still(inst: Instance, work: Record, config: Record, held: Ints) -> bool:
    """Whether one of the holders listed has room with what is decided of an outer tile.

    Parameters
    ----------
    work : an element of `dse.mapper.flat.run.WORK`
        Outermost trips and outer tile of the dims decided.
    held
        From `list_held`, and not `UNKNOWN`.
    """
    outer = config.outer
    for at in range(1, held[0, 0] + 1):
        more = False
        for d in range(N, S + 1):
            if work.decided[d] == 0:
                outer[d] = _least_side(inst, config, d, held[at, d])
            else:
                outer[d] = work.tile[d]
                more = more or work.n[d] > held[at, d]
        outer[G] = config.tile[G]
        if not more and fits(inst, outer, inst.in_buffer, inst.buffer_bits):
            return True
    return False


def _holds(inst: Instance, config: Record, trips: Ints, at: int) -> bool:
    """Whether the smallest outer tile of whole tiles of the array that has some trips fits the buffer."""
    outer = config.outer
    outer[G] = config.tile[G]
    for d in range(N, S + 1):
        outer[d] = _least_side(inst, config, d, trips[at, d])
    return fits(inst, outer, inst.in_buffer, inst.buffer_bits)


def _least_side(inst: Instance, config: Record, d: int, trips: int) -> int:
    """Indices of a dim that an outer tile of whole tiles of the array has with so many trips, at least."""
    count = config.spread_out[d]
    if trips == 1:
        return int(inst.bounds[d])
    if trips >= count:
        return int(config.tile[d])
    return int(min(inst.bounds[d], config.tile[d] * ceil_div(count, trips)))  # divisions take longer than all else here
