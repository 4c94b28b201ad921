"""What comes with the package is what numba would make: the same answers, and none that is of another source."""

import subprocess
import sys

import numpy as np
import pytest

from dse.mapper import ship as ship_module
from dse.mapper.shared.compilation import portable, twins
from dse.mapper.shared.compilation.arguments import laid_out
from dse.mapper.shared.compilation.machine_code import callable_of
from dse.mapper.shared.compilation.numba_internals import portable_code
from dse.mapper.shared.compilation.portable import file_of, machine_code_of, ship, shipped
from dse.mapper.shared.compilation.twins import Entry, twin
from dse.mapper.shared.mapspace.sizes import fastest_steps
from dse.mapper.ship import ship_kernels

EIGHT = np.arange(9)
TILES = EIGHT, np.repeat(EIGHT[:, None], 3, axis=1), np.array([[1, 1, 1, steps, 0] for steps in range(1, 9)]), 2, 2
"""Eight dims with one unrolling each."""


@pytest.fixture(scope="module")
def code():
    return portable_code(twin(fastest_steps), TILES)


def test_code_of_an_archive_computes_what_its_kernel_does(tmp_path, code):
    archive = tmp_path / "kernels.zip"
    ship({"one": code}, archive)
    found = shipped("one", archive)
    assert found == code
    call = callable_of(machine_code_of(found), "fastest_steps")
    assert call(laid_out(TILES).values) == fastest_steps(*TILES) > 1


def test_an_archive_is_the_same_whenever_it_is_made(tmp_path, code):
    for name in ("a.zip", "b.zip"):
        ship({"one": code, "two": code}, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize("damage", ["cut off", "changed", "no archive", "gone", "another name"])
def test_an_archive_that_cannot_be_read_has_nothing(tmp_path, code, damage):
    archive = tmp_path / "kernels.zip"
    ship({"one": code}, archive)
    held = archive.read_bytes()
    changed = bytearray(held)
    changed[len(held) // 3] ^= 0xFF
    if damage == "gone":
        archive.unlink()
    elif damage != "another name":
        cut = held[: len(held) // 2]
        archive.write_bytes({"cut off": cut, "changed": bytes(changed), "no archive": b"kernels"}[damage])
    assert shipped("two" if damage == "another name" else "one", archive) is None


def test_files_are_named_after_all_that_code_is_made_from(monkeypatch):
    plain = file_of("one", (1, 2.0), "source")
    assert plain == file_of("one", (3, 4.0), "source")
    others = {file_of("two", (1, 2.0), "source"), file_of("one", (1, 2), "source"), file_of("one", (1, 2.0), "other")}
    assert len({plain, *others}) == 4
    monkeypatch.setattr(portable, "_system", lambda: "another system")
    assert file_of("one", (1, 2.0), "source") != plain


def test_an_entry_takes_its_code_from_the_package(tmp_path, monkeypatch, code):
    monkeypatch.setattr(twins, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(twins, "shipped", lambda file: code)
    monkeypatch.setattr(twins, "portable_code", None)  # not called
    entry = Entry(fastest_steps)
    assert entry(*TILES) == fastest_steps(*TILES)
    assert list(entry.made.values()) == [code]
    monkeypatch.setattr(twins, "shipped", None)  # the next one finds machine code
    assert Entry(fastest_steps)(*TILES) == fastest_steps(*TILES)


def test_what_was_made_is_shipped(tmp_path, monkeypatch, code):
    monkeypatch.setenv("DSE_CACHE_DIR", "")  # put back afterwards
    monkeypatch.setattr(ship_module, "warm_up", lambda search: None)
    monkeypatch.setattr(ship_module, "made", lambda: {"one": code})
    assert ship_kernels(tmp_path / "kernels.zip") == ["one"]
    assert shipped("one", tmp_path / "kernels.zip") == code


FRESH = """
import sys
from dse.mapper.warm import SEARCHES, warm_up
from dse.mapper.shared.compilation import twins
twins.portable_code = None  # not called
for search in SEARCHES:
    warm_up(search)
assert "numba" not in sys.modules
"""


@pytest.mark.slow
def test_the_packages_archive_is_of_this_source(tmp_path, monkeypatch):
    """When this fails, `make kernels` makes the archive anew: without it, a first search takes a minute, not 10 s."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path))
    subprocess.run([sys.executable, "-c", FRESH], check=True)
