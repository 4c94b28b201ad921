"""Only files are read: a pipe that nobody writes to would be waited for without end, and a device never ends."""

import os
import socket

import pytest

from dse.errors import DseError, SpecError
from dse.formats.mapping import load_mappings
from dse.formats.onnx.wire import stripped_model
from dse.formats.text.regular import check_file, is_file
from dse.formats.text.source import find_shipped, load_source
from dse.formats.tools.scalesim import load_topology
from dse.formats.workload.load import load_workload


def test_files_and_links_to_files_are_read(tmp_path):
    (tmp_path / "file").write_text("a: 1")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "lost").symlink_to("nowhere")
    assert [check_file(tmp_path / name) for name in ("file", "link", "lost", "none")] == [True, True, False, False]
    assert not check_file(tmp_path / "file" / "below")


@pytest.mark.parametrize("read", [load_source, load_workload, load_mappings, stripped_model, load_topology])
def test_what_is_no_file_is_said_and_never_opened(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(tmp_path)  # the name of a socket is short
        listening.bind("ear")
        paths = {"pipe": "a pipe", "folder": "a folder", "link": "a pipe", "ear": "a socket", "/dev/zero": "a device"}
        for path, noun in paths.items():
            with pytest.raises(DseError, match=f"this is {noun}, not a file"):
                read(tmp_path / path)


@pytest.fixture(autouse=True)
def _here():
    before = os.getcwd()
    yield
    os.chdir(before)


@pytest.mark.parametrize(("name", "said"), [("a\0b", "is no file name"), ("n" * 300, "File name too long")])
def test_names_that_no_file_can_have(name, said, tmp_path):
    for read in (check_file, load_source, load_workload, lambda path: find_shipped("sweeps", path)):
        with pytest.raises(SpecError, match=said):
            read(name)
    extending = tmp_path / "spec.yaml"
    extending.write_text(f'architecture: x\nextends: "{name}"\n'.replace("\0", "\\0"))
    with pytest.raises(SpecError, match=said) as error:
        load_source(extending)
    assert (error.value.line, error.value.column) == (2, 10)


def test_looking_for_a_file_never_fails(tmp_path):
    (tmp_path / "file").write_text("")
    names = ("file", "none", "n" * 300, "a\0b", ".")
    assert [is_file(tmp_path / name) for name in names] == [True, False, False, False, False]


def test_a_folder_does_not_hide_a_shipped_file(tmp_path):
    os.chdir(tmp_path)
    (tmp_path / "vgg16").mkdir()
    assert find_shipped("workloads", "vgg16").name == "vgg16.yaml"
