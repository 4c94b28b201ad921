"""Dataflow files: the built-in ones mean what the papers say, users' own are read, mistakes are placed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.architecture.dataflow import ANY_DIM, Dataflow
from dse.errors import SpecError
from dse.formats.architecture.dataflow import (
    built_in_dataflows,
    find_dataflow,
    load_dataflows,
    read_dataflow,
    written_dataflow,
)
from dse.formats.text.source import parse_source
from dse.problem.dims import DIMS, OPERANDS, RELEVANT

BUILT_IN = built_in_dataflows()


def test_the_names_that_specs_use() -> None:
    assert set(BUILT_IN) == {
        "weight-stationary", "output-stationary", "input-stationary", "row-stationary", "no-local-reuse", "flexible",
        "OSA", "OSB", "OSC",
    }  # fmt: skip
    assert built_in_dataflows() is BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_dataflows_are_described_and_allow_what_they_demand(name: str) -> None:
    flow = BUILT_IN[name]
    assert flow.name == name
    assert flow.description.endswith(".")
    assert flow.rows_whole <= flow.rows
    assert flow.cols_whole <= flow.cols
    if flow.stationary and name != "row-stationary":
        # what stays in a PE is all that a PE tiles; row-stationary slides the other operands along whole rows instead
        assert flow.inside <= RELEVANT[flow.stationary]


def test_row_stationary_keeps_filter_rows_and_slides_along_them() -> None:
    flow = BUILT_IN["row-stationary"]
    assert (flow.inside_whole, flow.rows_whole) == ({"S"}, {"R"})
    assert (flow.innermost, flow.stationary) == ("Q", "weight")
    assert "P" in flow.cols


def test_the_three_output_stationary_dataflows_differ_in_what_lies_on_the_array() -> None:
    pixels = {"OSA": {"P", "Q"}, "OSB": {"Q"}, "OSC": set()}
    for name, expected in pixels.items():
        on_array = BUILT_IN[name].rows | BUILT_IN[name].cols
        assert on_array & {"P", "Q"} == expected
        assert ("K" in on_array) == (name != "OSA")
        assert not on_array & {"C", "R", "S"}
        assert BUILT_IN[name].stationary == "psum"


def test_flexible_constrains_nothing() -> None:
    assert BUILT_IN["flexible"] == Dataflow("flexible", description=BUILT_IN["flexible"].description)
    assert BUILT_IN["no-local-reuse"].inside == frozenset()


DIM_SETS = st.lists(st.sampled_from(DIMS), unique=True)


@given(DIM_SETS, DIM_SETS, DIM_SETS, st.sampled_from([None, *OPERANDS]), st.sampled_from([None, *DIMS[1:]]))
def test_what_is_written_is_what_is_read(
    rows: list[str], cols: list[str], inside: list[str], stationary: str | None, innermost: str | None
) -> None:
    text = f"rows: {rows}\ncols: {cols}\nrows_whole: {rows[:1]}\ninside: {inside}\n"
    text += f"stationary: {stationary or 'null'}\ninnermost: {innermost or 'null'}\n"
    found = read_dataflow(parse_source(text), (), "mine")
    assert found == Dataflow(
        "mine", frozenset(rows), frozenset(cols), frozenset(rows[:1]), frozenset(), frozenset(inside), frozenset(),
        stationary, innermost,
    )  # fmt: skip


def test_any_and_nothing_are_all_dims() -> None:
    assert read_dataflow(parse_source("rows: any\ncols: [K]\n"), (), "x").rows == ANY_DIM
    assert read_dataflow(parse_source("cols: [K]\n"), (), "x").rows == ANY_DIM


def test_a_users_file(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("mine: {rows: [C], cols: [K]}\n")
    (tmp_path / "two.yaml").write_text("mine: {rows: [C]}\nyours: {rows: [P]}\n")
    assert find_dataflow("one.yaml", tmp_path).name == "mine"
    assert find_dataflow("two.yaml#yours", tmp_path).rows == {"P"}
    assert find_dataflow(str(tmp_path / "one.yaml")).cols == {"K"}
    assert list(load_dataflows(tmp_path / "two.yaml")) == ["mine", "yours"]
    with pytest.raises(SpecError, match="holds 2 dataflows") as error:
        find_dataflow("two.yaml", tmp_path)
    assert error.value.hint == "name one, e.g. two.yaml#mine"
    with pytest.raises(SpecError, match="has no dataflow 'your'") as error:
        find_dataflow("two.yaml#your", tmp_path)
    assert "'yours'" in str(error.value.hint)
    with pytest.raises(SpecError, match="there is no such file"):
        find_dataflow("three.yaml", tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("x:\n  rows: [C, M]\n", 2, 13, "'M' is none of its choices"),
        ("x:\n  row: [C]\n", 2, 3, "unknown key 'row'"),
        ("x:\n  stationary: weights\n", 2, 15, "'weights' is none of its choices"),
        ("x:\n  innermost: q\n", 2, 14, "'q' is none of its choices"),
        ("x:\n  rows: [C]\n  rows_whole: [R]\n", 3, 3, "rows_whole: R is not among rows"),
        ("x:\n  rows_whole: [R]\n  inside_whole: [R]\n", 3, 3, "R must lie whole on the array as well"),
        ("x: [C]\n", 1, 1, "is a mapping, not a list"),
        ("", 1, 1, "a dataflow file maps names to dataflows"),
    ],
)
def test_mistakes_at_their_place(tmp_path: Path, text: str, line: int, column: int, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(SpecError) as error:
        load_dataflows(tmp_path / "bad.yaml")
    assert message in error.value.message
    assert (error.value.line, error.value.column) == (line, column)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(SpecError, match="unknown dataflow 'weight_stationary'") as error:
        find_dataflow("weight_stationary")
    assert "'weight-stationary'" in str(error.value.hint)


def test_images_have_rows_of_their_own() -> None:
    text = "pixels: {rows: [C], image: {channels: 4, rows: [C, R, S]}}"
    flow = read_dataflow(parse_source(text), ("pixels",), "pixels")
    assert flow.of((1, 1, 8, 4, 1, 1, 1, 1)).rows == {"C", "R", "S"}
    for bounds in ((1, 1, 8, 5, 1, 1, 1, 1), (2, 1, 8, 4, 1, 1, 1, 1)):
        assert flow.of(bounds) == flow
    written = written_dataflow(flow)
    assert written["image"] == {"channels": 4, "rows": ["C", "R", "S"]}
    with pytest.raises(SpecError, match="R is not among the rows of image") as caught:
        read_dataflow(parse_source("a: {rows: [C, R], rows_whole: [R], image: {channels: 4, rows: [C]}}"), ("a",), "a")
    assert caught.value.line == 1


def test_layers_of_one_pixel_have_an_array_of_their_own():
    text = "maps: {rows: [P], cols: [Q], pixel: {rows: [K], cols: [K, C]}}"
    flow = read_dataflow(parse_source(text), ("maps",), "maps")
    alone = flow.of((1, 4, 10, 84, 1, 1, 1, 1))
    assert (alone.rows, alone.cols) == ({"K"}, {"K", "C"})
    assert alone.of((1, 4, 10, 84, 1, 1, 1, 1)) == alone
    assert flow.of((1, 4, 10, 84, 1, 2, 1, 1)) == flow
    assert written_dataflow(flow)["pixel"] == {"rows": ["K"], "cols": ["K", "C"]}
    with pytest.raises(SpecError, match="P is not among the rows of pixel") as caught:
        read_dataflow(
            parse_source("a: {rows: [P], rows_whole: [P], pixel: {rows: [K], cols: [K]}}"), ("a",), "a"
        )
    assert caught.value.line == 1
