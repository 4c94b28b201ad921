"""How many lists repeat a crossing's transfers, by what is laid down about them."""

from itertools import pairwise, product

import numpy as np
import pytest
from mapper.deep.bounds.test_returning import nothing_known

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums.columns import ONCE, Pool, places_of, run_of, words_of
from dse.mapper.deep.lists import NO_TRIPS, ListChoice, kinds, nothing_of
from dse.mapper.deep.splits.halo import Slide
from dse.mapper.shared.incumbent import EDP
from dse.problem.dims import IFMAP, PSUM, WEIGHT, P, Q

KINDS = {choice.kind: choice for choice in kinds()}
NPU3 = "tests/benchmarks/specs/npu3.yaml"


@pytest.mark.parametrize(
    ("operand", "child", "choices", "run"),
    [
        (WEIGHT, 3, (), (3, ())),  # the MACs receive everything at every step
        (WEIGHT, 2, (None, None), (0, ())),  # nothing is known, and weights slide on nothing
        (IFMAP, 2, (None, None), (0, (P, Q))),
        (WEIGHT, 2, (None, ListChoice(PSUM)), (2, ())),  # the inner list moves weights
        (WEIGHT, 2, (ListChoice(PSUM), ListChoice(WEIGHT)), (1, ())),  # the inner list's innermost loops do not
        (WEIGHT, 2, (ListChoice(PSUM), ListChoice(WEIGHT, passing=True)), (1, ())),  # none of its loops does
        (WEIGHT, 2, (ListChoice(PSUM), ListChoice(NO_TRIPS)), (1, ())),
        (IFMAP, 2, (ListChoice(PSUM), ListChoice(WEIGHT, slide=Q)), (2, (Q,))),
        (PSUM, 1, (ListChoice(WEIGHT, slide=P), None), (1, ())),
        (WEIGHT, 2, (ListChoice(PSUM), KINDS[WEIGHT]), (1, ())),  # it may have none of its loops
        (WEIGHT, 2, (None, KINDS[WEIGHT]), (0, ())),
        (WEIGHT, 2, (None, KINDS[PSUM]), (2, ())),
        (IFMAP, 2, (None, KINDS[PSUM]), (2, (P, Q))),  # it may slide on either
        (IFMAP, 2, (ListChoice(PSUM, slide=Q), KINDS[IFMAP]), (1, (P, Q))),
    ],
)
def test_a_run_ends_at_the_innermost_list_that_moves_the_operand(operand, child, choices, run):
    lists, slides = run_of(operand, child, 3, choices)
    assert (lists, tuple(axis for axis, _ in slides)) == run


BOTH = ListChoice(IFMAP, slide=P)


