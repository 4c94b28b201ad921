"""Tensors on chip in the terminal: what stays, what that saves, why others do not stay, and the proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dse.model.cost import edp_js
from dse.report.table import Table
from dse.report.units import capacity, duration, energy, si, whole

if TYPE_CHECKING:
    from dse.mapper import Residency


def residency_table(plain: Mapping[str, Any]) -> Table:
    """One row for each tensor of a network: when it is on chip, its words to the outermost level, or why it is not.

    Parameters
    ----------
    plain : mapping
        What `MappedWorkload.to_dict()` gives for a run with tensors on chip.
    """
    run = plain["residency"]
    rows = [
        {
            "tensor": tensor["name"],
            "size": capacity(tensor["bits"]),
            f"in {run['level']}": _span(tensor["steps"]),
            "words before": "-" if tensor["words_before"] is None else whole(tensor["words_before"]),
            "after": whole(tensor["words_after"]),
            "why not": tensor["why_not"],
        }
        for tensor in run["tensors"]
    ]
    left = frozenset({"tensor", f"in {run['level']}", "why not"})
    note = "words before, after: of the tensor, across the edge of the outermost level; with nothing on chip, and now"
    return Table.of(rows, left=left, title=f"tensors of {plain['workload']} in {run['level']}", note=note)


def _span(steps: list[str]) -> str:
    if not steps:
        return "-"
    return steps[0] if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"


def kept_line(plain: Mapping[str, Any]) -> str:
    """How many tensors stay, and energy, latency and words with and without that."""
    run = plain["residency"]
    tensors, before = run["tensors"], run["before"]
    kept = sum(bool(tensor["steps"]) for tensor in tensors)
    if before is None:
        return f"{run['level']} keeps {kept} of {len(tensors)} tensors, as the file says"
    words = [sum(tensor[key] for tensor in tensors) for key in ("words_before", "words_after")]
    clock_hz = plain["cycles"] / plain["latency_s"]
    edp: tuple[float, float] = (edp_js(before["energy_pj"], before["cycles"] / clock_hz), plain["edp_js"])
    parts = [
        f"energy {_change(before['energy_pj'], plain['energy_pj'], energy)}",
        f"latency {_change(before['cycles'] / clock_hz, plain['latency_s'], duration)}",
        f"EDP {_change(*edp, lambda value: si(value, 'J·s'))}",
        f"words of tensors to and from the outermost level {_change(words[0], words[1], whole)}",
    ]
    return f"{run['level']} keeps {kept} of {len(tensors)} tensors:\n  " + "\n  ".join(parts)


def _change(before: float, after: float, text: Callable[[float], str]) -> str:
    change = f" ({after / before - 1:+.1%})" if before else ""
    return f"{text(before)} to {text(after)}{change}"


def residency_proof_line(run: Residency) -> str:
    """The certificate in words."""
    proof = run.certificate
    if proof is None:
        return "proof: none, this run was given"
    what = {"edp": "energy-delay product"}.get(proof.objective, proof.objective)
    exact = proof.gap <= 1e-9
    claim = "none has a lower" if exact else f"none is more than {proof.gap:.2%} better in"
    order = "the file's order" if proof.orders == 1 else f"{proof.orders} orders of branches that were tried"
    levels = " or ".join(proof.levels) or run.setting.level
    return (
        f"proof: of all choices of tensors in {levels} and of mappings in the room that is left, in {order},\n"
        f"{claim} {what}: {proof.calls} searches of {proof.distinct} distinct layers, "
        f"{proof.columns} columns, {proof.rounds} rounds,\n"
        f"lower bound {proof.lower_bound:.6g}, found {proof.value:.6g}"
    )
