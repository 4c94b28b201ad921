"""Machine code takes and gives back what its kernel does, and is called without the compiler that made it."""

import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

from dse.mapper.shared.compilation import portable
from dse.mapper.shared.compilation.arguments import Held, described, laid_out, lasting, letters_of
from dse.mapper.shared.compilation.code_files import read
from dse.mapper.shared.compilation.twins import Entry, compiled
from dse.model.counting.kernel import Floats, Ints, entry

PAIR = np.dtype([("number", np.int64), ("weights", np.float64, 3)])


class Table(NamedTuple):
    rows: Ints
    scale: float


@entry
def gather(table: Table, pair: np.record, turned: bool, more: tuple[Floats, ...]) -> tuple[Ints, Floats, int]:
    """Reads and writes what it is given; makes an array, gives back a part of another, and a number."""
    rows = np.zeros((2, len(table.rows)), dtype=np.int64)
    for i in range(len(table.rows)):
        rows[0, i] = table.rows[i] * pair.number
        rows[1, i] = i if turned else -i
    pair.weights[1] = table.scale + more[1][0, 2]
    table.rows[0] = 7
    return rows, more[1][:, 1:], table.rows[1]


@entry
def room(number: int) -> int:
    """Asks for memory, for none where the number is negative."""
    return len(np.zeros(number))


@entry
def doubled(numbers: Floats) -> Floats:
    """A loop over so many numbers that several are taken at a time."""
    found = np.zeros(len(numbers))
    for i in range(len(numbers)):
        found[i] = numbers[i] * 2.0
    return found


def arguments():
    pair = np.zeros(1, dtype=PAIR).view(np.recarray)[0]
    pair.number = 3
    return Table(np.array([1, 2, 3]), 0.5), pair, True, (np.zeros((1, 1)), np.arange(6.0).reshape(2, 3))


def test_code_reads_and_writes_what_its_kernel_does():
    by_code, by_python = arguments(), arguments()
    found, expected = compiled(gather)(*by_code), gather(*by_python)
    assert [np.asarray(one).tolist() for one in found] == [np.asarray(one).tolist() for one in expected]
    assert by_code[1].weights.tolist() == by_python[1].weights.tolist() == [0.0, 2.5, 0.0]
    assert by_code[0].rows.tolist() == [7, 2, 3]


def test_code_laid_out_for_longer_vectors_runs_on_a_processor_without(monkeypatch):
    target, asked = portable._target, []
    monkeypatch.setattr(portable, "_target", lambda level="": asked.append(level) or target(level or "x86-64"))
    numbers = np.arange(37.0)
    assert Entry(doubled)(numbers).tolist() == (numbers * 2).tolist()
    assert asked == [portable.LEVEL, portable.LEVEL, ""]  # both levels of optimisation, and the machine code


def test_a_tuple_that_is_held_is_passed_as_any_other():
    tables = (np.zeros((1, 1)), np.arange(6.0).reshape(2, 3))
    fresh = laid_out((tables, 3))
    for _ in range(2):  # what is no longer held is laid out anew
        held = Held(tables)
        assert laid_out((held.record, 3)) == fresh
        del held
        assert laid_out((tables, 3)) == fresh


def test_an_array_with_gaps_is_another_kind_of_argument():
    rows, square = np.arange(6), np.arange(4).reshape(2, 2)
    kinds = [laid_out((one,)).kind for one in (rows[:3], rows[::2], rows[:3].astype(float), rows[3:])]
    assert kinds[0] == kinds[3]
    assert len(set(kinds)) == 3
    assert described((rows[:3],)) != described((rows[::2],))
    assert len({described((one,)) for one in (square, square.T, np.arange(8).reshape(2, 4)[:, ::2])}) == 3


def test_what_a_kernel_raises_is_raised():
    assert compiled(room)(3) == 3
    with pytest.raises(ValueError, match="negative dimensions"):
        compiled(room)(-1)


def test_what_is_no_argument_of_kernels_is_refused():
    with pytest.raises(TypeError, match="numbers, arrays, records and tuples of these, not str"):
        laid_out(("three",))


def test_a_missing_file_holds_no_code(tmp_path):
    assert read(tmp_path / "none.code") is None


LATER = """
import sys
from dse import load_architecture, load_workload
from dse.mapper import map_layer
map_layer(load_architecture("eyeriss"), load_workload("alexnet").layer("fc8"), "energy")
print([name for name in ("numba", "scipy", "dse.mapper.deep.solve", "dse.mapper.network") if name in sys.modules])
"""


def test_a_later_search_imports_no_compiler():
    """The first run compiles what is missing, if anything; the second finds all of it."""
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=True)
        if done.stdout.strip() == "[]":
            return
    raise AssertionError(done.stdout)


@pytest.mark.parametrize("readable_only", [False, True])
def test_arrays_are_handed_over_by_their_address_whatever_their_layout(readable_only: bool) -> None:
    whole = np.arange(24.0).reshape(4, 6)
    records = np.zeros(3, dtype=[("energy", "f8"), ("steps", "i8")])
    for array in (whole, whole[:, 1:], whole.T, whole[2], whole[:0], whole > 3, records, np.zeros((0, 3))):
        array.flags.writeable = not readable_only
        assert laid_out((array,)).values[4] == array.ctypes.data


def test_a_record_that_lasts_is_laid_out_once_and_the_same() -> None:
    @lasting
    class Kept(NamedTuple):
        numbers: Any
        factor: float

    class Plain(NamedTuple):
        numbers: Any
        factor: float

    records = [Kept(np.arange(n), n / 2) for n in range(1, 50)]
    for record in (*records, *records[::-1]):
        kept, plain = laid_out((7, record, 1.0)), laid_out((7, Plain(*record), 1.0))
        assert (letters_of(kept.kind), kept.values) == (letters_of(plain.kind), plain.values)
    assert laid_out((records[0],)).values[4] == records[0].numbers.ctypes.data
