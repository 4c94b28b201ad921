"""What kernels are written with: the types of their arrays, and the mark of those that Python calls.

A kernel is a function of numbers, arrays and records in the part of Python that `dse.mapper.shared.compilation` can
compile. This module imports no compiler, so that kernels can be read, run and tested without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Record: TypeAlias = np.record
"""An element of a structured array: attributes in Python, a single pointer in compiled code."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_MARK = "dse_entry"


def entry(kernel: Kernel) -> Kernel:
    """Mark a kernel that Python calls compiled; the function itself stays as it is.

    All others are called by kernels only. They get no wrapper for Python, because the code that unpacks a problem's
    arrays takes long to compile.

    Examples
    --------
    >>> @entry
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(3), is_entry(double), is_entry(len)
    (6, True, False)
    """
    setattr(kernel, _MARK, True)
    return kernel


def is_entry(function: object) -> bool:
    """Whether a function carries the mark of `entry`.

    Examples
    --------
    >>> is_entry(len)
    False
    """
    return getattr(function, _MARK, False) is True
