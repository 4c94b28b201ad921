"""Makes the archive of kernels that comes with the package: `python -m dse.mapper.ship`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dse.mapper.shared.compilation.cache import VARIABLE
from dse.mapper.shared.compilation.portable import ARCHIVE, ship
from dse.mapper.shared.compilation.twins import made
from dse.mapper.warm import SEARCHES, warm_up


def ship_kernels(archive: Path = ARCHIVE) -> list[str]:
    """Put all kernels into an archive: those of the package's own that are still of this source, others made anew.

    To be called in a process that has not mapped anything yet: what it has loaded is not gathered.

    Returns
    -------
    list of str
        The archive's files.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = folder
        for search in SEARCHES:
            warm_up(search)
    ship(made(), archive)
    return sorted(made())


if __name__ == "__main__":
    ship_kernels()
