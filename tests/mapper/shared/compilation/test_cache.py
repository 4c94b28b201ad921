"""Compiled kernels are loaded as code: only from a folder that nobody else can write in."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dse.errors import DseError
from dse.mapper.shared.compilation.cache import VARIABLE, private_folder

ROOT = Path(__file__).parents[4]
PRINTED = """
import os, stat
from dse.mapper.shared.compilation.cache import private_folder
folder = private_folder("kernels-x")
(folder / "kernel").write_text("code")
again = private_folder("kernels-x")
print(folder, oct(stat.S_IMODE(folder.stat().st_mode)), folder == again, os.environ.get("DSE_CACHE_DIR"))
"""


def run(code: str, **environment: str) -> list[str]:
    known = {key: value for key, value in os.environ.items() if key not in (VARIABLE, "XDG_CACHE_HOME", "HOME")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=known | {"PYTHONPATH": str(ROOT)} | environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.split()


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_the_folder_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    old = os.umask(0)
    try:
        folder = private_folder("kernels-x")
    finally:
        os.umask(old)
    assert folder == tmp_path / "dse" / "kernels-x"
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o700)
    (folder / "kernel").write_text("code")
    folder.chmod(0o755)
    assert mode(private_folder("kernels-x")) == 0o700
    assert (folder / "kernel").exists()
    for each in (folder, folder.parent):
        each.chmod(0o777)
    assert mode(private_folder("kernels-x")) == mode(folder.parent) == 0o700
    assert not (folder / "kernel").exists()  # others could write there


def test_without_a_home_each_run_has_its_own_which_workers_share(tmp_path: Path) -> None:
    """The home is no folder, so that not even root can write there."""
    home = tmp_path / "home"
    home.write_text("a file")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    planted = scratch / "kernels-x"
    planted.mkdir()
    folders = []
    for _ in range(2):
        folder, bits, same, handed = run(PRINTED, HOME=str(home), TMPDIR=str(scratch))
        assert bits == "0o700"
        assert same == "True"
        assert Path(folder).is_relative_to(handed)
        assert Path(handed).parent == scratch
        assert not Path(handed).exists()  # removed in the end
        folders.append(folder)
    assert folders[0] != folders[1]
    assert list(planted.iterdir()) == []


def test_a_folder_that_is_not_ones_own_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that somebody planted, a file, and, where the tests run as root, another user's folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cases = {"link": "no folder of its own", "file": "exists", "other": "belongs to another user"}
    for case, message in cases.items():
        root = tmp_path / case
        (root / "dse").mkdir(parents=True)
        folder = root / "dse" / "kernels-x"
        if case == "link":
            folder.symlink_to(elsewhere)
        elif case == "file":
            folder.write_text("a file")
        elif os.geteuid() == 0:
            folder.mkdir()
            os.chown(folder, 65534, 65534)
        else:
            continue
        monkeypatch.setenv(VARIABLE, str(root))
        with pytest.raises(DseError, match=message) as error:
            private_folder("kernels-x")
        assert VARIABLE in error.value.message
        monkeypatch.delenv(VARIABLE)
        found, _, _, handed = run(PRINTED, XDG_CACHE_HOME=str(root), HOME=str(tmp_path), TMPDIR=str(tmp_path))
        assert not Path(found).is_relative_to(root)
        assert handed != "None"
    assert list(elsewhere.iterdir()) == []


def test_the_command_line_says_so_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "dse").write_text("a file")
    done = subprocess.run(
        [sys.executable, "-m", "dse", "map", "eyeriss", "alexnet", "conv1"], cwd=tmp_path, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": str(ROOT), VARIABLE: str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "only you can write in" in done.stderr
    assert "Traceback" not in done.stderr
