"""The numbers of designs where several runs of a sweep made its record: one number a design, one design a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from dse.explore.outcomes.evaluation import Evaluation

Key = tuple[tuple[str, Any], ...]


def numbered(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The same evaluations, each with the number of its design.

    A design that only the proof solved has another number once a longer run explores it: the smaller one counts. Where
    two designs have one number, as in records of several seeds joined, the first keeps it.

    Examples
    --------
    >>> from dse.explore.outcomes.evaluation import Outcome
    >>> def evaluation(kind, number, rows):
    ...     return Evaluation(f"{kind}{rows}", "s", kind, number, {"rows": rows}, Outcome("ok"))
    >>> made = [evaluation("exact", 1_000_007, 12), evaluation("explore", 5, 12), evaluation("explore", 5, 14)]
    >>> [(one.parameters["rows"], one.number) for one in numbered(made)]
    [(12, 5), (12, 5), (14, 6)]
    """
    evaluations = list(evaluations)
    keys = [key_of(one) for one in evaluations]
    numbers: dict[Key, int] = {}
    for key, one in zip(keys, evaluations, strict=True):
        numbers[key] = min(one.number, numbers.get(key, one.number))
    owners: dict[int, Key] = {}
    free = max(numbers.values(), default=0) + 1
    for key, number in numbers.items():
        if owners.setdefault(number, key) != key:
            numbers[key], free = free, free + 1
    return [
        one if one.number == numbers[key] else replace(one, number=numbers[key])
        for key, one in zip(keys, evaluations, strict=True)
    ]


def with_held(shown: Iterable[Evaluation], held: Sequence[Evaluation]) -> list[Evaluation]:
    """What a run has found, and what the record holds from runs before: a resumed one shows no less than is known.

    Of what both have, that of this run counts.

    Examples
    --------
    >>> from dse.explore.outcomes.evaluation import Outcome
    >>> first, second = (Evaluation(f"id{n}", "s", "explore", n, {"rows": n}, Outcome("ok")) for n in (0, 1))
    >>> [one.number for one in with_held([first], (first, second))]
    [0, 1]
    """
    shown = list(shown)
    if not held:
        return shown
    have = {(one.kind, key_of(one)) for one in shown}
    return numbered([*shown, *(one for one in held if (one.kind, key_of(one)) not in have)])


def key_of(evaluation: Evaluation) -> Key:
    """Equal for evaluations of one design.

    Examples
    --------
    >>> from dse.explore.outcomes.evaluation import Outcome
    >>> key_of(Evaluation("id", "sweep", "explore", 3, {"rows": 12, "cols": 14}, Outcome("ok")))
    (('cols', 14), ('rows', 12))
    """
    return tuple(sorted(evaluation.parameters.items()))
