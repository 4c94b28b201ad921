"""SCALE-Sim's configuration files become systolic arrays; what has no words here is named with its place."""

import pytest

import dse
from dse.cli.main import run
from dse.errors import SpecError
from dse.formats.architecture.load import load_architecture
from dse.formats.tools.scalesim_config import architecture_text

CONFIG = """\
# a chip of ours
[general]
run_name = small

[architecture_presets]
ArrayHeight : {rows}
ArrayWidth : {cols}
IfmapSramSzkB : 4
FilterSramSzkB : 6
OfmapSramSzkB : 8
IfmapOffset : 0
Bandwidth : 10
Dataflow : {flow}

[run_presets]
InterfaceBandwidth : {mode}
"""


def text(*, rows=32, cols=32, flow="ws", mode="CALC", more=""):
    return CONFIG.format(rows=rows, cols=cols, flow=flow, mode=mode) + more


def chip(tmp_path, **changes):
    (tmp_path / "architecture.yaml").write_text(architecture_text(text(**changes), "small.cfg"))
    return load_architecture(tmp_path / "architecture.yaml")


def test_array_memories_and_words(tmp_path):
    found = chip(tmp_path, rows=12, cols=14)
    assert (found.name, found.mac_units, found.lower) == ("small", 168, "matmul")
    assert dict(found.precision) == {"ifmap": 8, "weight": 8, "psum": 8}
    sram = found.levels[1]
    assert sram.buffering == "double"
    assert [sram.partition_bits[operand] for operand in ("ifmap", "weight", "psum")] == [32768, 49152, 65536]
    assert found.levels[0].ports == ()


def test_the_first_versions_names(tmp_path):
    """It has no rates: like CALC, it looks for those at which nothing waits."""
    head = text().partition("[run_presets]")[0].replace("SramSzkB", "SramSz").replace("= small", '= "small"')
    (tmp_path / "architecture.yaml").write_text(architecture_text(head, "small.cfg"))
    found = load_architecture(tmp_path / "architecture.yaml")
    assert (found.name, found.levels) == ("small", chip(tmp_path).levels)
    with pytest.raises(SpecError, match="has no InterfaceBandwidth"):
        architecture_text(text().partition("[run_presets]")[0])


CYCLES = {"ws": (2380, 476, 1106), "os": (2060, 252, 524), "is": (3550, 268, 1596)}
ROWS = "a, 14, 14, 3, 3, 16, 48, 1,\nb, 9, 9, 1, 1, 64, 40, 2,\nc, 12, 12, 5, 5, 8, 20, 1,\n"


def files(folder, flow):
    """Three layers and an array whose memories never stall."""
    (folder / "net.csv").write_text("Layer name, H, W, R, S, C, K, Strides,\n" + ROWS)
    banks = "".join(f"{operand}{key}\n" for operand in ("Ifmap", "Filter") for key in (
        "CustomLayout : False", "SRAMBankBandwidth : 10", "SRAMBankNum : 10", "SRAMBankPort : 2"))  # fmt: skip
    more = f"UseRamulatorTrace : False\n[sparsity]\nSparsitySupport : false\n[layout]\n{banks}"
    buffers = "FilterOffset : 10000000\nOfmapOffset : 20000000\nReadRequestBuffer : 32\nWriteRequestBuffer : 32\n"
    config = text(flow=flow, more=more).replace(": 4\n", ": 64\n").replace(": 6\n", ": 64\n")
    (folder / "chip.cfg").write_text(config.replace("Bandwidth : 10\nData", f"{buffers}Bandwidth : 10\nData"))
    return folder / "chip.cfg", folder / "net.csv"


