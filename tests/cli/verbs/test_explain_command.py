"""`dse explain` refuses what would not change a design of a sweep."""

import pytest
from explore.toy import NET

from dse.cli.verbs.explain import command
from dse.errors import DseError


@pytest.mark.parametrize("option", [["--dataflow", "no-local-reuse"], ["--set", "a=1"], ["--batch", "2"],
                                    ["--bits", "8"], ["--density", "ifmap=0.5"], ["--param", "seq=8"]])  # fmt: skip
def test_a_sweep_is_explained_as_it_was_made(tmp_path, option):
    (tmp_path / "sweep.yaml").write_text("sweep: mine\n")
    with pytest.raises(DseError, match=f"{option[0]} does not change a design of a sweep") as caught:
        command.main([str(tmp_path), "1", "--jobs", "0", *option], standalone_mode=False)
    assert caught.value.hint == "explain ARCH and WORKLOAD instead"


def test_a_name_that_no_file_can_have_is_no_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(NET)
    with pytest.raises(DseError, match="File name too long"):
        command.main(["n" * 5000, "tiny.yaml", "--jobs", "0"], standalone_mode=False)
