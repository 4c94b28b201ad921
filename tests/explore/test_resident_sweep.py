"""Sweeps in which tensors stay on chip from layer to layer."""

from __future__ import annotations

from pathlib import Path

import pytest

import dse
from dse.cli.main import run
from dse.errors import DseError
from dse.explore.designs.design import Network
from dse.explore.designs.resident import wiring_of
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.explore.proof.bounding.bounds import BoundTask
from dse.explore.results.record import read_results
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import all_at_home, map_workload
from dse.problem.workload import Node, Workload

SPACE = {"levels.GLB.capacity": ["1 KiB", "3 KiB", "108 KiB"]}


def conv(name: str, source: str, channels: int, outputs: int) -> Node:
    layer = dse.Layer(name, K=outputs, C=channels, P=8, Q=8)
    return Node(name, "conv", (outputs, 8, 8), (source,), layer=layer)


BLOCK = Workload("block", (
    Node("x", "input", (8, 8, 8)), conv("a", "x", 8, 16), conv("b", "a", 16, 8), conv("c", "b", 8, 16),
    Node("sum", "add", (16, 8, 8), ("a", "c")), conv("d", "sum", 16, 4),
))  # fmt: skip


def point(architecture: dse.Architecture, objective: str) -> tuple[float, float]:
    found = map_workload(architecture, BLOCK, objective, scope="network", resident=True)
    return found.energy_pj, found.latency_s


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[dse.SweepResult, Path]:
    where = tmp_path_factory.mktemp("sweep") / "kept"
    return dse.sweep("eyeriss", BLOCK, trials=3, space=SPACE, resident=True, jobs=0, output=where, prove_s=60), where


def test_a_design_has_the_runs_that_evaluating_it_finds(swept: tuple[dse.SweepResult, Path]) -> None:
    result, _ = swept
    spec = load_architecture_spec("eyeriss")
    exact = [e for e in result.evaluations if e.kind == "exact"]
    assert exact
    for evaluation in exact:
        architecture = spec.resolve({path: evaluation.parameters[path] for path in SPACE})
        runs = {point(architecture, objective) for objective in ("energy", "latency", "edp")}
        for one in evaluation.outcome.front:  # as searches priced it: sums in another order
            assert any(one == pytest.approx(other, rel=1e-12) for other in runs)
        least = min(energy for energy, _ in runs)
        assert least == pytest.approx(min(energy for energy, _ in evaluation.outcome.front), rel=1e-12)


def test_it_is_never_worse_than_the_same_sweep_without(swept: tuple[dse.SweepResult, Path]) -> None:
    result, _ = swept
    plain = dse.sweep("eyeriss", BLOCK, trials=3, space=SPACE, jobs=0)
    own = {"with": result.reference_row(), "without": plain.reference_row()}
    assert own["with"]["edp_js"] < own["without"]["edp_js"]
    identities = [{e.id for e in found.evaluations} for found in (result, plain)]
    assert identities[0].isdisjoint(identities[1])


def test_all_designs_are_settled_by_the_bound_with_everything_at_home(swept: tuple[dse.SweepResult, Path]) -> None:
    result, _ = swept
    assert result.certificate is not None
    assert result.certificate.complete
    assert result.certificate.space == 3


@pytest.mark.parametrize("name", ["eyeriss", "edge_npu"])
def test_everything_at_home_is_a_bound_at_every_capacity(name: str) -> None:
    spec = load_architecture_spec(name)
    level = "GLB" if name == "eyeriss" else "L2"
    capacities = ("1KiB", "108KiB") if name == "eyeriss" else ("1MiB",)
    for capacity in capacities:
        architecture = spec.resolve({f"levels.{level}.capacity": capacity})
        bound = all_at_home(architecture, BLOCK)
        assert bound.energy_pj <= point(architecture, "energy")[0] * (1 + 1e-9)
        assert bound.cycles / architecture.clock_hz <= point(architecture, "latency")[1] * (1 + 1e-9)
        # and tight enough to say something: more than half of the truth where everything fits
    assert bound.energy_pj > 0.5 * point(architecture, "energy")[0]


