"""Figures become files, whole or not at all."""

import pytest
from matplotlib.figure import Figure

from dse.errors import DseError
from dse.report.drawing.save import save_figure


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml"), ("a.SVG", b"<?xml")]
)
def test_the_ending_says_the_format(tmp_path, name, start):
    save_figure(Figure(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_name_without_an_ending_becomes_a_png(tmp_path):
    save_figure(Figure(), tmp_path / "front")
    assert [path.name for path in tmp_path.iterdir()] == ["front.png"]


def test_a_format_that_does_not_exist_leaves_no_file(tmp_path):
    with pytest.raises(DseError, match="cannot write") as caught:
        save_figure(Figure(), tmp_path / "a.docx")
    assert caught.value.hint == "end the name in .svg, .png or .pdf"
    assert not list(tmp_path.iterdir())
