"""Where machine code is kept: a folder that nobody else can write to, because what lies there is unpickled.

Whoever can put a file there runs code as the user who maps next. So the folder, the one around it, and the root that
they lie in must belong to the user, and the mode of the first two is 0700.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import warnings
from pathlib import Path

from dse.errors import DseError

VARIABLE = "DSE_CACHE_DIR"
"""Environment variable with a root of the user's choice. A private folder is set there too, for worker processes."""

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def own_folder(name: str) -> Path:
    """A folder for machine code that is the user's own, made where there is none.

    Parameters
    ----------
    name : str
        Of the folder. It lies in `dse` below `DSE_CACHE_DIR`, else below `XDG_CACHE_HOME`, else below `~/.cache`.

    Returns
    -------
    Path
        Without `DSE_CACHE_DIR`, and with no such place that is safe and writable, a temporary folder of this run. It
        is removed when the run ends.

    Raises
    ------
    DseError
        When `DSE_CACHE_DIR` belongs to someone else, others can write to it, or nothing can be written there.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        try:
            return _inside(Path(chosen).absolute(), name)
        except OSError as error:
            raise DseError(
                f"compiled code cannot be kept in {VARIABLE}={chosen}: {_reason(error)}",
                hint=f"{VARIABLE} names a folder of your own that nobody else can write to",
            ) from error
    try:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return _inside(Path(root).absolute(), name)
    except (OSError, RuntimeError) as error:  # a RuntimeError when there is no home
        reason = _reason(error)
    warnings.warn(
        f"compiled code is kept for this run only ({reason}); {VARIABLE} can name a folder of your own",
        RuntimeWarning, stacklevel=2,
    )  # fmt: skip
    return _inside(_folder_of_this_run(), name)


def _inside(root: Path, name: str) -> Path:
    """`root/dse/name`, made or checked; an OSError says why it cannot be used."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check(root, root.stat())
    folder = root
    for part in ("dse", name):
        folder /= part
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise PermissionError(f"{folder} is a symbolic link")
        _check(folder, found)
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written")
    return folder


def _check(folder: Path, found: os.stat_result) -> None:
    """Refuse a folder in which others may have put something, even if they no longer can after a change of mode."""
    if not hasattr(os, "getuid"):
        return  # on Windows a user's folders are the user's
    if found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to someone else")
    if found.st_mode & WRITABLE_BY_OTHERS:
        raise PermissionError(f"{folder} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _folder_of_this_run() -> Path:
    """A temporary folder with a name that nobody can foresee; worker processes find it in their environment."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="dse-"))
    except OSError as error:
        raise DseError(
            f"no place to keep compiled code: {_reason(error)}", hint=f"{VARIABLE} names a folder of your own"
        ) from error
    os.environ[VARIABLE] = str(folder)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not at the end of a process that was forked from this one
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
