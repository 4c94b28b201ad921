"""SCALE-Sim's configuration files as architectures: a systolic array, a double-buffered SRAM for each operand.

Its words have 8 bits. Half of each SRAM holds a tile while the other half is filled. With `InterfaceBandwidth: CALC`
it looks for the rates at which nothing waits, so the outermost level has none; with `USER` each operand has its own.
Its first version, with `IfmapSramSz` and no `[run_presets]`, always did so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dse.errors import SpecError
from dse.formats.text.located import did_you_mean
from dse.formats.text.source import read_text
from dse.formats.text.yaml_text import flow, scalar
from dse.formats.tools.imported import Imported, Word, file_name, unquoted
from dse.formats.tools.scalesim import load_topology
from dse.formats.workload.write import dump_workload
from dse.problem.workload import Workload

DATAFLOWS = {
    "ws": ("weight", ["C"], ["K"]), "os": ("psum", ["N"], ["K"]), "is": ("ifmap", ["C"], ["N"]),
}  # fmt: skip
"""What stays in the PEs, and the dims of the matrix product on rows and columns."""

ADDRESSES = frozenset(("ifmapoffset", "filteroffset", "ofmapoffset"))
OF_RAMULATOR = frozenset(("onchipmemorybanks", "onchipmemorybankports", "memorybanks", "memorybankports",
                          "readrequestbuffer", "writerequestbuffer"))  # fmt: skip
OF_LAYOUT = frozenset(f"{operand}{key}" for operand in ("ifmap", "filter")
                      for key in ("customlayout", "srambankbandwidth", "srambanknum", "srambankport"))  # fmt: skip
OF_SPARSITY = frozenset(("sparsitysupport", "sparserep", "optimizedmapping", "blocksize", "randomnumbergeneratorseed"))
FIRST_VERSION = {f"{operand}sramsz": f"{operand}sramszkb" for operand in ("ifmap", "filter", "ofmap")}
"""Keys of SCALE-Sim's first version to those of today; both are in KiB."""

KNOWN = {
    "general": frozenset(("run_name",)),
    "architecture_presets": frozenset(("arrayheight", "arraywidth", "ifmapsramszkb", "filtersramszkb", "ofmapsramszkb",
                                       "dataflow", "bandwidth")) | ADDRESSES | OF_RAMULATOR,
    "layout": OF_LAYOUT,
    "sparsity": OF_SPARSITY,
    "run_presets": frozenset(("interfacebandwidth", "useramulatortrace")),
    "network_presets": frozenset(("topologycsvloc",)),
}  # fmt: skip
NOTES = (
    "SCALE-Sim has neither clock nor energies: 1 GHz and those of cmos-28nm are ours, change `technology`",
    "layers run as matrix products: a word that windows share comes from DRAM for each of them, in SCALE-Sim once",
)


@dataclass(frozen=True)
class Config:
    """The values of a configuration file by section and key, both in small letters."""

    file: str
    lines: Sequence[str]
    entries: Mapping[tuple[str, str], Word]
    is_first_version: bool = False

    def error(self, entry: Word, message: str, hint: str | None = None) -> SpecError:
        return entry.error(message, self.file, self.lines, hint)

    def entry(self, section: str, key: str) -> Word:
        found = self.entries.get((section, key.lower()))
        if found is None:
            named = [at for at, line in enumerate(self.lines, 1) if line.strip().lower() == f"[{section}]"]
            raise SpecError(f"[{section}] has no {key}", file=self.file, line=(named or [1])[0], column=1)
        return found

    def number(self, section: str, key: str) -> int:
        entry = self.entry(section, key)
        if not entry.text.isdecimal() or not 1 <= int(entry.text) <= 1 << 40:
            raise self.error(entry, f"{key}: {entry.text!r} is no whole number above 0")
        return int(entry.text)

    def word(self, section: str, key: str, default: str) -> str:
        found = self.entries.get((section, key.lower()))
        return found.text if found else default


def import_scalesim(paths: Sequence[str | Path]) -> Imported:
    """A configuration file as an architecture, topology files as a workload.

    Parameters
    ----------
    paths : sequence of str or Path
        Configurations end in `.cfg`; at most one.

    Returns
    -------
    Imported
        `architecture.yaml`, `workload.yaml` or both.

    Raises
    ------
    SpecError
        A file cannot be read, or says what has no words here; with its place.
    """
    configs = [path for path in paths if str(path).lower().endswith(".cfg")]
    topologies = [path for path in paths if path not in configs]
    if len(configs) > 1:
        raise SpecError(f"this is the second configuration, after {configs[0]}", file=str(configs[1]))
    files: dict[str, str] = {}
    if topologies:
        read = [load_topology(path) for path in topologies]
        nodes = {node.name: node for workload in read for node in workload.nodes}
        if len(nodes) < sum(len(workload.nodes) for workload in read):
            raise SpecError("two topology files have layers of the same name", file=str(topologies[1]),
                            hint="import them one by one")  # fmt: skip
        files["workload.yaml"] = dump_workload(Workload("_".join(w.name for w in read), tuple(nodes.values())))
    if configs:
        files["architecture.yaml"] = architecture_text(read_text(configs[0]), str(configs[0]))
    return Imported(files, NOTES if configs else ())


