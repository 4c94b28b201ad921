"""Mapping files: what they mean, the way back, and what is said about mistakes."""

import pytest

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError, SpecError
from dse.formats.mapping import dump_mappings, load_mappings, mapping_schema, read_mappings, save_mappings
from dse.formats.text.source import parse_source
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

ALL = frozenset(OPERANDS)
ARCH = Architecture(
    "toy",
    (
        Level("DRAM", ALL),
        Level("GLB", ALL, may_bypass=frozenset({"weight"}), capacity_bits=16 * 1000),
        FanOut("array", 4, 8),
        Level("PE", ALL, capacity_bits=16 * 40),
    ),
    Mac(1.0),
    1e9,
)
CONV = Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
FC = Layer("fc", K=8, C=4)
TEXT = """\
mapping: mine
layers:
  conv:
    DRAM: {loops: {K: 2, P: 3}}
    GLB: {stores: [psum, ifmap], loops: [{Q: 3}, {C: 2}, {Q: 2}]}
    array: {rows: {R: 3}, cols: {K: 4, C: 2}}
    PE: {loops: {P: 2, S: 3}}
  fc: {DRAM: {loops: {K: 8, C: 4}}}
"""
NEST = Mapping(
    (
        Temporal("DRAM", (Loop("K", 2), Loop("P", 3)), ALL),
        Temporal("GLB", (Loop("Q", 3), Loop("C", 2), Loop("Q", 2)), frozenset({"ifmap", "psum"})),
        Spatial("array", (Loop("R", 3),), (Loop("K", 4), Loop("C", 2))),
        Temporal("PE", (Loop("P", 2), Loop("S", 3)), ALL),
    )
)


def read(text):
    return read_mappings(parse_source(text, "m.yaml")).mappings(ARCH, (CONV, FC))


def test_loops_stand_outermost_first_and_levels_keep_what_they_can():
    found = read(TEXT)
    assert found["conv"] == NEST
    assert found["fc"].nodes[1:] == (
        Temporal("GLB", (), ALL), Spatial("array", (), ()), Temporal("PE", (), ALL),
    )  # fmt: skip


@pytest.mark.parametrize("counting", ["house", "timeloop"])
def test_the_way_back(tmp_path, counting):
    mappings = read(TEXT)
    save_mappings(tmp_path / "m.yaml", "no: name", ARCH, mappings, counting=counting)
    file = load_mappings(tmp_path / "m.yaml")
    assert (file.name, file.counting) == ("no: name", counting)
    assert file.mappings(ARCH, (CONV, FC)) == mappings
    assert "conv:\n    DRAM: {loops: {K: 2, P: 3}}\n    GLB: {stores: [ifmap, psum], loops: [{Q: 3}," in dump_mappings(
        "mine", ARCH, mappings
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("  conv:", "  cnov:", 3, "there is no layer 'cnov'", "did you mean 'conv'?"),
        ("    GLB:", "    GBL:", 5, "toy has no level or fan-out 'GBL'", "did you mean 'GLB'?"),
        ("R: 3}, cols", "R: 5}, cols", 6, "array has 4 rows, the mapping unrolls over 5", None),
        ("{R: 3}", "{R: 0}", 6, "R: should be at least 1", None),
        ("{R: 3}", "{R: yes}", 6, "should be a whole number, not 'yes'", None),
        ("{R: 3}", "{X: 3}", 6, "is none of its choices", None),
        ("C: 2}, {Q: 2}", "C: 2, Q: 2}, {Q: 2}", 5, "at most 1 item", None),
        ("[psum, ifmap]", "[psum]", 5, "GLB must store ['ifmap']", None),
        ("    PE: {loops", "    PE: {rows", 7, "PE is a level: it has no rows and columns", "give it loops"),
        ("{rows: {R: 3}, cols: {K: 4, C: 2}}", "{loops: {R: 3}}", 6, "array is a fan-out", "give it rows and cols"),
        ("Q: 3}", "Q: 2}", 3, "the loops over Q cover 4 of 6 in layer conv", None),
        ("K: 2, P: 3}}", "P: 3}}", 3, "the loops over K cover 4 of 8 in layer conv", None),
        ("{P: 2, S: 3}", "{P: 2, S: 3, K: 8}", 3, "PE: the tile of operands together takes", None),
        ("stores:", "holds:", 5, "unknown key 'holds'", "one of: loops, stores"),
        ("layers:", "counting: maestro\nlayers:", 2, "'maestro' is none of its choices", "one of: house, timeloop"),
    ],
)
def test_mistakes_are_placed(old, new, line, what, hint):
    assert old in TEXT
    with pytest.raises(SpecError) as caught:
        read(TEXT.replace(old, new, 1))
    assert what in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("m.yaml", line)
    assert hint is None or caught.value.hint == hint


def test_nodes_keep_the_order_of_the_hierarchy():
    with pytest.raises(SpecError, match="DRAM stands inside GLB") as caught:
        read("mapping: m\nlayers:\n  fc:\n    GLB: {}\n    DRAM: {loops: {K: 8, C: 4}}\n")
    assert caught.value.line == 5
    assert caught.value.hint == "the order is DRAM > GLB > array > PE"


def test_all_mistakes_at_once():
    with pytest.raises(SpecError) as caught:
        read(TEXT.replace("  fc:", "  fd:").replace("GLB", "GBL"))
    assert str(caught.value).count("m.yaml:") == 2


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(DseError, match="cannot write"):
        save_mappings(tmp_path / "none" / "m.yaml", "m", ARCH, {})


def test_the_schema_names_the_keys():
    assert set(mapping_schema()["properties"]) == {"mapping", "description", "counting", "layers", "resident"}
