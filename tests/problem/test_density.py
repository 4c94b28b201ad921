"""Densities: parts of the elements anywhere, or N of every M."""

from fractions import Fraction

import pytest

from dse.errors import DseError
from dse.problem.density import packed_bits, read_density, written
from dse.problem.dims import PerOperand
from dse.problem.layer import Layer
from dse.problem.workload import Workload


@pytest.mark.parametrize(("given", "part", "block"), [
    ("2:4", 0.5, 4), (" 1 : 8 ", 0.125, 8), ("3:3", 1.0, 3), (0.25, 0.25, 0), (1, 1.0, 0), ("0.5", 0.5, 0),
])  # fmt: skip
def test_what_may_be_given(given, part, block):
    assert read_density(given) == (part, block)
    assert read_density(written(part, block)) == (part, block)


@pytest.mark.parametrize("given", ["5:4", "0:4", "2:", ":4", "2:4:8", "-1:4", "1:257", 0, 1.5, True, "x", None, "nan"])
def test_what_may_not(given):
    with pytest.raises(DseError, match="above 0 and at most 1, or N:M"):
        read_density(given)


@pytest.mark.parametrize("pattern", ["1:2", "2:4", "1:4", "4:8", "3:7", "1:16"])
@pytest.mark.parametrize("bits", [4, 8, 16])
def test_packed_bits_are_those_of_an_encoder(pattern, bits):
    """Each block is so many values, each with the bits that tell M places apart."""
    kept, block = map(int, pattern.split(":"))
    index = next(width for width in range(9) if 2**width >= block)
    blocks = 6
    encoded = sum(bits + index for _ in range(blocks) for _ in range(kept))
    assert packed_bits(bits, kept / block, block) * blocks * block == encoded


def test_a_layer_tells_them_apart():
    """Half of the weights anywhere is another layer than two of every four."""
    layer = Layer("fc", K=8, C=8, bits=PerOperand(8, 8, 32))
    blocks, random = layer.leaving({"weight": "2:4"}), layer.leaving({"weight": 0.5})
    assert blocks.density == random.density
    assert blocks.shape_key() != random.shape_key() != layer.shape_key()
    assert blocks.densities["weight"] == blocks.to_dict()["density"]["weight"] == "2:4"
    assert random.to_dict()["density"]["weight"] == 0.5
    assert blocks.with_(density=PerOperand.same(0.5)).blocks.weight == 0
    assert blocks.as_matmul().blocks.weight == 4
    assert blocks.held_bits.weight == 8
    assert blocks.with_(packed=frozenset({"weight"})).held_bits.weight == 5
    assert blocks.leaving({"weight": "1:4"}).with_(packed=frozenset({"weight"})).held_bits.weight == Fraction(5, 2)
    with pytest.raises(DseError, match="psums lie at random"):
        layer.leaving({"psum": "2:4"})


def test_a_network_takes_them_by_operand():
    network = Workload.of("two", [Layer("a", K=2), Layer("b", C=4)]).with_density(weight="2:4", ifmap=0.3)
    assert [layer.densities for layer in network.layers] == [{"ifmap": 0.3, "weight": "2:4", "psum": 1.0}] * 2
    with pytest.raises(DseError, match="'bias' is no operand"):
        network.with_density(bias="2:4")
