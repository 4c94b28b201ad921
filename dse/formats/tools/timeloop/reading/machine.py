"""An architecture as Timeloop sees it, whichever of its forms it was written in: stores, meshes and a compute unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from dse.errors import SpecError
from dse.formats.text.located import DataPath, Source

RATES = ("shared_bandwidth", "read_bandwidth", "write_bandwidth")

_USED = {
    "word_bits", "word_width", "datawidth", "block_size", "n_words", "width", "memory_width", "data_storage_width",
    "entries", "depth", "memory_depth", "data_storage_depth", "sizeKB", "cluster_size", "technology", "bandwidth",
    *RATES, "multiple_buffering", "instances", "meshX", "meshY", "type", "global_cycle_seconds", "cycle_seconds",
    "class", "subclass", "name", "vector_access_energy", "energy", "area", "cluster_area", "multiplier_width",
    "adder_width",
}  # fmt: skip

_PRICING = {
    "n_banks", "num_banks", "nbanks", "num_ports", "n_ports", "nports", "n_rdwr_ports", "n_rw_ports", "n_rd_ports",
    "n_wr_ports", "update_fifo_depth", "addr_gen_bits", "version", "action_latency_cycles", "n_instances",
    "network_word_bits", "latency", "enabled", "required_actions",
}  # fmt: skip
"""What only an estimator of energies reads: prices come from the given tables, or from ours."""

_HARMLESS: Mapping[str, Any] = {
    "has_power_gating": False, "power_gated_at": None, "reduction_supported": True, "min_utilization": 0,
    "allow_overbooking": False, "decompression_supported": False, "compression_supported": False,
    "metadata_storage_width": 0, "metadata_storage_depth": 0, "metadata_datawidth": 0, "metadata_block_size": 0,
    "metadata_counter_width": 0, "network_fill_latency": 0, "network_drain_latency": 0,
}  # fmt: skip
"""Attributes that may stand there as long as they ask for nothing."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place of a file."""

    source: Source
    path: DataPath

    def error(self, message: str, hint: str | None = None, *more: str | int, key: bool = False) -> SpecError:
        """An error about this place, or one `more` inside it; the caller raises it."""
        return self.source.error((*self.path, *more), message, hint, key=key)


@dataclass(frozen=True, slots=True)
class Store:
    """A storage level, all instances alike.

    Parameters
    ----------
    name : str
    where : Where
    words : int or None
        Capacity of an instance; None is unlimited.
    bits : int
        Of a word.
    block : int
        Words of one access.
    cluster : int
        Instances that share one access.
    is_dram : bool
    dram : str or None
        Type of DRAM.
    rates : dict
        Words a cycle of `shared`, `read` and `write`, where limited.
    is_double : bool
        Whether half the capacity holds a tile.
    energy_pj : float or None
        Of an access, where the architecture itself says it.
    group : int or None
        The same number for stores that stand beside each other.
    """

    name: str
    where: Where
    words: int | None
    bits: int
    block: int
    cluster: int
    is_dram: bool
    dram: str | None
    rates: Mapping[str, float]
    is_double: bool
    energy_pj: float | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Mesh:
    """Copies of all that is further in.

    Parameters
    ----------
    name : str
    targets : tuple of str
        What spatial directives call it.
    x, y : int
    where : Where
    """

    name: str
    targets: tuple[str, ...]
    x: int
    y: int
    where: Where


