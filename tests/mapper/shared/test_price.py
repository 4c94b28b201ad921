"""What searches take as the price of a nest is what the model says of the mapping."""

import numpy as np
import pytest
from model.cases import random_case

from dse.mapper.shared.price import PriceRoom, Rates, new_scratch, price_loops
from dse.model.cost import evaluate
from dse.model.counting.counts import RELEVANCE, Structure, flatten, keeps_of, window_of
from dse.model.counting.records import Hierarchy, IterationSpace, Spent, Timing, new_counts
from dse.model.price import price


@pytest.mark.parametrize("seed", range(30))
def test_the_price_of_a_nest_is_that_of_its_mapping(seed):
    case = random_case(seed)
    layer, architecture, mapping = case.layer, case.architecture, case.mapping
    structure, prices, nest = Structure.of(architecture), price(architecture, layer), flatten(mapping)
    hierarchy = Hierarchy(structure.is_fan_out, structure.multicast, structure.reduces, keeps_of(mapping))
    timing = Timing(
        prices.buffering, prices.port_node, prices.port_cost, prices.port_saved, prices.port_joins, structure.folds
    )  # fmt: skip
    rates = Rates(
        prices.access_pj, prices.saved_pj, prices.fan_pj, layer.macs * prices.mac_pj, prices.static_pj, prices.spared_pj
    )  # fmt: skip
    scratch = new_scratch(max(nest.size, 1), max(layer.bounds[4:]), architecture.mac_units)
    spent = Spent(np.zeros(6), np.zeros(len(timing.port_node)))
    room = PriceRoom(scratch, new_counts(len(architecture.hierarchy)), spent)
    point = np.zeros(2)
    price_loops(
        nest, IterationSpace(np.array(layer.bounds), window_of(layer), RELEVANCE), hierarchy, timing, rates, room, point
    )  # fmt: skip
    cost = evaluate(architecture, layer, mapping)
    assert point == pytest.approx((cost.energy_pj, cost.cycles / prices.cycles_per_step))
