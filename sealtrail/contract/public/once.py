"""Keys of JSON objects count once: of two equal ones no parser can know which is meant."""

from __future__ import annotations

from typing import Any

from sealtrail.contract.errors import RefusedError


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An ``object_pairs_hook`` for `json.loads`; raises `RefusedError` named ``duplicate_key``."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError("duplicate_key", f"{twice[:64]!r} stands twice in one object")
    return found