@dataclass(frozen=True, slots=True)
class Mac:
    """The compute unit; `energy_pj` where the architecture itself says it."""

    name: str
    where: Where
    bits: int
    is_float: bool
    energy_pj: float | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture.

    Parameters
    ----------
    name : str
    parts : tuple of Store or Mesh
        Outermost first.
    mac : Mac
    node_nm : float or None
    cycle_s : float or None
    constraints : tuple of (path, dict)
        What nodes of the architecture itself ask of mappings, each with its target's name under `target`.
    completes : bool
        Whether a spatial permutation leaves out dims of one trip that stand in front of it, as v0.4's front end says.
    """

    name: str
    parts: tuple[Store | Mesh, ...]
    mac: Mac
    node_nm: float | None = None
    cycle_s: float | None = None
    constraints: tuple[tuple[Where, Mapping[str, Any]], ...] = field(default=())
    completes: bool = False

    @property
    def stores(self) -> tuple[Store, ...]:
        return tuple(part for part in self.parts if isinstance(part, Store))


def fields_of(source: Source, path: DataPath) -> dict[Any, Any]:
    """The mapping at a path, empty if nothing stands there.

    Raises
    ------
    SpecError
        Something else stands there.
    """
    value = source.get(path) if path in source.places else None
    if value is not None and not isinstance(value, dict):
        raise source.error(path, f"{path[-1]}: {value} is no mapping", "e.g. {name: value}")
    return value or {}


def items_of(source: Source, path: DataPath) -> list[Any]:
    """The list at a path, empty if nothing stands there; raises like `fields_of`."""
    value = source.get(path) if path in source.places else None
    if value is not None and not isinstance(value, list):
        raise source.error(path, f"{path[-1]}: {value} is no list", "e.g. [...]")
    return value or []


def plain_keys(given: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping with underscores in its keys, as Timeloop reads hyphens."""
    return {str(key).replace("-", "_"): value for key, value in given.items()}


