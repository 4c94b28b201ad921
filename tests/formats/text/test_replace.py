"""Files are replaced whole: whoever kills the writer or fills the disk, a reader finds the old file or the new one."""

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dse.errors import DseError
from dse.formats.text.replace import write_bytes, write_text

SIZE = 3_000_000


def test_a_file_is_made_and_replaced(tmp_path):
    file = tmp_path / "out.txt"
    write_text(file, "größer\n")
    assert file.read_bytes() == "größer\n".encode()
    write_bytes(file, b"less")
    assert file.read_bytes() == b"less"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_who_may_read_it_stays_as_it_was(tmp_path):
    mask = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    write_text(tmp_path / "new", "again")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    write_text(tmp_path / "link", "one")
    write_text(tmp_path / "link", "two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "two"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_is_no_file_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    write_text(tmp_path / "pipe", "through")
    assert reader.communicate(timeout=60)[0] == b"through"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["missing/out", "file/out", ".", "x" * 300, "nul\0", "full", "loop", "loop/out"])
def test_what_cannot_be_written_is_one_error(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    if Path("/dev/full").exists():
        (tmp_path / "full").symlink_to("/dev/full")
    elif name == "full":
        pytest.skip("needs /dev/full")
    with pytest.raises(DseError, match="cannot write"):
        write_text(tmp_path / name, "text")


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs limits on files")
def test_a_disk_that_is_full_in_the_middle_changes_nothing(tmp_path):
    """The limit on the size of a file ends the write as a full disk does: part of it is there already."""
    file = tmp_path / "sweep.yaml"
    file.write_text("what was there")
    program = f"""
import resource, signal
from dse.errors import DseError
from dse.formats.text.replace import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_bytes({str(file)!r}, bytes({SIZE}))
except DseError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout
    assert file.read_text() == "what was there"
    assert os.listdir(tmp_path) == ["sweep.yaml"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    file = tmp_path / "summary.json"
    write_bytes(file, bytes(SIZE))
    program = f"""
from itertools import count
from dse.formats.text.replace import write_bytes
for number in count(1):
    write_bytes({str(file)!r}, bytes([number % 256]) * {SIZE})
"""
    rng, seen = random.Random(0), set()
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", program])
        before, deadline = file.stat().st_ino, time.monotonic() + 60
        while file.stat().st_ino == before:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.random() * 0.05)
        writer.kill()
        writer.wait()
        content = file.read_bytes()
        assert len(content) == SIZE
        assert set(content) == {content[0]}
        seen.add(content[0])
    assert seen - {0}
