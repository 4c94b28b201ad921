"""How slow this machine is just now, so that times measured on different machines and days can be compared.

A machine that is shared may take two or three times as long from one minute to the next for the very same work. So
each time is measured between two runs of a small loop, and divided by how many times as long the loop takes as on the
machine that the tables began on. Mapping slows down as the loop does: 15 medians of `edge_npu` in `machines.csv`,
measured where the loop takes 7.45 ms, came out 0.86 to 1.19 times as long where it takes 15 to 25, and the same in the
mean.
"""

from __future__ import annotations

from time import thread_time

LOOP = compile("total = 0\nfor i in range(100_000):\n    total += i * i % 7\n", "<yardstick>", "exec")

LOOP_S = 0.00745
"""CPU seconds of the loop where times are as measured: CPython 3.11 on an AMD EPYC of 2.4 GHz, not shared."""


def slowness() -> float:
    """How many times as long as there the loop takes here and now.

    Examples
    --------
    >>> slowness() > 0
    True
    """
    start = thread_time()
    exec(LOOP, {})  # names of a module, as the loop was measured first
    return (thread_time() - start) / LOOP_S
