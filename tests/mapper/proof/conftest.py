"""A proof that the tests of proofs share; whoever damages it takes a copy."""

from __future__ import annotations

import json
from typing import Any

import pytest

import dse
from dse.mapper.proof.write import prove

LAYER = dse.Layer("conv", K=12, C=6, P=7, Q=7, R=3, S=3)


@pytest.fixture(scope="package")
def proof() -> dict[str, Any]:
    return json.loads(json.dumps(prove(dse.load_architecture("simba_pe"), LAYER, "energy")))
