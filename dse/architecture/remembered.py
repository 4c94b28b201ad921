"""What has been worked out of architectures, kept by the identity of the object: to compare two takes longer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Generic, TypeVar

from dse.architecture.architecture import Architecture

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Values by architecture and by something else, those asked for last.

    Each keeps its architecture alive, so that no other object has the same identity.

    Parameters
    ----------
    most : int
        How many are kept.

    Examples
    --------
    >>> import dse
    >>> names, chip = Remembered(8), dse.load_architecture("eyeriss")
    >>> names.of(chip, "upper", chip.name.upper), names.of(chip, "upper", lambda: "not asked again")
    ('EYERISS', 'EYERISS')
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._values: OrderedDict[tuple[int, Hashable], tuple[Architecture, Value]] = OrderedDict()

    def of(self, architecture: Architecture, what: Hashable, work: Callable[[], Value]) -> Value:
        """The value, worked out where it is not known."""
        key = id(architecture), what
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key][1]
        value = work()
        self._values[key] = architecture, value
        if len(self._values) > self.most:
            self._values.popitem(last=False)
        return value


def remembered(most: int) -> Callable[[Callable[[Architecture], Value]], Callable[[Architecture], Value]]:
    """Remember what a function says of the architectures it was asked about last.

    Parameters
    ----------
    most : int
        Of how many.

    Examples
    --------
    >>> import dse
    >>> @remembered(8)
    ... def shout(architecture):
    ...     print("asked")
    ...     return architecture.name.upper()
    >>> chip = dse.load_architecture("eyeriss")
    >>> shout(chip), shout(chip)
    asked
    ('EYERISS', 'EYERISS')
    """

    def of(function: Callable[[Architecture], Value]) -> Callable[[Architecture], Value]:
        values: Remembered[Value] = Remembered(most)

        @wraps(function)
        def asked(architecture: Architecture) -> Value:
            return values.of(architecture, None, lambda: function(architecture))

        return asked

    return of
