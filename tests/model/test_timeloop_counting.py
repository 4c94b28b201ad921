"""Timeloop's counting in closed form against a walk by its rules, and where it parts from the house counting."""

import itertools
import random
from collections import Counter

import pytest
from model.timeloop_walk import walk

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.errors import DseError, MappingError
from dse.model.cost import evaluate
from dse.model.counting.counts import count
from dse.model.counting.timeloop import count_timeloop
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.problem.layer import Layer

ALL = frozenset(OPERANDS)


def random_case(rng):
    """A layer of up to some hundred MACs on three or four levels with up to two fan-outs, perfectly factored."""
    kinds = rng.choice(["LLL", "LLFL", "LFLFL", "LLFLL", "LFLL", "LLF", "LLFLF", "LLFFL", "LFFLF"])
    hierarchy = tuple(
        Level(f"L{i}", ALL) if kind == "L" else FanOut(f"F{i}", 8, 8, multicast="tile") for i, kind in enumerate(kinds)
    )
    loops = [[] for _ in kinds]
    bounds = dict.fromkeys(DIMS, 1)
    for _ in range(rng.randint(4, 7)):
        dim = rng.choice("GNKCPQRSPQRS")
        trips = rng.choice((2, 2, 3))
        node = rng.randrange(len(kinds))
        fits = kinds[node] == "L" or trips * size_of(loops[node]) <= 8
        if fits and bounds[dim] * trips <= 12:
            bounds[dim] *= trips
            loops[node].insert(rng.randint(0, len(loops[node])), Loop(dim, trips))
    nodes = []
    for i, kind in enumerate(kinds):
        if kind == "F":
            nodes.append(Spatial(f"F{i}", tuple(loops[i]), ()))
        else:
            kept = ALL if i == 0 else frozenset(o for o in OPERANDS if rng.random() < 0.8)
            nodes.append(Temporal(f"L{i}", tuple(loops[i]), kept))
            if i:
                hierarchy = (*hierarchy[:i], Level(f"L{i}", ALL, may_bypass=ALL), *hierarchy[i + 1 :])
    steps = {f"{what}_{axis}": rng.randint(1, 3) for what in ("stride", "dilation") for axis in "hw"}
    layer = Layer("random", **bounds, **steps)
    return layer, Architecture("random", hierarchy, Mac(1.0), 1e9), Mapping(tuple(nodes))


def size_of(loops):
    size = 1
    for loop in loops:
        size *= loop.trips
    return size


def test_the_closed_form_is_the_walk():
    rng = random.Random(20)
    seen = Counter()
    for number in range(800):
        layer, architecture, mapping = random_case(rng)
        counted = count_timeloop(layer, architecture, mapping)
        walked = walk(layer, mapping)
        names = [node.name for node in architecture.hierarchy]
        for (node, operand), found in walked.items():
            ours = counted.levels[names[node]][operand]
            for what in ("reads", "fills", "updates"):
                assert getattr(ours, what) == found[what], (number, names[node], operand, what, layer, mapping)
        house = count(layer, architecture, mapping).levels["L0"]["ifmap"].reads
        seen["differs from the house counting"] += house != counted.accesses().levels["L0"]["ifmap"].reads
        inner = {x.dim for node in mapping.nodes[:1] for x in node.loops}
        seen["P and R both step in the outermost list"] += {"P", "R"} <= inner
    assert seen["differs from the house counting"] >= 10
    assert seen["P and R both step in the outermost list"] >= 10


def small(*outer, stores=ALL, **layer):
    hierarchy = (Level("DRAM", ALL), Level("GLB", stores))
    nodes = (Temporal("DRAM", tuple(Loop(*x) for x in outer), ALL), Temporal("GLB", (), stores))
    return Layer("small", **layer), Architecture("small", hierarchy, Mac(1.0), 1e9), Mapping(nodes)


def test_a_filter_row_that_steps_back_as_far_as_the_output_steps_on_moves_nothing():
    """P steps by 2, and R has stepped from 0 to 2 by then: we fetch the word again, Timeloop finds it there."""
    layer, architecture, mapping = small(("P", 4), ("R", 3), P=4, R=3, stride_h=2)
    assert count_timeloop(layer, architecture, mapping).levels["DRAM"]["ifmap"].reads == 4 * 3 - 3
    assert count(layer, architecture, mapping).levels["DRAM"]["ifmap"].reads == 4 * 3


def fetched(outer, box, forgets):
    """Words of the tiles that some loops visit, each loop with its trips and its move (rows, columns, 0 0 for none).

    `forgets`: a step that moves nothing counts as a change of the movement.
    """
    words, before, last = 0, None, None
    for index in itertools.product(*(range(trips) for trips, _ in outer)):
        corner = tuple(sum(i * move[axis] for i, (_, move) in zip(index, outer, strict=True)) for axis in range(2))
        move = None if before is None else tuple(now - then for now, then in zip(corner, before, strict=True))
        before = corner
        if move == (0, 0):
            last = move if forgets else last
        elif move is not None and last in (None, move):
            last = move
            kept = [max(0, size - abs(step)) for size, step in zip(box, move, strict=True)]
            words += box[0] * box[1] - kept[0] * kept[1]
        else:
            last = None
            words += box[0] * box[1]
    return words


