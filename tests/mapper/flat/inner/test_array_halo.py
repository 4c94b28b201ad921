"""Words on an axis between the array and its parent, held against sets of the words that children hold."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest

from dse.mapper.flat.inner.halo import AGAIN_FILL, AGAIN_UP, FETCHED, FILL, OVER_A, OVER_B, halo_words
from dse.mapper.flat.instance import INSTANCE, record
from dse.mapper.flat.run import new_configuration, new_work
from dse.mapper.shared.mapspace.factors import ceil_div
from dse.model.counting.records import NONE, WORD
from dse.problem.dims import P, Q


def drawn(rng: Random, a: int, mode: int, in_pe: int) -> tuple[Any, Any]:
    """A problem with one axis, and an array configuration of it."""
    bounds, window = np.ones(8, dtype=np.int64), np.ones(4, dtype=np.int64)
    config = new_configuration()
    for d, most in ((a, 9), (a + 2, 5)):
        bounds[d] = rng.randint(1, most)
        config.f[d] = rng.randint(1, bounds[d])
        config.spread[d] = rng.randint(1, 3)
        config.passes[d] = ceil_div(bounds[d], config.f[d] * config.spread[d])
    window[2 * (a - P) :][:2] = rng.randint(1, 3), rng.randint(1, 2)
    fields = {"bounds": bounds, "window": window, "in_pe": [in_pe, 1, 1], "place": [0, 1, 2, 3]}
    return record(INSTANCE, {**fields, "multicast": [WORD, WORD, mode, WORD]}), config


def held(inst: Any, config: Any, a: int, at: dict[int, int]) -> list[set[int]]:
    """The words that each child holds at a position of both dims' passes, its box whole."""
    stride, dilation = inst.window[2 * (a - P) :][:2]
    boxes = []
    for children in product(*(range(config.spread[d]) for d in (a, a + 2))):
        start, size = {}, {}
        for d, child in zip((a, a + 2), children, strict=True):
            start[d] = (at[d] * config.spread[d] + child) * config.f[d]
            size[d] = min(config.f[d], inst.bounds[d] - start[d])
        if min(size.values()) <= 0:
            boxes.append(set())
            continue
        first = start[a] * stride + start[a + 2] * dilation
        boxes.append(set(range(first, first + (size[a] - 1) * stride + (size[a + 2] - 1) * dilation + 1)))
    return boxes


def walked(inst: Any, config: Any, a: int, slide: int, mode: int) -> tuple[int, int]:
    """Words that the parent reads and that arrive, with every pass of both dims stepped through."""
    run = a if slide == OVER_A else a + 2
    other = 2 * a + 2 - run
    up = fill = 0
    for step in range(config.passes[other]):
        before: list[set[int]] = []
        for place in range(config.passes[run]):
            boxes = held(inst, config, a, {run: place, other: step})
            new = [box - old for box, old in zip(boxes, before, strict=True)] if before else boxes
            arrive = sum(len(words) for words in new)
            up += arrive if mode == NONE else len(set().union(*new))
            fill += arrive
            before = boxes if slide != FETCHED else []
    return up, fill


def counted(inst: Any, config: Any, a: int) -> Any:
    out = np.full(10, np.nan)
    longest = int(inst.bounds.max()) + 1
    children = int(config.spread[a] * config.spread[a + 2])
    span, offset = np.zeros((2, longest, 3), dtype=np.int64), np.zeros((4, children + 1), dtype=np.int64)
    halo_words(inst, new_work(), config, a, span, offset, out)
    return out


@pytest.mark.parametrize("mode", [WORD, NONE])
@pytest.mark.parametrize("a", [P, Q])
def test_words_are_those_of_a_walk(a: int, mode: int) -> None:
    rng = Random(f"halo {a} {mode}")
    for _ in range(60):
        inst, config = drawn(rng, a, mode, 1)
        words = counted(inst, config, a)
        for slide in (FETCHED, OVER_A, OVER_B):
            case = f"{inst.bounds}, {inst.window}, {config.f}, {config.spread}, slide {slide}"
            assert (words[slide], words[FILL + slide]) == walked(inst, config, a, slide, mode), case


def test_a_new_start_moves_no_fewer_words() -> None:
    """And where a run has a single position, it starts anew nowhere."""
    rng = Random("anew")
    for _ in range(60):
        inst, config = drawn(rng, P, WORD, 1)
        words = counted(inst, config, P)
        for slide, dim in ((OVER_A, P), (OVER_B, P + 2)):
            assert words[AGAIN_UP + slide] >= 0
            assert words[AGAIN_FILL + slide] >= 0
            if config.passes[dim] == 1:
                assert words[AGAIN_UP + slide] == words[AGAIN_FILL + slide] == 0


def test_macs_fetch_at_every_step() -> None:
    """Without a level in the PEs nothing slides, and what arrives is a word per pair of indices."""
    rng = Random("MACs")
    for _ in range(30):
        inst, config = drawn(rng, Q, NONE, 0)
        words = counted(inst, config, Q)
        assert words[FILL] == inst.bounds[Q] * inst.bounds[Q + 2]
        assert words[:3].tolist() == [words[0]] * 3
        assert words[AGAIN_UP + OVER_A :].tolist() == [0.0] * 4
