"""Files that an import makes: their quantities, their names, and how they are written."""

import pytest

from dse.errors import DseError
from dse.formats.tools.imported import Imported, file_name, unquoted


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('bandwidth: "64 bit/cycle"', "bandwidth: 64 bit/cycle"),
        ('capacity: "8 KiB"', "capacity: 8 KiB"),
        ('energy: "1.5e-3 pJ"', "energy: 1.5e-3 pJ"),
        ('name: "8"', 'name: "8"'),
        ('name: "a 8 b"', 'name: "a 8 b"'),
    ],
)
def test_quantities_alone_lose_their_quotes(text, plain):
    assert unquoted(text) == plain


@pytest.mark.parametrize("path", ["net.yaml", "a/b/net.yaml", r"C:\a\net.yaml"])
def test_the_name_of_a_file(path):
    assert file_name(path) == "net.yaml"


def test_files_are_written_into_a_new_folder(tmp_path):
    made = Imported({"one.yaml": "a: 1\n", "two.yaml": "b: 2\n"})
    paths = made.write(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["one.yaml", "two.yaml"]
    assert [path.read_text() for path in paths] == ["a: 1\n", "b: 2\n"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DseError, match="cannot write"):
        Imported({"one.yaml": ""}).write(tmp_path / "file" / "below")
