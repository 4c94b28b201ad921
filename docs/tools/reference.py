"""The reference of spec files, from the models that check them: `docs/reference/*.md`.

Each page is a model and those it refers to, a section each: what its docstring says, and a table of its keys with what
they may be, their default and their description.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dse.explore.compare.dataflows_file import DataflowsModel
from dse.explore.sweep_file import SweepModel
from dse.formats.architecture.model import ArchitectureModel, DataflowModel
from dse.formats.mapping import MappingModel
from dse.formats.text.quantity import KINDS
from dse.formats.workload.models import OPS, WorkloadSpec
from dse.problem.dims import FORMATS

FOLDER = Path(__file__).resolve().parents[1] / "reference"
Schema = dict[str, Any]

HEAD = "<!-- made by docs/tools/reference.py from the models' descriptions: edit those, then run `make pages` -->\n"
PAGES: dict[str, tuple[str, str, tuple[type[BaseModel], ...]]] = {
    "architecture": (
        "Architecture files",
        "An accelerator. Files of this kind are in `arch_specs/`; [your own files](../your-own.md) writes one step by step. "
        "`extends: other.yaml` takes another file, and this one changes it. A file of dataflows maps names to "
        "[dataflows](#dataflow).",
        (ArchitectureModel, DataflowModel),
    ),
    "workload": (
        "Workload files",
        "A network. Files of this kind are in `workloads/`. `extends: other.yaml` takes another file, and this one changes it. "
        "Wherever a whole number is asked for, a name under `parameters` may stand, or a multiple such as `4 * seq`. "
        "Under `layers`, the key of an operation says which it is: "
        + ", ".join(f"[`{key}`](#{key})" for key in OPS)
        + ".",
        (WorkloadSpec, *OPS.values()),
    ),
    "sweep": (
        "Sweep files",
        "An experiment that `dse sweep FILE` runs. Files of this kind are in `sweeps/`; [sweeps](../sweeps.md) says what spaces, "
        "limits and several networks mean. A file with `compare: dataflows` has [keys of its own](#dataflows).",
        (SweepModel, DataflowsModel),
    ),
    "mapping": (
        "Mapping files",
        "Explicit loop nests of some layers. `dse evaluate --save FILE` writes one, `--mapping FILE` prices it. A dim that a list "
        "steps over twice is written as a list of pairs, `[{K: 2}, {C: 4}, {K: 3}]`.",
        (MappingModel,),
    ),
}  # fmt: skip
"""Page to its title, what comes first, and its models."""

SUFFIXES = ("Model", "Spec")
OPERANDS = {"ifmap", "weight", "psum"}
DIMS = list("GNKCPQRS")
ENTRIES = {"ArchitectureModel": "The file", "WorkloadSpec": "The file", "SweepModel": "The file", "MappingModel": "The file"}
"""Headings that are not their model's name."""


def main(folder: Path = FOLDER) -> None:
    """Write the pages."""
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Page to its text."""
    return {**{name: _page(*parts) for name, parts in PAGES.items()}, "quantities": _quantities()}


def models() -> dict[str, Schema]:
    """Every model of the pages by its name: its schema."""
    found: dict[str, Schema] = {}
    for _, _, roots in PAGES.values():
        found |= _schemas(roots)
    return found


def _schemas(roots: tuple[type[BaseModel], ...]) -> dict[str, Schema]:
    """A page's models and those that they refer to, in the order in which they are read about."""
    known: dict[str, Schema] = {}
    own: dict[str, Schema] = {}
    for root in roots:
        schema = root.model_json_schema(by_alias=True)
        known |= schema.pop("$defs", {})
        own[root.__name__] = schema
    found: dict[str, Schema] = {}

    def visit(name: str, schema: Schema) -> None:
        if name not in found:
            found[name] = schema
            for other in _references(schema):
                visit(other, known.get(other) or own[other])

    for name, schema in own.items():
        visit(name, schema)
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _page(title: str, first: str, roots: tuple[type[BaseModel], ...]) -> str:
    parts = [HEAD, f"# {title}\n", first + "\n"]
    for name, schema in _schemas(roots).items():
        parts += [f"## {_heading(name)}\n", *_section(schema)]
    return "\n".join(parts)


