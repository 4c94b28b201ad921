"""Where rules apply in a hierarchy, and which bypasses it leaves open."""

from __future__ import annotations

from itertools import product

import pytest

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.flat.instance import SHAPES, Roles
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.mapspace.places import Places

EVERY = frozenset(("ifmap", "weight", "psum"))


def hierarchy(shape: str) -> Architecture:
    """Levels (L) and fan-outs (F), outermost first."""
    nodes = (Level(f"L{i}", EVERY) if letter == "L" else FanOut(f"F{i}", 2, 2) for i, letter in enumerate(shape))
    return Architecture(shape, tuple(nodes), Mac(1.0), 1e9)


@pytest.mark.parametrize("shape", ["L" + "".join(rest) for k in range(6) for rest in product("LF", repeat=k)])
def test_the_array_is_the_first_fan_out_and_a_pe_the_last_level_inside(shape: str) -> None:
    """Without an array, the innermost of three levels or more counts as inside a PE."""
    places = Places.of(hierarchy(shape))
    last = shape.rindex("L")
    assert places.array_node == shape.find("F")
    if "F" in shape:
        assert places.pe_node == (last if last > shape.index("F") else -1)
    else:
        assert places.pe_node == (last if len(shape) > 2 else -1)
    assert places.levels[places.last] == last


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_node_of_a_flat_hierarchy_has_one_role(shape: str) -> None:
    roles = Roles.of(hierarchy(shape))
    taken = [node for node in (roles.outer, roles.buffer, roles.array, roles.pe) if node >= 0]
    assert taken == list(range(len(shape)))
    assert roles.outer == 0
    assert roles.array == shape.find("F")


def test_every_choice_of_bypasses_is_listed_once() -> None:
    nodes = (
        Level("DRAM", EVERY), Level("GLB", EVERY, may_bypass=frozenset(("weight", "psum"))), FanOut("array", 2, 2),
        Level("PE", frozenset(("weight",)), may_bypass=frozenset(("weight",))),
    )  # fmt: skip
    choices = bypass_choices(Architecture("a", nodes, Mac(1.0), 1e9))
    assert len(choices) == 8
    assert len({(kept[1], kept[3]) for kept in choices}) == 8
    assert choices[0] == {0: EVERY, 1: EVERY, 3: frozenset(("weight",))}
    assert all(kept[0] == EVERY and "ifmap" in kept[1] for kept in choices)