def architecture_text(text: str, file: str = "<text>") -> str:
    """The text of an architecture file for a configuration; `file` is named in errors.

    Raises
    ------
    SpecError
        What has no words here, with its place.
    """
    config = _parsed(text, file)
    _refuse(config)
    presets = "architecture_presets"
    flow_entry = config.entry(presets, "Dataflow")
    if flow_entry.text not in DATAFLOWS:
        raise config.error(flow_entry, f"{flow_entry.text!r} is no dataflow", f"one of: {', '.join(DATAFLOWS)}")
    stays, rows, cols = DATAFLOWS[flow_entry.text]
    sizes = {ours: f"{config.number(presets, f'{theirs}SramSzkB')} KiB"
             for theirs, ours in (("Ifmap", "ifmap"), ("Filter", "weight"), ("Ofmap", "psum"))}  # fmt: skip
    array = {"rows": config.number(presets, "ArrayHeight"), "cols": config.number(presets, "ArrayWidth"),
             "multicast": "word", "reduces": "psum", "skew": 1}  # fmt: skip
    if stays != "psum":
        array["load"] = [stays]
    dataflow = {"name": f"scale-sim-{flow_entry.text}", "rows": rows, "cols": cols}
    if stays != "psum":
        dataflow["inside"] = []
    name = config.word("general", "run_name", "scale-sim").strip('"')
    lines = [
        f"# Of {file_name(file)}, a configuration of SCALE-Sim: words of 8 bits, SRAMs of which one half is filled",
        "# while the other is used, layers as matrix products.",
        *(f"# {note[0].upper()}{note[1:]}." for note in NOTES),
        f"architecture: {scalar(name)}",
        "technology: {table: cmos-28nm, clock: 1 GHz}",
        "word_bits: 8",
        "precision: {ifmap: 8, weight: 8, psum: 8}",
        "fuses: [activation, batch_norm, pool, add, concat]  # SCALE-Sim runs layers alone",
        "lower: matmul",
        "",
        "levels:",
        f"  DRAM: {flow({'dram': 'lpddr4', **_rates(config)})}",
        f"  SRAM: {flow({'capacity': sizes, 'buffering': 'double'})}",
        f"  array: {flow(array)}",
        f"  PE: {flow({'capacity': {stays: '1 word'}})}",
        "mac: {bits: 8}",
        "",
        f"dataflow: {flow({**dataflow, 'stationary': stays})}",
    ]
    return unquoted("\n".join(lines) + "\n")


def _rates(config: Config) -> dict[str, object]:
    """Rates of the outermost level, if the file sets any: reads of ifmaps and weights by their banks where it has a
    layout (SCALE-Sim 3), all by `Bandwidth` otherwise."""
    if config.is_first_version and not any(section == "run_presets" for section, _ in config.entries):
        return {}
    mode = config.entry("run_presets", "InterfaceBandwidth")
    if mode.text not in ("CALC", "USER"):
        raise config.error(mode, f"{mode.text!r} is no way of setting the bandwidth", "CALC or USER")
    if mode.text == "CALC":
        return {}
    given = config.entry("architecture_presets", "Bandwidth")
    several = {part.strip() for part in given.text.split(",")}
    (rate, *others) = several
    if others or not rate.isdecimal() or int(rate) < 1:
        raise config.error(given, f"Bandwidth: {given.text!r} is no whole number above 0",
                           "SCALE-Sim uses the first of several: state that one")  # fmt: skip
    banks = {"ifmap": "IfmapSRAMBankBandwidth", "weight": "FilterSRAMBankBandwidth"}
    has_layout = any(section == "layout" for section, _ in config.entries)
    reads = {ours: config.number("layout", key) if has_layout else int(rate) for ours, key in banks.items()}
    words = {operand: f"{number} word/cycle" for operand, number in {**reads, "psum": int(rate)}.items()}
    return {"bandwidth": words}


def _refuse(config: Config) -> None:
    """Raise for what is known and has no words here."""
    checks = (("sparsity", "SparsitySupport", "a systolic array with sparse filters"),
              ("layout", "IfmapCustomLayout", "a layout of its own in the banks of an SRAM"),
              ("layout", "FilterCustomLayout", "a layout of its own in the banks of an SRAM"),
              ("run_presets", "UseRamulatorTrace", "a DRAM trace of Ramulator"))  # fmt: skip
    for section, key, what in checks:
        entry = config.entries.get((section, key.lower()))
        if entry and entry.text.lower() == "true":
            raise config.error(entry, f"{key}: {what} has no words here", f"{key}: false")


def _parsed(text: str, file: str) -> Config:
    lines = text.splitlines()
    entries: dict[tuple[str, str], Word] = {}
    config = Config(file, lines, entries)
    section, is_first = "", False
    for here, line in _meaningful(lines):
        if line.startswith("["):
            section = line.strip("[]").strip().lower()
            if section not in KNOWN:
                raise config.error(here, f"the section {line} is not read", did_you_mean(section, KNOWN))
            continue
        match = re.match(r"([^:=]+?)\s*[:=]\s*(.*)$", line)
        if match is None or not section:
            raise config.error(here, f"{line!r} is no key with a value in a section", "e.g. ArrayHeight : 32")
        written = match[1].lower()
        key = FIRST_VERSION.get(written, written)
        is_first |= key != written
        if key not in KNOWN[section]:
            raise config.error(here, f"{match[1]} of [{section}] has no words here", did_you_mean(key, KNOWN[section]))
        if (section, key) in entries:
            raise config.error(here, f"{match[1]} is given twice")
        entries[section, key] = Word(match[2].strip(), here.line, here.column + match.start(2))
    return Config(file, lines, entries, is_first)


def _meaningful(lines: Sequence[str]) -> Iterator[tuple[Word, str]]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.strip().startswith(("#", ";")):
            yield Word(line, number, len(line) - len(line.lstrip()) + 1), line.strip()
