"""The mapper says the same, to the last bit, on every call, in every process, and however a spec is written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mapper.conformance.answers import answers, whole_answer
from mapper.conformance.cases import architectures, pairs, problem, shrunk
from ruamel.yaml import YAML
from thinned import thinned

from dse.architecture.canonical import canonical
from dse.formats.architecture.load import load_architecture
from dse.formats.text.shipped import shipped_folder
from dse.formats.text.yaml_text import flow as written

EVERY = [24, pytest.param(8, marks=pytest.mark.slow)]
"""Of the pairs of spec and dataflow, one in so many, beside all specs as they are."""

TESTS = Path(__file__).resolve().parents[2]
SETS = frozenset({"stores", "may_bypass", "dims", "load", "drain", "gating", "skipping", "reduces", "rows", "cols",
                  "inside", "inside_whole", "rows_whole", "cols_whole"})  # fmt: skip
"""Lists under these keys are sets: their order carries no meaning. A gating mapping has such lists below."""


@cache
def first_answers(every: int) -> dict[str, Any]:
    return json.loads(json.dumps(answers(every)))


@pytest.mark.parametrize("every", EVERY)
def test_repeated_calls_say_the_same(every: int) -> None:
    """In another order, with all that was remembered of the problems before."""
    first = first_answers(every)
    assert json.loads(json.dumps(answers(every, backwards=True))) == first
    assert sum(not isinstance(answer, str) for answer in first.values()) >= 0.7 * len(first)


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize(("seed", "order"), thinned([("4242", "backwards"), ("1", "forwards")], 2))
def test_processes_say_the_same(seed: str, order: str, every: int) -> None:
    """Whatever the order of sets of strings, which the hash seed decides."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, "-m", "mapper.conformance.answers", str(every), order], capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}, cwd=TESTS,
    )  # fmt: skip
    assert json.loads(ran.stdout) == first_answers(every)


def shuffled(value: Any, rng: Random, path: tuple[str, ...] = ()) -> Any:
    """The same YAML with its keys in another order wherever that carries no meaning.

    The order of `levels` is the hierarchy; that of lists in `space` is the order of a sweep.
    """
    if isinstance(value, dict):
        keys = list(value)
        if path != ("levels",):
            rng.shuffle(keys)
        return {key: shuffled(value[key], rng, (*path, str(key))) for key in keys}
    if isinstance(value, list) and path[0] != "space" and (path[-1] in SETS or "gating" in path):
        return rng.sample(value, len(value))
    return value


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory) -> dict[str, Any]:
    """Every shipped spec, loaded from files in which all that may be shuffled is."""
    folder = tmp_path_factory.mktemp("rewritten")
    for spec in architectures():
        file = shipped_folder("arch_specs") / f"{spec}.yaml"
        plain = YAML(typ="safe", pure=True).load(file.read_text())
        text = written(shuffled(plain, Random(spec))).replace(": None", ": null")
        (folder / file.name).write_text(text)
    return {spec: load_architecture(folder / f"{spec}.yaml") for spec in architectures()}


@pytest.mark.parametrize("spec", thinned(architectures(), 3))
def test_the_order_of_writing_changes_nothing(spec: str, rewritten: dict[str, Any]) -> None:
    assert canonical(rewritten[spec]) == canonical(architectures()[spec])
    for flow in [flow for name, flow in pairs() if name == spec][::3]:
        architecture, layer = problem(spec, flow, "order")
        again = shrunk(rewritten[spec], layer, Random(f"order {spec} {flow}"))
        first = shrunk(architectures()[spec], layer, Random(f"order {spec} {flow}"))
        flows = {"dataflow": architecture.dataflow if flow != "own" else rewritten[spec].dataflow}
        assert whole_answer(again.with_(**flows), layer) == whole_answer(
            first.with_(dataflow=architecture.dataflow), layer
        )


def test_what_is_shuffled_was_ordered_otherwise(rewritten: dict[str, Any]) -> None:
    """Eyeriss' scratchpads, bandwidths and energies stand in another order in the file that the test above reads."""
    file = Path(rewritten["eyeriss"].spec.file)
    own = YAML(typ="safe", pure=True).load((shipped_folder("arch_specs") / file.name).read_text())
    other = YAML(typ="safe", pure=True).load(file.read_text())
    assert list(other["levels"]) == list(own["levels"])
    assert list(other["levels"]["PE"]["capacity"]) != list(own["levels"]["PE"]["capacity"])
