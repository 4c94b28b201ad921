"""A case of `timeloop_counts.jsonl` as a layer, an architecture and a mapping of ours.

A line of that file gives a problem by the projections of its tensors, levels from the inside out, a loop nest from the
outside in (a spatial loop with level L is the fan-out below L), and what each level keeps.
"""

from dataclasses import dataclass
from math import ceil

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

TENSORS = {"ifmap": "Inputs", "weight": "Weights", "psum": "Outputs"}

FREE = {("ifmap", "psum"): "NPQ", ("ifmap", "weight"): "CRS", ("weight", "psum"): "K", ("ifmap", "weight", "psum"): "G"}
"""Our dims for a dim of the case, by the tensors that it indexes; a further dim of a kind takes the next letter."""


@dataclass(frozen=True)
class Case:
    name: str
    layer: Layer
    architecture: Architecture
    mapping: Mapping
    expected: dict
    levels: tuple  # as in the file, innermost first


def read_case(plain):
    """The case of one line."""
    sizes, strides, names = problem(plain)
    layer = Layer(plain["id"], **sizes, **strides)
    outer_first = plain["arch"]["levels_inner_to_outer"][::-1]
    keep = {name: frozenset(o for o in OPERANDS if TENSORS[o] in kept) for name, kept in plain["keep"].items()}
    inside = [*outer_first[1:], plain["arch"]["mac"]]
    hierarchy, nodes = [], []
    for level, below in zip(outer_first, inside, strict=True):
        name = level["name"]
        loops = [(x, Loop(names[x["dim"]], x["factor"])) for x in plain["loopnest"] if x["level"] == name]
        hierarchy.append(storage(level, keep[name]))
        nodes.append(Temporal(name, tuple(loop for x, loop in loops if x["kind"] == "temporal"), keep[name]))
        children = below["instances"] // level["instances"]
        if children > 1:
            cols = min(children, below.get("meshX", children) // level.get("meshX", 1))
            rows, columns = (
                tuple(loop for x, loop in loops if x["kind"] == "spatial" and x["axis"] == axis) for axis in "YX"
            )
            hierarchy.append(FanOut(f"below {name}", children // cols, cols, multicast="tile"))
            nodes.append(Spatial(f"below {name}", rows, columns))
    mac = Mac(energy_pj=plain["arch"]["mac"]["energy"])
    architecture = Architecture("case", tuple(hierarchy), mac, clock_hz=1e9)
    levels = tuple(plain["arch"]["levels_inner_to_outer"])
    return Case(plain["id"], layer, architecture, Mapping(tuple(nodes)), plain["expected"], levels)


def problem(plain):
    """Sizes and strides by our names, and our name of each dim of the case, read off the projections."""
    coefficients = plain["coefficients"]
    names, strides = {}, {}
    for expression in plain["tensors"]["Inputs"]["projection"]:
        if len(expression) == 2:
            axis = "H" if "P" not in names.values() else "W"
            outputs = dims_of(plain, "psum")
            (output,) = (term for term in expression if term[0] in outputs)
            (tap,) = (term for term in expression if term[0] not in outputs)
            names[output[0]], names[tap[0]] = ("P", "R") if axis == "H" else ("Q", "S")
            strides[f"stride_{axis.lower()}"] = coefficients[output[1]] if len(output) > 1 else 1
            strides[f"dilation_{axis.lower()}"] = coefficients[tap[1]] if len(tap) > 1 else 1
    for dim in plain["dims"]:
        if dim not in names:
            indexed = tuple(o for o in OPERANDS if dim in dims_of(plain, o))
            names[dim] = next(letter for letter in FREE[indexed] if letter not in names.values())
    return {names[dim]: size for dim, size in plain["dims"].items()}, strides, names


def dims_of(plain, operand):
    """The dims of the case that index an operand."""
    return {term[0] for row in plain["tensors"][TENSORS[operand]]["projection"] for term in row}


WAYS = {"read": ("read",), "write": ("write",), "shared": ("read", "write")}
"""Timeloop's bandwidths of a level, each of all tensors together, and what they serve."""


def storage(level, kept):
    """A level; its energies are only what the fills cost where Timeloop tells fills and updates apart."""
    ports = [
        Port(name, frozenset((o, way) for o in OPERANDS for way in ways), level[f"{name}_bandwidth"])
        for name, ways in WAYS.items()
        if f"{name}_bandwidth" in level
    ]
    return Level(
        level["name"],
        kept,
        capacity_bits=None if level.get("dram") else 16 * level["entries"],
        read_energy_pj=PerOperand.same(level["energy"]["read"]),
        write_energy_pj=PerOperand.same(level["energy"]["fill"]),
        ports=tuple(ports),
        buffering="double" if level.get("multiple_buffering", 1) == 2 else "streaming",
    )


def ours(counted):
    """Our counts by level and operand."""
    return {(level, o): t.to_dict() for level, row in counted.levels.items() for o, t in row.items()}


def theirs(case):
    """Timeloop's counts in the same form."""
    return {
        (level, operand): {key: row[name][key] for key in ("instances", "tile_words", "reads", "fills", "updates")}
        for level, row in case.expected["levels"].items()
        for operand, name in TENSORS.items()
        if name in row
    }


def energy_pj(case, counted):
    """With Timeloop's three prices per level and its access blocks, which our levels do not tell apart."""
    energy = float(counted.macs)
    for level in case.levels:
        for traffic in counted.levels[level["name"]].values():
            for words, what in ((traffic.reads, "read"), (traffic.fills, "fill"), (traffic.updates, "update")):
                energy += ceil(words / level.get("block_size", 1)) * level["energy"][what] * traffic.instances
    return energy


def has_network_energy(case):
    """Whether Timeloop's energy has a term for hops, which the file does not give."""
    return any("energy_per_hop" in level for level in case.levels)
