"""A folder of one's own for compiled kernels: what lies in it is loaded as code, so nobody else may write there."""

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

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def private_folder(name: str) -> Path:
    """The folder `dse/NAME` below the user's cache: this user's, mode 0700, neither it nor its parent a link.

    `DSE_CACHE_DIR` says where, else `XDG_CACHE_HOME`, else `~/.cache`. Where the last two give no such folder, one is
    made for this run: it is handed to worker processes by way of `DSE_CACHE_DIR`, and removed in the end.

    Raises
    ------
    DseError
        If the folder that `DSE_CACHE_DIR` names cannot be used, is somebody else's, or can be written by others.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with tempfile.TemporaryDirectory() as root, patch.dict(os.environ, {VARIABLE: root}):
    ...     private_folder("kernels").relative_to(root).as_posix()
    'dse/kernels'
    """
    stated = os.environ.get(VARIABLE)
    if stated:
        try:
            return _own(Path(stated).absolute(), name)
        except OSError as error:
            raise DseError(
                f"{VARIABLE}={stated}: {_reason(error)}",
                hint="kernels are loaded as code, so name a folder that only you can write in",
            ) from None
    try:
        return _own(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute(), name)
    except (OSError, RuntimeError) as error:  # no such place, no right to write there, somebody else's; no home at all
        warnings.warn(
            f"compiled kernels are kept for this run only ({_reason(error)}); {VARIABLE} can name a folder of yours",
            RuntimeWarning, stacklevel=2,
        )  # fmt: skip
    try:
        run = Path(tempfile.mkdtemp(prefix="dse-"))
    except OSError as error:
        raise DseError(f"no place for compiled kernels: {_reason(error)}", hint=f"{VARIABLE} can name one") from None
    atexit.register(_remove, run, os.getpid())
    os.environ[VARIABLE] = str(run)
    return _own(run, name)


def _own(root: Path, name: str) -> Path:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = root.stat()  # a link that the user has laid is the user's choice
    _check_owner(root, found)
    if found.st_mode & WRITABLE_BY_OTHERS:  # they could put another folder in the place of ours
        raise PermissionError(0, f"{root} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})")
    parent = root / "dse"
    parent.mkdir(mode=0o700, exist_ok=True)
    _check(parent)
    parent.chmod(0o700)
    folder = parent / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if _check(folder) & WRITABLE_BY_OTHERS:  # whoever could write may have left something
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
    folder.chmod(0o700)
    if not os.access(folder, os.W_OK):
        raise PermissionError(0, f"{folder} cannot be written")
    return folder


def _check(folder: Path) -> int:
    """The mode of a folder; raises unless it is a real one, and this user's."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(0, f"{folder} is no folder of its own, but a link or a file")
    _check_owner(folder, found)
    return found.st_mode


def _check_owner(folder: Path, found: os.stat_result) -> None:
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise PermissionError(0, f"{folder} belongs to another user")


def _reason(error: Exception) -> str:
    """What went wrong, and where."""
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child inherits the registration, but not the folder
        shutil.rmtree(folder, ignore_errors=True)
