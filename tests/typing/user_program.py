"""A program that uses the public names as another tool would; type checkers read it, see `test_typing.py`.

The types that they should find are in the annotations: a name that turned into `Any` would be caught by `strict`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas
from matplotlib.figure import Figure

import dse


def layers() -> list[dse.Layer]:
    bits = dse.PerOperand(ifmap=8, weight=8, psum=24)
    return [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3, bits=bits), dse.Layer("fc", K=10, C=32)]


def best(chip: dse.Architecture | str, layer: dse.Layer) -> dse.Cost:
    mapped: dse.Mapped = dse.map_layer(chip, layer, "edp", gap=0.01, time_limit_s=5.0)
    proof: dse.Certificate | None = mapped.certificate
    if proof is not None and proof.gap > 0.01:
        raise dse.InfeasibleError("not proven closely enough")
    mapping: dse.Mapping = mapped.mapping
    return dse.evaluate(chip, layer, mapping)


def front(chip: dse.Architecture, layer: dse.Layer) -> list[tuple[float, float]]:
    found: dse.LayerFront = dse.layer_front(chip, layer)
    return [(one.cost.energy_pj, one.cost.latency_s) for one in found]


def network(name: str, parts: Iterable[dse.Layer]) -> dse.MappedWorkload:
    workload: dse.Workload = dse.Workload.of(name, parts)
    run: dse.MappedWorkload = dse.map_workload("eyeriss", workload, objective="energy", scope="network")
    whole: dse.NetworkFront = run.whole_front()
    if isinstance(run.certificate, dse.NetworkCertificate):
        proof: dse.NetworkCertificate = run.certificate
        assert proof.points >= len(whole)
    return run


def words(cost: dse.Cost, level: str) -> int:
    accesses: dse.Accesses = cost.accesses
    return sum(moved.reads + moved.writes for moved in accesses.levels[level].values())


def search() -> pandas.DataFrame:
    space: dict[str, list[str]] = {"levels.GLB.capacity": ["54 KiB", "108 KiB"]}
    result: dse.SweepResult = dse.sweep("eyeriss", ["alexnet"], trials=2, space=space, jobs=0)
    picture: Figure = result.plot()
    same: Figure = dse.plot(result)
    assert picture is not same
    table: pandas.DataFrame = result.front
    return table


def main() -> None:
    chip: dse.Architecture = dse.load_architecture("eyeriss")
    try:
        cost: dse.Cost = best(chip, layers()[0])
    except dse.MappingError as error:
        where: str | None = error.file
        raise SystemExit(f"{where}: {error.message}") from error
    except (dse.SpecError, dse.DseError) as error:
        raise SystemExit(error.hint) from error
    energy_pj: float = cost.energy_pj
    count: int = words(cost, "DRAM")
    frame: pandas.DataFrame = network("two", layers()).to_dataframe()
    print(energy_pj, count, len(frame), front(chip, layers()[1]), len(search()))


if __name__ == "__main__":
    main()
