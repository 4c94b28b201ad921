"""Whether a path is a file that can be read to its end."""

from __future__ import annotations

import stat
from pathlib import Path

from dse.errors import SpecError

_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)  # fmt: skip


def check_file(path: str | Path) -> bool:
    """Whether there is a file; nothing is opened, because opening a pipe waits for a writer for ever.

    Returns
    -------
    bool
        True for a file or a link to one, False where there is nothing.

    Raises
    ------
    SpecError
        The path is no name that a file can have, or what is there is a folder, a pipe, a device or a socket.

    Examples
    --------
    >>> check_file("no such file")
    False
    >>> check_file("/")
    Traceback (most recent call last):
    dse.errors.SpecError: /: this is a folder, not a file
    """
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError:  # a zero byte
        raise SpecError(f"{str(path)[:80]!r} is no file name") from None
    except OSError as error:  # too long, a circle of links, no permission
        raise SpecError(f"cannot be read: {error.strerror}", file=str(path)[:80]) from None
    for is_kind, noun in _KINDS:
        if is_kind(mode):
            raise SpecError(f"this is {noun}, not a file", file=str(path))
    return True


def is_file(path: str | Path) -> bool:
    """Whether there is a file that may be looked for; a name that no file can have is none's.

    Examples
    --------
    >>> is_file("n" * 5000), is_file("/")
    (False, False)
    """
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, no permission
        return False
