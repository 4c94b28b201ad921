"""Which entries of a file make up the outermost level, and what they are together."""

import pytest

from dse.architecture.hierarchy import Level, Port
from dse.formats.architecture.model import FanOutModel, LevelModel
from dse.formats.architecture.outermost import outermost_memories, stored_in, together
from dse.formats.architecture.rating import BuildError
from dse.problem.dims import OPERANDS, PerOperand


def level(**fields):
    return LevelModel.model_validate(fields)


ARRAY = FanOutModel.model_validate({"rows": 2, "cols": 2})


def test_operands_stand_in_their_order():
    assert stored_in(level(stores=["psum", "ifmap"])) == ["ifmap", "psum"]
    assert stored_in(level()) == list(OPERANDS)


def test_entries_are_taken_until_every_operand_has_a_memory():
    one = outermost_memories({"DRAM": level(), "GLB": level(capacity="1 KiB")})
    assert list(one) == ["DRAM"]
    weights, rest = level(stores=["weight"]), level(stores=["ifmap", "psum"])
    two = outermost_memories({"W": weights, "D": rest, "GLB": level(capacity="1 KiB")})
    assert list(two) == ["W", "D"]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"array": ARRAY}, "array: the outermost entry is a storage level"),
        ({"W": level(stores=["weight"]), "array": ARRAY}, "W: the outermost level stores all .* and this has no ifmap"),
        ({"W": level(stores=["weight"]), "A": level(stores=["weight", "ifmap"])}, "has no ifmap"),
    ],
)
def test_an_operand_without_a_memory_is_named(levels, message):
    with pytest.raises(BuildError, match=message):
        outermost_memories(levels)


def memory(name, operands, bits, rate, **more):
    return Level(name, frozenset(operands), word_bits=bits, read_energy_pj=PerOperand.same(float(bits)),
                 ports=(Port("read", frozenset((operand, "read") for operand in operands), rate),), **more)  # fmt: skip


def test_words_are_the_widest_and_each_operand_keeps_its_price_and_rate():
    """A word of 64 bits is four of 16: four times the energy of one, at a quarter of the words a cycle."""
    narrow, wide = memory("A", ["ifmap", "psum"], 16, 8.0, area_mm2=1.0), memory("B", ["weight"], 64, 2.0, area_mm2=2.0)
    both = together([narrow, wide])
    assert both.word_bits == 64
    assert (both.read_energy_pj.ifmap, both.read_energy_pj.weight) == (64.0, 64.0)
    assert [(port.name, port.words_per_cycle) for port in both.ports] == [("A read", 2.0), ("B read", 2.0)]
    assert both.area_mm2 == 3.0
    assert both.stores == set(OPERANDS)


def test_several_memories_have_no_limit_of_size():
    with pytest.raises(BuildError, match="A: one of several outermost memories has no limit of its size"):
        together([memory("A", ["ifmap", "psum"], 16, 8.0, capacity_bits=64), memory("B", ["weight"], 16, 2.0)])
    alone = memory("A", ["ifmap", "psum"], 16, 8.0, capacity_bits=64)
    assert together([alone]) is alone
