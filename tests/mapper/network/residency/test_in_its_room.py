"""Where next tiles come ahead if there is room for them, a run is priced in the room that its tensors leave."""

from __future__ import annotations

import pytest
from mapper.network.residency.small_networks import ALL, WORD
from mapper.network.residency.test_result import chain

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level, Port
from dse.mapper.network.residency.asking import buffers_by_room, in_its_room
from dse.mapper.network.residency.given import run_as_given
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip
from dse.problem.dims import PerOperand


def machine(words: int) -> Architecture:
    """A slow outermost level, so that it matters which tiles come ahead, and room for so many words on chip."""
    ports = (Port("shared", frozenset((o, way) for o in ALL for way in ("read", "write")), 1.0),)
    outer, inner = PerOperand.same(40.0), PerOperand.same(3.0)
    each: PerOperand[int | None] = PerOperand(WORD, WORD, WORD)
    return Architecture(
        "by room",
        (
            Level("DRAM", ALL, ports=ports, read_energy_pj=outer, write_energy_pj=outer),
            Level("GLB", ALL, capacity_bits=WORD * words, buffering="room", on_chip=True, read_energy_pj=inner,
                  write_energy_pj=inner),
            Level("PE", ALL, partition_bits=each),
        ),
        Mac(1.0), 1e9,
    )  # fmt: skip


@pytest.mark.parametrize("words", [12, 16, 20, 24, 28])
@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_a_run_costs_what_its_layers_cost_in_their_room_and_is_read_back_so(words: int, gap: float) -> None:
    architecture, network = machine(words), chain(1)
    run = keep_on_chip(architecture, network, NetworkGoal("energy", gap))
    assert run.kept
    assert run.certificate is not None
    assert run.totals == pytest.approx((run.energy_pj, run.cycles), rel=1e-12)
    assert run.certificate.value == pytest.approx(run.energy_pj, rel=1e-12)
    assert all(min(run.choice.free(run.setting, i)) >= 0 for i in range(len(run.setting.graph.steps)))
    nests = {name: mapped.mapping for name, mapped, _ in run.layers}
    again = run_as_given(architecture, network, run.in_names, nests)
    assert (again.energy_pj, again.cycles) == pytest.approx((run.energy_pj, run.cycles), rel=1e-12)
    assert [moment.tiles for moment in again.timeline] == [moment.tiles for moment in run.timeline]


def test_a_choice_in_its_room_stays_as_it_is() -> None:
    run = keep_on_chip(machine(28), chain(1), NetworkGoal("latency"))
    assert buffers_by_room(run.setting.architecture)
    again = in_its_room(run.setting, run.choice)
    assert [one and one.bits for one in again.columns] == [one and one.bits for one in run.choice.columns]
