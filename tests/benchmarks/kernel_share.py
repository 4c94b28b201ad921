"""How fast the mapper's compiled kernels are beside C: the same walk over outer tiles in both.

The walk weighs every class of buffer tiles of a layer: do the tiles fit, how many words cross by kind of order, and
what do they cost. These are the functions that the mapper spends most of its time in (`dse.mapper.flat.outer.words`),
called here as it calls them; `outer_walk.c` is a port of them, line by line.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from dse.architecture.architecture import Architecture
from dse.mapper.flat.build import build
from dse.mapper.flat.instance import Roles
from dse.mapper.flat.outer import words as outer
from dse.mapper.shared.compilation.twins import twin
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.mapspace.factors import trip_values
from dse.problem.layer import Layer

fits, outer_words, outer_least = twin(outer.fits), twin(outer.outer_words), twin(outer.outer_least)


@njit(cache=True, error_model="numpy")
def outer_walk(inst, start, values):
    """Least energy of the outer crossing over all classes of tiles that fit, and how many classes there are."""
    bounds = inst.bounds
    at = start[:8].copy()
    n, tile = np.ones(8, dtype=np.int64), np.ones(8, dtype=np.int64)
    known = np.ones(2, dtype=np.int64)
    words = np.zeros((3, 7))
    best = 1e300
    visited = 0
    for d in range(8):
        n[d] = values[at[d]]
        tile[d] = (bounds[d] + n[d] - 1) // n[d]
    while True:
        visited += 1
        if fits(inst, tile, inst.in_buffer, inst.buffer_bits):
            outer_words(inst, n, known, words)
            best = min(best, outer_least(inst, words))
        d = 7
        while d >= 0:
            at[d] += 1
            if at[d] < start[d + 1]:
                break
            at[d] = start[d]
            n[d] = values[at[d]]
            tile[d] = (bounds[d] + n[d] - 1) // n[d]
            d -= 1
        if d < 0:
            return best, visited
        n[d] = values[at[d]]
        tile[d] = (bounds[d] + n[d] - 1) // n[d]


@cache
def library() -> Any:
    """The C program, built with gcc -O3 into a folder of its own."""
    source = Path(__file__).with_name("outer_walk.c")
    target = Path(tempfile.mkdtemp()) / "outer_walk.so"
    flags = ["-O3", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(target)], check=True)
    loaded = ctypes.CDLL(str(target))
    loaded.outer_walk.restype = ctypes.c_double
    return loaded


def problem(architecture: Architecture, layer: Layer) -> tuple[Any, Any, Any]:
    """A layer as the kernels read it, and the trip counts of every dim: those of G are all its groups."""
    roles = Roles.of(architecture)
    inst = build(architecture, layer, roles, bypass_choices(architecture)[0])
    per_dim = [np.array([layer.G]), *(np.asarray(trip_values(bound)) for bound in layer.bounds[1:])]
    start = np.cumsum([0, *map(len, per_dim)]).astype(np.int64)
    return inst, start, np.concatenate(per_dim).astype(np.int64)


def walk_in_c(inst: Any, start: Any, values: Any) -> tuple[float, int]:
    visited = ctypes.c_int64(0)
    kept = [
        np.ascontiguousarray(part)
        for part in (inst.bounds, inst.window, inst.words, inst.bits, inst.in_buffer, inst.outer_pj, inst.buffer_bits)
    ]
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in (*kept, start, values)]
    best = library().outer_walk(*pointers, ctypes.byref(visited))
    return float(best), int(visited.value)


def share(architecture: Architecture, layer: Layer, repeats: int = 3) -> dict[str, float]:
    """Nanoseconds per class in both, the least of some repeats, and C's time over the kernel's."""
    case = problem(architecture, layer)
    found = {"kernel": outer_walk(*case), "c": walk_in_c(*case)}
    assert found["kernel"] == found["c"], found
    classes = found["c"][1]
    times = {}
    for name, walk in (("kernel", outer_walk), ("c", walk_in_c)):
        spent = []
        for _ in range(repeats):
            start = time.process_time()
            walk(*case)
            spent.append(time.process_time() - start)
        times[name] = min(spent) / classes * 1e9
    return {"classes": classes, "kernel_ns": times["kernel"], "c_ns": times["c"], "share": times["c"] / times["kernel"]}
