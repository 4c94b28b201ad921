"""How many mappings there are."""

from __future__ import annotations

import pytest

from dse import Layer, load_architecture
from dse.mapper.deep import sizes
from dse.mapper.deep.sizes import size_of


def test_mappings_of_more_dims_and_levels_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no room for any other split, one of each dim is left, in all orders."""
    gemmini = load_architecture("gemmini")
    one, two = (size_of(gemmini, Layer("some", K=2, C=c), "all") for c in (1, 2))
    assert two > 4 * one > 4
    monkeypatch.setattr(sizes, "count_chains", lambda *_, **__: 1)
    assert size_of(gemmini, Layer("more", K=6, C=6), "all") == 2.0 ** len(gemmini.levels)
