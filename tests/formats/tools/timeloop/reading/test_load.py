"""Timeloop's files that include others and take over what they say."""

import pytest

from dse.errors import SpecError
from dse.formats.tools.timeloop.read import import_timeloop
from dse.formats.tools.timeloop.reading.load import load_timeloop
from dse.formats.workload.load import load_workload

BASE = """base_ignore: &base
  version: 0.4
  instance: {C: 1, M: 1, N: 1, G: 1, P: 1, Q: 1, R: 1, S: 1, Hstride: 1}
  shape:
    dimensions: [C, M, N, G, P, Q, R, S]
    coefficients: [{name: Hstride, default: 1}]
    data_spaces:
    - {name: Weights, projection: [[[C]], [[M]], [[R]], [[S]], [[G]]]}
    - {name: Inputs, projection: [[[N]], [[C]], [[R], [P, Hstride]], [[S], [Q]], [[G]]]}
    - {name: Outputs, projection: [[[N]], [[M]], [[P]], [[Q]], [[G]]], read_write: true}
"""
LAYER = """{{include_text('../base.yaml')}}  # shape and sizes
problem:
  <<<: *base
  instance: {C: 3, M: 4, P: 5, R: 3, Hstride: 2}
"""


@pytest.fixture
def layer(tmp_path):
    """Writes a base and a file in a folder beside it, which is returned."""

    def write(text=LAYER, base=BASE):
        (tmp_path / "net").mkdir(exist_ok=True)
        (tmp_path / "base.yaml").write_text(base)
        path = tmp_path / "net" / "conv.yaml"
        path.write_text(text)
        return path

    return write


def test_a_layer_that_takes_over_the_shape_and_the_sizes_of_a_base(layer, tmp_path):
    """As the layers of networks that Timeloop's exercises ship: what the file itself says wins."""
    import_timeloop([layer()], "net").write(tmp_path)
    (conv,) = load_workload(tmp_path / "workload.yaml").layers
    assert (conv.C, conv.K, conv.N, conv.P, conv.Q, conv.R, conv.stride_h) == (3, 4, 1, 5, 1, 3, 2)
    assert conv.macs == 3 * 4 * 5 * 3


def test_one_sort_of_taking_over_is_deep_and_the_other_is_not(layer):
    deep = load_timeloop(layer()).data["problem"]["instance"]
    flat = load_timeloop(layer(LAYER.replace("<<<", "<<"))).data["problem"]["instance"]
    assert (deep["Hstride"], deep["Q"], set(flat)) == (2, 1, {"C", "M", "P", "R", "Hstride"})


def test_of_several_bases_the_first_one_that_has_a_key_gives_it(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {x: 1, y: {p: 1}}\nb: &b {x: 2, y: {p: 2, q: 2}, z: 2}\nc: {<<<: [*a, *b], w: 0}\n")
    assert load_timeloop(path).data["c"] == {"x": 1, "y": {"p": 1, "q": 2}, "z": 2, "w": 0}


@pytest.mark.parametrize(("change", "file", "line", "message"), [
    ({"text": LAYER.replace("C: 3", "C: 0")}, "conv.yaml", 4, "C: 0 is no whole number"),
    ({"text": LAYER.replace("Hstride", "HStride")}, "conv.yaml", 4, "HStride has no words here"),
    ({"base": BASE.replace("Q: 1", "Q: x")}, "base.yaml", 3, "Q: x is no whole number"),
    ({"base": BASE.replace("dimensions:", "dimensions: [")}, "base.yaml", 5, "is not closed"),
    ({"text": LAYER.replace("../base", "../other")}, "conv.yaml", 1, "there is no file .*other.yaml"),
    ({"text": LAYER.replace("../base", "n" * 300)}, "conv.yaml", 1, "there is no file .*nnn.yaml"),
    ({"text": LAYER.replace("*base", "3")}, "conv.yaml", 3, "<<< takes over a mapping"),
    ({"text": LAYER.replace("C: 3", "C: {{channels}}")}, "conv.yaml", 4, "a template other than"),
    ({"base": "{{include_text('net/conv.yaml')}}\n"}, "base.yaml", 1, "conv.yaml includes this file"),
])  # fmt: skip
def test_what_is_wrong_has_its_place_in_the_file_that_says_it(layer, change, file, line, message):
    with pytest.raises(SpecError, match=message) as caught:
        import_timeloop([layer(**change)], "net")
    assert (caught.value.file.rpartition("/")[2], caught.value.line) == (file, line)


def test_a_key_that_is_almost_one_is_told(layer):
    with pytest.raises(SpecError) as caught:
        import_timeloop([layer(LAYER.replace("Hstride", "HStride"))], "net")
    assert caught.value.hint == "did you mean 'Hstride'?"


def test_libconfig_is_told(tmp_path):
    with pytest.raises(SpecError, match="libconfig is not read"):
        import_timeloop([tmp_path / "sample.cfg"], "net")
