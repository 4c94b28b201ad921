"""The identity of an evaluation: a hash of everything that affects its result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

MODEL_VERSION = 8
"""Raised whenever the cost model or the mapper gives another result for the same input."""


def networks_text(workloads: Iterable[Iterable[tuple[Any, int]]]) -> str:
    """The text that stands for networks in identities; a sweep makes it once for all of its designs.

    Parameters
    ----------
    workloads : iterable of workloads
        Each as pairs of a layer's `shape_key()` and how often it occurs; names and order change no result.

    Examples
    --------
    >>> networks_text([[((2, 4), 3), ((1, 4), 1)]])
    '[[[[1,4],1],[[2,4],3]]]'
    """
    return _dumped([sorted(([_plain(key), count] for key, count in layers), key=json.dumps) for layers in workloads])


def identity_text(architecture: Mapping[str, Any], networks: str, settings: Mapping[str, Any]) -> str:
    """The text that `identity` hashes; when two identities differ, comparing their texts says why.

    Parameters
    ----------
    architecture : mapping
        Plain data with every number resolved (`dse.architecture.canonical.canonical`).
    networks : str
        As `networks_text` gives it.
    settings : mapping
        The mapper's: objective, gap, factors.

    Returns
    -------
    str
        JSON with sorted keys and no spaces.

    Examples
    --------
    >>> text = identity_text({"rows": 12}, networks_text([[((2, 4), 3)]]), {"gap": 0.0})
    >>> text.replace(f'"model":{MODEL_VERSION},', "")
    '{"architecture":{"rows":12},"settings":{"gap":0.0},"workloads":[[[[2,4],3]]]}'
    """
    parts = {
        "architecture": _dumped(dict(architecture)), "model": _dumped(MODEL_VERSION),
        "settings": _dumped(dict(settings)), "workloads": networks,
    }  # fmt: skip
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"


def identity(architecture: Mapping[str, Any], networks: str, settings: Mapping[str, Any]) -> str:
    """Hexadecimal sha256 of `identity_text`.

    Examples
    --------
    >>> len(identity({"rows": 12}, "[]", {})), identity({"rows": 12}, "[]", {}) == identity({"rows": 14}, "[]", {})
    (64, False)
    """
    return sha256(identity_text(architecture, networks, settings).encode()).hexdigest()


def _dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
