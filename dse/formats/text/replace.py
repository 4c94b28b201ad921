"""Files are written beside and replaced, so that a reader finds the old file or the whole new one, never a part."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from dse.errors import DseError


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8, as `write_bytes` does.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_text(f"{folder}/new.yaml", "a: 1")
    ...     Path(folder, "new.yaml").read_text()
    'a: 1'
    """
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Make `content` the content of a file, whole or not at all.

    The content goes to a new file in the same folder, which takes the place of the old one when it is on the disk. A
    link stays a link to what is replaced, and what is no file, such as `/dev/stdout` or a pipe, is written to.

    Raises
    ------
    DseError
        The file cannot be written; what was there before still is.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_bytes(f"{folder}/new.yaml", b"a: 1")
    ...     Path(folder, "new.yaml").read_text()
    'a: 1'
    """
    try:
        target = Path(path).resolve()
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(content)
        else:
            _replace(target, content, mode)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that lead to each other
        reason = error.strerror if isinstance(error, OSError) else error
        raise DseError(f"cannot write {path}: {reason}") from None


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed processes were writing beside their files in a folder, which nobody will finish.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, ".front.csv.999999999.part").write_text("half of")
    ...     remove_leftovers(folder)
    ...     list(Path(folder).iterdir())
    []
    """
    for path in Path(folder).glob(".*.part"):
        found = re.fullmatch(r"\..*\.(\d+)\.part", path.name)
        if found and not _is_alive(int(found[1])):
            with suppress(OSError):
                path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def folder_name(name: str) -> str:
    """A name as that of one folder: no separators, nothing that climbs or hides, no longer than a system allows.

    Examples
    --------
    >>> folder_name("../../x"), folder_name("/etc"), folder_name("my sweep"), folder_name("..")
    ('_.._x', '_etc', 'my_sweep', '_')
    """
    return re.sub(r"[^\w.-]", "_", name)[:60].lstrip(".") or "_"


def _replace(target: Path, content: bytes, mode: int | None) -> None:
    # cut by bytes, as the limit on a name is one on its bytes; the number of the process keeps two writers apart
    stem = os.fsencode(target.name)[:200]
    beside = target.parent / f".{os.fsdecode(stem)}.{os.getpid()}.part"
    try:
        with beside.open("wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
