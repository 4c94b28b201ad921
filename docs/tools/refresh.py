"""Writes what the pages show of programs: outputs of commands, keys of files, tables of data.

    python docs/tools/refresh.py            # what the plain test suite compares
    python docs/tools/refresh.py --slow     # also the outputs of long commands, a few minutes
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import reference
import shell
import tables


def main() -> None:
    """Refresh every page and say which changed; what does not run is said, and its page stays as it is."""
    reference.main()
    tables.main()
    failed = False
    for page in (shell.ROOT / "README.md", *sorted((shell.ROOT / "docs").rglob("*.md"))):
        try:
            with TemporaryDirectory() as folder:
                if shell.examples(page) and shell.refresh(page, Path(folder), in_full="--slow" in sys.argv):
                    print(f"wrote {page.relative_to(shell.ROOT)}")
        except AssertionError as error:
            print(error, file=sys.stderr)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
