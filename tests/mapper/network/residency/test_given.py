"""A run that a file gives is priced as the search priced it, and refused where it cannot be run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mapper.network.residency.test_result import chain

from dse.errors import DseError, MappingError
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.network.residency.given import run_as_given
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip

ARCHITECTURE = load_architecture_spec("eyeriss").resolve({})


@pytest.fixture(scope="module")
def found() -> Any:
    return keep_on_chip(ARCHITECTURE, chain(), NetworkGoal("energy"))


def nests(found: Any) -> dict[str, Any]:
    return {name: mapped.mapping for name, mapped, _ in found.layers}


def test_a_run_that_is_written_down_and_read_back_costs_the_same(found: Any) -> None:
    again = run_as_given(ARCHITECTURE, chain(), found.in_names, nests(found))
    assert again.energy_pj == pytest.approx(found.energy_pj, rel=1e-12)
    assert again.cycles == pytest.approx(found.cycles, rel=1e-12)
    assert again.in_names == found.in_names
    assert again.homes.keys() == found.homes.keys()
    assert (again.certificate, again.before) == (None, None)


def test_a_layer_without_a_mapping_is_named(found: Any) -> None:
    some = {name: nest for name, nest in nests(found).items() if name != "b"}
    with pytest.raises(DseError, match="there is none of b"):
        run_as_given(ARCHITECTURE, chain(), found.in_names, some)


def test_tensors_stay_in_the_level_that_keeps_them(found: Any) -> None:
    with pytest.raises(DseError, match="tensors stay in GLB, not in PE"):
        run_as_given(ARCHITECTURE, chain(), replace(found.in_names, level="PE"), nests(found))


def test_what_is_read_at_home_must_be_there(found: Any) -> None:
    gone = replace(found.in_names, tensors=tuple(one for one in found.in_names.tensors if one[0] != "b"))
    with pytest.raises(MappingError):
        run_as_given(ARCHITECTURE, chain(), gone, nests(found))


def test_a_level_that_is_too_small_holds_no_such_run(found: Any) -> None:
    small = load_architecture_spec("eyeriss").resolve({"levels.GLB.capacity": "1 KiB"})
    with pytest.raises(MappingError):
        run_as_given(small, chain(), found.in_names, nests(found))
