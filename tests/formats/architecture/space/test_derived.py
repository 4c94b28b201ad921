"""Settings that follow from others, shapes, and dataflows of a file's own."""

import pytest
from called import called
from explore.toy import ARCH, NET
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.architecture.figures import design_figures
from dse.errors import DseError, InfeasibleError, SpecError
from dse.formats.architecture.load import load_architecture_spec, read_architecture_spec
from dse.formats.architecture.space.choices import read_plain_space, shapes
from dse.formats.architecture.space.constraints import parse_constraints
from dse.formats.architecture.space.derived import EqualArea, Ratio, derive, left_behind
from dse.formats.architecture.space.readable import plain_limits
from dse.formats.text.source import parse_source


@pytest.fixture(scope="module")
def eyeriss():
    return load_architecture_spec("eyeriss")


def test_a_shape_says_rows_and_columns(eyeriss):
    array = eyeriss.resolve({"levels.array.shape": "8x21"}).fan_outs[0]
    assert (array.rows, array.cols) == (8, 21)
    assert eyeriss.value("levels.array.shape") == "12x14"
    assert eyeriss.value("levels.array.pes", {"levels.array.rows": 2}) == 28
    assert eyeriss.parse_setting("levels.array.shape", "8 x 21") == "8x21"
    for wrong in ("8", "8x", "x8", "8x-2", "0x4"):
        with pytest.raises(SpecError, match=r"levels\.array\.shape"):
            eyeriss.resolve({"levels.array.shape": wrong})


def test_all_shapes_of_a_number_of_pes(eyeriss):
    space, _ = read_plain_space(eyeriss, {"levels.array.shape": {"pes": 168}}, {})
    sides = [tuple(map(int, shape.split("x"))) for shape in space["levels.array.shape"]]
    assert sides == [(rows, 168 // rows) for rows in range(1, 169) if 168 % rows == 0]
    with pytest.raises(DseError, match="only a shape"):
        shapes("levels.array.rows", 4)
    with pytest.raises(DseError, match="say the same thing"):
        read_plain_space(eyeriss, {"levels.array.shape": {"pes": 8}, "levels.array.rows": [2]}, {})


@pytest.mark.parametrize(("rule", "settings", "value"), [
    (Ratio("levels.array.cols", "levels.array.rows", 1.5), {"levels.array.rows": 5}, 8),
    (Ratio("levels.array.cols", "levels.array.rows", 0.01), {}, 1),
    (Ratio("levels.GLB.capacity", "levels.array.pes", 0.5, "KiB"), {"levels.array.shape": "4x8"}, "16 KiB"),
    (Ratio("levels.GLB.bandwidth.psum", "levels.GLB.bandwidth.ifmap", 2), {}, "8 word/cycle"),
    (Ratio("levels.PE.capacity.weight", "levels.PE.capacity.ifmap", 2.3), {}, "28 word"),
])  # fmt: skip
def test_ratios(eyeriss, rule, settings, value):
    assert rule.value(eyeriss, settings) == value
    found = derive(eyeriss, [rule], settings)
    assert found == {**settings, rule.path: value}
    assert derive(eyeriss, [rule], {rule.path: "given"}) == {rule.path: "given"}


def test_a_ratio_of_two_units_is_refused(eyeriss):
    with pytest.raises(DseError, match="means nothing"):
        Ratio("levels.GLB.capacity", "levels.PE.capacity.ifmap", 2, "KiB").value(eyeriss, {})
    with pytest.raises(DseError, match="no number"):
        read_plain_space(eyeriss, {"levels.array.cols": {"of": "dataflow", "ratio": 2}}, {})


@pytest.mark.parametrize("path", ["levels.GLB.capacity", "levels.PE.capacity.weight"])
@pytest.mark.parametrize("shape", ["4x4", "8x8", "12x14", "13x14"])
def test_equal_area_leaves_less_than_one_step(eyeriss, path, shape):
    limit = eyeriss.resolve({"levels.array.shape": "14x14"}).area_mm2
    settings = {"levels.array.shape": shape}
    value = EqualArea(path, limit).value(eyeriss, settings)
    number, unit = value.split()
    step = 0.125 if unit == "KiB" else 1
    assert eyeriss.resolve({**settings, path: value}).area_mm2 <= limit
    assert eyeriss.resolve({**settings, path: f"{float(number) + step} {unit}"}).area_mm2 > limit


def test_equal_area_that_cannot_be(eyeriss):
    with pytest.raises(InfeasibleError, match="takes more than 1 mm2"):
        EqualArea("levels.GLB.capacity", 1.0).value(eyeriss, {})
    with pytest.raises(DseError, match="by a capacity"):
        read_plain_space(eyeriss, {"levels.array.rows": {"equal_area": "own"}}, {})
    own = load_architecture_spec("eyeriss").architecture.area_mm2
    _, (rule,) = read_plain_space(eyeriss, {"levels.GLB.capacity": {"equal_area": "own"}}, {})
    assert rule == EqualArea("levels.GLB.capacity", own)
    assert rule.value(eyeriss, {}) == "108 KiB"


def test_dataflows_of_the_file_itself():
    text = ARCH.replace("dataflow: row-stationary\n", "dataflow: mine\ndataflows:\n  mine: {rows: [C], cols: [K]}\n")
    text = text.replace("  dataflow: [weight-stationary,", "  dataflow: [mine, weight-stationary,")
    spec = read_architecture_spec(parse_source(text, "toy.yaml"))
    assert spec.architecture.dataflow.rows == {"C"}
    assert spec.space["dataflow"][0] == "mine"
    assert spec.resolve({"dataflow": "weight-stationary"}).dataflow.name == "weight-stationary"
    with pytest.raises(SpecError, match="is a built-in dataflow"):
        read_architecture_spec(
            parse_source(text.replace("  mine: {", "  flexible: {").replace("[mine,", "["), "t.yaml")
        )


def test_figures_that_need_no_mapping(eyeriss):
    """Storage by hand: 108 KiB, and 168 PEs with 260 words of 16 bit."""
    found = design_figures(eyeriss.architecture)
    assert found["storage_kib"] == 108 + 168 * 260 * 2 / 1024
    assert (found["pes"], found["aspect_ratio"]) == (168, 14 / 12)
    twice = design_figures(eyeriss.resolve({"levels.array.rows": 24}))
    assert found["peak_power_mw"] < twice["peak_power_mw"] < 2 * found["peak_power_mw"]


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-30, 1e30), st.sampled_from(["area", "power", "latency", "energy", "storage", "pes"]))
def test_limits_are_read_again_to_the_last_digit(size, metric):
    unit = {"area": "mm2", "power": "mW", "latency": "us", "energy": "uJ", "storage": "KiB"}.get(metric)
    read = parse_constraints({metric: {"max": f"{size!r} {unit}" if unit else size}})
    assert parse_constraints(plain_limits(read)) == read


