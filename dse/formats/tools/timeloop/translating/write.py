"""The text of an architecture file of ours, with the energies that Timeloop was given or at the prices of our tables.

All words are elements, whatever their width at a level: Timeloop counts words, and so do the levels written here. An
access of several words, or one that several instances share, is written as its share for one word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.architecture.technology import Technology, load_technology, technology_names
from dse.errors import DseError
from dse.formats.text.yaml_text import flow, scalar
from dse.formats.tools.timeloop.reading.energies import COMPUTE, FILL, LEAK, READ, UPDATE, Table
from dse.formats.tools.timeloop.reading.machine import Machine, Store
from dse.formats.tools.timeloop.translating.plan import FanPlan, LevelPlan, Plan
from dse.formats.tools.timeloop.translating.rules import Rules
from dse.problem.dims import OPERANDS

CYCLE_S = 1e-9
"""Where nobody states a cycle: Timeloop's own reports speak of 1 GHz."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost.

    Parameters
    ----------
    bits : int
        Of an element.
    table : str
    node_nm : float or None
        That the table is scaled to.
    technology : Technology
        The table at that node.
    energies : mapping
        By component; empty for those of our tables.
    areas_um2 : mapping
        By component, of one instance.
    cycle_s : float
    """

    bits: int
    table: str
    node_nm: float | None
    technology: Technology
    energies: Mapping[str, Table]
    areas_um2: Mapping[str, float]
    cycle_s: float


def prices_of(
    machine: Machine, table: str | None, energies: Mapping[str, Table], areas_um2: Mapping[str, float]
) -> Prices:
    """Prices of a machine.

    Parameters
    ----------
    table : str or None
        Our table; by default the one of the machine's node, or the nearest one scaled to it.

    Raises
    ------
    DseError
        Neither a table, nor a node, nor energies are given.
    """
    node = machine.node_nm
    if table is None and node is None and not energies:
        raise machine.mac.where.error("no technology is stated, so nothing says what an access costs",
                                      "energies (ERT), or --technology cmos-45nm")  # fmt: skip
    nodes = {load_technology(name).node_nm: name for name in technology_names() if name.startswith("cmos-")}
    nearest = min(nodes, key=lambda size: abs(size - (node or size)))
    name = table or nodes[nearest if node else 45.0]
    scaled = node if table is None and node not in (None, *nodes) else None
    try:
        technology = load_technology(name, scaled)
    except DseError as error:
        raise machine.mac.where.error(error.message, error.hint) from None
    bits = machine.stores[0].bits
    return Prices(bits, name, scaled, technology, energies, areas_um2, machine.cycle_s or CYCLE_S)


def architecture_text(machine: Machine, plan: Plan, rules: Rules, prices: Prices, remarks: Sequence[str]) -> str:
    """An architecture file.

    Parameters
    ----------
    remarks : sequence of str
        Written at the head of the file.
    """
    technology: dict[str, Any] = {"table": prices.table}
    if prices.node_nm:
        technology["node"] = f"{prices.node_nm:g} nm"
    technology["clock"] = _frequency(1 / prices.cycle_s)
    lines = [*(f"# {remark}" for remark in remarks), f"architecture: {scalar(machine.name)}"]
    lines += [f"technology: {flow(technology)}", f"word_bits: {prices.bits}"]
    lines.append(f"precision: {flow(dict.fromkeys((*OPERANDS, 'ofmap'), prices.bits))}")
    lines.append("levels:")
    for at, entry in enumerate(plan.entries):
        if isinstance(entry, LevelPlan):
            fields = level_fields(entry, prices, is_first=at == 0)
        else:
            fields = _fan_out(entry, plan, rules, prices)
        lines.append(f"  {scalar(entry.name)}: {flow(fields)}")
    lines.append(f"mac: {flow(_mac(machine, prices))}")
    if rules.dataflow:
        lines.append(f"dataflow: {flow({'name': 'constraints', **rules.dataflow})}")
    return "\n".join(lines) + "\n"


def level_fields(level: LevelPlan, prices: Prices, *, is_first: bool) -> dict[str, Any]:
    """What the file says of a level."""
    stores = [operand for operand in OPERANDS if any(operand in keep.stores for keep in level.keeps)]
    free = [operand for operand in OPERANDS if any(operand in keep.free for keep in level.keeps)]
    fields: dict[str, Any] = {}
    parts = {operand: store for store, keep in zip(level.stores, level.keeps, strict=True) for operand in keep.fixed}
    if len(level.stores) > 1:
        fields["capacity"] = {operand: _size(parts[operand], prices) for operand in stores}
    elif level.stores[0].words is not None or not is_first:
        fields["capacity"] = _size(level.stores[0], prices)
    if len(level.stores) == 1 and set(stores) != set(OPERANDS):
        fields["stores"] = stores
    if free:
        fields["may_bypass"] = free
    if level.stores[0].is_double:
        fields["buffering"] = "double"
    fields |= _rates(level, parts)
    fields |= _prices(level, parts, prices)
    return fields


def _size(store: Store, prices: Prices) -> str:
    if store.words is None:
        return "unlimited"
    bits = store.words * prices.bits
    return f"{bits // 8192} KiB" if bits % 8192 == 0 else f"{store.words} word"


def _rates(level: LevelPlan, parts: Mapping[str, Store]) -> dict[str, Any]:
    """Words a cycle, together or of each partition."""
    keys = {"shared": "bandwidth", "read": "read_bandwidth", "write": "write_bandwidth"}
    if len(level.stores) == 1:
        store = level.stores[0]
        if "shared" in store.rates and len(store.rates) > 1:
            message = f"{store.name}: a shared bandwidth beside others has no words here"
            raise store.where.error(message, "one bandwidth of all accesses, or one of reads and one of writes")
        return {keys[way]: _rate(rate) for way, rate in store.rates.items()}
    found: dict[str, Any] = {}
    for way in ("read", "write"):
        each = {operand: _rate(parts[operand].rates[way]) for operand in parts if way in parts[operand].rates}
        found |= {keys[way]: each} if each else {}
    return found


def _prices(level: LevelPlan, parts: Mapping[str, Store], prices: Prices) -> dict[str, Any]:
    """Energies, powers and area, where our tables do not say them of what is written."""
    own = {store.name: _own_prices(store, prices, must=False) for store in level.stores}
    if any(own.values()):
        own = {store.name: _own_prices(store, prices, must=True) for store in level.stores}
    else:
        dram = _dram(level.stores[0], prices)
        return {"dram": dram} if dram else {}
    found: dict[str, Any] = {}
    if len(level.stores) == 1:
        (only,) = own.values()
        read, fill, update = only["energy_pj"]
        stores = [o for o in OPERANDS if any(o in keep.stores for keep in level.keeps)]
        if fill == update or "psum" not in stores:
            found["energy"] = _read_write(read, fill)
        else:
            found["energy"] = {o: _read_write(read, update if o == "psum" else fill) for o in stores}
    else:
        found["energy"] = {
            o: _read_write(own[store.name]["energy_pj"][0], own[store.name]["energy_pj"][2 if o == "psum" else 1])
            for o, store in sorted(parts.items(), key=lambda item: OPERANDS.index(item[0]))
        }  # fmt: skip
    areas = [each["area_um2"] for each in own.values()]
    if all(area is not None for area in areas):
        found["area"] = f"{sum(areas):.9g} um2"
    found["static_power"] = f"{sum(each['static_mw'] for each in own.values()):.9g} mW"
    found["clock_power"] = f"{sum(each['clock_mw'] for each in own.values()):.9g} mW"
    return found


def _own_prices(store: Store, prices: Prices, *, must: bool) -> dict[str, Any]:
    """Prices of one word of a store; unless they `must` be told, nothing for one that our tables price as written."""
    area = prices.areas_um2.get(store.name, 0.0 if store.is_dram else None)
    if store.name in prices.energies or store.energy_pj is not None:
        share = 1 / (store.block * store.cluster)
        table = prices.energies.get(store.name)
        if store.energy_pj is not None or table is None:  # what an architecture says of itself wins, as in Timeloop
            energies = (store.energy_pj or 0.0,) * 3
        else:
            fill = table.energy_pj(FILL)
            energies = (table.energy_pj(READ), fill, table.energy_pj(UPDATE, fill))
        leak = table.energy_pj(LEAK, 0.0) if table else 0.0
        return {"energy_pj": tuple(pj * share for pj in energies), "area_um2": area, "clock_mw": 0.0,
                "static_mw": leak / prices.cycle_s * 1e-9}  # fmt: skip
    if prices.energies:
        raise store.where.error(f"the table of energies has none of {store.name}", "ERT names each component")
    technology = prices.technology
    if store.is_dram and store.words is not None:  # only an unlimited level is priced as DRAM
        pj = technology.dram_energy_pj(store.bits, _dram(store, prices))
        return {"energy_pj": (pj, pj, pj), "area_um2": area, "static_mw": 0.0, "clock_mw": 0.0}
    if store.words is None or (store.bits == prices.bits and not must):
        return {}
    size = store.words * store.bits
    write = technology.sram_write_energy_pj(size, store.bits)
    return {
        "energy_pj": (technology.sram_read_energy_pj(size, store.bits), write, write),
        "area_um2": area or technology.sram_area_mm2(size) * 1e6,
        "static_mw": technology.sram_static_power_mw(size),
        "clock_mw": technology.sram_clock_energy_pj(size) / prices.cycle_s * 1e-9,
    }


def _dram(store: Store, prices: Prices) -> str | None:
    """The type of DRAM of a store, if our table has a price for it."""
    return store.dram if store.dram in dict(prices.technology.dram_pj_per_bit) else None


def _fan_out(fan: FanPlan, plan: Plan, rules: Rules, prices: Prices) -> dict[str, Any]:
    """A fan-out; Timeloop shares equal tiles alone, and charges no network that is not described."""
    fields: dict[str, Any] = {"rows": fan.mesh.y, "cols": fan.mesh.x, "multicast": "tile"}
    if prices.energies or fan is not plan.fan_outs[0]:
        fields["energy"] = "0 pJ"
    if fan.name in rules.wiring:
        fields["dims"] = rules.wiring[fan.name]
    return fields


def _mac(machine: Machine, prices: Prices) -> dict[str, Any]:
    mac = machine.mac
    fields: dict[str, Any] = {"bits": prices.bits}
    area = prices.areas_um2.get(mac.name)
    if mac.name in prices.energies or mac.energy_pj is not None:
        table = prices.energies.get(mac.name)
        pj = mac.energy_pj if mac.energy_pj is not None or table is None else table.energy_pj(COMPUTE)
        fields["energy"] = f"{pj:.12g} pJ"
        fields |= {"static_power": "0 mW", "clock_power": "0 mW"}  # Timeloop charges what levels leak, not what MACs do
    elif mac.is_float:
        raise mac.where.error(f"{mac.name} computes with floating point, which our tables price by format alone",
                              "energies (ERT), or mac: {format: fp32} in the file that is written")  # fmt: skip
    elif mac.bits != prices.bits:
        technology = prices.technology
        pj = technology.multiplier_energy_pj(mac.bits, mac.bits) + technology.adder_energy_pj(mac.bits)
        fields["energy"] = f"{pj:.12g} pJ"
        area = area or technology.mac_area_mm2(mac.bits) * 1e6
    return {**fields, "area": f"{area:.9g} um2"} if area else fields


def _read_write(read_pj: float, write_pj: float) -> Any:
    read, write = (f"{pj:.12g} pJ" for pj in (read_pj, write_pj))
    return read if read == write else {"read": read, "write": write}


def _rate(words: float) -> str:
    return f"{words:.12g} word/cycle"


def _frequency(hertz: float) -> str:
    return f"{hertz * 1e-9:.9g} GHz" if round(hertz) >= 1e9 else f"{hertz * 1e-6:.9g} MHz"
