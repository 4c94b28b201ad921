"""The identity of an evaluation: a hash of everything that affects its result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

MODEL_VERSION = 6
"""Raised whenever the cost model or the mapper gives another result for the same input."""


def identity_text(
    architecture: Mapping[str, Any], workloads: Iterable[Iterable[tuple[Any, int]]], settings: Mapping[str, Any]
) -> str:
    """The text that `identity` hashes; when two identities differ, comparing their texts says why.

    Parameters
    ----------
    architecture : mapping
        Plain data with every number resolved (`dse.formats.architecture.load.canonical`).
    workloads : iterable of workloads
        Each as pairs of a layer's `shape_key()` and how often it occurs; names and order change no result.
    settings : mapping
        The mapper's: objective, gap, factors.

    Returns
    -------
    str
        JSON with sorted keys and no spaces.

    Examples
    --------
    >>> identity_text({"rows": 12}, [[((2, 4), 3)]], {"gap": 0.0}).replace(f'"model":{MODEL_VERSION},', "")
    '{"architecture":{"rows":12},"settings":{"gap":0.0},"workloads":[[[[2,4],3]]]}'
    """
    plain = {
        "model": MODEL_VERSION,
        "architecture": dict(architecture),
        "workloads": [sorted(([_plain(key), count] for key, count in layers), key=json.dumps) for layers in workloads],
        "settings": dict(settings),
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity(
    architecture: Mapping[str, Any], workloads: Iterable[Iterable[tuple[Any, int]]], settings: Mapping[str, Any]
) -> str:
    """Hexadecimal sha256 of `identity_text`.

    Examples
    --------
    >>> len(identity({"rows": 12}, [], {})), identity({"rows": 12}, [], {}) == identity({"rows": 14}, [], {})
    (64, False)
    """
    return sha256(identity_text(architecture, workloads, settings).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
