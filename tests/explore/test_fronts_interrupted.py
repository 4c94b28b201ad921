"""Of sweeps with a front for each network, none is begun after an interruption, whenever it comes."""

import pytest
from called import called
from explore.toy import ARCH, NET

FILE = """\
sweep: each
arch: toy.yaml
workloads: [tiny.yaml, other.yaml]
fronts: each
space: {levels.array.rows: [2, 3]}
search: {trials: 2}
"""


@pytest.mark.parametrize("at", ["dse.report.cards.book.make_book", "dse.report.directory.write_page"])
def test_interrupted_while_its_page_is_made_the_next_network_is_not_begun(tmp_path, monkeypatch, at):
    def interrupted(*given):
        raise KeyboardInterrupt

    for name, text in (("toy", ARCH), ("tiny", NET), ("other", NET.replace("workload: tiny", "workload: other"))):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "each.yaml").write_text(FILE)
    monkeypatch.setattr(at, interrupted)
    done = called("sweep", "each.yaml", "-o", "out", "--jobs", 0, "--no-prove", cwd=tmp_path)
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "dse report" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny"]
