"""Timeloop's files as ours: any of its problems, an architecture, constraints, energies and a mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dse.architecture.architecture import Architecture
from dse.errors import DseError, MappingError, SpecError
from dse.formats.architecture.load import read_architecture_spec
from dse.formats.mapping import dump_mappings
from dse.formats.text.located import DataPath, Source, raise_all
from dse.formats.text.source import parse_source
from dse.formats.tools.imported import Imported, unquoted
from dse.formats.tools.timeloop.reading.directives import Directive, listed, read_directive
from dse.formats.tools.timeloop.reading.energies import read_areas, read_energies
from dse.formats.tools.timeloop.reading.flat import read_flat
from dse.formats.tools.timeloop.reading.load import load_timeloop
from dse.formats.tools.timeloop.reading.machine import Machine
from dse.formats.tools.timeloop.reading.nodes import read_nodes
from dse.formats.tools.timeloop.reading.problem import Problem, default_names, read_problem, workload_of
from dse.formats.tools.timeloop.reading.subtree import read_subtree
from dse.formats.tools.timeloop.translating.nest import loops_of, nest_of, with_bounds
from dse.formats.tools.timeloop.translating.plan import Plan, check_targets, keeping, plan
from dse.formats.tools.timeloop.translating.rules import Asked, rules_of
from dse.formats.tools.timeloop.translating.write import CYCLE_S, architecture_text, prices_of
from dse.formats.workload.write import dump_workload
from dse.mapper.rules_kept import broken_rules
from dse.model.fit import check_fit
from dse.problem.dims import DIMS

_SECTIONS = {
    "problem": "problem", "architecture": "architecture", "arch": "architecture", "mapping": "mapping",
    "constraints": "constraints", "mapspace": "constraints", "mapspace_constraints": "constraints",
    "architecture_constraints": "constraints", "ERT": "ERT", "ART": "ART", "variables": "variables",
}  # fmt: skip
"""Keys of Timeloop's files to what is read of them."""

_PASSED = (
    "mapper", "components", "compound_components", "ERT_summary", "ART_summary", "globals",
    "dumped_by_timeloop_front_end",
)  # fmt: skip
"""Keys that say how Timeloop searches and how Accelergy prices: nothing of what is written here. So do keys with
`ignore` in them, which its front end passes over."""


@dataclass
class _Given:
    """The sections of all files, each with its file."""

    sections: dict[str, list[tuple[Source, DataPath]]] = field(default_factory=dict)

    def all(self, kind: str) -> list[tuple[Source, DataPath]]:
        return self.sections.get(kind, [])

    def one(self, kind: str) -> tuple[Source, DataPath] | None:
        found = self.all(kind)
        if len(found) > 1:
            source, path = found[1]
            raise source.error(path, f"there is a second {kind}, after that of {found[0][0].file}", key=True)
        return found[0] if found else None


def import_timeloop(
    paths: Sequence[str | Path], name: str, *, technology: str | None = None, drop_constraints: bool = False
) -> Imported:
    """Read Timeloop's files together.

    Parameters
    ----------
    paths : sequence of str or Path
        Files, or folders with files of one design.
    name : str
        Of the workload and the mapping.
    technology : str, optional
        Our table that prices what no table of energies does.
    drop_constraints : bool
        Leave out constraints that have no words here, and note them; our mapspace is then larger.

    Returns
    -------
    Imported
        `architecture.yaml`, `workload.yaml` and `mapping.yaml`, as far as there is one.

    Raises
    ------
    SpecError
        Something has no words here; with its place.
    """
    given = _sections(paths)
    problems = [(source, read_problem(source, Path(source.file).stem)) for source, _ in given.all("problem")]
    texts = {"workload.yaml": dump_workload(workload_of(problems, name))} if problems else {}
    architecture = given.one("architecture")
    if architecture is None:
        for kind in ("mapping", "constraints", "ERT"):
            for source, path in given.all(kind):
                message = f"{kind} needs the architecture that it speaks of"
                raise source.error(path, message, "give its file along", key=True)
        return Imported(texts, ())
    return _Import(given, _machine(*architecture, given), problems, name).made(texts, technology, drop_constraints)


def _sections(paths: Sequence[str | Path]) -> _Given:
    given = _Given()
    for path in _files(paths):
        source = load_timeloop(path)
        if not isinstance(source.data, dict) or not source.data:
            raise source.error((), "a file of Timeloop is a mapping", "with problem, architecture, mapping, ...")
        for key, value in source.data.items():
            spelt = str(key).replace("-", "_")
            if spelt in _PASSED or "ignore" in spelt or value in (None, [], {}):
                continue
            if spelt not in _SECTIONS:
                hint = f"read are {', '.join(_SECTIONS)}"
                raise source.error((key,), f"{key} has no words here", hint, key=True)
            given.sections.setdefault(_SECTIONS[spelt], []).append((source, (key,)))
    return given


def _files(paths: Sequence[str | Path]) -> list[Path]:
    """The paths, each folder replaced by the YAML files in it."""
    found: list[Path] = []
    for path in map(Path, paths):
        files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
        if not files:
            inside = sorted({file.parent.name for file in path.glob("*/*.y*ml")})
            hint = f"one of its folders: {', '.join(inside)}" if inside else "a folder of Timeloop's files"
            raise SpecError("there is no YAML in this folder", file=str(path), hint=hint)
        found += files
    return found


