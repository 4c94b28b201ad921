"""A comparison of dataflows takes few options, and never writes over what is there."""

from dataclasses import replace

import pytest

from dse.cli.inputs import SweepOptions
from dse.cli.verbs.dataflows import run
from dse.errors import DseError
from dse.explore.compare.dataflows_file import load_comparison
from dse.explore.compare.layers_log import FILE_NAME

COMPARISON = load_comparison("isca16_dataflows")


def options(**given):
    return replace(SweepOptions(**dict.fromkeys(SweepOptions.__dataclass_fields__)), **given)


def test_what_searches_nothing_takes_no_options_of_a_search(tmp_path):
    with pytest.raises(DseError, match="searches nothing, so --trials means nothing"):
        run(COMPARISON, options(trials=3), str(tmp_path), 0, False, "text")


def test_a_comparison_that_is_there_is_gone_on_with_or_left_alone(tmp_path):
    (tmp_path / FILE_NAME).write_text("{}\n")
    with pytest.raises(DseError, match="exists") as caught:
        run(COMPARISON, options(batch=1, gap=0.05), str(tmp_path), 0, False, "text")
    assert "--resume" in caught.value.hint
    assert (tmp_path / FILE_NAME).read_text() == "{}\n"
