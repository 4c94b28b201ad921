"""Einstein sums as products of matrices, whichever tool wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

from dse.errors import DseError
from dse.formats.graph.graph import Graph, Value, contraction
from dse.problem.shapes import Shape, spelled

Made = tuple[str, Shape]
"""The name of an operation and the shape that it makes."""

MOST_OPERANDS = 8
"""Operands of a sum whose pairings are all tried: 8 have 1.6 million."""


def einsum(graph: Graph, name: str, equation: str, values: Sequence[Value]) -> Made:
    """An Einstein sum of one operand, of two, or of several as its cheapest pairing.

    Two operands that share no index that is summed over are multiplied without MACs.

    Raises
    ------
    DseError
        An equation that does not fit the operands, or with more operands than are paired here.
    """
    terms, result, sizes = _parsed(equation, values)
    out = tuple(sizes[index] for index in result)
    if len(values) == 1:
        return graph.plain(name, "einsum", values, out), out
    if len(values) > MOST_OPERANDS:
        raise DseError(f"{equation!r} multiplies {len(values)} tensors; at most {MOST_OPERANDS} are paired here")
    parts = list(zip(values, terms, strict=True))
    while len(parts) > 2:
        i, j = _first_pair([set(term) for _, term in parts], set(result), sizes)
        (left, first), (right, second) = parts[i], parts[j]
        rest = [part for at, part in enumerate(parts) if at not in (i, j)]
        kept = [index for index in dict.fromkeys([*first, *second]) if index in _needed(rest, result)]
        made, shape = _pair(graph, name, (left, right), (first, second), kept, sizes)
        parts = [*rest[:i], (Value(shape, made), kept), *rest[i:]]
    (left, first), (right, second) = parts
    return _pair(graph, name, (left, right), (first, second), result, sizes)


def _pair(
    graph: Graph, name: str, values: tuple[Value, Value], terms: tuple[list[str], list[str]], result: list[str],
    sizes: dict[str, int],
) -> Made:  # fmt: skip
    """The sum of two operands."""
    out = tuple(sizes[index] for index in result)
    if not (set(terms[0]) & set(terms[1])) - set(result):
        return graph.plain(name, "einsum", values, out, {"multiply": None}), out
    product, operands = contraction(values, terms, set(result))
    return graph.product(name, operands, product, out), out


def _needed(rest: list[tuple[Value, list[str]]], result: Sequence[str]) -> set[str]:
    """Indices that something after a pair still reads."""
    return {*result, *(index for _, term in rest for index in term)}


def _first_pair(terms: list[set[str]], result: set[str], sizes: dict[str, int]) -> tuple[int, int]:
    """The pair with which the pairing of fewest multiplications begins."""
    return _cheapest(tuple(map(frozenset, terms)), result, sizes, {})[1]


def _cheapest(
    terms: tuple[frozenset[str], ...], result: set[str], sizes: dict[str, int],
    known: dict[tuple[frozenset[str], ...], tuple[int, tuple[int, int]]],
) -> tuple[int, tuple[int, int]]:  # fmt: skip
    """The fewest multiplications of a sum, and the pair that comes first in them."""
    if len(terms) == 1:
        return 0, (0, 0)
    if terms not in known:
        options = []
        for i, j in combinations(range(len(terms)), 2):
            both = terms[i] | terms[j]
            rest = tuple(term for at, term in enumerate(terms) if at not in (i, j))
            kept = both & result.union(*rest)
            own = prod(sizes[index] for index in both)
            options.append((own + _cheapest((*rest, frozenset(kept)), result, sizes, known)[0], (i, j)))
        known[terms] = min(options)
    return known[terms]


def _parsed(equation: str, values: Sequence[Value]) -> tuple[list[list[str]], list[str], dict[str, int]]:
    """The indices of each operand and of the result, and their sizes; `...` stands for leading axes, aligned right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    written = left.split(",")
    if len(written) != len(values):
        raise DseError(f"{equation!r} names {len(written)} operands, there are {len(values)}")
    terms = []
    for term, value in zip(written, values, strict=True):
        before, dots, after = term.partition("...")
        count = len(value.sizes) - len(before) - len(after) if dots else 0
        terms.append([*before, *(f"...{axis}" for axis in range(count, 0, -1)), *after])
        if len(terms[-1]) != len(value.sizes):
            raise DseError(f"{term!r} does not name the axes of {spelled(value.sizes)}")
    sizes: dict[str, int] = {}
    for own, value in zip(terms, values, strict=True):
        for index, size in zip(own, value.sizes, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    spread = sorted((index for index in sizes if len(index) > 1), key=lambda index: -int(index[3:]))
    if arrow:
        before, dots, after = right.partition("...")
        result = [*before, *(spread if dots else ()), *after]
    else:
        once = [index for index in sizes if len(index) == 1 and sum(term.count(index) for term in terms) == 1]
        result = [*spread, *sorted(once)]
    if any(index not in sizes for index in result):
        raise DseError(f"{equation!r} keeps an index that no operand has")
    return terms, result, sizes