def _machine(source: Source, path: DataPath, given: _Given) -> Machine:
    variables: dict[str, Any] = {}
    for other, section in given.all("variables"):
        variables |= {key: value for key, value in (other.get(section) or {}).items() if key != "version"}
    data = source.get(path)
    if isinstance(data, dict) and "storage" in data:
        return read_flat(source, str(path[0]))
    if path == ("architecture",) and isinstance(data, dict) and "nodes" in data:
        return read_nodes(source, variables)
    if path == ("architecture",) and isinstance(data, dict) and ("subtree" in data or "local" in data):
        return read_subtree(source, variables)
    raise source.error(path, "no architecture of Timeloop", "storage (v0.1), subtree (v0.3) or nodes (v0.4)", key=True)


@dataclass
class _Import:
    """The files of one design."""

    given: _Given
    machine: Machine
    problems: Sequence[tuple[Source, Problem]]
    name: str

    def made(self, texts: dict[str, str], technology: str | None, drop_constraints: bool) -> Imported:
        asked, mapping = self.asked(), self.mapping()
        check_targets(self.machine, (*asked.directives, *mapping))
        keeps = keeping(self.machine, asked.directives)
        chances = [asked.loops(self.machine), *([loops_of(self.machine, mapping)] if mapping else [])]
        planned = plan(self.machine, keeps, chances)
        rules = rules_of(self.machine, planned, asked)
        if rules.unsaid and not drop_constraints:
            raise_all(rules.unsaid)
        notes = self.notes(rules.unsaid)
        energies = self.given.one("ERT")
        areas = self.given.one("ART")
        tables = (read_energies(energies[0]) if energies else {}, read_areas(areas[0]) if areas else {})
        prices = prices_of(self.machine, technology, *tables)
        remarks = [f"Made of Timeloop's {', '.join(self.files())}.", *notes]
        text = unquoted(architecture_text(self.machine, planned, rules, prices, remarks))
        architecture = self.built(text)
        texts = {"architecture.yaml": text, **texts}
        if mapping:
            made, note = self.mapped(planned, asked, mapping, architecture)
            texts["mapping.yaml"] = made
            notes += note
        return Imported(texts, tuple(notes))

    def files(self) -> list[str]:
        return sorted({Path(source.file).name for found in self.given.sections.values() for source, _ in found})

    def notes(self, unsaid: Sequence[SpecError]) -> list[str]:
        machine = self.machine
        notes = [] if machine.cycle_s else [f"No cycle time is stated: a clock of {1e-9 / CYCLE_S:g} GHz is assumed."]
        shared = [store.name for store in machine.stores if store.cluster > 1]
        if shared:
            notes.append(f"An access of {', '.join(shared)} is taken to be shared by all instances of its cluster.")
        notes += [f"Left out, as no words here say it: {error.message}." for error in unsaid]
        return notes

    def asked(self) -> Asked:
        """The constraints in our words."""
        names = self.problems[0][1].names if self.problems else default_names()
        for source, problem in self.problems[1:]:
            if problem.names != names and (self.machine.constraints or self.given.all("constraints")):
                raise source.error(("problem",), "its dims or tensors differ from those of the first problem", key=True)
        found = [read_directive(where, said, names) for where, said in self.machine.constraints]
        for source, path in self.given.all("constraints"):
            found += [read_directive(where, said, names) for where, said in listed(source, path)]
        layers = [problem.layer for _, problem in self.problems]
        bounds = {dim: max(layer.bounds[DIMS.index(dim)] for layer in layers) for dim in DIMS} if layers else {}
        return Asked(tuple(found), tuple(names.dims.values()), bounds)

    def mapping(self) -> tuple[Directive, ...]:
        """The directives of the mapping; none without one."""
        section = self.given.one("mapping")
        if section is None:
            return ()
        source, path = section
        if len(self.problems) != 1:
            raise source.error(path, f"a mapping is of one problem, and there are {len(self.problems)}", key=True)
        problem = self.problems[0][1]
        found = [read_directive(where, said, problem.names) for where, said in listed(source, path)]
        return with_bounds(found, dict(zip(DIMS, problem.layer.bounds, strict=True)))

    def built(self, text: str) -> Architecture:
        """The architecture that the text of a file says; what it lacks is told at the place of Timeloop's."""
        try:
            return read_architecture_spec(parse_source(text, "architecture.yaml")).architecture
        except DseError as error:
            source, path = self.given.all("architecture")[0]
            raise source.error(path, error.message, error.hint, key=True) from None

    def mapped(
        self, planned: Plan, asked: Asked, mapping: Sequence[Directive], architecture: Architecture
    ) -> tuple[str, list[str]]:
        """The text of the mapping's file, and what its user should know."""
        layer = architecture.lowered(self.problems[0][1].layer)
        nest = nest_of(self.machine, planned, asked, mapping)
        source, path = self.given.all("mapping")[0]
        try:
            nest.check(architecture, layer)
            check_fit(layer, architecture, nest)
        except MappingError as error:
            raise source.error(path, error.message, error.hint, key=True) from None
        broken = broken_rules(architecture, layer, nest)
        notes = [f"The mapping breaks a constraint, evaluate it with --any-mapping: {rule}." for rule in broken]
        return dump_mappings(self.name, architecture, {layer.name: nest}, counting="timeloop"), notes