def test_constraints_are_written_as_they_are_read():
    plain = {
        "area": {"max": "16 mm2"}, "power": {"max": "0.5 W", "min": "1 mW"}, "peak_power": {"max": "2 W"},
        "pes": {"min": 64}, "aspect_ratio": {"max": 2.5}, "storage": {"max": "1 MiB"}, "latency": {"max": "10 us"},
        "energy": {"max": "1 mJ"},
    }  # fmt: skip
    read = parse_constraints(plain)
    assert len(read) == len(plain)
    assert plain_limits(read) == {**plain, "power": {"max": "500 mW", "min": "1 mW"}, "latency": {"max": "10 µs"}}
    assert parse_constraints(plain_limits(read)) == read
    with pytest.raises(DseError, match="words of different widths"):
        parse_constraints({"storage": {"max": "5 word"}})
    with pytest.raises(DseError, match="a max or a min"):
        parse_constraints({"pes": {}})


def test_what_would_have_followed_a_setting_is_said(tmp_path):
    space = "  levels.array.cols: {of: levels.array.rows, ratio: 2}\n  levels.GLB.capacity: {equal_area: 0.9 mm2}\n"
    text = ARCH[: ARCH.index("space:")] + "space:\n  levels.array.rows: [2, 3]\n" + space
    spec = read_architecture_spec(parse_source(text, "toy.yaml"))
    assert left_behind(spec, {}) == left_behind(spec, {"levels.array.cols": 4, "levels.GLB.capacity": "1 KiB"}) == []
    cols, glb = left_behind(spec, {"levels.array.rows": 1})
    assert cols == "levels.array.cols stays 4; in the space of toy it follows, and would be 2"
    assert glb.startswith("levels.GLB.capacity stays 2 KiB; in the space of toy it follows, and would be ")
    assert any(line.endswith("would be too large for its area")
               for line in left_behind(spec, {"levels.array.rows": 4, "levels.array.cols": 9}))  # fmt: skip
    (line,) = left_behind(spec, {"levels.GLB.area": "0.1 mm2"})  # which no capacity changes
    assert line == "levels.GLB.capacity stays 2 KiB; in the space of toy it follows, and would be without a value"
    (tmp_path / "toy.yaml").write_text(text)
    (tmp_path / "tiny.yaml").write_text(NET)
    for verb in (("evaluate",), ("explain", "--jobs", 0)):
        done = called(verb[0], "toy.yaml", "tiny.yaml", *verb[1:], "--set", "levels.array.rows=1", cwd=tmp_path)
        assert f"note: {cols}" in done.stderr, done.stderr
