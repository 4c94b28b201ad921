"""Machines of random sweeps beyond the common ones: tensors kept on chip, depths of their own, three levels on chip."""

import random

from explore.proof.random_sweeps import FLOWS, LIMITS, SETS, Case, network_of, space_of

KEEPS = """\
architecture: keeps
technology: {{table: {table}, node: {node} nm, clock: 200 MHz}}
levels:
  DRAM: {{bandwidth: {rate} word/cycle, energy: {dram} pJ}}
  GLB: {{capacity: {glb}, on_chip: {onchip}, bandwidth: {port} word/cycle{buffering}}}
  array: {{rows: {rows}, cols: {cols}, multicast: word, reduces: psum{skew}}}
  PE: {{capacity: {{ifmap: 12 word, weight: {weight} word, psum: {psum} word}}}}
mac: {{clock_power: {power} mW, static_power: {static} mW}}
static_power: {static} mW
fuses: {fuses}
dataflow: {flow}
"""

KEEPS_DEEP = """\
architecture: keeps_deep
technology: {{table: cmos-16nm, clock: 800 MHz}}
precision: {{ifmap: 8, weight: 8, psum: 32}}
levels:
  DRAM: {{bandwidth: {rate} GB/s, dram: lpddr4}}
  L2: {{capacity: {glb}, bandwidth: 16 word/cycle, on_chip: {onchip}}}
  cores: {{rows: 1, cols: 2, multicast: tile, reduces: none, energy: 0.5 pJ, dims: [G, N, K, P]}}
  L1: {{capacity: 256 B}}
  lanes: {{rows: 1, cols: 2, multicast: word, reduces: psum, energy: 0.02 pJ, dims: [C, K]}}
fuses: {fuses}
dataflow: {{name: small, rows: [G, N, K, P], cols: [G, N, K, P]}}
"""

OWN = """\
architecture: own
technology: {{table: {table}, node: {node} nm, clock: 200 MHz}}
levels:
  DRAM: {{bandwidth: {rate} word/cycle, energy: {dram} pJ}}
  GLB: {{capacity: {glb}, stores: [ifmap, psum]}}
  array: {{rows: {rows}, cols: {cols}, multicast: word, reduces: psum}}
  PE: {{capacity: {{ifmap: 3 word, weight: {weight} word, psum: {psum} word}}, placement: own}}
mac: {{static_power: {static} mW}}
dataflow: {flow}
"""

THREE = """\
architecture: three
technology: {{table: cmos-28nm, clock: 500 MHz}}
word_bits: 8
levels:
  DRAM: {{bandwidth: {rate} GB/s, dram: lpddr4}}
  L3: {{capacity: 1 KiB}}
  L2: {{capacity: {glb}, may_bypass: [weight]}}
  array: {{rows: 1, cols: {cols}, multicast: word, reduces: psum, energy: 0.05 pJ}}
  RF: {{capacity: 16 B}}
static_power: {static} mW
dataflow: {{name: some, rows: [K, C], cols: [K, P]}}
"""

FLAT_SETTINGS = {
    "dataflow": FLOWS, "levels.array.rows": [1, 2, 3], "levels.array.cols": [1, 2, 4],
    "levels.GLB.capacity": ["96 B", "256 B", "512 B"], "levels.PE.capacity.weight": ["1 word", "9 word"],
    "levels.DRAM.bandwidth": ["0.25 word/cycle", "4 word/cycle"], "technology.voltage": ["0.8 V", "1 V"],
    "levels.GLB.buffering": ["streaming", "double"], "technology.node": ["65 nm", "45 nm"], "word_bits": [8, 16],
}  # fmt: skip

DEEP_SETTINGS = {
    "levels.cores.cols": [1, 2], "levels.lanes.cols": [1, 2], "levels.L2.capacity": ["128 B", "256 B", "1 KiB"],
    "levels.DRAM.bandwidth": ["1 GB/s", "4 GB/s"],
}  # fmt: skip

KINDS = {
    "keeps": (KEEPS, {**FLAT_SETTINGS, "levels.GLB.on_chip": ["auto", "never"]}, 12),
    "keeps deep": (KEEPS_DEEP, {**DEEP_SETTINGS, "levels.L2.on_chip": ["auto", "never"]}, 4),
    "own": (OWN, {name: FLAT_SETTINGS[name] for name in FLAT_SETTINGS if name not in ("dataflow", "word_bits")}, 6),
    "three": (THREE, {"levels.L3.capacity": ["128 B", "1 KiB"], "levels.L2.capacity": ["64 B", "256 B"],
                      "levels.DRAM.bandwidth": ["1 GB/s", "4 GB/s"], "levels.array.cols": [1, 2]}, 4),
    "flat": (KEEPS, FLAT_SETTINGS, 12),
}  # fmt: skip
"""By kind: the machine, its settings, and designs of a space at most."""


def case_of(seed, kind):
    """A sweep of machines of a kind; within limits on either side."""
    draw = random.Random(f"{kind} {seed}")
    text, settings, most = KINDS[kind]
    table, node = draw.choice([("eyeriss-isca16", 65), ("cmos-28nm", 28), ("cmos-65nm", 65)])
    parts = {
        "rate": [1, 4], "dram": [20, 200, 1000], "glb": ["256 B", "1 KiB"], "port": [1, 4],
        "buffering": ["", ", buffering: double"], "rows": [1, 2], "cols": [1, 2], "skew": ["", ", skew: 1"],
        "weight": [1, 9], "psum": [1, 8], "power": [0, 1], "static": [0, 0.3], "flow": FLOWS,
        "fuses": ["[]", "[activation, pool, add]", "[pool, concat]"],
        "onchip": ["never"] if kind == "flat" else ["auto"],
    }  # fmt: skip
    if table == "eyeriss-isca16":
        settings = {name: of for name, of in settings.items() if name != "technology.node"}
    text = text.format(table=table, node=node, **{name: draw.choice(of) for name, of in parts.items()})
    deep = kind in ("keeps deep", "own", "three")
    several = not deep and draw.random() < 0.3
    objectives = draw.choice(SETS)
    keywords = {
        "trials": draw.choice([1, 3, 8, 60]), "seed": draw.randrange(4), "objectives": objectives,
        "weights": {"one": draw.choice([0.5, 2, 3])} if several and draw.random() < 0.5 else {},
        "gap": draw.choice([0.0, 0.01, 0.1, 0.5]),
        "combine": draw.choice(["sum", "geomean", "worst"]) if several else "sum",
        "space": space_of(draw, settings, most), "prove_s": draw.choice([None, 600.0, 600.0]),
        "bits": draw.choice([None, None, {"weight": 8, "psum": 24}]), "resident": kind.startswith("keeps"),
    }  # fmt: skip
    names = draw.sample(list(LIMITS), draw.choice([1, 1, 2])) if draw.random() < 0.5 else []
    networks = [network_of(draw, name, kind != "flat") for name in ("one", "two")[: 1 + several]]
    return Case(
        text, networks, keywords, [(name, draw.random(), draw.choice(["max", "max", "min"])) for name in names],
        draw.random() < 0.15, draw.random() < 0.3, draw.choice([3, 64]),
        draw.choice([(4, 128), (100, 2), (100, 128)]), draw.choice([0, 2, 8, 40, None]),
    )  # fmt: skip
