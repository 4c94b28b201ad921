"""Kernels are marked where they are written, and reading them takes no compiler."""

import subprocess
import sys

from dse.mapper.deep.leaf.walk import walk_splits
from dse.mapper.flat.search import search
from dse.model.counting.axes import crossing
from dse.model.counting.kernel import is_entry
from dse.model.counting.nest import count_nest


def test_entries_are_marked_where_they_are_defined():
    assert all(is_entry(one) for one in (search, walk_splits, count_nest))
    assert not is_entry(crossing)


def test_kernels_are_read_without_a_compiler():
    modules = "dse.mapper.flat.search, dse.mapper.deep.leaf.walk, dse.mapper.flat.inner.bounds, dse.model.cost"
    script = f"import sys, {modules}; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
