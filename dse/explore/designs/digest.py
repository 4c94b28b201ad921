"""What tells architectures apart that map in different ways."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture


def mapping_digest(architecture: Architecture) -> str:
    """Hash of what decides how layers map on an architecture and what they cost: all of it but its areas."""
    from dse.formats.architecture.load import canonical

    return sha256(json.dumps(_without_area(canonical(architecture)), sort_keys=True).encode()).hexdigest()


def _without_area(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _without_area(value) for key, value in plain.items() if not key.endswith("area_mm2")}
    return [_without_area(value) for value in plain] if isinstance(plain, list) else plain
