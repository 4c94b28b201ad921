"""How soon first mappings are found: what is read off a search."""

from __future__ import annotations

import pytest
from benchmarks.first_mapping import HEADER, First, cells, found_in

from dse import Layer


def test_the_first_mapping_and_the_first_near_the_best_are_told_apart() -> None:
    found = First.of([(0.002, 30.0), (0.004, 10.4), (0.009, 10.0)], 10.0)
    assert (found.first_s, found.near_s, found.above) == (0.002, 0.004, 2.0)


def test_a_row_has_shares_of_layers() -> None:
    row = cells("edge_npu", [First(0.002, 0.004, 2.0), First(0.006, 0.006, 0.01)])
    assert len(row) == len(HEADER)
    assert row[:7] == ("edge_npu", "2", "4.0 ms", "100.5%", "200%", "50%", "50%")


@pytest.mark.gate
def test_mappings_get_better() -> None:
    found = found_in("nvdla_small", Layer("small", K=16, C=8, P=6, Q=6, R=3, S=3))
    assert found == sorted(found)
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)
