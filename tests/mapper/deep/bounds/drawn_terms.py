"""Random sums of products over a few splits of each axis, and what an assignment of splits costs."""

from __future__ import annotations

from math import exp, inf, log
from random import Random

import numpy as np

from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, OF_ENERGY, OF_TIME, Alive, Terms

AXES = 6


def drawn(seed: int) -> tuple[Terms, tuple[np.ndarray, ...]]:
    """Terms with groups and one limit, and the factors of two or three splits per axis."""
    rng = Random(f"dual {seed}")
    tables = tuple(
        np.array([[1.0] * n, *([rng.choice((1.0, 1.5, 2.0, 4.0, 7.0)) for _ in range(n)] for _ in range(3))])
        for n in (rng.randint(1, 3) for _ in range(AXES))
    )
    size = rng.randint(4, 9)
    first = np.array([[rng.randint(0, 3) for _ in range(AXES)] for _ in range(size)])
    second = np.array([[rng.choice((0, 0, 1)) for _ in range(AXES)] for _ in range(size)])
    block = np.array([OF_ENERGY, OF_TIME, OF_TIME, FIRST_LIMIT, *(rng.randint(0, 2) for _ in range(size - 4))])
    group = np.where((block == OF_TIME) & (np.arange(size) > 1), np.arange(size) % 2, -1)
    logs = np.log([rng.uniform(0.5, 20.0) for _ in range(size)])
    limits = np.array([0.0, 0.0, log(rng.uniform(20.0, 4000.0))])
    fixed = np.array([*rng.choice(((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))), -1.0])
    return Terms(first, second, logs, block, group, limits, fixed, 2, np.tile([1.0, 0.0], (size, 1))), tables


def objective(terms: Terms, tables: tuple[np.ndarray, ...], splits: tuple[int, ...]) -> float:
    """The logarithm of what an assignment costs; infinite past the limit."""
    sums, groups = np.zeros(3), np.zeros((3, 2))
    for t in range(len(terms.logs)):
        value = exp(terms.logs[t])
        for a, split in enumerate(splits):
            value *= tables[a][terms.first[t, a], split] * tables[a][terms.second[t, a], split]
        if terms.group[t] < 0:
            sums[terms.block[t]] += value
        else:
            groups[terms.block[t], terms.group[t]] += value
    sums += groups.max(axis=1)
    if log(sums[FIRST_LIMIT]) > terms.limits[FIRST_LIMIT]:
        return inf
    return float(sum(weight * log(x) for weight, x in zip(terms.fixed[:2], sums[:2], strict=True) if weight > 0))


def all_alive(tables: tuple[np.ndarray, ...]) -> Alive:
    """Every split of every axis."""
    sizes = [len(table[0]) for table in tables]
    end = np.cumsum(sizes)
    return Alive(np.concatenate([np.arange(n) for n in sizes]), end - sizes, end.copy(), np.zeros(end[-1]))


def even_weights(terms: Terms) -> np.ndarray:
    """Weights of the objective, the same for all terms of a block."""
    weights = np.zeros(len(terms.logs))
    for b in (OF_ENERGY, OF_TIME):
        mine = terms.block == b
        weights[mine] = terms.fixed[b] / max(1, mine.sum())
    return weights