def checked_attributes(where: Where, given: Mapping[Any, Any], around: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a component with the spelling of keys that Timeloop reads.

    Parameters
    ----------
    around : mapping
        Attributes of what is around it: variables may stand there.

    Raises
    ------
    SpecError
        One of them has no words here.
    """
    for written, value in given.items():
        name = str(written).replace("-", "_")
        if name in _HARMLESS and value in (_HARMLESS[name], None):
            continue
        if name.startswith("metadata") or name in ("decompression_supported", "compression_supported"):
            message = f"{written}: {value}: compressed tensors of Timeloop are not read"
            raise where.error(message, None, written, key=True)
        if name not in _USED and name not in _PRICING and around.get(str(written), ...) != value:
            raise where.error(f"the attribute {written} has no words here", None, written, key=True)
    return {name: value for name, value in plain_keys(given).items() if name not in _HARMLESS}


def read_store(
    name: str, where: Where, kind: str, given: Mapping[Any, Any], around: Mapping[str, Any] = MappingProxyType({})
) -> Store:
    """A storage level from its attributes, by the rules of Timeloop's `BufferLevel::ParseSpecs`."""
    values = checked_attributes(where, given, around)
    bits = _count(where, values, ("word_bits", "word_width", "datawidth")) or 16
    width = _count(where, values, ("width", "memory_width", "data_storage_width"))
    block, cluster = _count(where, values, ("block_size", "n_words")), _count(where, values, ("cluster_size",))
    if width is not None:
        if width % (bits * (block or 1) * (cluster or 1)):
            each = "" if cluster is None else f" for each of the {cluster} instances that share it"
            message = f"{name}: a width of {width} bits holds no whole number of words of {bits} bits{each}"
            raise where.error(message, None, "width")
        if block is None:
            block = width // (cluster or 1) // bits
        cluster = cluster or width // (bits * block)
    block, cluster = block or 1, cluster or 1
    words = _count(where, values, ("entries",), least=0)
    if words is None and (depth := _count(where, values, ("depth", "memory_depth", "data_storage_depth"))):
        words = depth * block
    if words is None and (kilobytes := _count(where, values, ("sizeKB",))):
        words = kilobytes * 1024 * 8 // bits
    is_dram = "DRAM" in kind or values.get("technology") == "DRAM"
    rates = {rate.removesuffix("_bandwidth"): _number(where, values, rate) for rate in RATES if rate in values}
    if "bandwidth" in values:  # Timeloop's own reading of a key that it calls deprecated
        rates |= dict.fromkeys(("read", "write"), _number(where, values, "bandwidth") / 2)
    buffering = values.get("multiple_buffering", 1)
    if buffering not in (1, 2):
        message = f"{name}: multiple_buffering of {buffering} has no words here"
        raise where.error(message, "1 or 2", "multiple_buffering")
    return Store(
        name, where, words, bits, block, cluster, is_dram,
        str(values["type"]).lower() if is_dram and values.get("type") else None, rates, buffering == 2,
        _number(where, values, "vector_access_energy") if "vector_access_energy" in values else None,
    )  # fmt: skip


def read_mac(
    name: str, where: Where, kind: str, given: Mapping[Any, Any], around: Mapping[str, Any] = MappingProxyType({})
) -> Mac:
    """The compute unit from its attributes."""
    values = checked_attributes(where, given, around)
    bits = _count(where, values, ("multiplier_width", "datawidth", "word_bits", "width")) or 16
    energy = _number(where, values, "energy") if "energy" in values else None
    return Mac(name, where, bits, "fp" in kind.lower() or "float" in kind.lower(), energy)


def instances_of(where: Where, name: str, given: Mapping[str, Any], copies: int) -> tuple[int, int]:
    """Columns and rows of all instances of a component, by the rules of `ValidateTopology`.

    Parameters
    ----------
    given : mapping
        Its attributes.
    copies : int
        As its name and the trees around it say, where the attributes do not.
    """
    values = plain_keys(given)
    count, x, y = (_count(where, values, (key,)) for key in ("instances", "meshX", "meshY"))
    if count is None and x is not None and y is not None and copies == 1:
        count = x * y
    count = count or copies
    x = x or (count if y is None else count // y)
    if count % x or (y is not None and x * y != count):
        raise where.error(f"{name} has {count} instances, which are no mesh of {x} columns", None, "meshX")
    return x, count // x


def mesh_between(name: str, target: str, where: Where, outer: tuple[int, int], inner: tuple[int, int]) -> Mesh | None:
    """What lies between two levels with these columns and rows of instances; None if nothing does."""
    if outer == inner:
        return None
    if inner[0] % outer[0] or inner[1] % outer[1]:
        message = f"{inner[0]} x {inner[1]} instances are no multiple of the {outer[0]} x {outer[1]} around them"
        raise where.error(message, "instances, meshX and meshY of a level are multiples of the next outer level's")
    return Mesh(name, (target,), inner[0] // outer[0], inner[1] // outer[1], where)


def technology_of(values: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Node in nanometres and cycle in seconds, where attributes state them."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*nm\s*", str(values.get("technology", "")))
    cycle = values.get("global_cycle_seconds", values.get("cycle_seconds"))
    seconds = float(cycle) if isinstance(cycle, int | float) and not isinstance(cycle, bool) and cycle > 0 else None
    return float(match[1]) if match else None, seconds


def with_values(data: Any, variables: Mapping[str, Any]) -> Any:
    """Attributes in which names of variables are replaced by what they stand for."""
    return {key: variables.get(value, value) if isinstance(value, str) else value for key, value in data.items()}


def in_group(store: Store, group: int) -> Store:
    return replace(store, group=group)


def _count(where: Where, values: Mapping[str, Any], names: tuple[str, ...], least: int = 1) -> int | None:
    """The first of these attributes that is given, a whole number."""
    for name in names:
        if name in values and values[name] is not None:
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                hint = "write the number: expressions are not read" if isinstance(value, str) else None
                raise where.error(f"{name}: {value} is no whole number of at least {least}", hint, name)
            return value
    return None


def _number(where: Where, values: Mapping[str, Any], name: str) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        hint = "write the number: expressions are not read" if isinstance(value, str) else None
        raise where.error(f"{name}: {value} is no number of at least 0", hint, name)
    return float(value)
