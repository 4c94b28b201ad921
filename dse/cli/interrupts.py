"""How long work is interrupted from outside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
