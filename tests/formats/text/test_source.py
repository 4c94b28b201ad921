"""Sources: positions, errors, and `extends`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import DseError, SpecError, SpecErrors
from dse.formats.architecture.load import load_architecture
from dse.formats.text.source import did_you_mean, load_source, parse_source, raise_all, read_text
from dse.formats.workload.load import load_workload

TEXT = """\
# a comment
name: chip
levels:
  GLB: {capacity: 108 KiB, stores: [ifmap, psum]}
  PE:
    capacity: 12 word
"""

names = st.sampled_from(["a", "b", "c", "d"])
trees = st.recursive(
    st.none() | st.integers(0, 9), lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=12
)
specs = st.dictionaries(names, trees, max_size=4)


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ((), (2, 1)),
        (("name",), (2, 7)),
        (("levels",), (3, 1)),
        (("levels", "GLB"), (4, 3)),
        (("levels", "GLB", "capacity"), (4, 19)),
        (("levels", "GLB", "stores", 1), (4, 44)),
        (("levels", "GLB", "absent", "deep"), (4, 3)),
        (("levels", "PE", "capacity"), (6, 15)),
        (("absent",), (2, 1)),
    ],
)
def test_positions(path, position):
    assert parse_source(TEXT).position(path) == position


def test_position_of_a_key():
    assert parse_source(TEXT).position(("levels", "PE", "capacity"), key=True) == (6, 5)


def test_error_shows_file_line_and_caret():
    error = parse_source(TEXT, "chip.yaml").error(("levels", "GLB", "capacity"), "too large", "at most 64 KiB")
    assert isinstance(error, DseError)
    assert str(error).splitlines() == [
        "chip.yaml:4:19: too large",
        "  4 |   GLB: {capacity: 108 KiB, stores: [ifmap, psum]}",
        "    |                   ^",
        "  hint: at most 64 KiB",
    ]


@given(specs)
def test_every_value_has_the_place_where_it_is_written(spec):
    lines, paths = [], []

    def write(value, path, indent):
        for key, inner in value.items():
            lines.append(" " * indent + f"{key}:" + ("" if isinstance(inner, dict) and inner else f" {inner or 0}"))
            paths.append(((*path, key), len(lines), indent + 1))
            if isinstance(inner, dict) and inner:
                write(inner, (*path, key), indent + 2)

    write(spec, (), 0)
    source = parse_source("\n".join(lines))
    for path, line, column in paths:
        assert source.position(path, key=True) == (line, column)


def merged(base, variant):
    """What `extends` means, on plain data."""
    if not (isinstance(base, dict) and isinstance(variant, dict)):
        return variant
    result = {key: merged(base[key], variant[key]) if key in variant else base[key] for key in base}
    result |= {key: variant[key] for key in variant if key not in base}
    return {
        key: value for key, value in result.items() if not (key in base and key in variant and variant[key] is None)
    }


@given(specs, specs)
def test_extends_merges_mappings_and_null_removes(tmp_path_factory, base, variant):
    import json

    folder = tmp_path_factory.mktemp("specs")
    (folder / "base.yaml").write_text(json.dumps(base))
    (folder / "variant.yaml").write_text(json.dumps({"extends": "base.yaml", **variant}))
    assert load_source(folder / "variant.yaml").data == merged(base, variant)


def test_extended_values_point_at_their_own_file(tmp_path):
    (tmp_path / "base.yaml").write_text("a: {x: 1}\nb: 2\n")
    (tmp_path / "variant.yaml").write_text("extends: base.yaml\n\na:\n  y: 3\n")
    source = load_source(tmp_path / "variant.yaml")
    assert source.data == {"a": {"x": 1, "y": 3}, "b": 2}
    inherited, own = source.error(("a", "x"), "no"), source.error(("a", "y"), "no")
    assert (inherited.file, inherited.line, inherited.source_line) == (str(tmp_path / "base.yaml"), 1, "a: {x: 1}")
    assert (own.file, own.line, own.source_line) == (str(tmp_path / "variant.yaml"), 4, "  y: 3")


def test_extends_chains(tmp_path):
    for number in range(8):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\nk{number}: {number}\n")
    (tmp_path / "8.yaml").write_text("k8: 8\n")
    assert load_source(tmp_path / "0.yaml").data == {f"k{number}": number for number in range(9)}
    (tmp_path / "8.yaml").write_text("extends: 9.yaml\n")
    (tmp_path / "9.yaml").write_text("k9: 9\n")
    with pytest.raises(SpecError, match="more than 8 files"):
        load_source(tmp_path / "0.yaml")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("extends: base.yml", "there is no file", "did you mean 'base.yaml'"),
        ("extends: self.yaml", "extends this file", None),
        ("extends: loop.yaml", "extends this file", None),
        ("extends: [a, b]", "extends names one file", "e.g."),
        ("extends: .", "this is a folder", None),
    ],
)
def test_bad_extends(tmp_path, text, message, hint):
    (tmp_path / "base.yaml").write_text("a: 1")
    (tmp_path / "loop.yaml").write_text("extends: self.yaml")
    (tmp_path / "self.yaml").write_text(text)
    with pytest.raises(SpecError, match=message) as caught:
        load_source(tmp_path / "self.yaml")
    assert hint is None or hint in caught.value.hint


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "vgg16.yaml").write_text("a: 1")
    (tmp_path / "binary.yaml").write_bytes(b"a: \xff\xfe")
    for name, message in (("vgg61.yaml", "no such file"), ("", "a folder"), ("binary.yaml", "not a text file: byte 3")):
        with pytest.raises(SpecError, match=message):
            load_source(tmp_path / name)
    with pytest.raises(SpecError) as caught:
        load_source(tmp_path / "vgg61.yaml")
    assert caught.value.hint == "did you mean 'vgg16.yaml'?"
    with pytest.raises(SpecError):
        load_source("nul\0byte.yaml")


def test_several_errors_are_printed_in_the_order_of_the_file():
    source = parse_source(TEXT, "chip.yaml")
    raise_all([])
    with pytest.raises(SpecError) as caught:
        raise_all([source.error(("name",), "one")])
    assert not isinstance(caught.value, SpecErrors)
    with pytest.raises(SpecErrors) as caught:
        raise_all([source.error(("levels", "PE", "capacity"), "later"), source.error(("name",), "sooner")])
    assert [error.message for error in caught.value.errors] == ["sooner", "later"]
    assert str(caught.value).index("sooner") < str(caught.value).index("later")


def test_did_you_mean():
    assert did_you_mean("capcity", ["capacity", "bandwidth"]) == "did you mean 'capacity'?"
    assert did_you_mean("VGG16", ["vgg16"]) == "did you mean 'vgg16'?"
    assert did_you_mean("x", ["one", "two"]) == "one of: one, two"
    assert did_you_mean("x", ["only"]) == "only only is possible"
    assert did_you_mean("x", []) is None
    assert "(99 in all)" in did_you_mean("x", [f"layer{i}" for i in range(99)])


@pytest.mark.parametrize(
    ("text", "load", "name"),
    [
        ("extends: eyeriss\narchitecture: mine\nlevels: {GLB: {capacity: 64 KiB}}\n", load_architecture, "mine"),
        ("extends: alexnet\nworkload: mine\nbatch: 2\nexpect: null\n", load_workload, "mine"),
    ],
)
def test_a_file_may_extend_a_shipped_one_by_its_name(tmp_path, text, load, name):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    assert load(file).name == name


def test_a_file_beside_wins_over_a_shipped_one(tmp_path):
    (tmp_path / "eyeriss").write_text("architecture: other\n")
    (tmp_path / "mine.yaml").write_text("extends: eyeriss\n")
    assert load_source(tmp_path / "mine.yaml").data["architecture"] == "other"


def test_a_shipped_name_that_is_misspelt_is_suggested(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: eyeris\n")
    with pytest.raises(SpecError) as error:
        load_source(tmp_path / "mine.yaml")
    assert "no shipped spec of that name" in str(error.value)
    assert "eyeriss" in str(error.value.hint)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_no_text_has_its_line_and_column(mark, tmp_path):
    (tmp_path / "spec.yaml").write_bytes(mark + "a: 1\nbö: ".encode() + b"\xff2\n")
    with pytest.raises(SpecError, match="not a text file: byte 10 is no UTF-8") as error:
        read_text(tmp_path / "spec.yaml")
    assert (error.value.line, error.value.column) == (2, 5)
