"""The public names are these, and each can be had from `dse`."""

import subprocess
import sys
from pathlib import Path

import pytest

import dse

NAMES = [
    "Accesses", "Architecture", "Certificate", "Cost", "DseError", "InfeasibleError", "Layer", "LayerFront", "Mapped",
    "MappedWorkload", "Mapping", "MappingError", "NetworkCertificate", "NetworkFront", "PerOperand", "SpecError",
    "SweepResult", "Workload", "evaluate", "from_torch", "layer_front", "load_architecture", "load_workload",
    "map_layer", "map_workload", "plot", "sweep",
]  # fmt: skip


def test_the_public_names():
    assert dse.__all__ == NAMES
    assert set(NAMES) <= set(dir(dse))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name):
    assert getattr(dse, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'sweeep'"):
        _ = dse.sweeep


def test_the_names_are_typed():
    """Each name that is loaded lazily is declared to type checkers too."""
    source = Path(dse.__file__).read_text()
    declared = source.partition("if TYPE_CHECKING:")[2].partition("_HOMES")[0]
    assert sorted(line.split()[-1] for line in declared.splitlines() if " import " in line) == NAMES


def test_the_version_is_the_packages():
    result = subprocess.run([sys.executable, "-m", "dse", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.split()[-1] == dse.__version__


def test_the_example_of_the_package_runs():
    import doctest

    assert doctest.testmod(dse).failed == 0
