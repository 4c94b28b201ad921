"""Settings of a space to designs, and which spaces have boxes of designs that may be bounded."""

import pytest

from dse.explore.plan.resolver import Resolver
from dse.formats.architecture.load import load_architecture_spec


@pytest.mark.parametrize(
    ("name", "space", "boxed"),
    [
        ("eyeriss", {"levels.GLB.capacity": (65536, 131072), "dataflow": ("row-stationary",)}, True),
        ("eyeriss", {"levels.PE.placement": ("together", "own")}, False),
        ("eyeriss", {"levels.PE.placement": ("together",)}, True),
        ("edge_npu", {"array.rows": (8, 16)}, False),
    ],
)
def test_boxes_have_bounds_where_all_designs_are_the_flat_searchs(name, space, boxed):
    assert Resolver(load_architecture_spec(name), {}, ()).bounds_boxes(space) == boxed
