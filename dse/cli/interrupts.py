"""How long work is interrupted from outside."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from typing import Any

INTERRUPTED = 130
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C, a batch system that ends the job, and a terminal that goes away; a system may not have the last."""

TOGETHER_S = 0.5
"""Signals so soon after the first one are the same wish: `timeout` tells a process, then its whole group."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Every way to end the work raises `KeyboardInterrupt` once; a second one ends the process at once.

    Ending at once loses nothing: logs are written line by line and other files are replaced whole. What is ignored, as
    `nohup` does with a terminal that goes away, stays ignored.
    """
    asked: float | None = None

    def interrupt(number: int, frame: object) -> None:
        nonlocal asked
        now = time.monotonic()
        if asked is None:
            asked = now
            raise KeyboardInterrupt
        if now - asked > TOGETHER_S:
            os._exit(INTERRUPTED)

    previous: dict[int, Any] = {}
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            previous[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def kernels_told() -> Iterator[None]:
    """Let kernels end soon after a signal: its handler waits until the one that runs is done, which may take minutes.

    A signal's number is written to a pipe at once, and another thread, which reads it, raises the flags that kernels
    look at. On Windows, which has no such pipes, Ctrl-C waits.
    """
    if sys.platform == "win32" or current_thread() is not main_thread():
        yield
        return
    out, into = os.pipe()
    os.set_blocking(into, False)
    before = signal.set_wakeup_fd(into, warn_on_full_buffer=False)
    Thread(target=_tell, args=(out,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(into)  # which ends the thread


def _tell(out: int) -> None:
    """Tell searches to end for each signal whose number can be read, until the pipe is closed."""
    numbers = {int(getattr(signal, name, 0)) for name in NAMES}
    while said := os.read(out, 1):
        stopping = sys.modules.get("dse.mapper.shared.stopping")  # not loaded where nothing is searched
        if said[0] in numbers and stopping is not None:
            stopping.end_at_once()
    os.close(out)
