"""Stores beside and upon each other as levels of ours, what they keep, and what constraints say in our words."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.reading.directives import Directive
from dse.formats.tools.timeloop.reading.machine import Mac, Machine, Mesh, Store, Where
from dse.formats.tools.timeloop.translating.nest import nest_of, with_bounds
from dse.formats.tools.timeloop.translating.plan import FanPlan, LevelPlan, check_targets, joined_name, keeping, plan
from dse.formats.tools.timeloop.translating.rules import Asked, rules_of, sides_of
from dse.model.mapping import Loop, Spatial, Temporal
from dse.problem.dims import OPERANDS

HERE = Where(parse_source("at: {}"), ("at",))
DIMS = ("N", "K", "C", "P", "Q", "R", "S")


def store(name, words=None, group=None):
    return Store(name, HERE, words, 16, 1, 1, words is None, None, {}, False, group=group)


def machine(*parts):
    return Machine("mine", tuple(parts), Mac("mac", HERE, 16, False))


def said(target, kind, **more):
    return Directive(HERE, target, kind, **more)


ARRAY = Mesh("PE", ("PE",), 4, 2, HERE)
SIMPLE = machine(store("DRAM"), store("GLB", 1024), ARRAY, store("RF", 16))
APART = (store("ifmap_spad", 12), store("weight_spad", 24), store("psum_spad", 8))
KEPT = [
    said(f"{operand}_spad", "dataspace", keep=(operand,), bypass=tuple(o for o in OPERANDS if o != operand))
    for operand in OPERANDS
]


def planned(whole, directives=(), loops=()):
    return plan(whole, keeping(whole, directives), loops)


def test_a_level_a_store_and_a_fan_out_a_mesh():
    found = planned(SIMPLE)
    assert [type(entry) for entry in found.entries] == [LevelPlan, LevelPlan, FanPlan, LevelPlan]
    assert [entry.name for entry in found.entries] == ["DRAM", "GLB", "PE", "RF"]


def test_stores_of_one_tensor_each_are_partitions_of_one_level():
    """Unless loops that index a tensor further in may stand between them."""
    whole = machine(store("DRAM"), ARRAY, *APART)
    none = {one.name: frozenset() for one in whole.stores}
    joined = planned(whole, KEPT, [none])
    assert [level.name for level in joined.levels] == ["DRAM", "spad"]
    assert [set(keep.fixed) for keep in joined.levels[1].keeps] == [{"ifmap"}, {"weight"}, {"psum"}]
    between = {**none, "weight_spad": frozenset({"K"}), "psum_spad": frozenset({"K"})}
    assert len(planned(whole, KEPT, [{**between, "psum_spad": frozenset({"P", "C", "K"})}]).levels) >= 2


def test_a_store_that_keeps_nothing_hands_its_loops_outwards():
    idle = said("GLB", "dataspace", bypass=tuple(OPERANDS))
    found = planned(SIMPLE, [idle])
    assert found.passed == {"GLB": "DRAM"}
    assert [level.name for level in found.levels] == ["DRAM", "RF"]


def test_stores_beside_each_other_leave_out_what_the_others_keep():
    whole = machine(store("DRAM"), store("A", 8, group=1), store("B", 8, group=1))
    kept = keeping(whole, [said("A", "dataspace", keep=("weight",))])
    assert kept["B"].stores == {"ifmap", "psum"}
    assert kept["DRAM"].fixed == set(OPERANDS)


def test_what_is_kept_and_bypassed_is_an_error():
    with pytest.raises(SpecError, match="GLB keeps the psum and bypasses it"):
        keeping(SIMPLE, [said("GLB", "dataspace", keep=("psum",), bypass=("psum",))])
    with pytest.raises(SpecError, match="DRAM is the outermost level, and holds the psum"):
        keeping(SIMPLE, [said("DRAM", "dataspace", bypass=("psum",))])


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        (said("GBL", "temporal"), "GBL: there is no part of the architecture"),
        (said("RF", "spatial", exact={"C": 2}), "RF: there is no fan-out below it"),
        (said("PE", "temporal", exact={"C": 2}), "PE is a fan-out, which has no loops in time"),
        (said("PE", "dataspace", keep=("psum",)), "PE is a fan-out, which keeps nothing"),
    ],
)
def test_targets_are_parts_of_the_machine(directive, message):
    with pytest.raises(SpecError, match=message):
        check_targets(SIMPLE, [directive])


@pytest.mark.parametrize(
    ("names", "name"), [(["a"], "a"), (["PE_a", "PE_b"], "PE"), (["a_spad", "b_spad"], "spad"), (["x", "y"], "x-y")]
)
def test_names_of_partitions_are_what_they_share(names, name):
    assert joined_name(names) == name


def rules(*directives, bounds=None):
    asked = Asked(tuple(directives), DIMS, bounds or {})
    return rules_of(SIMPLE, planned(SIMPLE, directives, [asked.loops(SIMPLE)]), asked)


def test_sides_of_the_array_are_words_of_a_dataflow():
    order = ("C", "K", "N", "P", "Q", "R", "S")
    found = rules(said("PE", "spatial", exact=dict.fromkeys("NPQRS", 1), order=order, split=1))
    assert found.dataflow == {"rows": ["K"], "cols": ["C"]}
    assert not found.unsaid


def test_a_dim_that_goes_as_far_as_it_can_is_whole():
    found = rules(said("PE", "spatial", exact={"C": 4}, order=("C",), split=1), bounds={"C": 8, "K": 8})
    assert found.dataflow["cols_whole"] == ["C"]
    other = rules(said("PE", "spatial", exact={"C": 3}, order=("C",), split=1), bounds={"C": 8, "K": 8})
    assert "C unrolled 3 has no words here" in other.unsaid[0].message


def test_the_innermost_dim_above_the_array_is_a_word_and_other_orders_are_none():
    assert rules(said("GLB", "temporal", order=("R",))).dataflow["innermost"] == "R"
    found = rules(said("GLB", "temporal", order=("R", "S", "C")))
    assert found.dataflow["innermost"] == "R"
    assert "the order of S, C has no words here" in found.unsaid[0].message


def test_dims_of_the_innermost_level_and_numbers_of_trips():
    found = rules(said("RF", "temporal", exact=dict.fromkeys("NKCPQ", 1)))
    assert found.dataflow["inside"] == ["R", "S"]
    assert "C with 4 trips has no words" in rules(said("GLB", "temporal", exact={"C": 4})).unsaid[0].message
    assert "at most 2 trips of C" in rules(said("GLB", "temporal", most={"C": 2})).unsaid[0].message
    assert "of type utilization has no words" in rules(said("PE", "utilization")).unsaid[0].message


def test_a_split_tells_columns_from_rows():
    asked = Asked((), DIMS, {})
    split = said("PE", "spatial", order=DIMS, split=2)
    assert sides_of(split, asked, False) == (frozenset("NK"), frozenset("CPQRS"))
    both = sides_of(said("PE", "spatial", exact={"N": 1}), asked, False)
    assert both == (frozenset("KCPQRS"), frozenset("KCPQRS"))


def test_a_mapping_becomes_a_nest():
    bounds = {"N": 1, "K": 4, "C": 4, "P": 6, "Q": 5, "R": 1, "S": 1}
    directives = with_bounds([
        said("DRAM", "temporal", exact={"P": 0, "C": 2}, order=("P", "C")),
        said("GLB", "temporal", exact={"Q": 5}),
        said("PE", "spatial", exact={"K": 4, "C": 2}, order=("K", "C"), split=1),
        said("GLB", "dataspace", bypass=("weight",)),
    ], bounds)  # fmt: skip
    asked = Asked(directives, DIMS, bounds)
    nest = nest_of(SIMPLE, planned(SIMPLE), asked, directives)
    outer, buffer, array, inner = nest.nodes
    assert isinstance(outer, Temporal)
    assert outer.loops == (Loop("C", 2), Loop("P", 6))  # an order names the innermost loop first
    assert buffer.loops == (Loop("Q", 5),)
    assert buffer.stores == {"ifmap", "psum"}
    assert isinstance(array, Spatial)
    assert (array.rows, array.cols) == ((Loop("C", 2),), (Loop("K", 4),))
    assert inner.loops == ()


def test_what_does_not_fit_the_array_says_so():
    wide = with_bounds([said("PE", "spatial", exact={"K": 8}, order=("K",), split=1)], {"K": 8})
    with pytest.raises(SpecError, match="K=8 lies on X, which has 4"):
        nest_of(SIMPLE, planned(SIMPLE), Asked(wide, DIMS, {}), wide)
