"""Bare names and paths on the command line."""

import pytest

from dse.errors import SpecError
from dse.formats.text import shipped
from dse.formats.text.source import find_shipped, shipped_names


def test_bare_names_are_found():
    assert find_shipped("workloads", "vgg16").name == "vgg16.yaml"
    assert "vgg16" in shipped_names("workloads")


def test_a_file_that_exists_wins(tmp_path, monkeypatch):
    (tmp_path / "vgg16").write_text("workload: mine")
    monkeypatch.chdir(tmp_path)
    assert find_shipped("workloads", "vgg16").read_text() == "workload: mine"


def test_a_folder_of_that_name_does_not(tmp_path, monkeypatch):
    (tmp_path / "vgg16").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_shipped("workloads", "vgg16").is_file()


def test_an_installed_package_has_its_own_folder(tmp_path, monkeypatch):
    library = tmp_path / "dse" / "library" / "workloads"
    library.mkdir(parents=True)
    (library / "only.yaml").write_text("workload: only")
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "dse")
    assert shipped_names("workloads") == ("only",)
    assert find_shipped("workloads", "only") == library / "only.yaml"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("vgg61", "no shipped workload named 'vgg61'", "'vgg16'?"),
        ("inception-v1", "no shipped workload named 'inception-v1'", "'inception_v1' or 'inception_v3'?"),
        ("VGG16", "no shipped workload", "did you mean 'vgg16'"),
        ("quite/different.yaml", "there is no file quite/different.yaml", "one of: alexnet"),
        ("workloads/vgg17.yaml", "there is no file workloads/vgg17.yaml", "did you mean 'vgg1"),
        ("", "no shipped workload", "one of"),
        ("x" * 5000, "File name too long", None),
        ("a\0b", "no file name|named", None),
    ],
)
def test_unknown_names(name, message, hint):
    with pytest.raises(SpecError, match=message) as caught:
        find_shipped("workloads", name)
    assert hint is None or hint in caught.value.hint
