"""Zeros and widths: every switch changes the numbers it should, by as much as it should, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest

from dse.architecture.architecture import Architecture
from dse.errors import DseError
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.layer import map_layer
from dse.model.cost import Cost, evaluate
from dse.model.mapping import Mapping
from dse.model.sparsity import compressed_share
from dse.problem.dims import PerOperand
from dse.problem.layer import Layer

LAYER = Layer(
    "conv", N=2, K=12, C=6, P=9, Q=9, R=3, S=3, bits=PerOperand(16, 16, 16), density=PerOperand(0.4, 0.25, 0.6)
)
OFF = {
    "mac.gating": "none", "levels.PE.gating": {}, "levels.DRAM.compression": "none", "mac.clock_power": "0 mW",
    "levels.DRAM.bandwidth": "1 word/cycle",  # whatever the clock
    "levels.PE.capacity.weight": "36 word",  # a tight scratchpad: psums leave the PEs unfinished
}  # fmt: skip


@cache
def mapping() -> Mapping:
    return map_layer(architecture(), LAYER, gap=0.05).mapping


def architecture(**settings: Any) -> Architecture:
    spec = load_architecture_spec("eyeriss")
    return spec.resolve({**OFF, **{path.replace("__", "."): value for path, value in settings.items()}})


def cost(layer: Layer = LAYER, **settings: Any) -> Cost:
    return evaluate(architecture(**settings), layer, mapping())


def changes(before: Cost, after: Cost) -> set[str]:
    """What differs, by name: energies by level and operand, cycles by cause, and the rest."""
    found = set()
    for name in ("energy_by_level_pj", "energy_by_operand_pj", "cycles_by"):
        one, other = getattr(before, name), getattr(after, name)
        assert set(one) == set(other)
        found |= {f"{name.split('_')[0]} {key}" for key in one if one[key] != pytest.approx(other[key], rel=1e-12)}
    found |= {name for name in ("accesses", "reuse", "macs") if getattr(before, name) != getattr(after, name)}
    return found


# --- codings ------------------------------------------------------------------------------------------------------


def run_length_bits(values: list[int], bits: int) -> int:
    """Code values as Eyeriss does: pairs of a run of zeros and the value that ends it, in lines of 64 bits."""
    pairs = run = 0
    for value in values:
        if value == 0 and run < 31:
            run += 1
        else:
            pairs, run = pairs + 1, 0
    pairs += run > 0
    per_line = 63 // (bits + 5)
    return 64 * -(-pairs // per_line)


def bitmask_bits(values: list[int], bits: int) -> int:
    return sum(1 + (bits if value else 0) for value in values)


def csr_bits(values: list[int], bits: int, row: int) -> int:
    index = max(1, (row - 1).bit_length())
    pointer = len(values).bit_length()
    return sum(bits + index for value in values if value) + pointer * (len(values) // row)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.42, 0.7])
def test_codings_take_what_an_encoder_takes(bits: int, density: float) -> None:
    layer = Layer("l", K=8, C=50, P=80, Q=98, R=3, S=3, bits=PerOperand.same(bits), density=PerOperand.same(density))
    words, row = layer.words("ifmap"), layer.box_width
    rng = Random(f"{bits} {density}")
    values = [int(rng.random() < density) for _ in range(words)]
    dense = words * bits
    found = {coding: compressed_share(coding, layer, "ifmap") for coding in ("run-length", "bitmask", "csr")}
    assert found["run-length"] == pytest.approx(min(1, run_length_bits(values, bits) / dense), rel=0.02)
    assert found["bitmask"] == pytest.approx(min(1, bitmask_bits(values, bits) / dense), rel=0.02)
    assert found["csr"] == pytest.approx(min(1, csr_bits(values, bits, row) / dense), rel=0.02)


def test_run_length_is_eyeriss_three_pairs_in_a_line() -> None:
    """Where runs of more than 31 zeros are rare, 4/3 of the nonzero words; never more than without."""
    for density in (0.3, 0.5, 0.7):
        layer = LAYER.with_(density=PerOperand.same(density))
        assert compressed_share("run-length", layer, "ifmap") == pytest.approx(4 / 3 * density, rel=1e-4)
    assert compressed_share("run-length", LAYER.with_(density=PerOperand.same(0.8)), "ifmap") == 1
    assert compressed_share("run-length", LAYER.with_(density=PerOperand.same(1e-6)), "ifmap") == pytest.approx(
        64 / 3 / 16 / 32, rel=1e-4
    )


@pytest.mark.parametrize("coding", ["run-length", "bitmask", "csr"])
@pytest.mark.parametrize("operand", ["ifmap", "weight", "psum"])
def test_more_zeros_never_take_more(coding: str, operand: str) -> None:
    shares = [
        compressed_share(coding, LAYER.with_(density=PerOperand.same(density / 100)), operand)
        for density in range(1, 101)
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1


DRAM = {"energy DRAM", "cycles DRAM shared"}
OPERAND_ENERGIES = {"energy ifmap", "energy weight", "energy psum"}


# --- switches -----------------------------------------------------------------------------------------------------


def test_densities_alone_change_nothing() -> None:
    assert changes(cost(LAYER.with_(density=PerOperand.same(1.0))), cost()) == set()


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"mac__gating": "ifmap"}, {"energy MAC"}),
        ({"mac__gating": "weight", "mac__gated_energy": "0.3 pJ"}, {"energy MAC"}),
        ({"mac__gated_energy": "0.3 pJ"}, set()),
        ({"levels__PE__gating__weight": "ifmap"}, {"energy PE", "energy weight"}),
        ({"levels__PE__gating__ifmap": "weight"}, {"energy PE", "energy ifmap"}),
        ({"levels__PE__gating__psum": "ifmap,weight"}, {"energy PE", "energy psum"}),
        ({"levels__DRAM__compression__ifmap": "bitmask"}, {"energy ifmap", "cycles first fill", *DRAM}),
        ({"levels__DRAM__compression__weight": "csr"}, {"energy weight", "cycles first fill", *DRAM}),
        ({"levels__DRAM__compression__psum": "run-length"}, {"energy ofmap", "cycles last drain", *DRAM}),
        ({"mac__skipping": "ifmap"}, {"energy MAC", "energy PE", "cycles compute", *OPERAND_ENERGIES}),
        ({"static_power": "100 mW"}, {"energy static"}),
        ({"clock_power": "100 mW"}, {"energy static"}),
        ({"levels__PE__static_power": "1 mW"}, {"energy static"}),
        ({"levels__PE__clock_power": "1 mW"}, {"energy static"}),
    ],
)  # fmt: skip
def test_a_switch_changes_what_it_acts_on(settings: dict[str, str], changed: set[str]) -> None:
    assert changes(cost(), cost(**settings)) == changed


def test_gating_and_skipping_leave_the_part_without_zeros() -> None:
    dense, d = cost(), LAYER.density
    mac = dense.energy_by_level_pj["MAC"]
    assert cost(mac__gating="ifmap").energy_by_level_pj["MAC"] == pytest.approx(d.ifmap * mac)
    both = cost(mac__gating="ifmap,weight", mac__gated_energy="0.3 pJ").energy_by_level_pj["MAC"]
    left = d.ifmap * d.weight
    assert both == pytest.approx(left * mac + (1 - left) * 0.3 * LAYER.macs)
    skipped = cost(mac__skipping="ifmap", mac__gating="ifmap,weight", mac__gated_energy="0.3 pJ")
    assert skipped.energy_by_level_pj["MAC"] == pytest.approx(left * mac + (d.ifmap - left) * 0.3 * LAYER.macs)
    assert skipped.cycles_by["compute"] == pytest.approx(d.ifmap * dense.cycles_by["compute"])


def test_gated_accesses_are_those_of_the_macs() -> None:
    dense, d = cost(), LAYER.density
    pe = architecture().level("PE")
    words = dense.accesses.levels["PE"]
    saved = dense.energy_pj - cost(levels__PE__gating__weight="ifmap").energy_pj
    assert saved == pytest.approx((1 - d.ifmap) * LAYER.macs * pe.read_energy_pj.weight)
    # Of the psums, what drains to the buffer and comes back from it stays; what a MAC adds to does not.
    saved = dense.energy_pj - cost(levels__PE__gating__psum="ifmap").energy_pj
    given_back = words["psum"].writes - LAYER.macs
    hops = dense.accesses.fan_outs["array"]["psum"].hops
    added = LAYER.macs - LAYER.psum_words - hops
    assert hops > 0
    assert words["psum"].reads == LAYER.macs + given_back  # the drains beyond the starts
    assert saved == pytest.approx((1 - d.ifmap) * added * (pe.read_energy_pj.psum + pe.write_energy_pj.psum))


def test_clock_power_follows_the_clock_and_static_power_does_not() -> None:
    fast, slow = ({"technology__clock": f"{mhz} MHz"} for mhz in (200, 100))
    watts = {"clock_power": "80 mW"}
    assert cost(**slow, **watts).energy_by_level_pj["static"] == pytest.approx(
        cost(**fast, **watts).energy_by_level_pj["static"]
    )
    drawn = {"static_power": "80 mW"}
    static = cost(**fast, **drawn)
    assert static.energy_by_level_pj["static"] == pytest.approx(80 * 1e9 * static.latency_s)
    assert cost(**slow, **drawn).energy_by_level_pj["static"] == pytest.approx(2 * 80 * 1e9 * static.latency_s)


def test_unfinished_psums_are_not_compressed() -> None:
    """A nest that leaves psums unfinished in DRAM: only each one's last visit is coded."""
    layer = Layer("fc", K=4, C=8, density=PerOperand(1.0, 1.0, 0.1))
    plain = [
        {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["C", 8], ["K", 4]]},
        {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
        {"fan_out": "array", "rows": [], "cols": []},
        {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ]
    coded = architecture(levels__DRAM__compression__psum="bitmask")
    before, after = (evaluate(arch, layer, Mapping.from_dict(plain)) for arch in (architecture(), coded))
    words = before.accesses.levels["DRAM"]["psum"]
    assert (words.reads, words.writes) == (28, 32)
    share = 0.1 + 1 / 16
    word_pj = coded.level("DRAM").write_energy_pj.psum
    assert before.energy_pj - after.energy_pj == pytest.approx(4 * (1 - share) * word_pj)
    assert after.outermost_bits["psum"] == {"reads": 28 * 16, "writes": 28 * 16}
    assert after.outermost_bits["ofmap"] == {"reads": 0, "writes": pytest.approx(4 * share * 16)}
    assert before.cycles_by["DRAM shared"] - after.cycles_by["DRAM shared"] == pytest.approx(4 * (1 - share))


def test_widths_scale_words_time_and_macs() -> None:
    """Half the width: half of every access, of port time and capacity taken, a quarter of a multiplication."""
    dense, narrow = cost(), cost(LAYER.with_(bits=PerOperand(8, 8, 16)))
    for operand in ("ifmap", "weight"):
        assert narrow.energy_by_operand_pj[operand] == pytest.approx(dense.energy_by_operand_pj[operand] / 2)
    assert narrow.energy_by_operand_pj["psum"] == dense.energy_by_operand_pj["psum"]
    assert narrow.energy_by_operand_pj["ofmap"] == pytest.approx(dense.energy_by_operand_pj["ofmap"] / 2)
    share = architecture().mac.multiplier_share
    assert narrow.energy_by_level_pj["MAC"] == pytest.approx(
        dense.energy_by_level_pj["MAC"] * (share / 4 + 1 - share)
    )
    words = dense.accesses.levels["GLB"]
    assert narrow.cycles_by["GLB ifmap read"] == pytest.approx(words["ifmap"].reads / 4 / 2)
    finished = dense.accesses.finished["GLB"].reads
    assert narrow.cycles_by["GLB psum read"] == pytest.approx((words["psum"].reads - finished / 2) / 4)
    assert narrow.accesses == dense.accesses
    assert narrow.outermost_bits["ifmap"]["reads"] == dense.outermost_bits["ifmap"]["reads"] / 2


def test_widths_decide_what_fits() -> None:
    small = architecture(levels__PE__capacity__ifmap="6 word")
    wide = LAYER.with_(bits=PerOperand(32, 16, 16))
    with pytest.raises(DseError, match="PE: the tile of ifmap"):
        evaluate(small, wide, _whole_row())
    evaluate(small, LAYER, _whole_row())


def _whole_row() -> Mapping:
    """Six ifmap words in a PE."""
    outer = [["N", 2], ["K", 12], ["C", 3], ["P", 9], ["R", 3]]
    return Mapping.from_dict([
        {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": outer},
        {"level": "GLB", "stores": ["ifmap", "psum"], "loops": [["Q", 9]]},
        {"fan_out": "array", "rows": [], "cols": []},
        {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": [["C", 2], ["S", 3]]},
    ])  # fmt: skip


def test_timeloop_counting_refuses_zeros() -> None:
    arch = architecture(mac__gating="ifmap")
    with pytest.raises(DseError, match="makes use of zeros"):
        evaluate(arch, LAYER, mapping(), counting="timeloop")


def gates(**by: str) -> PerOperand[frozenset[str]]:
    return PerOperand(*(frozenset({by[operand]} if operand in by else ()) for operand in ("ifmap", "weight", "psum")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: _with(a, "PE", gating=gates(weight="psum")), "the zeros that gate"),
        (lambda a: _with(a, "GLB", gating=gates(weight="ifmap")), "does not always store"),
        (lambda a: replace(a.mac, skipping=frozenset({"psum"})), "are those of ifmap and weight"),
        (lambda a: _with(a, "GLB", compression=PerOperand("csr", None, None)), "only the outermost level"),
        (lambda a: _with(a, "GLB", gating=gates(ifmap="weight")), "feeds the MACs"),
        (lambda a: _with(skips(a), "array", skew=1), "array is systolic"),
        (lambda a: _with(skips(a), "array", load=frozenset({"weight"})), "array is systolic"),
        (lambda a: _with(skips(a), "array", drain=frozenset({"psum"})), "array is systolic"),
    ],
)  # fmt: skip
def test_switches_where_they_mean_nothing_are_refused(change: Any, message: str) -> None:
    with pytest.raises(DseError, match=message):
        change(architecture())


def skips(arch: Architecture) -> Architecture:
    return arch.with_(mac=replace(arch.mac, skipping=frozenset({"ifmap"})))


def _with(arch: Architecture, name: str, **fields: Any) -> Architecture:
    return arch.with_(
        hierarchy=tuple(replace(node, **fields) if node.name == name else node for node in arch.hierarchy)
    )


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("levels.GLB.compression", "csr", "only the outermost level compresses"),
        ("levels.GLB.gating.ifmap", "weight", "only the innermost entry gates"),
        ("levels.DRAM.compression.ifmap", "rle", "'none', 'run-length', 'bitmask' or 'csr'"),
        ("mac.gating", "psum", "'ifmap' or 'weight'"),
    ],
)
def test_settings_where_they_mean_nothing_are_refused(path: str, value: str, message: str) -> None:
    with pytest.raises(DseError, match=message):
        load_architecture_spec("eyeriss").resolve({path: value})


@pytest.mark.parametrize("name", ["systolic_ws", "systolic_os", "systolic_is"])
def test_a_systolic_array_gates_zeros_but_does_not_skip_them(name: str) -> None:
    spec = load_architecture_spec(name)
    with pytest.raises(DseError, match="array is systolic, its children move in step"):
        spec.resolve({"mac.skipping": "ifmap"})
    assert spec.resolve({"mac.gating": "ifmap"}).mac.gating == {"ifmap"}
