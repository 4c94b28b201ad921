"""What was asked for last is kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

Kept = TypeVar("Kept")


def kept_last(kept: dict[Hashable, Kept], key: Hashable, most: int, make: Callable[[], Kept]) -> Kept:
    """What is kept by a key, made where it is not; what was asked for longest ago is given up.

    Examples
    --------
    >>> kept = {}
    >>> [kept_last(kept, key, 2, key.upper) for key in "abac"], list(kept)
    (['A', 'B', 'A', 'C'], ['a', 'c'])
    """
    kept[key] = value = kept.pop(key) if key in kept else make()
    while len(kept) > most:
        del kept[next(iter(kept))]
    return value
