"""What others have planted is not loaded, with real kernels, real homes and real worker processes."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from thinned import thinned

from dse.errors import DseError
from dse.mapper.shared.compilation.cache import VARIABLE, private_folder

ROOT = Path(__file__).parents[4]
KERNEL = "from numba import njit\n\n\n@njit(cache=True)\ndef add(a, b):\n    return a + b\n"
RUN = """
import sys
sys.path.insert(0, {code!r})
import numba
from dse.mapper.shared.compilation.cache import private_folder
folder = private_folder("kernels-test")
numba.config.CACHE_DIR = str(folder)
from small_kernel import add
assert add(1, 2) == 3
print(folder)
"""


class Bomb:
    """Writes a marker file when it is unpickled, and nothing else."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def compile_small(tmp_path):
    """Compiles or loads a small kernel in a process with this home and temporary directory; gives its folder."""
    (tmp_path / "small_kernel.py").write_text(KERNEL)

    def run(home, temporary, **environment):
        kept = {key: value for key, value in os.environ.items() if key not in ("DSE_CACHE_DIR", "XDG_CACHE_HOME")}
        kept |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)} | environment
        script = RUN.format(code=str(tmp_path))
        done = subprocess.run([sys.executable, "-c", script], env=kept, capture_output=True, text=True, check=True)
        return Path(done.stdout.strip()), done.stderr

    return run


def foreign(tmp_path):
    """A folder that belongs to another user."""
    if os.getuid() != 0:
        return Path("/usr")
    folder = tmp_path / "foreign"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    return folder


def plant(folder, good, marker):
    """Copy a kernel's folder with every pickle in it replaced by one that writes a marker."""
    for file in good.rglob("*.nb*"):
        target = folder / file.relative_to(good)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pickle.dumps(Bomb(marker)))
    assert list(folder.rglob("*.nbi"))


def test_what_lies_in_the_temporary_directory_is_not_loaded(tmp_path, compile_small):
    home, temporary, marker = tmp_path / "home", tmp_path / "tmp", tmp_path / "marker"
    home.mkdir()
    temporary.mkdir()
    good, _ = compile_small(home, temporary)
    assert good == home / ".cache/dse/kernels-test"
    for folder in (temporary / "kernels-test", temporary / "dse/kernels-test"):
        plant(folder, good, marker)
    read_only = tmp_path / "no-home"  # a file cannot hold a folder, whoever asks
    read_only.touch()
    folder, warned = compile_small(read_only, temporary)
    assert not marker.exists()
    assert temporary in folder.parents
    assert "for this run only" in warned
    assert not folder.exists()
    assert sorted(path.name for path in temporary.iterdir()) == ["dse", "kernels-test"]
    # the same files in a folder of one's own would have been loaded
    own = tmp_path / "own"
    plant(own / "dse/kernels-test", good, marker)
    compile_small(home, temporary, DSE_CACHE_DIR=str(own))
    assert marker.exists()


@pytest.mark.skipif(os.getuid() == 0, reason="root can write everywhere")
def test_a_home_without_the_right_to_write(tmp_path, compile_small):
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    folder, warned = compile_small(home, tmp_path)
    assert home not in folder.parents
    assert "for this run only" in warned


def test_a_link_in_the_default_place_is_left_alone(tmp_path, compile_small):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "home/.cache").mkdir(parents=True)
    (tmp_path / "home/.cache/dse").symlink_to(elsewhere)
    folder, warned = compile_small(tmp_path / "home", tmp_path)
    assert "a link or a file" in warned
    assert not list(elsewhere.iterdir())
    assert not folder.exists()


@pytest.mark.parametrize("kind", thinned(["foreign", "open"], 2))
def test_the_command_line_says_it_once_and_ends(tmp_path, kind):
    folder = foreign(tmp_path) if kind == "foreign" else tmp_path / "open"
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    line = [sys.executable, "-m", "dse", "map", "eyeriss", "alexnet", "conv3"]
    environment = os.environ | {"DSE_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = "belongs to another user" if kind == "foreign" else "can be written by others (mode 0777)"
    assert done.stderr.count(said) == done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_worker_processes_use_the_folder_of_the_run(tmp_path):
    (tmp_path / "no-home").touch()
    script = (
        "from dse.explore.workers.runner import process_pool\n"
        "from dse.mapper.shared.compilation.cache import private_folder\n"
        "if __name__ == '__main__':\n"
        "    here = private_folder('kernels-test')\n"
        "    with process_pool(1) as pool:\n"
        "        assert pool.submit(private_folder, 'kernels-test').result() == here\n"
        "    assert here.is_dir()\n"
        "    print(here)\n"
    )
    (tmp_path / "script.py").write_text(script)
    kept = {key: value for key, value in os.environ.items() if key not in ("DSE_CACHE_DIR", "XDG_CACHE_HOME")}
    kept |= {"HOME": str(tmp_path / "no-home"), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    line = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(line, env=kept, capture_output=True, text=True, check=True)
    assert done.stderr.count("for this run only") == 1
    assert not Path(done.stdout.strip()).exists()


@pytest.mark.parametrize("bits", [0o770, 0o707])
def test_a_stated_folder_that_others_can_write_is_refused(tmp_path, monkeypatch, bits):
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(bits)
    monkeypatch.setenv(VARIABLE, str(root))
    with pytest.raises(DseError, match="can be written by others"):
        private_folder("kernels-test")
    assert not list(root.iterdir())
