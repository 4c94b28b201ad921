"""Several outermost memories, each for operands of its own: read, priced, timed and refused."""

import pytest

import dse
from dse.errors import SpecError
from dse.formats.architecture.load import read_architecture_spec
from dse.formats.text.source import parse_source

TEXT = """
architecture: two
technology: {table: eyeriss-isca16, clock: 100 MHz}
levels:
  weights: {stores: [weight], bandwidth: 1 word/cycle, energy: 100 pJ}
  host: {stores: [ifmap, psum], bandwidth: 2 word/cycle, energy: {read: 10 pJ, write: 30 pJ}, static_power: 5 uW}
  buffer: {capacity: 1 KiB, energy: 0 pJ}
  array: {rows: 2, energy: 0 pJ}
mac: {energy: 0 pJ}
"""


def read(text):
    return read_architecture_spec(parse_source(text))


def test_each_memory_has_its_own_rate_and_energy():
    chip = read(TEXT).resolve({})
    outermost = chip.levels[0]
    assert outermost.name == "weights+host"
    assert outermost.memories == ("weights", "host")
    assert outermost.static_power_mw == pytest.approx(0.005)
    layer = dse.Layer("product", N=8, K=6, C=4)
    cost = dse.map_layer(chip, layer, "energy").cost
    by_operand = cost.energy_by_operand_pj
    assert (by_operand["ifmap"], by_operand["weight"], by_operand["ofmap"]) == (8 * 4 * 10, 6 * 4 * 100, 8 * 6 * 30)
    assert cost.cycles_by["weights+host weights shared"] == 24
    assert cost.cycles_by["weights+host host shared"] == (32 + 48) / 2


def test_both_work_at_the_same_time_and_settings_reach_each():
    spec = read(TEXT)
    layer = dse.Layer("product", N=8, K=6, C=4)
    for rates, longest in (((0.1, 2.0), "weights"), ((10.0, 0.1), "host")):
        names = ("levels.weights.bandwidth", "levels.host.bandwidth")
        chip = spec.resolve({name: f"{rate} word/cycle" for name, rate in zip(names, rates, strict=True)})
        cost = dse.map_layer(chip, layer, "latency").cost
        assert cost.bound_by == f"weights+host {longest} shared"
        words = 24 if longest == "weights" else 80
        ends = cost.cycles_by["first fill"] + cost.cycles_by["last drain"]
        assert cost.cycles == pytest.approx(words / rates[longest == "host"] + ends)


def test_words_of_unlike_width_are_converted():
    text = TEXT.replace("weights: {stores", "weights: {word_bits: 8, stores")
    chip = read(text.replace("host: {", "host: {word_bits: 32, ")).resolve({})
    outermost = chip.levels[0]
    assert outermost.word_bits == 32
    assert outermost.read_energy_pj.weight == 4 * 100
    (port,) = (port for port in outermost.ports if port.name == "weights shared")
    assert port.words_per_cycle == 1 / 4


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("stores: [ifmap, psum]", "stores: [ifmap]", 5, "stores all operands, and this has no psum"),
        ("stores: [ifmap, psum]", "stores: [weight, psum]", 5, "stores all operands, and this has no ifmap"),
        ("host: {stores", "host: {capacity: 1 MiB, stores", 6, "has no limit of its size"),
    ],
)
def test_what_does_not_fit_together_is_told(old, new, line, message):
    with pytest.raises(SpecError, match=message) as caught:
        read(TEXT.replace(old, new))
    assert caught.value.line == line
