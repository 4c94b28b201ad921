"""A folder of one's own for compiled kernels: what lies in it is loaded as code, so nobody else may write there."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from pathlib import Path

from dse.errors import DseError

VARIABLE = "DSE_CACHE_DIR"


def private_folder(name: str) -> Path:
    """The folder `dse/NAME` below the user's cache: this user's, mode 0700, neither it nor its parent a link.

    `DSE_CACHE_DIR` says where, else `XDG_CACHE_HOME`, else `~/.cache`. Where the last two give no such folder, one is
    made for this run: it is handed to worker processes by way of `DSE_CACHE_DIR`, and removed in the end.

    Raises
    ------
    DseError
        If the folder that `DSE_CACHE_DIR` names cannot be used, or is somebody else's.
    """
    stated = os.environ.get(VARIABLE)
    if stated:
        try:
            return _own(Path(stated) / "dse", name)
        except OSError as error:
            raise DseError(
                f"{VARIABLE}={stated}: {error.strerror or error}",
                hint="kernels are loaded as code, so name a folder that only you can write in",
            ) from None
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return _own((Path(root) if root else Path.home() / ".cache") / "dse", name)
    except (OSError, RuntimeError):  # no such place, no right to write there, somebody else's; no home at all
        run = Path(tempfile.mkdtemp(prefix="dse-"))
        atexit.register(_remove, run, os.getpid())
        os.environ[VARIABLE] = str(run)
        return _own(run / "dse", name)


def _own(parent: Path, name: str) -> Path:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check(parent)
    parent.chmod(0o700)
    folder = parent / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if _check(folder) & (stat.S_IWGRP | stat.S_IWOTH):  # whoever could write may have left something
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
    folder.chmod(0o700)
    return folder


def _check(folder: Path) -> int:
    """The mode of a folder; raises unless it is a real one, and this user's."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(0, f"{folder} is no folder of its own, but a link or a file")
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise PermissionError(0, f"{folder} belongs to another user")
    return found.st_mode


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child inherits the registration, but not the folder
        shutil.rmtree(folder, ignore_errors=True)
