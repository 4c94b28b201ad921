"""Levels and prices of Timeloop's machine in the words of an architecture file, which our reader takes."""

import pytest

from dse.errors import SpecError
from dse.formats.architecture.load import read_architecture_spec
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.reading.energies import Table
from dse.formats.tools.timeloop.reading.machine import Mac, Machine, Mesh, Store, Where
from dse.formats.tools.timeloop.translating.plan import keeping, plan
from dse.formats.tools.timeloop.translating.rules import Rules
from dse.formats.tools.timeloop.translating.write import CYCLE_S, architecture_text, level_fields, prices_of

HERE = Where(parse_source("at: {}"), ("at",))


def store(name, words=None, bits=16, **more):
    return Store(name, HERE, words, bits, more.pop("block", 1), 1, words is None, None, more.pop("rates", {}),
                 more.pop("is_double", False))  # fmt: skip


def machine(*stores, node=45.0):
    parts = (stores[0], Mesh("PE", ("PE",), 4, 2, HERE), *stores[1:])
    return Machine("mine", parts, Mac("mac", HERE, 16, False), node)


def fields(level, energies=None, **more):
    whole = machine(store("DRAM"), level)
    made = plan(whole, keeping(whole, []), [])
    return level_fields(made.levels[1], prices_of(whole, None, energies or {}, more), is_first=False)


def test_capacities_rates_and_buffering():
    assert fields(store("RF", 16))["capacity"] == "16 word"
    assert fields(store("GLB", 4096))["capacity"] == "8 KiB"
    found = fields(store("RF", 16, rates={"read": 2.0, "write": 0.5}, is_double=True))
    assert (found["read_bandwidth"], found["write_bandwidth"]) == ("2 word/cycle", "0.5 word/cycle")
    assert found["buffering"] == "double"
    with pytest.raises(SpecError, match="a shared bandwidth beside others has no words here"):
        fields(store("RF", 16, rates={"shared": 1.0, "read": 1.0}))


def test_energies_that_are_given_are_shares_of_an_access():
    """An access of four words at 8 pJ is 2 pJ a word; of a fill and an update the psums pay the update."""
    table = Table(HERE, {"read": 8.0, "write": 12.0, "update": 16.0, "leak": 0.5})
    dram = Table(HERE, {"read": 200.0, "write": 200.0})
    found = fields(store("GLB", 64, block=4), {"GLB": table, "DRAM": dram}, GLB=500.0)
    assert found["energy"]["ifmap"] == {"read": "2 pJ", "write": "3 pJ"}
    assert found["energy"]["psum"] == {"read": "2 pJ", "write": "4 pJ"}
    assert found["area"] == "500 um2"
    assert found["static_power"] == f"{0.5 / CYCLE_S * 1e-9:.9g} mW"
    with pytest.raises(SpecError, match="has none of RF"):
        fields(store("RF", 64), {"DRAM": dram})


def test_the_file_is_one_that_we_read():
    whole = machine(store("DRAM"), store("RF", 16))
    made = plan(whole, keeping(whole, []), [])
    rules, prices = Rules({"rows": ["K"], "cols": ["C"]}), prices_of(whole, None, {}, {})
    text = architecture_text(whole, made, rules, prices, ["why"])
    assert text.startswith("# why\narchitecture: mine\n")
    chip = read_architecture_spec(parse_source(text)).architecture
    assert [node.name for node in chip.hierarchy] == ["DRAM", "PE", "RF"]
    assert (chip.fan_outs[0].rows, chip.fan_outs[0].cols, chip.fan_outs[0].multicast) == (2, 4, "tile")
    assert chip.dataflow.rows == {"K"}
    assert chip.clock_hz == pytest.approx(1 / CYCLE_S)


def test_a_machine_without_a_node_or_prices_has_none():
    with pytest.raises(SpecError, match="no technology is stated"):
        prices_of(machine(store("DRAM"), node=None), None, {}, {})
    assert prices_of(machine(store("DRAM"), node=None), "cmos-28nm", {}, {}).table == "cmos-28nm"
    scaled = prices_of(machine(store("DRAM"), node=40.0), None, {}, {})
    assert (scaled.table, scaled.node_nm) == ("cmos-45nm", 40.0)
