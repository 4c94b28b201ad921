"""What is kept for all layers of an architecture is each layer's own where layers differ."""

import numpy as np
import pytest

from dse.architecture.hierarchy import FanOut
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat import build as module
from dse.mapper.flat.build import build
from dse.mapper.flat.instance import INSTANCE, Roles
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import price
from dse.problem.layer import Layer

SPEC = load_architecture_spec("eyeriss")
DEEP = Layer("conv", K=12, C=7, P=9, Q=9, R=3, S=3)
LAYERS = [
    DEEP,
    DEEP.with_(C=5, stride_h=2),
    DEEP.with_(C=1, R=1, S=1),  # each psum is finished at once
    DEEP.stating({"ifmap": 8, "weight": 8, "psum": 32}),
    DEEP.leaving({"weight": "2:4", "ifmap": 0.5}),
]


def built(chip, layer, only_finished):
    layer = chip.lowered(layer)
    return build(chip, layer, Roles.of(chip), bypass_choices(chip)[0], price(chip, layer), only_finished=only_finished)


@pytest.mark.parametrize("only_finished", [False, True])
@pytest.mark.parametrize("settings", [{}, {"levels.GLB.buffering": "single"}])
def test_a_layer_after_others_is_what_it_is_by_itself(monkeypatch, settings, only_finished):
    def machine():  # another object each time, of which nothing is kept
        return SPEC.resolve({path: SPEC.parse_setting(path, value) for path, value in settings.items()})

    chip = machine()
    for layer in LAYERS:
        built(chip, layer, only_finished)
    for layer in reversed(LAYERS):
        one, other = built(chip, layer, only_finished), built(machine(), layer, only_finished)
        assert one.tobytes() == other.tobytes()
    first, second = (built(chip, layer, only_finished) for layer in LAYERS[:2])
    own = {name for name in INSTANCE.names if not np.array_equal(first[name], second[name])}
    assert {"bounds", "window", "words", "macs", "fixed_pj"} <= own
    assert own.isdisjoint({"access_pj", "bits", "keeps", "pe_bits", "rows"})


def test_designs_have_templates_of_their_own():
    wide = SPEC.resolve({"levels.array.cols": 20})
    for chip in (SPEC.architecture, wide, SPEC.architecture):
        (array,) = (node for node in chip.hierarchy if isinstance(node, FanOut))
        assert built(chip, DEEP, False)["cols"] == array.cols
    assert 0 < len(module._TEMPLATES._values) <= module._TEMPLATES.most
