"""ZigZag's ports as our rates."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.zigzag.ports import rates_of

OPERANDS = {"I1": "ifmap", "I2": "weight", "O": "psum"}
ALL = "I1, tl; I2, tl; O, tl; I1, fh; I2, fh; O, fh; O, fl; O, th"


def rates(*ports, operands=OPERANDS):
    """Ports as (bits a cycle, allocations)."""
    made = []
    for at, (bits, what) in enumerate(ports):
        served = ", ".join(repr(one.strip()) for one in what.split(";"))
        made.append(f"{{name: p{at}, bandwidth_max: {bits}, allocation: [{served}]}}")
    source = parse_source(f"memory: {{ports: [{', '.join(made)}]}}")
    return rates_of(source, ("memory",), source.data["memory"]["ports"], operands)


def test_one_port_is_shared():
    found = rates((64, ALL))
    assert (found.shared, found.is_apart) == (64, False)
    assert found.written(alone=True) == {"bandwidth": "64 bit/cycle"}


def test_a_port_for_reads_and_one_for_writes():
    found = rates((64, "I1, tl; I2, tl; O, tl; O, th"), (32, "I1, fh; I2, fh; O, fh; O, fl"))
    assert found.written(alone=True) == {"read_bandwidth": "64 bit/cycle", "write_bandwidth": "32 bit/cycle"}
    assert found.widths == dict.fromkeys(OPERANDS.values(), (64, 32))
    assert not found.is_sum


def test_ports_of_each_operand_and_two_of_one_direction():
    found = rates((16, "I1, tl"), (8, "I2, tl"), (4, "O, tl"), (4, "O, th"), (8, "I1, fh"))
    assert found.written(alone=True)["read_bandwidth"] == {
        "ifmap": "16 bit/cycle", "weight": "8 bit/cycle", "psum": "8 bit/cycle",
    }  # fmt: skip
    assert found.written(alone=True)["write_bandwidth"] == "8 bit/cycle"
    assert found.is_sum


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ([(64, "I1, tl; I2, tl; I1, fh")], "no port reads the memory's psum"),
        ([(64, "I1, xx")], "I1, xx is no operand and direction"),
        ([(0, ALL)], "bandwidth_max in bits a cycle"),
        ([(64, "I1, tl; I2, tl; I1, fh; I2, fh"), (64, "O, tl; O, fh")], "what p0 serves has no words here"),
    ],
)
def test_ports_that_are_shared_in_another_way_are_refused(ports, message):
    with pytest.raises(SpecError, match=message):
        rates(*ports)


def test_a_memory_has_ports():
    source = parse_source("memory: {ports: []}")
    with pytest.raises(SpecError, match="a memory has a list of ports"):
        rates_of(source, ("memory",), [], OPERANDS)


def test_keys_of_a_port_that_are_not_known_are_refused():
    source = parse_source("memory: {ports: [{bandwidth_max: 8, bandwidth_mni: 8, allocation: []}]}")
    with pytest.raises(SpecError, match="bandwidth_mni has no words here") as caught:
        rates_of(source, ("memory",), source.data["memory"]["ports"], OPERANDS)
    assert caught.value.column == 37
