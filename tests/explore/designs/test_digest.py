"""What tells architectures apart that map in different ways."""

from dataclasses import replace

from dse.explore.designs.clock import mapping_digest
from dse.formats.architecture.load import load_architecture_spec


def test_areas_make_no_difference_and_prices_do():
    spec = load_architecture_spec("eyeriss")
    own = spec.architecture
    wider = own.with_(hierarchy=tuple(replace(node, area_mm2=node.area_mm2 + 1.0) for node in own.hierarchy))
    assert mapping_digest(wider) == mapping_digest(own)
    assert mapping_digest(spec.resolve({"levels.DRAM.energy": "100 mac"})) != mapping_digest(own)
