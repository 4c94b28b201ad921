"""Twins are found by function; their code is kept by what it was made from; other compilers get the plain way."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest

import dse
from dse import load_architecture, load_workload
from dse.mapper.layer import solve
from dse.mapper.shared.compilation import numba_internals, twins
from dse.mapper.shared.compilation.numba_internals import late_library, quick_compilation
from dse.mapper.shared.compilation.twins import compiled, twin
from dse.mapper.shared.mapspace.factors import ceil_div, dim_options, whole_factor
from dse.mapper.shared.mapspace.sizes import fastest_steps, quotients
from dse.model.counting.kernel import Ints, entry

PACKAGE = Path(dse.__file__).parent
ROOT = PACKAGE.parent


def half(number: int) -> int:
    return number // 2


@entry
def halves(numbers: Ints) -> int:
    """How often all numbers can be halved until none is left."""
    count = 0
    for i in range(len(numbers)):
        number = numbers[i]
        while number > 0:
            number = half(number)
            count += 1
    return count


@pytest.fixture
def untested(monkeypatch, tmp_path):
    """As if the installed numba were none that is known; the tests' own twins are made anew."""
    monkeypatch.setattr(numba_internals, "TESTED", ("0.0",))
    numba_internals._warn.cache_clear()
    known = twins._twins()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))  # not the code of the other way to compile
    for kernel in (half, halves):
        known.pop(kernel, None)
    yield
    for kernel in (half, halves):
        known.pop(kernel, None)


def test_a_twin_computes_what_its_kernel_does():
    numbers = np.array([1, 5, 1000])
    twins = compiled(halves)
    assert twins(numbers) == halves(numbers) == 14
    assert compiled(halves) is twins
    assert twin(halves).py_func.__globals__["half"] is twin(half)
    assert halves.__globals__["half"] is half


def test_only_an_entry_can_be_called():
    with pytest.raises(TypeError, match=r"dse\.mapper\.shared\.mapspace\.factors\.ceil_div is no entry"):
        compiled(ceil_div)


def test_one_module_imports_private_parts_of_numba():
    private = re.compile(r"^\s*(?:from|import)\s+numba\.(?!types\b)", re.MULTILINE)
    found = [path.name for path in PACKAGE.rglob("*.py") if private.search(path.read_text())]
    assert found == ["numba_internals.py"]


def test_an_unknown_version_gets_the_plain_compiler_and_one_warning(untested):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain = compiled(halves)
        with numba_internals.quick_compilation():
            assert plain(np.array([3, 64])) == 9
    said = [str(one.message) for one in caught if one.category is RuntimeWarning]
    assert said == [
        f"numba {numba.__version__} is untested here: kernels are compiled without what makes that quick (tested: 0.0)"
    ]
    assert "no_cpython_wrapper" not in plain.targetoptions


def test_a_known_version_is_not_warned_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert numba_internals.is_tested()
        assert twin(halves).targetoptions["nogil"]
        assert twin(half).targetoptions["no_cpython_wrapper"]


def test_shorter_passes_are_put_back():
    places = [(owner, name) for owner, name, _ in numba_internals._shorter_passes() + numba_internals._fewer_looks()]
    before = [getattr(owner, name) for owner, name in places]
    with quick_compilation():
        meanwhile = [getattr(owner, name) for owner, name in places]
        with quick_compilation():  # within another one nothing changes
            assert [getattr(owner, name) for owner, name in places] == meanwhile
    assert [getattr(owner, name) for owner, name in places] == before
    assert not set(map(id, meanwhile)) & set(map(id, before))


def test_kernels_of_a_wing_that_make_arrays_count_references():
    known = {kernel: twins._counts_references(kernel) for kernel in (quotients, fastest_steps, whole_factor)}
    assert known == {quotients: True, fastest_steps: True, whole_factor: False}
    assert twins._counts_references(dim_options)


COLOURLESS = """
import sys
sys.modules["colorama"] = None
import numpy as np
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.sizes import fastest_steps
table = np.ones((2, 5), dtype=np.int64)
print(compiled(fastest_steps)(np.ones(9, dtype=np.int64), table, table, 2, 2))
"""


def test_kernels_compile_where_numba_writes_without_colours(tmp_path):
    tmp_path.chmod(0o700)
    environment = {"DSE_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    line = [sys.executable, "-c", COLOURLESS]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    table = np.ones((2, 5), dtype=np.int64)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == fastest_steps(np.ones(9, dtype=np.int64), table, table, 2, 2)


PLAIN = """
import sys, warnings
warnings.simplefilter("ignore", RuntimeWarning)
from dse.mapper.shared.compilation import numba_internals
numba_internals.TESTED = ()
from dse import load_architecture, load_workload
from dse.mapper.layer import solve
found = solve(load_architecture("eyeriss"), load_workload("alexnet").layer("conv3"), "edp", 0.0, "all")
print(found.values.tolist(), found.records.tolist(), list(found.visited))
"""


@pytest.mark.slow
def test_the_plain_compiler_finds_the_same_mapping(tmp_path):
    environment = {"DSE_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    line = [sys.executable, "-c", PLAIN]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    found = solve(load_architecture("eyeriss"), load_workload("alexnet").layer("conv3"), "edp", 0.0, "all")
    assert done.stdout.split("\n")[0] == f"{found.values.tolist()} {found.records.tolist()} {list(found.visited)}"


def test_only_functions_that_python_calls_become_machine_code():
    def filled(number):
        return np.full(number, 3.0)

    def twice(number):
        return filled(number) + filled(number)

    plain = {"no_cfunc_wrapper": True}
    filled = numba.njit(no_cpython_wrapper=True, **plain)(filled)
    twice = numba.njit(**plain)(twice)
    with quick_compilation():
        assert twice(2).tolist() == [6.0, 6.0]
    below, above = (one.overloads[one.signatures[0]].library for one in (filled, twice))
    assert isinstance(below, late_library())
    assert not below._made
    assert above._made


def test_kernels_of_others_may_call_what_ours_compiled_first():
    """A function of numba that ours called first is late code, and is linked into theirs with all that it calls."""

    def ours(number):
        return np.vander(np.ones(number), 3)

    def theirs(number):
        return np.vander(np.full(number, 2.0), 3).sum()

    plain = {"no_cfunc_wrapper": True}
    with quick_compilation():
        assert numba.njit(**plain)(ours)(2).sum() == 6.0
    assert numba.njit(theirs)(2) == 14.0
