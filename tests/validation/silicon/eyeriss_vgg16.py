"""VGG16's CONV layers as the Eyeriss chip ran them: the network that nothing in `arch_specs/eyeriss_silicon.yaml` was
chosen by.

The paper does not print the mappings. Those here are of the chip's kind (`eyeriss.pass_mapping`): e, r and t
are such as keep the measured number of PEs at work; p and q those of which the measured buffer traffic and processing
latency are; and of all m filters and n images that fit the buffer, those that take the fewest words from DRAM.
"""

from __future__ import annotations

from functools import cache

from validation.silicon.eyeriss import Silicon, chip, compared, pass_mapping, rows

import dse
from dse.errors import MappingError
from dse.model.mapping import Mapping
from dse.problem.dims import PerOperand

BATCH = 3

PASSES = {
    "block1": {"e": 13, "p": 4, "q": 1, "r": 1, "t": 4}, "block2": {"e": 13, "p": 8, "q": 1, "r": 1, "t": 4},
    "block3": {"e": 13, "p": 16, "q": 2, "r": 1, "t": 4}, "block4": {"e": 14, "p": 16, "q": 4, "r": 1, "t": 4},
    "block5": {"e": 14, "p": 16, "q": 4, "r": 2, "t": 2},
}  # fmt: skip
"""By the part of the layers' names that they share."""


@cache
def silicon() -> tuple[Silicon, ...]:
    """All layers."""
    table = {row["layer"]: row for row in rows("jssc17_vgg16_measured.csv")}
    network = dse.load_workload("vgg16").with_batch(BATCH)
    names, found = list(table), []
    for at, name in enumerate(names):
        zeros = float(table[name]["zeros_in_ifmaps_pct"]) / 100
        # What is pooled before the next layer reads it has zeros of its own, which are not published.
        follows = names[at + 1] if at + 1 < len(names) and names[at + 1][:6] == name[:6] else ""
        dense = 1 - float(table[follows]["zeros_in_ifmaps_pct"]) / 100 if follows else 1.0
        layer = network.layer(name).with_(density=PerOperand(1 - zeros, 1.0, dense))
        found.append(compared(name, layer, mapping_of(layer), table[name]))
    return tuple(found)


def mapping_of(layer: dse.Layer) -> Mapping:
    """The mapping of a pass's kind with the fewest DRAM words."""
    known = PASSES[layer.name[:6]]
    fits = {}
    for filters in range(known["p"] * known["t"], layer.K + 1, known["p"] * known["t"]):
        for images in range(1, BATCH + 1):
            mapping = pass_mapping(layer, m=filters, n=images, **known)
            try:
                moved = dse.evaluate(chip(), layer, mapping).accesses.levels["DRAM"]
            except MappingError:
                continue
            fits[sum(traffic.reads + traffic.writes for traffic in moved.values())] = mapping
    return fits[min(fits)]
