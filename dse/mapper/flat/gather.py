"""The problems of a layer on an architecture: an instance for every choice of bypasses, remembered."""

from __future__ import annotations

from dataclasses import replace

from dse.architecture.architecture import Architecture
from dse.architecture.remembered import Remembered
from dse.errors import DseError
from dse.mapper.flat.build import build
from dse.mapper.flat.instance import BUFFER, Instance, Roles
from dse.mapper.flat.outer.words import fits
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import Prices, price
from dse.model.room import ways
from dse.problem.dims import PSUM
from dse.problem.layer import Layer


def instances_of(
    architecture: Architecture, layer: Layer, prices: Prices | None = None
) -> tuple[list[dict[int, frozenset[str]]], list[Instance]]:
    """The bypass choices of an architecture, those that have further problems again behind; a layer on each.

    Examples
    --------
    >>> import dse
    >>> choices, problems = instances_of(dse.load_architecture("eyeriss"), dse.Layer("line", K=2, P=4, R=3))
    >>> len(problems), sorted(choices[0][1])  # one choice: weights bypass the buffer
    (1, ['ifmap', 'psum'])
    """
    own = price(architecture, layer)
    if prices is not None and prices is not own:
        return _instances_of(architecture, layer, prices)
    choices, instances = _INSTANCES.of(architecture, layer, lambda: _instances_of(architecture, layer, own))
    return list(choices), [instance.copy() for instance in instances]


_INSTANCES: Remembered[tuple[list[dict[int, frozenset[str]]], list[Instance]]] = Remembered(256)
"""Layers on architectures as numbers, a few kilobytes each."""


def _instances_of(
    architecture: Architecture, layer: Layer, prices: Prices
) -> tuple[list[dict[int, frozenset[str]]], list[Instance]]:
    roles = Roles.of(architecture)
    _, alike = _PRICED.of(architecture, id(prices), lambda: (prices, _priced_ways(architecture, layer, prices)))
    problems = [(way, kept, own) for way, own in alike for kept in bypass_choices(architecture)]
    choices = [kept for _, kept, _ in problems]
    if architecture.levels[0].only_finished and layer.finishes_narrower:
        if roles.buffer >= 0 and any("psum" in kept[roles.buffer] for kept in choices):
            raise DseError(f"{architecture.name}: only the buffer's psums can be told apart, not the outermost level's")
        return choices, [build(way, layer, roles, kept, own, only_finished=True) for way, kept, own in problems]
    instances = [build(way, layer, roles, kept, own) for way, kept, own in problems]
    for (way, kept, own), instance in zip(problems, tuple(instances), strict=True):
        if _has_more_room(instance, layer):
            choices.append(kept)
            instances.append(build(way, layer, roles, kept, own, only_finished=True))
    return choices, instances


Priced = list[tuple[Architecture, Prices]]
"""The ways in which an architecture's room may be used, and their prices."""

_PRICED: Remembered[tuple[Prices, Priced]] = Remembered(256)
"""By the identity of prices, which are kept with them."""


def _priced_ways(architecture: Architecture, layer: Layer, prices: Prices) -> Priced:
    return [(way, prices if way is architecture else replace(prices, buffering=price(way, layer).buffering))
            for way in ways(architecture)]  # fmt: skip


def _has_more_room(instance: Instance, layer: Layer) -> bool:
    """Whether tiles that do not fit the buffer would if all psums that come to it were finished."""
    if instance.place[BUFFER] < 0 or not instance.in_buffer[PSUM] or not layer.finishes_narrower:
        return False
    return not fits(instance, instance.bounds, instance.in_buffer, instance.buffer_bits)
