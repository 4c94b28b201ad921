"""Settings of a space to designs, and which spaces have boxes of designs that may be bounded."""

from math import inf

import pytest

from dse.explore.limits import Limits
from dse.explore.plan.plan import make_plan
from dse.explore.plan.resolver import Resolver
from dse.explore.plan.search import Search
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
    assert Resolver(load_architecture_spec(name), {}, ()).has_flat_shape(space) == boxed


@pytest.mark.parametrize(("placements", "limited"), [(("together",), False), (("together", "own"), True)])
def test_a_trial_has_a_limit_where_some_designs_are_the_deep_searchs(placements, limited):
    plan = make_plan("eyeriss", "alexnet", Search(trials=4), space={"levels.PE.placement": list(placements)})
    assert (float(plan.trial_s(Limits())) < inf) == limited