@pytest.mark.parametrize(
    ("choices", "slides"),
    [
        ((None,), ((0, 0, 0, False), (1, 0, 0, False))),  # over either dim, if at all
        ((None, KINDS[IFMAP]), ((0, 0, 1, False), (1, 0, 1, False))),  # or over one of the list outside
        ((None, KINDS[WEIGHT]), ((0, 0, 1, True),)),
        ((None, KINDS[PSUM]), ((1, 0, 1, True),)),
        ((None, ListChoice(WEIGHT, P)), ((0, 1, 1, True),)),  # the list has another loop outside that over P
        ((None, ListChoice(PSUM, P, passing=True)), ((1, 0, 1, True),)),  # it may have none
        ((None, BOTH), ((0, 0, 1, True), (1, 0, 1, True))),
        ((KINDS[WEIGHT], BOTH), ((0, 0, 1, True), (1, 1, 1, True))),  # with a loop over P innermost outside
        ((KINDS[IFMAP], BOTH), ((0, 1, 1, True), (1, 1, 1, True))),  # with one over K
        ((ListChoice(WEIGHT, Q), ListChoice(WEIGHT, P, passing=True)), ((0, 1, 1, True),)),  # with one over Q
        ((None, ListChoice(WEIGHT, P), BOTH), ((0, 1, 2, True), (1, 2, 2, True))),  # up to the other loop there
        ((None, ListChoice(WEIGHT, P, passing=True), BOTH), ((0, 0, 2, True), (1, 2, 2, True))),
        ((ListChoice(WEIGHT, P), ListChoice(NO_TRIPS), BOTH), ((0, 0, 2, True), (1, 2, 2, True))),
        ((ListChoice(WEIGHT, P), ListChoice(IFMAP, passing=True)), ((0, 0, 0, True),)),  # inside it stays
    ],
)
def test_a_slide_goes_on_where_no_other_loop_stands_between(choices, slides):
    assert dict(run_of(IFMAP, len(choices), 4, choices)[1])[P] == slides


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("name", [NPU3, "edge_npu", "eyeriss"])
def test_tiles_without_a_window_have_no_words_in_common(name, stride):
    """However the ifmap slides, as many words cross as are in all tiles; larger tiles have no fewer."""
    machine = load_architecture(name)
    layer = machine.lowered(Layer("l", K=4, C=4, P=12, Q=9, stride_h=stride, stride_w=stride))
    (space, *_) = spaces_of(machine, layer, "all")[1]
    for crossing, one in enumerate(space.crossings):
        if one.operand != IFMAP or one.child == 0:
            continue
        slides = dict(space.words.run(crossing, nothing_of(space.problem))[1])
        for a in (P, Q):
            axis, joined = space.axes[a], one.views[0] & ~one.views[-1]
            key = ("boxes", one.child, joined, one.mode)
            whole = axis.column((*key, ()))
            anywhere = axis.column((*key, (Slide(0, 0, one.child - 1, False), Slide(1, 0, one.child - 1, False))))
            assert np.array_equal(axis.table(plain=True)[whole], axis.table(plain=True)[anywhere])
            words, tiles = axis.table(plain=True)[whole], axis.tile(one.child, 0)
            if stride == 1:
                assert slides[a] == ONCE
                assert (words == axis.bounds[0]).all()
            elif one.views[0] == 0:
                assert slides[a] == ()
                least = [words[tiles == tile].min() for tile in sorted(set(tiles.tolist()))]
                most = [words[tiles == tile].max() for tile in sorted(set(tiles.tolist()))]
                assert all(before <= after for before, after in pairwise(least))
                assert least == most
                assert least[0] < least[-1]


def test_a_stride_without_a_window_raises_the_bound_of_a_whole_space():
    """Words between those that are used cross with tiles of several pixels, and the bound has them."""
    machine = load_architecture(NPU3)
    layer = machine.lowered(Layer("l", K=128, C=256, P=28, Q=28, stride_h=2, stride_w=2))
    space = spaces_of(machine, layer, "all")[1][0]
    once = Pool(space.crossings, space.axes, space.words.levels)
    once._apart.clear()  # whatever the tile, each word that is used counts once
    found = [root_of(one, nothing_known(one, EDP)) for one in (space, space.but(words=once, known={}, weights={}))]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].bound > found[1].bound + 0.01


def columns_by_hand(space: Space, choices: tuple[ListChoice | None, ...]) -> tuple[list[float], list[list[int]]]:
    """Coefficients and columns of a space's terms, from nothing that is kept."""
    places = places_of(space.terms, space.axes)
    logs, first = places.logs.tolist(), places.first.tolist()
    for t, term in enumerate(space.terms):
        if term.crossing >= 0:
            one = space.crossings[term.crossing]
            columns, scales = words_of(one, space.axes, space.words.run(term.crossing, choices))
            logs[t], first[t] = logs[t] + scales[term.view], columns[term.view].tolist()
    return logs, first


def test_kindred_spaces_have_columns_of_their_own_coefficients():
    edge = load_architecture("edge_npu")
    layer = edge.lowered(Layer("l", K=16, C=24, P=7, Q=7, R=3, S=3))
    some = [space for one in spaces_of(edge, layer, "all")[1] for space in (one, *one.parts)]
    assert len({space.places.logs.tobytes() for space in some}) > 1
    nothing = nothing_of(some[0].problem)
    open_lists = [level for level, choice in enumerate(nothing) if choice is None]
    for space, choice, level in product(some, kinds(), open_lists):
        laid = (*nothing[:level], choice, *nothing[level + 1 :])
        logs, first = columns_by_hand(space, laid)
        kin, at = space.kin(nothing, level, kinds()), kinds().index(choice)
        assert kin.choices[at] == laid
        for mine, columns in (space.columns(laid)[:2], (kin.logs[at], kin.first[at])):
            assert mine.tolist() == logs
            assert np.array_equal(columns, first)
