"""The simulator against arithmetic done by hand, and against what must hold for any mapping."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from model.cases import ALL, Case, cases

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import MappingError
from dse.model.accesses import Accesses, Crossing, Traffic
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.model.simulator.walk import simulate
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

TRANSPOSED = {**{dim: dim for dim in DIMS}, "P": "Q", "Q": "P", "R": "S", "S": "R"}


def run(layer: Layer, nest: list[tuple[str, str] | tuple[str, str, str]], **fan_out: object) -> Accesses:
    """Simulate a nest of `(level, loops)` or `(fan-out, rows, cols)`, outermost first, loops as in `"P4 R3"`.

    A level whose name is in lower case stores nothing.
    """

    def loops(text: str) -> tuple[Loop, ...]:
        return tuple(Loop(word[0], int(word[1:])) for word in text.split())

    hierarchy: list[Level | FanOut] = []
    nodes: list[Temporal | Spatial] = []
    for name, *lists in nest:
        if len(lists) == 2:
            hierarchy.append(FanOut(name, 8, 8, **fan_out.get(name, fan_out.get("every", {}))))  # type: ignore[arg-type]
            nodes.append(Spatial(name, loops(lists[0]), loops(lists[1])))
        else:
            hierarchy.append(Level(name, ALL, may_bypass=ALL if hierarchy else frozenset()))
            nodes.append(Temporal(name, loops(lists[0]), ALL if name.isupper() else frozenset()))
    return simulate(layer, Architecture("by hand", tuple(hierarchy), Mac(1.0), 1e9), Mapping(tuple(nodes)))


def conv(**fields: int) -> Layer:
    return Layer("by hand", **fields)


def test_loops_inside_j_move_nothing() -> None:
    # D [K2 C3]: a weight a step; ifmaps go round once per k; a psum stays while c runs: 2 visits.
    # E's psums: 6 MACs arrive, 2 visits start empty: 4 accumulation reads + 2 drained; all 6 written.
    accesses = run(conv(K=2, C=3), [("D", "K2 C3"), ("E", "")])
    assert accesses.levels["D"] == {"ifmap": Traffic(6, 0), "weight": Traffic(6, 0), "psum": Traffic(0, 2)}
    assert accesses.levels["E"] == {"ifmap": Traffic(6, 6), "weight": Traffic(6, 6), "psum": Traffic(6, 6)}
    assert (accesses.steps, accesses.macs) == (6, 6)


def test_psums_that_leave_unfinished_come_back() -> None:
    # D [C3 K2]: an ifmap stays while k runs. Each psum visits E three times: 6 leave, the last two find 4 at home:
    # D writes 6, reads 4 back. E: 6 from MACs + 4 read back = 10 written; 2 visits start empty: 4 + 6 = 10 read.
    accesses = run(conv(K=2, C=3), [("D", "C3 K2"), ("E", "")])
    assert accesses.levels["D"] == {"ifmap": Traffic(3, 0), "weight": Traffic(6, 0), "psum": Traffic(4, 6)}
    assert accesses.levels["E"] == {"ifmap": Traffic(6, 3), "weight": Traffic(6, 6), "psum": Traffic(10, 10)}


@pytest.mark.parametrize(
    ("layer", "nest", "words"),
    [
        (conv(P=4, R=3), "P4", 3 + 1 + 1 + 1),
        (conv(P=4, R=3, stride_h=2), "P4", 3 + 2 + 2 + 2),
        (conv(P=4, R=3, stride_h=4), "P4", 3 + 3 + 3 + 3),  # rows 3, 7 and 11 of the box are never touched
        (conv(P=4, R=3, dilation_h=2), "P4", 5 + 1 + 1 + 1),
        (conv(P=4, R=3, K=2), "P4 K2", 3 + 1 + 1 + 1),
        (conv(P=4, R=3, K=2), "K2 P4", 2 * (3 + 1 + 1 + 1)),  # when k advances, the window starts anew
        (conv(P=4, R=3, N=2), "N2 P4", 2 * (3 + 1 + 1 + 1)),
        (conv(P=4, R=3, N=2), "P4 N2", 4 * (3 + 3)),  # j is N: no overlap between images
        (conv(P=4, R=3), "P2 P2", 3 + 1 + 1 + 1),  # neighbours over one dim are one loop
        (conv(P=4, R=3, K=2), "P2 K2 P2", 4 * (3 + 1)),  # these are not: whole tiles whenever k or the outer p moves
    ],
)
def test_ifmap_rows_slide_along_j(layer: Layer, nest: str, words: int) -> None:
    accesses = run(layer, [("D", nest), ("E", "R3")])
    assert accesses.levels["E"]["ifmap"] == Traffic(layer.macs, words)
    assert accesses.levels["D"]["ifmap"] == Traffic(words, 0)


def test_filter_rows_slide_too() -> None:
    # Two output rows inside, j = R: input rows 01, 12, 23: 2 + 1 + 1.
    assert run(conv(P=2, R=3), [("D", "R3"), ("E", "P2")]).levels["E"]["ifmap"].writes == 4


def test_the_last_tile_is_smaller() -> None:
    # Tiles of 2, 2 and 1 output rows see input rows 0-3, 2-5, 4-6: 4 + 2 + 1 fills. One-word weights never move again.
    accesses = run(conv(P=5, R=3), [("D", "P3"), ("E", "P2 R3")])
    assert accesses.levels["E"] == {"ifmap": Traffic(15, 7), "weight": Traffic(15, 3), "psum": Traffic(15, 15)}
    assert accesses.steps == 15


def test_children_beyond_the_edge_are_idle() -> None:
    # Five k on three children: 3 busy, then 2. Per k-fold and c one ifmap word to each busy child: 3 + 3 + 2 + 2.
    accesses = run(conv(K=5, C=2), [("D", "K2 C2"), ("F", "K3", ""), ("E", "")])
    assert accesses.fan_outs["F"] == {"ifmap": Crossing(10, 0), "weight": Crossing(10, 0), "psum": Crossing(0, 0)}
    assert accesses.levels["D"]["ifmap"] == Traffic(4, 0)  # one read feeds all children
    assert (accesses.steps, accesses.macs) == (4, 10)


def test_a_row_stationary_array_shares_along_the_diagonal() -> None:
    # Rows R3, columns P2: six PEs hold input rows p + r = 0..3, four distinct; three filter rows; psums add up along r.
    accesses = run(conv(P=2, R=3), [("D", ""), ("F", "R3", "P2"), ("E", "")])
    assert accesses.levels["D"] == {"ifmap": Traffic(4, 0), "weight": Traffic(3, 0), "psum": Traffic(0, 2)}
    assert accesses.fan_outs["F"] == {"ifmap": Crossing(6, 0), "weight": Crossing(6, 0), "psum": Crossing(0, 4)}


@pytest.mark.parametrize(("mode", "ifmap", "weight"), [("word", 4, 3), ("tile", 6, 3), ("none", 6, 6)])
def test_multicast(mode: str, ifmap: int, weight: int) -> None:
    # Two columns with input rows 0-2 and 1-3 and the same three filter rows.
    accesses = run(conv(P=2, R=3), [("D", ""), ("F", "", "P2"), ("E", "R3")], every={"multicast": mode})
    assert accesses.levels["D"]["ifmap"].reads == ifmap
    assert accesses.levels["D"]["weight"].reads == weight
    assert accesses.fan_outs["F"]["ifmap"].delivered == accesses.fan_outs["F"]["weight"].delivered == 6


def test_a_fan_out_that_does_not_reduce_passes_psums_one_by_one() -> None:
    # Four c on two children, two each. Reduced, one psum arrives. Otherwise two arrive: the second finds the first
    # (D reads 1), which its child got back. E then: 4 from MACs + 1 back; visits that start empty 2 - 1: 3 + 2 read.
    nest = [("D", ""), ("F", "C2", ""), ("E", "C2")]
    reduced = run(conv(C=4), nest)
    assert reduced.levels["D"]["psum"] == Traffic(0, 1)
    assert reduced.levels["E"]["psum"] == Traffic(4, 4)
    assert reduced.fan_outs["F"]["psum"] == Crossing(0, 1)
    separate = run(conv(C=4), nest, F={"reduces": False})
    assert separate.levels["D"]["psum"] == Traffic(1, 2)
    assert separate.levels["E"]["psum"] == Traffic(5, 5)
    assert separate.fan_outs["F"]["psum"] == Crossing(1, 0)


@pytest.mark.parametrize(
    ("outer", "inner", "arrivals", "hops"),
    [(True, True, 1, (1, 2)), (True, False, 2, (2, 0)), (False, True, 2, (0, 2)), (False, False, 4, (0, 0))],
)
def test_psums_over_two_fan_outs(outer: bool, inner: bool, arrivals: int, hops: tuple[int, int]) -> None:
    # Four c on 2 PEs x 2 lanes, nothing stored inside: four psums leave the MACs for one word of D.
    fan_outs = {"F": {"reduces": outer}, "L": {"reduces": inner}}
    accesses = run(conv(C=4), [("D", ""), ("F", "C2", ""), ("e", ""), ("L", "C2", "")], **fan_outs)
    assert accesses.levels["D"]["psum"] == Traffic(arrivals - 1, arrivals)
    assert accesses.fan_outs["F"]["psum"] == Crossing(arrivals - 1, hops[0])
    assert accesses.fan_outs["L"]["psum"] == Crossing(arrivals - 1, hops[1])
    assert accesses.levels["e"]["psum"] == Traffic(0, 0)


@pytest.mark.parametrize(
    ("outer", "inner", "reads", "delivered"), [("word", "word", 3, 4), ("word", "tile", 3, 4), ("none", "word", 8, 8)]
)
def test_multicast_over_two_fan_outs(outer: str, inner: str, reads: int, delivered: int) -> None:
    # 2 PEs (p) x 2 lanes (r) x 2 columns (k), one word each: input rows 0 1 | 1 2, twice. The weaker network decides.
    fan_outs = {"F": {"multicast": outer}, "L": {"multicast": inner}}
    accesses = run(conv(P=2, R=2, K=2), [("D", ""), ("F", "P2", ""), ("e", ""), ("L", "R2", "K2")], **fan_outs)
    assert accesses.levels["D"]["ifmap"].reads == reads
    assert accesses.fan_outs["F"]["ifmap"].delivered == delivered
    assert accesses.fan_outs["L"]["ifmap"].delivered == 8


def test_neighbours_over_one_dim_with_an_unrolled_fan_out_between() -> None:
    # p = 6*outer + 3*child + inner. The inner loop slides by one row, the outer jumps over the other child's rows to
    # where nothing is left of the window: per child 3+1+1 rows, twice.
    accesses = run(conv(P=12, R=3), [("D", "P2"), ("F", "P2", ""), ("G", "P3"), ("E", "R3")])
    assert accesses.levels["E"]["ifmap"] == Traffic(36, 2 * 2 * 5)
    # With a window of 7 rows the jump of 4 leaves 3: per child 7+1+1 rows, then 4+1+1.
    accesses = run(conv(P=12, R=7), [("D", "P2"), ("F", "P2", ""), ("G", "P3"), ("E", "R7")])
    assert accesses.levels["E"]["ifmap"] == Traffic(84, 2 * (9 + 6))


def test_a_ragged_last_block_decides_nothing() -> None:
    # Seven output rows, K2 between two P loops: in the last block the inner P has one trip left. j is P all the same,
    # so when k advances there, a whole tile is fetched again, as in any other block: (3+1) * 2 three times, 3 * 2.
    accesses = run(conv(P=7, R=3, K=2), [("D", "P4 K2 P2"), ("E", "R3")])
    assert accesses.levels["E"]["ifmap"].writes == 3 * 2 * (3 + 1) + 2 * 3


def test_a_mapping_must_cover_the_layer() -> None:
    with pytest.raises(MappingError, match="cover 4 of 5"):
        run(conv(P=5), [("D", "P2"), ("E", "P2")])


def transposed(case: Case) -> Case:
    """Height and width exchanged, throughout."""
    layer, swap = case.layer, lambda loops: tuple(replace(x, dim=TRANSPOSED[x.dim]) for x in loops)
    return Case(
        layer.with_(
            P=layer.Q, Q=layer.P, R=layer.S, S=layer.R, stride_h=layer.stride_w, stride_w=layer.stride_h,
            dilation_h=layer.dilation_w, dilation_w=layer.dilation_h,
        ),
        case.architecture,
        Mapping(
            tuple(
                replace(node, loops=swap(node.loops))
                if isinstance(node, Temporal)
                else replace(node, rows=swap(node.rows), cols=swap(node.cols))
                for node in case.mapping.nodes
            )
        ),
    )  # fmt: skip


def result(case: Case) -> Accesses:
    return simulate(case.layer, case.architecture, case.mapping)


def with_multicast(case: Case, mode: str) -> Case:
    hierarchy = (replace(x, multicast=mode) if isinstance(x, FanOut) else x for x in case.architecture.hierarchy)
    return replace(case, architecture=case.architecture.with_(hierarchy=tuple(hierarchy)))


few = settings(max_examples=40, deadline=None)


@few
@given(cases())
def test_every_mac_is_done_once_and_gets_its_words(case: Case) -> None:
    accesses = result(with_multicast(case, "none"))
    assert accesses.macs == case.layer.macs
    assert accesses.macs / case.architecture.mac_units <= accesses.steps <= accesses.macs
    for operand in ("ifmap", "weight"):
        innermost = [n.level for n in case.mapping.nodes if isinstance(n, Temporal) and operand in n.stores][-1]
        assert accesses.levels[innermost][operand].reads == accesses.macs


@few
@given(cases())
def test_every_psum_is_started_once_and_read_as_often_as_written_inside(case: Case) -> None:
    outermost, *inner = (accesses := result(case)).levels.values()
    assert outermost["psum"].writes - outermost["psum"].reads == case.layer.psum_words
    # Inside: reads = (arrivals - starts) + drained, writes = arrivals + read back, starts = drained - read back.
    for level in inner:
        assert level["psum"].reads == level["psum"].writes
    for name, node in zip(accesses.levels, (n for n in case.mapping.nodes if isinstance(n, Temporal)), strict=True):
        for operand in set(OPERANDS) - node.stores:
            assert accesses.levels[name][operand] == Traffic(0, 0)


@few
@given(cases())
def test_all_touched_words_leave_the_outermost_level(case: Case) -> None:
    outermost = next(iter(result(case).levels.values()))
    for operand in ("ifmap", "weight"):
        assert outermost[operand].reads >= case.layer.touched_words(operand)
        assert outermost[operand].writes == 0
    assert outermost["psum"].writes >= case.layer.psum_words


@few
@given(cases())
def test_sharing_more_reads_less_and_delivers_the_same(case: Case) -> None:
    word, tile, none = (result(with_multicast(case, mode)) for mode in ("word", "tile", "none"))
    for name in word.levels:
        for operand in OPERANDS:
            reads = [x.levels[name][operand].reads for x in (word, tile, none)]
            assert reads == sorted(reads)
            assert len({x.levels[name][operand].writes for x in (word, tile, none)}) == 1


@few
@given(cases())
def test_height_and_width_are_alike(case: Case) -> None:
    assert result(transposed(case)) == result(case)


@few
@given(cases())
def test_one_trip_loops_and_the_order_within_a_side_change_nothing(case: Case) -> None:
    def real(loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
        return tuple(loop for loop in loops if loop.trips > 1)

    nodes = (
        replace(node, loops=real(node.loops))
        if isinstance(node, Temporal)
        else replace(node, rows=real(node.rows)[::-1], cols=real(node.cols)[::-1])
        for node in case.mapping.nodes
    )
    assert result(replace(case, mapping=Mapping(tuple(nodes)))) == result(case)


@few
@given(cases())
def test_what_is_delivered_last_is_what_is_written(case: Case) -> None:
    """Over the fan-out right above a level that keeps an operand: words delivered are words written into it."""
    accesses = result(case)
    for fan_out, level in zip(case.mapping.nodes, case.mapping.nodes[1:], strict=False):
        if isinstance(fan_out, Spatial) and isinstance(level, Temporal):
            for operand in level.stores - {"psum"}:
                delivered = accesses.fan_outs[fan_out.fan_out][operand].delivered
                assert delivered == accesses.levels[level.level][operand].writes


def test_the_simulator_shares_nothing_with_the_closed_form() -> None:
    allowed = {"model.accesses", "model.mapping", "model.simulator.nest", "problem.dims", "problem.layer"}
    allowed |= {"architecture.architecture", "architecture.hierarchy"}
    for name in ("walk.py", "nest.py"):
        tree = ast.parse(Path(simulate.__code__.co_filename).with_name(name).read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert {module for module in imported if module.startswith("dse")} <= {f"dse.{module}" for module in allowed}
