"""The public names as a type checker sees them from outside: a right program passes strictly, each mistake is found."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = pytest.mark.slow


def errors_of(tool, name):
    """Lines on which a checker finds something wrong with a program of a user."""
    return sorted({int(line) for line in re.findall(rf"{name}:(\d+)(?::\d+)?(?: -)? ?:? error", tool)})


def mypy(path, folder):
    options = ["--strict", "--config-file", "", "--cache-dir", str(folder / "cache")]
    done = run([sys.executable, "-m", "mypy", *options, str(path)], folder)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def pyright(path, folder):
    if which("pyright") is None:
        pytest.skip("pyright is not installed: `pip install pyright` checks the public types with it, too")
    (folder / "pyrightconfig.json").write_text(f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"]}}')
    done = run(["pyright", "--pythonpath", sys.executable, str(path)], folder)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def run(command, folder):
    """Away from this project's settings, with the package where a user would have it installed."""
    seen = {**os.environ, "MYPYPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=seen, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_program_that_is_right_passes_and_each_mistake_is_found(checker, tmp_path):
    right = tmp_path / "user_program.py"
    right.write_text((HERE / "user_program.py").read_text())
    said = checker(right, tmp_path)
    assert errors_of(said, right.name) == [], said
    wrong = tmp_path / "wrong_program.py"
    wrong.write_text((HERE / "wrong_program.py").read_text())
    lines = wrong.read_text().splitlines()
    said = checker(wrong, tmp_path)
    assert errors_of(said, wrong.name) == [at for at, line in enumerate(lines, 1) if line.endswith("# error")], said
