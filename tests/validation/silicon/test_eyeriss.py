"""Eyeriss, the chip, on AlexNet at batch 4: counts, times and energies of its own mappings beside what was measured.

Sources: Chen, Krishna, Emer, Sze, JSSC 2017, Tables III to VI (`tests/reference/jssc17_*.csv`); zeros of the ofmaps
from published sparsities (`tests/reference/alexnet_ofmap_zeros.csv`).
"""

import pytest
from validation.silicon import eyeriss_vgg16
from validation.silicon.eyeriss import (
    BATCH,
    EXAMPLE,
    LAYERS,
    chip,
    chip_mappings,
    layers,
    measured,
    rows,
    silicon,
    strip_mapping,
)

import dse


def test_the_example_is_what_is_compared():
    """What the reader of docs/model.md runs has the very layers and figures of the table."""
    network = dse.load_workload(EXAMPLE / "alexnet.yaml").with_batch(BATCH)
    run = dse.map_workload(chip("as it is"), network, given=chip_mappings(), any_mapping=True)
    for (mapped, (name,)), one in zip(run.layers, silicon(), strict=True):
        assert list(mapped.layer.density) == pytest.approx(list(layers()[name].density), rel=1e-12)
        assert mapped.cost.latency_s * 1e3 == pytest.approx(one.total_ms[0], rel=1e-12)
        on_chip_pj = mapped.cost.energy_pj - mapped.cost.energy_by_level_pj["DRAM"]
        assert on_chip_pj * 1e-9 == pytest.approx(one.own_chip_mj[0], rel=1e-12)


@pytest.fixture(params=LAYERS)
def found(request):
    """What is said of each layer."""
    return silicon()[LAYERS.index(request.param)]


def test_active_pes_are_the_chips(found):
    assert found.active_pes[0] == found.active_pes[1]


def test_buffer_traffic_within_1_percent(found):
    assert found.buffer_mb[0] == pytest.approx(found.buffer_mb[1], rel=0.01)


def test_dram_traffic_within_6_percent(found):
    assert found.dram_mb[0] == pytest.approx(found.dram_mb[1], rel=0.06)


def test_processing_latency_at_most_20_percent_low(found):
    assert 0.8 * found.processing_ms[1] <= found.processing_ms[0] <= found.processing_ms[1]


def test_total_latency_within_12_percent(found):
    assert found.total_ms[0] == pytest.approx(found.total_ms[1], rel=0.12)


def test_weights_and_psums_wait(found):
    """144 to 176 of 224 weights, and 72 to 91 of 108 KiB in psums, leave no room for the next ones; ifmaps have it."""
    assert found.waits == ("psum", "weight")


def test_chip_energy_over_our_own_time_within_17_percent(found):
    assert found.own_chip_mj[0] == pytest.approx(found.own_chip_mj[1], rel=0.17)


def test_chip_energy_within_10_percent(found):
    assert found.chip_mj[0] == pytest.approx(found.chip_mj[1], rel=0.10)


def test_totals():
    """Errors of single layers do not add up: sums over the five are closer than the bounds on each."""
    sums = {
        name: [sum(getattr(found, name)[side] for found in silicon()) for side in (0, 1)]
        for name in ("buffer_mb", "dram_mb", "processing_ms", "total_ms", "chip_mj", "own_chip_mj")
    }
    assert sums["buffer_mb"][0] == pytest.approx(sums["buffer_mb"][1], rel=0.003)
    assert sums["dram_mb"][0] == pytest.approx(sums["dram_mb"][1], rel=0.04)
    assert 0.85 < sums["processing_ms"][0] / sums["processing_ms"][1] < 1
    assert sums["total_ms"][0] == pytest.approx(sums["total_ms"][1], rel=0.06)
    assert sums["chip_mj"][0] == pytest.approx(sums["chip_mj"][1], rel=0.05)
    assert sums["own_chip_mj"][0] == pytest.approx(sums["own_chip_mj"][1], rel=0.05)


def test_hiding_everything_is_wrong_by_a_fifth():
    hidden = sum(found.hidden_ms for found in silicon())
    assert hidden < 0.8 * sum(found.total_ms[1] for found in silicon())


@pytest.mark.parametrize("number", range(13))
def test_another_network(number):
    """VGG16, with nothing chosen by it: no layer is farther from the chip's time than with everything hidden."""
    found = eyeriss_vgg16.silicon()[number]
    assert found.active_pes[0] == found.active_pes[1]
    assert found.buffer_mb[0] == pytest.approx(found.buffer_mb[1], rel=0.07)
    assert 0.85 * found.processing_ms[1] <= found.processing_ms[0] <= found.processing_ms[1]
    assert 0.80 * found.total_ms[1] <= found.total_ms[0] <= 1.10 * found.total_ms[1]
    assert abs(found.total_ms[0] / found.total_ms[1] - 1) < abs(found.hidden_ms / found.total_ms[1] - 1)
    assert found.chip_mj[0] == pytest.approx(found.chip_mj[1], rel=0.18)


