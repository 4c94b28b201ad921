"""What goes wrong around the command: full disks, missing homes, pipes and folders in place of files, damaged records.

Each fault is made for real. Where it is one of the process itself, the command is run as a process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from called import called
from explore.toy import ARCH, NET
from thinned import thinned

from dse.cli.main import run
from dse.errors import DseError
from dse.explore.outcomes.log import FILE_NAME, read_log
from dse.explore.results.record import read_results

ROOT = Path(__file__).parents[2]


def dse(*arguments, cwd, stdout=subprocess.PIPE, **more):
    command = [sys.executable, "-m", "dse", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=600, check=False, **more
    )


@pytest.fixture
def files(tmp_path):
    for file, text in (("toy.yaml", ARCH), ("tiny.yaml", NET)):
        (tmp_path / file).write_text(text)
    return tmp_path


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A small sweep, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("swept")
    for file, text in (("toy.yaml", ARCH), ("tiny.yaml", NET)):
        (folder / file).write_text(text)
    assert sweep(folder).returncode == 0
    return folder


def sweep(folder, *more):
    return called("sweep", "toy.yaml", "tiny.yaml", "-o", "out", "--trials", "2", "--jobs", "0", *more, cwd=folder)


def evaluations(log):
    """The lines of a log that are about a design, as plain data."""
    return [plain for line in log.read_text().splitlines() if "id" in (plain := json.loads(line))]


@pytest.fixture
def copy(swept, tmp_path):
    from shutil import copytree

    return copytree(swept, tmp_path / "copy")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", [["show", "eyeriss"], ["show", "eyeriss", "--format", "json"], ["--help"]])
def test_a_full_output_is_said_and_fails(arguments, tmp_path):
    with open("/dev/full", "w") as full:
        done = dse(*arguments, cwd=tmp_path, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become a nameless user")
def test_a_user_without_name_and_home_can_work(files):
    """As in a container that was started with `--user 12345`: no entry for the user, no home, a folder of others."""
    known = {key: value for key, value in os.environ.items() if key not in ("HOME", "USER", "LOGNAME", "DSE_CACHE_DIR")}
    with TemporaryDirectory() as folder:  # those of the tests are the user's alone
        Path(folder).chmod(0o755)
        file = Path(copyfile(files / "toy.yaml", Path(folder) / "toy.yaml"))
        file.chmod(0o644)
        try:
            done = dse("show", file, cwd="/", env=known, user=12345, group=12345)
        except PermissionError:
            pytest.skip("this Python cannot be run by others")
    assert done.returncode == 0, done.stderr
    code = (
        "from dse.mapper.shared.compilation.cache import private_folder\n"
        "p = private_folder('k')\nprint(p, oct(p.stat().st_mode))"
    )
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd="/", env=known, user=12345,
        group=12345, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert made.stdout.endswith("0o40700\n")


@pytest.mark.parametrize("name", thinned([FILE_NAME, "sweep.yaml", "front.png", "summary.json"], 4))
def test_a_folder_in_place_of_a_file(copy, name):
    path = copy / "out" / name
    path.unlink()
    path.mkdir()
    done = sweep(copy, "--resume")
    assert done.returncode == 2
    assert str(path.relative_to(copy)) in done.stderr
    assert "this is a folder" in done.stderr or "s a directory" in done.stderr
    assert "internal" not in done.stderr


@pytest.mark.parametrize("name", thinned([FILE_NAME, "sweep.yaml"], 2))
def test_a_pipe_in_place_of_a_file_is_not_waited_for(copy, name):
    path = copy / "out" / name
    path.unlink()
    os.mkfifo(path)
    for done in (sweep(copy, "--resume"), called("report", "out", cwd=copy)):
        assert done.returncode == 2
        assert "this is a pipe, not a file" in done.stderr


@pytest.mark.parametrize("verb", [["show", "pipe"], ["evaluate", "pipe", "vgg16"], ["evaluate", "eyeriss", "pipe"],
                                  ["sweep", "pipe"], ["extract", "pipe"], ["extract", "pipe.csv"],
                                  ["evaluate", "eyeriss", "vgg16", "--mapping", "pipe"]])  # fmt: skip
def test_pipes_and_devices_are_not_read(files, verb, monkeypatch, capsys):
    for name in ("pipe", "pipe.csv"):
        os.mkfifo(files / name)
    monkeypatch.chdir(files)
    for noun, path in (("pipe", None), ("device", "/dev/zero")):
        arguments = [word if path is None or not word.startswith("pipe") else path for word in verb]
        assert run(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert f"this is a {noun}, not a file" in err


@pytest.mark.parametrize(
    "change",
    [
        {"number": -1}, {"number": True}, {"number": 10**30}, {"id": 7}, {"sweep": None}, {"objectives": []},
        {"objectives": {"energy_pj": "1"}}, {"objectives": {"energy_pj": -1}}, {"objectives": {"energy_pj": 10**400}},
        {"front": [[1]]}, {"front": [["a", "b"]]}, {"front": 3}, {"parameters": 3}, {"parameters": {"rows": [1]}},
        {"workloads": {"tiny": 3}}, {"violation": "none"}, {"cpu_s": None}, {"status": "fine"}, {"kind": 1},
    ],
)  # fmt: skip
def test_damaged_records_are_told(copy, change):
    log = copy / "out" / FILE_NAME
    lines = log.read_text().splitlines()
    before = len(read_log(log).by_id)
    lines[1] = json.dumps({**json.loads(lines[1]), **change})
    log.write_text("\n".join(lines) + "\n")
    records = read_log(log)
    assert len(records.by_id) == before - 1
    assert [str(damage).startswith(f"{log}:2: ") for damage in records.damaged] == [True]


@pytest.mark.parametrize("line", ["[" * 100_000, "{}", "[]", "3", "null", '{"id": "a"}', "\0\0\0"])
def test_lines_that_are_no_records_are_told(copy, line):
    log = copy / "out" / FILE_NAME
    before = read_log(log).by_id
    log.write_text(line + "\n" + log.read_text())
    records = read_log(log)
    assert records.by_id == before
    assert [damage.line for damage in records.damaged] == [1]


def test_a_sweep_with_a_damaged_log_goes_on_and_says_so(copy):
    log = copy / "out" / FILE_NAME
    log.write_text("{}\n" + log.read_text())
    done = sweep(copy, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"warning: out/{FILE_NAME}:1: " in done.stderr


def test_what_is_written_of_a_damaged_log_says_so(copy):
    log = copy / "out" / FILE_NAME
    log.write_text("{}\n" + log.read_text())
    done = called("export", "out", "--optuna", "study.db", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert f"warning: out/{FILE_NAME}:1: " in done.stderr


def test_what_is_explained_of_a_damaged_log_says_so(copy):
    log = copy / "out" / FILE_NAME
    number = next(e.number for e in read_results(copy / "out").designs if e.ok)
    log.write_text("{}\n" + log.read_text())
    done = called("explain", "out", str(number), "--jobs", "0", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert f"warning: out/{FILE_NAME}:1: " in done.stderr


@pytest.mark.parametrize("change", [
    ("made:", "unmade:"), ("search:", "search: []\nx:"), ("networks: [", "networks: [3, "),
    ("trials: 2", "trials: two"), ("space:", "space: 3\ny:"),
    ("space:", "weights: x\nspace:"), ("space:", "weights: {tiny: x}\nspace:"), ("space:", "batch: []\nspace:"),
    ("space:", "combine: []\nspace:"), ("made:", "made:\n  batches: 3"), ("made:", "made:\n  beside: 3"),
])  # fmt: skip
def test_damaged_settings_are_refused(copy, change):
    path = copy / "out" / "sweep.yaml"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(DseError) as error:
        read_results(copy / "out")
    assert error.value.file == str(path)


def test_a_damaged_summary_is_made_again(copy):
    plain = json.loads((copy / "out" / "summary.json").read_text())
    assert read_results(copy / "out").finished
    split = json.dumps({**plain, "cpu_split_s": {"designs": []}})
    for text in ('{"finished": 1}', "[]", "{", '{"wall_s": "long", "reused": []}', split):
        (copy / "out" / "summary.json").write_text(text)
        assert not read_results(copy / "out").finished


def test_records_of_another_sweep_do_not_mix_in(copy):
    """As when logs are joined: the report shows what its own settings made."""
    log = copy / "out" / FILE_NAME
    before = called("report", "out", "--format", "json", cwd=copy).stdout
    plain = evaluations(log)
    others = [{**one, "sweep": "another", "id": f"x{one['id']}"} for one in plain]
    for one in others:
        one["front"] = [[energy / 2, latency / 2] for energy, latency in one["front"]]
    log.write_text("".join(json.dumps(one) + "\n" for one in [*others, *plain]))
    after = called("report", "out", "--format", "json", cwd=copy).stdout
    assert json.loads(after)["front"] == json.loads(before)["front"]


def test_what_failed_is_made_again_when_resumed(copy):
    log = copy / "out" / FILE_NAME
    plain = evaluations(log)
    failed = {**plain[0], "status": "failed", "reason": "its evaluation killed the worker process", "objectives": {}}
    others = [one for one in plain if one["number"] != 0]
    log.write_text("".join(json.dumps(one) + "\n" for one in [failed | {"front": [], "workloads": {}}, *others]))
    shown = called("report", "out", cwd=copy)
    assert "warning: toy as specified FAILED to be evaluated, so no design is compared with it" in shown.stderr
    assert "1 evaluation failed; --resume makes them again" in shown.stderr
    done = sweep(copy, "--resume")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert len(evaluations(log)) == len(plain) + 1
    records = read_log(log)
    assert {key: {**one.to_dict(), "cpu_s": 0} for key, one in records.by_id.items()} == {
        one["id"]: {**one, "cpu_s": 0} for one in plain
    }