@pytest.mark.parametrize(("flow", "cycles"), CYCLES.items())
def test_cycles_are_those_of_its_cycle_simulation(tmp_path, flow, cycles):
    """scalesim 3.0.0 was run on these three layers, 32 x 32 PEs and memories that never stall. Its "Total Cycles" are
    the number of the last cycle, counted from 0: one less in all nine cases."""
    assert run(["import", "scale-sim", *map(str, files(tmp_path, flow)), "-o", str(tmp_path / "mine")]) == 0
    network = dse.load_workload(tmp_path / "mine" / "workload.yaml")
    found = dse.map_workload(tmp_path / "mine" / "architecture.yaml", network, objective="latency")
    assert tuple(mapped.cost.cycles for mapped, _ in found.layers) == cycles


@pytest.mark.parametrize(("flow", "cycles"), CYCLES.items())
def test_its_own_simulation_takes_as_many(tmp_path, flow, cycles):
    """The package scalesim (3.0.0, with NumPy before 2.3), of the optional extra `scalesim`."""
    scale_sim = pytest.importorskip("scalesim.scale_sim", reason="the package scalesim is not installed")
    config, topology = files(tmp_path, flow)
    layout = tmp_path / "layout.csv"
    layout.write_text("Layer name," + "x," * 20 + "\n" + "".join(f"{name}," + "1," * 20 + "\n" for name in "abc"))
    simulation = scale_sim.scalesim(save_disk_space=True, verbose=False, config=str(config), topology=str(topology),
                                    layout=str(layout))  # fmt: skip
    simulation.run_scale(top_path=str(tmp_path))
    report = (tmp_path / "small" / "COMPUTE_REPORT.csv").read_text().splitlines()
    column = [heading.strip() for heading in report[0].split(",")].index("Total Cycles")
    assert tuple(int(line.split(",")[column]) + 1 for line in report[1:]) == cycles


def test_rates_of_the_interface(tmp_path):
    layout = "[layout]\nIfmapSRAMBankBandwidth : 2\nFilterSRAMBankBandwidth : 3\n"
    for more, expected in (("", (10, 10, 10)), (layout, (2, 3, 10))):
        ports = {port.name: port.words_per_cycle for port in chip(tmp_path, mode="USER", more=more).levels[0].ports}
        assert (ports["ifmap read"], ports["weight read"], ports["psum write"]) == expected


@pytest.mark.parametrize(("change", "line", "column", "message"), [
    (("Dataflow : ws", "Dataflow : rs"), 13, 12, "'rs' is no dataflow"),
    (("ArrayHeight : 32", "ArrayHeight : no"), 6, 15, "no whole number"),
    (("CALC", "FAST"), 16, 22, "no way of setting"),
    (("Bandwidth : 10\n", "Bandwidth : 10\nVoltage : 3\n"), 13, 1, "Voltage of .architecture_presets. has no words"),
    (("CALC", "CALC\nUseRamulatorTrace : True"), 17, 21, "DRAM trace of Ramulator has no words here"),
    (("CALC", "CALC\n[sparsity]\nSparsitySupport : true"), 18, 19, "sparse filters has no words here"),
    (("CALC", "CALC\n[layout]\nIfmapCustomLayout : true"), 18, 21, "layout of its own"),
    (("[run_presets]", "[dram]"), 15, 1, "is not read"),
    (("ArrayWidth : 32", "ArrayWidth 32"), 7, 1, "no key with a value"),
    (("ArrayWidth : 32\n", ""), 5, 1, "architecture_presets. has no ArrayWidth"),
])  # fmt: skip
def test_what_cannot_be_said_has_a_place(change, line, column, message):
    changed = text().replace(*change)
    with pytest.raises(SpecError, match=message) as caught:
        architecture_text(changed, "a.cfg")
    assert (caught.value.file, caught.value.line, caught.value.column) == ("a.cfg", line, column)


def test_several_bandwidths_are_refused():
    with pytest.raises(SpecError, match="'10,20' is no whole number") as caught:
        architecture_text(text(mode="USER").replace("Bandwidth : 10\n", "Bandwidth : 10,20\n"), "a.cfg")
    assert caught.value.line == 12