def test_steps_that_move_nothing_do_not_end_a_slide():
    """Timeloop's exercise design on a layer of 3 channels with stride 2: columns slide after the filters have stepped.

    Its model has counted so since January 2025 (`SaveAndSubtractIfSameStride`, "Translation fix"); before, each of the
    16 tiles was fetched whole.
    """
    layer, architecture, mapping = small(
        ("P", 8), ("Q", 2), ("K", 4), stores=frozenset({"ifmap"}), K=4, C=3, P=112, Q=112, R=3, S=3, stride_h=2,
        stride_w=2,
    )  # fmt: skip
    inside = Temporal(
        "GLB", tuple(Loop(*x) for x in (("P", 14), ("Q", 56), ("C", 3), ("R", 3), ("S", 3))), frozenset({"ifmap"})
    )
    mapping = Mapping((mapping.nodes[0], inside))
    loops = [(8, (28, 0)), (2, (0, 112)), (4, (0, 0))]
    found = count_timeloop(layer, architecture, mapping).levels["DRAM"]["ifmap"].reads
    assert found == 3 * fetched(loops, (29, 113), forgets=False) == 156_600
    assert 3 * fetched(loops, (29, 113), forgets=True) == 157_296 == 16 * 3 * 29 * 113


def test_reading_a_finished_psum_out_of_a_buffer_is_not_charged():
    layer, architecture, mapping = small(("K", 3), ("C", 2), K=3, C=2)
    glb = count_timeloop(layer, architecture, mapping).levels["GLB"]["psum"]
    assert (glb.reads, glb.fills, glb.updates) == (3, 0, 6)
    assert count(layer, architecture, mapping).levels["GLB"]["psum"].reads == 3 + 3


def test_imperfect_factors_are_refused():
    layer, architecture, mapping = small(("K", 3), K=2)
    with pytest.raises(MappingError, match="the loops over K cover 3 of 2"):
        count_timeloop(layer, architecture, mapping)


def test_an_unknown_counting_is_refused():
    layer, architecture, mapping = small(("K", 3), K=3)
    with pytest.raises(DseError, match="counting='maestro' is not house or timeloop"):
        evaluate(architecture, layer, mapping, counting="maestro")


def test_cycles_are_whole_and_the_longest_part():
    port = Port("read", frozenset((o, "read") for o in OPERANDS), 0.3)
    layer, architecture, mapping = small(("K", 3), K=3)
    slow = architecture.with_(hierarchy=(Level("DRAM", ALL, ports=(port,)), architecture.hierarchy[1]))
    cost = evaluate(slow, layer, mapping, counting="timeloop")
    assert cost.cycles == 14  # 3 weights and 1 ifmap word at 0.3 a cycle: 13.3
    assert cost.bound_by == "DRAM read"
    assert cost.reuse == ()


@pytest.mark.parametrize("word_bits", [8, 64])
def test_a_port_moves_as_many_elements_as_its_words_hold(word_bits):
    """Timeloop's exercise design after Eyeriss on a 3x3 layer: a buffer of 16 bytes a cycle, whatever its word."""
    both = frozenset({"ifmap", "psum"})
    glb_ports = [
        Port(way, frozenset((o, way) for o in OPERANDS), 128 / word_bits) for way in ("read", "write")
    ]  # fmt: skip
    pe_ports = [Port(f"{o} read", frozenset({(o, "read")}), rate) for o, rate in zip(OPERANDS, (2, 2, 4), strict=True)]
    architecture = Architecture(
        "eyeriss_like",
        (
            Level("DRAM", ALL),
            Level("GLB", both, word_bits=word_bits, ports=tuple(glb_ports)),
            FanOut("array", 12, 14, multicast="tile"),
            Level("PE", ALL, word_bits=8, ports=tuple(pe_ports)),
        ),
        Mac(1.0),
        1e9,
    )
    mapping = Mapping((
        Temporal("DRAM", (Loop("P", 8), Loop("Q", 2), Loop("K", 4)), ALL),
        Temporal("GLB", (Loop("P", 14), Loop("Q", 4)), both),
        Spatial("array", (Loop("C", 3), Loop("S", 3)), (Loop("Q", 14),)),
        Temporal("PE", (Loop("R", 3), Loop("K", 8)), ALL),
    ))  # fmt: skip
    layer = Layer("conv", K=32, C=3, P=112, Q=112, R=3, S=3, stride_h=2, stride_w=2, bits=PerOperand.same(8))
    assert evaluate(architecture, layer, mapping, counting="timeloop").cycles == 86_016  # Timeloop's own


def test_energy_adds_up():
    layer, architecture, mapping = random_case(random.Random(3))
    cost = evaluate(architecture, layer, mapping, counting="timeloop")
    assert cost.energy_pj == pytest.approx(sum(cost.energy_by_operand_pj.values()))
    assert cost.accesses.macs == layer.macs