def test_boxes_are_bounded_design_by_design() -> None:
    plan = make_plan("eyeriss", BLOCK, Search(2, resident=True), space=SPACE)
    provable = plan.problem().provable
    assert provable is not None
    assert provable.prices is None
    (bound,) = provable.bounds(BoundTask((plan.complete({"levels.GLB.capacity": "3 KiB"}),), 0.0)) or ()
    architecture = plan.spec.resolve({"levels.GLB.capacity": "3 KiB"})
    assert bound.energy_pj == all_at_home(architecture, BLOCK).energy_pj


def test_wiring_counts() -> None:
    nodes = list(BLOCK.nodes)
    nodes[-1] = conv("d", "c", 16, 4)
    other = Workload("block", tuple(nodes))
    assert sorted(map(str, Network.of(BLOCK).key())) == sorted(map(str, Network.of(other).key()))
    assert Network.of(BLOCK, resident=True).key() != Network.of(other, resident=True).key()
    renamed = Workload("other", tuple(
        Node(f"{n.name}_", n.op, n.shape, tuple(f"{i}_" for i in n.inputs),
             layer=None if n.layer is None else n.layer.with_(name=f"{n.name}_")) for n in BLOCK.nodes
    ))  # fmt: skip
    assert wiring_of(renamed) == wiring_of(BLOCK)


def test_a_level_may_keep_tensors_in_some_designs() -> None:
    result = dse.sweep(
        "eyeriss", BLOCK, trials=2, space={"levels.GLB.on_chip": ["auto", "never"]}, resident=True, jobs=0
    )
    values = {e.parameters["levels.GLB.on_chip"]: e.outcome.objectives["edp_js"] for e in result.explored}
    assert values["auto"] < values["never"]


def test_a_sweep_reads_back_with_tensors_on_chip(swept: tuple[dse.SweepResult, Path]) -> None:
    result, where = swept
    again = read_results(where)
    assert again.search == result.search
    assert again.search.resident
    assert again.front_rows() == result.front_rows()


def test_resuming_without_is_refused(swept: tuple[dse.SweepResult, Path]) -> None:
    _, where = swept
    with pytest.raises(DseError, match="other settings"):
        dse.sweep("eyeriss", BLOCK, trials=3, space=SPACE, jobs=0, output=where, resume=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layers": ("a",)}, "the whole network counts"),
        ({"settings": {"levels.GLB.on_chip": "never"}}, "no level keeps whole tensors on chip"),
    ],
)
def test_what_it_needs(given: dict[str, object], message: str) -> None:
    with pytest.raises(DseError, match=message):
        dse.sweep("eyeriss", BLOCK, trials=1, space=SPACE, resident=True, jobs=0, **given)  # type: ignore[arg-type]


SWEEP = """sweep: kept
arch: eyeriss
workloads: [net.yaml]
space: {levels.GLB.capacity: [2 KiB, 108 KiB]}
search: {trials: 2, resident: true}
"""
NET = """workload: net
input: [8, 8, 8]
layers: {a: {conv: 16, kernel: 1}, b: {conv: 8, kernel: 1}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("line", [
    "sweep kept.yaml -o out --jobs 0", "sweep eyeriss net.yaml --trials 1 --resident -o out --jobs 0 --no-prove",
])  # fmt: skip
def test_files_and_the_command_line_ask_for_it(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")
    Path("kept.yaml").write_text(SWEEP, encoding="utf-8")
    assert run(line.split()) == 0, capsys.readouterr().err
    assert "resident: true" in Path("out/sweep.yaml").read_text(encoding="utf-8")
    assert "On chip from layer to layer" in Path("out/report.html").read_text(encoding="utf-8")
