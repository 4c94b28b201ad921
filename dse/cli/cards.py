"""Makes the cards of a sweep's designs, for its page, and shows how far that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from dse.cli.interrupts import interruptible
from dse.cli.output import StatusLine, note

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.explore.workers.runner import Workers
    from dse.report.cards.book import Book


LATER = "the page has no cards of designs; `dse report` makes them"


def collect_cards(
    result: SweepResult, plan: Plan, directory: Path, workers: Workers, until: float = inf
) -> Book:
    """The cards of the designs that the page shows in full, kept in the directory; those known are not made again.

    Stopped by Ctrl-C, or not done at `until` by the monotonic clock, it returns the cards that were known before.
    """
    from dse.explore.workers.runner import TimeOverError
    from dse.report.cards.book import is_complete, make_book, read_book, write_book

    known = read_book(directory)
    if is_complete(result, known):
        return known
    if monotonic() >= until:
        note(f"no time is left: {LATER}")
        return known
    status = StatusLine()
    try:
        with interruptible():
            workers.until = until
            book = make_book(result, plan, workers, known, lambda done, all_: status.show(f"cards {done}/{all_}"))
    except KeyboardInterrupt:
        workers.stop(kill=True)
        workers.interrupted = True
        status.clear()
        note(f"interrupted: {LATER}")
        return known
    except TimeOverError:
        status.clear()
        note(f"no time is left: {LATER}")
        return known
    status.clear()
    write_book(directory, book)
    return book


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do some work in a thread while the block runs, which waits for workers; it raises what the work raises.

    Examples
    --------
    >>> done = []
    >>> with meanwhile(lambda: done.append("figure")):
    ...     cards = 16
    >>> done
    ['figure']
    """
    with ThreadPoolExecutor(1) as thread:
        doing = thread.submit(work)
        yield
        doing.result()
