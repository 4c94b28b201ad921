"""Tensors on chip in the terminal: what stays, what that saves, why others do not stay, and the proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dse.model.cost import edp_js
from dse.report.table import Table, fold
from dse.report.units import capacity, duration, energy, si, whole

if TYPE_CHECKING:
    from dse.mapper import Residency
    from dse.mapper.network.residency.outcome.result import ResidencyCertificate

LARGEST = 3
"""Tensors that lack room that `on_chip` tells of."""


def kept_table(plain: Mapping[str, Any]) -> Table:
    """One row for each tensor that stays on chip: from and until which step, and its words to the outermost level.

    Parameters
    ----------
    plain : mapping
        What `MappedWorkload.to_dict()` gives for a run with tensors on chip.
    """
    run = plain["residency"]
    rows = [
        {"tensor": tensor["name"], "size": capacity(tensor["bits"]), "in": _where(tensor), **_words(tensor)}
        for tensor in run["tensors"] if tensor["steps"]
    ]  # fmt: skip
    note = "words before, after: of the tensor, across the edge of the outermost level; with nothing on chip, and now"
    title = f"tensors of {plain['workload']} that stay in {run['level']}, and the layers in which they do"
    return Table.of(rows, left=frozenset({"tensor", "in"}), title=title, note=note)


def left_table(plain: Mapping[str, Any]) -> Table:
    """One row for each tensor that never is on chip, and why; as `kept_table`."""
    run = plain["residency"]
    rows = [
        {"tensor": tensor["name"], "size": capacity(tensor["bits"]), "words": _words(tensor)["after"],
         "why not": _why(tensor), "in layer": tensor["short_in"]}
        for tensor in run["tensors"] if not tensor["steps"]
    ]  # fmt: skip
    title = f"tensors that do not stay in {run['level']}, and their words to and from the outermost level"
    table = Table.of(rows, left=frozenset({"tensor", "why not", "in layer"}), title=title)
    return table if any(tensor["short_in"] for tensor in run["tensors"]) else table.only(table.columns[:-1])


def _why(tensor: Mapping[str, Any]) -> str:
    """The reason in few words: they are never cut, as names may be."""
    if tensor["short_bits"]:
        room = f"{-(-tensor['short_bits'] // 8192)} KiB"
        return f"{room} short" if tensor["short_in"] else f"{room} too large"
    return str(tensor["why_not"]).removeprefix("it ")


def _words(tensor: Mapping[str, Any]) -> dict[str, str]:
    before = tensor["words_before"]
    return {"words before": "-" if before is None else _count(before), "after": _count(tensor["words_after"])}


def _count(words: float) -> str:
    return si(words, "").rstrip() if words else "0"


def _where(tensor: Mapping[str, Any]) -> str:
    """First and last step at home; where several levels keep tensors, in each of them."""
    levels = tensor.get("levels", {})
    return (
        ", ".join(f"{level} {_span(steps)}" for level, steps in levels.items())
        if len(levels) > 1
        else (_span(tensor["steps"]))
    )


def _span(steps: list[str]) -> str:
    return steps[0] if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"


def residency_text(plain: Mapping[str, Any], run: Residency) -> str:
    """What stays, what does not, what that saves, and the proof."""
    tables = [table.to_text() for table in (kept_table(plain), left_table(plain)) if table.rows]
    return "\n\n".join([*tables, kept_line(plain), fold(residency_proof_line(run), hang="  ")])


def kept_line(plain: Mapping[str, Any]) -> str:
    """How many tensors stay, and energy, latency and words with and without that."""
    run = plain["residency"]
    tensors, before = run["tensors"], run["before"]
    kept = sum(bool(tensor["steps"]) for tensor in tensors)
    if before is None:
        return f"{_keep(run)} {kept} of {len(tensors)} tensors, as the file says"
    words = [sum(tensor[key] for tensor in tensors) for key in ("words_before", "words_after")]
    clock_hz = plain["cycles"] / plain["latency_s"]
    edp: tuple[float, float] = (edp_js(before["energy_pj"], before["cycles"] / clock_hz), plain["edp_js"])
    parts = [
        f"energy {_change(before['energy_pj'], plain['energy_pj'], energy)}",
        f"latency {_change(before['cycles'] / clock_hz, plain['latency_s'], duration)}",
        f"EDP {_change(*edp, lambda value: si(value, 'J·s'))}",
        f"words of tensors to and from the outermost level {_change(words[0], words[1], _count)}",
    ]
    return f"{_keep(run)} {kept} of {len(tensors)} tensors:\n  " + "\n  ".join(parts)


def _keep(run: Mapping[str, Any]) -> str:
    return f"{run['level']} {'keep' if len(run.get('levels', ())) > 1 else 'keeps'}"


def _change(before: float, after: float, text: Callable[[float], str]) -> str:
    change = f" ({_percent(after / before)})" if before else ""
    return f"{text(before)} to {text(after)}{change}"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def residency_proof_line(run: Residency) -> str:
    """The certificate in words."""
    proof = run.certificate
    if proof is None:
        return "proof: none, this run was given"
    what = {"edp": "energy-delay product"}.get(proof.objective, proof.objective)
    exact = proof.gap <= 1e-9
    claim = "none has a lower" if exact else f"none is more than {100 * proof.gap:.2f} % better in"
    order = "the file's order" if proof.orders == 1 else f"{proof.orders} orders of branches that were tried"
    levels = " and ".join(proof.levels) or run.setting.named
    rounds = "1 round" if proof.rounds == 1 else f"{proof.rounds} rounds"
    return (
        f"proof: of all choices of tensors in {levels} and of mappings in the room that is left, in {order}, "
        f"{claim} {what}: {_figure(proof, proof.value)} found, {_figure(proof, proof.lower_bound)} or more for any "
        f"other, by {proof.calls} searches of {proof.distinct} distinct layers, {proof.columns} ways to run them, "
        f"{rounds}{_other_orders(proof)}"
    )


def _other_orders(proof: ResidencyCertificate) -> str:
    """What orders of branches that were not tried may save at most, where that is known."""
    if proof.order_gap is None:
        return ""
    most = "nothing" if proof.order_gap <= 1e-9 else f"at most {100 * proof.order_gap:.2f} %"
    return f"; any other order of branches saves {most}"


def _figure(proof: ResidencyCertificate, value: float) -> str:
    """A value of the objective: of the product, in the units that it is searched in."""
    if proof.objective == "energy":
        return energy(value)
    return f"{whole(value)} cycles" if proof.objective == "latency" else f"{value:.6g} pJ x cycles"


def on_chip(network: Mapping[str, Any]) -> str:
    """Which tensors of a design's network stay on chip, what that changes, and which large ones lack room.

    Parameters
    ----------
    network : mapping
        One of a card's networks, see `dse.report.cards.card.card_of`.

    Examples
    --------
    >>> tensors = [{"name": "a", "bits": 8192, "steps": ["a", "b"], "words_before": 900, "words_after": 0},
    ...            {"name": "b", "bits": 81920, "steps": [], "words_before": 300, "words_after": 300,
    ...             "why_not": "6 KiB short in c", "short_bits": 49152, "short_in": "c"}]
    >>> run = {"level": "GLB", "tensors": tensors, "before": {"energy_pj": 4e6, "cycles": 10}}
    >>> print(on_chip({"residency": run, "energy_pj": 3e6, "cycles": 9}))
    on chip: GLB keeps 1 of 2 tensors: a
      that changes energy by -25.0 %, latency by -10.0 %, their words to and from
      the outermost level by -75.0 %
      the largest that lack room: b (10 KiB, 6 KiB short in c)
    """
    run = network["residency"]
    tensors, before = run["tensors"], run["before"]
    kept = [tensor["name"] for tensor in tensors if tensor["steps"]]
    named = f": {', '.join(kept)}" if kept else ""
    lines = [f"on chip: {_keep(run)} {len(kept)} of {len(tensors)} tensors{named}"]
    if kept and before is not None:
        changes = [f"energy by {_percent(network['energy_pj'] / before['energy_pj'])}"]
        if "cycles" in network:
            changes.append(f"latency by {_percent(network['cycles'] / before['cycles'])}")
        was, now = (sum(tensor[key] or 0 for tensor in tensors) for key in ("words_before", "words_after"))
        changes.append(f"their words to and from the outermost level by {_percent(now / was)}" if was else "")
        lines.append(f"  that changes {', '.join(filter(None, changes))}")
    short = sorted((one for one in tensors if one.get("short_bits")), key=lambda one: -one["bits"])
    if short:
        told = [f"{one['name']} ({capacity(one['bits'])}, {one['why_not']})" for one in short[:LARGEST]]
        more = f" and {len(short) - LARGEST} more" if len(short) > LARGEST else ""
        lines.append(f"  the largest that lack room: {', '.join(told)}{more}")
    elif len(kept) < len(tensors):
        lines.append("  none of the others lacks room: they leave the network, are read once, or would save nothing")
    return "\n".join(fold(line, hang="  ") for line in lines)