def test_totals_of_another_network():
    """Measured: 4309.5 ms in all (the layers' figures are rounded), 3755.2 ms of processing."""
    found = eyeriss_vgg16.silicon()
    assert len(found) == 13
    assert sum(one.total_ms[0] for one in found) == pytest.approx(4309.5, rel=0.12)
    assert sum(one.hidden_ms for one in found) < 0.85 * 4309.5
    assert sum(one.processing_ms[0] for one in found) == pytest.approx(3755.2, rel=0.07)
    assert sum(one.chip_mj[0] for one in found) == pytest.approx(sum(one.chip_mj[1] for one in found), rel=0.05)


def test_the_mappings_are_those_of_the_paper():
    """m, n, e, p, q, r, t read back from the loops (CONV3 as in CONV4: its measured traffic says so)."""
    for row in rows("jssc17_alexnet_mapping.csv"):
        name = row["layer"].lower()
        layer, nodes = layers()[name], chip_mappings()[name].nodes
        wanted = {key: int(row[key]) for key in "mneqrtp"}
        if name == "conv3":
            wanted |= {"q": 3, "r": 2, "t": 2}
        outer, buffer, array, pe = ([(x.dim, x.trips) for x in node.loops] for node in nodes)

        def trips(loops, dim):
            product = 1
            for found, count in loops:
                product *= count if found == dim else 1
            return product

        assert trips(pe, "K") == wanted["p"]
        assert trips(pe, "C") == wanted["q"]
        assert trips(array, "C") == wanted["r"]
        assert trips(array, "K") == wanted["t"]
        assert min(layer.P, trips(array, "P")) == wanted["e"]
        assert trips(buffer, "N") == wanted["n"]
        assert trips(outer, "K") == -(-layer.K // wanted["m"])
        assert trips(array, "R") == layer.R
        assert trips(pe, "S") == layer.S


@pytest.mark.parametrize("wrong", ["run-length", "gating", "halo"])
def test_what_the_agreement_rests_on(wrong):
    """Without coding, gating or the halo of strips, the figures are off by more than they may be."""
    dense, zeros, mappings = layers(with_zeros=False), layers(), chip_mappings()
    if wrong == "run-length":
        spent = {name: dse.evaluate(chip(), dense[name], mappings[name]).energy_by_level_pj["DRAM"] for name in LAYERS}
        word = chip().level("DRAM").read_energy_pj.ifmap
        assert sum(spent.values()) / word * 2e-6 > 1.4 * sum(
            float(row["dram_accesses_MB"]) for row in measured().values()
        )
    elif wrong == "gating":
        cost = dse.evaluate(chip(), dense["conv5"], mappings["conv5"])
        gated = dse.evaluate(chip(), zeros["conv5"], mappings["conv5"])
        saved = (cost.energy_by_level_pj["PE"] - gated.energy_by_level_pj["PE"]) * 1e-9
        saved += (cost.energy_by_level_pj["MAC"] - gated.energy_by_level_pj["MAC"]) * 1e-9
        assert saved > 0.10 * silicon()[4].chip_mj[1]
    else:
        reads = dse.evaluate(chip(), dense["conv1"], mappings["conv1"]).accesses.levels["GLB"]["ifmap"].reads
        assert reads > 1.2 * 3 * dense["conv1"].ifmap_words


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("name", LAYERS)
def test_our_mapping_is_never_worse_than_the_chips(name, objective):
    architecture, layer = chip("as it is"), layers()[name]
    theirs = dse.evaluate(architecture, layer, chip_mappings()[name])
    ours = dse.map_layer(architecture, layer, objective).cost
    value = {"energy": lambda c: c.energy_pj, "latency": lambda c: c.cycles, "edp": lambda c: c.edp_js}[objective]
    assert value(ours) <= value(theirs) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("size", "channels", "filters", "p"), [(224, 64, 64, 2), (112, 64, 128, 8), (112, 128, 128, 8)]
)
def test_the_psum_port_binds_on_large_maps(size, channels, filters, p):
    """4 channels fill a scratchpad of 12 ifmap words; psums then come and go faster than 4 words a cycle carry them."""
    layer = dse.Layer("large", N=3, K=filters, C=channels, P=size, Q=size, R=3, S=3)
    architecture = chip()
    cost = dse.evaluate(architecture, layer, strip_mapping(layer, p=p, q=4, t=4, e=13))
    assert cost.bound_by in ("GLB psum read", "GLB psum write")
    port_cycles = layer.psum_words * -(-channels // 4) / 4
    assert cost.cycles_by[cost.bound_by] == port_cycles
    assert port_cycles > cost.cycles_by["compute"]


@pytest.mark.parametrize("size", [112, 224])
def test_few_channels_a_pass_cost_four_times_the_compute(size):
    """With one channel a pass, a model without the psum port would be off by more than 4."""
    layer = dse.Layer("large", N=3, K=64, C=64, P=size, Q=size, R=3, S=3)
    cost = dse.evaluate(chip(), layer, strip_mapping(layer, p=2, q=1, t=4, e=13))
    assert cost.bound_by in ("GLB psum read", "GLB psum write")
    assert cost.cycles_by[cost.bound_by] > 4 * cost.cycles_by["compute"]