def _section(schema: Schema) -> list[str]:
    text = " ".join(schema.get("description", "").split())
    rows = [
        f"| `{key}` | {_value(part)} | {_default(part, key in schema.get('required', ()))} | {_cell(part)} |"
        for key, part in schema["properties"].items()
    ]
    return [f"{text}\n", "| key | value | default | meaning |\n| --- | --- | --- | --- |", "\n".join(rows) + "\n"]


def _heading(name: str) -> str:
    for key, model in OPS.items():
        if model.__name__ == name:
            return key
    if name in ENTRIES:
        return ENTRIES[name]
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return "".join(f" {letter.lower()}" if letter.isupper() and i else letter for i, letter in enumerate(name))


def _cell(part: Schema) -> str:
    """A field's description; what a quantity says of itself is no description of the field."""
    text = " ".join(part.get("description", "").split())
    return "" if _kind(part) and text.startswith(("a ", "an ")) and "with its unit" in text else text.replace("|", "\\|")


def _kind(part: Schema) -> str | None:
    """The kind of quantity that a schema is for."""
    examples = part.get("examples")
    return next((kind for kind, (example, _) in KINDS.items() if examples == example.split(" or ")), None)


def _default(part: Schema, required: bool) -> str:
    if required:
        return "**needed**"
    value = part.get("default")
    if isinstance(value, dict) and set(value) == {"value", "unit"}:
        value = f"{value['value']:g} {value['unit']}"
    if value == DIMS:
        value = "any"
    return "" if value in (None, "", [], {}) or isinstance(value, dict) else f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def _value(part: Schema) -> str:
    """What a key may be, in words."""
    if "$ref" in part:
        heading = _heading(part["$ref"].rpartition("/")[2])
        return f"[{heading}](#{heading.lower().replace(' ', '-')})"
    for many in ("anyOf", "oneOf"):
        if many in part:
            said = dict.fromkeys(_value(one) for one in part[many] if one.get("type") != "null")
            if "number" in said:
                said.pop("whole number", None)
            return " or ".join(said)
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        if part["enum"] == DIMS:
            return "[dim](../model.md#layers-and-operands)"
        return ", ".join(f"`{one}`" for one in part["enum"])
    if kind := _kind(part):
        return f"[{kind}](quantities.md#{kind})"
    kind = part.get("type")
    if kind == "array":
        return "any" if "prefixItems" in part else f"list of {_value(part.get('items', {}))}"
    if kind == "object":
        return _mapping(part)
    return {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "string": "text"}.get(kind or "", "any")


def _mapping(part: Schema) -> str:
    keys = part.get("propertyNames", {}).get("enum") or list(part.get("properties", {}))
    every = part.get("patternProperties") or part.get("properties") or {}
    inner = part.get("additionalProperties") or next(iter(every.values()), {})
    to = _value(inner) if isinstance(inner, dict) else "any"
    if OPERANDS <= set(keys):
        return f"operand to {to}"
    return f"dim to {to}" if keys == DIMS else f"name to {to}"


def _quantities() -> str:
    """The page on numbers with units."""
    parts = [
        HEAD,
        "# Quantities\n",
        "A number and a unit, such as `108 KiB` or `0.5pJ`; `µ`, `²` and plurals are understood. A number without a unit is refused, "
        "and so are units that may be taken for one another (`KB`, `Kb`).\n",
    ]
    for kind, (example, units) in KINDS.items():
        named = " or ".join(f"`{one}`" for one in example.split(" or "))
        parts += [f"## {kind.capitalize()}\n", f"{', '.join(f'`{unit}`' for unit in units)}; for example {named}.\n"]
    formats = ", ".join(f"`{name}` ({bits})" for name, bits in FORMATS.items())
    parts += [
        "## What is relative\n",
        "- `word` is a word of the level that it is said of (`word_bits`).\n"
        "- `mac` is the energy of one MAC of the architecture; `pJ/bit` and `pJ/B` are taken for a word.\n"
        "- `/cycle` is per cycle of the architecture's clock.\n"
        "- A capacity may be `unlimited`, and a clock `max`: what the supply allows.\n",
        "## Number formats\n",
        f"Wherever a width is asked for, a format may stand for its bits: {formats}.\n",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
