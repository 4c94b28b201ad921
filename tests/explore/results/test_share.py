"""A sweep as tables of numbers, as an Optuna study, and as a Parquet file."""

import io
import json
import os
import stat
import subprocess

import optuna
import pandas
import pytest
from explore.toy import ARCH, NET

import dse
from dse.errors import DseError
from dse.explore.results.share import write_parquet, write_study
from dse.explore.results.tables import best_known
from dse.formats.named import map_workload
from dse.mapper import map_workload as plain_map_workload


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    return folder / "toy.yaml", folder / "tiny.yaml"


@pytest.fixture(scope="module")
def seen():
    return []


@pytest.fixture(scope="module")
def result(files, seen):
    return dse.sweep(*files, trials=12, jobs=0, callback=seen.append)


def test_every_evaluation_is_told_once(result, seen):
    assert {e.id for e in seen} == {e.id for e in result.evaluations}
    assert len(seen) == len({e.id for e in seen})


def test_tables_hold_numbers_that_name_their_units(result):
    table, front = result.to_dataframe(), result.front
    assert set(table["levels.GLB.capacity_bits"]) <= {8192, 2 * 8192, 4 * 8192}
    assert set(table["levels.PE.capacity.weight_words"]) <= {2, 8, 24}
    assert pandas.api.types.is_integer_dtype(table["levels.array.rows"])
    assert list(front.columns[:2]) == ["design", "energy_pj"]
    assert list(front["design"]) == [row["number"] for row in result.front_rows()]
    one = table[(table["design"] == 0) & (table["kind"] == "explore")].iloc[0]
    assert one["levels.GLB.capacity_bits"] == 2 * 8192
    assert one["energy_pj"] == result.explored[0].outcome.objectives["energy_pj"]
    assert set(table["dataflow"]) == {"row-stationary", "weight-stationary", "output-stationary"}


def test_a_study_holds_every_design(result, tmp_path):
    file = tmp_path / "study.db"
    for _ in range(2):  # a second time in its place
        write_study(result, file)
    study = optuna.load_study(study_name=result.name, storage=f"sqlite:///{file}")
    designs = best_known(result)
    assert len(study.trials) == len(designs)
    assert study.metric_names == ["energy_pj", "latency_s", "area_mm2"]
    for trial, e in zip(study.trials, designs, strict=True):
        assert trial.user_attrs["design"] == e.number
        assert trial.params["dataflow"] == e.parameters["dataflow"]
        assert trial.params["levels.array.rows"] == e.parameters["levels.array.rows"]
        if e.ok:
            assert trial.values == [e.outcome.objectives[key] for key in result.search.keys]
        else:
            assert trial.state.name == "PRUNED"
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]
    with pytest.raises(DseError, match="cannot write"):
        write_study(result, file / "inside.db")


def test_the_dashboard_opens_it(result, tmp_path):
    """Its server lists the study and all of its trials."""
    dashboard = pytest.importorskip("optuna_dashboard", reason="needs optuna-dashboard (the extra `dashboard`)")
    write_study(result, tmp_path / "study.db")
    application = dashboard.wsgi(optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}"))

    def get(path):
        answered = []
        environment = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "SCRIPT_NAME": "",
        }  # fmt: skip
        body = b"".join(application(environment, lambda status, headers, *rest: answered.append(status)))
        assert answered[0].startswith("200"), (path, answered, body[:300])
        return body

    assert b"<html" in get("/dashboard").lower()
    (study,) = json.loads(get("/api/studies"))["study_summaries"]
    assert study["study_name"] == result.name
    found = json.loads(get(f"/api/studies/{study['study_id']}"))
    assert len(found["trials"]) == len(best_known(result))


def test_parquet_holds_the_table(result, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow (the extra `parquet`)")
    write_parquet(result, tmp_path / "all.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "all.parquet"), result.to_dataframe())


def test_parquet_without_pyarrow_says_what_to_install(result, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DseError, match="need pyarrow") as error:
        write_parquet(result, tmp_path / "all.parquet")
    assert "pip install pyarrow" in error.value.hint


def test_functions_take_objects_paths_and_names_alike(files):
    objects = dse.load_architecture(files[0]), dse.load_workload(files[1])
    expected = plain_map_workload(*objects).to_dict()
    assert map_workload(*map(str, files)).to_dict() == expected
    assert map_workload(objects[0].spec, files[1]).to_dict() == expected
    assert dse.map_workload(files[0], objects[1]).to_dict() == expected
    with pytest.raises(DseError, match="no shipped architecture named 'eyeris'"):
        dse.map_workload("eyeris", "vgg16")
    found = [
        dse.sweep(*given, trials=1, jobs=0).explored[0].id for given in (files, objects, (objects[0].spec, *files[1:]))
    ]
    assert len(set(found)) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("write", [write_study, write_parquet])
def test_what_is_no_file_is_written_to_and_a_link_stays_one(result, tmp_path, write):
    """Else `dse export DIR --optuna /dev/null` would put a file in the place of the device."""
    if write is write_parquet:
        pytest.importorskip("pyarrow")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    try:
        write(result, tmp_path / "pipe")
        assert len(reader.communicate(timeout=20)[0]) > 1000
    finally:
        reader.kill()
        reader.communicate()
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    write(result, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").stat().st_size > 1000
