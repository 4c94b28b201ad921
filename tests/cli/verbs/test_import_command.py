"""`dse import` tells tools apart, and writes what it makes of their files."""

import pytest

from dse.cli.verbs.import_ import TOOLS, command
from dse.errors import DseError

NET = "problem: {C: 4, K: 8, R: 1, S: 1, P: 6, Q: 5, N: 1}\n"


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "timeloop"])
@pytest.mark.parametrize("option", [["--technology", "cmos-45nm"], ["--drop-constraints"]])
def test_options_of_timeloop_are_refused_for_other_tools(tool, option, tmp_path):
    with pytest.raises(DseError, match=f"are of Timeloop's files, not of {tool}"):
        command.main([tool, "file", "-o", str(tmp_path), *option], standalone_mode=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_that_is_not_there_is_named(tool, tmp_path):
    with pytest.raises(DseError, match="nothing"):
        command.main([tool, str(tmp_path / "nothing.yaml"), "-o", str(tmp_path / "out")], standalone_mode=False)


def test_problems_of_timeloop_become_a_workload(tmp_path, capsys):
    (tmp_path / "one.yaml").write_text(NET)
    command.main(["timeloop", str(tmp_path / "one.yaml"), "-o", str(tmp_path / "mine")], standalone_mode=False)
    assert "wrote" in capsys.readouterr().err
    assert "one" in (tmp_path / "mine" / "workload.yaml").read_text()
