"""Access counts of a mapping in closed form: what `dse.model.simulator.walk` finds by walking the loops.

The rules are those of `docs/model.md`: the loop rule for fills, unions for the reads of a parent, and arrivals,
read-back and drains for psums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.model.accesses import Accesses, Crossing, Traffic, added_up
from dse.model.counting.kernel import Floats, Ints
from dse.model.counting.nest import count_nest
from dse.model.counting.records import NONE, TILE, WORD, Counts, Hierarchy, IterationSpace, Nest, Scratch, new_counts
from dse.model.mapping import Mapping, Temporal
from dse.problem.dims import DIMS, OPERANDS, RELEVANT
from dse.problem.layer import Layer

RELEVANCE = np.array([[int(dim in RELEVANT[operand]) for dim in DIMS] for operand in OPERANDS], dtype=np.int64)
"""(3, 8): whether a dim indexes an operand."""

MULTICAST = {"none": NONE, "tile": TILE, "word": WORD}


@dataclass(frozen=True, slots=True)
class Structure:
    """The parts of a hierarchy that counts depend on, as arrays over its nodes.

    Parameters
    ----------
    is_fan_out, multicast, reduces : (nodes,) int64
    folds : (nodes, 8) float
        Cycles that a fold of a fan-out takes beside its steps: skew, and shifts of each operand; first those of folds
        that do not overlap, then those of folds that do.
    """

    is_fan_out: Ints
    multicast: Ints
    reduces: Ints
    folds: Floats

    @classmethod
    def of(cls, architecture: Architecture) -> Structure:
        nodes = architecture.hierarchy
        return cls(
            np.array([int(isinstance(node, FanOut)) for node in nodes], dtype=np.int64),
            np.array([MULTICAST[x.multicast] if isinstance(x, FanOut) else WORD for x in nodes], dtype=np.int64),
            np.array([int(x.reduces) if isinstance(x, FanOut) else 0 for x in nodes], dtype=np.int64),
            np.array([_folds(x) if isinstance(x, FanOut) else [0] * 8 for x in nodes], dtype=np.float64),
        )


def _folds(fan_out: FanOut) -> list[int]:
    cycles = [fan_out.skew_cycles, *(fan_out.shift_cycles(o) for o in OPERANDS)]
    return [*[0] * 4, *cycles] if fan_out.overlap else [*cycles, *[0] * 4]


@dataclass(frozen=True, slots=True)
class Count:
    """Everything the closed form finds about one nest.

    Parameters
    ----------
    nest : Nest
    space : IterationSpace
    words : Counts
    steps : int
        Compute steps.
    """

    nest: Nest
    space: IterationSpace
    words: Counts
    steps: int


def flatten(mapping: Mapping) -> Nest:
    """The flat nest of a mapping.

    Examples
    --------
    >>> from dse.model.mapping import Loop
    >>> outer = Temporal("DRAM", (Loop("K", 2), Loop("P", 1)), frozenset(OPERANDS))
    >>> nest = flatten(Mapping((outer, Temporal("GLB", (Loop("K", 3),), frozenset(OPERANDS)))))
    >>> nest.size, nest.trips.tolist(), nest.step.tolist(), nest.place.tolist()
    (2, [2, 3], [3, 1], [0, 1])
    """
    rows = [
        (DIMS.index(loop.dim), loop.trips, place, int(not isinstance(node, Temporal)))
        for place, node in enumerate(mapping.nodes)
        for loop in node.loops
        if loop.trips > 1
    ]
    n = len(rows)
    step = np.ones(n, dtype=np.int64)
    inside = [1] * len(DIMS)
    for i in range(n - 1, -1, -1):
        step[i] = inside[rows[i][0]]
        inside[rows[i][0]] *= rows[i][1]
    columns = np.array(rows, dtype=np.int64).reshape(n, 4).T
    dim, trips, place, spatial = (np.ascontiguousarray(column) for column in columns)
    return Nest(n, dim, trips, step, place, spatial)


def keeps_of(mapping: Mapping) -> Ints:
    """(nodes, 3): 1 where a level keeps an operand.

    Examples
    --------
    >>> outer, inner = Temporal("DRAM", (), frozenset(OPERANDS)), Temporal("GLB", (), frozenset({"ifmap"}))
    >>> keeps_of(Mapping((outer, inner))).tolist()
    [[1, 1, 1], [1, 0, 0]]
    """
    return np.array(
        [[int(isinstance(node, Temporal) and o in node.stores) for o in OPERANDS] for node in mapping.nodes],
        dtype=np.int64,
    )


def scratch_for(bounds: tuple[int, ...], children: int, loops: int) -> Scratch:
    """Working arrays for a layer, as many children and so many loops.

    Examples
    --------
    >>> scratch_for((1, 1, 1, 1, 6, 4, 3, 3), children=12, loops=5).positions_a.shape
    (7, 3)
    """
    counted, joined = (np.zeros(max(loops, 1), dtype=np.int64) for _ in range(2))
    positions_a, positions_b = (np.zeros((max(bounds[4:]) + 1, 3), dtype=np.int64) for _ in range(2))
    offsets_a, offsets_b, starts, ends = (np.zeros(children + 1, dtype=np.int64) for _ in range(4))
    tile = np.ones(8, dtype=np.int64)
    return Scratch(counted, joined, tile, positions_a, positions_b, offsets_a, offsets_b, starts, ends)


def window_of(layer: Layer) -> Ints:
    """(4,): stride_h, dilation_h, stride_w, dilation_w.

    Examples
    --------
    >>> window_of(Layer("conv", P=4, Q=4, R=3, S=3, stride_h=2, stride_w=1)).tolist()
    [2, 1, 1, 1]
    """
    return np.array([layer.stride_h, layer.dilation_h, layer.stride_w, layer.dilation_w], dtype=np.int64)


def count_mapping(layer: Layer, architecture: Architecture, mapping: Mapping) -> Count:
    """Run the closed form on a mapping; see `count` for the readable result.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> counted = count_mapping(layer, chip, mapping)
    >>> counted.steps, counted.words.levels[0].tolist()  # DRAM: ifmap, weight, psum, each read and written
    (6, [[6, 0], [6, 0], [0, 2]])
    """
    architecture = mapping.machine(architecture)
    structure = Structure.of(architecture)
    nest = flatten(mapping)
    space = IterationSpace(np.array(layer.bounds, dtype=np.int64), window_of(layer), RELEVANCE)
    hierarchy = Hierarchy(structure.is_fan_out, structure.multicast, structure.reduces, keeps_of(mapping))
    words = new_counts(len(architecture.hierarchy))
    scratch = scratch_for(layer.bounds, architecture.mac_units, nest.size)
    steps = count_nest(nest, space, hierarchy, scratch, words)
    return Count(nest, space, words, int(steps))


def count(layer: Layer, architecture: Architecture, mapping: Mapping) -> Accesses:
    """Count the words that every level and fan-out moves under a mapping.

    Parameters
    ----------
    layer : Layer
    architecture : Architecture
    mapping : Mapping
        Must pass `mapping.check(architecture, layer)`.

    Returns
    -------
    Accesses
        In elements of each operand, summed over instances.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> counted = count(layer, chip, mapping)
    >>> counted.steps, counted.levels["DRAM"]["weight"]
    (6, Traffic(reads=6, writes=0))
    """
    return readable(layer, mapping.machine(architecture), count_mapping(layer, architecture, mapping))


def readable(layer: Layer, architecture: Architecture, counted: Count) -> Accesses:
    """Counts by name.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> readable(layer, chip, count_mapping(layer, chip, mapping)).levels["DRAM"]["ifmap"]
    Traffic(reads=6, writes=0)
    """
    levels: list[tuple[str, dict[str, Traffic]]] = []
    finished: list[tuple[str, dict[str, Traffic]]] = []
    fan_outs: dict[str, dict[str, Crossing]] = {}
    for i, node in enumerate(architecture.hierarchy):
        if isinstance(node, Level):
            rows = counted.words.levels[i].tolist()
            levels.append((node.whole, {o: Traffic(*row) for o, row in zip(OPERANDS, rows, strict=True)}))
            done = int(counted.words.finished[i])
            finished.append((node.whole, {"psum": Traffic(done if i else 0, done)}))
        else:
            rows = counted.words.fans[i].tolist()
            fan_outs[node.name] = {o: Crossing(*row) for o, row in zip(OPERANDS, rows, strict=True)}
    done_by = {name: row["psum"] for name, row in added_up(finished).items()}
    return Accesses(counted.steps, layer.macs, added_up(levels), fan_outs, done_by)
