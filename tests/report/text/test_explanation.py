"""A design in words: the largest costs first, and what one step changes."""

import pytest

from dse.report.text.explain import MOST, costs, explanation, limits, steps_table
from dse.report.units import many


def layer(name, count, energy, latency, bound_by, **levels):
    return {"name": name, "count": count, "energy_pj": energy, "latency_s": latency, "bound_by": bound_by,
            "energy_by_level_pj": levels, "utilization": 0.5}  # fmt: skip


NETWORK = {
    "name": "net", "energy_pj": 10e9, "latency_s": 4.0,
    "energy_by_level_pj": {"DRAM": 2e9, "GLB": 5e9, "static": 3e9, "PE": 0.0},
    "energy_by_level_and_operand_pj": {"DRAM": {"weight": 2e9, "psum": 0.0}, "GLB": {"weight": 4e9, "psum": 1e9},
                                       "PE": {"weight": 0.0, "psum": 0.0}},
    "layers": [layer("conv", 2, 4e9, 1.0, "DRAM", DRAM=1e9, GLB=2e9, static=1e9),
               layer("fc", 1, 2e9, 2.0, "compute", GLB=1e9, static=1e9)],
}  # fmt: skip


def test_costs_are_told_from_the_largest_down():
    text = " ".join(costs("chip", NETWORK).split())
    assert text.startswith("net on chip: 10.0 mJ, 4.00 s 1. GLB: 50 % of the energy, 5.00 mJ, mostly in conv x2 (80 %)")
    assert text.index("1. GLB") < text.index("2. static and clock power") < text.index("3. DRAM")
    assert f" {MOST + 1}. " not in text
    assert text.endswith("time bound by: DRAM (50 %), compute (50 %)")


def test_the_costliest_layers_say_what_limits_them():
    text = limits(NETWORK).to_text()
    conv, fc = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("conv x2", "fc"))
    assert text.index(conv) < text.index(fc)
    assert "GLB 50" in conv
    assert "compute" in fc


@pytest.mark.parametrize(("count", "text"), [(1, "conv"), (3, "conv x3")])
def test_how_often_a_layer_occurs(count, text):
    assert many({"name": "conv", "count": count}) == text


STEPS = [
    {"path": "levels.array.rows", "old": 12, "new": 14, "energy": 0.9, "latency": 0.8, "area": 1.1},
    {"path": "levels.PE.capacity", "old": "8 word", "new": "2 word", "reason": "nothing fits"},
]


def test_steps_show_changes_or_why_they_lead_nowhere():
    text = steps_table(STEPS, {"levels.array.rows": "array.rows"}).to_text()
    good, bad = (next(one for one in text.splitlines() if one.startswith(name)) for name in ("array.rows", "levels.PE"))
    assert [change in good for change in ("-10.0", "-20.0", "+10.0", "-28.0")] == [True] * 4
    assert "%" not in bad
    assert "2 word does not work: nothing fits" in " ".join(text.split())


def test_the_whole_explanation():
    text = explanation("chip", {"networks": [NETWORK]}, STEPS, ["levels.GLB.capacity"])
    assert text.index("net on chip") < text.index("the costliest layers") < text.index("one step away")
    assert "no step, as the value is none of the space's choices: levels.GLB.capacity" in " ".join(text.split())
    assert "No setting of the space can take a step" in explanation("chip", {"networks": [NETWORK]}, [])
