"""ZigZag's mappings: which dims lie along which dimension of the array, and which memory operand is which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.formats.text.located import did_you_mean
from dse.formats.text.source import DataPath, Source
from dse.formats.tools.zigzag.typed import check_kinds
from dse.formats.tools.zigzag.workload import ZigzagWorkload

CONVOLUTION = {"B": "N", "G": "G", "K": "K", "C": "C", "OY": "P", "OX": "Q", "FY": "R", "FX": "S"}
"""ZigZag's usual names of the dims, to their names here."""

LINKS = {"O": "O", "W": "I2", "I": "I1"}
KEYS = ("name", "spatial_mapping", "spatial_mapping_hint", "memory_operand_links", "temporal_ordering")


@dataclass(frozen=True, slots=True)
class Unrolling:
    """What one entry of a mapping file says.

    Parameters
    ----------
    name : str
    source : Source
    path : tuple
        Of the entry.
    fixed : mapping from dimension of the array to (dim here, factor), if one dim is unrolled along it
    free : mapping from dimension of the array to dims that may be unrolled along it
    links : mapping from operand here to ZigZag's memory operand
    """

    name: str
    source: Source
    path: DataPath
    fixed: Mapping[str, tuple[str, int]]
    free: Mapping[str, tuple[str, ...]]
    links: Mapping[str, str]


def read_mapping(source: Source, network: ZigzagWorkload | None) -> list[Unrolling]:
    """The entries that layers with MACs take, as ZigZag chooses them: by name, by type, or the default.

    Parameters
    ----------
    source : Source
    network : ZigzagWorkload, optional
        Without one, the default alone.

    Returns
    -------
    list of Unrolling
        The entry of most layers first.

    Raises
    ------
    SpecError
        What has no words here, with its place.
    """
    names: dict[str, int] = {}
    for at, entry in enumerate(source.data):
        if not isinstance(entry.get("name"), str):
            raise source.error((at,), "an entry of a mapping has a name")
        names.setdefault(entry["name"], at)
    if network is None:
        if "default" not in names:
            hint = "give the workload, too, whose layers the entries are for"
            raise source.error((), "there is no entry named default", hint)
        return [_unrolling(source, names["default"], CONVOLUTION)]
    used: dict[int, list[str]] = {}
    for layer, kind in network.types.items():
        found = next((names[name] for name in (layer, kind, "default") if name in names), None)
        if found is None:
            what = f"there is no entry for {layer}, none for {kind} and no default"
            raise source.error((), what, did_you_mean(layer, names))
        used.setdefault(found, []).append(layer)
    order = sorted(used, key=lambda at: -len(used[at]))
    return [_unrolling(source, at, _dims(source, at, network, used[at])) for at in order]


def _dims(source: Source, at: int, network: ZigzagWorkload, layers: list[str]) -> dict[str, str]:
    """ZigZag's names of the dims of some layers, to ours."""
    found: dict[str, str] = {}
    for layer in layers:
        for dim, ours in network.dims[layer].items():
            if found.setdefault(dim, ours) != ours:
                raise source.error((at,), f"{dim} is {found[dim]} in one layer and {ours} in {layer}",
                                   "give each kind of layer an entry of its own")  # fmt: skip
    return {**CONVOLUTION, **found}


def _unrolling(source: Source, at: int, dims: Mapping[str, str]) -> Unrolling:
    entry, path = source.data[at], (at,)
    for key in entry:
        if key not in KEYS:
            raise source.error((*path, key), f"{key} has no words here", f"one of: {', '.join(KEYS)}", key=True)
    if entry.get("temporal_ordering"):
        message = "an order of loops has no words here: ZigZag gives each operand loops of its own by what its "
        message += "memories hold, while the loops of a level here are those of all its operands"
        hint = "leave temporal_ordering out: the mapper finds the best order"
        raise source.error((*path, "temporal_ordering"), message, hint, key=True)
    check_kinds(source, path, entry, mappings=("spatial_mapping", "spatial_mapping_hint", "memory_operand_links"))
    for key in ("spatial_mapping", "spatial_mapping_hint"):
        check_kinds(source, (*path, key), entry.get(key) or {}, lists=entry.get(key) or ())
    fixed: dict[str, tuple[str, int]] = {}
    for side, given in (entry.get("spatial_mapping") or {}).items():
        here = (*path, "spatial_mapping", side)
        pairs = [re.fullmatch(r"\s*(\w+)\s*,\s*(\d+)\s*", str(item)) for item in given or []]
        if not pairs or any(pair is None for pair in pairs):
            raise source.error(here, f"{side} has no dim with a factor", "e.g. D1: [\"K, 32\"]")
        unrolled = [(pair[1], int(pair[2])) for pair in pairs if pair and int(pair[2]) != 1]
        if len(unrolled) > 1:
            both = " and ".join(f"{dim}, {factor}" for dim, factor in unrolled)
            raise source.error(here, f"{both} along one dimension is a split that has no words here",
                               "give each dim a dimension of the array of its own")  # fmt: skip
        dim, factor = unrolled[0] if unrolled else ("", 1)
        fixed[side] = (_known(source, here, dim, dims) if dim else "", factor)
    free = {}
    for side, given in (entry.get("spatial_mapping_hint") or {}).items():
        if side not in fixed:
            here = (*path, "spatial_mapping_hint", side)
            free[side] = tuple(_known(source, here, str(dim), dims) for dim in given or [])
    return Unrolling(entry["name"], source, path, fixed, free, _links(source, path, entry))


def _known(source: Source, path: DataPath, dim: str, dims: Mapping[str, str]) -> str:
    if dim not in dims:
        hint = did_you_mean(dim, dims) or "give the workload, too, whose equations say what a dim is"
        raise source.error(path, f"it is not known what {dim} is", hint)
    return dims[dim]


def _links(source: Source, path: DataPath, entry: Mapping[str, Any]) -> dict[str, str]:
    links = {**LINKS, **(entry.get("memory_operand_links") or {})}
    if set(links) != set(LINKS) or sorted(map(str, links.values())) != sorted(LINKS.values()) or links["O"] != "O":
        raise source.error((*path, "memory_operand_links"), "each of O, W and I has a memory operand of its own",
                           "{O: O, W: I2, I: I1}")  # fmt: skip
    return {"psum": "O", "weight": links["W"], "ifmap": links["I"]}
