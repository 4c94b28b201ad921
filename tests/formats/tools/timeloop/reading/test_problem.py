"""Timeloop's problems become layers; what a layer has no words for is named with its place."""

import pytest

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level
from dse.cli.main import run
from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.export import timeloop_files
from dse.formats.tools.timeloop.reading.problem import read_problem
from dse.formats.workload.load import load_workload
from dse.model.mapping import Loop, Mapping, Temporal
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


def layer(text):
    return read_problem(parse_source(text, "p.yaml"), "conv").layer


def test_the_problem_that_was_written_reads_back():
    written = Layer("conv", K=8, C=4, P=6, Q=5, R=3, S=1, stride_h=2, dilation_w=3)
    everything = frozenset(OPERANDS)
    chip = Architecture("chip", (Level("DRAM", everything),), Mac(1.0), clock_hz=1e9)
    loops = tuple(Loop(dim, trips) for dim, trips in zip(DIMS, written.bounds, strict=True))
    files = timeloop_files(chip, written, Mapping((Temporal("DRAM", loops, everything),)))
    assert layer(files["flat/problem.yaml"]) == written


@pytest.mark.parametrize("shape", ["", "shape: cnn-layer, "])
def test_the_default_shape_takes_the_width_first(shape):
    """Its projection is R*Wdilation + P*Wstride (problem-shapes/cnn_layer.yaml of NVlabs/timeloop)."""
    found = layer(f"problem: {{{shape}R: 3, S: 1, P: 4, Q: 5, C: 6, K: 7, N: 2, Wstride: 2, Hdilation: 3}}")
    assert found.bounds == (1, 2, 7, 6, 4, 5, 3, 1)
    assert (found.stride_h, found.stride_w, found.dilation_h, found.dilation_w) == (2, 1, 1, 3)


def test_names_of_dims_do_not_matter():
    """A product of matrices, with hyphens and plain projections as older files have them."""
    found = layer("""
problem:
  shape:
    name: gemm
    dimensions: [A, B, Z]
    data-spaces:
    - {name: Weights, projection: [A, B]}
    - {name: Inputs, projection: [B, Z]}
    - {name: Outputs, projection: [[[A]], [[Z]]], read-write: true}
  instance: {A: 8, B: 16, Z: 32}
""")
    assert (found.K, found.C, found.N, found.macs) == (8, 16, 32, 4096)


SPACES = """
    data_spaces:
    - {name: Weights, projection: [[[K]], [[C]]]}
    - {name: Inputs, projection: [[[N]], [[C]]]}
    - {name: Outputs, projection: [[[N]], [[K]]], read_write: true}
"""


@pytest.mark.parametrize(("text", "line", "message"), [
    ("problem: {R: 1, S: 1, P: 1, Q: 1, C: 1, K: 1}", 1, "N has no size"),
    ("problem:\n  R: 0", 2, "no whole number above 0"),
    ("problem:\n  depth: 4", 2, "depth has no words here"),
    ("problem:\n  shape: attention", 2, "stands in a file of Timeloop's"),
    ("architecture: {}", 1, "has the key problem"),
    ("problem:\n  shape:\n    dimensions: [K, C, N, X]" + SPACES + "  instance: {K: 1, C: 1, N: 1, X: 2}", 2,
     "X has no words here"),
    ("problem:\n  shape:\n    dimensions: [K, C]" + SPACES, 6, "is no dim"),
    ("problem:\n  shape:\n    dimensions: [K, C, N]" + SPACES.replace("[[C]]]}", "[[C, {}]]]}", 1), 5, "is no dim"),
    ("problem:\n  shape:\n    dimensions: [K, C, N]" + SPACES + "  instance: {K: 1, C: 1, N: 1, densities: 1}", 8,
     "densities is a mapping"),
    ("problem:\n  shape:\n    dimensions: [K, C, N]" + SPACES + "  instance: {K: 1, C: 1, N: 1, densities: {X: 1}}", 8,
     "X: 1 is no density of a tensor"),
])  # fmt: skip
def test_what_cannot_be_said_has_a_place(text, line, message):
    with pytest.raises(SpecError, match=message) as caught:
        layer(text)
    assert (caught.value.file, caught.value.line) == ("p.yaml", line)


def test_sizes_that_are_only_told_are_passed_over_and_densities_are_the_layers():
    """The default problem of Timeloop's example designs tells the input's height, width and padding, too."""
    found = layer("""
problem:
  instance:
    {R: 3, S: 3, P: 8, Q: 8, C: 4, K: 2, N: 1, H: 10, W: 10, Hpad: 0, Wpad: 0, densities: {Inputs: {density: 0.5}}}
""")
    assert (found.P, found.density.ifmap, found.density.weight) == (8, 0.5, 1.0)


def test_two_tensors_that_nothing_tells_apart_are_weights_and_ifmap_in_their_order():
    problem = read_problem(parse_source("""
problem:
  shape:
    dimensions: [M, N, K]
    data_spaces:
    - {name: A, projection: [[[M]], [[K]]]}
    - {name: B, projection: [[[N]], [[K]]]}
    - {name: Z, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 8, N: 4, K: 2}
"""), "product")  # fmt: skip
    assert problem.names.tensors == {"A": "weight", "B": "ifmap", "Z": "psum"}
    assert problem.names.dims == {"M": "K", "N": "N", "K": "C"}


def test_a_dim_of_size_1_may_index_anything():
    """A dot product: its one output has a dim of its own."""
    problem = read_problem(parse_source("""
problem:
  shape:
    dimensions: [K, M]
    data_spaces:
    - {name: A, projection: [[[K]]]}
    - {name: B, projection: [[[K]]]}
    - {name: Z, projection: [[[M]]], read_write: true}
  instance: {K: 16, M: 1}
"""), "dot")  # fmt: skip
    assert (problem.layer.C, problem.layer.macs) == (16, 16)
    assert problem.names.dims == {"K": "C", "M": "G"}


def test_the_command(tmp_path, capsys):
    for name, filters in (("a", 4), ("b", 8)):
        (tmp_path / f"{name}.yaml").write_text(f"problem: {{R: 3, S: 3, P: 8, Q: 8, C: 2, K: {filters}, N: 1}}")
    files = [str(tmp_path / f"{name}.yaml") for name in "ab"]
    assert run(["import", "timeloop", *files, "-o", str(tmp_path / "mine")]) == 0
    workload = load_workload(tmp_path / "mine" / "workload.yaml")
    assert [(found.name, found.macs) for found in workload.layers] == [("a", 4608), ("b", 9216)]
    (tmp_path / "c.yaml").write_text("problem: {R: no}")
    assert run(["import", "timeloop", str(tmp_path / "c.yaml"), "-o", str(tmp_path)]) == 2
    assert "c.yaml:1" in capsys.readouterr().err
