"""Files that hold the code of kernels."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from dse.mapper.shared.compilation.arguments import described
from dse.mapper.shared.compilation.machine_code import Code


@cache
def processor() -> str:
    """The processor that code is made for: a folder of code may be shared by several machines.

    Examples
    --------
    >>> processor() != ""
    True
    """
    import llvmlite.binding as llvm

    return f"{llvm.get_default_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def path_of(folder: Path, name: str, arguments: tuple[Any, ...]) -> Path:
    """Where a kernel's code for arguments of some kinds is kept.

    Examples
    --------
    >>> path_of(Path("kernels"), "flat.search", (1,)).name.startswith("flat.search-")
    True
    """
    digest = hashlib.sha256(f"{processor()} {described(arguments)}".encode()).hexdigest()[:16]
    return folder / f"{name}-{digest}.code"


def read(path: Path) -> Code | None:
    """What `write` has kept, None where there is nothing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "one"), Code("f", "qd", ["nothing"], bytes(3)))
    ...     read(Path(folder, "one"))
    Code(symbol='f', letters='qd', result=['nothing'], machine=b'\\x00\\x00\\x00')
    """
    try:
        return unpacked(path.read_bytes())
    except OSError:
        return None


def write(path: Path, code: Code) -> None:
    """Keep code in a file, whole at any moment: other processes may read or write it at the same time.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "one"), Code("f", "qd", ["nothing"], bytes(3)))
    ...     [path.name for path in Path(folder).iterdir()]
    ['one']
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(packed(code))
    draft.replace(path)


def packed(code: Code) -> bytes:
    """Code as a file holds it.

    Examples
    --------
    >>> packed(Code("f", "qd", ["nothing"], bytes(1)))
    b'["f", "qd", ["nothing"]]\\n\\x00'
    """
    return json.dumps(code[:-1]).encode() + b"\n" + code.machine


def unpacked(held: bytes) -> Code:
    """The inverse of `packed`.

    Raises
    ------
    ValueError
        When that is none.

    Examples
    --------
    >>> unpacked(b'["f", "qd", ["nothing"]]\\n').symbol
    'f'
    """
    head, machine = held.split(b"\n", 1)
    symbol, letters, result = json.loads(head)
    return Code(symbol, letters, result, machine)
