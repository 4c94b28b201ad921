"""Evaluations are the same exactly when nothing that affects a result differs."""

import json

import pytest

from dse.explore.outcomes import identity as module
from dse.explore.outcomes.identity import identity, identity_text, networks_text

CHIP = {"clock_hz": 2e8, "levels": [{"name": "DRAM"}]}
LAYERS = [((1, 2, 3), 2), ((4, 5, 6), 1)]
NET = networks_text([LAYERS])
HOW = {"objective": "edp", "gap": 0.0}


def test_the_order_of_layers_and_of_keys_changes_nothing():
    turned = dict(reversed(CHIP.items()))
    assert identity(CHIP, NET, HOW) == identity(turned, networks_text([LAYERS[::-1]]), dict(reversed(HOW.items())))
    assert len(identity(CHIP, NET, HOW)) == 64


@pytest.mark.parametrize(
    "other",
    [
        ({**CHIP, "clock_hz": 1e8}, NET, HOW),
        (CHIP, networks_text([[(LAYERS[0][0], 3), LAYERS[1]]]), HOW),
        (CHIP, networks_text([LAYERS, LAYERS]), HOW),
        (CHIP, NET, {**HOW, "gap": 0.1}),
    ],
)
def test_everything_that_affects_a_result_does(other):
    assert identity(*other) != identity(CHIP, NET, HOW)


def test_another_model_gives_another_identity(monkeypatch):
    before = identity(CHIP, NET, HOW)
    assert json.loads(identity_text(CHIP, NET, HOW))["model"] == module.MODEL_VERSION
    monkeypatch.setattr(module, "MODEL_VERSION", module.MODEL_VERSION + 1)
    assert identity(CHIP, NET, HOW) != before


def test_the_text_is_json_with_sorted_keys_and_no_spaces():
    text = identity_text(CHIP, NET, HOW)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_infinity_is_no_identity():
    with pytest.raises(ValueError, match="JSON compliant"):
        identity_text(CHIP, NET, {"gap": float("inf")})
