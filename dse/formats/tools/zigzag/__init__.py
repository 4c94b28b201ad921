"""ZigZag's YAML files: workloads, hardware and mappings, told from each other by what stands in them.

What has no words here is an error that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dse.errors import SpecError
from dse.formats.text.source import Source, load_source
from dse.formats.tools.imported import Imported
from dse.formats.tools.zigzag.hardware import read_hardware
from dse.formats.tools.zigzag.mapping import read_mapping
from dse.formats.tools.zigzag.workload import ZigzagWorkload, read_workload
from dse.formats.workload.write import dump_workload


def import_zigzag(paths: Sequence[str | Path]) -> Imported:
    """The files of a workload, hardware, a mapping, or any two or three of them, as ours.

    A mapping belongs to the hardware that stands beside it, and names of dims that are not those of a convolution are
    told by the workload.

    Parameters
    ----------
    paths : sequence of str or Path
        At most one file of each kind.

    Returns
    -------
    Imported
        `workload.yaml`, `architecture.yaml` or both.

    Raises
    ------
    SpecError
        A file cannot be read, or says what has no words here; with its place.
    """
    sources: dict[str, Source] = {}
    for path in paths:
        source = load_source(path, last_wins=True)
        kind = _kind(source)
        if kind in sources:
            raise SpecError(f"this is the second {kind}, after {sources[kind].file}", file=str(path),
                            hint="give one file of each kind")  # fmt: skip
        sources[kind] = source
    if "mapping" in sources and "hardware" not in sources:
        raise SpecError("a mapping says where the dims of its hardware lie", file=sources["mapping"].file,
                        hint="give the hardware file, too")  # fmt: skip
    files: dict[str, str] = {}
    notes: list[str] = []
    network: ZigzagWorkload | None = None
    if "workload" in sources:
        network = read_workload(sources["workload"])
        files["workload.yaml"] = dump_workload(network.workload)
    if "hardware" in sources:
        unrollings = read_mapping(sources["mapping"], network) if "mapping" in sources else None
        text, notes = read_hardware(sources["hardware"], network, unrollings)
        files["architecture.yaml"] = text
    return Imported(files, tuple(notes))


def _kind(source: Source) -> str:
    data = source.data
    if isinstance(data, dict) and "operational_array" in data:
        return "hardware"
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        if any("operator_type" in item for item in data):
            return "workload"
        return "mapping"
    raise source.error(
        (), "this is no file of ZigZag's that is read",
        "a list of layers with operator_type, hardware with operational_array, or a list of mappings with names",
    )  # fmt: skip
